//! The one task of a node that writes.
//!
//! It takes all operations that wait and writes them with one statement, which is a transaction of
//! its own: one trip and one fsync for the whole group ([`sql::WRITE_GROUP`]). Nothing is asked
//! before. Other nodes write too, so what this one remembers may be out of date; instead each change
//! carries the version and hash it was decided on, and the statement leaves out those that no longer
//! fit. Only what was left out is looked up, to say why, or to try again.
//!
//! **A server without room** (class 53: disk full, memory, connections) fails the group that met it. From
//! then on the writer refuses at once and tries once a second, by itself, whether it is over.
//!
//! **A lost connection** may have carried the answer to a commit. Its operations are then doubtful:
//! after reconnecting they are looked up by their record's hash, and those that are there are
//! acknowledged. The others are written again. Should the server still be busy with the lost
//! statement, the two compete for the same version: one wins, the other changes nothing, and the next
//! look finds the record. So whichever it is, a change happens once, and `Ok` means that it did.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use liucheng_engine::{
    crash_point,
    ports::{CommitError, ProjectId},
};
use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};
use tokio::time::{sleep, timeout};
use tracing::{error, info, warn};
use uuid::Uuid;

use super::{
    columns::{Surroundings, earliest, write_group},
    failure::{Failure, is_full},
    journal,
    listen::Hints,
    look_up::{Truth, commit},
    node::Node,
    schema, sql,
};
use crate::{
    damage::{is_damage, refusal},
    group::{Group, Operation, Verdict},
    queue::{Job, Queue, Submitter},
    sql as shared,
    stats::Counters,
};

/// How often a group is tried before its callers are told that it does not work.
const ROUNDS: u32 = 12;

/// How long operations wait for a server that went away; after that they fail at once.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long one attempt to connect may take.
const CONNECT_TIME: Duration = Duration::from_secs(3);

/// An answer that takes longer than the server's own limit on statements is not going to come.
const ANSWER_TIME: Duration = Duration::from_secs(20);

/// How often a server that has no room is asked whether it has.
const ROOM_LOOK: Duration = Duration::from_secs(1);

/// How many codes of projects are remembered.
const CODES: usize = 16_384;

/// The writer's belongings.
pub(crate) struct Writer {
    options: PgConnectOptions,
    connection: Option<PgConnection>,
    queue: Queue,
    counters: Arc<Counters>,
    node: Option<Arc<Node>>,
    hints: Arc<Hints>,
    /// Codes of projects changed lately: an unchanged one needs no look for its owner.
    codes: HashMap<ProjectId, String>,
    /// Since when the server has been away.
    away: Option<Instant>,
    /// When it is tried next whether there is room; absent while there is.
    room_look: Option<tokio::time::Instant>,
}

/// Operations to be tried together.
struct Batch {
    jobs: Vec<Job>,
    round: u32,
    /// Believe nothing, ask the database first.
    look: bool,
    /// An earlier try may have been written.
    doubtful: bool,
}

impl Batch {
    fn next(self) -> Self {
        Self {
            round: self.round + 1,
            ..self
        }
    }
}

/// Why there is no connection.
enum Away {
    /// The server has no room for one.
    Full(String),
    Gone(String),
}

/// What became of an operation.
enum Outcome {
    Done(Result<(), CommitError>),
    Undecided,
    Later,
}

impl Writer {
    /// A writer that connects when it has something to write.
    pub(crate) fn new(
        options: PgConnectOptions,
        node: Arc<Node>,
        hints: Arc<Hints>,
    ) -> (Self, Submitter, Arc<Counters>) {
        let (queue, submitter) = Queue::new();
        let counters = Arc::new(Counters::default());
        let writer = Self {
            options,
            connection: None,
            queue,
            counters: Arc::clone(&counters),
            node: Some(node),
            hints,
            codes: HashMap::new(),
            away: None,
            room_look: None,
        };
        (writer, submitter, counters)
    }

    /// Writes until all senders are gone or one says close.
    pub(crate) async fn run(mut self) {
        loop {
            let idle = tokio::select! {
                biased;
                more = self.queue.ready() => {
                    if !more {
                        break;
                    }
                    false
                }
                () = look(self.room_look) => true,
            };
            if idle {
                self.look_for_room().await;
            } else if let Some(jobs) = self.queue.next_group().await {
                self.process(jobs).await;
            } else {
                break;
            }
        }
        if let Some(connection) = self.connection.take()
            && let Err(error) = connection.close().await
        {
            warn!(%error, "the connection was not closed cleanly");
        }
        // Only now is what this node claims free for others.
        if let Some(node) = self.node.take() {
            node.end().await;
        }
        self.queue.ended();
    }

