//! Stand-ins for the ports, for tests: a store in memory, a mailer that fails on demand, rules
//! that have no opinion.

mod audit;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use liucheng_model::verdict::{Answer, Verdict};

use crate::ports::{
    AnswerPlace, AnswerRow, Backlog, Commit, CommitError, Document, Epoch, Instant, Leaf, Mail,
    MailError, MailOutcome, MailRecord, MailState, Mailer, OutboxRow, Page, ProjectId, ProjectRow,
    ProvinceRules, ReadError, RecordRow, RuleCall, RuleFault, Store, TimerRow, TokenAct, TokenRow,
};

/// A store in memory with the same promises as a real one, apart from surviving its process.
#[derive(Debug, Default)]
pub struct MemoryStore {
    tables: Mutex<Tables>,
    /// Several engines stand for several processes.
    shared: bool,
}

#[derive(Debug, Default)]
struct Tables {
    projects: BTreeMap<ProjectId, ProjectRow>,
    history: BTreeMap<ProjectId, Vec<RecordRow>>,
    timers: BTreeMap<(ProjectId, String), TimerRow>,
    /// In the order they were planned.
    mail: Vec<MailRecord>,
    /// The record that planned a mail, and the mail's place among those it planned.
    mail_places: BTreeMap<(ProjectId, String), (u64, u64)>,
    answers: BTreeMap<(ProjectId, String), AnswerRow>,
    documents: Vec<Document>,
    tokens: BTreeMap<String, TokenRow>,
    revoked: BTreeMap<String, Instant>,
    /// Without the first record.
    journal: Vec<RecordRow>,
    /// Projects that were changed since they were last sealed.
    unsealed: BTreeSet<ProjectId>,
    epochs: Vec<Epoch>,
    leaves: BTreeMap<(ProjectId, u64), Leaf>,
    /// The epochs that sealed documents, by kind and digest, and tokens.
    document_epochs: BTreeMap<(String, String), u64>,
    token_epochs: BTreeMap<String, u64>,
    /// The next commit fails with this reason.
    broken: Option<String>,
    /// Nothing can be written.
    full: bool,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty store that several engines write to, as several processes would.
    #[must_use]
    pub fn shared() -> Self {
        Self {
            shared: true,
            ..Self::default()
        }
    }

    /// Lets the next commit fail without writing anything.
    pub fn break_next_commit(&self, reason: &str) {
        self.tables().broken = Some(reason.to_owned());
    }

    /// Loses all documents of a kind, as a store that was tampered with.
    pub fn drop_documents(&self, kind: &str) {
        self.tables()
            .documents
            .retain(|document| document.kind != kind);
    }

    /// Damages the bytes of all documents of a kind.
    pub fn damage_documents(&self, kind: &str) {
        let mut tables = self.tables();
        let documents = tables.documents.iter_mut();
        documents
            .filter(|document| document.kind == kind)
            .for_each(|document| document.bytes.push(0));
    }

