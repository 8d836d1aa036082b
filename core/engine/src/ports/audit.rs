//! Keeping what proves that nothing was changed afterwards (port).
//!
//! The store keeps epochs and their leaves as it is told and knows nothing of trees or signatures;
//! [`crate::audit`] makes and checks them.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    AnswerRow, CommitError, Instant, MailState, ProjectId, ProjectRow, ReadError, RecordRow,
    TimerRow,
};
use crate::audit::Signer;

/// Stands for documents and tokens among the leaves of an epoch: no project has this id.
pub const REGISTRY: ProjectId = ProjectId(Uuid::nil());

/// Stands for the journal among the leaves of an epoch: no project has this id.
pub const JOURNAL: ProjectId = ProjectId(Uuid::max());

/// An epoch seals at most this many projects, and as many documents and tokens, so that locks are short.
pub const SEAL_MAX: u32 = 1_024;

/// A sealed epoch (封存): the root over everything that changed since the one before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Epoch {
    /// Counted from 1, without gaps.
    pub number: u64,
    /// When, in microseconds UTC; never earlier than the one before.
    pub sealed_at: Instant,
    /// How many leaves the tree has.
    pub leaves: u64,
    /// The tree's root, lower-case hex.
    pub root: String,
    /// The hash of the epoch before; 64 zeros for the first.
    pub previous: String,
    /// SHA-256 over all of the above and the key, lower-case hex.
    pub hash: String,
    /// The public key (ed25519) of who signed, lower-case hex; empty where nobody did.
    pub key: String,
    /// The signature over the hash, lower-case hex; empty where nobody signed.
    pub signature: String,
}

/// One leaf: where a project stood when it was sealed.
///
/// For [`REGISTRY`] the version is how many documents and tokens the epoch seals, and the head is the
/// digest over them; for [`JOURNAL`] they are those of its last record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leaf {
    /// The project.
    pub project: ProjectId,
    /// The epoch that sealed it.
    pub epoch: u64,
    /// Its version then.
    pub version: u64,
    /// The hash of its last record then, lower-case hex.
    pub head: String,
}

/// A mail as it is kept, with its text verbatim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptMail {
    /// The occasion.
    pub key: String,
    /// The record that planned it.
    pub seq: u64,
    /// Its place among the mails of that record, from 0.
    pub ordinal: u64,
    /// Not to be sent before; a failed attempt moves it.
    pub not_before: Instant,
    /// How often sending was tried.
    pub attempts: u64,
    /// Where it stands.
    pub state: MailState,
    /// The mail as JSON.
    pub mail: String,
}

/// Everything kept of one project but its history, as it stood at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dossier {
    /// The project.
    pub id: ProjectId,
    /// Its state row; absent where other tables speak of a project that is not there.
    pub row: Option<ProjectRow>,
    /// Whether it is marked as changed since it was last sealed.
    pub unsealed: bool,
    /// Its leaves, by epoch.
    pub leaves: Vec<Leaf>,
    /// Its timers, by key.
    pub timers: Vec<TimerRow>,
    /// Its mails, by record and ordinal.
    pub mails: Vec<KeptMail>,
    /// Its answers, by key.
    pub answers: Vec<AnswerRow>,
}

/// A document as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptDocument {
    /// Its kind.
    pub kind: String,
    /// Its digest, lower-case hex.
    pub digest: String,
    /// Its own id.
    pub id: String,
    /// Its own version.
    pub version: String,
    /// Its place in the order of arrival.
    pub position: u64,
    /// The epoch that sealed it; absent until then.
    pub epoch: Option<u64>,
    /// The bytes.
    #[serde(with = "crate::audit::bytes")]
    pub bytes: Vec<u8>,
}

/// An access token as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptToken {
    /// SHA-256 of the token, lower-case hex.
    pub hash: String,
    /// Who acts with it.
    pub actor: String,
    /// The roles it carries.
    pub roles: String,
    /// When it was made.
    pub at: Instant,
    /// When it was revoked; absent while it is good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Instant>,
    /// The epoch that sealed it; absent until then.
    pub epoch: Option<u64>,
}

/// How an epoch is to be sealed.
#[derive(Clone)]
pub struct Seal {
    /// The time to write into it.
    pub at: Instant,
    /// Who signs it, if anybody.
    pub signer: Option<Arc<Signer>>,
    /// Also mark the projects that have changed since they were last sealed and are not marked, as
    /// programs leave them that know of no epochs. Looks at every project.
    pub unmarked: bool,
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seal")
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

/// Keeps epochs, and shows everything that they speak for (port).
///
/// Private to this workspace: the methods may change with any release.
#[async_trait]
pub trait AuditStore: Send + Sync {
    /// How many projects were changed since they were last sealed, counted up to `limit`.
    async fn unsealed(&self, limit: u32) -> Result<u64, ReadError>;
    /// Seals an epoch of at most [`SEAL_MAX`] changed projects and as many new documents and tokens;
    /// `None` if there are none. A change is in the epoch, or it stays marked for the next one.
    async fn seal(&self, seal: Seal) -> Result<Option<Epoch>, CommitError>;
    /// The newest epoch.
    async fn last_epoch(&self) -> Result<Option<Epoch>, ReadError>;
    /// Epochs after a number, in order.
    async fn epochs(&self, after: u64, limit: u32) -> Result<Vec<Epoch>, ReadError>;
    /// The leaves of an epoch by project, at most `limit`.
    async fn epoch_leaves(&self, epoch: u64, limit: u32) -> Result<Vec<Leaf>, ReadError>;
    /// Every project after `after` that any table speaks of, in order of ids; [`REGISTRY`] and
    /// [`JOURNAL`] are none.
    async fn project_ids(
        &self,
        after: Option<ProjectId>,
        limit: u32,
    ) -> Result<Vec<ProjectId>, ReadError>;
    /// Everything kept of a project but its history, at one moment.
    async fn dossier(&self, id: ProjectId) -> Result<Dossier, ReadError>;
    /// Documents after a kind and digest, in that order.
    async fn kept_documents(
        &self,
        after: Option<(String, String)>,
        limit: u32,
    ) -> Result<Vec<KeptDocument>, ReadError>;
    /// Tokens after a hash, in that order.
    async fn kept_tokens(
        &self,
        after: Option<String>,
        limit: u32,
    ) -> Result<Vec<KeptToken>, ReadError>;
    /// Records of the journal after a number, in order.
    async fn journal(&self, after: u64, limit: u32) -> Result<Vec<RecordRow>, ReadError>;
}
