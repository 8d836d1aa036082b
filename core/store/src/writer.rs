//! The one task that writes.
//!
//! It takes all operations that wait, decides them in memory ([`crate::group`]), writes what is left
//! in one transaction and answers them all. The more callers wait, the more share one fsync.

use std::{
    collections::{HashMap, VecDeque},
    mem,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use liucheng_engine::ports::{CommitError, ProjectId};
use sqlx::{Connection, SqliteConnection};
use tokio::sync::{mpsc, oneshot};
use tracing::{error, warn};

use crate::{
    StoreError,
    group::{Group, Head, Operation, Verdict},
    lock::WriteLock,
    look_up::look_up,
    schema, sql,
    stats::Counters,
};

/// How many operations may wait; senders wait beyond that.
pub(crate) const QUEUE: usize = 1_024;

/// How long a group may take, without the fsync: longer groups only make everybody wait longer.
const GROUP_TIME: Duration = Duration::from_millis(5);

/// A group has at least as many operations as wait, up to this many, however slow the machine is.
const GROUP_MIN: usize = 16;

/// A group never has more operations than this.
const GROUP_MAX: usize = 512;

/// A group takes no further operation beyond this many bytes: its rows are in memory several times.
const GROUP_BYTES: usize = 4 << 20;

/// How many heads of projects are remembered, about 300 bytes each.
const HEADS: usize = 16_384;

/// An operation and whoever waits for it.
pub(crate) struct Job {
    pub operation: Operation,
    pub reply: oneshot::Sender<Result<(), CommitError>>,
}

/// What the writer is told.
pub(crate) enum Message {
    Write(Job),
    Close(oneshot::Sender<()>),
}

/// Why a group was not written.
enum Failure {
    /// Nothing was committed, and the next group may go better.
    Write(sqlx::Error),
    /// It is unknown what the disk holds.
    Commit(sqlx::Error),
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Write(error)
    }
}

/// The writer's belongings.
pub(crate) struct Writer {
    path: PathBuf,
    connection: SqliteConnection,
    queue: mpsc::Receiver<Message>,
    counters: Arc<Counters>,
    /// The last version of projects changed lately, as committed.
    heads: HashMap<ProjectId, Head>,
    /// Operations that come before the queue.
    held: VecDeque<Job>,
    /// How long one operation took lately.
    pace: Duration,
    /// Why nothing is written any more.
    stopped: Option<String>,
    closing: Option<oneshot::Sender<()>>,
    lock: WriteLock,
}

impl Writer {
    /// A writer on an open, migrated database.
    pub(crate) fn new(
        path: PathBuf,
        connection: SqliteConnection,
        lock: WriteLock,
    ) -> (Self, mpsc::Sender<Message>, Arc<Counters>) {
        let (sender, queue) = mpsc::channel(QUEUE);
        let counters = Arc::new(Counters::default());
        let writer = Self {
            path,
            connection,
            queue,
            counters: Arc::clone(&counters),
            heads: HashMap::new(),
            held: VecDeque::new(),
            pace: GROUP_TIME / 64,
            stopped: None,
            closing: None,
            lock,
        };
        (writer, sender, counters)
    }

    /// Writes until all senders are gone or one says close.
    pub(crate) async fn run(mut self) {
        while let Some(jobs) = self.next_group().await {
            self.process(jobs).await;
        }
        if self.stopped.is_some() {
            // Closing would copy the log into the database, and after a failed fsync what is read from
            // the log may not be what was written. The next process checks it; it comes when this one
            // has gone.
            mem::forget((self.connection, self.lock));
        } else {
            if let Err(error) = self.connection.close().await {
                warn!(%error, "the database was not closed cleanly");
            }
            // Only now may another process write.
            drop(self.lock);
        }
        if let Some(closing) = self.closing {
            closing.send(()).ok();
        }
    }

    async fn next_group(&mut self) -> Option<Vec<Job>> {
        let mut jobs = Vec::from(mem::take(&mut self.held));
        if jobs.is_empty() {
            let message = self.queue.recv().await?;
            self.take(message, &mut jobs);
            // Callers that were just answered get to ask again: groups stay full, at the price of
            // nothing when nobody waits.
            tokio::task::yield_now().await;
        }
        let limit = self.limit();
        let mut bytes: usize = jobs.iter().map(|job| job.operation.size()).sum();
        while jobs.len() < limit && bytes < GROUP_BYTES {
            let Ok(message) = self.queue.try_recv() else {
                break;
            };
            self.take(message, &mut jobs);
            bytes += jobs.last().map_or(0, |job| job.operation.size());
        }
        Some(jobs)
    }

    fn take(&mut self, message: Message, jobs: &mut Vec<Job>) {
        match message {
            Message::Write(job) => jobs.push(job),
            Message::Close(reply) => {
                self.queue.close();
                self.closing = Some(reply);
            }
        }
    }

    fn limit(&self) -> usize {
        let fitting = GROUP_TIME.as_nanos() / self.pace.as_nanos().max(1);
        usize::try_from(fitting)
            .unwrap_or(GROUP_MAX)
            .clamp(GROUP_MIN, GROUP_MAX)
    }

