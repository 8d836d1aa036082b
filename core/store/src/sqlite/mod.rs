//! The engine's `Store` port on SQLite.
//!
//! * A lock file refuses a second writing process; readers may always join (`Options::read_only`).
//! * The file is in WAL mode with `synchronous=FULL`: what was answered survives a crash of the
//!   process, the kernel and the power supply. After a failed commit nothing more is written until a
//!   restart.

mod audit;
mod checkpoint;
mod failure;
mod identity;
mod journal;
mod jsonb;
pub(crate) mod lock;
mod look_up;
mod parameters;
pub(crate) mod schema;
mod seal;
mod sql;
mod writer;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use liucheng_engine::ports::{
    AnswerPlace, AnswerRow, BACKLOG_MAX, Backlog, Commit, CommitError, Document, Instant,
    MailOutcome, MailRecord, OutboxRow, Page, ProjectId, ProjectRow, ReadError, RecordRow, Schema,
    Store, StoreFigures, StoreHealth, TimerRow, TokenAct, TokenRow,
};
use sqlx::{
    Connection, Decode, Row, Sqlite, SqliteConnection, SqlitePool, Type,
    query::Query,
    sqlite::{SqliteArguments, SqlitePoolOptions, SqliteRow},
};
use uuid::Uuid;

use self::{lock::WriteLock, schema::open_error, writer::Writer};
use crate::{
    Migrated, Options, StoreError, check,
    group::Operation,
    queue::Submitter,
    read::{self, Fields, each, failed, strange},
    sql as shared,
    stats::{Counters, Stats},
};

pub(crate) use failure::is_damage;
pub(crate) use schema::{MIGRATIONS, locate, version};
#[cfg(test)]
pub(crate) use sql::ALL as STATEMENTS;

/// Reads are short and the machine has few cores.
const READERS: u32 = 4;

/// How long a reader waits for one of the connections.
const READER_WAIT: Duration = Duration::from_secs(10);

type ReadQuery = Query<'static, Sqlite, SqliteArguments>;

/// Opens the database at a path or `sqlite://PATH`, creating and migrating it unless read-only.
///
/// # Errors
/// [`StoreError`], with a code and a hint.
pub async fn open(location: &str, options: Options) -> Result<SqliteStore, StoreError> {
    let path = schema::locate(location)?;
    if options.read_only {
        return SqliteStore::reader(path).await;
    }
    let (mut connection, lock, _) = prepare(&path, &options).await?;
    schema::refuse_unfinished(&mut connection, &path).await?;
    Ok(SqliteStore::writer(path, connection, lock))
}

/// Creates or migrates the database and closes it again.
pub(crate) async fn migrate(location: &str, options: &Options) -> Result<Migrated, StoreError> {
    let path = schema::locate(location)?;
    let (mut connection, _lock, from) = prepare(&path, options).await?;
    schema::refuse_unfinished(&mut connection, &path).await?;
    connection
        .close()
        .await
        .map_err(|error| open_error(&path, &error))?;
    Ok(Migrated {
        from,
        to: crate::latest_schema_version(),
    })
}

/// Opens one connection that only reads.
pub(crate) async fn connect_for_reading(path: &Path) -> Result<SqliteConnection, StoreError> {
    schema::connect(&schema::read_options(path), path).await
}

/// Takes the lock and opens the file for writing, created and migrated; returns the version before.
pub(crate) async fn prepare(
    path: &Path,
    options: &Options,
) -> Result<(SqliteConnection, WriteLock, i64), StoreError> {
    let lock = WriteLock::take(path, options.lock_wait).await?;
    schema::create(path)?;
    let mut connection = schema::connect(&schema::write_options(path), path).await?;
    let from = schema::migrate(&mut connection, path).await?;
    Ok((connection, lock, from))
}

/// An open SQLite database.
///
/// Dropping it lets the writer finish what was queued in the background; [`SqliteStore::close`] waits
/// for that.
#[derive(Debug)]
pub struct SqliteStore {
    readers: SqlitePool,
    /// Absent if the database was opened for reading only.
    queue: Option<Submitter>,
    counters: Arc<Counters>,
}

impl SqliteStore {
    fn writer(path: PathBuf, connection: SqliteConnection, lock: WriteLock) -> Self {
        let readers = readers(&path);
        let (writer, queue, counters) = Writer::new(path, connection, lock);
        tokio::spawn(writer.run());
        Self {
            readers,
            queue: Some(queue),
            counters,
        }
    }

    async fn reader(path: PathBuf) -> Result<Self, StoreError> {
        let readers = readers(&path);
        let mut connection = readers
            .acquire()
            .await
            .map_err(|error| open_error(&path, &error))?;
        let found = schema::version(&mut connection, &path).await?;
        check::version(found, &path.display())?;
        schema::refuse_unfinished(&mut connection, &path).await?;
        drop(connection);
        Ok(Self {
            readers,
            queue: None,
            counters: Arc::default(),
        })
    }

    /// Returns the number of the last migration the database has.
    ///
    /// # Errors
    /// [`ReadError`] if the database cannot be read.
    pub async fn schema_version(&self) -> Result<i64, ReadError> {
        let query = sqlx::query(shared::SCHEMA_VERSION);
        self.one(query).await?.number(0)
    }

