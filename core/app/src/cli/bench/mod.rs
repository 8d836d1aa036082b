//! `liucheng bench`: what this machine can do, with its raw limit beside it.

mod growth;
mod lifecycle;
mod nodes;
mod place;
mod start;

use std::{
    net::{Ipv4Addr, SocketAddr},
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use clap::{Args, Subcommand};
use liucheng_bench::{BenchError, calls, recovery, timers, work::Parts};
use liucheng_engine::{
    commands::SYSTEM,
    ports::{Clock, ProvinceRules, Store, TokenRow},
    record::digest,
};
use liucheng_model::verdict::Hook;
use liucheng_store::Options;
use serde::Serialize;
use serde_json::json;

use self::place::{Opened, Place, engine, rules};
use super::{Global, serve, token};
use crate::{
    compose::{self, SystemClock, store_failure},
    output::{Exit, Failure, document, line},
};

/// What to measure.
#[derive(Debug, Subcommand)]
pub enum BenchCommand {
    /// Durable transitions a second, on the full path of a command.
    Lifecycle(LifecycleArgs),
    /// Timers: many that wait, many that fall due at once.
    Timers(TimersArgs),
    /// Kill a server under load and wait for its first command after that.
    Recovery(RecoveryArgs),
    /// Start a server and wait for its first command; its memory after that.
    Start(start::StartArgs),
    /// What a transition costs in larger stores and with longer histories.
    Growth(growth::GrowthArgs),
    /// Nodes on one PostgreSQL: what they do together, each thing once.
    Nodes(nodes::NodesArgs),
    /// What it costs to ask a province's component.
    Plugin(PluginArgs),
    /// The server that is measured.
    #[command(hide = true)]
    Server(ServerArgs),
    /// A node that is measured.
    #[command(hide = true)]
    Node(nodes::NodeArgs),
}

impl BenchCommand {
    /// Whether the data folder means anything: all others measure in a folder of their own.
    pub const fn takes_data(&self) -> bool {
        matches!(self, Self::Server(_) | Self::Node(_))
    }
}

/// Why `--data` is refused.
pub fn data_is_of_no_use() -> Failure {
    Failure::new(
        Exit::Usage,
        "E-USAGE",
        "benchmarks use no data folder, they measure in a new one in the working directory",
    )
    .at("--data")
    .hint(
        "change to a folder on the disk that is to be measured, or name a database with --database",
    )
}

/// How to measure transitions.
#[derive(Debug, Args)]
pub struct LifecycleArgs {
    /// Clients, each with one command under way.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=512))]
    clients: u16,
    /// Seconds for ours; as many again for the raw limit.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=600))]
    seconds: u16,
    /// Over HTTP, against a server in a process of its own.
    #[arg(long)]
    http: bool,
    /// Ask this package at each transition.
    #[arg(long, value_name = "ID")]
    package: Option<String>,
    /// Leave the raw limit out, for counting system calls or for a profiler.
    #[arg(long, conflicts_with = "http")]
    without_raw: bool,
}

/// How many timers.
#[derive(Debug, Args)]
pub struct TimersArgs {
    /// Timers that wait.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pending: u64,
    /// Timers that fall due together.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    due: u64,
}

/// How to kill.
#[derive(Debug, Args)]
pub struct RecoveryArgs {
    /// Projects in flight.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    in_flight: u64,
    /// Kills.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    kills: u16,
}

/// How to ask.
#[derive(Debug, Args)]
pub struct PluginArgs {
    /// The package; all built-in ones if absent.
    #[arg(long, value_name = "ID")]
    package: Option<String>,
    /// Calls for each amount of facts.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    calls: u32,
}

/// The server that is measured.
#[derive(Debug, Args)]
pub struct ServerArgs {
    /// Ask this package at each transition.
    #[arg(long)]
    package: Option<String>,
}

/// Measures.
pub async fn run(global: &Global, command: BenchCommand) -> Result<Exit, Failure> {
    match command {
        BenchCommand::Lifecycle(args) => lifecycle::measure(global, args).await?,
        BenchCommand::Timers(args) => measure_timers(global, args).await?,
        BenchCommand::Recovery(args) => measure_recovery(global, args).await?,
        BenchCommand::Start(args) => start::measure(global, args).await?,
        BenchCommand::Growth(args) => growth::measure(global, args).await?,
        BenchCommand::Nodes(args) => nodes::measure(global, args).await?,
        BenchCommand::Node(args) => nodes::work(global, args).await?,
        BenchCommand::Plugin(args) => measure_plugin(global, args).await?,
        BenchCommand::Server(args) => serve_benchmark(global, args).await?,
    }
    Ok(Exit::Ok)
}

async fn measure_timers(global: &Global, args: TimersArgs) -> Result<(), Failure> {
    let place = Place::new(global)?;
    let wake = Arc::default();
    let opened = place.open_empty(&wake).await?;
    let options = Options {
        read_only: true,
        ..Options::default()
    };
    let reader = liucheng_store::connect(&place.database, options).await;
    let parts = Parts {
        store: opened.store(),
        rules: rules(&place.dir, None)?.host,
        package: None,
        clock: Arc::new(SystemClock),
        wake,
    };
    let scene = timers::Place {
        what: place.kind().to_owned(),
        parts,
        reader: reader.map_err(store_failure)?,
    };
    let amount = timers::Amount {
        pending: args.pending,
        due: args.due,
    };
    let report = timers::run(scene, amount).await.map_err(failure)?;
    opened.store().close().await;
    show(global, &report)
}

async fn measure_recovery(global: &Global, args: RecoveryArgs) -> Result<(), Failure> {
    let place = Place::new(global)?;
    let wake = Arc::default();
    let opened = place.open_empty(&wake).await?;
    let engine = engine(&opened, rules(&place.dir, None)?, wake).await?;
    let prepared = recovery::put_in_flight(&engine, args.in_flight).await;
    prepared.map_err(failure)?;
    let token = keep_token(&*opened.store()).await.map_err(failure)?;
    opened.store().close().await;
    // Once before the first kill, so that a wrong command line shows.
    server(&place, None).map_err(failure)?;
    let start = || server(&place, None).unwrap_or_else(|_| Command::new("liucheng"));
    let kills = usize::from(args.kills);
    let report = recovery::run(place.kind(), start, &token, args.in_flight, kills).await;
    show(global, &report.map_err(failure)?)
}

/// How often a package is taken from its compiled code.
const LOADS: usize = 5;

async fn measure_plugin(global: &Global, args: PluginArgs) -> Result<(), Failure> {
    let place = Place::new(global)?;
    let parts = || {
        let cache = Some(place.dir.join("cache"));
        compose::parts(compose::calendar(&[])?, cache, args.package.as_deref())
    };
    let all = parts()?;
    all.rules.load_all().map_err(compose::plugin_failure)?;
    // Others that find the compiled code and have loaded nothing.
    let mut fresh: Vec<Arc<dyn ProvinceRules>> = Vec::new();
    for _ in 0..LOADS {
        fresh.push(parts()?.rules);
    }
    let mut reports = Vec::new();
    // The question put is `check`; a package may have nothing to say to it.
    let asked = all.rules.packages().into_iter();
    for package in asked.filter(|p| p.hooks.contains(&Hook::Check)) {
        let pin = package.pin();
        let load_us = calls::load(&fresh, &pin).await.map_err(failure)?;
        for facts in [5, 50] {
            let calls = args.calls as usize;
            let entry = all.library.entry(&package.id)?;
            let parameters = Arc::clone(&entry.definition.parameters);
            let asked = (&pin, parameters);
            let report = calls::run(&*all.rules, asked, facts, calls).await;
            let report = report.map_err(failure)?;
            reports.push(calls::Report { load_us, ..report });
        }
    }
    if reports.is_empty() {
        // Names what there is.
        rules(&place.dir, args.package.as_deref())?;
    }
    show(global, &reports)
}

/// Serves the benchmark's definition until it is killed.
async fn serve_benchmark(global: &Global, args: ServerArgs) -> Result<(), Failure> {
    let dir = global.data_dir();
    let database = global.place().database;
    let wake: Arc<tokio::sync::Notify> = Arc::default();
    let options = Options {
        wake: Some(Arc::clone(&wake)),
        lock_wait: Duration::from_secs(5),
        ..Options::default()
    };
    let opened = Opened::open(&database, options)
        .await
        .map_err(store_failure)?;
    let rules = rules(&dir, args.package.as_deref())?;
    let engine = engine(&opened, rules, wake).await?;
    let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    serve::serve(engine, anywhere, true).await
}

/// The command that starts the server that is measured.
fn server(place: &Place, package: Option<&str>) -> Result<Command, BenchError> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .args(["bench", "server", "--database", &place.database, "--data"])
        .arg(&place.dir)
        .stderr(Stdio::null());
    if let Some(package) = package {
        command.args(["--package", package]);
    }
    Ok(command)
}

