//! Deciding a group of changes in memory, before anything is written.
//!
//! The operations are taken in the order they came. A refused one leaves no trace; an accepted one is
//! visible to those after it, so two changes of one project can share a group when the second was
//! decided on the first. What remains is written by the database's own few statements.

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    sync::{Arc, Mutex},
};

use liucheng_engine::ports::{
    AnswerPlace, AnswerRow, Commit, CommitError, Document, Epoch, Instant, MailOutcome, OutboxRow,
    ProjectId, RecordRow, Seal, TimerRow, TokenAct,
};

/// The hash before the first record.
const NO_HASH: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// One thing to write.
#[derive(Debug)]
pub(crate) enum Operation {
    Commit(Box<Commit>),
    Postpone(TimerRow),
    FinishMail {
        project: ProjectId,
        key: String,
        outcome: MailOutcome,
    },
    Document(Document),
    Token(TokenAct),
    Forget(Vec<AnswerPlace>),
    Seal(SealOrder),
}

/// An epoch to be sealed.
#[derive(Debug)]
pub(crate) struct SealOrder {
    pub seal: Seal,
    /// Where the epoch is put, if there was anything to seal.
    pub sealed: Arc<Mutex<Option<Epoch>>>,
}

impl Operation {
    /// About how many bytes it writes.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Commit(commit) => {
                let answer = commit.answer.as_ref().map_or(0, |a| a.response.len());
                commit.row.state.len() + commit.record.payload.len() + answer
            }
            Self::Document(document) => document.bytes.len(),
            Self::Postpone(_)
            | Self::FinishMail { .. }
            | Self::Token(_)
            | Self::Forget(_)
            | Self::Seal(_) => 0,
        }
    }
}

/// What is to become of an operation.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// Part of the group.
    Write,
    /// Left out.
    Refuse(CommitError),
    /// Left for the next group.
    Later,
}

/// The last change of a project, as far as the next one has to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    pub version: u64,
    pub changed_by: String,
    pub changed_at: Instant,
    pub hash: String,
    pub code: String,
}

/// What the database says about the operations of a group.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Answers given before, by project and idempotency key.
    pub answers: HashMap<(ProjectId, String), AnswerRow>,
    /// Who has a code.
    pub codes: HashMap<String, ProjectId>,
}

/// A timer's change within the group.
#[derive(Debug)]
pub(crate) enum TimerChange {
    Clear,
    Set { at: Instant, generation: u64 },
    Postpone { at: Instant, generation: u64 },
}

