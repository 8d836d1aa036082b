//! One of the two databases of a copy: rows in, rows out, whichever kind it is.

use std::{fmt::Write, path::Path};

use sha2::{Digest, Sha256};
use sqlx::{
    AssertSqlSafe, Connection, Error, PgConnection, Postgres, Sqlite, SqliteConnection,
    postgres::PgArguments,
    query::Query,
    sqlite::{SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use uuid::Uuid;

use super::{
    TransferError,
    tables::{Column, Kind, Table},
    value::{Row, Value, of_postgres, of_sqlite},
};
use crate::{
    Kind as DatabaseKind, StoreError, check,
    damage::{is_damage, said},
    kind,
    postgres::schema::Place,
    sqlite::{lock::WriteLock, prepare, schema},
};

/// Rows read at a time.
const PAGE: usize = 500;

/// Rows of one statement on SQLite: a trip to its thread each, and 32,766 parameters at most.
const SQLITE_ROWS: usize = 64;

enum Link {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// A database and the one connection to it.
pub(crate) struct Side {
    link: Link,
    /// For people: without the password.
    pub name: String,
    /// Held while an SQLite file is written to.
    _lock: Option<WriteLock>,
}

/// Projects whose ids lie between two, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Range {
    pub from: Uuid,
    pub upto: Uuid,
}

impl Range {
    /// All projects.
    pub(crate) const ALL: Self = Self {
        from: Uuid::nil(),
        upto: Uuid::max(),
    };
}

impl Side {
    /// Opens a database for reading and fixes what is read: one snapshot from here on.
    pub(crate) async fn source(location: &str) -> Result<Self, StoreError> {
        let mut side = match kind(location) {
            DatabaseKind::Sqlite => {
                let path = schema::locate(location)?;
                let mut connection = schema::connect(&reading(&path), &path).await?;
                // The snapshot begins with the first look, which is at the version.
                let begun = sqlx::query("BEGIN").execute(&mut connection).await;
                begun.map_err(|error| schema::open_error(&path, &error))?;
                let found = schema::version(&mut connection, &path).await?;
                check::version(found, &path.display())?;
                Self::sqlite(connection, &path, None)
            }
            DatabaseKind::Postgres => {
                let place = Place::parse(location)?;
                let mut connection = place.connect().await?;
                let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
                let begun = sqlx::query(begin).execute(&mut connection).await;
                begun.map_err(|error| place.error(&error))?;
                let found = place.version(&mut connection).await?;
                check::version(found, &place.name)?;
                Self {
                    link: Link::Postgres(connection),
                    name: place.name,
                    _lock: None,
                }
            }
        };
        super::marker::refuse_unfinished(&mut side).await?;
        Ok(side)
    }

    /// Opens a database to be filled, creating and migrating it.
    pub(crate) async fn target(location: &str) -> Result<Self, StoreError> {
        match kind(location) {
            DatabaseKind::Sqlite => {
                let path = schema::locate(location)?;
                let (connection, lock, _) = prepare(&path, &crate::Options::DEFAULT).await?;
                Ok(Self::sqlite(connection, &path, Some(lock)))
            }
            DatabaseKind::Postgres => {
                let place = Place::parse(location)?;
                let mut connection = place.connect().await?;
                place.migrate(&mut connection).await?;
                // All rows are reached by their keys; the tables are too new for PostgreSQL to know.
                let plan = sqlx::query("SET enable_seqscan = off");
                let planned = plan.execute(&mut connection).await;
                planned.map_err(|error| place.error(&error))?;
                Ok(Self {
                    link: Link::Postgres(connection),
                    name: place.name,
                    _lock: None,
                })
            }
        }
    }

    /// Makes an SQLite file that counts only once it is complete: nothing is durable before the caller
    /// makes it so, and nobody else knows its name.
    pub(crate) async fn draft(path: &Path) -> Result<Self, StoreError> {
        let options = schema::write_options(path)
            .journal_mode(SqliteJournalMode::Off)
            .synchronous(SqliteSynchronous::Off);
        let mut connection = schema::connect(&options, path).await?;
        schema::migrate(&mut connection, path).await?;
        Ok(Self::sqlite(connection, path, None))
    }

    /// Opens an SQLite file for reading, each statement in a snapshot of its own.
    pub(crate) async fn file(path: &Path) -> Result<Self, StoreError> {
        let mut connection = schema::connect(&reading(path), path).await?;
        let found = schema::version(&mut connection, path).await?;
        check::version(found, &path.display())?;
        Ok(Self::sqlite(connection, path, None))
    }

    fn sqlite(connection: SqliteConnection, path: &Path, lock: Option<WriteLock>) -> Self {
        Self {
            link: Link::Sqlite(connection),
            name: path.display().to_string(),
            _lock: lock,
        }
    }

    /// Whether it is PostgreSQL.
    pub(crate) const fn is_postgres(&self) -> bool {
        matches!(self.link, Link::Postgres(_))
    }

    /// Gives up the connection; what was not committed is gone.
    pub(crate) async fn close(self) -> Result<(), StoreError> {
        let closed = match self.link {
            Link::Sqlite(connection) => connection.close().await,
            Link::Postgres(connection) => connection.close().await,
        };
        closed.map_err(|error| stopped(&self.name, &error))
    }

    /// Begins a transaction that writes.
    pub(crate) async fn begin(&mut self) -> Result<(), StoreError> {
        let begin = match self.link {
            Link::Sqlite(_) => "BEGIN IMMEDIATE",
            Link::Postgres(_) => "BEGIN",
        };
        self.run(begin.to_owned(), &[]).await.map(drop)
    }

    /// Makes a transaction durable.
    pub(crate) async fn commit(&mut self) -> Result<(), StoreError> {
        self.run("COMMIT".to_owned(), &[]).await.map(drop)
    }

    /// Runs a statement; returns how many rows it concerned.
    pub(crate) async fn run(&mut self, sql: String, values: &[Value]) -> Result<u64, StoreError> {
        let done = match &mut self.link {
            Link::Sqlite(connection) => {
                let query = bind_sqlite(sqlx::query(AssertSqlSafe(sql)), values);
                let done = query.execute(connection).await;
                done.map(|done| done.rows_affected())
            }
            Link::Postgres(connection) => {
                let query = bind_postgres(sqlx::query(AssertSqlSafe(sql)), values);
                let done = query.execute(connection).await;
                done.map(|done| done.rows_affected())
            }
        };
        done.map_err(|error| stopped(&self.name, &error))
    }

    /// Reads rows of those columns.
    pub(crate) async fn rows(
        &mut self,
        sql: String,
        values: &[Value],
        columns: &[Column],
    ) -> Result<Vec<Row>, StoreError> {
        let read = match &mut self.link {
            Link::Sqlite(connection) => {
                let query = bind_sqlite(sqlx::query(AssertSqlSafe(sql)), values);
                let rows = query.fetch_all(connection).await;
                rows.and_then(|rows| rows.iter().map(|row| of_sqlite(row, columns)).collect())
            }
            Link::Postgres(connection) => {
                let query = bind_postgres(sqlx::query(AssertSqlSafe(sql)), values);
                let rows = query.fetch_all(connection).await;
                rows.and_then(|rows| rows.iter().map(|row| of_postgres(row, columns)).collect())
            }
        };
        read.map_err(|error| stopped(&self.name, &error))
    }

    /// Adds rows of a table.
    pub(crate) async fn insert(&mut self, table: &Table, rows: &[Row]) -> Result<(), StoreError> {
        let written = match &mut self.link {
            Link::Sqlite(connection) => insert_sqlite(connection, table, rows).await,
            Link::Postgres(connection) => insert_postgres(connection, table, rows).await,
        };
        written.map_err(|error| stopped(&self.name, &error))
    }

    /// Removes the rows of a range, or all rows of a table that belongs to no project.
    pub(crate) async fn delete(&mut self, table: &Table, range: Range) -> Result<(), StoreError> {
        let mut sql = format!("DELETE FROM {}", table.name);
        let mut values = Vec::new();
        if table.of_projects() {
            let key = table.columns[0].name;
            let _ = write!(sql, " WHERE {key} >= $1 AND {key} <= $2");
            values = vec![Value::Id(range.from), Value::Id(range.upto)];
        }
        self.run(sql, &values).await.map(drop)
    }

    /// How many rows a table has.
    pub(crate) async fn count(&mut self, table: &str) -> Result<u64, StoreError> {
        const COUNT: [Column; 1] = [Column {
            name: "count",
            kind: Kind::Number,
            nullable: false,
        }];
        let sql = format!("SELECT count(*) FROM {table}");
        let rows = self.rows(sql, &[], &COUNT).await?;
        let count = rows.first().and_then(|row| row[0].number());
        Ok(count.and_then(|n| u64::try_from(n).ok()).unwrap_or(0))
    }

    /// The digest of all rows of a range, with how many there are.
    pub(crate) async fn digest(
        &mut self,
        table: &Table,
        range: Range,
        hasher: &mut Sha256,
    ) -> Result<u64, StoreError> {
        hasher.update(table.name.as_bytes());
        let mut pages = Pages::new(table, range);
        let mut count = 0;
        while let Some(rows) = pages.next(self).await? {
            rows.iter().flatten().for_each(|value| value.feed(hasher));
            count += rows.len() as u64;
        }
        hasher.update(u64::to_be_bytes(count));
        Ok(count)
    }
}

/// The rows of a table in order of their keys, page by page.
pub(crate) struct Pages<'t> {
    table: &'t Table,
    range: Range,
    last: Option<Row>,
    done: bool,
}

impl<'t> Pages<'t> {
    /// From the first row of a range; of a table that belongs to no project, all rows.
    pub(crate) const fn new(table: &'t Table, range: Range) -> Self {
        Self {
            table,
            range,
            last: None,
            done: false,
        }
    }

    /// The next page; `None` after the last.
    pub(crate) async fn next(&mut self, side: &mut Side) -> Result<Option<Vec<Row>>, StoreError> {
        if self.done {
            return Ok(None);
        }
        let (sql, values) = self.statement();
        let rows = side.rows(sql, &values, self.table.columns).await?;
        self.done = rows.len() < PAGE;
        let Some(last) = rows.last() else {
            return Ok(None);
        };
        self.last = Some(last[..self.table.key].to_vec());
        Ok(Some(rows))
    }

    fn statement(&self) -> (String, Vec<Value>) {
        let Table { name, columns, .. } = self.table;
        let keys = names(self.table.keys());
        let first = columns[0].name;
        let mut conditions = Vec::new();
        let mut values = Vec::new();
        if let Some(last) = &self.last {
            let places: Vec<_> = (1..=last.len()).map(|n| format!("${n}")).collect();
            conditions.push(format!("({keys}) > ({})", places.join(", ")));
            values.clone_from(last);
        } else if self.table.of_projects() {
            conditions.push(format!("{first} >= $1"));
            values.push(Value::Id(self.range.from));
        }
        if self.table.of_projects() {
            values.push(Value::Id(self.range.upto));
            conditions.push(format!("{first} <= ${}", values.len()));
        }
        let mut sql = format!("SELECT {} FROM {name}", names(columns));
        if !conditions.is_empty() {
            let _ = write!(sql, " WHERE {}", conditions.join(" AND "));
        }
        let _ = write!(sql, " ORDER BY {keys} LIMIT {PAGE}");
        (sql, values)
    }
}

/// Options of a connection that reads page by page: a whole one waits ready, where each row would
/// otherwise wake this thread and SQLite's in turn.
fn reading(path: &Path) -> SqliteConnectOptions {
    schema::read_options(path).row_buffer_size(PAGE)
}

/// Wraps what a database said.
pub(crate) fn stopped(location: &str, error: &Error) -> StoreError {
    let location = location.to_owned();
    if is_damage(error) {
        let reason = said(error);
        return StoreError::Damaged { location, reason };
    }
    let reason = said(error);
    match is_no_room(error) {
        true => TransferError::Full { location, reason }.into(),
        false => TransferError::Stopped { location, reason }.into(),
    }
}

fn names(columns: &[Column]) -> String {
    let names: Vec<_> = columns.iter().map(|column| column.name).collect();
    names.join(", ")
}

type SqliteQuery<'q> = Query<'q, Sqlite, SqliteArguments>;
type PostgresQuery<'q> = Query<'q, Postgres, PgArguments>;

fn bind_sqlite<'q>(
    mut query: SqliteQuery<'q>,
    values: impl IntoIterator<Item = &'q Value>,
) -> SqliteQuery<'q> {
    for value in values {
        query = match value {
            Value::Null => query.bind(None::<i64>),
            Value::Id(id) => query.bind(*id),
            Value::Bytes(bytes) => query.bind(bytes.as_slice()),
            Value::Number(number) => query.bind(*number),
            Value::Text(text) => query.bind(text.as_str()),
        };
    }
    query
}

