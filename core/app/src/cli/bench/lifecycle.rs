//! Transitions a second: ours and the raw limit, in turns.

use std::{sync::Arc, time::Duration};

use liucheng_bench::{
    BenchError,
    lifecycle::{self, Commands, Load, RawPlace, Report},
    measure, recovery, work,
};
use liucheng_engine::Engine;

use super::{
    super::Global,
    LifecycleArgs, failure, keep_token,
    place::{Opened, Place, engine, rules},
    refused, server, show,
};
use crate::output::Failure;

/// Ours and the raw limit take turns, so that a busy moment of the machine hits both.
const TURNS: u32 = 4;
/// Work before anything is measured: caches fill and files grow.
const WARM_UP: Duration = Duration::from_millis(500);

/// Measures transitions.
pub async fn measure(global: &Global, args: LifecycleArgs) -> Result<(), Failure> {
    let place = Place::new(global)?;
    let load = Load {
        clients: usize::from(args.clients),
        time: Duration::from_secs(u64::from(args.seconds)),
    };
    let wake = Arc::default();
    let opened = place.open_empty(&wake).await?;
    let rules = rules(&place.dir, args.package.as_deref())?;
    let engine = engine(&opened, rules, wake).await?;
    let steps = Arc::new(work::captured(&engine).await.map_err(failure)?);
    let report = if args.http {
        over_http(&place, opened, args.package, (load, &steps)).await
    } else {
        let raw = if args.without_raw {
            None
        } else {
            Some(place.raw().await?)
        };
        in_process(&place, opened, &engine, raw, (load, &steps)).await
    };
    show(global, &report.map_err(failure)?)
}

/// A part of the time, in turns.
fn turn(load: Load) -> Load {
    Load {
        time: load.time / TURNS,
        ..load
    }
}

type Work<'a> = (Load, &'a Arc<Vec<work::Step>>);

async fn in_process(
    place: &Place,
    opened: Opened,
    engine: &Engine,
    raw_place: Option<RawPlace>,
    (load, steps): Work<'_>,
) -> Result<Report, BenchError> {
    let warm_up = Load {
        time: WARM_UP,
        ..load
    };
    lifecycle::in_process(engine, warm_up).await?;
    if let Some(raw_place) = &raw_place {
        lifecycle::raw(raw_place, steps, warm_up).await?;
    }
    let (mut ours, mut raw) = (Total::default(), Total::default());
    let (stats, usage) = (opened.stats(), measure::Usage::own());
    let mut used = 0;
    for _ in 0..TURNS {
        let before = measure::Usage::own().unwrap_or_default();
        ours.add(lifecycle::in_process(engine, turn(load)).await?);
        used += measure::Usage::own().unwrap_or_default().cpu_ms - before.cpu_ms;
        if let Some(raw_place) = &raw_place {
            let floor = lifecycle::raw(raw_place, steps, turn(load)).await?;
            raw.add((floor.waits, floor.elapsed));
        }
    }
    let done = opened.stats();
    let one = Load {
        clients: 1,
        time: turn(load).time,
    };
    let single = match &raw_place {
        Some(raw_place) => Some(lifecycle::raw(raw_place, steps, one).await?),
        None => None,
    };
    opened.store().close().await;
    let what = format!("in-process {}", place.kind());
    let transitions = ours.waits.len();
    let projects = done.commits / (work::STAGES.len() as u64 + 1);
    let mut report = Report::of(&what, load, ours.waits, ours.elapsed);
    if let Some(single) = &single {
        report = report.beside(raw.into(), single);
    }
    report.changes = done.commits;
    report.cpu_ms_per_transition =
        usage.map(|_| measure::rounded(used as f64 / transitions.max(1) as f64));
    report.rss_mib = measure::Usage::own().map(mib);
    report.fdatasync_ms = measure::fdatasync_ms(&place.dir).ok().map(measure::rounded);
    let transactions = done.transactions - stats.transactions;
    let changes = (done.commits - stats.commits).max(1);
    report.transactions_per_change = Some(measure::rounded(transactions as f64 / changes as f64));
    report.bytes_per_project = place
        .bytes()
        .map(|bytes| measure::rounded(bytes as f64 / projects.max(1) as f64));
    Ok(report)
}

async fn over_http(
    place: &Place,
    opened: Opened,
    package: Option<String>,
    (load, steps): Work<'_>,
) -> Result<Report, BenchError> {
    let token = keep_token(&*opened.store()).await?;
    opened.store().close().await;
    let RawPlace::Sqlite(raw_path) = place.raw().await.map_err(refused)? else {
        return Err(BenchError::Server(
            "the raw limit behind HTTP is measured on SQLite only; leave out --database".to_owned(),
        ));
    };
    let server = recovery::Server::start(server(place, package.as_deref())?)?;
    let run = |n: u32, time: Duration| {
        let script = Arc::new(Commands {
            run: format!("HTTP{n}"),
            today: recovery::today(),
        });
        liucheng_bench::http::run_clients(server.address, &token, script, load.clients, time)
    };
    run(0, WARM_UP).await?;
    let (mut ours, mut raw) = (Total::default(), Total::default());
    let mut used = 0;
    for n in 1..=TURNS {
        let before = server.usage().unwrap_or_default();
        ours.add(run(n, turn(load).time).await?);
        used += server.usage().unwrap_or_default().cpu_ms - before.cpu_ms;
        let floor = lifecycle::raw_http(&raw_path, steps, turn(load)).await?;
        raw.add((floor.waits, floor.elapsed));
    }
    let one = Load {
        clients: 1,
        time: turn(load).time,
    };
    let single = lifecycle::raw_http(&raw_path, steps, one).await?;
    let what = format!("http {}", place.kind());
    let transitions = ours.waits.len();
    let mut report = Report::of(&what, load, ours.waits, ours.elapsed).beside(raw.into(), &single);
    report.cpu_ms_per_transition = Some(measure::rounded(used as f64 / transitions.max(1) as f64));
    report.rss_mib = server.usage().map(mib);
    report.fdatasync_ms = measure::fdatasync_ms(&place.dir).ok().map(measure::rounded);
    Ok(report)
}

/// Several turns taken together.
#[derive(Default)]
struct Total {
    waits: measure::Waits,
    elapsed: Duration,
}

impl Total {
    fn add(&mut self, (waits, elapsed): (measure::Waits, Duration)) {
        self.waits.extend(waits);
        self.elapsed += elapsed;
    }
}

impl From<Total> for liucheng_bench::floor::Floor {
    fn from(total: Total) -> Self {
        Self {
            transitions: total.waits.len(),
            elapsed: total.elapsed,
            waits: total.waits,
        }
    }
}

fn mib(usage: measure::Usage) -> f64 {
    measure::rounded(usage.rss_kib as f64 / 1024.0)
}
