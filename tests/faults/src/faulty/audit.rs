//! The audit part of a store that fails at its port.

use async_trait::async_trait;
use liucheng_engine::ports::{
    AuditStore, CommitError, Dossier, Epoch, KeptDocument, KeptToken, Leaf, ProjectId, ReadError,
    RecordRow, Seal,
};

use super::{Fate, FaultyStore};

#[async_trait]
impl AuditStore for FaultyStore {
    async fn unsealed(&self, limit: u32) -> Result<u64, ReadError> {
        self.read().await?;
        self.inner.unsealed(limit).await
    }

    async fn seal(&self, seal: Seal) -> Result<Option<Epoch>, CommitError> {
        match self.fate().await {
            Fate::Goes => self.inner.seal(seal).await,
            Fate::AnswerLost => {
                self.inner.seal(seal).await.ok();
                Err(CommitError::Unavailable(
                    "injected: connection reset".to_owned(),
                ))
            }
            Fate::Refused | Fate::Conflicts => Err(CommitError::Unavailable(
                "injected: serialization failure".to_owned(),
            )),
        }
    }

    async fn last_epoch(&self) -> Result<Option<Epoch>, ReadError> {
        self.read().await?;
        self.inner.last_epoch().await
    }

    async fn epochs(&self, after: u64, limit: u32) -> Result<Vec<Epoch>, ReadError> {
        self.read().await?;
        self.inner.epochs(after, limit).await
    }

    async fn epoch_leaves(&self, epoch: u64, limit: u32) -> Result<Vec<Leaf>, ReadError> {
        self.read().await?;
        self.inner.epoch_leaves(epoch, limit).await
    }

    async fn project_ids(
        &self,
        after: Option<ProjectId>,
        limit: u32,
    ) -> Result<Vec<ProjectId>, ReadError> {
        self.read().await?;
        self.inner.project_ids(after, limit).await
    }

    async fn dossier(&self, id: ProjectId) -> Result<Dossier, ReadError> {
        self.read().await?;
        self.inner.dossier(id).await
    }

    async fn kept_documents(
        &self,
        after: Option<(String, String)>,
        limit: u32,
    ) -> Result<Vec<KeptDocument>, ReadError> {
        self.read().await?;
        self.inner.kept_documents(after, limit).await
    }

    async fn kept_tokens(
        &self,
        after: Option<String>,
        limit: u32,
    ) -> Result<Vec<KeptToken>, ReadError> {
        self.read().await?;
        self.inner.kept_tokens(after, limit).await
    }

    async fn journal(&self, after: u64, limit: u32) -> Result<Vec<RecordRow>, ReadError> {
        self.read().await?;
        self.inner.journal(after, limit).await
    }
}