async fn keep_token(store: &dyn Store) -> Result<String, BenchError> {
    let token = token::fresh().map_err(refused)?;
    let row = TokenRow {
        hash: digest(&token),
        actor: SYSTEM.to_owned(),
        roles: "*".to_owned(),
        at: SystemClock.now(),
    };
    store.put_token(row).await?;
    Ok(token)
}

fn refused(failure: Failure) -> BenchError {
    BenchError::Server(failure.message)
}

fn failure(error: BenchError) -> Failure {
    match error {
        BenchError::Command(error) => error.into(),
        other => Failure::new(Exit::Unavailable, "E-BENCH", other.to_string())
            .hint("the working directory needs space, the database has to be reachable"),
    }
}

/// One figure on a line; as JSON where asked.
fn show(global: &Global, report: &impl Serialize) -> Result<(), Failure> {
    let value = json!(report);
    if global.json {
        return document(&value);
    }
    let reports = match &value {
        serde_json::Value::Array(list) => list.iter().collect(),
        one => vec![one],
    };
    for report in reports {
        for (name, figure) in report.as_object().into_iter().flatten() {
            let figure = figure
                .as_str()
                .map_or_else(|| figure.to_string(), str::to_owned);
            line(format!("{:28} {figure}", name.replace('_', " ")))?;
        }
        line("")?;
    }
    Ok(())
}
