//! Opening the file: where it is, how SQLite is set up, which migrations it has.

use std::{
    fs::OpenOptions,
    path::{Path, PathBuf},
    time::Duration,
};

use sqlx::{
    ConnectOptions, Connection, Row, SqliteConnection,
    migrate::Migrator,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use super::{checkpoint::LOG_BYTES, journal, lock::private, sql};
use crate::{
    StoreError, check,
    damage::{means_damage, not_migrated, refuse_lost_tables, said},
    sql as shared,
    transfer::marker,
};

pub(crate) static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/sqlite");

/// `LCHH`, set by the first migration.
const APPLICATION_ID: i64 = 0x4C43_4848;

/// How long a reader waits while the file is being recovered or closed by another connection.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Turns `sqlite://PATH`, `sqlite:PATH` or a plain path into one absolute path.
///
/// Symbolic links are followed, so that two names of one file meet at one lock.
pub(crate) fn locate(location: &str) -> Result<PathBuf, StoreError> {
    let path = location
        .strip_prefix("sqlite://")
        .or_else(|| location.strip_prefix("sqlite:"))
        .unwrap_or(location);
    let given = Path::new(path);
    let name = match given.file_name() {
        Some(name) if !path.contains("://") && !path.starts_with(':') => name,
        _ => return Err(StoreError::Location(location.to_owned())),
    };
    let folder = match given.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    given
        .canonicalize()
        .or_else(|_| folder.canonicalize().map(|folder| folder.join(name)))
        .map_err(|error| open_error(given, &error))
}

/// Creates the file, readable for its owner only, unless it exists.
///
/// SQLite gives its `-wal` and `-shm` files the same mode.
pub(crate) fn create(path: &Path) -> Result<(), StoreError> {
    private(OpenOptions::new().append(true).create(true))
        .open(path)
        .map(drop)
        .map_err(|error| open_error(path, &error))
}

/// Options of the one connection that writes.
pub(crate) fn write_options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        // NORMAL would lose acknowledged changes when the power fails.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .pragma("cache_size", "-32768")
        .pragma("trusted_schema", "OFF")
        // Copying the log is the writer's business (`checkpoint`); a new log keeps the old one's room.
        .pragma("wal_autocheckpoint", "0")
        .pragma("journal_size_limit", LOG_BYTES.to_string())
        // Another file system that is full must not fail a group.
        .pragma("temp_store", "MEMORY")
        .disable_statement_logging()
}

/// Options of a connection that copies the log beside the writer.
pub(crate) fn checkpoint_options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_TIMEOUT)
        .pragma("wal_autocheckpoint", "0")
        .pragma("journal_size_limit", LOG_BYTES.to_string())
        .disable_statement_logging()
}

/// Options of the connections that only read.
pub(crate) fn read_options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .busy_timeout(BUSY_TIMEOUT)
        .pragma("cache_size", "-8192")
        .pragma("trusted_schema", "OFF")
        .disable_statement_logging()
}

/// Reads the schema version of an open database; 0 for an empty one. One of this version has all its
/// tables.
pub(crate) async fn version(
    connection: &mut SqliteConnection,
    path: &Path,
) -> Result<i64, StoreError> {
    let failed = |error: sqlx::Error| open_error(path, &error);
    let found = sqlx::query(sql::INSPECT)
        .fetch_one(&mut *connection)
        .await
        .map_err(failed)?;
    let migrated: i64 = found.try_get(0).map_err(failed)?;
    let tables: i64 = found.try_get(1).map_err(failed)?;
    let application: i64 = found.try_get(2).map_err(failed)?;
    if tables > 0 && application != APPLICATION_ID {
        return Err(StoreError::Foreign {
            location: path.display().to_string(),
        });
    }
    if migrated == 0 && tables == 0 {
        return Ok(0);
    }
    let found: i64 = sqlx::query_scalar(shared::SCHEMA_VERSION)
        .fetch_one(&mut *connection)
        .await
        .map_err(failed)?;
    if found == crate::latest_schema_version() {
        let present: Vec<String> = sqlx::query_scalar(sql::TABLE_NAMES)
            .fetch_all(connection)
            .await
            .map_err(failed)?;
        refuse_lost_tables(&present, &path.display().to_string())?;
    }
    Ok(found)
}

/// Refuses a database that is being filled with the contents of another one.
pub(crate) async fn refuse_unfinished(
    connection: &mut SqliteConnection,
    path: &Path,
) -> Result<(), StoreError> {
    let found = sqlx::query_scalar(marker::UNFINISHED)
        .fetch_optional(connection)
        .await
        .map_err(|error| open_error(path, &error))?;
    marker::refused(found, &path.display().to_string())
}

/// Applies the missing migrations; returns the version before.
pub(crate) async fn migrate(
    connection: &mut SqliteConnection,
    path: &Path,
) -> Result<i64, StoreError> {
    let before = version(connection, path).await?;
    check::not_newer(before, &path.display())?;
    MIGRATIONS
        .run(&mut *connection)
        .await
        .map_err(|error| not_migrated(path.display().to_string(), &error))?;
    let begun = journal::begin(connection).await;
    begun.map_err(|error| StoreError::Migration {
        location: path.display().to_string(),
        reason: error.to_string(),
    })?;
    Ok(before)
}

/// Opens one connection.
pub(crate) async fn connect(
    options: &SqliteConnectOptions,
    path: &Path,
) -> Result<SqliteConnection, StoreError> {
    SqliteConnection::connect_with(options)
        .await
        .map_err(|error| open_error(path, &error))
}

/// Wraps what the system or SQLite said about a file.
pub(crate) fn open_error(path: &Path, error: &(dyn std::error::Error + 'static)) -> StoreError {
    let location = path.display().to_string();
    if means_damage(error) {
        let reason = said(error);
        return StoreError::Damaged { location, reason };
    }
    let reason = error.to_string();
    StoreError::Open { location, reason }
}
