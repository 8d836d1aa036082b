//! The scheduler of a simulation.

mod commands;
mod heal;
mod misfortune;

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
    task::{Context, Poll, Waker},
};

use chrono::{NaiveDate, NaiveTime};
use liucheng_engine::{
    Engine,
    library::{Entry, Library},
    ports::{AuditStore, Clock, Epoch, Instant, Store},
    record::Cause,
};

use super::{
    Failure, Options, Report,
    database::Database,
    node::{self, Done, Node, NodeClock, NodeRules},
    options::Rates,
    post::{NodeMailer, PostOffice},
    store::NodeStore,
};
use crate::{
    Failed,
    check::{self, invariants},
    oracle::Oracle,
    random::Random,
    scene,
};

/// How many of the last steps a failure shows.
const TRACE: usize = 60;
const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3_600 * SECOND;
const DAY: i64 = 24 * HOUR;

/// Everything of a run.
pub struct World {
    options: Options,
    random: Random,
    database: Arc<Database>,
    office: Arc<PostOffice>,
    entry: Entry,
    edition: u32,
    nodes: Vec<Node>,
    processes: u64,
    oracle: Oracle,
    /// Epochs that were published.
    epochs: Vec<Epoch>,
    trace: Vec<String>,
    full_until: Option<Instant>,
    /// How often what goes wrong now.
    rates: Rates,
    begun: Instant,
}

impl World {
    /// A world in which nothing has happened.
    pub fn new(options: Options) -> Result<Self, Box<Failure>> {
        let fail = |error: Failed| {
            Box::new(Failure {
                options: options.clone(),
                problems: vec![error.0],
                trace: Vec::new(),
            })
        };
        let entry = options.law.entry().map_err(fail)?;
        let mut random = Random::new(options.seed ^ 0x5ee_d0f5);
        let date = NaiveDate::from_ymd_opt(2026, 1, 5).unwrap_or_default();
        let begun = Instant::at(date, NaiveTime::MIN).plus_micros(9 * HOUR);
        let dice = Random::new(random.number());
        let database = Database::new(
            dice,
            options.rates,
            begun,
            options.nodes > 1,
            options.broken,
        );
        let database = Arc::new(database);
        let node = |_| Node {
            clock: Arc::new(NodeClock {
                database: Arc::clone(&database),
                skew: 0.into(),
            }),
            process: 0,
            engine: None,
            ready: false,
            tasks: Vec::new(),
            paused_until: None,
        };
        let nodes = (0..options.nodes).map(node).collect();
        Ok(Self {
            random,
            database,
            office: Arc::default(),
            entry,
            edition: 0,
            nodes,
            processes: 0,
            oracle: Oracle::default(),
            epochs: Vec::new(),
            trace: Vec::new(),
            full_until: None,
            begun,
            rates: options.rates,
            options,
        })
    }

    /// Lets it all happen.
    pub async fn run(mut self) -> Result<Report, Box<Failure>> {
        let result = self.live().await;
        let problems = match result {
            Ok(problems) if problems.is_empty() => {
                return match self.report().await {
                    Ok(report) => Ok(report),
                    Err(error) => Err(self.failure(vec![error.0])),
                };
            }
            Ok(problems) => problems,
            Err(error) => vec![error.0],
        };
        Err(self.failure(problems))
    }

    async fn live(&mut self) -> Result<Vec<String>, Failed> {
        for index in 0..self.nodes.len() {
            self.start(index).await?;
        }
        for _ in 0..self.options.steps {
            self.step().await?;
        }
        let mut problems = self.check("under fire", false).await?;
        problems.extend(self.heal().await?);
        problems.extend(self.check("healed", true).await?);
        Ok(problems)
    }

    fn failure(&self, mut problems: Vec<String>) -> Box<Failure> {
        problems.truncate(20);
        let from = self.trace.len().saturating_sub(TRACE);
        Box::new(Failure {
            options: self.options.clone(),
            problems,
            trace: self.trace.get(from..).unwrap_or_default().to_vec(),
        })
    }

    async fn report(&self) -> Result<Report, Failed> {
        let mut hasher = DefaultHasher::new();
        self.trace.hash(&mut hasher);
        let (mut records, mut fired) = (0, 0);
        let memory = &*self.database.memory;
        for row in check::projects(memory).await? {
            row.head.hash(&mut hasher);
            for record in check::history(memory, row.id).await? {
                records += 1;
                fired += u64::from(matches!(record.cause, Cause::Timer { .. }));
            }
        }
        let state = self.database.state();
        Ok(Report {
            digest: hasher.finish(),
            commands: (self.oracle.commands.len(), self.oracle.acknowledged()),
            records,
            fired,
            mails: self.office.books().mails.values().map(Vec::len).sum(),
            faults: state.notes.faults.clone(),
            days: (state.now.0 - self.begun.0) / DAY,
        })
    }

