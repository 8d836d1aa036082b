//! Keeps projects in SQLite.
//!
//! [`open`] gives a [`SqliteStore`], the engine's `Store` port over one database file.
//!
//! * All changes go through one writer task, which writes all that wait in one transaction with a
//!   handful of set-based statements and one fsync, and answers only then (`queue`, `group`).
//! * Reads run beside it on a few connections of their own.

mod check;
mod error;
mod group;
mod queue;
mod read;
mod sql;
mod sqlite;
mod stats;

use std::time::Duration;

pub use error::StoreError;
pub use sqlite::{SqliteStore, open};
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

/// Returns the schema version this program was built with, the same number for every database.
#[must_use]
pub fn latest_schema_version() -> i64 {
    let versions = sqlite::MIGRATIONS.iter().map(|m| m.version);
    versions.max().unwrap_or(0)
}

/// Creates or migrates the database at a path or `sqlite://PATH` and closes it again.
///
/// # Errors
/// [`StoreError`], with a code and a hint; `E-STORE-LOCKED` while a server runs on it.
pub async fn migrate(location: &str, options: Options) -> Result<Migrated, StoreError> {
    sqlite::migrate(location, &options).await
}
