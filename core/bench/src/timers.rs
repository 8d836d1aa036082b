//! Timers: many that wait, many that are due at once.

use std::{
    sync::Arc,
    time::{Duration, Instant as Moment},
};

use chrono::NaiveDate;
use liucheng_engine::{
    Engine,
    ports::{Clock, Commit, Instant, ProjectId, ProjectRow, RecordRow, Store, TimerRow},
    record::{GENESIS, chain},
};
use serde::Serialize;
use tokio::{sync::watch, task::JoinSet, time::sleep};
use uuid::Uuid;

use crate::{
    BenchError,
    measure::{Usage, Waits, per_second, rounded},
    work::{self, Parts, STAGES, ShiftedClock},
};

/// Waiting timers of one project.
const TIMERS_EACH: u64 = 100;
/// Tasks that set the scene.
const HANDS: usize = 64;
/// Looks at the next due instant.
const PROBES: usize = 2_000;
/// How long before the timers fall due the worker starts.
const BEFORE: Duration = Duration::from_secs(12);
/// How long the idle worker is watched.
const IDLE: Duration = Duration::from_secs(6);
/// How long timers may take to fire before the benchmark gives up.
const PATIENCE: Duration = Duration::from_secs(120);

/// How many timers.
#[derive(Debug, Clone, Copy)]
pub struct Amount {
    /// That wait, for a day and more.
    pub pending: u64,
    /// That fall due together.
    pub due: u64,
}

/// Figures of one run.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// The kind of database.
    pub what: String,
    /// Timers that wait.
    pub pending: u64,
    /// Timers that fell due together.
    pub due: u64,
    /// Waiting timers set a second, a hundred for each project.
    pub inserted_per_second: f64,
    /// The median time to learn when the next timer is due.
    pub probe_p50_us: f64,
    /// What one in a hundred such looks exceeds.
    pub probe_p99_us: f64,
    /// Share of one core that the idle process used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_cpu_percent: Option<f64>,
    /// From the due instant to the first timer that was durably fired.
    pub first_late_ms: f64,
    /// From the due instant until all were durably fired.
    pub all_fired_s: f64,
    /// Timers fired a second.
    pub fired_per_second: f64,
}

/// What the measurement needs.
pub struct Place {
    /// The kind of database, for the report.
    pub what: String,
    /// Writes.
    pub parts: Parts,
    /// Reads beside it, as another process would.
    pub reader: Arc<dyn Store>,
}

/// Sets the scene, watches the idle worker, and lets the timers fall due.
///
/// # Errors
/// When the store does not read or write, or the timers do not fire in two minutes.
pub async fn run(place: Place, amount: Amount) -> Result<Report, BenchError> {
    let Place {
        what,
        parts,
        reader,
    } = place;
    // A Monday; the first reminder goes out ten days before the thirtieth day.
    let opened = NaiveDate::from_ymd_opt(2026, 3, 2).unwrap_or_default();
    let morning = Instant::at(opened, chrono::NaiveTime::MIN).plus_micros(8 * 3_600_000_000);
    let store = Arc::clone(&parts.store);
    let setting = Parts {
        store: Arc::clone(&store),
        rules: Arc::clone(&parts.rules),
        package: None,
        clock: Arc::new(ShiftedClock::new(morning)),
        wake: Arc::default(),
    };
    let engine = work::engine(setting).await?;
    open_projects(&engine, amount.due, opened).await?;
    let due_at = store.next_wake().await?.filter(|at| *at > morning);
    // The mails that tell of the new obligation are due at once; nobody is to send them later.
    while engine.deliver_due().await? > 0 {}
    let due_at = match store.next_wake().await?.or(due_at) {
        Some(at) => at,
        None => morning,
    };
    let started = Moment::now();
    wait(&store, amount.pending, due_at).await?;
    let inserted = started.elapsed();
    let mut probes = Waits::default();
    for _ in 0..PROBES {
        let asked = Moment::now();
        store.next_wake().await?;
        probes.push(asked.elapsed());
    }
    let before = i64::try_from(BEFORE.as_micros()).unwrap_or_default();
    let clock = Arc::new(ShiftedClock::new(due_at.plus_micros(-before)));
    let started = Moment::now();
    let engine = work::engine(Parts {
        clock: clock.clone(),
        ..parts
    })
    .await?;
    let (stop, stopped) = watch::channel(false);
    let worker = tokio::spawn(async move { engine.run_worker(stopped).await });
    let idle = idle().await;
    sleep(BEFORE.saturating_sub(started.elapsed())).await;
    let fired = watch_them_fire(&*reader, &*clock, due_at).await;
    stop.send_replace(true);
    worker.await?;
    let (first, all) = fired?;
    Ok(Report {
        what,
        pending: amount.pending,
        due: amount.due,
        inserted_per_second: rounded(amount.pending as f64 / inserted.as_secs_f64()),
        probe_p50_us: rounded(probes.percentile_ms(50) * 1e3),
        probe_p99_us: rounded(probes.percentile_ms(99) * 1e3),
        idle_cpu_percent: idle.map(rounded),
        first_late_ms: rounded(first.as_secs_f64() * 1e3),
        all_fired_s: rounded(all.as_secs_f64()),
        fired_per_second: rounded(per_second(
            usize::try_from(amount.due).unwrap_or(usize::MAX),
            all,
        )),
    })
}

