//! Checking one project as its pieces come in.

mod timers;

use std::collections::BTreeMap;

use liucheng_model::{definition::Definition, event::Event, project::Project};

use super::{
    effects,
    problem::{Code, Problem, ProjectCheck},
};
use crate::{
    commands::Answer,
    ports::{
        ANSWERS_KEPT_MICROS, AnswerRow, Dossier, Instant, KeptMail, Leaf, MailState, ProjectId,
        ProjectRow, RecordRow,
    },
    record::{GENESIS, Record, chain},
};

/// No more problems of one project are told.
const PROBLEMS_MAX: usize = 20;

/// What is known beside a project's own pieces.
pub(crate) struct Surroundings<'a> {
    /// The time by which answers were removed.
    pub answers_now: Instant,
    /// When the check is made; a timer can have moved only if it was due before.
    pub now: Instant,
    /// The number of the last epoch.
    pub last_epoch: u64,
    /// The definition the project goes by, where the documents have it and this program takes it.
    pub definition: Option<&'a Definition>,
    /// Whether the documents lack it.
    pub definition_missing: bool,
}

/// A project whose records are coming in.
pub(crate) struct Open {
    dossier: Dossier,
    folded: Option<Project>,
    seq: u64,
    head: String,
    last: Option<(String, Instant)>,
    mails: BTreeMap<u64, Vec<KeptMail>>,
    answers: BTreeMap<u64, Vec<AnswerRow>>,
    /// Records whose answer is not there, and when they were made.
    unanswered: Vec<(u64, Instant)>,
    leaves: BTreeMap<u64, Vec<Leaf>>,
    problems: Vec<Problem>,
}

impl Open {
    pub(crate) fn new(mut dossier: Dossier) -> Self {
        let mut problems = Vec::new();
        let mut mails: BTreeMap<u64, Vec<KeptMail>> = BTreeMap::new();
        for mail in std::mem::take(&mut dossier.mails) {
            mails.entry(mail.seq).or_default().push(mail);
        }
        let mut answers: BTreeMap<u64, Vec<AnswerRow>> = BTreeMap::new();
        for answer in std::mem::take(&mut dossier.answers) {
            match serde_json::from_str::<Answer>(&answer.response) {
                Ok(given) => answers.entry(given.version).or_default().push(answer),
                Err(error) => {
                    let text = format!("the answer {:?} is unreadable: {error}", answer.key);
                    problems.push(Problem::new(Code::Effects, text));
                }
            }
        }
        let mut leaves: BTreeMap<u64, Vec<Leaf>> = BTreeMap::new();
        for leaf in &dossier.leaves {
            leaves.entry(leaf.version).or_default().push(leaf.clone());
        }
        Self {
            dossier,
            folded: None,
            seq: 0,
            head: GENESIS.to_owned(),
            last: None,
            mails,
            answers,
            unanswered: Vec::new(),
            leaves,
            problems,
        }
    }

    /// When it was changed last, or long ago.
    pub(crate) fn changed_at(&self) -> Instant {
        self.last.as_ref().map_or(Instant(i64::MIN), |(_, at)| *at)
    }

    /// Its id.
    pub(crate) fn id(&self) -> ProjectId {
        self.dossier.id
    }

    /// What was sealed of it.
    pub(crate) fn leaves(&self) -> &[Leaf] {
        &self.dossier.leaves
    }

    /// The digest of the definition it goes by.
    pub(crate) fn definition(&self) -> Option<&str> {
        self.folded
            .as_ref()
            .map(|project| project.definition.digest.as_str())
    }

