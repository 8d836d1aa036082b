//! Keeping projects (port).
//!
//! A store knows nothing of law: it keeps a state row, the append-only history, timers, outgoing
//! mail and answers to repeated commands, and changes them together or not at all.

use std::{fmt, str::FromStr};

use async_trait::async_trait;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

use super::{AuditStore, Backlog, Instant, Mail, Schema, StoreFigures, StoreHealth};
use crate::commands::SYSTEM;

/// Identifies a project for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProjectId(pub Uuid);

impl fmt::Display for ProjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for ProjectId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        text.parse().map(Self)
    }
}

/// The state row of a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectRow {
    /// The project.
    pub id: ProjectId,
    /// The readable number, unique, such as `YZ-2021`.
    pub code: String,
    /// The name.
    pub name: String,
    /// The province package's id; empty where only national law applies.
    pub province: String,
    /// How many records the history has; the next command must expect this number.
    pub version: u64,
    /// The states of all regions for people and filters, such as `lifecycle.service payments.open`.
    pub stage: String,
    /// The earliest open due date.
    pub next_due: Option<NaiveDate>,
    /// Who made the last change.
    pub changed_by: String,
    /// When the last change was made.
    pub changed_at: Instant,
    /// Hash of the last history record, lower-case hex.
    pub head: String,
    /// The whole state as JSON; opaque to the store.
    pub state: String,
}

/// One record of the history. Records are never changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordRow {
    /// 1-based position in the project's history.
    pub seq: u64,
    /// When it was made.
    pub at: Instant,
    /// Who made it.
    pub actor: String,
    /// The canonical bytes: JSON, stored and hashed verbatim.
    pub payload: String,
    /// Hash of the record before, lower-case hex; 64 zeros for the first.
    pub prev_hash: String,
    /// `SHA-256(prev_hash bytes ‖ payload bytes)`, lower-case hex.
    pub hash: String,
}

/// A timer: at this instant the project wants to be woken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimerRow {
    /// The project.
    pub project: ProjectId,
    /// The timer's name within the project.
    pub key: String,
    /// When it fires, never earlier.
    pub at: Instant,
    /// The generation: a fire of an older one is a no-op.
    pub generation: u64,
}

/// A mail waiting to be sent, written in the transaction that decided on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxRow {
    /// The project.
    pub project: ProjectId,
    /// The occasion: there is never a second row of the same key within a project.
    pub key: String,
    /// Not to be sent before.
    pub not_before: Instant,
    /// How often sending was tried.
    pub attempts: u32,
    /// The mail.
    pub mail: Mail,
}

/// Where a mail stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MailState {
    /// Waiting for its (next) attempt.
    Pending,
    /// Accepted by the server.
    Sent,
    /// Given up; a person has to look.
    Dead,
}

/// A mail with its fate, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailRecord {
    /// The row as planned.
    pub row: OutboxRow,
    /// Where it stands.
    pub state: MailState,
    /// When it was sent.
    pub sent_at: Option<Instant>,
    /// The last error, empty if none.
    pub last_error: String,
}

/// The result of an attempt to send a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailOutcome {
    /// Accepted at this instant.
    Sent(Instant),
    /// To be tried again.
    Retry {
        /// Not before this instant.
        not_before: Instant,
        /// Why it failed.
        error: String,
    },
    /// Given up.
    Dead {
        /// Why.
        error: String,
    },
}

/// The stored answer to a command that carried an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerRow {
    /// The caller's key, unique within the project.
    pub key: String,
    /// SHA-256 of the request, lower-case hex: the same key with another request is refused.
    pub request: String,
    /// The answer as JSON.
    pub response: String,
    /// When it was first given; kept at least [`ANSWERS_KEPT_MICROS`].
    pub at: Instant,
}

/// How long an answer is kept at least, in microseconds: 30 days.
pub const ANSWERS_KEPT_MICROS: i64 = 30 * 86_400 * 1_000_000;

/// Where an answer is, and when it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerPlace {
    /// The project.
    pub project: ProjectId,
    /// The caller's key.
    pub key: String,
    /// When it was first given.
    pub at: Instant,
}