    /// Returns what the writer has done since the store was opened.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.counters.read()
    }

    /// Writes what is queued, closes all connections and gives up the lock.
    pub async fn close(&self) {
        self.readers.close().await;
        let Some(queue) = &self.queue else { return };
        queue.close().await;
    }

    async fn submit(&self, operation: Operation) -> Result<(), CommitError> {
        let queue = self.queue.as_ref().ok_or_else(|| {
            CommitError::Unavailable("the database was opened for reading only".to_owned())
        })?;
        queue.submit(operation).await
    }

    async fn rows(&self, query: ReadQuery) -> Result<Vec<SqliteRow>, ReadError> {
        let rows = query.fetch_all(&self.readers).await;
        rows.map_err(|error| read::failed(&error))
    }

    async fn row(&self, query: ReadQuery) -> Result<Option<SqliteRow>, ReadError> {
        let row = query.fetch_optional(&self.readers).await;
        row.map_err(|error| read::failed(&error))
    }

    async fn one(&self, query: ReadQuery) -> Result<SqliteRow, ReadError> {
        let row = query.fetch_one(&self.readers).await;
        row.map_err(|error| read::failed(&error))
    }
}

fn readers(path: &Path) -> SqlitePool {
    SqlitePoolOptions::new()
        .max_connections(READERS)
        .acquire_timeout(READER_WAIT)
        // Connections to a file do not go stale, and asking each time costs a trip.
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_lazy_with(schema::read_options(path))
}

fn id(project: ProjectId) -> Vec<u8> {
    project.0.as_bytes().to_vec()
}

/// Records are numbered with 63 bits; nothing comes after a larger number.
fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl Fields for SqliteRow {
    fn text(&self, index: usize) -> Result<String, ReadError> {
        column(self, index)
    }

    fn optional_text(&self, index: usize) -> Result<Option<String>, ReadError> {
        column(self, index)
    }

    fn number(&self, index: usize) -> Result<i64, ReadError> {
        column(self, index)
    }

    fn optional_number(&self, index: usize) -> Result<Option<i64>, ReadError> {
        column(self, index)
    }

    fn bytes(&self, index: usize) -> Result<Vec<u8>, ReadError> {
        column(self, index)
    }

    fn project_id(&self, index: usize) -> Result<ProjectId, ReadError> {
        let bytes: &[u8] = column(self, index)?;
        Uuid::from_slice(bytes)
            .map(ProjectId)
            .map_err(|error| strange(&error))
    }
}

fn column<'r, T>(row: &'r SqliteRow, index: usize) -> Result<T, ReadError>
where
    T: Decode<'r, Sqlite> + Type<Sqlite>,
{
    row.try_get(index).map_err(|error| failed(&error))
}

#[async_trait]
impl Store for SqliteStore {
    async fn load(&self, project: ProjectId) -> Result<Option<ProjectRow>, ReadError> {
        let query = sqlx::query(sql::LOAD).bind(id(project));
        self.row(query)
            .await?
            .as_ref()
            .map(read::project)
            .transpose()
    }

    async fn load_all(&self, ids: &[ProjectId]) -> Result<Vec<ProjectRow>, ReadError> {
        let ids: Vec<_> = ids.iter().map(|id| id.0.simple()).collect();
        let ids = serde_json::to_string(&ids).map_err(|error| strange(&error))?;
        let rows = self.rows(sqlx::query(sql::LOAD_ALL).bind(ids)).await?;
        each(&rows, read::project)
    }

    async fn find_code(&self, code: &str) -> Result<Option<ProjectId>, ReadError> {
        let query = sqlx::query(shared::FIND_CODE).bind(code.to_owned());
        let row = self.row(query).await?;
        row.map(|row| row.project_id(0)).transpose()
    }

    async fn list(&self, page: Page) -> Result<Vec<ProjectRow>, ReadError> {
        let query = match page.after {
            Some(after) => sqlx::query(sql::LIST_AFTER).bind(page.limit).bind(after),
            None => sqlx::query(sql::LIST_FIRST).bind(page.limit),
        };
        each(&self.rows(query).await?, read::project)
    }

    async fn history(
        &self,
        project: ProjectId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<RecordRow>, ReadError> {
        let query = sqlx::query(sql::HISTORY)
            .bind(id(project))
            .bind(number(after))
            .bind(limit);
        each(&self.rows(query).await?, read::record)
    }

    async fn answer(&self, project: ProjectId, key: &str) -> Result<Option<AnswerRow>, ReadError> {
        let query = sqlx::query(shared::ANSWER)
            .bind(id(project))
            .bind(key.to_owned());
        self.row(query)
            .await?
            .as_ref()
            .map(read::answer)
            .transpose()
    }

    async fn answers(
        &self,
        after: Option<AnswerPlace>,
        limit: u32,
    ) -> Result<Vec<AnswerPlace>, ReadError> {
        let (project, key) = after.map_or((Vec::new(), String::new()), |after| {
            (id(after.project), after.key)
        });
        let query = sqlx::query(shared::ANSWER_PLACES)
            .bind(project)
            .bind(key)
            .bind(limit);
        each(&self.rows(query).await?, read::answer_place)
    }

    async fn remove_answers(&self, places: Vec<AnswerPlace>) -> Result<(), CommitError> {
        self.submit(Operation::Forget(places)).await
    }

    async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        check::commit(&commit)?;
        self.submit(Operation::Commit(Box::new(commit))).await
    }

