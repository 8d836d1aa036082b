//! Reaching behind the store's back, on both databases.

use std::sync::Arc;

use liucheng_engine::ports::Store;
use liucheng_store::{Options, connect};
use sqlx::{
    AssertSqlSafe, Connection, PgConnection, Row, SqliteConnection,
    error::ErrorKind,
    sqlite::{SqliteConnectOptions, SqliteJournalMode},
};
use tokio::sync::{Mutex, OnceCell};

use crate::server;

/// A database that somebody tampers with.
pub trait Tampered {
    /// A store to fill it through; dropped and closed before it is tampered with.
    async fn writer(&self) -> Arc<dyn Store>;
    /// A store that reads it, for the check.
    fn store(&self) -> &dyn Store;
    /// Runs statements together; the number of changed rows, `None` if the database refuses them.
    async fn execute(&self, statements: &str) -> Option<u64>;
    /// Columns as SQL literals; `rest` begins with `FROM`.
    async fn literals(&self, columns: &[&str], rest: &str) -> Vec<Vec<String>>;
    /// Keeps copies of tables, and opens the store that reads.
    async fn save(&self, tables: &[&str]);
    /// Brings a table back to what it was.
    async fn restore(&self, table: &str);
    /// All tables and columns.
    async fn columns(&self) -> Vec<(String, String)>;
    /// Another value for a column than this literal.
    fn another(&self, table: &str, column: &str, old: &str) -> String;
}

/// A project that is not there, in the manner of this literal of one.
pub fn project(like: &str) -> String {
    if like.starts_with(['x', 'X']) {
        format!("x'{}'", "ee".repeat(16))
    } else {
        format!("'{}'", uuid::Uuid::from_bytes([0xee; 16]))
    }
}

/// Another hash, in the manner of this literal of one.
fn hash(like: &str) -> String {
    if like.starts_with(['x', 'X']) {
        format!("x'{}'", "ab".repeat(32))
    } else if like.starts_with("'\\x") || like.starts_with("E'\\\\x") {
        format!("'\\x{}'", "ab".repeat(32))
    } else {
        format!("'{}'", "ab".repeat(32))
    }
}

/// Another value of a column, still of the column's form, so that it is the check that finds it.
fn other(table: &str, column: &str, old: &str) -> String {
    match (table, column) {
        (_, "project") | ("project", "id") => project(old),
        (_, "head" | "prev_hash" | "hash" | "digest" | "root" | "previous") => hash(old),
        ("document", "bytes") => match old.starts_with(['x', 'X']) {
            true => "x'7b7d'".to_owned(),
            false => "'\\x7b7d'".to_owned(),
        },
        ("project", "next_due") if old.contains("2031-01-01") => "NULL".to_owned(),
        ("project", "next_due") => "'2031-01-01'".to_owned(),
        ("token", "revoked_at") if old == "NULL" => "7".to_owned(),
        ("token", "revoked_at") => "NULL".to_owned(),
        ("document" | "token", "epoch") => "2".to_owned(),
        (
            _,
            "version" | "changed_at" | "seq" | "at" | "fire_at" | "generation" | "ordinal"
            | "not_before" | "position" | "number" | "sealed_at" | "leaves" | "epoch",
        ) if table != "document" || column != "version" => {
            format!("{column} + 1")
        }
        _ => format!("{column} || 'x'"),
    }
}

/// What a statement did, or nothing if the database refuses it because of a constraint.
fn accepted<T>(done: Result<T, sqlx::Error>, statements: &str) -> Option<T> {
    match done {
        Ok(done) => Some(done),
        Err(error) => {
            let kind = error.as_database_error().map(|error| error.kind());
            let constraint = kind.is_some_and(|kind| !matches!(kind, ErrorKind::Other));
            assert!(constraint, "{error}: {statements}");
            None
        }
    }
}

/// A file, with the writer's and the tamperer's connections.
pub struct Sqlite {
    folder: tempfile::TempDir,
    connection: Mutex<SqliteConnection>,
    reader: OnceCell<Arc<dyn Store>>,
}

impl Sqlite {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tampered.db");
        drop(
            connect(path.to_str().unwrap(), Options::DEFAULT)
                .await
                .unwrap(),
        );
        let options = SqliteConnectOptions::new()
            .filename(&path)
            // For the file of saved copies.
            .create_if_missing(true)
            .foreign_keys(false)
            .journal_mode(SqliteJournalMode::Wal)
            .pragma("synchronous", "OFF")
            .pragma("ignore_check_constraints", "ON");
        let connection = SqliteConnection::connect_with(&options).await.unwrap();
        Self {
            folder,
            connection: Mutex::new(connection),
            reader: OnceCell::new(),
        }
    }

    fn location(&self) -> String {
        self.folder
            .path()
            .join("tampered.db")
            .to_str()
            .unwrap()
            .to_owned()
    }
}

impl Tampered for Sqlite {
    async fn writer(&self) -> Arc<dyn Store> {
        connect(&self.location(), Options::DEFAULT).await.unwrap()
    }

    fn store(&self) -> &dyn Store {
        &**self.reader.get().unwrap()
    }

    async fn execute(&self, statements: &str) -> Option<u64> {
        let mut connection = self.connection.lock().await;
        let all = format!("BEGIN; {statements}; COMMIT");
        let done = sqlx::raw_sql(AssertSqlSafe(all))
            .execute(&mut *connection)
            .await;
        if done.is_err() {
            sqlx::raw_sql("ROLLBACK")
                .execute(&mut *connection)
                .await
                .ok();
        }
        Some(accepted(done, statements)?.rows_affected())
    }

