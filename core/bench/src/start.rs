//! How soon a server that was not running does what it is told, and what it needs then.

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use serde::Serialize;
use serde_json::json;

use crate::{
    BenchError,
    http::Client,
    measure::{Waits, rounded},
    recovery::Server,
    work,
};

/// Figures of one kind of start.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// What was there before the start, and what was not.
    pub what: String,
    /// Starts.
    pub runs: usize,
    /// From the start of the process until it listened, at the median.
    pub listening_ms: f64,
    /// From the start of the process to the answer of the first durable command, at the median.
    pub first_command_ms: f64,
    /// The slowest first command.
    pub first_command_max_ms: f64,
    /// From the start of a process of the same binary that says its version to its end, at the
    /// median: less is not to be had.
    pub raw_process_ms: f64,
    /// Ours over that.
    pub ratio: f64,
    /// From asking a package's component for the first time to its answer, over HTTP, at the median of all
    /// packages: compiling it, or taking what was compiled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_verdict_ms: Option<f64>,
    /// The most memory in use after all of this, in MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rss_mib: Option<f64>,
    /// The access token that the last start took.
    #[serde(skip)]
    pub token: Option<String>,
}

/// One start: the command, and a token where one is kept already.
pub struct Start {
    /// Serves, and says so as JSON.
    pub command: Command,
    /// The access token; absent where the server is to make one.
    pub token: Option<String>,
}

/// Starts a server again and again, gives it one command each time, asks the components of the provinces
/// and kills it; `prepare` makes the place ready for the n-th start and is not measured.
///
/// # Errors
/// When the server does not start or refuses the command.
pub async fn run(
    what: &str,
    runs: usize,
    provinces: &[&str],
    prepare: impl Fn(usize) -> Result<Start, BenchError>,
) -> Result<Report, BenchError> {
    let (mut listening, mut first, mut bare) =
        (Waits::default(), Waits::default(), Waits::default());
    let mut verdicts = Waits::default();
    let mut report = Report {
        what: what.to_owned(),
        runs,
        ..Report::default()
    };
    for n in 0..runs {
        let Start { command, token } = prepare(n)?;
        let mut raw = Command::new(command.get_program());
        raw.arg("--version").stdout(Stdio::null());
        let started = Instant::now();
        raw.stdin(Stdio::null()).status()?;
        bare.push(started.elapsed());
        let started = Instant::now();
        let server = Server::start(command)?;
        let token = server.token.clone().or(token);
        let token = token.ok_or_else(|| BenchError::Server("showed no token".to_owned()))?;
        let mut client = Client::connect(server.address, &token).await?;
        let code = format!("START-{}", uuid::Uuid::now_v7());
        let create = serde_json::to_string(&work::create(code))?;
        let (status, body) = client.post("/api/v1/projects", &create).await?;
        if status >= 300 {
            let body = String::from_utf8_lossy(&body).into_owned();
            return Err(BenchError::Server(format!("answered {status}: {body}")));
        }
        first.push(started.elapsed());
        listening.push(server.started_in);
        for province in provinces {
            verdicts.push(ask(&mut client, province).await?);
        }
        if let Some(usage) = server.usage() {
            let mib = rounded(usage.rss_kib as f64 / 1024.0);
            report.rss_mib = Some(report.rss_mib.map_or(mib, |most: f64| most.max(mib)));
        }
        server.kill()?;
        report.token = Some(token);
    }
    let asked = !provinces.is_empty();
    report.first_verdict_ms = asked.then(|| rounded(verdicts.percentile_ms(50)));
    report.listening_ms = rounded(listening.percentile_ms(50));
    report.first_command_ms = rounded(first.percentile_ms(50));
    report.first_command_max_ms = rounded(first.percentile_ms(100));
    report.raw_process_ms = rounded(bare.percentile_ms(50));
    report.ratio = rounded(report.first_command_ms / report.raw_process_ms.max(1e-9));
    Ok(report)
}

/// Opens a project of a province and leads it to where the component is first asked, about the budget;
/// returns how long that took. What the rules say to it does not matter here.
async fn ask(client: &mut Client, province: &str) -> Result<Duration, BenchError> {
    let code = format!("START-{}", uuid::Uuid::now_v7());
    let create = json!({"code": code, "name": "start", "province": province});
    client.post("/api/v1/projects", &create.to_string()).await?;
    let fire = format!("/api/v1/projects/{code}/fire");
    let day = "2026-03-02";
    for (event, facts) in [
        ("finish-survey", json!({"survey.finished": day})),
        ("approve-plan", json!({"plan.approved": day})),
    ] {
        let command = json!({"event": event, "facts": facts}).to_string();
        client.post(&fire, &command).await?;
    }
    let facts = json!({"budget.total": "100000", "budget.confirmed": day});
    let command = json!({"event": "confirm-budget", "facts": facts}).to_string();
    let asked = Instant::now();
    let (status, body) = client.post(&fire, &command).await?;
    if status >= 500 {
        let body = String::from_utf8_lossy(&body).into_owned();
        return Err(BenchError::Server(format!("answered {status}: {body}")));
    }
    Ok(asked.elapsed())
}