    async fn process(&mut self, jobs: Vec<Job>) {
        match self.write_group(&jobs).await {
            Ok(verdicts) => self.answer(jobs, verdicts),
            // One of them is to blame, and its neighbours shall not suffer for it.
            Err(Failure::Write(error)) if jobs.len() > 1 && is_refusal(&error) => {
                warn!(%error, operations = jobs.len(), "group refused, writing one by one");
                self.recover().await;
                for job in jobs {
                    let jobs = vec![job];
                    match self.write_group(&jobs).await {
                        Ok(verdicts) => self.answer(jobs, verdicts),
                        Err(failure) => self.fail(jobs, failure).await,
                    }
                }
            }
            Err(failure) => self.fail(jobs, failure).await,
        }
    }

    fn answer(&mut self, jobs: Vec<Job>, verdicts: Vec<Verdict>) {
        for (job, verdict) in jobs.into_iter().zip(verdicts) {
            match verdict {
                Verdict::Write => self.reply(job, Ok(())),
                Verdict::Refuse(error) => self.reply(job, Err(error)),
                Verdict::Later => self.held.push_back(job),
            }
        }
    }

    fn reply(&self, job: Job, result: Result<(), CommitError>) {
        self.counters.operation();
        // A caller that went away no longer wants to know.
        job.reply.send(result).ok();
    }

    async fn fail(&mut self, jobs: Vec<Job>, failure: Failure) {
        let reason = match failure {
            Failure::Write(error) => {
                self.recover().await;
                error.to_string()
            }
            Failure::Commit(error) => {
                error!(%error, "commit failed, nothing more is written");
                // After a failed fsync the kernel may have dropped the pages it could not write, and
                // trying again would report a success that is not on the disk.
                self.stop(format!("stopped after a failed commit ({error}); restart"))
            }
        };
        for job in jobs {
            self.reply(job, Err(CommitError::Unavailable(reason.clone())));
        }
    }

    /// Rolls back by opening a new connection: SQLite has rolled back by itself after some errors and
    /// not after others, and a closed connection has rolled back for certain.
    async fn recover(&mut self) {
        self.heads.clear();
        if self.stopped.is_some() {
            return;
        }
        if let Err(error) = self.reconnect().await {
            error!(%error, "the database cannot be reopened, nothing more is written");
            self.stop(format!("stopped, {error}; restart"));
        }
    }

    async fn reconnect(&mut self) -> Result<(), StoreError> {
        let fresh = schema::connect(&schema::write_options(&self.path), &self.path).await?;
        let old = mem::replace(&mut self.connection, fresh);
        old.close()
            .await
            .map_err(|error| schema::open_error(&self.path, &error))
    }

    fn stop(&mut self, reason: String) -> String {
        self.heads.clear();
        self.stopped.get_or_insert(reason).clone()
    }

    async fn write_group(&mut self, jobs: &[Job]) -> Result<Vec<Verdict>, Failure> {
        if let Some(reason) = &self.stopped {
            let refuse = || Verdict::Refuse(CommitError::Unavailable(reason.clone()));
            return Ok(jobs.iter().map(|_| refuse()).collect());
        }
        let started = Instant::now();
        let found = look_up(&mut self.connection, &mut self.heads, jobs).await?;
        let mut group = Group::new(&self.heads, &found);
        let verdicts = jobs.iter().map(|job| group.admit(&job.operation)).collect();
        if group.is_empty() {
            return Ok(verdicts);
        }
        write(&mut self.connection, &group).await?;
        // A moving average: one slow group does not make the next ones small.
        let operations = u32::try_from(jobs.len()).unwrap_or(u32::MAX);
        self.pace = (self.pace * 7 + started.elapsed() / operations) / 8;
        sqlx::query(sql::COMMIT)
            .execute(&mut self.connection)
            .await
            .map_err(Failure::Commit)?;
        self.counters.transaction(group.commits());
        let changed = group.new_heads();
        if self.heads.len() + changed.len() > HEADS {
            self.heads.clear();
        }
        self.heads.extend(changed);
        Ok(verdicts)
    }
}

/// Writes all rows of a group, without committing them.
async fn write(connection: &mut SqliteConnection, group: &Group<'_>) -> Result<(), sqlx::Error> {
    let parameters = group
        .parameters()
        .map_err(|error| sqlx::Error::Encode(error.into()))?;
    let mut query = sqlx::query(sql::WRITE_GROUP);
    for parameter in parameters {
        query = query.bind(parameter);
    }
    query.execute(&mut *connection).await?;
    for document in &group.documents {
        sqlx::query(sql::PUT_DOCUMENT)
            .bind(&document.kind)
            .bind(&document.digest)
            .bind(&document.id)
            .bind(&document.version)
            .bind(&document.bytes)
            .execute(&mut *connection)
            .await?;
    }
    for token in &group.tokens {
        sqlx::query(sql::PUT_TOKEN)
            .bind(&token.hash)
            .bind(&token.actor)
            .bind(&token.roles)
            .bind(token.at.0)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// Whether SQLite refused a row, as opposed to not being able to write.
fn is_refusal(error: &sqlx::Error) -> bool {
    const TOO_BIG: i32 = 18;
    const CONSTRAINT: i32 = 19;
    const MISMATCH: i32 = 20;
    let code = error.as_database_error().and_then(|e| e.code());
    // The low byte is the kind; the rest says which constraint.
    code.and_then(|code| code.parse::<i32>().ok())
        .is_some_and(|code| matches!(code & 0xFF, TOO_BIG | CONSTRAINT | MISMATCH))
}
