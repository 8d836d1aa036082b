//! The engine's `Store` port on SQLite.

use std::{path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;
use liucheng_engine::ports::{
    AnswerRow, Commit, CommitError, Document, Instant, MailOutcome, MailRecord, OutboxRow, Page,
    ProjectId, ProjectRow, ReadError, RecordRow, Store, TimerRow, TokenRow,
};
use sqlx::{
    Sqlite, SqliteConnection, SqlitePool,
    query::Query,
    sqlite::{SqliteArguments, SqlitePoolOptions, SqliteRow},
};
use tokio::sync::{mpsc, oneshot};

use crate::{
    StoreError, check,
    group::Operation,
    lock::WriteLock,
    read,
    schema::{self, open_error},
    sql,
    stats::{Counters, Stats},
    writer::{Job, Message, Writer},
};

/// Reads are short and the machine has few cores.
const READERS: u32 = 4;

/// How long a reader waits for one of the connections.
const READER_WAIT: Duration = Duration::from_secs(10);

type ReadQuery = Query<'static, Sqlite, SqliteArguments>;

/// An open database.
///
/// Dropping it lets the writer finish what was queued in the background; [`SqliteStore::close`] waits
/// for that.
#[derive(Debug)]
pub struct SqliteStore {
    readers: SqlitePool,
    /// Absent if the database was opened for reading only.
    queue: Option<mpsc::Sender<Message>>,
    counters: Arc<Counters>,
}

impl SqliteStore {
    pub(crate) fn writer(path: PathBuf, connection: SqliteConnection, lock: WriteLock) -> Self {
        let readers = readers(&path);
        let (writer, queue, counters) = Writer::new(path, connection, lock);
        tokio::spawn(writer.run());
        Self {
            readers,
            queue: Some(queue),
            counters,
        }
    }

    pub(crate) async fn reader(path: PathBuf) -> Result<Self, StoreError> {
        let readers = readers(&path);
        let mut connection = readers
            .acquire()
            .await
            .map_err(|error| open_error(&path, &error))?;
        let found = schema::version(&mut connection, &path).await?;
        schema::check_version(found, &path)?;
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
        let query = sqlx::query(sql::SCHEMA_VERSION);
        read::column(&self.one(query).await?, 0)
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
        let (reply, closed) = oneshot::channel();
        // An error means that the writer is gone already.
        if queue.send(Message::Close(reply)).await.is_ok() {
            closed.await.ok();
        }
    }

    async fn submit(&self, operation: Operation) -> Result<(), CommitError> {
        let queue = self.queue.as_ref().ok_or_else(|| {
            CommitError::Unavailable("the database was opened for reading only".to_owned())
        })?;
        let closed = || CommitError::Unavailable("the store is closed".to_owned());
        let (reply, result) = oneshot::channel();
        let job = Job { operation, reply };
        queue
            .send(Message::Write(job))
            .await
            .map_err(|_| closed())?;
        result.await.map_err(|_| closed())?
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

fn readers(path: &std::path::Path) -> SqlitePool {
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

fn each<T>(
    rows: &[SqliteRow],
    decode: fn(&SqliteRow) -> Result<T, ReadError>,
) -> Result<Vec<T>, ReadError> {
    rows.iter().map(decode).collect()
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

    async fn find_code(&self, code: &str) -> Result<Option<ProjectId>, ReadError> {
        let query = sqlx::query(sql::FIND_CODE).bind(code.to_owned());
        let row = self.row(query).await?;
        row.map(|row| read::project_id(&row, 0)).transpose()
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
        let query = sqlx::query(sql::ANSWER)
            .bind(id(project))
            .bind(key.to_owned());
        self.row(query)
            .await?
            .as_ref()
            .map(read::answer)
            .transpose()
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
        let query = sqlx::query(sql::TIMERS).bind(id(project));
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

    async fn mail(&self, project: ProjectId) -> Result<Vec<MailRecord>, ReadError> {
        let query = sqlx::query(sql::MAIL).bind(id(project));
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
        let at: Option<i64> = read::column(&row, 0)?;
        Ok(at.map(Instant))
    }

    async fn put_document(&self, document: Document) -> Result<(), CommitError> {
        self.submit(Operation::Document(document)).await
    }

    async fn document(&self, kind: &str, digest: &str) -> Result<Option<Document>, ReadError> {
        let query = sqlx::query(sql::DOCUMENT)
            .bind(kind.to_owned())
            .bind(digest.to_owned());
        let row = self.row(query).await?;
        row.as_ref().map(read::document).transpose()
    }

    async fn documents(&self, kind: &str) -> Result<Vec<Document>, ReadError> {
        let query = sqlx::query(sql::DOCUMENTS).bind(kind.to_owned());
        each(&self.rows(query).await?, read::document)
    }

    async fn put_token(&self, token: TokenRow) -> Result<(), CommitError> {
        self.submit(Operation::Token(token)).await
    }

    async fn token(&self, hash: &str) -> Result<Option<TokenRow>, ReadError> {
        let query = sqlx::query(sql::TOKEN).bind(hash.to_owned());
        self.row(query).await?.as_ref().map(read::token).transpose()
    }

    async fn token_count(&self) -> Result<u64, ReadError> {
        read::count(&self.one(sqlx::query(sql::TOKEN_COUNT)).await?, 0)
    }
}