/// A group being put together.
pub(crate) struct Group<'a> {
    /// What was known of the projects before the group.
    pub heads: &'a HashMap<ProjectId, Head>,
    found: &'a Found,
    /// The last accepted change of each project.
    pub changed: HashMap<ProjectId, &'a Commit>,
    codes: HashMap<&'a str, ProjectId>,
    /// The accepted records, in order.
    pub records: Vec<(ProjectId, &'a RecordRow)>,
    /// What becomes of timers.
    pub timers: HashMap<(ProjectId, &'a str), TimerChange>,
    /// Mails with the number of the record that planned them and their place among its mails.
    pub mails: Vec<(&'a OutboxRow, u64, usize)>,
    /// Results of attempts to send.
    pub fates: Vec<(ProjectId, &'a str, &'a MailOutcome)>,
    finished: HashSet<(ProjectId, &'a str)>,
    /// Answers to keep.
    pub answers: HashMap<(ProjectId, &'a str), &'a AnswerRow>,
    /// Documents to keep; few and large, so they are bound one by one.
    pub documents: Vec<&'a Document>,
    /// Tokens to make and to revoke, in order.
    pub tokens: Vec<&'a TokenAct>,
    /// Answers to remove.
    pub forgotten: Vec<&'a AnswerPlace>,
    /// The epoch to seal when everything else is written.
    pub seal: Option<&'a SealOrder>,
}

impl<'a> Group<'a> {
    /// An empty group.
    pub(crate) fn new(heads: &'a HashMap<ProjectId, Head>, found: &'a Found) -> Self {
        Self {
            heads,
            found,
            changed: HashMap::new(),
            codes: HashMap::new(),
            records: Vec::new(),
            timers: HashMap::new(),
            mails: Vec::new(),
            fates: Vec::new(),
            finished: HashSet::new(),
            answers: HashMap::new(),
            documents: Vec::new(),
            tokens: Vec::new(),
            forgotten: Vec::new(),
            seal: None,
        }
    }

    /// Takes an operation in, or says why not.
    pub(crate) fn admit(&mut self, operation: &'a Operation) -> Verdict {
        match operation {
            Operation::Commit(commit) => match self.refusal(commit) {
                Some(refusal) => return Verdict::Refuse(refusal),
                None => self.accept(commit),
            },
            Operation::Postpone(timer) => return self.postpone(timer),
            Operation::FinishMail {
                project,
                key,
                outcome,
            } => {
                // Two fates of one mail build on each other, and the statement cannot do that.
                if !self.finished.insert((*project, key)) {
                    return Verdict::Later;
                }
                self.fates.push((*project, key, outcome));
            }
            Operation::Document(document) => self.documents.push(document),
            Operation::Token(act) => self.tokens.push(act),
            Operation::Forget(places) => self.forgotten.extend(places),
            Operation::Seal(_) if self.seal.is_some() => return Verdict::Later,
            Operation::Seal(order) => self.seal = Some(order),
        }
        Verdict::Write
    }

    /// Whether nothing is to be written.
    pub(crate) fn is_empty(&self) -> bool {
        self.changed.is_empty()
            && self.timers.is_empty()
            && self.fates.is_empty()
            && self.documents.is_empty()
            && self.tokens.is_empty()
            && self.forgotten.is_empty()
            && self.seal.is_none()
    }

    /// The heads of the changed projects once the group is durable.
    pub(crate) fn new_heads(&self) -> Vec<(ProjectId, Head)> {
        let head = |commit: &Commit| Head {
            version: commit.row.version,
            changed_by: commit.row.changed_by.clone(),
            changed_at: commit.row.changed_at,
            hash: commit.row.head.clone(),
            code: commit.row.code.clone(),
        };
        self.changed
            .iter()
            .map(|(id, commit)| (*id, head(commit)))
            .collect()
    }

    /// How many commits the group has.
    pub(crate) fn commits(&self) -> usize {
        self.records.len()
    }

    fn refusal(&self, commit: &Commit) -> Option<CommitError> {
        let id = commit.row.id;
        // Before the version: a repeated command always expects an old one.
        if let Some(answer) = commit.answer.as_ref().and_then(|a| self.answer(id, &a.key)) {
            return Some(CommitError::Repeated(answer.clone()));
        }
        let (found, hash) = match (self.changed.get(&id), self.heads.get(&id)) {
            (Some(last), _) => (last.row.version, last.row.head.as_str()),
            (None, Some(head)) => (head.version, head.hash.as_str()),
            (None, None) => (0, NO_HASH),
        };
        if found != commit.expected {
            return Some(self.conflict(commit, found));
        }
        if hash != commit.record.prev_hash {
            return Some(CommitError::Unavailable(format!(
                "record {} does not continue the history of project {id}",
                commit.record.seq
            )));
        }
        let code = commit.row.code.as_str();
        let owner = self.codes.get(code).or_else(|| self.found.codes.get(code));
        owner
            .is_some_and(|owner| *owner != id)
            .then(|| CommitError::DuplicateCode(code.to_owned()))
    }

    fn answer(&self, id: ProjectId, key: &str) -> Option<&AnswerRow> {
        let given_before = self.found.answers.get(&(id, key.to_owned()));
        given_before.or_else(|| self.answers.get(&(id, key)).copied())
    }

    fn conflict(&self, commit: &Commit, found: u64) -> CommitError {
        let id = commit.row.id;
        let (changed_by, changed_at) = match (self.changed.get(&id), self.heads.get(&id)) {
            (Some(last), _) => (last.row.changed_by.clone(), last.row.changed_at),
            (None, Some(head)) => (head.changed_by.clone(), head.changed_at),
            (None, None) => Default::default(),
        };
        CommitError::Conflict {
            expected: commit.expected,
            found,
            changed_by,
            changed_at,
        }
    }

    fn accept(&mut self, commit: &'a Commit) {
        let id = commit.row.id;
        self.changed.insert(id, commit);
        self.codes.insert(&commit.row.code, id);
        self.records.push((id, &commit.record));
        for key in &commit.clear_timers {
            self.timers.insert((id, key), TimerChange::Clear);
        }
        for timer in &commit.set_timers {
            let set = TimerChange::Set {
                at: timer.at,
                generation: timer.generation,
            };
            self.timers.insert((id, &timer.key), set);
        }
        for (ordinal, mail) in commit.outbox.iter().enumerate() {
            self.mails.push((mail, commit.record.seq, ordinal));
        }
        if let Some(answer) = &commit.answer {
            self.answers.insert((id, &answer.key), answer);
        }
    }

    fn postpone(&mut self, timer: &'a TimerRow) -> Verdict {
        let (at, generation) = (timer.at, timer.generation);
        let wanted = TimerChange::Postpone { at, generation };
        match self.timers.entry((timer.project, &timer.key)) {
            Entry::Vacant(slot) => {
                slot.insert(wanted);
            }
            Entry::Occupied(mut slot) => match slot.get_mut() {
                // What an earlier change of the group sets is what the database will say.
                TimerChange::Clear => {}
                TimerChange::Set {
                    at: due,
                    generation: current,
                } => {
                    if *current == generation {
                        *due = at;
                    }
                }
                TimerChange::Postpone {
                    generation: current,
                    ..
                } if *current != generation => return Verdict::Later,
                earlier @ TimerChange::Postpone { .. } => *earlier = wanted,
            },
        }
        Verdict::Write
    }
}

/// The columns a mail's fate sets.
pub(crate) struct Fate<'a> {
    pub state: &'static str,
    pub sent_at: Option<Instant>,
    /// Absent where it stays as it is.
    pub not_before: Option<Instant>,
    pub error: &'a str,
}

impl<'a> From<&'a MailOutcome> for Fate<'a> {
    fn from(outcome: &'a MailOutcome) -> Self {
        let (state, sent_at, not_before, error) = match outcome {
            MailOutcome::Sent(at) => ("sent", Some(*at), None, ""),
            MailOutcome::Retry { not_before, error } => {
                ("pending", None, Some(*not_before), error.as_str())
            }
            MailOutcome::Dead { error } => ("dead", None, None, error.as_str()),
        };
        Self {
            state,
            sent_at,
            not_before,
            error,
        }
    }
}
