//! Why a use case failed: the codes and exit kinds that every door shows alike.

use liucheng_model::{definition::SourceError, rejection::Rejection};
use thiserror::Error;

use crate::ports::{CommitError, Instant, ReadError, RuleFault};

/// Why a command was not carried out. Nothing of it was written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CommandError {
    /// A rule or the lifecycle refuses it.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The province's component gave no verdict.
    #[error(transparent)]
    Rules(#[from] RuleFault),
    /// There is no such project.
    #[error("there is no project {0:?}")]
    NotFound(String),
    /// The project has no record of that number.
    #[error("{project} has no record {seq}: its records are 1 to {last}")]
    RecordNotFound {
        /// The project's code.
        project: String,
        /// The record that was asked for.
        seq: u64,
        /// Its last record.
        last: u64,
    },
    /// It was changed, but no epoch has sealed it yet.
    #[error("{0} is not sealed yet")]
    NotSealed(String),
    /// Somebody else was faster.
    #[error("expected version {expected}, found {found}: changed by {changed_by} at {}", .changed_at.rfc3339())]
    Conflict {
        /// The version the command was made for.
        expected: u64,
        /// The version that is there.
        found: u64,
        /// Who changed it.
        changed_by: String,
        /// When.
        changed_at: Instant,
    },
    /// Another project has the code.
    #[error("a project with the code {0:?} exists")]
    DuplicateCode(String),
    /// No package of that name is installed.
    #[error("no package {name:?} is installed")]
    ProvinceUnknown {
        /// What was asked for.
        name: String,
        /// What is installed.
        installed: Vec<String>,
    },
    /// The key was used for another request.
    #[error("the idempotency key {0:?} was used for another request")]
    KeyReused(String),
    /// A key that cannot be one.
    #[error("the idempotency key must have 1 to 200 printable characters")]
    KeyForm,
    /// The definition or calendar a project goes by is not there.
    #[error("{0}")]
    Library(String),
    /// A package's overlay cannot be laid over the definition.
    #[error("{}", .0.first().map(ToString::to_string).unwrap_or_default())]
    Sources(Vec<SourceError>),
    /// No change of version to take back.
    #[error(
        "{project} has no change of version that could be taken back: {}",
        by_first(version)
    )]
    NothingToRollBack {
        /// The project's code.
        project: String,
        /// The package and version it goes by; empty for none.
        version: String,
    },
    /// The store has no room to write.
    #[error("{0}")]
    Full(String),
    /// The store cannot read or write now.
    #[error("{0}")]
    Unavailable(String),
    /// A newer program has written records that this one does not know.
    #[error("the database has records of form {found}, this program reads up to form {known}")]
    Newer {
        /// The form of the database's records.
        found: u32,
        /// The newest form that this program reads.
        known: u32,
    },
    /// What is stored does not read back.
    #[error("the database is damaged: {0}")]
    Damaged(String),
    /// A bug.
    #[error("internal error: {0}")]
    Internal(String),
}

/// What to do about a database that is damaged.
pub const DAMAGED_HINT: &str = "stop the server, keep the database as it is, and restore the last backup into a \
    new place (`liucheng restore`); `liucheng doctor` says more";

/// How a caller has to take an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// A rule refuses it: exit 1, HTTP 422.
    Rejected,
    /// The form is wrong: exit 2, HTTP 400.
    Usage,
    /// It is not there: exit 3, HTTP 404.
    NotFound,
    /// Somebody else was faster: exit 4, HTTP 409.
    Conflict,
    /// Not allowed: exit 5, HTTP 403.
    Forbidden,
    /// No room to write: exit 69, HTTP 507.
    Full,
    /// Try again later: exit 69, HTTP 503.
    Unavailable,
    /// The database is damaged: exit 1, HTTP 500.
    Damaged,
    /// A bug: exit 70, HTTP 500.
    Internal,
}

