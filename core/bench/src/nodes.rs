//! Several nodes on one database: what they do together, and whether each thing was done once.
//!
//! A node is a process of its own with a share of the clients. It is told on its standard input when
//! to begin and says on its standard output what it did, one line of JSON each time.

use std::{
    collections::{BTreeMap, HashSet},
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdout, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use liucheng_engine::{
    Engine,
    ports::{ProjectId, Store},
};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::{
    BenchError,
    lifecycle::{self, Load, Walked},
    measure::{Waits, per_second, rounded},
    work::STAGES,
};

/// Tasks that look at what was stored.
const HANDS: usize = 32;

/// What a node did in one turn.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Turn {
    /// Waits for transitions, in microseconds.
    waits_us: Vec<u64>,
    /// From its first command to its last answer, in microseconds.
    elapsed_us: u64,
    /// The last acknowledged version of each project.
    acknowledged: BTreeMap<ProjectId, u64>,
    /// Transactions of this node.
    pub transactions: u64,
    /// Changes within them.
    pub changes: u64,
}

impl Turn {
    /// What a node's clients did.
    fn of(walked: Walked) -> Self {
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        Self {
            waits_us: walked.waits.iter().map(micros).collect(),
            elapsed_us: micros(walked.elapsed),
            acknowledged: walked.acknowledged,
            ..Self::default()
        }
    }
}

/// Works in this process for a while, as a node that was told to.
///
/// # Errors
/// When the engine refuses a command.
pub async fn turn(engine: &Engine, load: Load, name: &str) -> Result<Turn, BenchError> {
    lifecycle::walk_projects(engine, load, name)
        .await
        .map(Turn::of)
}

/// A node in a process of its own.
struct Node {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Node {
    fn start(mut command: Command) -> Result<Self, BenchError> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().map(BufReader::new);
        let output = output.ok_or_else(|| BenchError::Server("says nothing".to_owned()))?;
        Ok(Self { child, output })
    }

    /// Tells it to begin.
    fn begin(&mut self) -> Result<(), BenchError> {
        let input = self.child.stdin.as_mut();
        let input = input.ok_or_else(|| BenchError::Server("hears nothing".to_owned()))?;
        input.write_all(b"go\n")?;
        Ok(input.flush()?)
    }

    /// What it did.
    fn hear(&mut self) -> Result<Turn, BenchError> {
        let mut line = String::new();
        if self.output.read_line(&mut line)? == 0 {
            return Err(BenchError::Server("a node ended".to_owned()));
        }
        Ok(serde_json::from_str(&line)?)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // The end of its input is the sign to end, and gives its claims back.
        drop(self.child.stdin.take());
        self.child.wait().ok();
    }
}

/// Figures of one number of nodes.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// The kind of database.
    pub what: String,
    /// Nodes, each a process.
    pub nodes: usize,
    /// Clients of all of them.
    pub clients: usize,
    /// Transitions, the openings of projects not counted.
    pub transitions: usize,
    /// Durable transitions a second, of all nodes together.
    pub transitions_per_second: f64,
    /// The median wait for a transition.
    pub p50_ms: f64,
    /// What one in a hundred transitions exceeds.
    pub p99_ms: f64,
    /// Transitions a second over those of the first number of nodes.
    pub of_first: f64,
    /// Transactions for each change of a project.
    pub transactions_per_change: f64,
    /// Raw transitions a second, a connection for each client, in the same turns.
    pub raw_per_second: f64,
    /// Ours over the raw limit's.
    pub ratio: f64,
    /// Acknowledged changes, openings included, that stand in a history exactly once.
    pub acknowledged_once: u64,
    /// Acknowledged changes that are not in a history. Has to be zero.
    pub acknowledged_lost: u64,
    /// Records beyond what was acknowledged, and mails beyond one for each occasion. Has to be zero.
    pub duplicates: u64,
    /// Mails that the transitions planned, each for an occasion of its own.
    pub mails: u64,
    #[serde(skip)]
    together: Duration,
    #[serde(skip)]
    waits: Waits,
    #[serde(skip)]
    acknowledged: BTreeMap<ProjectId, u64>,
    #[serde(skip)]
    changes: (u64, u64),
}

/// Some nodes that work together.
pub struct Group {
    nodes: Vec<Node>,
    report: Report,
}

impl Group {
    /// Starts nodes; each command is given the number of its node and how many clients it has.
    ///
    /// # Errors
    /// When one does not start.
    pub fn start(
        what: &str,
        nodes: usize,
        clients: usize,
        command: impl Fn(usize, usize) -> Result<Command, BenchError>,
    ) -> Result<Self, BenchError> {
        let share = |n: usize| clients / nodes + usize::from(n < clients % nodes);
        let started: Vec<Node> = (0..nodes)
            .map(|n| Node::start(command(n, share(n))?))
            .collect::<Result<_, BenchError>>()?;
        let report = Report {
            what: what.to_owned(),
            nodes,
            clients,
            ..Report::default()
        };
        let mut group = Self {
            nodes: started,
            report,
        };
        // What each did to warm up is looked at as well, but not measured.
        group.hear(false)?;
        Ok(group)
    }

