//! Durable transitions a second, on the full path of a command.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use liucheng_engine::{Engine, ports::ProjectId};
use serde::Serialize;
use tokio::{task::JoinSet, time::Instant};

use crate::{
    BenchError,
    floor::{self, Floor},
    http::{self, Script},
    measure::{Usage, Waits, per_second, rounded},
    work::{self, STAGES, Step},
};

/// How to measure.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Clients, each with one command under way.
    pub clients: usize,
    /// For how long.
    pub time: Duration,
}

/// Figures of one run.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// What was measured: `in-process`, `http`, with the database.
    pub what: String,
    /// Clients.
    pub clients: usize,
    /// Transitions, the openings of projects not counted.
    pub transitions: usize,
    /// Durable changes since the database was opened: openings, the warm-up and everything else.
    #[serde(skip_serializing_if = "is_zero")]
    pub changes: u64,
    /// Durable transitions a second.
    pub transitions_per_second: f64,
    /// The median wait for a transition.
    pub p50_ms: f64,
    /// What one in a hundred transitions exceeds.
    pub p99_ms: f64,
    /// Raw transitions a second, with as many clients.
    pub raw_per_second: f64,
    /// The raw limit's median wait.
    pub raw_p50_ms: f64,
    /// The raw limit's 99th percentile.
    pub raw_p99_ms: f64,
    /// Raw transitions a second with one client, each with a commit of its own.
    pub raw_single_per_second: f64,
    /// Ours over the raw limit's.
    pub ratio: f64,
    /// Processor time of the measured process for each transition; with the clients' share when
    /// they are in the same process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_ms_per_transition: Option<f64>,
    /// Memory of the measured process at the end, in MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rss_mib: Option<f64>,
    /// The median time for making 4 KiB durable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fdatasync_ms: Option<f64>,
    /// Transactions for each change of a project, openings included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transactions_per_change: Option<f64>,
    /// Bytes of the database for each project, most of them finished.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_per_project: Option<f64>,
}

/// Where changes were not counted.
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Report {
    /// The figures of waits.
    #[must_use]
    pub fn of(what: &str, load: Load, mut waits: Waits, elapsed: Duration) -> Self {
        Self {
            what: what.to_owned(),
            clients: load.clients,
            transitions: waits.len(),
            transitions_per_second: rounded(per_second(waits.len(), elapsed)),
            p50_ms: rounded(waits.percentile_ms(50)),
            p99_ms: rounded(waits.percentile_ms(99)),
            ..Self::default()
        }
    }

    /// Puts the raw limits beside them.
    #[must_use]
    pub fn beside(mut self, mut raw: Floor, single: &Floor) -> Self {
        self.raw_per_second = rounded(per_second(raw.transitions, raw.elapsed));
        self.raw_single_per_second = rounded(per_second(single.transitions, single.elapsed));
        self.raw_p50_ms = rounded(raw.waits.percentile_ms(50));
        self.raw_p99_ms = rounded(raw.waits.percentile_ms(99));
        self.ratio = rounded(self.transitions_per_second / self.raw_per_second.max(1e-9));
        self
    }
}

/// Where the raw limit is measured: a database of its own, migrated and empty.
#[derive(Debug, Clone)]
pub enum RawPlace {
    /// An SQLite file.
    Sqlite(PathBuf),
    /// A PostgreSQL database.
    Postgres(String),
}

/// The raw limit of a database under a load.
///
/// # Errors
/// When the database refuses.
pub async fn raw(
    place: &RawPlace,
    steps: &Arc<Vec<Step>>,
    load: Load,
) -> Result<Floor, BenchError> {
    match place {
        RawPlace::Postgres(location) => {
            floor::postgres::run_clients(location, steps, load.clients, load.time).await
        }
        RawPlace::Sqlite(path) => {
            let (path, steps) = (path.clone(), Arc::clone(steps));
            tokio::task::spawn_blocking(move || {
                floor::sqlite::run_clients(&path, &steps, load.clients, load.time)
            })
            .await?
        }
    }
}

/// What clients did.
#[derive(Debug, Clone, Default)]
pub struct Walked {
    /// How long transitions took, the openings of projects not counted.
    pub waits: Waits,
    /// From the first command to the last answer.
    pub elapsed: Duration,
    /// The last acknowledged version of each project.
    pub acknowledged: BTreeMap<ProjectId, u64>,
}