/// Everything one command or timer changes, all or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The version the change was decided on; 0 opens a new project.
    pub expected: u64,
    /// The new state row; its version is `expected` + 1.
    pub row: ProjectRow,
    /// The history record of the change; its `seq` is the new version.
    pub record: RecordRow,
    /// Timers to set or replace.
    pub set_timers: Vec<TimerRow>,
    /// Names of timers to remove.
    pub clear_timers: Vec<String>,
    /// Mails to send.
    pub outbox: Vec<OutboxRow>,
    /// The answer to keep for repetitions of the command.
    pub answer: Option<AnswerRow>,
}

/// Why a change was not written. Nothing of it is in the store.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CommitError {
    /// Somebody else changed the project first.
    #[error("expected version {expected}, found {found}, changed by {changed_by}")]
    Conflict {
        /// The version the command was decided on.
        expected: u64,
        /// The version that is there.
        found: u64,
        /// Who made the last change.
        changed_by: String,
        /// When.
        changed_at: Instant,
    },
    /// The idempotency key was used before; this is what was answered then.
    #[error("the command was carried out before")]
    Repeated(AnswerRow),
    /// Another project has this code.
    #[error("a project with the code {0:?} exists")]
    DuplicateCode(String),
    /// There is no room to write. The store tries again by itself and goes on once there is.
    #[error("not stored: {0}")]
    Full(String),
    /// The store cannot write now.
    #[error("not stored: {0}")]
    Unavailable(String),
    /// What is stored is not what was written, now or later.
    #[error("not stored, the database is damaged: {0}")]
    Damaged(String),
}

/// Why something could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReadError {
    /// The store cannot read now.
    #[error("not read: {0}")]
    Unavailable(String),
    /// What is stored does not read back, now or later.
    #[error("the database is damaged: {0}")]
    Damaged(String),
}

impl ReadError {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unavailable(_) => "E-UNAVAILABLE",
            Self::Damaged(_) => "E-STORE-DAMAGED",
        }
    }

    /// What the store or the system said.
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Self::Unavailable(reason) | Self::Damaged(reason) => reason,
        }
    }
}

/// Content-addressed data that projects pin: definitions, calendars, packages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// `definition`, `overlay`, `calendar`, `package`.
    pub kind: String,
    /// SHA-256 of the bytes, lower-case hex.
    pub digest: String,
    /// The document's own id.
    pub id: String,
    /// The document's own version.
    pub version: String,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// An access token, stored hashed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenRow {
    /// SHA-256 of the token, lower-case hex.
    pub hash: String,
    /// Who acts with it.
    pub actor: String,
    /// The roles it carries, comma-separated; `*` for all.
    pub roles: String,
    /// When it was made.
    pub at: Instant,
}

/// What is done to an access token, with a record in the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenAct {
    /// Who does it.
    pub by: String,
    /// When.
    pub at: Instant,
    /// What.
    pub change: TokenChange,
}

/// What becomes of an access token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenChange {
    /// It is made. One that is there stays as it is, and nothing is recorded.
    Made(TokenRow),
    /// The one with this hash is revoked; where there is none that is good, nothing is recorded.
    Revoked(String),
}

/// A slice of a list in order of project code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Only codes after this one.
    pub after: Option<String>,
    /// At most this many rows.
    pub limit: u32,
}

