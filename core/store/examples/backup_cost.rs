//! Measures how much a backup holds up the writer of an SQLite file: `cargo run --release -p
//! liucheng-store --example backup_cost -- FOLDER PROJECTS SECONDS`.
//!
//! 16 committers change their projects all the time: for a while alone, then while snapshots are made
//! one after the other (`VACUUM INTO`), then while the file is copied row by row.

#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

use std::{
    error::Error,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use liucheng_engine::ports::{
    Commit, Instant as At, ProjectId, ProjectRow, RecordRow, Store, TimerRow,
};
use liucheng_store::{
    Options, open,
    transfer::{Order, copy, snapshot},
};
use uuid::Uuid;

const COMMITTERS: u64 = 16;

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().unwrap_or_else(|| ".".to_owned()));
    let projects: u64 = arguments.next().map_or(Ok(100_000), |n| n.parse())?;
    let seconds: u64 = arguments.next().map_or(Ok(8), |n| n.parse())?;
    let location = folder.join("backup-cost.db").display().to_string();
    let store = Arc::new(open(&location, Options::default()).await?);
    fill(&store, projects).await?;
    let span = Duration::from_secs(seconds);
    let mut run = Run {
        store,
        location,
        folder,
        versions: vec![1; COMMITTERS as usize],
    };
    println!(
        "alone, a snapshot takes {:.1} s, a copy row by row {:.1} s",
        run.back_up(false).await?,
        run.back_up(true).await?
    );
    run.measure("alone", span, None).await?;
    run.measure("VACUUM INTO", span, Some(false)).await?;
    run.measure("row by row", span, Some(true)).await?;
    run.store.close().await;
    Ok(())
}

struct Run<S> {
    store: Arc<S>,
    location: String,
    folder: PathBuf,
    versions: Vec<u64>,
}

impl<S: Store + 'static> Run<S> {
    /// Makes one backup and removes it; returns how many seconds it took.
    async fn back_up(&self, by_row: bool) -> Result<f64, Failure> {
        let started = Instant::now();
        let file = self.folder.join("backup-cost.copy");
        if by_row {
            let target = file.display().to_string();
            let order = Order {
                source: &self.location,
                called: None,
                target: &target,
                prepare: false,
            };
            copy(order, &|_| {}).await?;
        } else {
            snapshot(&self.location, &file, &|_| {}).await?;
        }
        let took = started.elapsed().as_secs_f64();
        remove(&file);
        Ok(took)
    }

    /// Commits for a while; `rows` says what else happens: nothing, snapshots, or copies row by row.
    async fn measure(
        &mut self,
        name: &str,
        span: Duration,
        rows: Option<bool>,
    ) -> Result<(), Failure> {
        let end = Instant::now() + span;
        let tasks: Vec<_> = self
            .versions
            .iter()
            .enumerate()
            .map(|(number, version)| {
                tokio::spawn(walk(Arc::clone(&self.store), number as u64, *version, end))
            })
            .collect();
        let mut backups = Vec::new();
        while Instant::now() < end && rows.is_some() {
            backups.push(self.back_up(rows == Some(true)).await?);
        }
        let mut waits = Vec::new();
        for (number, task) in tasks.into_iter().enumerate() {
            let (version, mut own) = task.await??;
            self.versions[number] = version;
            waits.append(&mut own);
        }
        waits.sort_unstable();
        let at = |share: usize| waits[(waits.len() - 1) * share / 1000];
        println!(
            "{name:12} {:6.0} changes/s, p50 {:?}, p99 {:?}, p99.9 {:?}; backups took {backups:.1?} s",
            waits.len() as f64 / span.as_secs_f64(),
            at(500),
            at(990),
            at(999),
        );
        Ok(())
    }
}

fn remove(file: &Path) {
    for leftover in ["", "-wal", "-shm", ".lock"] {
        let _ = std::fs::remove_file(format!("{}{leftover}", file.display()));
    }
}

async fn fill<S: Store + 'static>(store: &Arc<S>, projects: u64) -> Result<(), Failure> {
    for start in (0..projects).step_by(1_000) {
        let tasks: Vec<_> = (start..(start + 1_000).min(projects))
            .map(|number| {
                let store = Arc::clone(store);
                tokio::spawn(async move { store.commit(change(number, 0)).await })
            })
            .collect();
        for task in tasks {
            task.await??;
        }
    }
    Ok(())
}

/// Changes one project until the end; returns its version and how long each change took.
async fn walk<S: Store>(
    store: Arc<S>,
    number: u64,
    mut version: u64,
    end: Instant,
) -> Result<(u64, Vec<Duration>), liucheng_engine::ports::CommitError> {
    let mut waits = Vec::new();
    while Instant::now() < end {
        let started = Instant::now();
        store.commit(change(number, version)).await?;
        waits.push(started.elapsed());
        version += 1;
    }
    Ok((version, waits))
}

fn change(number: u64, expected: u64) -> Commit {
    let (seq, id) = (expected + 1, ProjectId(Uuid::from_u128(number.into())));
    let at = At(1_790_000_000_000_000);
    let hash = |seq: u64| format!("{seq:064x}");
    Commit {
        expected,
        row: ProjectRow {
            id,
            code: id.to_string(),
            name: "原州区社工站项目".to_owned(),
            province: "ningxia-yuanzhou".to_owned(),
            version: seq,
            stage: "lifecycle.service payments.open".to_owned(),
            next_due: None,
            changed_by: "li".to_owned(),
            changed_at: at,
            head: hash(seq),
            state: format!("{{\"version\":{seq},\"filler\":\"{}\"}}", "x".repeat(2_000)),
        },
        record: RecordRow {
            seq,
            at,
            actor: "li".to_owned(),
            payload: format!("{{\"seq\":{seq},\"filler\":\"{}\"}}", "y".repeat(400)),
            prev_hash: hash(expected),
            hash: hash(seq),
        },
        set_timers: vec![TimerRow {
            project: id,
            key: "sign-contract@1".to_owned(),
            at,
            generation: seq,
        }],
        clear_timers: Vec::new(),
        outbox: Vec::new(),
        answer: None,
    }
}