fn bind_postgres<'q>(mut query: PostgresQuery<'q>, values: &'q [Value]) -> PostgresQuery<'q> {
    for value in values {
        query = match value {
            Value::Null => query.bind(None::<i64>),
            Value::Id(id) => query.bind(*id),
            Value::Bytes(bytes) => query.bind(bytes.as_slice()),
            Value::Number(number) => query.bind(*number),
            Value::Text(text) => query.bind(text.as_str()),
        };
    }
    query
}

async fn insert_sqlite(
    connection: &mut SqliteConnection,
    table: &Table,
    rows: &[Row],
) -> Result<(), Error> {
    let width = table.columns.len();
    for rows in rows.chunks(SQLITE_ROWS) {
        let mut sql = format!(
            "INSERT INTO {} ({}) VALUES ",
            table.name,
            names(table.columns)
        );
        for row in 0..rows.len() {
            let places: Vec<_> = (1..=width)
                .map(|n| format!("${}", row * width + n))
                .collect();
            let comma = if row == 0 { "" } else { ", " };
            let _ = write!(sql, "{comma}({})", places.join(", "));
        }
        let query = sqlx::query(AssertSqlSafe(sql)).persistent(rows.len() == SQLITE_ROWS);
        let query = bind_sqlite(query, rows.iter().flatten());
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

async fn insert_postgres(
    connection: &mut PgConnection,
    table: &Table,
    rows: &[Row],
) -> Result<(), Error> {
    let arrays = table.columns.iter().enumerate();
    let arrays: Vec<_> = arrays
        .map(|(place, column)| format!("${}::{}", place + 1, column.kind.array()))
        .collect();
    let sql = format!(
        "INSERT INTO {} ({}) SELECT * FROM unnest({})",
        table.name,
        names(table.columns),
        arrays.join(", ")
    );
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for (place, column) in table.columns.iter().enumerate() {
        let cells = || rows.iter().map(|row| &row[place]);
        query = match column.kind {
            Kind::Id => query.bind(cells().map(Value::id).collect::<Vec<_>>()),
            Kind::Bytes => query.bind(cells().map(Value::bytes).collect::<Vec<_>>()),
            Kind::Number => query.bind(cells().map(Value::number).collect::<Vec<_>>()),
            Kind::Text => query.bind(cells().map(Value::text).collect::<Vec<_>>()),
        };
    }
    query.execute(connection).await.map(drop)
}

/// Whether SQLite (`SQLITE_FULL`) or PostgreSQL (`disk_full`) has found no room.
fn is_no_room(error: &Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| matches!(&*code, "13" | "53100"))
}
