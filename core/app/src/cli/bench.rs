//! `liucheng bench`: what this machine can do, with its raw limit beside it.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use clap::{Args, Subcommand};
use liucheng_bench::{
    BenchError, calls,
    lifecycle::{self, Commands, Load, RawPlace, Report},
    measure, recovery, timers,
    work::{self, Parts},
};
use liucheng_engine::{
    CommandError, Engine,
    commands::SYSTEM,
    ports::{Clock, Page, ProvinceRules, Store, TokenRow},
    record::digest,
};
use liucheng_model::verdict::PackagePin;
use liucheng_store::{Options, PostgresStore, SqliteStore, Stats, StoreError};
use serde::Serialize;
use serde_json::json;

use super::{Global, serve, token};
use crate::{
    compose::{self, SystemClock, store_failure},
    output::{Exit, Failure, document, line},
};

/// Ours and the raw limit take turns, so that a busy moment of the machine hits both.
const TURNS: u32 = 4;
/// Work before anything is measured: caches fill and files grow.
const WARM_UP: Duration = Duration::from_millis(500);

/// What to measure.
#[derive(Debug, Subcommand)]
pub enum BenchCommand {
    /// Durable transitions a second, on the full path of a command.
    Lifecycle(LifecycleArgs),
    /// Timers: many that wait, many that fall due at once.
    Timers(TimersArgs),
    /// Kill a server under load and wait for its first command after that.
    Recovery(RecoveryArgs),
    /// What it costs to ask a province's component.
    Plugin(PluginArgs),
    /// The server that is measured.
    #[command(hide = true)]
    Server(ServerArgs),
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
        BenchCommand::Lifecycle(args) => measure_lifecycle(global, args).await?,
        BenchCommand::Timers(args) => measure_timers(global, args).await?,
        BenchCommand::Recovery(args) => measure_recovery(global, args).await?,
        BenchCommand::Plugin(args) => measure_plugin(global, args).await?,
        BenchCommand::Server(args) => serve_benchmark(global, args).await?,
    }
    Ok(Exit::Ok)
}

/// Where to measure; a folder of ours is removed at the end.
struct Place {
    dir: PathBuf,
    database: String,
    postgres: bool,
}

impl Drop for Place {
    fn drop(&mut self) {
        // Nothing is lost if it stays.
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

impl Place {
    /// A new folder in the working directory, where the disk is the one of real data, and the
    /// database that was named or a new file in it.
    fn new(global: &Global) -> Result<Self, Failure> {
        let dir = std::env::current_dir().map(|here| {
            let pid = std::process::id();
            here.join(format!("liucheng-bench-{pid}"))
        });
        let made = dir.and_then(|dir| std::fs::create_dir_all(&dir).map(|()| dir));
        let dir = made.map_err(|error| failure(error.into()))?;
        let file = dir.join("bench.db").display().to_string();
        let database = global.database.clone().unwrap_or(file);
        Ok(Self {
            postgres: database.starts_with("postgres"),
            dir,
            database,
        })
    }

    fn kind(&self) -> &'static str {
        if self.postgres {
            "postgresql"
        } else {
            "sqlite"
        }
    }

    async fn open(&self, wake: &Arc<tokio::sync::Notify>) -> Result<Opened, Failure> {
        let options = Options {
            wake: Some(Arc::clone(wake)),
            ..Options::default()
        };
        Opened::open(&self.database, options)
            .await
            .map_err(store_failure)
    }

    /// As [`open`](Self::open), for a database without projects: a benchmark leaves its own behind.
    async fn open_empty(&self, wake: &Arc<tokio::sync::Notify>) -> Result<Opened, Failure> {
        let opened = self.open(wake).await?;
        let page = Page {
            after: None,
            limit: 1,
        };
        let found = opened
            .store()
            .list(page)
            .await
            .map_err(CommandError::from)?;
        if found.is_empty() {
            return Ok(opened);
        }
        Err(Failure::new(
            Exit::Usage,
            "E-BENCH-DATABASE",
            "the database holds projects, and a benchmark would leave its own among them",
        )
        .at("--database")
        .hint("name an empty database, or none for a new file that is removed at the end"))
    }

    /// Where the raw limit is measured.
    async fn raw(&self) -> Result<RawPlace, Failure> {
        if self.postgres {
            return Ok(RawPlace::Postgres(self.database.clone()));
        }
        let path = self.dir.join("raw.db");
        let location = path.display().to_string();
        liucheng_store::migrate(&location, Options::default())
            .await
            .map_err(store_failure)?;
        Ok(RawPlace::Sqlite(path))
    }

    /// Bytes of the database file.
    fn bytes(&self) -> Option<u64> {
        let path = self.database.trim_start_matches("sqlite://");
        let file = (!self.postgres).then(|| std::fs::metadata(path).ok());
        file.flatten().map(|file| file.len())
    }
}

/// A store with its counters.
enum Opened {
    Sqlite(Arc<SqliteStore>),
    Postgres(Arc<PostgresStore>),
}

impl Opened {
    async fn open(location: &str, options: Options) -> Result<Self, StoreError> {
        Ok(if location.starts_with("postgres") {
            Self::Postgres(Arc::new(
                liucheng_store::postgres::open(location, options).await?,
            ))
        } else {
            Self::Sqlite(Arc::new(liucheng_store::open(location, options).await?))
        })
    }