/// Keeps projects (port).
///
/// Private to this workspace: the methods may change with any release.
#[async_trait]
pub trait Store: AuditStore {
    /// The state row of a project.
    async fn load(&self, id: ProjectId) -> Result<Option<ProjectRow>, ReadError>;
    /// The state rows of those projects that exist, in any order.
    async fn load_all(&self, ids: &[ProjectId]) -> Result<Vec<ProjectRow>, ReadError> {
        let mut rows = Vec::with_capacity(ids.len());
        for id in ids {
            rows.extend(self.load(*id).await?);
        }
        Ok(rows)
    }
    /// Whether nobody but this process writes, so that what it has written is what is there.
    fn writes_alone(&self) -> bool {
        true
    }
    /// The project of that code.
    async fn find_code(&self, code: &str) -> Result<Option<ProjectId>, ReadError>;
    /// Projects in order of their code.
    async fn list(&self, page: Page) -> Result<Vec<ProjectRow>, ReadError>;
    /// Records after `after`, in order, at most `limit`.
    async fn history(
        &self,
        id: ProjectId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<RecordRow>, ReadError>;
    /// The stored answer to an idempotency key.
    async fn answer(&self, id: ProjectId, key: &str) -> Result<Option<AnswerRow>, ReadError>;
    /// Where answers are, in order of project and key, after one of them.
    async fn answers(
        &self,
        after: Option<AnswerPlace>,
        limit: u32,
    ) -> Result<Vec<AnswerPlace>, ReadError>;
    /// Removes answers; one that was given at another time than its place says stays.
    async fn remove_answers(&self, places: Vec<AnswerPlace>) -> Result<(), CommitError>;
    /// Writes a change: durable when this returns `Ok`.
    async fn commit(&self, commit: Commit) -> Result<(), CommitError>;

    /// Timers due at `now`, earliest first, at most `limit`.
    ///
    /// Where several processes share a database, these are claimed for this one: it is given them
    /// again until they were changed, and no other process is.
    async fn due_timers(&self, now: Instant, limit: u32) -> Result<Vec<TimerRow>, ReadError>;
    /// All timers of a project, by key.
    async fn timers(&self, id: ProjectId) -> Result<Vec<TimerRow>, ReadError>;
    /// Moves a timer without a history record, if its generation is still this one.
    async fn postpone_timer(&self, timer: TimerRow) -> Result<(), CommitError>;

    /// Mails due at `now`, earliest first, at most `limit`; claimed like timers.
    async fn due_mail(&self, now: Instant, limit: u32) -> Result<Vec<OutboxRow>, ReadError>;
    /// Whether a mail that [`Store::due_mail`] gave is still this process's to send. To be asked right
    /// before sending: the process may have stood still, and another have taken over.
    ///
    /// Always true where only one process writes.
    async fn holds_mail(&self, _id: ProjectId, _key: &str) -> Result<bool, ReadError> {
        Ok(true)
    }
    /// All mails of a project in the order they were planned.
    async fn mail(&self, id: ProjectId) -> Result<Vec<MailRecord>, ReadError>;
    /// Records the result of an attempt to send; changes nothing if another process has claimed the
    /// mail.
    async fn finish_mail(
        &self,
        id: ProjectId,
        key: &str,
        outcome: MailOutcome,
    ) -> Result<(), CommitError>;

    /// The earliest instant at which a timer or a mail is due.
    async fn next_wake(&self) -> Result<Option<Instant>, ReadError>;

    /// Keeps a document; keeping the same bytes again changes nothing.
    ///
    /// Packages and components have the digest of their bytes: whatever bytes a document of these kinds has, those
    /// that are given take their place.
    async fn put_document(&self, document: Document) -> Result<(), CommitError>;
    /// The document of that kind and digest.
    async fn document(&self, kind: &str, digest: &str) -> Result<Option<Document>, ReadError>;
    /// Whether there is a document of that kind and digest, without reading it.
    async fn holds_document(&self, kind: &str, digest: &str) -> Result<bool, ReadError> {
        Ok(self.document(kind, digest).await?.is_some())
    }
    /// All documents of a kind, newest first.
    async fn documents(&self, kind: &str) -> Result<Vec<Document>, ReadError>;

    /// Changes a token and records it in the journal, both or neither.
    async fn change_token(&self, act: TokenAct) -> Result<(), CommitError>;
    /// Keeps a token that the program makes by itself.
    async fn put_token(&self, token: TokenRow) -> Result<(), CommitError> {
        let act = TokenAct {
            by: SYSTEM.to_owned(),
            at: token.at,
            change: TokenChange::Made(token),
        };
        self.change_token(act).await
    }
    /// The token with that hash, unless it was revoked.
    async fn token(&self, hash: &str) -> Result<Option<TokenRow>, ReadError>;
    /// How many tokens there are, those that were revoked included.
    async fn token_count(&self) -> Result<u64, ReadError>;

    /// How the store is, without asking the database.
    fn health(&self) -> StoreHealth {
        StoreHealth::default()
    }
    /// What the store has done, without asking the database.
    fn figures(&self) -> StoreFigures {
        StoreFigures::default()
    }
    /// What waits to be done: a few looks into indexes, however large the tables are.
    async fn backlog(&self) -> Result<Backlog, ReadError> {
        Ok(Backlog::default())
    }
    /// The schema the database has now: another process may have migrated it.
    async fn schema(&self) -> Result<Schema, ReadError> {
        Ok(Schema::default())
    }

    /// Writes what is queued and gives up locks and claims; nothing can be read or written afterwards.
    async fn close(&self) {}
}
