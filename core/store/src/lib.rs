//! Keeps projects in SQLite.
//!
//! [`open`] gives a [`SqliteStore`], the engine's `Store` port over one database file:
//!
//! * all changes go through one writer task, which writes all that wait in one transaction with a
//!   handful of set-based statements and one fsync, and answers only then (`writer`, `group`, `sql`);
//! * reads run beside it on a few connections of their own;
//! * a lock file refuses a second writing process; readers may always join (`Options::read_only`).
//!
//! The file is in WAL mode with `synchronous=FULL`: what was answered survives a crash of the process,
//! the kernel and the power supply. After a failed commit nothing more is written until a restart.

mod check;
mod error;
mod group;
mod lock;
mod look_up;
mod read;
mod schema;
mod sql;
mod sqlite;
mod stats;
mod writer;

use std::time::Duration;

pub use error::StoreError;
pub use schema::latest_schema_version;
pub use sqlite::SqliteStore;
pub use stats::Stats;

/// How a database is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Only reads, beside a server that may be running: takes no lock and applies no migration.
    ///
    /// Defaults to `false`.
    pub read_only: bool,
    /// How long to wait for a writing process that is about to end. Defaults to half a second.
    pub lock_wait: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            read_only: false,
            lock_wait: Duration::from_millis(500),
        }
    }
}

/// Schema versions before and after a migration; equal if there was nothing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migrated {
    /// The version before; 0 for a new file.
    pub from: i64,
    /// The version now.
    pub to: i64,
}

/// Opens the database at a path or `sqlite://PATH`, creating and migrating it unless read-only.
///
/// # Errors
/// [`StoreError`], with a code and a hint.
pub async fn open(location: &str, options: Options) -> Result<SqliteStore, StoreError> {
    let path = schema::locate(location)?;
    if options.read_only {
        return SqliteStore::reader(path).await;
    }
    let (connection, lock, _) = prepare(&path, options).await?;
    Ok(SqliteStore::writer(path, connection, lock))
}

/// Creates or migrates the database at a path or `sqlite://PATH` and closes it again.
///
/// # Errors
/// [`StoreError`], with a code and a hint; `E-STORE-LOCKED` while a server runs on it.
pub async fn migrate(location: &str, options: Options) -> Result<Migrated, StoreError> {
    let path = schema::locate(location)?;
    let (connection, _lock, from) = prepare(&path, options).await?;
    sqlx::Connection::close(connection)
        .await
        .map_err(|error| schema::open_error(&path, &error))?;
    Ok(Migrated {
        from,
        to: latest_schema_version(),
    })
}

async fn prepare(
    path: &std::path::Path,
    options: Options,
) -> Result<(sqlx::SqliteConnection, lock::WriteLock, i64), StoreError> {
    let lock = lock::WriteLock::take(path, options.lock_wait).await?;
    schema::create(path)?;
    let mut connection = schema::connect(&schema::write_options(path), path).await?;
    let from = schema::migrate(&mut connection, path).await?;
    Ok((connection, lock, from))
}
