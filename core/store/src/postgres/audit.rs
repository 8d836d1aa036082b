//! The engine's `AuditStore` port on PostgreSQL.

use async_trait::async_trait;
use liucheng_engine::ports::{
    AuditStore, CommitError, Dossier, Epoch, KeptDocument, KeptToken, Leaf, ProjectId, REGISTRY,
    ReadError, RecordRow, Seal,
};

use super::{PostgresStore, columns::number, seal::seal, sql};
use crate::{
    read::{self, Fields, each, failed},
    sql as shared,
};

/// The leaves of an epoch.
const EPOCH_LEAVES: &str = "
SELECT project, epoch, version, encode(head, 'hex') FROM epoch_leaf
WHERE epoch = $1 ORDER BY project LIMIT $2";

/// The leaves of a project.
const LEAVES: &str = "
SELECT project, epoch, version, encode(head, 'hex') FROM epoch_leaf
WHERE project = $1 ORDER BY epoch";

/// The next project that any table speaks of, again and again: each step is a look into the keys.
const PROJECT_IDS: &str = "
WITH RECURSIVE ids (id) AS (
    SELECT $1::uuid
    UNION ALL
    SELECT least(
        (SELECT p.id FROM project AS p WHERE p.id > ids.id ORDER BY p.id LIMIT 1),
        (SELECT project FROM history WHERE project > ids.id ORDER BY project LIMIT 1),
        (SELECT project FROM timer WHERE project > ids.id ORDER BY project LIMIT 1),
        (SELECT project FROM outbox WHERE project > ids.id ORDER BY project LIMIT 1),
        (SELECT project FROM answer WHERE project > ids.id ORDER BY project LIMIT 1),
        (SELECT project FROM unsealed WHERE project > ids.id ORDER BY project LIMIT 1),
        (SELECT project FROM epoch_leaf
            WHERE project > ids.id AND project < 'ffffffff-ffff-ffff-ffff-ffffffffffff'
            ORDER BY project LIMIT 1))
    FROM ids WHERE ids.id IS NOT NULL)
SELECT id FROM (SELECT id FROM ids LIMIT $2 + 1) AS ids WHERE id IS NOT NULL AND id > $1";

/// All that is read stands side by side at one moment.
const ONE_MOMENT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

#[async_trait]
impl AuditStore for PostgresStore {
    async fn unsealed(&self, limit: u32) -> Result<u64, ReadError> {
        let limit = i64::from(limit);
        self.one(|| sqlx::query(shared::UNSEALED).bind(limit))
            .await?
            .count(0)
    }

    async fn seal(&self, order: Seal) -> Result<Option<Epoch>, CommitError> {
        if self.writing.is_none() {
            return Err(CommitError::Unavailable(
                "the database was opened for reading only".to_owned(),
            ));
        }
        seal(&self.readers, &order).await
    }

    async fn last_epoch(&self) -> Result<Option<Epoch>, ReadError> {
        let row = self.row(|| sqlx::query(shared::LAST_EPOCH)).await?;
        row.as_ref().map(read::epoch).transpose()
    }

    async fn epochs(&self, after: u64, limit: u32) -> Result<Vec<Epoch>, ReadError> {
        let (after, limit) = (number(after), i64::from(limit));
        let rows = self.rows(|| sqlx::query(shared::EPOCHS).bind(after).bind(limit));
        each(&rows.await?, read::epoch)
    }

    async fn epoch_leaves(&self, epoch: u64, limit: u32) -> Result<Vec<Leaf>, ReadError> {
        let (epoch, limit) = (number(epoch), i64::from(limit));
        let rows = self.rows(|| sqlx::query(EPOCH_LEAVES).bind(epoch).bind(limit));
        each(&rows.await?, read::leaf)
    }

    async fn project_ids(
        &self,
        after: Option<ProjectId>,
        limit: u32,
    ) -> Result<Vec<ProjectId>, ReadError> {
        let (after, limit) = (after.unwrap_or(REGISTRY).0, i64::from(limit));
        let rows = self.rows(|| sqlx::query(PROJECT_IDS).bind(after).bind(limit));
        each(&rows.await?, |row| row.project_id(0))
    }

    async fn dossier(&self, project: ProjectId) -> Result<Dossier, ReadError> {
        let broken = |error: sqlx::Error| failed(&error);
        let mut reader = self.readers.begin_with(ONE_MOMENT).await.map_err(broken)?;
        let row = sqlx::query(sql::LOAD)
            .bind(project.0)
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
                .bind(project.0)
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
        let limit = i64::from(limit);
        let rows = self.rows(|| {
            let query = sqlx::query(shared::KEPT_DOCUMENTS);
            query.bind(kind.clone()).bind(digest.clone()).bind(limit)
        });
        each(&rows.await?, read::kept_document)
    }

    async fn kept_tokens(
        &self,
        after: Option<String>,
        limit: u32,
    ) -> Result<Vec<KeptToken>, ReadError> {
        let (after, limit) = (after.unwrap_or_default(), i64::from(limit));
        let rows = self.rows(|| {
            sqlx::query(shared::KEPT_TOKENS)
                .bind(after.clone())
                .bind(limit)
        });
        each(&rows.await?, read::kept_token)
    }

    async fn journal(&self, after: u64, limit: u32) -> Result<Vec<RecordRow>, ReadError> {
        let (after, limit) = (number(after), i64::from(limit));
        let rows = self.rows(|| sqlx::query(shared::JOURNAL_PAGE).bind(after).bind(limit));
        each(&rows.await?, read::record)
    }
}