    async fn process(&mut self, jobs: Vec<Job>) {
        self.look_for_room().await;
        if self.room_look.is_some() {
            let refusal = self.refusal();
            for job in jobs {
                self.reply(job, Err(refusal.clone()));
            }
            return;
        }
        let mut batches = VecDeque::from([Batch {
            jobs,
            round: 0,
            look: false,
            doubtful: false,
        }]);
        while let Some(batch) = batches.pop_front() {
            self.step(batch, &mut batches).await;
        }
    }

    async fn step(&mut self, batch: Batch, batches: &mut VecDeque<Batch>) {
        if batch.round >= ROUNDS {
            return self.fail(batch, "the database is too busy with these projects");
        }
        if let Err(away) = self.connect().await {
            return match away {
                Away::Full(reason) => self.fail_full(batch, reason),
                Away::Gone(reason) => self.fail(batch, &reason),
            };
        }
        match self.attempt(&batch).await {
            Ok(outcomes) => {
                self.settle(batch, outcomes, batches);
                crash_point!("postgres.answered");
            }
            Err(Failure::Refused(error)) if batch.jobs.len() > 1 => {
                // One of them is to blame, and its neighbours shall not suffer for it.
                warn!(%error, operations = batch.jobs.len(), "group refused, writing one by one");
                let Batch {
                    round, doubtful, ..
                } = batch;
                batches.extend(batch.jobs.into_iter().map(|job| Batch {
                    jobs: vec![job],
                    round: round + 1,
                    look: true,
                    doubtful,
                }));
            }
            Err(Failure::Again(error)) => {
                info!(%error, round = batch.round, "group tried again");
                sleep(pause(batch.round)).await;
                batches.push_back(batch.next());
            }
            Err(Failure::Lost(error)) => {
                warn!(%error, operations = batch.jobs.len(), "connection lost, looking what was written");
                self.connection = None;
                let batch = Batch {
                    look: true,
                    doubtful: true,
                    ..batch
                };
                sleep(pause(batch.round)).await;
                batches.push_back(batch.next());
            }
            Err(Failure::ReadOnly(error)) => {
                warn!(%error, operations = batch.jobs.len(), "the server takes no changes, connecting anew");
                self.connection = None;
                let batch = Batch {
                    look: true,
                    ..batch
                };
                if batch.round + 1 >= ROUNDS {
                    return self.fail(batch, &error.to_string());
                }
                sleep(pause(batch.round)).await;
                batches.push_back(batch.next());
            }
            Err(Failure::Full(error)) => self.fail_full(batch, error.to_string()),
            Err(Failure::Failed(error)) if !batch.doubtful && is_damage(&error) => {
                for job in batch.jobs {
                    self.reply(job, Err(refusal(&error)));
                }
            }
            Err(Failure::Refused(error) | Failure::Failed(error)) => {
                self.fail(batch, &error.to_string());
            }
        }
    }

    fn settle(&mut self, batch: Batch, outcomes: Vec<Outcome>, batches: &mut VecDeque<Batch>) {
        let mut undecided = Vec::new();
        for (job, outcome) in batch.jobs.into_iter().zip(outcomes) {
            match outcome {
                Outcome::Done(result) => self.reply(job, result),
                Outcome::Undecided => undecided.push(job),
                Outcome::Later => self.queue.held.push_back(job),
            }
        }
        if !undecided.is_empty() {
            batches.push_back(Batch {
                jobs: undecided,
                round: batch.round + 1,
                look: true,
                doubtful: batch.doubtful,
            });
        }
    }

    fn reply(&self, job: Job, result: Result<(), CommitError>) {
        self.counters.operation(&result);
        // A caller that went away no longer wants to know.
        job.reply.send(result).ok();
    }

    fn fail(&self, batch: Batch, reason: &str) {
        let doubt = "; it is not known whether the change was stored, ask again with the same key";
        let doubt = if batch.doubtful { doubt } else { "" };
        for job in batch.jobs {
            let error = CommitError::Unavailable(format!("{reason}{doubt}"));
            self.reply(job, Err(error));
        }
    }

