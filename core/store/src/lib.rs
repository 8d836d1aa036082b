//! Keeps projects in SQLite or PostgreSQL.
//!
//! [`connect`] gives the engine's `Store` port over the database a location names; [`open`] and
//! [`postgres::open`] give the one of a certain kind.
//!
//! * All changes of a process go through one writer task, which writes all that wait in one transaction
//!   with a handful of set-based statements and one fsync, and answers only then (`queue`, `group`).
//! * Reads run beside it on a few connections of their own.
//! * An SQLite file has one writing process; on PostgreSQL several share the work.

mod check;
mod clock;
mod damage;
mod error;
mod examine;
mod group;
pub mod postgres;
mod queue;
mod read;
#[cfg(test)]
mod sharding;
mod sql;
mod sqlite;
mod stats;
pub mod transfer;

use std::{sync::Arc, time::Duration};

use liucheng_engine::ports::Store;
use tokio::sync::Notify;

pub use error::{NODE_TAKEN, StoreError};
pub use examine::{Finding, Level, examine};
pub use postgres::PostgresStore;
pub use sqlite::{SqliteStore, open};
pub use stats::Stats;

/// How a database is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// Only reads, beside a server that may be running: takes no lock and applies no migration.
    ///
    /// Defaults to `false`.
    pub read_only: bool,
    /// SQLite: how long to wait for a writing process that is about to end. Defaults to half a second.
    pub lock_wait: Duration,
    /// PostgreSQL: notified when another node has set something that is due soon.
    pub wake: Option<Arc<Notify>>,
    /// PostgreSQL: this node's name, the same after a restart and different from all others'. A process
    /// that has one takes over at once what its predecessor was doing; without a name, when the
    /// predecessor's lease ends. While a node of that name lives, another one is refused. Takes a
    /// connection more.
    pub node: Option<String>,
    /// PostgreSQL: how long after its last sign of life a node's work is left to it. Defaults to 20
    /// seconds.
    pub lease: Duration,
    /// PostgreSQL: connections for reading; writing takes one more, and listening another. Defaults
    /// to 8.
    pub connections: u32,
}

impl Options {
    /// The defaults, for constants.
    pub const DEFAULT: Self = Self {
        read_only: false,
        lock_wait: Duration::from_millis(500),
        wake: None,
        node: None,
        lease: Duration::from_secs(20),
        connections: 8,
    };
}

impl Default for Options {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Schema versions before and after a migration; equal if there was nothing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migrated {
    /// The version before; 0 for a new database.
    pub from: i64,
    /// The version now.
    pub to: i64,
}

/// The kinds of databases there are.
enum Kind {
    Sqlite,
    Postgres,
}

/// The one place that reads the scheme of a location; everything without one is a path.
fn kind(location: &str) -> Kind {
    match location.split_once("://") {
        Some(("postgres" | "postgresql", _)) => Kind::Postgres,
        _ => Kind::Sqlite,
    }
}

/// Whether several processes can write to the database at a location.
#[must_use]
pub fn is_shared(location: &str) -> bool {
    matches!(kind(location), Kind::Postgres)
}

/// Opens the database at a path, `sqlite://PATH` or `postgres://USER@HOST/DATABASE`, creating its
/// schema and migrating it unless read-only.
///
/// # Errors
/// [`StoreError`], with a code and a hint.
pub async fn connect(location: &str, options: Options) -> Result<Arc<dyn Store>, StoreError> {
    Ok(match kind(location) {
        Kind::Sqlite => Arc::new(sqlite::open(location, options).await?),
        Kind::Postgres => Arc::new(postgres::open(location, options).await?),
    })
}

/// A location for people: without a password.
#[must_use]
pub fn shown(location: &str) -> String {
    match kind(location) {
        Kind::Sqlite => location.to_owned(),
        Kind::Postgres => postgres::Place::parse(location)
            .map_or_else(|_| "postgres://…".to_owned(), |place| place.name),
    }
}

/// Whether there is a database at a location: a file, or a schema in PostgreSQL; nothing is made.
///
/// # Errors
/// [`StoreError`] where it cannot be told.
pub async fn is_there(location: &str) -> Result<bool, StoreError> {
    match kind(location) {
        Kind::Sqlite => match sqlite::locate(location) {
            Ok(path) => Ok(path.exists()),
            // The folder is not there either.
            Err(StoreError::Open { .. }) => Ok(false),
            Err(error) => Err(error),
        },
        Kind::Postgres => postgres::is_there(location).await,
    }
}

/// Creates or migrates the database at a location as for [`connect`] and closes it again.
///
/// # Errors
/// [`StoreError`], with a code and a hint; `E-STORE-LOCKED` while a server runs on an SQLite file.
pub async fn migrate(location: &str, options: Options) -> Result<Migrated, StoreError> {
    match kind(location) {
        Kind::Sqlite => sqlite::migrate(location, &options).await,
        Kind::Postgres => postgres::migrate(location).await,
    }
}

/// Returns the schema version this program was built with, the same number for every database.
#[must_use]
pub fn latest_schema_version() -> i64 {
    let versions = sqlite::MIGRATIONS.iter().map(|m| m.version);
    versions.max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_databases_have_the_same_migrations() {
        let list = |migrator: &sqlx::migrate::Migrator| {
            let migrations = migrator.iter();
            migrations
                .map(|m| (m.version, m.description.to_string()))
                .collect::<Vec<_>>()
        };
        assert_eq!(list(&sqlite::MIGRATIONS), list(&postgres::MIGRATIONS));
    }
}
