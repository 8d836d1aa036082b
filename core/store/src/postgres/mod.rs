//! The engine's `Store` port on PostgreSQL (14 or later), for several nodes on one database.
//!
//! * Each node writes through one task and one connection: groups of changes, one statement each,
//!   compare-and-set on the projects' rows (`writer`, `columns`). Nothing relies on SERIALIZABLE, on
//!   sequences or on replicas; every invariant is one row's or a unique index's.
//! * Reads and claims use a small pool beside it. They are tried again while the server is away.
//! * Nodes share timers and mails by claims that end with a node's epoch (`node`), and wake each other
//!   by notifications, which are only hints (`listen`).

mod audit;
mod columns;
mod failure;
mod guard;
mod journal;
mod listen;
mod look_up;
mod node;
pub(crate) mod schema;
mod seal;
mod sql;
mod writer;

use std::sync::Arc;

use async_trait::async_trait;
use liucheng_engine::ports::{
    AnswerPlace, AnswerRow, BACKLOG_MAX, Backlog, Commit, CommitError, Document, Instant,
    MailOutcome, MailRecord, OutboxRow, Page, ProjectId, ProjectRow, ReadError, RecordRow, Schema,
    Store, StoreFigures, StoreHealth, TimerRow, TokenAct, TokenRow,
};
use sqlx::{
    Connection, Decode, PgPool, Postgres, Row, Type,
    postgres::{PgArguments, PgRow},
    query::Query,
};
use tokio::sync::watch;
use uuid::Uuid;

use self::{columns::number, guard::Guard, node::Node, schema::retry, writer::Writer};
use crate::{
    Migrated, Options, StoreError, check, clock,
    group::Operation,
    queue::Submitter,
    read::{self, Fields, each, failed},
    sql as shared,
    stats::{Counters, Stats},
};

#[cfg(test)]
pub(crate) use schema::MIGRATIONS;
pub(crate) use schema::Place;
#[cfg(test)]
pub(crate) use sql::ALL as STATEMENTS;

type ReadQuery = Query<'static, Postgres, PgArguments>;

/// Opens `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, migrating it unless read-only.
///
/// # Errors
/// [`StoreError`], with a code and a hint.
pub async fn open(location: &str, options: Options) -> Result<PostgresStore, StoreError> {
    let place = Place::parse(location)?;
    let mut connection = place.connect().await?;
    let found = if options.read_only {
        let found = place.version(&mut connection).await?;
        check::version(found, &place.name)?;
        found
    } else {
        place.migrate(&mut connection).await?
    };
    place.refuse_unfinished(&mut connection).await?;
    tracing::debug!(database = %place.name, schema = found, "opened");
    let store = PostgresStore::start(&place, options).await?;
    // Once more, now that a copy can see that this node has come.
    if let Err(refused) = place.refuse_unfinished(&mut connection).await {
        store.close().await;
        return Err(refused);
    }
    connection
        .close()
        .await
        .map_err(|error| place.error(&error))?;
    Ok(store)
}

/// Whether the database has a schema of this program.
pub(crate) async fn is_there(location: &str) -> Result<bool, StoreError> {
    let place = Place::parse(location)?;
    let mut connection = place.connect().await?;
    let version = place.version(&mut connection).await?;
    let closed = connection.close().await;
    closed.map_err(|error| place.error(&error))?;
    Ok(version > 0)
}

/// Creates or migrates the schema.
pub(crate) async fn migrate(location: &str) -> Result<Migrated, StoreError> {
    let place = Place::parse(location)?;
    let mut connection = place.connect().await?;
    let from = place.migrate(&mut connection).await?;
    place.refuse_unfinished(&mut connection).await?;
    connection
        .close()
        .await
        .map_err(|error| place.error(&error))?;
    Ok(Migrated {
        from,
        to: crate::latest_schema_version(),
    })
}

/// An open PostgreSQL database, seen from one node.
///
/// Dropping it lets the writer finish what was queued in the background; [`PostgresStore::close`]
/// waits for that.
#[derive(Debug)]
pub struct PostgresStore {
    readers: PgPool,
    /// Absent if the database was opened for reading only.
    writing: Option<Writing>,
    counters: Arc<Counters>,
}