/// Walks projects through an engine in this process.
///
/// # Errors
/// When a command is refused.
pub async fn in_process(engine: &Engine, load: Load) -> Result<(Waits, Duration), BenchError> {
    let name = format!("B{}", engine.clock.now().0);
    let walked = walk_projects(engine, load, &name).await?;
    Ok((walked.waits, walked.elapsed))
}

/// As [`in_process`]; the codes of projects begin with `name`.
///
/// # Errors
/// When a command is refused.
pub async fn walk_projects(engine: &Engine, load: Load, name: &str) -> Result<Walked, BenchError> {
    let started = Instant::now();
    let end = started + load.time;
    let mut walkers = JoinSet::new();
    for client in 0..load.clients {
        walkers.spawn(walk(engine.clone(), format!("{name}-{client}"), end));
    }
    let mut all = Walked::default();
    while let Some(walked) = walkers.join_next().await {
        let walked = walked??;
        all.waits.extend(walked.waits);
        all.acknowledged.extend(walked.acknowledged);
    }
    all.elapsed = started.elapsed();
    Ok(all)
}

async fn walk(engine: Engine, name: String, end: Instant) -> Result<Walked, BenchError> {
    let actor = work::actor();
    let mut walked = Walked::default();
    for number in 0_u64.. {
        if Instant::now() >= end {
            break;
        }
        let create = work::create(format!("{name}-{number}"));
        let opened = engine.create(&actor, create, None).await?;
        let (id, mut version) = (opened.id, opened.version);
        for stage in STAGES {
            let today = engine.clock.now().date();
            let asked = Instant::now();
            if asked >= end {
                break;
            }
            let answer = engine
                .fire(&actor, id, work::finish(stage, today), None)
                .await?;
            walked.waits.push(asked.elapsed());
            version = answer.version;
        }
        walked.acknowledged.insert(id, version);
    }
    Ok(walked)
}

/// Commands over HTTP.
pub struct Commands {
    /// Distinguishes the projects of this run.
    pub run: String,
    /// The civil date.
    pub today: chrono::NaiveDate,
}

impl Script for Commands {
    fn steps(&self) -> usize {
        STAGES.len() + 1
    }

    fn request(&self, client: usize, project: u64, step: usize) -> (String, String) {
        let code = format!("{}-{client}-{project}", self.run);
        let stage = step.checked_sub(1).and_then(|at| STAGES.get(at));
        let (path, body) = match stage {
            None => (
                "/api/v1/projects".to_owned(),
                serde_json::to_string(&work::create(code)),
            ),
            Some(stage) => (
                format!("/api/v1/projects/{code}/fire"),
                serde_json::to_string(&work::finish(stage, self.today)),
            ),
        };
        // Both are plain maps of texts, which have a JSON form.
        (path, body.unwrap_or_default())
    }
}

/// The same number of requests to the bare server.
struct BareCommands {
    run: u64,
}

impl Script for BareCommands {
    fn steps(&self) -> usize {
        STAGES.len() + 1
    }

    fn request(&self, client: usize, project: u64, step: usize) -> (String, String) {
        let id = (u128::from(self.run) << 64) | (u128::from(project) << 16) | client as u128;
        let stage = step.checked_sub(1).and_then(|at| STAGES.get(at));
        let today = chrono::NaiveDate::default();
        let body = stage.map(|stage| serde_json::to_string(&work::finish(stage, today)));
        let path = format!("/{}/{step}", uuid::Uuid::from_u128(id));
        (path, body.and_then(Result::ok).unwrap_or_default())
    }
}

/// The raw limit behind HTTP.
///
/// # Errors
/// When the bare server fails.
pub async fn raw_http(
    path: &std::path::Path,
    steps: &Arc<Vec<Step>>,
    load: Load,
) -> Result<Floor, BenchError> {
    let address = floor::http::serve(path, Arc::clone(steps))?;
    // Another run has other projects.
    let run = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_nanos() as u64);
    let script = Arc::new(BareCommands { run });
    let (waits, elapsed) =
        http::run_clients(address, "none", script, load.clients, load.time).await?;
    Ok(Floor {
        transitions: waits.len(),
        elapsed,
        waits,
    })
}

/// What a process used between two moments, for each transition.
#[must_use]
pub fn cpu_per_transition(before: Usage, after: Usage, transitions: usize) -> f64 {
    let used = after.cpu_ms.saturating_sub(before.cpu_ms) as f64;
    rounded(used / (transitions.max(1) as f64))
}
