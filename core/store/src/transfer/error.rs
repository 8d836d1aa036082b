//! Refusals of a copy.

use liucheng_engine::error::ErrorKind;
use thiserror::Error;

/// Why a database was not copied, or is not opened because of a copy.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TransferError {
    /// The database is being filled with the contents of another one.
    #[error("the database {location} is an unfinished copy of {source_name}")]
    Unfinished {
        /// The database.
        location: String,
        /// What is copied.
        source_name: String,
    },
    /// The target is the unfinished copy of something else.
    #[error("the database {location} is an unfinished copy of {found}, not of {given}")]
    OtherSource {
        /// The target.
        location: String,
        /// What is copied into it.
        found: String,
        /// What was to be copied now.
        given: String,
    },
    /// The target holds something.
    #[error("the database {location} is not empty: it has rows in `{table}`")]
    NotEmpty {
        /// The target.
        location: String,
        /// The first table with rows.
        table: &'static str,
    },
    /// A server works on the target.
    #[error("the database {location} is in use by the node {node:?}")]
    InUse {
        /// The target.
        location: String,
        /// The node's name.
        node: String,
    },
    /// Another process has taken the copy over.
    #[error("another process goes on with the copy into {location}")]
    Taken {
        /// The target.
        location: String,
    },
    /// The target has a project that the source lacks.
    #[error("the database {location} holds the project {project}, which the source does not have")]
    Diverged {
        /// The target.
        location: String,
        /// The project's id.
        project: String,
    },
    /// After copying, the two are not the same.
    #[error("the copy differs from its source: `{table}`, row {row}")]
    Differs {
        /// The table.
        table: &'static str,
        /// The key of the first row that differs.
        row: String,
    },
    /// There was no room where it is written.
    #[error("there is no room for {location}: {reason}")]
    Full {
        /// The database or file.
        location: String,
        /// What the database said.
        reason: String,
    },
    /// A database did not do what was asked.
    #[error("the copy stopped at {location}: {reason}")]
    Stopped {
        /// Which of the two.
        location: String,
        /// What the system or the database said.
        reason: String,
    },
}

impl TransferError {
    /// The stable code, for people to look up and for programs to branch on.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unfinished { .. } => "E-STORE-COPY-UNFINISHED",
            Self::OtherSource { .. } => "E-STORE-COPY-SOURCE",
            Self::NotEmpty { .. } => "E-STORE-NOT-EMPTY",
            Self::InUse { .. } => "E-STORE-IN-USE",
            Self::Taken { .. } => "E-STORE-COPY-TAKEN",
            Self::Diverged { .. } => "E-STORE-COPY-DIVERGED",
            Self::Differs { .. } => "E-STORE-COPY-DIFFERS",
            Self::Full { .. } => "E-STORE-FULL",
            Self::Stopped { .. } => "E-STORE-COPY",
        }
    }

    /// How a caller has to take it.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::OtherSource { .. } | Self::NotEmpty { .. } => ErrorKind::Usage,
            Self::Diverged { .. } | Self::Differs { .. } => ErrorKind::Rejected,
            Self::Unfinished { .. }
            | Self::InUse { .. }
            | Self::Taken { .. }
            | Self::Stopped { .. } => ErrorKind::Unavailable,
            Self::Full { .. } => ErrorKind::Full,
        }
    }

    /// What the person can do about it.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Unfinished { .. } => {
                "run the same `liucheng database copy` or `liucheng restore` again: it goes on where it stopped"
            }
            Self::OtherSource { .. } => {
                "finish it with the source it was begun with, or give a new, empty target"
            }
            Self::NotEmpty { .. } => "give a new file or an empty database; nothing is overwritten",
            Self::InUse { .. } => "stop the server that works on the target",
            Self::Taken { .. } => "let the other process finish",
            Self::Diverged { .. } => {
                "projects are never deleted, so this is another source or an older state of it; give an empty target"
            }
            Self::Differs { .. } => "somebody changed the target meanwhile; run the command again",
            Self::Full { .. } => {
                "make room there and run the same command again: a copy goes on where it stopped, a backup begins anew"
            }
            Self::Stopped { .. } => {
                "run the same command again: it goes on where it stopped, and the source was not changed"
            }
        }
    }
}