    /// Notes that the server has no room. What may have been written before is not denied.
    fn fail_full(&mut self, batch: Batch, reason: String) {
        let doubtful = batch.doubtful;
        let refusal = self.fill(reason);
        if doubtful {
            return self.fail(batch, &refusal.to_string());
        }
        for job in batch.jobs {
            self.reply(job, Err(refusal.clone()));
        }
    }

    /// Notes that there is no room; what to say to those who want to write.
    fn fill(&mut self, reason: String) -> CommitError {
        if self.counters.fill(reason) {
            error!("no room to write, reading goes on");
        }
        self.room_look = Some(tokio::time::Instant::now() + ROOM_LOOK);
        self.refusal()
    }

    fn refusal(&self) -> CommitError {
        let full = self.counters.full().map(|full| {
            format!(
                "the database has had no room since {} ({})",
                full.since.rfc3339(),
                full.reason
            )
        });
        CommitError::Full(full.unwrap_or_default())
    }

    /// Goes on writing if there was no room and is again, but looks once a second at most.
    async fn look_for_room(&mut self) {
        if self
            .room_look
            .is_none_or(|at| tokio::time::Instant::now() < at)
        {
            return;
        }
        let found = match self.connect().await {
            Ok(()) => self.try_room().await,
            Err(Away::Full(reason)) => Err(reason),
            // That is another trouble, and the next change will meet it.
            Err(Away::Gone(_)) => Ok(()),
        };
        match found {
            Ok(()) => {
                self.counters.has_room();
                self.room_look = None;
                info!("there is room again, writing goes on");
            }
            Err(reason) => {
                self.fill(reason);
            }
        }
    }

    async fn try_room(&mut self) -> Result<(), String> {
        let Some(connection) = &mut self.connection else {
            return Ok(());
        };
        let tried = sqlx::raw_sql(sql::TRY_ROOM).execute(connection);
        match within(async { tried.await.map(drop) }).await {
            Err(Failure::Full(error)) => Err(error.to_string()),
            Err(Failure::Lost(_) | Failure::ReadOnly(_)) => {
                self.connection = None;
                Ok(())
            }
            // A role without the right to temporary tables learns it from the next change.
            _ => Ok(()),
        }
    }

    /// Connects unless connected, waiting for a server that is about to come back.
    async fn connect(&mut self) -> Result<(), Away> {
        if self.connection.is_some() {
            return Ok(());
        }
        let since = *self.away.get_or_insert_with(Instant::now);
        let mut tries = 0;
        loop {
            let attempt = timeout(CONNECT_TIME, schema::connect(&self.options)).await;
            let reason = match attempt {
                Ok(Ok(connection)) => {
                    self.connection = Some(connection);
                    self.away = None;
                    return Ok(());
                }
                Ok(Err(error)) if is_full(&error) => return Err(Away::Full(error.to_string())),
                Ok(Err(error)) => error.to_string(),
                Err(_) => "the database does not answer".to_owned(),
            };
            if since.elapsed() >= PATIENCE {
                return Err(Away::Gone(reason));
            }
            sleep(pause(tries)).await;
            tries += 1;
        }
    }

    async fn attempt(&mut self, batch: &Batch) -> Result<Vec<Outcome>, Failure> {
        let Some(connection) = &mut self.connection else {
            return Err(Failure::Lost(sqlx::Error::WorkerCrashed));
        };
        let started = Instant::now();
        crash_point!("postgres.taken");
        let jobs = &batch.jobs;
        let truth = if batch.look {
            within(Truth::look_up(connection, jobs, batch.doubtful)).await?
        } else {
            Truth::believed(jobs)
        };
        let mut group = Group::new(&truth.heads, &truth.found);
        let mut verdicts = Vec::with_capacity(jobs.len());
        for job in jobs {
            // Those without a verdict are there already.
            let there = commit(job).is_some_and(|commit| truth.has(commit));
            verdicts.push((!there).then(|| group.admit(&job.operation)));
        }
        let written = if group.is_empty() {
            HashSet::new()
        } else {
            let surroundings = Surroundings {
                codes: &self.codes,
                epochs: self.node.iter().flat_map(|node| node.epochs()).collect(),
            };
            crash_point!("postgres.begun");
            let written = within(write(connection, &group, &surroundings)).await?;
            crash_point!("postgres.written");
            written
        };
        let failed: HashSet<ProjectId> = group
            .changed
            .keys()
            .filter(|id| !written.contains(&id.0))
            .copied()
            .collect();
        if !group.is_empty() {
            let commits = group.records.iter();
            let commits = commits.filter(|(id, _)| !failed.contains(id)).count();
            self.counters.transaction(commits);
            self.counters.group(jobs.len(), started.elapsed());
            self.queue.measured(started, jobs.len());
            if let Some(at) = earliest(&group) {
                self.hints.set(at);
            }
            remember(&mut self.codes, &group, &failed);
        }
        let outcome = |(job, verdict): (&Job, Option<Verdict>)| {
            let failed_here = concerned(&job.operation).is_some_and(|id| failed.contains(&id));
            match verdict {
                None => Outcome::Done(Ok(())),
                Some(Verdict::Later) => Outcome::Later,
                Some(Verdict::Write) if failed_here => Outcome::Undecided,
                Some(Verdict::Write) => Outcome::Done(Ok(())),
                // A reason to refuse counts only if it is the database's own, and if it does not rest
                // on a neighbour that was left out.
                Some(Verdict::Refuse(_)) if !batch.look || failed_here => Outcome::Undecided,
                Some(Verdict::Refuse(CommitError::DuplicateCode(_))) if !failed.is_empty() => {
                    Outcome::Undecided
                }
                Some(Verdict::Refuse(error)) => Outcome::Done(Err(error)),
            }
        };
        Ok(jobs.iter().zip(verdicts).map(outcome).collect())
    }
}

