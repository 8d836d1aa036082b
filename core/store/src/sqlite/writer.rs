//! The one task that writes.
//!
//! It takes all operations that wait, decides them in memory ([`crate::group`]), writes what is left
//! in one transaction and answers them all. The more callers wait, the more share one fsync.
//!
//! **A full disk** ([`failure::is_full`]) fails the group that found no room. From then on the writer
//! refuses at once, tries once a second whether there is room, by itself, and goes on when there is.
//! **A failed commit of any other kind** stops it until the process is started again.

use std::{
    collections::{HashMap, HashSet},
    mem,
    path::PathBuf,
    sync::{Arc, PoisonError},
    time::{Duration, Instant},
};

use liucheng_engine::{
    crash_point,
    ports::{CommitError, Epoch, ProjectId},
};
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use tracing::{error, info, warn};

use super::{
    checkpoint::Checkpoints,
    failure::{self, is_refusal},
    id,
    identity::Identity,
    journal,
    lock::WriteLock,
    look_up::look_up,
    parameters::parameters,
    schema,
    seal::seal,
    sql,
};
use crate::{
    StoreError, damage,
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

/// How often it is tried whether a full disk has room again.
const ROOM_LOOK: Duration = Duration::from_secs(1);

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Write(error)
    }
}

/// The writer's belongings.
pub(crate) struct Writer {
    path: PathBuf,
    identity: Identity,
    connection: SqliteConnection,
    queue: Queue,
    counters: Arc<Counters>,
    checkpoints: Checkpoints,
    /// When it is tried next whether there is room; absent while there is.
    room_look: Option<tokio::time::Instant>,
    /// The last version of projects changed lately, as committed.
    heads: HashMap<ProjectId, Head>,
    /// Projects that are marked as changed since they were last sealed, as far as remembered.
    marked: HashSet<ProjectId>,
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
        let checkpoints = Checkpoints::new(&path, Arc::clone(&counters));
        let writer = Self {
            identity: Identity::of(&path),
            path,
            connection,
            queue,
            counters: Arc::clone(&counters),
            checkpoints,
            room_look: None,
            heads: HashMap::new(),
            marked: HashSet::new(),
            stopped: None,
            lock,
        };
        (writer, submitter, counters)
    }

    /// Writes until all senders are gone or one says close.
    pub(crate) async fn run(mut self) {
        loop {
            let writes = self.stopped.is_none() && self.room_look.is_none();
            let idle = tokio::select! {
                biased;
                more = self.queue.ready() => {
                    if !more {
                        break;
                    }
                    false
                }
                () = look(self.room_look) => true,
                () = self.checkpoints.due(), if writes => true,
            };
            if idle {
                self.look_for_room().await;
            } else if let Some(jobs) = self.queue.next_group().await {
                self.process(jobs).await;
            } else {
                break;
            }
            self.copy_log().await;
        }
        if self.stopped.is_none() {
            self.checkpoints.end(&mut self.connection).await;
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
        self.look_at_file();
        self.look_for_room().await;
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
        self.counters.operation(&result);
        // A caller that went away no longer wants to know.
        job.reply.send(result).ok();
    }

    async fn fail(&mut self, jobs: Vec<Job>, failure: Failure) {
        let (Failure::Write(error) | Failure::Commit(error)) = &failure;
        if self.stopped.is_none() && failure::is_full(error, &self.path) {
            let full = self.fill(error.to_string());
            self.recover().await;
            for job in jobs {
                self.reply(job, Err(full.clone()));
            }
            return;
        }
        let refusal = match failure {
            Failure::Write(error) => {
                self.recover().await;
                damage::refusal(&error)
            }
            Failure::Commit(error) => {
                error!(%error, "commit failed, nothing more is written");
                // After a failed fsync the kernel may have dropped the pages it could not write, and
                // trying again would report a success that is not on the disk.
                let reason = self.stop(format!("stopped after a failed commit ({error}); restart"));
                CommitError::Unavailable(reason)
            }
        };
        for job in jobs {
            self.reply(job, Err(refusal.clone()));
        }
    }

    /// Rolls back by opening a new connection: SQLite has rolled back by itself after some errors and
    /// not after others, and a closed connection has rolled back for certain.
    async fn recover(&mut self) {
        self.heads.clear();
        self.marked.clear();
        if self.stopped.is_some() {
            return;
        }
        if let Err(error) = self.reconnect().await {
            if self.room_look.is_some() {
                // Opening may need room as well; it is tried again with the next look.
                warn!(%error, "the database cannot be reopened yet");
                return;
            }
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

    /// What is written to a file without a name is durable until the process ends, and gone then.
    fn look_at_file(&mut self) {
        if self.stopped.is_none()
            && let Some(reason) = self.identity.lost()
        {
            error!(
                error = reason,
                "the database's file is gone, nothing more is written"
            );
            self.stop(format!(
                "stopped: {reason}; what was written before it may be lost: restore a backup"
            ));
        }
    }

    fn stop(&mut self, reason: String) -> String {
        self.heads.clear();
        self.room_look = None;
        let reason = self.stopped.get_or_insert(reason).clone();
        self.counters.stop(reason.clone());
        reason
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
                "there has been no room since {} ({})",
                full.since.rfc3339(),
                full.reason
            )
        });
        CommitError::Full(full.unwrap_or_default())
    }

    /// Goes on writing if there was no room and is again, but looks once a second at most.
    async fn look_for_room(&mut self) {
        if self.stopped.is_some()
            || self
                .room_look
                .is_none_or(|at| tokio::time::Instant::now() < at)
        {
            return;
        }
        match self.try_to_write().await {
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

    /// Makes room in the log and writes a little, as durably as everything else.
    async fn try_to_write(&mut self) -> Result<(), String> {
        let path = self.path.clone();
        let reserved = tokio::task::spawn_blocking(move || failure::reserve(&path)).await;
        let reserved = reserved.unwrap_or_else(|error| Err(std::io::Error::other(error)));
        reserved.map_err(|error| error.to_string())?;
        self.reconnect().await.map_err(|error| error.to_string())?;
        let version: i64 = sqlx::query_scalar(sql::USER_VERSION)
            .fetch_one(&mut self.connection)
            .await
            .map_err(|error| error.to_string())?;
        let same = format!("{} = {version}", sql::USER_VERSION);
        let written = sqlx::raw_sql(AssertSqlSafe(same))
            .execute(&mut self.connection)
            .await;
        match written {
            Ok(_) => Ok(()),
            Err(error) => {
                if !failure::is_full(&error, &self.path) {
                    error!(%error, "commit failed, nothing more is written");
                    self.stop(format!("stopped after a failed commit ({error}); restart"));
                }
                Err(error.to_string())
            }
        }
    }

    /// Copies the log into the database if it is time.
    async fn copy_log(&mut self) {
        if self.stopped.is_some() || self.room_look.is_some() {
            return;
        }
        if let Err(error) = self.checkpoints.step(&mut self.connection).await {
            error!(%error, "copying the log failed, nothing more is written");
            self.stop(format!(
                "stopped after a failed checkpoint ({error}); restart"
            ));
        }
    }

    async fn write_group(&mut self, jobs: &[Job]) -> Result<Vec<Verdict>, Failure> {
        if let Some(reason) = &self.stopped {
            let refuse = || Verdict::Refuse(CommitError::Unavailable(reason.clone()));
            return Ok(jobs.iter().map(|_| refuse()).collect());
        }
        if self.room_look.is_some() {
            let refusal = self.refusal();
            let refuse = || Verdict::Refuse(refusal.clone());
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
        let sealed = write(&mut self.connection, &group, &self.marked).await?;
        crash_point!("sqlite.written");
        self.queue.measured(started, jobs.len());
        sqlx::query(sql::COMMIT)
            .execute(&mut self.connection)
            .await
            .map_err(Failure::Commit)?;
        crash_point!("sqlite.committed");
        self.counters.transaction(group.commits());
        self.counters.group(jobs.len(), started.elapsed());
        self.checkpoints.wrote();
        if let Some(order) = group.seal {
            // Only now is there such an epoch.
            *order.sealed.lock().unwrap_or_else(PoisonError::into_inner) = sealed;
        }
        if group.seal.is_some() || self.marked.len() > HEADS {
            self.marked.clear();
        } else {
            self.marked.extend(group.changed.keys());
        }
        let changed = group.new_heads();
        if self.heads.len() + changed.len() > HEADS {
            self.heads.clear();
        }
        self.heads.extend(changed);
        Ok(verdicts)
    }
}

/// Writes all rows of a group, without committing them; returns the epoch it seals.
async fn write(
    connection: &mut SqliteConnection,
    group: &Group<'_>,
    marked: &HashSet<ProjectId>,
) -> Result<Option<Epoch>, sqlx::Error> {
    let parameters =
        parameters(group, marked).map_err(|error| sqlx::Error::Encode(error.into()))?;
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
    for act in &group.tokens {
        journal::change(connection, act).await?;
    }
    for place in &group.forgotten {
        sqlx::query(shared::REMOVE_ANSWER)
            .bind(id(place.project))
            .bind(&place.key)
            .bind(place.at.0)
            .execute(&mut *connection)
            .await?;
    }
    match group.seal {
        Some(order) => seal(connection, &order.seal).await,
        None => Ok(None),
    }
}

/// Waits for an instant, for ever without one.
async fn look(at: Option<tokio::time::Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