    async fn due_timers(&self, now: Instant, limit: u32) -> Result<Vec<TimerRow>, ReadError> {
        let query = sqlx::query(sql::DUE_TIMERS).bind(now.0).bind(limit);
        each(&self.rows(query).await?, read::timer)
    }

    async fn timers(&self, project: ProjectId) -> Result<Vec<TimerRow>, ReadError> {
        let query = sqlx::query(shared::TIMERS).bind(id(project));
        each(&self.rows(query).await?, read::timer)
    }

    async fn postpone_timer(&self, timer: TimerRow) -> Result<(), CommitError> {
        check::timer(&timer)?;
        self.submit(Operation::Postpone(timer)).await
    }

    async fn due_mail(&self, now: Instant, limit: u32) -> Result<Vec<OutboxRow>, ReadError> {
        let query = sqlx::query(sql::DUE_MAIL).bind(now.0).bind(limit);
        each(&self.rows(query).await?, read::outbox)
    }

    /// A mail whose result cannot be recorded is not sent.
    async fn holds_mail(&self, _: ProjectId, _: &str) -> Result<bool, ReadError> {
        match self.counters.health().trouble() {
            None => Ok(true),
            Some(trouble) => Err(ReadError::Unavailable(format!(
                "the mail waits, because its result could not be recorded: {}",
                trouble.reason
            ))),
        }
    }

    async fn mail(&self, project: ProjectId) -> Result<Vec<MailRecord>, ReadError> {
        let query = sqlx::query(shared::MAIL).bind(id(project));
        each(&self.rows(query).await?, read::mail)
    }

    async fn finish_mail(
        &self,
        project: ProjectId,
        key: &str,
        outcome: MailOutcome,
    ) -> Result<(), CommitError> {
        check::text(key)?;
        let operation = Operation::FinishMail {
            project,
            key: key.to_owned(),
            outcome: check::outcome(outcome),
        };
        self.submit(operation).await
    }

    async fn next_wake(&self) -> Result<Option<Instant>, ReadError> {
        let row = self.one(sqlx::query(sql::NEXT_WAKE)).await?;
        Ok(row.optional_number(0)?.map(Instant))
    }

    async fn put_document(&self, document: Document) -> Result<(), CommitError> {
        self.submit(Operation::Document(document)).await
    }

    async fn document(&self, kind: &str, digest: &str) -> Result<Option<Document>, ReadError> {
        let query = sqlx::query(shared::DOCUMENT)
            .bind(kind.to_owned())
            .bind(digest.to_owned());
        let row = self.row(query).await?;
        row.as_ref().map(read::document).transpose()
    }

    async fn holds_document(&self, kind: &str, digest: &str) -> Result<bool, ReadError> {
        let query = sqlx::query(shared::HOLDS_DOCUMENT)
            .bind(kind.to_owned())
            .bind(digest.to_owned());
        Ok(self.row(query).await?.is_some())
    }

    async fn documents(&self, kind: &str) -> Result<Vec<Document>, ReadError> {
        let query = sqlx::query(shared::DOCUMENTS).bind(kind.to_owned());
        each(&self.rows(query).await?, read::document)
    }

    async fn change_token(&self, act: TokenAct) -> Result<(), CommitError> {
        self.submit(Operation::Token(act)).await
    }

    async fn token(&self, hash: &str) -> Result<Option<TokenRow>, ReadError> {
        let query = sqlx::query(shared::TOKEN).bind(hash.to_owned());
        self.row(query).await?.as_ref().map(read::token).transpose()
    }

    async fn token_count(&self) -> Result<u64, ReadError> {
        self.one(sqlx::query(shared::TOKEN_COUNT)).await?.count(0)
    }

    fn health(&self) -> StoreHealth {
        self.counters.health()
    }

    fn figures(&self) -> StoreFigures {
        let (log, checkpoints) = self.counters.log_figures();
        let open = u64::from(self.readers.size());
        StoreFigures {
            log_bytes: Some(log),
            checkpoints: Some(checkpoints),
            connections_open: open,
            connections_in_use: open.saturating_sub(self.readers.num_idle() as u64),
            connections_max: u64::from(READERS),
            ..self.counters.figures()
        }
    }

    async fn backlog(&self) -> Result<Backlog, ReadError> {
        let query = sqlx::query(shared::BACKLOG).bind(number(BACKLOG_MAX));
        read::backlog(&self.one(query).await?)
    }

    async fn schema(&self) -> Result<Schema, ReadError> {
        Ok(Schema {
            found: self.schema_version().await?,
            known: crate::latest_schema_version(),
        })
    }

    async fn close(&self) {
        Self::close(self).await;
    }
}
