//! Refusals a person sees when a database cannot be opened.

use liucheng_engine::error::{DAMAGED_HINT, ErrorKind};
use thiserror::Error;

use crate::transfer::TransferError;

/// The code of a node whose name another one has.
pub const NODE_TAKEN: &str = "E-NODE-TAKEN";

/// Why a database was not opened or migrated.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The location names no database this program can keep projects in.
    #[error("{0:?} is not the location of a database")]
    Location(String),
    /// The file cannot be opened, created or read.
    #[error("cannot open the database {location}: {reason}")]
    Open {
        /// The database.
        location: String,
        /// What the system or SQLite said.
        reason: String,
    },
    /// PostgreSQL cannot be reached, or does not let us in.
    #[error("cannot connect to {location}: {reason}")]
    Connect {
        /// The database, without the password.
        location: String,
        /// What the system or PostgreSQL said.
        reason: String,
    },
    /// Another process writes to the database.
    #[error("the database {location} is in use by {}", holder(*pid))]
    Locked {
        /// The database.
        location: String,
        /// The other process, where it could be told.
        pid: Option<u32>,
    },
    /// It is a database of another program.
    #[error("{location} is a database of another program")]
    Foreign {
        /// The database.
        location: String,
    },
    /// The database lacks migrations, and this opener may not apply them.
    #[error("the database {location} has schema {found}, this program needs {needed}")]
    MigrationsBehind {
        /// The database.
        location: String,
        /// The database's schema version; 0 for none.
        found: i64,
        /// The version this program was built with.
        needed: i64,
    },
    /// The database was migrated by a newer program.
    #[error("the database {location} has schema {found}, this program knows up to {known}")]
    Newer {
        /// The database.
        location: String,
        /// The database's schema version.
        found: i64,
        /// The version this program was built with.
        known: i64,
    },
    /// A migration failed; the database is as it was before it.
    #[error("the database {location} was not migrated: {reason}")]
    Migration {
        /// The database.
        location: String,
        /// What went wrong.
        reason: String,
    },
    /// The database is not what was written, and opening it again will not help.
    #[error("the database {location} is damaged: {reason}")]
    Damaged {
        /// The database.
        location: String,
        /// What is wrong.
        reason: String,
    },
    /// The server, the database or the role has as many connections as it may have.
    #[error("{location} has no connection left: {reason}")]
    Crowded {
        /// The database.
        location: String,
        /// What PostgreSQL said.
        reason: String,
    },
    /// The server takes no changes: a standby, or set to read only.
    #[error("{location} takes no changes: {reason}")]
    Unwritable {
        /// The database.
        location: String,
        /// What PostgreSQL said.
        reason: String,
    },
    /// It is about the database that is to be copied.
    #[error("source: {0}")]
    Source(Box<StoreError>),
    /// It is about the database that is to be filled.
    #[error("target: {0}")]
    Target(Box<StoreError>),
    /// A living node of the same name is at work on the database.
    #[error("another node named {name:?} is at work on {location}")]
    NodeTaken {
        /// The database.
        location: String,
        /// The name.
        name: String,
    },
    /// It has to do with copying a database.
    #[error(transparent)]
    Transfer(#[from] TransferError),
}

impl StoreError {
    /// The stable code, for people to look up and for programs to branch on.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Location(_) => "E-STORE-LOCATION",
            Self::Open { .. } => "E-STORE-OPEN",
            Self::Connect { .. } => "E-STORE-CONNECT",
            Self::Crowded { .. } => "E-STORE-CONNECTIONS",
            Self::Unwritable { .. } => "E-STORE-UNWRITABLE",
            Self::Locked { .. } => "E-STORE-LOCKED",
            Self::Foreign { .. } => "E-STORE-FOREIGN",
            Self::MigrationsBehind { .. } => "E-STORE-MIGRATIONS-BEHIND",
            Self::Newer { .. } => "E-STORE-NEWER",
            Self::Migration { .. } => "E-STORE-MIGRATION",
            Self::Damaged { .. } => "E-STORE-DAMAGED",
            Self::Source(error) | Self::Target(error) => error.code(),
            Self::NodeTaken { .. } => NODE_TAKEN,
            Self::Transfer(error) => error.code(),
        }
    }

    /// How a caller has to take it.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::Location(_) | Self::Foreign { .. } => ErrorKind::Usage,
            Self::Damaged { .. } => ErrorKind::Damaged,
            Self::Transfer(error) => error.kind(),
            Self::Source(error) | Self::Target(error) => error.kind(),
            Self::Open { .. }
            | Self::Connect { .. }
            | Self::Crowded { .. }
            | Self::Unwritable { .. }
            | Self::Locked { .. }
            | Self::MigrationsBehind { .. }
            | Self::Newer { .. }
            | Self::Migration { .. }
            | Self::NodeTaken { .. } => ErrorKind::Unavailable,
        }
    }

    /// Which of the two databases of a copy it is about; empty outside of copies.
    #[must_use]
    pub const fn side(&self) -> &'static str {
        match self {
            Self::Source(_) => "source",
            Self::Target(_) => "target",
            _ => "",
        }
    }

    /// What the person can do about it.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Location(_) => {
                "give a path, sqlite://PATH or postgres://USER@HOST/DATABASE; a database in memory is not durable"
            }
            Self::Open { .. } => {
                "check that the file and its folder are there and that this user may read and write them"
            }
            Self::Connect { .. } => {
                "check host, database, user and password, and that PostgreSQL is running"
            }
            Self::Crowded { .. } => {
                "raise the limit (max_connections, ALTER ROLE … CONNECTION LIMIT), or lower [database] connections; a node takes two more than that, and a third if it has a name"
            }
            Self::Unwritable { .. } => {
                "name the primary, or lift default_transaction_read_only: a standby only answers questions"
            }
            Self::Locked { .. } => {
                "stop the other process, or send the command to the running server instead"
            }
            Self::Foreign { .. } => "give a liucheng database, a new file or an empty database",
            Self::MigrationsBehind { .. } => "start the server once, or run `liucheng migrate`",
            Self::Newer { .. } => "install the newer version, or restore a backup from before it",
            Self::Migration { .. } => "keep the file as it is and report the message",
            Self::Damaged { .. } => DAMAGED_HINT,
            Self::Source(error) => match &**error {
                Self::Open { .. } => "name a database that is there and that this user may read",
                Self::MigrationsBehind { .. } => {
                    "bring the source to this schema first: start its server once, or run `liucheng migrate` on it"
                }
                Self::Foreign { .. } => "name a liucheng database",
                other => other.hint(),
            },
            Self::Target(error) => error.hint(),
            Self::NodeTaken { .. } => {
                "give each node a --node name of its own; a node whose machine is gone frees its name when its lease ends ([database] lease-seconds)"
            }
            Self::Transfer(error) => error.hint(),
        }
    }
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(
        || "another process".to_owned(),
        |pid| format!("process {pid}"),
    )
}