/// What a node has that may write.
#[derive(Debug)]
struct Writing {
    queue: Submitter,
    node: Arc<Node>,
    /// Dropping it ends the tasks that keep the node alive.
    stop: watch::Sender<bool>,
}

impl PostgresStore {
    async fn start(place: &Place, options: Options) -> Result<Self, StoreError> {
        // One more, because the listener keeps its connection.
        let listener = u32::from(options.wake.is_some());
        let readers = place.pool(options.connections.max(1) + listener);
        if options.read_only {
            return Ok(Self {
                readers,
                writing: None,
                counters: Arc::default(),
            });
        }
        place.refuse_read_only(&readers).await?;
        let guard = match options.node {
            Some(name) => Some(Guard::begin(place, &readers, name).await?),
            None => None,
        };
        let node = Node::begin(readers.clone(), guard, options.lease).await;
        let node = Arc::new(node.map_err(|error| StoreError::Connect {
            location: place.name.clone(),
            reason: error.to_string(),
        })?);
        let (stop, stopped) = watch::channel(false);
        if let Some(wake) = &options.wake {
            let (pool, node) = (readers.clone(), Arc::clone(&node));
            tokio::spawn(listen::listen(
                pool,
                node,
                Arc::clone(wake),
                stopped.clone(),
            ));
        }
        let hints = Arc::new(listen::Hints::default());
        let telling = Arc::clone(&hints).tell(readers.clone(), Arc::clone(&node), stopped.clone());
        tokio::spawn(telling);
        tokio::spawn(Arc::clone(&node).keep_alive(stopped, options.wake));
        let (writer, queue, counters) =
            Writer::new(place.write_options(), Arc::clone(&node), hints);
        tokio::spawn(writer.run());
        Ok(Self {
            readers,
            writing: Some(Writing { queue, node, stop }),
            counters,
        })
    }

    /// Returns the number of the last migration the database has.
    ///
    /// # Errors
    /// [`ReadError`] if the database cannot be read.
    pub async fn schema_version(&self) -> Result<i64, ReadError> {
        let one = self.one(|| sqlx::query(shared::SCHEMA_VERSION)).await?;
        one.number(0)
    }

    /// Returns what this node's writer has done since the store was opened.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.counters.read()
    }

    /// Returns the database's clock minus this machine's in microseconds, as last measured; `None` for
    /// a reader. Beyond a minute this node gets no timers and no mails.
    #[must_use]
    pub fn clock_skew_micros(&self) -> Option<i64> {
        self.writing.as_ref().map(|writing| writing.node.skew())
    }

    /// Returns the current epoch of this node; `None` for a reader.
    #[must_use]
    pub fn epoch(&self) -> Option<i64> {
        self.writing.as_ref()?.node.current()
    }

    /// Writes what is queued, ends the node's epoch and closes all connections.
    pub async fn close(&self) {
        if let Some(writing) = &self.writing {
            writing.stop.send(true).ok();
            writing.queue.close().await;
        }
        self.readers.close().await;
    }

    async fn submit(&self, operation: Operation) -> Result<(), CommitError> {
        let writing = self.writing.as_ref().ok_or_else(|| {
            CommitError::Unavailable("the database was opened for reading only".to_owned())
        })?;
        writing.queue.submit(operation).await
    }

    async fn rows(&self, query: impl Fn() -> ReadQuery) -> Result<Vec<PgRow>, ReadError> {
        let rows = retry(|| query().fetch_all(&self.readers)).await;
        rows.map_err(|error| failed(&error))
    }

    async fn row(&self, query: impl Fn() -> ReadQuery) -> Result<Option<PgRow>, ReadError> {
        Ok(self.rows(query).await?.into_iter().next())
    }

    async fn one(&self, query: impl Fn() -> ReadQuery) -> Result<PgRow, ReadError> {
        let row = self.row(query).await?;
        row.ok_or_else(|| failed(&sqlx::Error::RowNotFound))
    }

    /// Rows that are due: claimed for this node, or just read by a reader.
    async fn due(
        &self,
        claim: &'static str,
        read: &'static str,
        now: Instant,
        limit: u32,
    ) -> Result<Vec<PgRow>, ReadError> {
        let limit = i64::from(limit);
        let Some(writing) = &self.writing else {
            return self
                .rows(|| sqlx::query(read).bind(now.0).bind(limit))
                .await;
        };
        let epoch = writing.node.epoch().await?;
        self.rows(|| sqlx::query(claim).bind(now.0).bind(limit).bind(epoch))
            .await
    }
}