    /// Takes all room away, or gives it back: meanwhile no change and no mail's fate is written.
    pub fn set_full(&self, full: bool) {
        self.tables().full = full;
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        // A test that panicked while it held the lock has failed already.
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn load(&self, id: ProjectId) -> Result<Option<ProjectRow>, ReadError> {
        Ok(self.tables().projects.get(&id).cloned())
    }

    fn writes_alone(&self) -> bool {
        !self.shared
    }

    async fn find_code(&self, code: &str) -> Result<Option<ProjectId>, ReadError> {
        let tables = self.tables();
        Ok(tables
            .projects
            .values()
            .find(|p| p.code == code)
            .map(|p| p.id))
    }

    async fn list(&self, page: Page) -> Result<Vec<ProjectRow>, ReadError> {
        let mut rows: Vec<ProjectRow> = self.tables().projects.values().cloned().collect();
        rows.sort_by(|a, b| a.code.cmp(&b.code));
        rows.retain(|row| page.after.as_ref().is_none_or(|after| row.code > *after));
        rows.truncate(page.limit as usize);
        Ok(rows)
    }

    async fn history(
        &self,
        id: ProjectId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<RecordRow>, ReadError> {
        let tables = self.tables();
        let rows = tables.history.get(&id).into_iter().flatten();
        Ok(rows
            .filter(|r| r.seq > after)
            .take(limit as usize)
            .cloned()
            .collect())
    }

    async fn answer(&self, id: ProjectId, key: &str) -> Result<Option<AnswerRow>, ReadError> {
        Ok(self.tables().answers.get(&(id, key.to_owned())).cloned())
    }

    async fn answers(
        &self,
        after: Option<AnswerPlace>,
        limit: u32,
    ) -> Result<Vec<AnswerPlace>, ReadError> {
        let after = after.map(|after| (after.project, after.key));
        let tables = self.tables();
        let later = tables.answers.iter();
        let later = later.filter(|(place, _)| after.as_ref().is_none_or(|after| *place > after));
        let place = |((project, key), answer): (&(ProjectId, String), &AnswerRow)| AnswerPlace {
            project: *project,
            key: key.clone(),
            at: answer.at,
        };
        Ok(later.take(limit as usize).map(place).collect())
    }

    async fn remove_answers(&self, places: Vec<AnswerPlace>) -> Result<(), CommitError> {
        let mut tables = self.tables();
        for AnswerPlace { project, key, at } in places {
            let place = (project, key);
            if tables
                .answers
                .get(&place)
                .is_some_and(|answer| answer.at == at)
            {
                tables.answers.remove(&place);
            }
        }
        Ok(())
    }

    async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        self.tables().commit(commit)
    }

    async fn due_timers(&self, now: Instant, limit: u32) -> Result<Vec<TimerRow>, ReadError> {
        let mut due: Vec<TimerRow> = self
            .tables()
            .timers
            .values()
            .filter(|t| t.at <= now)
            .cloned()
            .collect();
        due.sort_by_key(|t| t.at);
        due.truncate(limit as usize);
        Ok(due)
    }

    async fn timers(&self, id: ProjectId) -> Result<Vec<TimerRow>, ReadError> {
        Ok(self
            .tables()
            .timers
            .values()
            .filter(|t| t.project == id)
            .cloned()
            .collect())
    }

    async fn postpone_timer(&self, timer: TimerRow) -> Result<(), CommitError> {
        let mut tables = self.tables();
        tables.has_room()?;
        let row = tables.timers.get_mut(&(timer.project, timer.key.clone()));
        if let Some(row) = row.filter(|row| row.generation == timer.generation) {
            row.at = timer.at;
        }
        Ok(())
    }

    async fn due_mail(&self, now: Instant, limit: u32) -> Result<Vec<OutboxRow>, ReadError> {
        let tables = self.tables();
        let pending = tables.mail.iter().filter(|m| m.state == MailState::Pending);
        let mut due: Vec<OutboxRow> = pending
            .filter(|m| m.row.not_before <= now)
            .map(|m| m.row.clone())
            .collect();
        due.sort_by_key(|row| row.not_before);
        due.truncate(limit as usize);
        Ok(due)
    }

    async fn backlog(&self) -> Result<Backlog, ReadError> {
        let tables = self.tables();
        let of = |state| tables.mail.iter().filter(move |mail| mail.state == state);
        let pending = || of(MailState::Pending);
        Ok(Backlog {
            mails_pending: pending().count() as u64,
            mail_earliest: pending().map(|mail| mail.row.not_before).min(),
            mails_dead: of(MailState::Dead).count() as u64,
            timer_earliest: tables.timers.values().map(|timer| timer.at).min(),
        })
    }

    async fn mail(&self, id: ProjectId) -> Result<Vec<MailRecord>, ReadError> {
        Ok(self
            .tables()
            .mail
            .iter()
            .filter(|m| m.row.project == id)
            .cloned()
            .collect())
    }

    async fn finish_mail(
        &self,
        id: ProjectId,
        key: &str,
        outcome: MailOutcome,
    ) -> Result<(), CommitError> {
        let mut tables = self.tables();
        tables.has_room()?;
        let pending = |m: &&mut MailRecord| {
            m.row.project == id && m.row.key == key && m.state == MailState::Pending
        };
        let Some(mail) = tables.mail.iter_mut().find(pending) else {
            return Ok(());
        };
        // The same result again is the same attempt.
        let again = MailOutcome::Retry {
            not_before: mail.row.not_before,
            error: mail.last_error.clone(),
        };
        if mail.row.attempts > 0 && outcome == again {
            return Ok(());
        }
        mail.row.attempts += 1;
        match outcome {
            MailOutcome::Sent(at) => {
                mail.state = MailState::Sent;
                mail.sent_at = Some(at);
            }
            MailOutcome::Retry { not_before, error } => {
                mail.row.not_before = not_before;
                mail.last_error = error;
            }
            MailOutcome::Dead { error } => {
                mail.state = MailState::Dead;
                mail.last_error = error;
            }
        }
        Ok(())
    }

    async fn next_wake(&self) -> Result<Option<Instant>, ReadError> {
        let tables = self.tables();
        let timers = tables.timers.values().map(|t| t.at);
        let pending = tables.mail.iter().filter(|m| m.state == MailState::Pending);
        Ok(timers.chain(pending.map(|m| m.row.not_before)).min())
    }

    async fn put_document(&self, document: Document) -> Result<(), CommitError> {
        let mut tables = self.tables();
        let same = |d: &Document| (&d.kind, &d.digest) == (&document.kind, &document.digest);
        match tables.documents.iter_mut().find(|kept| same(kept)) {
            None => tables.documents.push(document),
            Some(kept) if ["package", "component"].contains(&kept.kind.as_str()) => {
                *kept = document;
            }
            Some(_) => {}
        }
        Ok(())
    }

    async fn document(&self, kind: &str, digest: &str) -> Result<Option<Document>, ReadError> {
        let tables = self.tables();
        let found = tables
            .documents
            .iter()
            .find(|d| d.kind == kind && d.digest == digest);
        Ok(found.cloned())
    }

    async fn documents(&self, kind: &str) -> Result<Vec<Document>, ReadError> {
        let tables = self.tables();
        Ok(tables
            .documents
            .iter()
            .rev()
            .filter(|d| d.kind == kind)
            .cloned()
            .collect())
    }

    async fn change_token(&self, act: TokenAct) -> Result<(), CommitError> {
        self.tables().change_token(act)?;
        Ok(())
    }

    async fn token(&self, hash: &str) -> Result<Option<TokenRow>, ReadError> {
        let tables = self.tables();
        let token = tables.tokens.get(hash);
        Ok(token
            .filter(|_| !tables.revoked.contains_key(hash))
            .cloned())
    }

    async fn token_count(&self) -> Result<u64, ReadError> {
        Ok(self.tables().tokens.len() as u64)
    }
}

impl Tables {
    fn has_room(&self) -> Result<(), CommitError> {
        if self.full {
            return Err(CommitError::Full("the memory is full".to_owned()));
        }
        Ok(())
    }

