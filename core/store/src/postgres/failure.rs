//! What an error of PostgreSQL means for a group.

use sqlx::Error;

/// Why a group was not written, or why that is not known.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Nothing was written; one of the operations may be to blame.
    Refused(Error),
    /// Nothing was written; the same again may go well.
    Again(Error),
    /// Nothing was written: the server has no room, or no memory or connections left.
    Full(Error),
    /// Nothing was written, and trying again would not help.
    Failed(Error),
    /// Nothing was written: this server takes no changes; the one that does may answer the next connection.
    ReadOnly(Error),
    /// The connection is gone, perhaps between the commit and its answer.
    Lost(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let code = match &error {
            Error::Database(database) => database.code().unwrap_or_default().into_owned(),
            Error::Encode(_) | Error::Decode(_) | Error::ColumnDecode { .. } => {
                return Self::Failed(error);
            }
            _ => return Self::Lost(error),
        };
        match code.as_str() {
            // Serialization failure, deadlock.
            "40001" | "40P01" => Self::Again(error),
            // A statement or a lock took too long: perhaps somebody sits on one project's row.
            "57014" | "55P03" => Self::Refused(error),
            // No connection was had, so that nothing was written.
            TOO_MANY_CONNECTIONS => Self::Again(error),
            // Insufficient resources: disk full, out of memory.
            _ if code.starts_with("53") => Self::Full(error),
            // A server that became read-only is not the one to talk to, and has written nothing.
            READ_ONLY => Self::ReadOnly(error),
            // Being shut down, starting up, connection broken.
            _ if code.starts_with("57P") || code.starts_with("08") => Self::Lost(error),
            // Data, constraints, limits.
            _ if ["22", "23", "54"]
                .iter()
                .any(|class| code.starts_with(class)) =>
            {
                Self::Refused(error)
            }
            _ => Self::Failed(error),
        }
    }
}

/// The server, the database or the role has as many connections as it may have.
const TOO_MANY_CONNECTIONS: &str = "53300";

/// A change in a transaction that may only read.
const READ_ONLY: &str = "25006";

/// Whether the server lacks room or memory.
pub(crate) fn is_full(error: &Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| code.starts_with("53") && code != TOO_MANY_CONNECTIONS)
}

/// Whether there is no connection to be had.
pub(crate) fn is_crowded(error: &Error) -> bool {
    has_code(error, TOO_MANY_CONNECTIONS)
}

/// Whether the server takes no changes.
pub(crate) fn is_read_only(error: &Error) -> bool {
    has_code(error, READ_ONLY)
}

fn has_code(error: &Error, wanted: &str) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| code == wanted)
}

/// Whether a read that failed so may be tried again on another connection.
pub(crate) fn is_passing(error: &Error) -> bool {
    match error {
        Error::Io(_) | Error::Protocol(_) | Error::WorkerCrashed => true,
        Error::Database(database) => {
            let code = database.code().unwrap_or_default();
            code.starts_with("57P") || code.starts_with("08") || code.starts_with("40")
        }
        _ => false,
    }
}
