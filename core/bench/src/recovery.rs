//! How soon a server works again after it was killed.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use liucheng_engine::Engine;
use serde::Serialize;
use tokio::task::JoinSet;

use crate::{
    BenchError,
    http::{self, Client},
    lifecycle::Commands,
    measure::{Usage, Waits, rounded},
    work::{self, STAGES},
};

/// Tasks that set the scene.
const HANDS: u64 = 64;
/// Clients while the server is killed.
const CLIENTS: usize = 16;

/// A server in a process of its own.
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// From its start until it listened.
    pub started_in: Duration,
    /// The access token that it made and showed, if there was none before.
    pub token: Option<String>,
}

impl Server {
    /// Starts a server that says `{"listening": "http://…"}` once it listens.
    ///
    /// # Errors
    /// When it ends before that.
    pub fn start(mut command: Command) -> Result<Self, BenchError> {
        let started = Instant::now();
        let mut child = command
            .stdout(Stdio::piped())
            .stdin(Stdio::null())
            .spawn()?;
        let output = child.stdout.take().map(BufReader::new);
        let lines = output.into_iter().flat_map(BufRead::lines);
        let mut token = None;
        for line in lines {
            let said: serde_json::Value = serde_json::from_str(&line?).unwrap_or_default();
            if let Some(shown) = said["token"].as_str() {
                token = Some(shown.to_owned());
            }
            let address = said["listening"]
                .as_str()
                .and_then(|url| url.trim_start_matches("http://").parse().ok());
            if let Some(address) = address {
                return Ok(Self {
                    child,
                    address,
                    started_in: started.elapsed(),
                    token,
                });
            }
        }
        child.wait()?;
        Err(BenchError::Server("ended before it listened".to_owned()))
    }

    /// What it has used so far.
    #[must_use]
    pub fn usage(&self) -> Option<Usage> {
        Usage::of(self.child.id())
    }

    /// Kills it as a power failure would.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn kill(mut self) -> Result<(), BenchError> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Figures of one run.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// The kind of database.
    pub what: String,
    /// Projects in flight.
    pub in_flight: u64,
    /// Kills.
    pub kills: usize,
    /// From the start of the process until it listened, at the median.
    pub listening_ms: f64,
    /// From the start of the process until the first command was durable, at the median.
    pub first_advance_ms: f64,
    /// The slowest first command.
    pub first_advance_max_ms: f64,
    /// Acknowledged transitions that were there after each kill.
    pub acknowledged_kept: usize,
    /// Acknowledged transitions that were not. Has to be zero.
    pub acknowledged_lost: usize,
    /// Memory after the first command, in MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rss_mib: Option<f64>,
}

/// Opens projects and takes them half-way.
///
/// # Errors
/// When the engine refuses.
pub async fn put_in_flight(engine: &Engine, count: u64) -> Result<(), BenchError> {
    let mut hands = JoinSet::new();
    for hand in 0..HANDS {
        let engine = engine.clone();
        hands.spawn(async move {
            let actor = work::actor();
            let today = engine.clock.now().date();
            for number in (hand..count).step_by(HANDS as usize) {
                let create = work::create(format!("FLIGHT-{number:07}"));
                let id = engine.create(&actor, create, None).await?.id;
                for stage in &STAGES[..2] {
                    engine
                        .fire(&actor, id, work::finish(stage, today), None)
                        .await?;
                }
            }
            Ok::<_, BenchError>(())
        });
    }
    while let Some(done) = hands.join_next().await {
        done??;
    }
    Ok(())
}