impl Fields for PgRow {
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
        column::<Uuid>(self, index).map(ProjectId)
    }
}

fn column<'r, T>(row: &'r PgRow, index: usize) -> Result<T, ReadError>
where
    T: Decode<'r, Postgres> + Type<Postgres>,
{
    row.try_get(index).map_err(|error| failed(&error))
}

#[async_trait]
impl Store for PostgresStore {
    async fn load(&self, project: ProjectId) -> Result<Option<ProjectRow>, ReadError> {
        let row = self.row(|| sqlx::query(sql::LOAD).bind(project.0)).await?;
        row.as_ref().map(read::project).transpose()
    }

    async fn load_all(&self, ids: &[ProjectId]) -> Result<Vec<ProjectRow>, ReadError> {
        let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        let rows = self.rows(|| sqlx::query(sql::LOAD_ALL).bind(ids.clone()));
        each(&rows.await?, read::project)
    }

    fn writes_alone(&self) -> bool {
        false
    }

    async fn find_code(&self, code: &str) -> Result<Option<ProjectId>, ReadError> {
        let row = self
            .row(|| sqlx::query(shared::FIND_CODE).bind(code.to_owned()))
            .await?;
        row.map(|row| row.project_id(0)).transpose()
    }

    async fn list(&self, page: Page) -> Result<Vec<ProjectRow>, ReadError> {
        let limit = i64::from(page.limit);
        let rows = self.rows(|| match &page.after {
            Some(after) => sqlx::query(sql::LIST_AFTER).bind(limit).bind(after.clone()),
            None => sqlx::query(sql::LIST_FIRST).bind(limit),
        });
        each(&rows.await?, read::project)
    }

    async fn history(
        &self,
        project: ProjectId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<RecordRow>, ReadError> {
        let rows = self.rows(|| {
            sqlx::query(sql::HISTORY)
                .bind(project.0)
                .bind(number(after))
                .bind(i64::from(limit))
        });
        each(&rows.await?, read::record)
    }

    async fn answer(&self, project: ProjectId, key: &str) -> Result<Option<AnswerRow>, ReadError> {
        let row = self.row(|| {
            sqlx::query(shared::ANSWER)
                .bind(project.0)
                .bind(key.to_owned())
        });
        row.await?.as_ref().map(read::answer).transpose()
    }

    async fn answers(
        &self,
        after: Option<AnswerPlace>,
        limit: u32,
    ) -> Result<Vec<AnswerPlace>, ReadError> {
        let (project, key) = after.map_or((Uuid::nil(), String::new()), |after| {
            (after.project.0, after.key)
        });
        let rows = self.rows(|| {
            sqlx::query(shared::ANSWER_PLACES)
                .bind(project)
                .bind(key.clone())
                .bind(i64::from(limit))
        });
        each(&rows.await?, read::answer_place)
    }

    async fn remove_answers(&self, places: Vec<AnswerPlace>) -> Result<(), CommitError> {
        self.submit(Operation::Forget(places)).await
    }

    async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        check::commit(&commit)?;
        self.submit(Operation::Commit(Box::new(commit))).await
    }

    async fn due_timers(&self, now: Instant, limit: u32) -> Result<Vec<TimerRow>, ReadError> {
        let rows = self.due(sql::CLAIM_TIMERS, sql::DUE_TIMERS, now, limit);
        each(&rows.await?, read::timer)
    }

    async fn timers(&self, project: ProjectId) -> Result<Vec<TimerRow>, ReadError> {
        let rows = self.rows(|| sqlx::query(shared::TIMERS).bind(project.0));
        each(&rows.await?, read::timer)
    }

