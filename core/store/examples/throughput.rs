//! Measures durable changes per second: `cargo run --release -p liucheng-store --example throughput
//! -- WHERE COMMITTERS SECONDS`, where WHERE is a folder for an SQLite file, or `postgres://…` with an
//! empty database.
//!
//! Each committer walks its own projects through nine changes, one after the other; a change updates
//! the state row, adds a record and re-arms a timer, and counts when it was acknowledged.

#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

use std::{
    error::Error,
    sync::Arc,
    time::{Duration, Instant},
};

use liucheng_engine::ports::{
    Commit, Instant as At, ProjectId, ProjectRow, RecordRow, Store, TimerRow,
};
use liucheng_store::{Options, Stats, open, postgres};
use uuid::Uuid;

const CHANGES: u64 = 9;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut arguments = std::env::args().skip(1);
    let place = arguments.next().unwrap_or_else(|| ".".to_owned());
    let committers: u64 = arguments.next().map_or(Ok(64), |n| n.parse())?;
    let seconds: u64 = arguments.next().map_or(Ok(5), |n| n.parse())?;
    let (store, stats) = open_any(&place).await?;
    let started = Instant::now();
    let end = started + Duration::from_secs(seconds);
    let tasks: Vec<_> = (0..committers)
        .map(|number| tokio::spawn(walk(Arc::clone(&store), number, end)))
        .collect();
    let mut waits = Vec::new();
    for task in tasks {
        waits.extend(task.await??);
    }
    let elapsed = started.elapsed().as_secs_f64();
    let stats = stats();
    store.close().await;
    waits.sort_unstable();
    let at = |share: usize| {
        waits
            .get(waits.len() * share / 100)
            .copied()
            .unwrap_or_default()
    };
    println!(
        "{committers} committers: {:.0} changes/s, p50 {:?}, p99 {:?}, {:.3} transactions each",
        stats.commits as f64 / elapsed,
        at(50),
        at(99),
        stats.transactions as f64 / stats.commits as f64,
    );
    Ok(())
}

/// A store and what it counts.
type Opened = (Arc<dyn Store>, Box<dyn Fn() -> Stats>);

async fn open_any(place: &str) -> Result<Opened, liucheng_store::StoreError> {
    if place.starts_with("postgres") {
        let store = Arc::new(postgres::open(place, Options::default()).await?);
        return Ok((store.clone(), Box::new(move || store.stats())));
    }
    let location = format!("{place}/throughput-{}.db", std::process::id());
    let store = Arc::new(open(&location, Options::default()).await?);
    Ok((store.clone(), Box::new(move || store.stats())))
}

async fn walk(
    store: Arc<dyn Store>,
    number: u64,
    end: Instant,
) -> Result<Vec<Duration>, liucheng_engine::ports::CommitError> {
    let mut waits = Vec::new();
    let mut project = 0_u64;
    while Instant::now() < end {
        project += 1;
        for version in 0..CHANGES {
            let run = u128::from(std::process::id());
            let id = (run << 96) | (u128::from(project) << 64) | u128::from(number);
            let change = change(ProjectId(Uuid::from_u128(id)), version);
            let asked = Instant::now();
            store.commit(change).await?;
            waits.push(asked.elapsed());
        }
    }
    Ok(waits)
}

fn change(id: ProjectId, expected: u64) -> Commit {
    let seq = expected + 1;
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
            state: format!("{{\"version\":{seq},\"filler\":\"{}\"}}", "x".repeat(200)),
        },
        record: RecordRow {
            seq,
            at,
            actor: "li".to_owned(),
            payload: format!("{{\"seq\":{seq},\"filler\":\"{}\"}}", "y".repeat(200)),
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
