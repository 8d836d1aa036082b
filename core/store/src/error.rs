//! Refusals a person sees when a database cannot be opened.

use std::path::PathBuf;

use thiserror::Error;

/// Why a database was not opened or migrated.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The location names no database this program can keep projects in.
    #[error("{0:?} is not the location of a database file")]
    Location(String),
    /// The file cannot be opened, created or read.
    #[error("cannot open the database {path}: {reason}")]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system or SQLite said.
        reason: String,
    },
    /// Another process writes to the database.
    #[error("the database {path} is in use by {}", holder(*pid))]
    Locked {
        /// The file.
        path: PathBuf,
        /// The other process, where it could be told.
        pid: Option<u32>,
    },
    /// The file is a database of another program.
    #[error("{path} is a database of another program")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The database lacks migrations, and this opener may not apply them.
    #[error("the database {path} has schema {found}, this program needs {needed}")]
    MigrationsBehind {
        /// The file.
        path: PathBuf,
        /// The database's schema version; 0 for none.
        found: i64,
        /// The version this program was built with.
        needed: i64,
    },
    /// The database was migrated by a newer program.
    #[error("the database {path} has schema {found}, this program knows up to {known}")]
    Newer {
        /// The file.
        path: PathBuf,
        /// The database's schema version.
        found: i64,
        /// The version this program was built with.
        known: i64,
    },
    /// A migration failed; the database is as it was before it.
    #[error("the database {path} was not migrated: {reason}")]
    Migration {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        reason: String,
    },
}

impl StoreError {
    /// The stable code, for people to look up and for programs to branch on.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Location(_) => "E-STORE-LOCATION",
            Self::Open { .. } => "E-STORE-OPEN",
            Self::Locked { .. } => "E-STORE-LOCKED",
            Self::Foreign { .. } => "E-STORE-FOREIGN",
            Self::MigrationsBehind { .. } => "E-STORE-MIGRATIONS-BEHIND",
            Self::Newer { .. } => "E-STORE-NEWER",
            Self::Migration { .. } => "E-STORE-MIGRATION",
        }
    }

    /// What the person can do about it.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Location(_) => {
                "give a path or sqlite://PATH; a database in memory is not durable"
            }
            Self::Open { .. } => "check that the folder exists and that this user may write to it",
            Self::Locked { .. } => {
                "stop the other process, or send the command to the running server instead"
            }
            Self::Foreign { .. } => "give the path of a liucheng database or of a new file",
            Self::MigrationsBehind { .. } => "start the server once, or run `liucheng migrate`",
            Self::Newer { .. } => "install the newer version, or restore a backup from before it",
            Self::Migration { .. } => "keep the file as it is and report the message",
        }
    }
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(
        || "another process".to_owned(),
        |pid| format!("process {pid}"),
    )
}