    fn now(&self) -> Instant {
        self.database.state().now
    }

    fn note(&mut self, line: String) {
        self.trace.push(line);
    }

    // ── Checking ────────────────────────────────────────────────────────────────────────────────

    async fn check(&mut self, when: &str, drained: bool) -> Result<Vec<String>, Failed> {
        // Nothing fails while we look.
        let rates = std::mem::take(&mut self.database.state().rates);
        let library = self.library()?;
        let clock = Arc::new(NodeClock {
            database: Arc::clone(&self.database),
            skew: 0.into(),
        });
        let view = NodeStore {
            database: Arc::clone(&self.database),
            process: 0,
            clock,
        };
        let postponed = self.database.state().notes.postponed.clone();
        let mut problems = invariants(&view, &library, Some(&postponed)).await?;
        problems.extend(self.oracle.problems(&view).await?);
        problems.extend(self.office.problems(&view, &self.database, drained).await?);
        // What was published can be anchored elsewhere, and has to stay.
        let kept = view.epochs(0, u32::MAX).await?;
        let lost = self.epochs.iter().filter(|epoch| !kept.contains(epoch));
        problems.extend(lost.map(|epoch| format!("epoch {} is lost", epoch.number)));
        if drained {
            let now = self.now();
            let due = self.database.memory.due_timers(now, u32::MAX).await?;
            problems.extend(
                due.iter()
                    .map(|t| format!("timer {} of {} is due and did not fire", t.key, t.project)),
            );
            let open = self.oracle.commands.iter().filter(|c| c.is_open()).count();
            if open > 0 {
                problems.push(format!("{open} commands were never answered"));
            }
        }
        self.database.state().rates = rates;
        Ok(problems
            .into_iter()
            .map(|p| format!("{when}: {p}"))
            .collect())
    }

    fn library(&self) -> Result<Arc<Library>, Failed> {
        scene::library(self.options.law, &self.entry, self.edition)
    }

    // ── Processes ───────────────────────────────────────────────────────────────────────────────

    async fn start(&mut self, index: usize) -> Result<(), Failed> {
        self.processes += 1;
        let process = self.processes;
        let library = self.library()?;
        self.database.begin(process).await;
        let Some(node) = self.nodes.get_mut(index) else {
            return Ok(());
        };
        let clock: Arc<dyn Clock> = Arc::<NodeClock>::clone(&node.clock);
        let database = Arc::clone(&self.database);
        let engine = Engine {
            store: Arc::new(NodeStore {
                database: Arc::clone(&database),
                process,
                clock: Arc::clone(&clock),
            }),
            rules: Arc::new(NodeRules(Arc::clone(&database))),
            mailer: Arc::new(NodeMailer {
                office: Arc::clone(&self.office),
                database,
                process,
            }),
            clock,
            library,
            cache: Arc::default(),
            figures: Arc::default(),
            wake: Arc::default(),
            mail_domain: "sim.example".into(),
        };
        let engine = Arc::new(engine);
        node.process = process;
        node.ready = false;
        node.paused_until = None;
        node.tasks = vec![node::start(Arc::clone(&engine))];
        node.engine = Some(engine);
        self.note(format!("node {index}: process {process} starts"));
        Ok(())
    }

    /// Ends a process: everything in its memory is gone.
    async fn kill(&mut self, index: usize, orderly: bool) {
        let Some(node) = self.nodes.get_mut(index) else {
            return;
        };
        let process = node.process;
        node.tasks.clear();
        node.engine = None;
        node.ready = false;
        self.database.end(process, orderly).await;
        self.office.died(process);
        // What it had spawned ends as well.
        tokio::task::yield_now().await;
        self.note(format!(
            "node {index}: process {process} dies, orderly {orderly}"
        ));
    }

    // ── One step ────────────────────────────────────────────────────────────────────────────────

    async fn step(&mut self) -> Result<(), Failed> {
        self.keep_alive();
        if self.misfortune().await? {
            return Ok(());
        }
        let index = self.random.index(self.nodes.len());
        match self.random.below(100) {
            0..=7 => self.new_command(index).await?,
            8..=10 => self.repeat_command(index),
            11..=14 => self.look_at(index, "timers"),
            15 => self.look_at(index, "seal"),
            16..=19 => self.look_at(index, "delivery"),
            20..=22 => self.pass_time().await?,
            23..=32 => {
                if self.database.has_waiting() {
                    let word = self.database.sync().await;
                    self.note(format!("disk: {word}"));
                }
            }
            _ => {
                self.poll_some(index).await?;
            }
        }
        let down = self.nodes.get(index).is_some_and(|n| n.engine.is_none());
        if down && self.random.chance(100) {
            self.start(index).await?;
        }
        Ok(())
    }