    fn store(&self) -> Arc<dyn Store> {
        match self {
            Self::Sqlite(store) => store.clone(),
            Self::Postgres(store) => store.clone(),
        }
    }

    fn stats(&self) -> Stats {
        match self {
            Self::Sqlite(store) => store.stats(),
            Self::Postgres(store) => store.stats(),
        }
    }
}

/// A package to ask, with the host that runs it.
struct Rules {
    host: Arc<dyn ProvinceRules>,
    pin: Option<PackagePin>,
}

fn rules(dir: &Path, package: Option<&str>) -> Result<Rules, Failure> {
    let calendar = compose::calendar(&[])?;
    // Without a package the host is there all the same, and empty.
    let only = Some(package.unwrap_or_default());
    let parts = compose::parts(calendar, Some(dir.join("cache")), only)?;
    let Some(package) = package else {
        return Ok(Rules {
            host: parts.rules,
            pin: None,
        });
    };
    let found = parts.rules.packages().into_iter().find(|p| p.id == package);
    let Some(found) = found else {
        return Err(Failure::new(
            Exit::NotFound,
            "E-PLUGIN-UNKNOWN",
            format!("no package {package:?} is built in"),
        )
        .at("--package")
        .hint("`liucheng plugin list` shows what there is"));
    };
    Ok(Rules {
        pin: Some(found.pin()),
        host: parts.rules,
    })
}

async fn engine(
    opened: &Opened,
    rules: Rules,
    wake: Arc<tokio::sync::Notify>,
) -> Result<Engine, Failure> {
    let parts = Parts {
        store: opened.store(),
        rules: rules.host,
        package: rules.pin,
        clock: Arc::new(SystemClock),
        wake,
    };
    work::engine(parts).await.map_err(failure)
}

async fn measure_lifecycle(global: &Global, args: LifecycleArgs) -> Result<(), Failure> {
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
    report.changes = done.commits - stats.commits;
    report.cpu_ms_per_transition =
        usage.map(|_| measure::rounded(used as f64 / transitions.max(1) as f64));
    report.rss_mib = measure::Usage::own().map(mib);
    report.fdatasync_ms = measure::fdatasync_ms(&place.dir).ok().map(measure::rounded);
    let transactions = done.transactions - stats.transactions;
    let changes = report.changes.max(1);
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

async fn measure_plugin(global: &Global, args: PluginArgs) -> Result<(), Failure> {
    let place = Place::new(global)?;
    let all = compose::parts(
        compose::calendar(&[])?,
        Some(place.dir.join("cache")),
        args.package.as_deref(),
    )?;
    let mut reports = Vec::new();
    for package in all.rules.packages() {
        for facts in [5, 50] {
            let calls = args.calls as usize;
            let report = calls::run(&*all.rules, &package.pin(), facts, calls).await;
            reports.push(report.map_err(failure)?);
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

fn mib(usage: measure::Usage) -> f64 {
    measure::rounded(usage.rss_kib as f64 / 1024.0)
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
