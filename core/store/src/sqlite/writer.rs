//! The one task that writes.
//!
//! It takes all operations that wait, decides them in memory ([`crate::group`]), writes what is left
//! in one transaction and answers them all. The more callers wait, the more share one fsync.

use std::{collections::HashMap, mem, path::PathBuf, sync::Arc, time::Instant};

use liucheng_engine::{
    crash_point,
    ports::{CommitError, ProjectId},
};
use sqlx::{Connection, SqliteConnection};
use tracing::{error, warn};

use super::{lock::WriteLock, look_up::look_up, parameters::parameters, schema, sql};
use crate::{
    StoreError,
    group::{Group, Head, Verdict},
    queue::{Job, Queue, Submitter},
    sql as shared,
    stats::Counters,
};

/// How many heads of projects are remembered, about 300 bytes each.
const HEADS: usize = 16_384;

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
    queue: Queue,
    counters: Arc<Counters>,
    /// The last version of projects changed lately, as committed.
    heads: HashMap<ProjectId, Head>,
    /// Why nothing is written any more.
    stopped: Option<String>,
    lock: WriteLock,
}

impl Writer {
    /// A writer on an open, migrated database.
    pub(crate) fn new(
        path: PathBuf,
        connection: SqliteConnection,
        lock: WriteLock,
    ) -> (Self, Submitter, Arc<Counters>) {
        let (queue, submitter) = Queue::new();
        let counters = Arc::new(Counters::default());
        let writer = Self {
            path,
            connection,
            queue,
            counters: Arc::clone(&counters),
            heads: HashMap::new(),
            stopped: None,
            lock,
        };
        (writer, submitter, counters)
    }

    /// Writes until all senders are gone or one says close.
    pub(crate) async fn run(mut self) {
        while let Some(jobs) = self.queue.next_group().await {
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
        self.queue.ended();
    }

    async fn process(&mut self, jobs: Vec<Job>) {
        match self.write_group(&jobs).await {
            Ok(verdicts) => {
                self.answer(jobs, verdicts);
                crash_point!("sqlite.answered");
            }
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
                Verdict::Later => self.queue.held.push_back(job),
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
        crash_point!("sqlite.taken");
        let found = look_up(&mut self.connection, &mut self.heads, jobs).await?;
        let mut group = Group::new(&self.heads, &found);
        let verdicts = jobs.iter().map(|job| group.admit(&job.operation)).collect();
        if group.is_empty() {
            return Ok(verdicts);
        }
        crash_point!("sqlite.looked-up");
        write(&mut self.connection, &group).await?;
        crash_point!("sqlite.written");
        self.queue.measured(started, jobs.len());
        sqlx::query(sql::COMMIT)
            .execute(&mut self.connection)
            .await
            .map_err(Failure::Commit)?;
        crash_point!("sqlite.committed");
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
    let parameters = parameters(group).map_err(|error| sqlx::Error::Encode(error.into()))?;
    let mut query = sqlx::query(sql::WRITE_GROUP);
    for parameter in parameters {
        query = query.bind(parameter);
    }
    query.execute(&mut *connection).await?;
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
    for token in &group.tokens {
        sqlx::query(shared::PUT_TOKEN)
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
