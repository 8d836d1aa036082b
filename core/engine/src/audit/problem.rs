//! What a check can find.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::ports::ProjectId;

/// The kinds of problems, each with a stable code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// A record is not there.
    RecordMissing,
    /// A record's hash is not that of its bytes and the record before.
    Chain,
    /// A record cannot be read.
    RecordUnreadable,
    /// A record's columns are not those of its bytes.
    RecordColumns,
    /// Mails or the answer are not those that were written beside the record.
    Effects,
    /// The state row's version or head is not that of the last record.
    Head,
    /// The state row is not the fold of the history.
    State,
    /// The timers are not those of the history.
    Timers,
    /// What was sealed is not in the history.
    Leaf,
    /// Something was sealed or written for a project that is not there.
    ProjectMissing,
    /// A project was changed, but neither sealed nor marked to be.
    Unmarked,
    /// Stored data cannot be read.
    Unreadable,
    /// An epoch is missing.
    EpochMissing,
    /// An epoch does not continue the one before.
    EpochChain,
    /// An epoch's hash is not that of its fields.
    EpochHash,
    /// An epoch's root is not that of its leaves.
    EpochRoot,
    /// An epoch's signature is wrong, or missing where one is asked for.
    Signature,
    /// A document is not what its digest says, or is missing.
    Document,
    /// Documents or tokens are not those that were sealed.
    Registry,
    /// The journal is not complete, not chained, or not what was sealed.
    Journal,
    /// A token is not what the journal says: inserted, changed or dropped.
    Token,
    /// The epochs are not those that were noted elsewhere.
    Anchor,
    /// The bundle is cut off or out of order.
    Bundle,
}

impl Code {
    /// The stable code.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RecordMissing => "A-RECORD-MISSING",
            Self::Chain => "A-CHAIN",
            Self::RecordUnreadable => "A-RECORD-UNREADABLE",
            Self::RecordColumns => "A-RECORD-COLUMNS",
            Self::Effects => "A-EFFECTS",
            Self::Head => "A-HEAD",
            Self::State => "A-STATE",
            Self::Timers => "A-TIMERS",
            Self::Leaf => "A-LEAF",
            Self::ProjectMissing => "A-PROJECT-MISSING",
            Self::Unmarked => "A-UNMARKED",
            Self::Unreadable => "A-UNREADABLE",
            Self::EpochMissing => "A-EPOCH-MISSING",
            Self::EpochChain => "A-EPOCH-CHAIN",
            Self::EpochHash => "A-EPOCH-HASH",
            Self::EpochRoot => "A-EPOCH-ROOT",
            Self::Signature => "A-SIGNATURE",
            Self::Document => "A-DOCUMENT",
            Self::Registry => "A-REGISTRY",
            Self::Journal => "A-JOURNAL",
            Self::Token => "A-TOKEN",
            Self::Anchor => "A-ANCHOR",
            Self::Bundle => "A-BUNDLE",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The kind.
    pub code: Code,
    /// The project, where it is one's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<ProjectId>,
    /// The record, where it is one's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// The epoch, where it is one's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u64>,
    /// What is wrong.
    pub text: String,
}

impl Problem {
    /// A problem of everything as a whole.
    pub fn new(code: Code, text: impl Into<String>) -> Self {
        Self {
            code,
            project: None,
            seq: None,
            epoch: None,
            text: text.into(),
        }
    }

    /// Says which epoch.
    #[must_use]
    pub fn of_epoch(mut self, epoch: u64) -> Self {
        self.epoch = Some(epoch);
        self
    }

    /// Says which project.
    #[must_use]
    pub fn of_project(mut self, project: ProjectId) -> Self {
        self.project = Some(project);
        self
    }

    /// Says which record.
    #[must_use]
    pub fn of_record(mut self, seq: u64) -> Self {
        self.seq = Some(seq);
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.code)?;
        if let Some(seq) = self.seq {
            write!(f, "record {seq}: ")?;
        }
        if let Some(epoch) = self.epoch {
            write!(f, "epoch {epoch}: ")?;
        }
        f.write_str(&self.text)
    }
}

/// What the check of one project found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProjectCheck {
    /// The project.
    pub id: ProjectId,
    /// Its code; its id where the row is missing.
    pub code: String,
    /// How many records it has.
    pub records: u64,
    /// Whether it was changed since it was last sealed.
    pub unsealed: bool,
    /// What is wrong, the first bad record first; empty when all is well.
    pub problems: Vec<Problem>,
}
