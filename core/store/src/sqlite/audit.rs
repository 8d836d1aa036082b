//! The engine's `AuditStore` port on SQLite.

use std::sync::{Arc, PoisonError};

use async_trait::async_trait;
use liucheng_engine::ports::{
    AuditStore, CommitError, Dossier, Epoch, KeptDocument, KeptToken, Leaf, ProjectId, REGISTRY,
    ReadError, RecordRow, Seal,
};

use super::{SqliteStore, id, number, sql};
use crate::{
    group::{Operation, SealOrder},
    read::{self, Fields, each, failed},
    sql as shared,
};

/// The leaves of an epoch.
const EPOCH_LEAVES: &str = "
SELECT project, epoch, version, lower(hex(head)) FROM epoch_leaf
WHERE epoch = $1 ORDER BY project LIMIT $2";

/// The leaves of a project.
const LEAVES: &str = "
SELECT project, epoch, version, lower(hex(head)) FROM epoch_leaf WHERE project = $1 ORDER BY epoch";

/// The next project that any table speaks of, again and again: each step is a look into the keys.
const PROJECT_IDS: &str = "
WITH RECURSIVE ids (id) AS (
    SELECT $1
    UNION ALL
    SELECT (SELECT min(next) FROM (
        SELECT min(id) AS next FROM project WHERE id > ids.id
        UNION ALL SELECT min(project) FROM history WHERE project > ids.id
        UNION ALL SELECT min(project) FROM timer WHERE project > ids.id
        UNION ALL SELECT min(project) FROM outbox WHERE project > ids.id
        UNION ALL SELECT min(project) FROM answer WHERE project > ids.id
        UNION ALL SELECT min(project) FROM unsealed WHERE project > ids.id
        UNION ALL SELECT min(project) FROM epoch_leaf
            WHERE project > ids.id AND project < x'ffffffffffffffffffffffffffffffff'))
    FROM ids WHERE ids.id IS NOT NULL LIMIT $2 + 1)
SELECT id FROM ids WHERE id IS NOT NULL AND id > $1";

#[async_trait]
impl AuditStore for SqliteStore {
    async fn unsealed(&self, limit: u32) -> Result<u64, ReadError> {
        self.one(sqlx::query(shared::UNSEALED).bind(limit))
            .await?
            .count(0)
    }

    async fn seal(&self, seal: Seal) -> Result<Option<Epoch>, CommitError> {
        let sealed = Arc::default();
        let order = SealOrder {
            seal,
            sealed: Arc::clone(&sealed),
        };
        self.submit(Operation::Seal(order)).await?;
        let mut sealed = sealed.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(sealed.take())
    }

    async fn last_epoch(&self) -> Result<Option<Epoch>, ReadError> {
        let row = self.row(sqlx::query(shared::LAST_EPOCH)).await?;
        row.as_ref().map(read::epoch).transpose()
    }

    async fn epochs(&self, after: u64, limit: u32) -> Result<Vec<Epoch>, ReadError> {
        let query = sqlx::query(shared::EPOCHS).bind(number(after)).bind(limit);
        each(&self.rows(query).await?, read::epoch)
    }

    async fn epoch_leaves(&self, epoch: u64, limit: u32) -> Result<Vec<Leaf>, ReadError> {
        let query = sqlx::query(EPOCH_LEAVES).bind(number(epoch)).bind(limit);
        each(&self.rows(query).await?, read::leaf)
    }

    async fn project_ids(
        &self,
        after: Option<ProjectId>,
        limit: u32,
    ) -> Result<Vec<ProjectId>, ReadError> {
        let query = sqlx::query(PROJECT_IDS)
            .bind(id(after.unwrap_or(REGISTRY)))
            .bind(limit);
        each(&self.rows(query).await?, |row| row.project_id(0))
    }

    async fn dossier(&self, project: ProjectId) -> Result<Dossier, ReadError> {
        let broken = |error: sqlx::Error| failed(&error);
        // One transaction: all that is read stood side by side at one moment.
        let mut reader = self.readers.begin().await.map_err(broken)?;
        let row = sqlx::query(sql::LOAD)
            .bind(id(project))
            .fetch_optional(&mut *reader)
            .await;
        let row = row.map_err(broken)?;
        let mut rows = Vec::new();
        for query in [
            shared::IS_UNSEALED,
            LEAVES,
            shared::TIMERS,
            shared::KEPT_MAIL,
            shared::ANSWERS,
        ] {
            let found = sqlx::query(query)
                .bind(id(project))
                .fetch_all(&mut *reader)
                .await;
            rows.push(found.map_err(broken)?);
        }
        reader.rollback().await.map_err(broken)?;
        let [unsealed, leaves, timers, mails, answers] = rows.as_slice() else {
            return Err(failed(&sqlx::Error::RowNotFound));
        };
        Ok(Dossier {
            id: project,
            row: row.as_ref().map(read::project).transpose()?,
            unsealed: each(unsealed, |row| row.count(0))?.contains(&1),
            leaves: each(leaves, read::leaf)?,
            timers: each(timers, read::timer)?,
            mails: each(mails, read::kept_mail)?,
            answers: each(answers, read::answer)?,
        })
    }

    async fn kept_documents(
        &self,
        after: Option<(String, String)>,
        limit: u32,
    ) -> Result<Vec<KeptDocument>, ReadError> {
        let (kind, digest) = after.unwrap_or_default();
        let query = sqlx::query(shared::KEPT_DOCUMENTS)
            .bind(kind)
            .bind(digest)
            .bind(limit);
        each(&self.rows(query).await?, read::kept_document)
    }

    async fn kept_tokens(
        &self,
        after: Option<String>,
        limit: u32,
    ) -> Result<Vec<KeptToken>, ReadError> {
        let query = sqlx::query(shared::KEPT_TOKENS)
            .bind(after.unwrap_or_default())
            .bind(limit);
        each(&self.rows(query).await?, read::kept_token)
    }

    async fn journal(&self, after: u64, limit: u32) -> Result<Vec<RecordRow>, ReadError> {
        let query = sqlx::query(shared::JOURNAL_PAGE)
            .bind(number(after))
            .bind(limit);
        each(&self.rows(query).await?, read::record)
    }
}