    async fn literals(&self, columns: &[&str], rest: &str) -> Vec<Vec<String>> {
        let quoted: Vec<_> = columns
            .iter()
            .map(|column| format!("quote({column})"))
            .collect();
        let query = format!("SELECT {} {rest}", quoted.join(", "));
        let mut connection = self.connection.lock().await;
        let rows = sqlx::raw_sql(AssertSqlSafe(query))
            .fetch_all(&mut *connection)
            .await
            .unwrap();
        let row = |row: &sqlx::sqlite::SqliteRow| (0..columns.len()).map(|n| row.get(n)).collect();
        rows.iter().map(row).collect()
    }

    async fn save(&self, tables: &[&str]) {
        let path = self.folder.path().join("saved.db");
        let attach = format!("ATTACH '{}' AS saved", path.display());
        let mut connection = self.connection.lock().await;
        sqlx::raw_sql(AssertSqlSafe(attach))
            .execute(&mut *connection)
            .await
            .unwrap();
        for table in tables {
            let copy = format!("CREATE TABLE saved.{table} AS SELECT * FROM main.{table}");
            sqlx::raw_sql(AssertSqlSafe(copy))
                .execute(&mut *connection)
                .await
                .unwrap();
        }
        drop(connection);
        let options = Options {
            read_only: true,
            ..Options::DEFAULT
        };
        let reader = connect(&self.location(), options).await.unwrap();
        self.reader.set(reader).ok().unwrap();
    }

    async fn restore(&self, table: &str) {
        let back = format!(
            "DELETE FROM main.{table}; INSERT INTO main.{table} SELECT * FROM saved.{table}"
        );
        self.execute(&back).await.unwrap();
    }

    async fn columns(&self) -> Vec<(String, String)> {
        let mut connection = self.connection.lock().await;
        sqlx::query_as(
            "SELECT t.name, c.name FROM sqlite_schema AS t JOIN pragma_table_info(t.name) AS c
             WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%'",
        )
        .fetch_all(&mut *connection)
        .await
        .unwrap()
    }

    fn another(&self, table: &str, column: &str, old: &str) -> String {
        other(table, column, old)
    }
}

/// A database of the tests' server.
pub struct Postgres {
    url: String,
    connection: Mutex<PgConnection>,
    reader: OnceCell<Arc<dyn Store>>,
}

impl Postgres {
    pub async fn new() -> Option<Self> {
        let url = server::shared()?.database().await;
        let connection = PgConnection::connect(&url).await.unwrap();
        Some(Self {
            url,
            connection: Mutex::new(connection),
            reader: OnceCell::new(),
        })
    }
}

impl Tampered for Postgres {
    async fn writer(&self) -> Arc<dyn Store> {
        connect(&self.url, Options::DEFAULT).await.unwrap()
    }

    fn store(&self) -> &dyn Store {
        &**self.reader.get().unwrap()
    }

    async fn execute(&self, statements: &str) -> Option<u64> {
        let mut connection = self.connection.lock().await;
        // Statements sent together are one transaction.
        let all = AssertSqlSafe(statements.to_owned());
        let done = sqlx::raw_sql(all).execute(&mut *connection).await;
        Some(accepted(done, statements)?.rows_affected())
    }

    async fn literals(&self, columns: &[&str], rest: &str) -> Vec<Vec<String>> {
        let quoted: Vec<_> = columns
            .iter()
            .map(|column| format!("quote_nullable({column}::text)"))
            .collect();
        let query = format!("SELECT {} {rest}", quoted.join(", "));
        let mut connection = self.connection.lock().await;
        let rows = sqlx::raw_sql(AssertSqlSafe(query))
            .fetch_all(&mut *connection)
            .await
            .unwrap();
        let row = |row: &sqlx::postgres::PgRow| (0..columns.len()).map(|n| row.get(n)).collect();
        rows.iter().map(row).collect()
    }

    async fn save(&self, tables: &[&str]) {
        let mut connection = self.connection.lock().await;
        let copies = tables
            .iter()
            .map(|t| format!("CREATE TABLE saved.{t} AS SELECT * FROM {t};"));
        let all = format!(
            "SET synchronous_commit = off; CREATE SCHEMA saved; {}",
            copies.collect::<String>()
        );
        sqlx::raw_sql(AssertSqlSafe(all))
            .execute(&mut *connection)
            .await
            .unwrap();
        let options = Options {
            read_only: true,
            ..Options::DEFAULT
        };
        let reader = connect(&self.url, options).await.unwrap();
        self.reader.set(reader).ok().unwrap();
    }

    async fn restore(&self, table: &str) {
        let back = format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM saved.{table}");
        self.execute(&back).await.unwrap();
    }

    async fn columns(&self) -> Vec<(String, String)> {
        let mut connection = self.connection.lock().await;
        sqlx::query_as(
            "SELECT table_name::text, column_name::text FROM information_schema.columns
             WHERE table_schema = current_schema()",
        )
        .fetch_all(&mut *connection)
        .await
        .unwrap()
    }

    fn another(&self, table: &str, column: &str, old: &str) -> String {
        other(table, column, old)
    }
}
