//! The audit part of a simulated process's store.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use liucheng_engine::ports::{
    AuditStore, CommitError, Dossier, Epoch, KeptDocument, KeptToken, Leaf, ProjectId, ReadError,
    RecordRow, Seal,
};

use super::{database::Operation, store::NodeStore};

#[async_trait]
impl AuditStore for NodeStore {
    async fn unsealed(&self, limit: u32) -> Result<u64, ReadError> {
        self.read().await?;
        self.database.memory.unsealed(limit).await
    }

    async fn seal(&self, seal: Seal) -> Result<Option<Epoch>, CommitError> {
        let sealed = Arc::new(Mutex::new(None));
        self.write(Operation::Seal(seal, Arc::clone(&sealed)))
            .await?;
        Ok(sealed.lock().unwrap_or_else(PoisonError::into_inner).take())
    }

    async fn last_epoch(&self) -> Result<Option<Epoch>, ReadError> {
        self.read().await?;
        self.database.memory.last_epoch().await
    }

    async fn epochs(&self, after: u64, limit: u32) -> Result<Vec<Epoch>, ReadError> {
        self.read().await?;
        self.database.memory.epochs(after, limit).await
    }

    async fn epoch_leaves(&self, epoch: u64, limit: u32) -> Result<Vec<Leaf>, ReadError> {
        self.read().await?;
        self.database.memory.epoch_leaves(epoch, limit).await
    }

    async fn project_ids(
        &self,
        after: Option<ProjectId>,
        limit: u32,
    ) -> Result<Vec<ProjectId>, ReadError> {
        self.read().await?;
        self.database.memory.project_ids(after, limit).await
    }

    async fn dossier(&self, id: ProjectId) -> Result<Dossier, ReadError> {
        self.read().await?;
        self.database.memory.dossier(id).await
    }

    async fn kept_documents(
        &self,
        after: Option<(String, String)>,
        limit: u32,
    ) -> Result<Vec<KeptDocument>, ReadError> {
        self.read().await?;
        self.database.memory.kept_documents(after, limit).await
    }

    async fn kept_tokens(
        &self,
        after: Option<String>,
        limit: u32,
    ) -> Result<Vec<KeptToken>, ReadError> {
        self.read().await?;
        self.database.memory.kept_tokens(after, limit).await
    }

    async fn journal(&self, after: u64, limit: u32) -> Result<Vec<RecordRow>, ReadError> {
        self.read().await?;
        self.database.memory.journal(after, limit).await
    }
}
