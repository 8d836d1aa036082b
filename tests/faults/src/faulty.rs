//! A store around a real one that fails at the port: reads and writes refused, answers lost, conflicts
//! that were none, and pauses that put things in another order.

mod audit;

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;
use liucheng_engine::ports::{
    AnswerPlace, AnswerRow, Backlog, Commit, CommitError, Document, Instant, MailOutcome,
    MailRecord, OutboxRow, Page, ProjectId, ProjectRow, ReadError, RecordRow, Schema, Store,
    StoreFigures, StoreHealth, TimerRow, TokenAct, TokenRow,
};

use crate::random::Random;

/// A real store whose port fails at times.
pub struct FaultyStore {
    inner: Arc<dyn Store>,
    random: Mutex<Random>,
    per_mille: u32,
    /// How many faults there were.
    pub faults: AtomicU64,
}

/// What becomes of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Goes,
    Refused,
    AnswerLost,
    Conflicts,
}

impl FaultyStore {
    /// Wraps a store; of a thousand calls that many fail.
    #[must_use]
    pub fn new(inner: Arc<dyn Store>, random: Random, per_mille: u32) -> Self {
        Self {
            inner,
            random: Mutex::new(random),
            per_mille,
            faults: AtomicU64::new(0),
        }
    }

    fn dice<T>(&self, throw: impl FnOnce(&mut Random) -> T) -> T {
        throw(&mut self.random.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn pause(&self) {
        for _ in 0..self.dice(|random| random.below(4)) {
            tokio::task::yield_now().await;
        }
    }

    async fn read(&self) -> Result<(), ReadError> {
        self.pause().await;
        if self.dice(|random| random.chance(self.per_mille / 4)) {
            self.faults.fetch_add(1, Ordering::Relaxed);
            return Err(ReadError::Unavailable(
                "injected: connection reset".to_owned(),
            ));
        }
        Ok(())
    }

    async fn fate(&self) -> Fate {
        self.pause().await;
        let per_mille = self.per_mille;
        let fate = self.dice(|random| {
            let fails = random.chance(per_mille);
            match random.below(3) {
                _ if !fails => Fate::Goes,
                0 => Fate::Refused,
                1 => Fate::AnswerLost,
                _ => Fate::Conflicts,
            }
        });
        if fate != Fate::Goes {
            self.faults.fetch_add(1, Ordering::Relaxed);
        }
        fate
    }

    async fn write(
        &self,
        go: impl Future<Output = Result<(), CommitError>>,
    ) -> Result<(), CommitError> {
        let unavailable = |reason: &str| Err(CommitError::Unavailable(reason.to_owned()));
        match self.fate().await {
            Fate::Goes => go.await,
            Fate::AnswerLost => {
                go.await.ok();
                unavailable("injected: connection reset, it is not known whether it was stored")
            }
            Fate::Refused | Fate::Conflicts => unavailable("injected: serialization failure"),
        }
    }
}

#[async_trait]
impl Store for FaultyStore {
    async fn load(&self, id: ProjectId) -> Result<Option<ProjectRow>, ReadError> {
        self.read().await?;
        self.inner.load(id).await
    }

    async fn load_all(&self, ids: &[ProjectId]) -> Result<Vec<ProjectRow>, ReadError> {
        self.read().await?;
        self.inner.load_all(ids).await
    }

    fn writes_alone(&self) -> bool {
        self.inner.writes_alone()
    }

    async fn find_code(&self, code: &str) -> Result<Option<ProjectId>, ReadError> {
        self.read().await?;
        self.inner.find_code(code).await
    }

    async fn list(&self, page: Page) -> Result<Vec<ProjectRow>, ReadError> {
        self.read().await?;
        self.inner.list(page).await
    }

    async fn history(
        &self,
        id: ProjectId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<RecordRow>, ReadError> {
        self.read().await?;
        self.inner.history(id, after, limit).await
    }

    async fn answer(&self, id: ProjectId, key: &str) -> Result<Option<AnswerRow>, ReadError> {
        self.read().await?;
        self.inner.answer(id, key).await
    }

    async fn answers(
        &self,
        after: Option<AnswerPlace>,
        limit: u32,
    ) -> Result<Vec<AnswerPlace>, ReadError> {
        self.read().await?;
        self.inner.answers(after, limit).await
    }

    async fn remove_answers(&self, places: Vec<AnswerPlace>) -> Result<(), CommitError> {
        self.write(self.inner.remove_answers(places)).await
    }

    async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        match self.fate().await {
            Fate::Goes => self.inner.commit(commit).await,
            Fate::AnswerLost => {
                self.inner.commit(commit).await.ok();
                Err(CommitError::Unavailable(
                    "injected: connection reset, it is not known whether it was stored".to_owned(),
                ))
            }
            // An opening that conflicts is one that is there; to say so of another would be a lie.
            Fate::Conflicts if commit.expected > 0 => Err(CommitError::Conflict {
                expected: commit.expected,
                found: commit.expected + 1,
                changed_by: "injected".to_owned(),
                changed_at: commit.row.changed_at,
            }),
            Fate::Refused | Fate::Conflicts => Err(CommitError::Unavailable(
                "injected: serialization failure".to_owned(),
            )),
        }
    }

    async fn due_timers(&self, now: Instant, limit: u32) -> Result<Vec<TimerRow>, ReadError> {
        self.read().await?;
        self.inner.due_timers(now, limit).await
    }

    async fn timers(&self, id: ProjectId) -> Result<Vec<TimerRow>, ReadError> {
        self.read().await?;
        self.inner.timers(id).await
    }

    async fn postpone_timer(&self, timer: TimerRow) -> Result<(), CommitError> {
        self.write(self.inner.postpone_timer(timer)).await
    }

    async fn due_mail(&self, now: Instant, limit: u32) -> Result<Vec<OutboxRow>, ReadError> {
        self.read().await?;
        self.inner.due_mail(now, limit).await
    }

    async fn holds_mail(&self, id: ProjectId, key: &str) -> Result<bool, ReadError> {
        self.read().await?;
        self.inner.holds_mail(id, key).await
    }

    async fn mail(&self, id: ProjectId) -> Result<Vec<MailRecord>, ReadError> {
        self.read().await?;
        self.inner.mail(id).await
    }

    async fn finish_mail(
        &self,
        id: ProjectId,
        key: &str,
        outcome: MailOutcome,
    ) -> Result<(), CommitError> {
        self.write(self.inner.finish_mail(id, key, outcome)).await
    }

    async fn next_wake(&self) -> Result<Option<Instant>, ReadError> {
        self.read().await?;
        self.inner.next_wake().await
    }

    async fn put_document(&self, document: Document) -> Result<(), CommitError> {
        self.write(self.inner.put_document(document)).await
    }

    async fn document(&self, kind: &str, digest: &str) -> Result<Option<Document>, ReadError> {
        self.read().await?;
        self.inner.document(kind, digest).await
    }

    async fn documents(&self, kind: &str) -> Result<Vec<Document>, ReadError> {
        self.read().await?;
        self.inner.documents(kind).await
    }

    async fn change_token(&self, act: TokenAct) -> Result<(), CommitError> {
        self.write(self.inner.change_token(act)).await
    }

    async fn token(&self, hash: &str) -> Result<Option<TokenRow>, ReadError> {
        self.read().await?;
        self.inner.token(hash).await
    }

    async fn token_count(&self) -> Result<u64, ReadError> {
        self.read().await?;
        self.inner.token_count().await
    }

    fn health(&self) -> StoreHealth {
        self.inner.health()
    }

    fn figures(&self) -> StoreFigures {
        self.inner.figures()
    }

    async fn backlog(&self) -> Result<Backlog, ReadError> {
        self.read().await?;
        self.inner.backlog().await
    }

    async fn schema(&self) -> Result<Schema, ReadError> {
        self.read().await?;
        self.inner.schema().await
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}
