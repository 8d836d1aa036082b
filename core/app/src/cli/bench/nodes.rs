//! Nodes on one PostgreSQL, each a process of its own.

use std::{io::BufRead, process::Command, sync::Arc, time::Duration};

use clap::Args;
use liucheng_bench::{
    BenchError,
    lifecycle::{self, Load},
    measure::per_second,
    nodes::{self, Group},
    work,
};
use liucheng_store::Options;

use super::{
    super::Global,
    failure,
    place::{Opened, Place, engine, rules},
    refused, show,
};
use crate::{
    compose::store_failure,
    output::{Exit, Failure, json_line},
};

/// All numbers of nodes and the raw limit take turns, so that a busy moment hits all of them.
const TURNS: u16 = 4;
/// Work of a node before it is measured.
const WARM_UP: Duration = Duration::from_millis(500);

/// How many nodes.
#[derive(Debug, Args)]
pub struct NodesArgs {
    /// Numbers of nodes; others are compared with the first.
    #[arg(long, value_name = "N", value_delimiter = ',', default_value = "1,2",
        value_parser = clap::value_parser!(u16).range(1..=16))]
    nodes: Vec<u16>,
    /// Clients of all nodes together, each with one command under way.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=512))]
    clients: u16,
    /// Seconds for each number of nodes; as many again for the raw limit.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=600))]
    seconds: u16,
}

/// A node that is measured.
#[derive(Debug, Args)]
pub struct NodeArgs {
    /// What the codes of its projects begin with.
    #[arg(long)]
    run: String,
    /// Its clients.
    #[arg(long)]
    clients: usize,
    /// Milliseconds of a turn.
    #[arg(long)]
    milliseconds: u64,
}

/// Measures nodes.
pub async fn measure(global: &Global, args: NodesArgs) -> Result<(), Failure> {
    let place = Place::new(global)?;
    if !place.postgres {
        return Err(Failure::new(
            Exit::Usage,
            "E-BENCH-NODES",
            "an SQLite database has one process, several nodes share a PostgreSQL one",
        )
        .at("--database")
        .hint("name an empty one: --database postgres://USER@HOST/EMPTY"));
    }
    let most = args.nodes.iter().max().copied().unwrap_or(1);
    if most > args.clients {
        return Err(Failure::new(
            Exit::Usage,
            "E-BENCH-NODES",
            format!("{most} nodes share {} clients", args.clients),
        )
        .at("--clients")
        .hint("each node needs one at least"));
    }
    let wake = Arc::default();
    let opened = place.open_empty(&wake).await?;
    let own = engine(&opened, rules(&place.dir, None)?, wake).await?;
    let steps = Arc::new(work::captured(&own).await.map_err(failure)?);
    opened.store().close().await;
    let reports = in_turns(&place, &args, &steps).await.map_err(failure)?;
    show(global, &reports)
}

async fn in_turns(
    place: &Place,
    args: &NodesArgs,
    steps: &Arc<Vec<work::Step>>,
) -> Result<Vec<nodes::Report>, BenchError> {
    let load = Load {
        clients: usize::from(args.clients),
        time: Duration::from_secs(u64::from(args.seconds)) / u32::from(TURNS),
    };
    let mut groups = Vec::new();
    for (at, count) in args.nodes.iter().enumerate() {
        let command = |number: usize, clients: usize| {
            let run = format!("G{at}N{number}");
            node(place, &run, clients, load.time)
        };
        let count = usize::from(*count);
        groups.push(Group::start(place.kind(), count, load.clients, command)?);
    }
    let raw_place = place.raw().await.map_err(refused)?;
    let (mut raw, mut raw_time) = (0, Duration::ZERO);
    for _ in 0..TURNS {
        for group in &mut groups {
            // Waits for other processes, and this one has nothing else to do.
            group.work()?;
        }
        let floor = lifecycle::raw(&raw_place, steps, load).await?;
        raw += floor.transitions;
        raw_time += floor.elapsed;
    }
    let options = Options {
        read_only: true,
        ..Options::default()
    };
    let reader = liucheng_store::connect(&place.database, options).await;
    let reader = reader.map_err(|error| refused(store_failure(error)))?;
    let mut reports = Vec::new();
    for group in groups {
        reports.push(group.end(&reader).await?);
    }
    nodes::compare(&mut reports, per_second(raw, raw_time));
    Ok(reports)
}

/// The command that starts a node.
fn node(place: &Place, run: &str, clients: usize, time: Duration) -> Result<Command, BenchError> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args(["bench", "node", "--database", &place.database, "--data"])
        .arg(&place.dir)
        .args(["--run", run, "--clients", &clients.to_string()])
        .args(["--milliseconds", &time.as_millis().to_string()]);
    Ok(command)
}

/// Works a turn for each line that comes in, until there are no more.
pub async fn work(global: &Global, args: NodeArgs) -> Result<(), Failure> {
    let wake: Arc<tokio::sync::Notify> = Arc::default();
    let options = Options {
        wake: Some(Arc::clone(&wake)),
        ..Options::default()
    };
    let database = global.place().database;
    let opened = Opened::open(&database, options)
        .await
        .map_err(store_failure)?;
    let engine = engine(&opened, rules(&global.data_dir(), None)?, wake).await?;
    let mut load = Load {
        clients: args.clients,
        time: WARM_UP,
    };
    for number in 0.. {
        let before = opened.stats();
        let name = format!("{}T{number}", args.run);
        let turn = nodes::turn(&engine, load, &name).await;
        let mut turn = turn.map_err(failure)?;
        let after = opened.stats();
        turn.transactions = after.transactions - before.transactions;
        turn.changes = after.commits - before.commits;
        let told = serde_json::to_value(&turn).map_err(|error| failure(error.into()))?;
        json_line(&told)?;
        load.time = Duration::from_millis(args.milliseconds);
        if !told_to_go_on().await? {
            break;
        }
    }
    opened.store().close().await;
    Ok(())
}

async fn told_to_go_on() -> Result<bool, Failure> {
    let read = tokio::task::spawn_blocking(|| std::io::stdin().lock().lines().next());
    let line = read.await.map_err(|error| failure(error.into()))?;
    Ok(matches!(line, Some(Ok(_))))
}