/// Opens projects whose first reminder falls due at the same instant.
async fn open_projects(engine: &Engine, count: u64, on: NaiveDate) -> Result<(), BenchError> {
    let mut hands = JoinSet::new();
    for hand in 0..HANDS as u64 {
        let engine = engine.clone();
        hands.spawn(async move {
            let actor = work::actor();
            for number in (hand..count).step_by(HANDS) {
                let create = work::create(format!("DUE-{number:07}"));
                let id = engine.create(&actor, create, None).await?.id;
                let first = work::finish(STAGES[0], on);
                engine.fire(&actor, id, first, None).await?;
            }
            Ok::<_, BenchError>(())
        });
    }
    while let Some(done) = hands.join_next().await {
        done??;
    }
    Ok(())
}

/// Sets timers that are due between a day and three years later.
async fn wait(store: &Arc<dyn Store>, count: u64, from: Instant) -> Result<(), BenchError> {
    let projects = count.div_ceil(TIMERS_EACH);
    let mut hands = JoinSet::new();
    for hand in 0..HANDS as u64 {
        let store = Arc::clone(store);
        hands.spawn(async move {
            for number in (hand..projects).step_by(HANDS) {
                let timers = TIMERS_EACH.min(count - number * TIMERS_EACH);
                store.commit(waiting(number, timers, from)).await?;
            }
            Ok::<_, BenchError>(())
        });
    }
    while let Some(done) = hands.join_next().await {
        done??;
    }
    Ok(())
}

fn waiting(number: u64, timers: u64, from: Instant) -> Commit {
    let id = ProjectId(Uuid::from_u128(u128::from(number) << 64 | 1));
    let timer = |n: u64| {
        // Scattered, as dates of different projects are.
        let scattered = (number * TIMERS_EACH + n).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        let minutes = scattered % (3 * 365 * 24 * 60);
        let micros = (24 * 60 + minutes) * 60_000_000;
        TimerRow {
            project: id,
            key: format!("due:waiting-{n:03}"),
            at: from.plus_micros(i64::try_from(micros).unwrap_or(i64::MAX / 2)),
            generation: 1,
        }
    };
    let payload = format!("{{\"waiting\":{number}}}");
    let hash = chain(GENESIS, &payload);
    Commit {
        expected: 0,
        row: ProjectRow {
            id,
            code: format!("WAITING-{number:07}"),
            name: "等待".to_owned(),
            province: String::new(),
            version: 1,
            stage: "lifecycle.plan".to_owned(),
            next_due: None,
            changed_by: "bench".to_owned(),
            changed_at: from,
            head: hash.clone(),
            state: "{}".to_owned(),
        },
        record: RecordRow {
            seq: 1,
            at: from,
            actor: "bench".to_owned(),
            prev_hash: GENESIS.to_owned(),
            hash,
            payload,
        },
        set_timers: (0..timers).map(timer).collect(),
        clear_timers: Vec::new(),
        outbox: Vec::new(),
        answer: None,
    }
}

/// The share of one core that this process uses while nothing is due.
async fn idle() -> Option<f64> {
    // What setting the scene has left is tidied up first.
    sleep(Duration::from_secs(4)).await;
    let before = Usage::own()?;
    sleep(IDLE).await;
    let used = Usage::own()?.cpu_ms.saturating_sub(before.cpu_ms);
    Some(used as f64 / IDLE.as_secs_f64() / 10.0)
}

/// When the first and when the last of what is due at an instant was fired, counted from it.
async fn watch_them_fire(
    reader: &dyn Store,
    clock: &dyn Clock,
    due_at: Instant,
) -> Result<(Duration, Duration), BenchError> {
    let late = || {
        let micros = clock.now().0.saturating_sub(due_at.0);
        Duration::from_micros(u64::try_from(micros).unwrap_or_default())
    };
    let first_row = reader.due_timers(due_at, 1).await?;
    let mut first = None;
    loop {
        let now = reader.due_timers(due_at, 1).await?;
        if first.is_none() && now != first_row {
            first = Some(late());
        }
        if now.is_empty() {
            let all = late();
            return Ok((first.unwrap_or(all), all));
        }
        if late() > PATIENCE {
            return Err(BenchError::Server(
                "timers did not fire within two minutes".to_owned(),
            ));
        }
        sleep(Duration::from_millis(2)).await;
    }
}