/// The project whose change decides about the operation. Fates of mails stand for themselves; timers
/// are postponed again if what they were merged with was left out.
fn concerned(operation: &Operation) -> Option<ProjectId> {
    match operation {
        Operation::Commit(commit) => Some(commit.row.id),
        Operation::Postpone(timer) => Some(timer.project),
        Operation::FinishMail { .. }
        | Operation::Document(_)
        | Operation::Token(_)
        | Operation::Forget(_)
        | Operation::Seal(_) => None,
    }
}

fn remember(
    codes: &mut HashMap<ProjectId, String>,
    group: &Group<'_>,
    failed: &HashSet<ProjectId>,
) {
    if codes.len() + group.changed.len() > CODES {
        codes.clear();
    }
    for (id, commit) in &group.changed {
        if failed.contains(id) {
            codes.remove(id);
        } else if codes.get(id) != Some(&commit.row.code) {
            codes.insert(*id, commit.row.code.clone());
        }
    }
}

/// Waits for an instant, for ever without one.
async fn look(at: Option<tokio::time::Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Gives up on a server that has fallen silent.
async fn within<T>(work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, Failure> {
    let silent = |_| {
        let error = std::io::Error::new(std::io::ErrorKind::TimedOut, "the database fell silent");
        Failure::Lost(error.into())
    };
    Ok(timeout(ANSWER_TIME, work).await.map_err(silent)??)
}

/// Writes a group; returns the projects whose changes were written.
async fn write(
    connection: &mut PgConnection,
    group: &Group<'_>,
    surroundings: &Surroundings<'_>,
) -> Result<HashSet<Uuid>, sqlx::Error> {
    for document in &group.documents {
        sqlx::query(shared::PUT_DOCUMENT)
            .bind(&document.kind)
            .bind(&document.digest)
            .bind(&document.id)
            .bind(&document.version)
            .bind(&document.bytes)
            .execute(&mut *connection)
            .await?;
    }
    for act in &group.tokens {
        journal::change(connection, act).await?;
    }
    if !group.forgotten.is_empty() {
        let mut transaction = connection.begin().await?;
        for place in &group.forgotten {
            sqlx::query(shared::REMOVE_ANSWER)
                .bind(place.project.0)
                .bind(&place.key)
                .bind(place.at.0)
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
    }
    if group.changed.is_empty() && group.timers.is_empty() && group.fates.is_empty() {
        return Ok(HashSet::new());
    }
    // All rows: the answer is complete, and the transaction over, only after the last.
    let rows: Vec<(Option<Uuid>,)> = write_group(group, surroundings)?
        .try_map(|row: sqlx::postgres::PgRow| sqlx::FromRow::from_row(&row))
        .fetch_all(connection)
        .await?;
    Ok(rows.into_iter().filter_map(|(id,)| id).collect())
}

/// The pause after a failed try: a few milliseconds at first, half a second at most.
fn pause(round: u32) -> Duration {
    // Two nodes that met in a deadlock shall not meet again.
    let spread = std::process::id() % 7;
    Duration::from_millis(u64::from((5 << round.min(7)).min(500) + spread))
}