    fn keep_alive(&mut self) {
        let now = self.now();
        let mut woken = Vec::new();
        for (index, node) in self.nodes.iter_mut().enumerate() {
            if node.paused_until.is_some_and(|until| until <= now) {
                node.paused_until = None;
                self.database.state().paused.remove(&node.process);
                woken.push(index);
            }
            if node.is_up() && !self.database.renew(node.process) {
                woken.push(index);
            }
        }
        for index in woken {
            self.note(format!("node {index}: awake again"));
        }
        if self.full_until.is_some_and(|until| until <= now) {
            self.full_until = None;
            self.database.state().full = false;
            self.note("disk: room again".to_owned());
        }
    }

    /// Time passes: a moment, until something is due, or some days.
    async fn pass_time(&mut self) -> Result<(), Failed> {
        let now = self.now();
        let next = match self.random.below(4) {
            0 => self
                .database
                .memory
                .next_wake()
                .await?
                .filter(|at| at.0 < now.0 + 100 * DAY),
            1 => Some(now.plus_micros(self.random.between(0, 3 * DAY))),
            2 => Some(now.plus_micros(self.random.between(0, HOUR))),
            _ => None,
        };
        let near = now.plus_micros(self.random.between(1, 5 * SECOND));
        self.advance(next.map_or(near, |at| at.max(near)));
        Ok(())
    }

    fn advance(&mut self, to: Instant) {
        // Whoever is awake has shown that it lives all the while.
        let awake: Vec<u64> = self
            .nodes
            .iter()
            .filter(|n| n.is_up())
            .map(|n| n.process)
            .collect();
        for process in &awake {
            self.database.renew(*process);
        }
        self.database.advance(to, &awake);
        self.note(format!("time: {}", to.rfc3339()));
    }

    fn look_at(&mut self, index: usize, what: &'static str) {
        let Some(node) = self
            .nodes
            .get_mut(index)
            .filter(|n| n.ready && n.is_up() && !n.is_doing(what))
        else {
            return;
        };
        let Some(engine) = node.engine.clone() else {
            return;
        };
        let task = match what {
            "timers" => node::fire_due(engine),
            "seal" => node::seal_due(engine),
            _ => node::deliver_due(engine),
        };
        node.tasks.push(task);
    }

    // ── Tasks ───────────────────────────────────────────────────────────────────────────────────

    /// Lets one task of a process go on to its next call of a port.
    async fn poll_some(&mut self, index: usize) -> Result<bool, Failed> {
        let Some(node) = self
            .nodes
            .get(index)
            .filter(|n| n.is_up() && !n.tasks.is_empty())
        else {
            return Ok(false);
        };
        let at = self.random.index(node.tasks.len());
        self.poll(index, at).await?;
        Ok(true)
    }

    async fn poll(&mut self, index: usize, at: usize) -> Result<(), Failed> {
        let Some(node) = self.nodes.get_mut(index) else {
            return Ok(());
        };
        let Some(task) = node.tasks.get_mut(at) else {
            return Ok(());
        };
        let mut context = Context::from_waker(Waker::noop());
        let done = task.work.as_mut().poll(&mut context);
        // What the task has spawned goes on as well.
        tokio::task::yield_now().await;
        let Poll::Ready(done) = done else {
            return Ok(());
        };
        drop(node.tasks.remove(at));
        let process = node.process;
        let line = match done {
            Done::Started(Ok(())) => {
                node.ready = true;
                "ready".to_owned()
            }
            Done::Started(Err(error)) => {
                self.kill(index, true).await;
                format!("did not start: {error}")
            }
            Done::Fired(result) => format!("fired {}", told(&result)),
            Done::Sealed(Ok(epochs)) => {
                let numbers: Vec<u64> = epochs.iter().map(|epoch| epoch.number).collect();
                self.epochs.extend(epochs);
                format!("sealed {numbers:?}")
            }
            Done::Sealed(Err(error)) => format!("sealed nothing: {error}"),
            Done::Delivered(result) => {
                if result.is_ok() {
                    self.office.settled(process);
                }
                format!("delivered {}", told(&result))
            }
            Done::Command(number, attempt, result) => {
                let line = format!(
                    "command {number}: {}",
                    told(&result.as_ref().map(|a| a.version))
                );
                let attempt = self
                    .oracle
                    .commands
                    .get_mut(number)
                    .and_then(|c| c.attempts.get_mut(attempt));
                if let Some(attempt) = attempt {
                    attempt.heard = Some(result);
                }
                line
            }
        };
        if !line.ends_with(" 0") && !line.ends_with("sealed []") {
            self.note(format!("node {index}: {line}"));
        }
        Ok(())
    }
}

fn told<T: std::fmt::Debug, E: std::fmt::Display>(result: &Result<T, E>) -> String {
    match result {
        Ok(value) => format!("{value:?}"),
        Err(error) => error.to_string(),
    }
}