    /// Lets all nodes work at the same time, for as long as they were told at their start.
    ///
    /// # Errors
    /// When a node ends.
    pub fn work(&mut self) -> Result<(), BenchError> {
        self.nodes.iter_mut().try_for_each(Node::begin)?;
        self.hear(true)
    }

    fn hear(&mut self, measured: bool) -> Result<(), BenchError> {
        let mut longest = 0;
        for node in &mut self.nodes {
            let turn = node.hear()?;
            self.report.acknowledged.extend(turn.acknowledged);
            if !measured {
                continue;
            }
            for wait in turn.waits_us {
                self.report.waits.push(Duration::from_micros(wait));
            }
            longest = longest.max(turn.elapsed_us);
            self.report.changes.0 += turn.transactions;
            self.report.changes.1 += turn.changes;
        }
        self.report.together += Duration::from_micros(longest);
        Ok(())
    }

    /// Ends the nodes and looks at everything they said they had done.
    ///
    /// # Errors
    /// When the store does not read.
    pub async fn end(self, store: &Arc<dyn Store>) -> Result<Report, BenchError> {
        let Self { nodes, mut report } = self;
        tokio::task::spawn_blocking(move || drop(nodes)).await?;
        report.transitions = report.waits.len();
        report.transitions_per_second = rounded(per_second(report.transitions, report.together));
        report.p50_ms = rounded(report.waits.percentile_ms(50));
        report.p99_ms = rounded(report.waits.percentile_ms(99));
        let (transactions, changes) = report.changes;
        report.transactions_per_change = rounded(transactions as f64 / changes.max(1) as f64);
        let checked = check(store, std::mem::take(&mut report.acknowledged)).await?;
        report.acknowledged_once = checked.once;
        report.acknowledged_lost = checked.lost;
        report.duplicates = checked.duplicates;
        report.mails = checked.messages.len() as u64;
        Ok(report)
    }
}

/// Puts the raw limit and the first number of nodes beside each.
pub fn compare(reports: &mut [Report], raw_per_second: f64) {
    let first = reports.first().map_or(0.0, |r| r.transitions_per_second);
    for report in reports {
        report.of_first = rounded(report.transitions_per_second / first.max(1e-9));
        report.raw_per_second = rounded(raw_per_second);
        report.ratio = rounded(report.transitions_per_second / raw_per_second.max(1e-9));
    }
}

/// What was found of what was acknowledged.
#[derive(Debug, Default)]
struct Checked {
    once: u64,
    lost: u64,
    duplicates: u64,
    messages: HashSet<String>,
}

async fn check(
    store: &Arc<dyn Store>,
    acknowledged: BTreeMap<ProjectId, u64>,
) -> Result<Checked, BenchError> {
    let all: Arc<Vec<_>> = Arc::new(acknowledged.into_iter().collect());
    let mut hands = JoinSet::new();
    for hand in 0..HANDS {
        let (store, all) = (Arc::clone(store), Arc::clone(&all));
        hands.spawn(async move {
            let mut checked = Checked::default();
            for (id, version) in all.iter().skip(hand).step_by(HANDS) {
                checked.project(&*store, *id, *version).await?;
            }
            Ok::<_, BenchError>(checked)
        });
    }
    let mut total = Checked::default();
    while let Some(checked) = hands.join_next().await {
        total.add(checked??);
    }
    Ok(total)
}

impl Checked {
    /// Looks at one project: records 1 to its acknowledged version once each and nothing after them,
    /// and one mail for each obligation that was opened on the way.
    async fn project(
        &mut self,
        store: &dyn Store,
        id: ProjectId,
        version: u64,
    ) -> Result<(), BenchError> {
        let limit = u32::try_from(version).unwrap_or(u32::MAX).saturating_mul(2);
        let records = store.history(id, 0, limit).await?;
        let found: HashSet<u64> = records.iter().map(|record| record.seq).collect();
        let once = (1..=version).filter(|seq| found.contains(seq)).count() as u64;
        self.once += once;
        self.lost += version - once;
        self.duplicates += records.len() as u64 - once;
        // Each stage but the first opens an obligation, whose opening is announced once.
        let occasions = (version - 1).min(STAGES.len() as u64 - 1);
        let mails = store.mail(id).await?;
        self.lost += occasions.saturating_sub(mails.len() as u64);
        self.duplicates += (mails.len() as u64).saturating_sub(occasions);
        for mail in mails {
            self.message(mail.row.mail.message_id);
        }
        Ok(())
    }

    fn message(&mut self, id: String) {
        if !self.messages.insert(id) {
            self.duplicates += 1;
        }
    }

    fn add(&mut self, other: Self) {
        self.once += other.once;
        self.lost += other.lost;
        self.duplicates += other.duplicates;
        for id in other.messages {
            self.message(id);
        }
    }
}