    pub(crate) fn note(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    fn bad(&mut self, code: Code, seq: u64, text: impl Into<String>) {
        self.problems.push(Problem::new(code, text).of_record(seq));
    }

    /// Takes the next record.
    pub(crate) fn record(&mut self, row: &RecordRow) {
        let seq = row.seq;
        if seq > self.seq + 1 {
            let missing = self.seq + 1;
            let text = match seq - missing {
                1 => "it is missing".to_owned(),
                count => format!("it and {} more are missing", count - 1),
            };
            self.bad(Code::RecordMissing, missing, text);
        } else if seq <= self.seq {
            self.bad(
                Code::Chain,
                seq,
                format!("it comes after record {}", self.seq),
            );
        }
        if row.prev_hash != self.head || row.hash != chain(&row.prev_hash, &row.payload) {
            self.bad(Code::Chain, seq, "the hash chain is broken");
        }
        match Record::open(row) {
            Ok(record) => self.opened(row, record),
            Err(error) => self.bad(Code::RecordUnreadable, seq, format!("unreadable: {error}")),
        }
        for leaf in self.leaves.remove(&seq).unwrap_or_default() {
            if leaf.head != row.hash {
                let text = format!(
                    "epoch {} has sealed another record of this number",
                    leaf.epoch
                );
                self.bad(Code::Leaf, seq, text);
            }
        }
        self.seq = seq;
        self.head.clone_from(&row.hash);
        self.last = Some((row.actor.clone(), row.at));
    }

    fn opened(&mut self, row: &RecordRow, record: Record) {
        if (record.seq, record.at, &record.actor) != (row.seq, row.at, &row.actor) {
            let text = "its columns are not those of its payload";
            self.bad(Code::RecordColumns, row.seq, text);
        }
        let mails = self.mails.remove(&row.seq).unwrap_or_default();
        let answers = self.answers.remove(&row.seq).unwrap_or_default();
        let beside = match (&record.effects, &record.answer) {
            (None, _) => true,
            (Some(expected), None) => beside(record.at, expected, &mails, &answers),
            (Some(expected), Some(answer)) => {
                if answers.is_empty() {
                    self.unanswered.push((row.seq, record.at));
                }
                beside(record.at, expected, &mails, &[]) && answered(answer, &answers)
            }
        };
        if !beside {
            let text = "the mails or the answer written with it are not those that are there";
            self.bad(Code::Effects, row.seq, text);
        }
        for event in &record.events {
            match (&mut self.folded, event) {
                (Some(project), event) => project.apply(event),
                (None, Event::Opened(opening)) => self.folded = Some(Project::opened(opening)),
                (None, _) => {}
            }
        }
    }

    /// Everything came in.
    pub(crate) fn finish(mut self, around: &Surroundings<'_>) -> ProjectCheck {
        self.leftovers();
        self.unanswered(around.answers_now);
        let row = self.dossier.row.take();
        match &row {
            Some(row) => self.row(row, around),
            None => {
                let text = format!(
                    "the project is not there, but {} records and {} leaves of it are",
                    self.seq,
                    self.dossier.leaves.len()
                );
                self.problems.push(Problem::new(Code::ProjectMissing, text));
            }
        }
        self.sealed(row.as_ref(), around);
        let id = self.dossier.id;
        let mut problems = self.problems;
        problems
            .iter_mut()
            .for_each(|problem| problem.project = Some(id));
        problems.sort_by_key(|problem| problem.seq.unwrap_or(u64::MAX));
        problems.truncate(PROBLEMS_MAX);
        ProjectCheck {
            id,
            code: row.map_or_else(|| id.to_string(), |row| row.code),
            records: self.seq,
            unsealed: self.dossier.unsealed,
            problems,
        }
    }

    /// Answers are removed when their time is over, and not before.
    fn unanswered(&mut self, now: Instant) {
        for (seq, at) in std::mem::take(&mut self.unanswered) {
            if at.plus_micros(ANSWERS_KEPT_MICROS) > now {
                let text = "its answer is not there, and its time is not over";
                self.bad(Code::Effects, seq, text);
            }
        }
    }

    /// What belongs to records that did not come.
    fn leftovers(&mut self) {
        for (seq, mails) in std::mem::take(&mut self.mails) {
            let text = format!(
                "it is not there, but {} mails that it planned are",
                mails.len()
            );
            self.bad(Code::Effects, seq, text);
        }
        for seq in std::mem::take(&mut self.answers).into_keys() {
            self.bad(Code::Effects, seq, "it is not there, but its answer is");
        }
        for (seq, leaves) in std::mem::take(&mut self.leaves) {
            let epoch = leaves.first().map_or(0, |leaf| leaf.epoch);
            let text = format!("epoch {epoch} has sealed it, but it is not there");
            self.bad(Code::Leaf, seq, text);
        }
    }

    fn row(&mut self, row: &ProjectRow, around: &Surroundings<'_>) {
        let seq = self.seq;
        if seq != row.version {
            let first = seq.min(row.version) + 1;
            let text = format!(
                "the row has version {}, the history ends at {seq}",
                row.version
            );
            self.bad(Code::Head, first, text);
        } else if self.head != row.head {
            let text = "the row's head is not the hash of the last record";
            self.bad(Code::Head, seq, text);
        }
        let state = match (&self.folded, serde_json::from_str::<Project>(&row.state)) {
            (Some(folded), Ok(stored)) if *folded == stored => None,
            (_, Err(error)) => Some(format!("the state is unreadable: {error}")),
            _ => Some("the state is not the fold of the history".to_owned()),
        };
        self.problems
            .extend(state.map(|text| Problem::new(Code::State, text)));
        let Some(folded) = self.folded.take() else {
            return;
        };
        if !columns_fit(row, &folded, self.last.as_ref(), around.definition) {
            let text = "the row's columns are not those of the history";
            self.problems.push(Problem::new(Code::State, text));
        }
        if around.definition_missing {
            let text = format!(
                "the definition {} that it goes by is not kept",
                folded.definition.digest
            );
            self.problems.push(Problem::new(Code::Document, text));
        }
        self.timers(&folded, around);
    }

    /// The project's place in the epochs.
    fn sealed(&mut self, row: Option<&ProjectRow>, around: &Surroundings<'_>) {
        let mut version = 0;
        let mut found = Vec::new();
        for leaf in &self.dossier.leaves {
            if leaf.epoch > around.last_epoch {
                let text = "it is not there, but has a leaf";
                found.push(Problem::new(Code::EpochMissing, text).of_epoch(leaf.epoch));
            }
            if leaf.version < version {
                let text = format!(
                    "it seals version {}, an earlier one {version}",
                    leaf.version
                );
                found.push(Problem::new(Code::Leaf, text).of_epoch(leaf.epoch));
            }
            version = version.max(leaf.version);
        }
        if row.is_some_and(|row| row.version > version) && !self.dossier.unsealed {
            let text = "changed, but neither sealed nor marked to be";
            found.push(Problem::new(Code::Unmarked, text).of_record(version + 1));
        }
        self.problems.extend(found);
    }
}

/// Whether the row says what the history says.
fn columns_fit(
    row: &ProjectRow,
    folded: &Project,
    last: Option<&(String, Instant)>,
    definition: Option<&Definition>,
) -> bool {
    let promoted = (&row.code, &row.name, &row.stage, row.next_due)
        == (
            &folded.code,
            &folded.name,
            &folded.stage(),
            folded.next_due(),
        );
    let changed = last.is_some_and(|(actor, at)| (&row.changed_by, row.changed_at) == (actor, *at));
    let province = match (definition, &folded.package) {
        (Some(definition), _) => definition.province.as_deref().unwrap_or_default() == row.province,
        (None, Some(package)) => package.id == row.province,
        // Nothing says which one it is.
        (None, None) => true,
    };
    promoted && changed && province
}

/// Whether the answers beside a record are the one of its digest, or none.
fn answered(expected: &str, answers: &[AnswerRow]) -> bool {
    match answers {
        [] => true,
        [answer] => effects::of_answer(answer).is_ok_and(|digest| digest == expected),
        _ => false,
    }
}

/// Whether the mails and answers beside a record are those of its digest.
fn beside(at: Instant, expected: &str, mails: &[KeptMail], answers: &[AnswerRow]) -> bool {
    if answers.len() > 1
        || mails
            .iter()
            .zip(0..)
            .any(|(mail, place)| mail.ordinal != place)
    {
        return false;
    }
    let digest = |planned: fn(&KeptMail, Instant) -> Instant| {
        let rows = mails.iter();
        let rows: Vec<effects::Effect<'_>> = rows
            .map(|mail| (mail.key.as_str(), planned(mail, at), mail.mail.as_str()))
            .collect();
        effects::digest(&rows, answers.first())
    };
    // A failed attempt has moved `not_before`; what it was is the record's own time.
    let tries: [fn(&KeptMail, Instant) -> Instant; 2] = [
        |mail, _| mail.not_before,
        |mail, at| {
            if was_retried(mail) {
                at
            } else {
                mail.not_before
            }
        },
    ];
    tries
        .into_iter()
        .any(|planned| digest(planned).is_ok_and(|found| found == expected))
}

/// Whether an attempt has failed that was to be repeated.
fn was_retried(mail: &KeptMail) -> bool {
    let last = u64::from(mail.state != MailState::Pending);
    mail.attempts > last
}
