//! Transitions in larger stores and with longer histories.

use std::{
    io::{IsTerminal, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use clap::Args;
use liucheng_bench::{
    BenchError,
    growth::{self, Choice, Crowd, HISTORIES_EACH, Progress, Report, State},
    measure::rounded,
    work::{self, Parts},
};
use liucheng_engine::{Engine, ports::Clock};

use super::{
    super::Global,
    failure,
    place::{Opened, Place, rules},
    refused, show,
};
use crate::{
    compose::SystemClock,
    output::{Exit, Failure},
};

/// All sizes take turns, so that a busy moment of the machine hits all of them.
const TURNS: u16 = 4;
/// Work before anything is measured.
const WARM_UP: Duration = Duration::from_secs(1);
/// Transitions of each project with a history of a certain length: one round through all stages.
const ROUND: usize = work::STAGES.len();

/// What grows.
#[derive(Debug, Args)]
pub struct GrowthArgs {
    /// Projects in the store, a store for each number; others are compared with the first.
    #[arg(long, value_name = "N", value_delimiter = ',', default_value = "1000,1000000",
        value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    projects: Vec<u64>,
    /// Records of each project that is touched; others are compared with the first.
    #[arg(long, value_name = "N", value_delimiter = ',', default_value = "10,1000",
        value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    history: Vec<u64>,
    /// Clients, each with one command under way.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=512))]
    clients: u16,
    /// Seconds for each number of projects.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=600))]
    seconds: u16,
    /// Chooses the projects that are touched; by the clock if absent.
    #[arg(long)]
    seed: Option<u64>,
}

/// Measures growth.
pub async fn measure(global: &Global, args: GrowthArgs) -> Result<(), Failure> {
    let place = Place::new(global)?;
    if place.postgres || global.database.is_some() {
        return Err(Failure::new(
            Exit::Usage,
            "E-USAGE",
            "growth is measured on SQLite files of its own, one for each number of projects",
        )
        .at("--database")
        .hint("leave it out; the working directory's disk is measured"));
    }
    let seed = args.seed.unwrap_or(SystemClock.now().0.unsigned_abs());
    let mut reports = by_projects(&place, &args, seed).await.map_err(failure)?;
    reports.extend(by_history(&place, &args, seed).await.map_err(failure)?);
    show(global, &reports)
}

/// A store of its own, of the benchmark's own name.
async fn store(place: &Place, name: &str) -> Result<(Opened, Engine, Place), BenchError> {
    let wake: Arc<tokio::sync::Notify> = Arc::default();
    let place = place.beside(name);
    let opened = place.open(&wake).await.map_err(refused)?;
    let parts = Parts {
        store: opened.store(),
        rules: rules(&place.dir, None).map_err(refused)?.host,
        package: None,
        clock: Arc::new(SystemClock),
        wake,
    };
    let engine = work::renewing_engine(parts).await?;
    Ok((opened, engine, place))
}

async fn by_projects(
    place: &Place,
    args: &GrowthArgs,
    seed: u64,
) -> Result<Vec<Report>, BenchError> {
    let mut stores = Vec::new();
    for count in &args.projects {
        let (opened, engine, own) = store(place, &format!("projects-{count}")).await?;
        let counted = progress(&format!("opening {count} projects"), *count);
        let ids = growth::open_projects(&engine, *count, counted).await?;
        stores.push((*count, opened, own, engine, ids));
    }
    let mut reports = Vec::new();
    let turn = Duration::from_secs(u64::from(args.seconds)) / u32::from(TURNS);
    for state in [State::Remembered, State::Read] {
        let choice = Choice {
            clients: usize::from(args.clients),
            seed,
            state,
        };
        let mut crowds = Vec::new();
        for (.., engine, ids) in &stores {
            let mut crowd = Crowd::choose(engine, ids, choice).await?;
            crowd.work_for(WARM_UP.min(turn)).await?;
            crowd.begin();
            crowds.push(crowd);
        }
        for _ in 0..TURNS {
            for crowd in &mut crowds {
                crowd.work_for(turn).await?;
            }
        }
        for ((count, _, own, ..), crowd) in stores.iter().zip(crowds) {
            let mut report = crowd.report("projects", *count, seed);
            report.store_mib = mib(own);
            reports.push(report);
        }
    }
    for (_, opened, ..) in stores {
        opened.store().close().await;
    }
    growth::compare(&mut reports);
    Ok(reports)
}

async fn by_history(
    place: &Place,
    args: &GrowthArgs,
    seed: u64,
) -> Result<Vec<Report>, BenchError> {
    let (opened, engine, own) = store(place, "histories").await?;
    let choice = Choice {
        clients: usize::from(args.clients),
        seed,
        state: State::Read,
    };
    let mut crowds = Vec::new();
    for records in &args.history {
        let projects = choice.clients * HISTORIES_EACH;
        let all = (records - 1) * projects as u64;
        let what = format!("{records} records for each of {projects} projects");
        let crowd = Crowd::with_histories(&engine, *records, choice, progress(&what, all));
        crowds.push((*records, crowd.await?));
    }
    for _ in 0..ROUND {
        for (_, crowd) in &mut crowds {
            crowd.work_once().await?;
        }
    }
    let figure = |(records, crowd): &(u64, Crowd)| Report {
        store_mib: mib(&own),
        ..crowd.report("history", *records, seed)
    };
    let mut reports: Vec<Report> = crowds.iter().map(figure).collect();
    opened.store().close().await;
    growth::compare(&mut reports);
    Ok(reports)
}

fn mib(place: &Place) -> Option<f64> {
    let bytes = place.bytes()?;
    Some(rounded(bytes as f64 / (1 << 20) as f64))
}

/// Says how far it is, to a person who waits.
fn progress(what: &str, all: u64) -> Progress {
    let (what, done) = (what.to_owned(), AtomicU64::new(0));
    let part = (all / 10).max(10_000);
    let shown = std::io::stderr().is_terminal();
    Arc::new(move |more| {
        let now = done.fetch_add(more, Ordering::Relaxed) + more;
        if shown && now.is_multiple_of(part) {
            // Nothing can be done about a closed stderr.
            let _ = writeln!(std::io::stderr(), "{what}: {now} of {all}");
        }
    })
}
