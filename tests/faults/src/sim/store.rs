//! The `Store` port of one process over the simulated database.
//!
//! Every call gives way at least once before it does anything and once after, so that the scheduler can
//! let others in between, or end the process there.

use std::{
    future::poll_fn,
    sync::{Arc, PoisonError},
    task::Poll,
};

use async_trait::async_trait;
use liucheng_engine::ports::{
    AnswerPlace, AnswerRow, Clock, Commit, CommitError, Document, Instant, MailOutcome, MailRecord,
    OutboxRow, Page, ProjectId, ProjectRow, ReadError, RecordRow, Store, TimerRow, TokenAct,
    TokenRow,
};

use super::{
    database::{Database, Operation},
    options::Broken,
};

/// Lets the scheduler choose what happens next.
pub async fn give_way() {
    let mut came = false;
    poll_fn(|context| {
        if std::mem::replace(&mut came, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// What a process knows of the database.
pub struct NodeStore {
    /// The database.
    pub database: Arc<Database>,
    /// The process's number, never given twice.
    pub process: u64,
    /// The process's clock.
    pub clock: Arc<dyn Clock>,
}

impl NodeStore {
    /// Lets others go first, as often as chance wants, and as long as this process stands still.
    async fn wait(&self) {
        let mut times = self.database.state().random.below(3);
        while times > 0 || self.database.state().paused.contains(&self.process) {
            times = times.saturating_sub(1);
            give_way().await;
        }
        give_way().await;
    }

    pub(super) async fn read(&self) -> Result<(), ReadError> {
        self.wait().await;
        let mut state = self.database.state();
        let rate = state.rates.read;
        if state.random.chance(rate) {
            state.notes.fault("read failed");
            return Err(ReadError::Unavailable("injected: not read".to_owned()));
        }
        Ok(())
    }

    pub(super) async fn write(&self, operation: Operation) -> Result<(), CommitError> {
        self.wait().await;
        let slot = self.database.submit(self.process, operation);
        let result = poll_fn(|context| {
            let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
            match slot.take() {
                Some(result) => Poll::Ready(result),
                None => {
                    context.waker().wake_by_ref();
                    Poll::Pending
                }
            }
        })
        .await;
        self.wait().await;
        result
    }

    fn me(&self) -> (u64, Instant) {
        (self.process, self.clock.now())
    }
}

#[async_trait]
impl Store for NodeStore {
    async fn load(&self, id: ProjectId) -> Result<Option<ProjectRow>, ReadError> {
        self.read().await?;
        self.database.memory.load(id).await
    }

    async fn find_code(&self, code: &str) -> Result<Option<ProjectId>, ReadError> {
        self.read().await?;
        self.database.memory.find_code(code).await
    }

    async fn list(&self, page: Page) -> Result<Vec<ProjectRow>, ReadError> {
        self.read().await?;
        self.database.memory.list(page).await
    }

    async fn history(
        &self,
        id: ProjectId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<RecordRow>, ReadError> {
        self.read().await?;
        let mut rows = self.database.memory.history(id, after, limit).await?;
        if self.database.broken() == Some(Broken::SkipsRecord) {
            rows.retain(|row| row.seq != 3);
        }
        Ok(rows)
    }

    async fn answer(&self, id: ProjectId, key: &str) -> Result<Option<AnswerRow>, ReadError> {
        self.read().await?;
        self.database.memory.answer(id, key).await
    }

    async fn answers(
        &self,
        after: Option<AnswerPlace>,
        limit: u32,
    ) -> Result<Vec<AnswerPlace>, ReadError> {
        self.read().await?;
        self.database.memory.answers(after, limit).await
    }

    async fn remove_answers(&self, places: Vec<AnswerPlace>) -> Result<(), CommitError> {
        self.write(Operation::Forget(places)).await
    }

    async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        self.write(Operation::Commit(Box::new(commit))).await
    }

    async fn due_timers(&self, now: Instant, limit: u32) -> Result<Vec<TimerRow>, ReadError> {
        self.read().await?;
        let mut now = now;
        if self.database.broken() == Some(Broken::FiresEarly) {
            now = now.plus_micros(90 * 86_400_000_000);
        }
        let mut rows = self.database.memory.due_timers(now, u32::MAX).await?;
        if self.database.broken() == Some(Broken::FiresEarly) {
            // The engine looks at the time itself; only a lie about the row's own time gets past it.
            for row in &mut rows {
                row.at = row.at.min(self.clock.now());
            }
        }
        let key = |row: &TimerRow| (row.project, row.key.clone());
        self.database.claim(self.me(), false, rows, (limit, key))
    }

    async fn timers(&self, id: ProjectId) -> Result<Vec<TimerRow>, ReadError> {
        self.read().await?;
        self.database.memory.timers(id).await
    }

    async fn postpone_timer(&self, timer: TimerRow) -> Result<(), CommitError> {
        self.write(Operation::Postpone(timer)).await
    }

    async fn due_mail(&self, now: Instant, limit: u32) -> Result<Vec<OutboxRow>, ReadError> {
        self.read().await?;
        let rows = self.database.memory.due_mail(now, u32::MAX).await?;
        let key = |row: &OutboxRow| (row.project, row.key.clone());
        let mut rows = self.database.claim(self.me(), true, rows, (limit, key))?;
        if self.database.broken() == Some(Broken::RenamesMail) {
            for row in rows.iter_mut().filter(|row| row.attempts > 0) {
                row.mail.message_id.insert(1, '2');
            }
        }
        Ok(rows)
    }

    async fn holds_mail(&self, id: ProjectId, key: &str) -> Result<bool, ReadError> {
        self.read().await?;
        let held = self
            .database
            .holds_mail(self.process, self.clock.now(), &(id, key.to_owned()));
        give_way().await;
        held
    }

    async fn mail(&self, id: ProjectId) -> Result<Vec<MailRecord>, ReadError> {
        self.read().await?;
        self.database.memory.mail(id).await
    }

    async fn finish_mail(
        &self,
        id: ProjectId,
        key: &str,
        outcome: MailOutcome,
    ) -> Result<(), CommitError> {
        self.write(Operation::Finish(id, key.to_owned(), outcome))
            .await
    }

    async fn next_wake(&self) -> Result<Option<Instant>, ReadError> {
        self.read().await?;
        self.database.memory.next_wake().await
    }

    fn writes_alone(&self) -> bool {
        self.database.has_one_process()
    }

    async fn put_document(&self, document: Document) -> Result<(), CommitError> {
        self.write(Operation::Document(document)).await
    }

    async fn document(&self, kind: &str, digest: &str) -> Result<Option<Document>, ReadError> {
        self.read().await?;
        self.database.memory.document(kind, digest).await
    }

    async fn documents(&self, kind: &str) -> Result<Vec<Document>, ReadError> {
        self.read().await?;
        self.database.memory.documents(kind).await
    }

    async fn change_token(&self, act: TokenAct) -> Result<(), CommitError> {
        self.write(Operation::Token(act)).await
    }

    async fn token(&self, hash: &str) -> Result<Option<TokenRow>, ReadError> {
        self.read().await?;
        self.database.memory.token(hash).await
    }

    async fn token_count(&self) -> Result<u64, ReadError> {
        self.read().await?;
        self.database.memory.token_count().await
    }
}