impl CommandError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Rejected(rejection) => rejection.code(),
            Self::Rules(fault) => fault.code,
            Self::NotFound(_) => "E-NOT-FOUND",
            Self::RecordNotFound { .. } => "E-RECORD-NOT-FOUND",
            Self::NotSealed(_) => "E-AUDIT-NOT-SEALED",
            Self::Conflict { .. } => "E-CONFLICT",
            Self::DuplicateCode(_) => "E-CODE-TAKEN",
            Self::ProvinceUnknown { .. } => "E-PROVINCE-UNKNOWN",
            Self::KeyReused(_) => "E-IDEMPOTENCY-KEY-REUSED",
            Self::KeyForm => "E-IDEMPOTENCY-KEY",
            Self::Library(_) => "E-LIBRARY",
            Self::Sources(errors) => errors.first().map_or("E-LIBRARY", |error| error.code),
            Self::NothingToRollBack { .. } => "E-NO-UPGRADE",
            Self::Full(_) => "E-STORE-FULL",
            Self::Unavailable(_) => "E-UNAVAILABLE",
            Self::Newer { .. } => "E-STORE-NEWER",
            Self::Damaged(_) => "E-STORE-DAMAGED",
            Self::Internal(_) => "E-INTERNAL",
        }
    }

    /// How a caller has to take it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Rejected(Rejection::Role { .. }) => ErrorKind::Forbidden,
            Self::Rejected(
                Rejection::Fact(_)
                | Rejection::FactNotAtOpening { .. }
                | Rejection::Contact { .. }
                | Rejection::Text { .. }
                | Rejection::EventUnknown { .. },
            ) => ErrorKind::Usage,
            Self::Rejected(_) => ErrorKind::Rejected,
            Self::Rules(fault) if fault.is_resting() => ErrorKind::Unavailable,
            Self::Rules(_) | Self::Sources(_) | Self::NothingToRollBack { .. } => {
                ErrorKind::Rejected
            }
            Self::NotFound(_)
            | Self::RecordNotFound { .. }
            | Self::NotSealed(_)
            | Self::ProvinceUnknown { .. } => ErrorKind::NotFound,
            Self::Conflict { .. } | Self::DuplicateCode(_) | Self::KeyReused(_) => {
                ErrorKind::Conflict
            }
            Self::KeyForm => ErrorKind::Usage,
            Self::Full(_) => ErrorKind::Full,
            Self::Unavailable(_) | Self::Newer { .. } => ErrorKind::Unavailable,
            Self::Damaged(_) => ErrorKind::Damaged,
            Self::Library(_) | Self::Internal(_) => ErrorKind::Internal,
        }
    }

    /// Where it is.
    #[must_use]
    pub fn place(&self) -> String {
        match self {
            Self::Rejected(rejection) => rejection.place(),
            Self::Rules(fault) => fault.package.clone(),
            Self::NotFound(project)
            | Self::NotSealed(project)
            | Self::NothingToRollBack { project, .. } => project.clone(),
            Self::Sources(errors) => errors.first().map(|e| e.place.clone()).unwrap_or_default(),
            Self::RecordNotFound { project, .. } => project.clone(),
            Self::Conflict { .. } => "expected version".to_owned(),
            Self::DuplicateCode(_) => "code".to_owned(),
            Self::ProvinceUnknown { .. } => "province".to_owned(),
            Self::KeyReused(_) | Self::KeyForm => "idempotency key".to_owned(),
            Self::Library(_) | Self::Full(_) | Self::Unavailable(_) | Self::Internal(_) => {
                "server".to_owned()
            }
            Self::Damaged(_) | Self::Newer { .. } => "database".to_owned(),
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Rejected(rejection) => rejection.hint(),
            Self::Rules(fault) => fault.hint.clone(),
            Self::NotFound(_) => "`liucheng project list` shows what there is".to_owned(),
            Self::RecordNotFound { project, .. } => {
                format!("`liucheng project history {project}` shows them")
            }
            Self::NotSealed(_) => {
                "a server seals every minute; `liucheng audit seal` does it now".to_owned()
            }
            Self::Conflict { .. } => {
                "look at the project again, then repeat the command with its present version"
                    .to_owned()
            }
            Self::DuplicateCode(_) => "choose another code".to_owned(),
            Self::ProvinceUnknown { installed, .. } => {
                format!("installed: {}", installed.join(", "))
            }
            Self::KeyReused(_) => "use a new key for a new command".to_owned(),
            Self::KeyForm => "a UUID is a good key".to_owned(),
            Self::Library(_) => {
                "start the server once with the package or definition installed".to_owned()
            }
            Self::Sources(errors) => errors.first().map(|e| e.hint.clone()).unwrap_or_default(),
            Self::NothingToRollBack { project, .. } => {
                format!(
                    "nothing is left to do; `liucheng project history {project}` shows what it went by, `liucheng \
                     plugin upgrade {project}` lets it go by the version that is installed"
                )
            }
            Self::Full(_) => {
                "make room on the database's disk; writing goes on by itself, then repeat the command".to_owned()
            }
            Self::Unavailable(_) => {
                "try again with the same idempotency key: it has one effect at most".to_owned()
            }
            Self::Newer { .. } => {
                "install the newer version, or restore a backup from before it".to_owned()
            }
            Self::Damaged(_) => DAMAGED_HINT.to_owned(),
            Self::Internal(_) => "please report this with the code and what you did".to_owned(),
        }
    }
}

fn by_first(version: &str) -> String {
    match version {
        "" => "it goes by national law alone".to_owned(),
        version => {
            format!("it goes by {version}, which it began with or which was taken back to already")
        }
    }
}

impl From<ReadError> for CommandError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Unavailable(_) => Self::Unavailable(error.to_string()),
            ReadError::Damaged(reason) => Self::Damaged(reason),
        }
    }
}

impl From<CommitError> for CommandError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Conflict {
                expected,
                found,
                changed_by,
                changed_at,
            } => Self::Conflict {
                expected,
                found,
                changed_by,
                changed_at,
            },
            CommitError::DuplicateCode(code) => Self::DuplicateCode(code),
            CommitError::Repeated(answer) => Self::KeyReused(answer.key),
            CommitError::Full(reason) => Self::Full(reason),
            CommitError::Unavailable(reason) => Self::Unavailable(reason),
            CommitError::Damaged(reason) => Self::Damaged(reason),
        }
    }
}

impl From<serde_json::Error> for CommandError {
    fn from(error: serde_json::Error) -> Self {
        Self::Internal(error.to_string())
    }
}