    fn commit(&mut self, commit: Commit) -> Result<(), CommitError> {
        self.has_room()?;
        if let Some(reason) = self.broken.take() {
            return Err(CommitError::Unavailable(reason));
        }
        let id = commit.row.id;
        if let Some(answer) = &commit.answer
            && let Some(known) = self.answers.get(&(id, answer.key.clone()))
        {
            return Err(CommitError::Repeated(known.clone()));
        }
        let present = self.projects.get(&id);
        let found = present.map_or(0, |p| p.version);
        if found != commit.expected {
            return Err(CommitError::Conflict {
                expected: commit.expected,
                found,
                changed_by: present.map(|p| p.changed_by.clone()).unwrap_or_default(),
                changed_at: present.map(|p| p.changed_at).unwrap_or_default(),
            });
        }
        if self
            .projects
            .values()
            .any(|p| p.code == commit.row.code && p.id != id)
        {
            return Err(CommitError::DuplicateCode(commit.row.code));
        }
        let seq = commit.record.seq;
        self.unsealed.insert(id);
        self.projects.insert(id, commit.row);
        self.history.entry(id).or_default().push(commit.record);
        for key in commit.clear_timers {
            self.timers.remove(&(id, key));
        }
        for timer in commit.set_timers {
            self.timers.insert((id, timer.key.clone()), timer);
        }
        for (row, ordinal) in commit.outbox.into_iter().zip(0..) {
            let known = self
                .mail
                .iter()
                .any(|m| m.row.project == id && m.row.key == row.key);
            if !known {
                let place = (id, row.key.clone());
                self.mail_places.insert(place, (seq, ordinal));
                self.mail.push(MailRecord {
                    row,
                    state: MailState::Pending,
                    sent_at: None,
                    last_error: String::new(),
                });
            }
        }
        if let Some(answer) = commit.answer {
            self.answers.insert((id, answer.key.clone()), answer);
        }
        Ok(())
    }
}

/// A mailer that keeps what it was given, and fails as often as it is told to.
#[derive(Debug, Default)]
pub struct RecordingMailer {
    sent: Mutex<Vec<Mail>>,
    failures: Mutex<VecDeque<MailError>>,
}

impl RecordingMailer {
    /// The next attempts fail, in this order.
    pub fn fail_with(&self, failures: impl IntoIterator<Item = MailError>) {
        let mut planned = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        planned.extend(failures);
    }

    /// What was accepted so far.
    #[must_use]
    pub fn sent(&self) -> Vec<Mail> {
        self.sent
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

#[async_trait]
impl Mailer for RecordingMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let failure = self
            .failures
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front();
        if let Some(failure) = failure {
            return Err(failure);
        }
        self.sent
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(mail.clone());
        Ok(())
    }
}

/// Rules without an opinion.
#[derive(Debug, Default)]
pub struct SilentRules;

#[async_trait]
impl ProvinceRules for SilentRules {
    async fn ask(&self, call: RuleCall) -> Result<Verdict, RuleFault> {
        Ok(Verdict {
            hook: call.hook,
            package: call.package,
            input: String::new(),
            fuel: 0,
            answer: Answer::default(),
            arguments: Default::default(),
            next: None,
        })
    }
}
