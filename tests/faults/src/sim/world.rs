//! The scheduler of a simulation.

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
use liucheng_model::project::Project;

use super::{
    Failure, Options, Report,
    database::{Database, LEASE_MICROS},
    node::{self, Done, Node, NodeClock, NodeRules},
    options::Rates,
    post::{NodeMailer, PostOffice},
    store::NodeStore,
};
use crate::{
    Failed,
    check::{self, invariants},
    oracle::{Attempted, Command, Oracle},
    random::Random,
    scene,
};

/// How many of the last steps a failure shows.
const TRACE: usize = 60;
/// How long after healing everything has to be done, in days.
const HEAL_DAYS: i64 = 45;
/// More rounds than this at one instant are a loop without end.
const ROUNDS_MAX: u32 = 4_000;
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
        let dice = Random::new(random.next());
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

    /// Breaks something, at times.
    async fn misfortune(&mut self) -> Result<bool, Failed> {
        let rates = self.rates;
        let index = self.random.index(self.nodes.len());
        let kind = if self.random.chance(rates.crash) {
            let named = self.random.chance(500);
            self.kill(index, named).await;
            "crash"
        } else if self.random.chance(rates.power) {
            self.power_cut().await;
            "power cut"
        } else if self.options.nodes > 1 && self.random.chance(rates.pause) {
            let until = self.random.between(LEASE_MICROS / 4, 3 * LEASE_MICROS);
            let until = self.now().plus_micros(until);
            if let Some(node) = self.nodes.get_mut(index).filter(|n| n.engine.is_some()) {
                node.paused_until = Some(until);
                self.database.state().paused.insert(node.process);
            }
            self.note(format!("node {index}: stands still"));
            "pause"
        } else if self.random.chance(rates.clock) {
            self.jump(index);
            "clock jump"
        } else if self.random.chance(rates.full) {
            let until = self.random.between(SECOND, 2 * HOUR);
            let until = self.now().plus_micros(until);
            self.full_until = Some(until);
            self.database.state().full = true;
            self.note("disk: full".to_owned());
            "full disk"
        } else if self.random.chance(rates.hang_up) {
            self.hang_up(index);
            "hang-up"
        } else if self.edition < 10 && self.random.chance(rates.calendar) {
            self.edition += 1;
            self.kill(index, true).await;
            self.start(index).await?;
            "new calendar"
        } else {
            return Ok(false);
        };
        self.database.state().notes.fault(kind);
        Ok(true)
    }

    /// The database loses its power; a process that has it for itself goes with it.
    async fn power_cut(&mut self) {
        self.database.power_cut().await;
        if self.options.nodes == 1 {
            self.kill(0, true).await;
        }
        self.note("disk: power cut".to_owned());
    }

    /// A client goes away: the work on its command ends at once.
    fn hang_up(&mut self, index: usize) {
        let Some(node) = self.nodes.get_mut(index) else {
            return;
        };
        let at = node.tasks.iter().position(|task| task.name == "command");
        if let Some(at) = at {
            drop(node.tasks.remove(at));
            self.note(format!("node {index}: a client hangs up"));
        }
    }

    fn jump(&mut self, index: usize) {
        let single = self.options.nodes == 1;
        let jumps: &[i64] = if single {
            &[
                0,
                HOUR,
                -HOUR,
                400 * DAY,
                -400 * DAY,
                5 * 60 * SECOND,
                -5 * 60 * SECOND,
            ]
        } else {
            &[0, 0, 30 * SECOND, -30 * SECOND, HOUR, -HOUR, 400 * DAY]
        };
        let skew = self.random.pick(jumps).copied().unwrap_or(0);
        if let Some(node) = self.nodes.get(index) {
            node.clock.set(skew);
        }
        self.note(format!("node {index}: clock off by {} s", skew / SECOND));
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

    // ── Commands ────────────────────────────────────────────────────────────────────────────────

    async fn new_command(&mut self, index: usize) -> Result<(), Failed> {
        let number = self.oracle.commands.len();
        let code = format!("P-{}", self.random.index(self.options.projects));
        let memory = &*self.database.memory;
        let command = match memory.find_code(&code).await? {
            None => Command::Create(scene::opening(self.options.law, &code)),
            Some(_) if self.random.chance(20) => {
                Command::Create(scene::opening(self.options.law, &code))
            }
            Some(id) => {
                let Some(row) = memory.load(id).await? else {
                    return Ok(());
                };
                let project: Project = serde_json::from_str(&row.state)?;
                let today = self
                    .nodes
                    .get(index)
                    .map_or(NaiveDate::MIN, |n| n.clock.now().date());
                let mut fire =
                    scene::command(&self.entry.definition, &project, today, &mut self.random);
                if self.random.chance(150) {
                    // What the client has seen, sometimes a while ago.
                    fire.expected_version = Some(row.version.saturating_sub(self.random.below(2)));
                }
                Command::Fire(code, fire)
            }
        };
        let key = self.random.chance(800).then(|| format!("key {number}"));
        self.oracle.commands.push(Attempted::new(command, key));
        self.send(index, number);
        Ok(())
    }

    /// A client that heard nothing asks again, or a message arrives twice.
    fn repeat_command(&mut self, index: usize) {
        let keyed = |(_, c): &(usize, &Attempted)| c.key.is_some();
        let keyed: Vec<(usize, bool)> = self
            .oracle
            .commands
            .iter()
            .enumerate()
            .filter(keyed)
            .map(|(n, c)| (n, c.is_open()))
            .collect();
        let open: Vec<usize> = keyed
            .iter()
            .filter(|(_, open)| *open)
            .map(|(n, _)| *n)
            .collect();
        let all: Vec<usize> = keyed.iter().map(|(n, _)| *n).collect();
        let list = if self.random.chance(700) { &open } else { &all };
        let Some(number) = self.random.pick(list).copied() else {
            return;
        };
        let times = if self.random.chance(50) { 10 } else { 1 };
        for _ in 0..times {
            self.send(index, number);
        }
    }

    fn send(&mut self, index: usize, number: usize) {
        let Some(node) = self.nodes.get_mut(index).filter(|n| n.ready && n.is_up()) else {
            return;
        };
        let Some(engine) = node.engine.clone() else {
            return;
        };
        let Some(command) = self.oracle.commands.get_mut(number) else {
            return;
        };
        let attempt = command.begin();
        let task = node::command(
            engine,
            (number, attempt),
            command.command.clone(),
            command.key.clone(),
        );
        node.tasks.push(task);
        let what = match &command.command {
            Command::Create(create) => format!("create {}", create.code),
            Command::Fire(code, fire) => format!("{code} {}", fire.event),
        };
        self.note(format!(
            "node {index}: command {number} attempt {attempt}: {what}"
        ));
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

    // ── Healing ─────────────────────────────────────────────────────────────────────────────────

    /// Nothing breaks any more: everything has to drain.
    async fn heal(&mut self) -> Result<Vec<String>, Failed> {
        self.note("everything heals".to_owned());
        {
            let mut state = self.database.state();
            state.rates = Rates::default();
            state.full = false;
        }
        self.rates = Rates::default();
        self.full_until = None;
        for index in 0..self.nodes.len() {
            if let Some(node) = self.nodes.get(index) {
                node.clock.set(0);
            }
            self.kill(index, true).await;
        }
        for index in 0..self.nodes.len() {
            self.start(index).await?;
        }
        let until = self.now().plus_micros(HEAL_DAYS * DAY);
        self.drain().await?;
        self.ask_again().await?;
        if self.nodes.iter().any(|node| !node.ready) {
            return Ok(vec!["healed: a process did not come up".to_owned()]);
        }
        let mut stuck = 0;
        loop {
            if let Some(problem) = self.work_off().await? {
                return Ok(vec![problem]);
            }
            let (next, now) = (self.database.memory.next_wake().await?, self.now());
            let Some(next) = next.filter(|next| *next <= until) else {
                break;
            };
            // What is due is a former process's until its right ends, and not longer.
            stuck = if next > now { 0 } else { stuck + 1 };
            if stuck > 3 {
                return Ok(vec!["healed: something due is never done".to_owned()]);
            }
            self.advance(next.max(now.plus_micros(i64::from(stuck > 0) * LEASE_MICROS)));
        }
        self.advance(until);
        Ok(self.work_off().await?.into_iter().collect())
    }

    /// Clients that heard nothing ask until they know.
    async fn ask_again(&mut self) -> Result<(), Failed> {
        for _ in 0..20 {
            let open: Vec<usize> = (0..self.oracle.commands.len())
                .filter(|n| self.oracle.commands.get(*n).is_some_and(Attempted::is_open))
                .collect();
            let ready: Vec<usize> = (0..self.nodes.len())
                .filter(|i| self.nodes.get(*i).is_some_and(|n| n.ready))
                .collect();
            for number in open {
                if let Some(index) = self.random.pick(&ready).copied() {
                    self.send(index, number);
                }
            }
            self.drain().await?;
        }
        Ok(())
    }

    /// Does everything that is due now.
    async fn work_off(&mut self) -> Result<Option<String>, Failed> {
        for _ in 0..ROUNDS_MAX {
            let before = self.database.state().notes.durable;
            self.keep_alive();
            for index in 0..self.nodes.len() {
                self.look_at(index, "timers");
                self.look_at(index, "delivery");
                self.look_at(index, "seal");
            }
            self.drain().await?;
            if self.database.state().notes.durable == before {
                return Ok(None);
            }
        }
        Ok(Some("healed: what is due now never ends".to_owned()))
    }

    /// Lets all tasks come to their end.
    async fn drain(&mut self) -> Result<(), Failed> {
        for _ in 0..ROUNDS_MAX {
            let busy: Vec<(usize, usize)> = self
                .nodes
                .iter()
                .enumerate()
                .map(|(i, n)| (i, n.tasks.len()))
                .collect();
            if busy.iter().all(|(_, tasks)| *tasks == 0) {
                return Ok(());
            }
            for (index, tasks) in busy {
                for at in (0..tasks).rev() {
                    self.poll(index, at).await?;
                }
            }
            while self.database.has_waiting() {
                self.database.sync().await;
            }
        }
        Err(Failed("healed: something never ends".to_owned()))
    }
}

fn told<T: std::fmt::Debug, E: std::fmt::Display>(result: &Result<T, E>) -> String {
    match result {
        Ok(value) => format!("{value:?}"),
        Err(error) => error.to_string(),
    }
}