    async fn postpone_timer(&self, timer: TimerRow) -> Result<(), CommitError> {
        check::timer(&timer)?;
        self.submit(Operation::Postpone(timer)).await
    }

    async fn due_mail(&self, now: Instant, limit: u32) -> Result<Vec<OutboxRow>, ReadError> {
        let rows = self.due(sql::CLAIM_MAIL, sql::DUE_MAIL, now, limit);
        each(&rows.await?, read::outbox)
    }

    async fn holds_mail(&self, project: ProjectId, key: &str) -> Result<bool, ReadError> {
        let Some(writing) = &self.writing else {
            return Ok(false);
        };
        let epoch = writing.node.epoch().await?;
        let row = self.one(|| {
            sqlx::query(sql::HOLDS_MAIL)
                .bind(project.0)
                .bind(key.to_owned())
                .bind(epoch)
                .bind(writing.node.margin())
        });
        Ok(row.await?.number(0)? > 0)
    }

    async fn mail(&self, project: ProjectId) -> Result<Vec<MailRecord>, ReadError> {
        let rows = self.rows(|| sqlx::query(shared::MAIL).bind(project.0));
        each(&rows.await?, read::mail)
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
        let epoch = self.epoch().unwrap_or_default();
        let row = self.one(|| sqlx::query(sql::NEXT_WAKE).bind(epoch)).await?;
        let next = row.optional_number(0)?;
        // Another node's right is measured by the database's clock, and we sleep by ours.
        let look = row.optional_number(1)?.map(|rest| clock::micros() + rest);
        Ok(next.into_iter().chain(look).min().map(Instant))
    }

    async fn put_document(&self, document: Document) -> Result<(), CommitError> {
        self.submit(Operation::Document(document)).await
    }

    async fn document(&self, kind: &str, digest: &str) -> Result<Option<Document>, ReadError> {
        let row = self.row(|| {
            sqlx::query(shared::DOCUMENT)
                .bind(kind.to_owned())
                .bind(digest.to_owned())
        });
        row.await?.as_ref().map(read::document).transpose()
    }

    async fn holds_document(&self, kind: &str, digest: &str) -> Result<bool, ReadError> {
        let row = self.row(|| {
            sqlx::query(shared::HOLDS_DOCUMENT)
                .bind(kind.to_owned())
                .bind(digest.to_owned())
        });
        Ok(row.await?.is_some())
    }

    async fn documents(&self, kind: &str) -> Result<Vec<Document>, ReadError> {
        let rows = self.rows(|| sqlx::query(shared::DOCUMENTS).bind(kind.to_owned()));
        each(&rows.await?, read::document)
    }

    async fn change_token(&self, act: TokenAct) -> Result<(), CommitError> {
        self.submit(Operation::Token(act)).await
    }

    async fn token(&self, hash: &str) -> Result<Option<TokenRow>, ReadError> {
        let row = self
            .row(|| sqlx::query(shared::TOKEN).bind(hash.to_owned()))
            .await?;
        row.as_ref().map(read::token).transpose()
    }

    async fn token_count(&self) -> Result<u64, ReadError> {
        let one = self.one(|| sqlx::query(shared::TOKEN_COUNT)).await?;
        one.count(0)
    }

    fn health(&self) -> StoreHealth {
        StoreHealth {
            clock_skew_micros: self.clock_skew_micros(),
            unwritable: self
                .writing
                .as_ref()
                .and_then(|writing| writing.node.lapsing()),
            taken: self
                .writing
                .as_ref()
                .and_then(|writing| writing.node.taken()),
            ..self.counters.health()
        }
    }

    fn figures(&self) -> StoreFigures {
        let open = u64::from(self.readers.size());
        StoreFigures {
            connections_open: open,
            connections_in_use: open.saturating_sub(self.readers.num_idle() as u64),
            connections_max: u64::from(self.readers.options().get_max_connections()),
            ..self.counters.figures()
        }
    }

    async fn backlog(&self) -> Result<Backlog, ReadError> {
        let most = number(BACKLOG_MAX);
        let row = self.one(|| sqlx::query(shared::BACKLOG).bind(most));
        read::backlog(&row.await?)
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