/// Kills the server under load, again and again, and waits for the first command after it.
///
/// # Errors
/// When the server does not start or refuses a command.
pub async fn run(
    what: &str,
    server: impl Fn() -> Command,
    token: &str,
    in_flight: u64,
    kills: usize,
) -> Result<Report, BenchError> {
    let today = today();
    let (mut listening, mut first) = (Waits::default(), Waits::default());
    let mut report = Report {
        what: what.to_owned(),
        in_flight,
        kills,
        ..Report::default()
    };
    for round in 0..kills {
        let running = Server::start(server())?;
        let load = tokio::spawn(load(running.address, token.to_owned(), round, today));
        tokio::time::sleep(Duration::from_millis(700)).await;
        running.kill()?;
        let acknowledged = load.await?;
        let started = Instant::now();
        let again = Server::start(server())?;
        let mut client = Client::connect(again.address, token).await?;
        // Each round another project, at the stage where it was left.
        let number = (round as u64).min(in_flight.saturating_sub(1));
        let command = serde_json::to_string(&work::finish(STAGES[2], today))?;
        let path = format!("/api/v1/projects/FLIGHT-{number:07}/fire");
        let (status, body) = client.post(&path, &command).await?;
        if status != 200 {
            let body = String::from_utf8_lossy(&body).into_owned();
            return Err(BenchError::Server(format!("answered {status}: {body}")));
        }
        first.push(started.elapsed());
        listening.push(again.started_in);
        report.rss_mib = again
            .usage()
            .map(|usage| rounded(usage.rss_kib as f64 / 1024.0));
        for (code, version) in acknowledged {
            let found = found(&mut client, &code).await?;
            if found >= version {
                report.acknowledged_kept += 1;
            } else {
                report.acknowledged_lost += 1;
            }
        }
        again.kill()?;
    }
    report.listening_ms = rounded(listening.percentile_ms(50));
    report.first_advance_ms = rounded(first.percentile_ms(50));
    report.first_advance_max_ms = rounded(first.percentile_ms(100));
    Ok(report)
}

/// Asks for the version of a project by a command that expects an impossible one.
async fn found(client: &mut Client, code: &str) -> Result<u64, BenchError> {
    let path = format!("/api/v1/projects/{code}/fire");
    let body = "{\"event\":\"finish-survey\",\"facts\":{},\"expected_version\":0}";
    let (_, answer) = client.post(&path, body).await?;
    let problem: serde_json::Value = serde_json::from_slice(&answer)?;
    // expected version 0, found N: changed by …
    let detail = problem["detail"].as_str().unwrap_or_default();
    let number = detail
        .split("found ")
        .nth(1)
        .and_then(|rest| rest.split([':', ',', ' ']).next())
        .and_then(|number| number.parse().ok());
    Ok(number.unwrap_or(0))
}

/// Opens and advances projects until the server is gone; returns the last acknowledged version of
/// each.
async fn load(
    address: SocketAddr,
    token: String,
    round: usize,
    today: chrono::NaiveDate,
) -> Vec<(String, u64)> {
    let script = Arc::new(Commands {
        run: format!("KILL{round}"),
        today,
    });
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let (script, token) = (Arc::clone(&script), token.clone());
        clients.spawn(async move { walk(address, &token, &*script, client).await });
    }
    let mut acknowledged = Vec::new();
    while let Some(Ok(walked)) = clients.join_next().await {
        acknowledged.extend(walked);
    }
    acknowledged
}

async fn walk(
    address: SocketAddr,
    token: &str,
    script: &dyn http::Script,
    client: usize,
) -> Vec<(String, u64)> {
    let mut acknowledged: Vec<(String, u64)> = Vec::new();
    let Ok(mut connection) = Client::connect(address, token).await else {
        return acknowledged;
    };
    for project in 0.. {
        for step in 0..script.steps() {
            let (path, body) = script.request(client, project, step);
            let Ok((status, answer)) = connection.post(&path, &body).await else {
                return acknowledged;
            };
            let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap_or_default();
            if status >= 300 {
                return acknowledged;
            }
            let code = answer["code"].as_str().unwrap_or_default().to_owned();
            let version = answer["version"].as_u64().unwrap_or_default();
            match acknowledged.last_mut().filter(|last| last.0 == code) {
                Some(last) => last.1 = version,
                None => acknowledged.push((code, version)),
            }
        }
    }
    acknowledged
}

/// The civil date in China.
#[must_use]
pub fn today() -> chrono::NaiveDate {
    let micros = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_micros());
    liucheng_engine::ports::Instant(i64::try_from(micros).unwrap_or(i64::MAX)).date()
}
