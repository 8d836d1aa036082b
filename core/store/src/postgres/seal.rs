//! Sealing an epoch beside the nodes' writers.
//!
//! An advisory lock lets one node seal at a time. The rows of the marked projects are locked before
//! their versions are read, and the writers mark a project only while they hold its row: a change that
//! is committed meanwhile is either read here, or its mark is written after this transaction has taken
//! the old one away.

use liucheng_engine::{
    audit::{journal, registry::Registry, seal::next_epoch},
    ports::{CommitError, Epoch, KeptDocument, KeptToken, Leaf, ReadError, SEAL_MAX, Seal},
};
use sqlx::{PgConnection, PgPool, postgres::PgRow};
use uuid::Uuid;

use super::{
    columns::{bytes, number},
    failure::Failure,
    journal::end,
};
use crate::{
    damage::refusal,
    read::{self, Fields, each},
    sql as shared,
};

/// How often an epoch is tried when it meets a deadlock.
const ROUNDS: usize = 5;

/// Lets others wait until this transaction ends. The number is that of the database's purpose, `LCHH`
/// as SQLite's application id has it, and of this use of it.
const ONE_AT_A_TIME: &str = "SELECT pg_advisory_xact_lock(1279477832, 1)";

/// Marked projects; those that are not there stay marked.
const MARKED: &str = "
SELECT u.project FROM unsealed AS u
WHERE EXISTS (SELECT FROM project AS p WHERE p.id = u.project) ORDER BY u.project LIMIT $1";

/// Where projects stand now, and until this transaction ends.
const STAND: &str = "
SELECT id, version, encode(head, 'hex') FROM project WHERE id = ANY ($1::uuid[])
ORDER BY id FOR NO KEY UPDATE";

/// Adds leaves.
const ADD_LEAVES: &str = "
INSERT INTO epoch_leaf (project, epoch, version, head)
SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bytea[])";

/// Takes marks away.
const UNMARK: &str = "DELETE FROM unsealed WHERE project = ANY ($1::uuid[])";

/// Seals an epoch, if there is anything to seal.
pub(super) async fn seal(pool: &PgPool, seal: &Seal) -> Result<Option<Epoch>, CommitError> {
    let mut round = 0;
    loop {
        round += 1;
        match Failure::from(match attempt(pool, seal).await {
            Ok(epoch) => return Ok(epoch),
            Err(error) => error,
        }) {
            Failure::Again(_) if round < ROUNDS => {}
            Failure::Full(error) => return Err(CommitError::Full(error.to_string())),
            Failure::Refused(error)
            | Failure::ReadOnly(error)
            | Failure::Again(error)
            | Failure::Failed(error)
            | Failure::Lost(error) => return Err(refusal(&error)),
        }
    }
}

async fn attempt(pool: &PgPool, seal: &Seal) -> Result<Option<Epoch>, sqlx::Error> {
    let mut transaction = pool.begin().await?;
    let connection = &mut *transaction;
    sqlx::query(ONE_AT_A_TIME).execute(&mut *connection).await?;
    let rows = sqlx::query(shared::LAST_EPOCH)
        .fetch_all(&mut *connection)
        .await?;
    let previous = decoded(each(&rows, read::epoch))?.pop();
    let epoch = Epoch::number_after(previous.as_ref());
    if seal.unmarked {
        sqlx::query(shared::MARK_UNMARKED)
            .execute(&mut *connection)
            .await?;
    }
    let limit = i64::from(SEAL_MAX);
    let marked: Vec<(Uuid,)> = sqlx::query_as(MARKED)
        .bind(limit)
        .fetch_all(&mut *connection)
        .await?;
    let marked: Vec<Uuid> = marked.into_iter().map(|(id,)| id).collect();
    let rows = sqlx::query(STAND)
        .bind(marked)
        .fetch_all(&mut *connection)
        .await?;
    let stand: Result<Vec<Leaf>, ReadError> = rows.iter().map(|row| leaf(row, epoch)).collect();
    let mut leaves = decoded(stand)?;
    let rows = sqlx::query(shared::UNSEALED_DOCUMENTS)
        .bind(limit)
        .fetch_all(&mut *connection)
        .await?;
    let documents = decoded(each(&rows, read::kept_document))?;
    let rows = sqlx::query(shared::UNSEALED_TOKENS)
        .bind(limit)
        .fetch_all(&mut *connection)
        .await?;
    let tokens = decoded(each(&rows, read::kept_token))?;
    let registry =
        Registry::of(&documents, &tokens).map_err(|error| sqlx::Error::Encode(error.into()))?;
    let (last, sealed) = end(connection).await?;
    if let Some(leaf) = journal::leaf(last.as_ref(), sealed, epoch) {
        leaves.push(leaf);
    }
    if !registry.is_empty() {
        leaves.insert(0, registry.leaf(epoch));
    }
    if leaves.is_empty() {
        return Ok(None);
    }
    let made = next_epoch(previous.as_ref(), &leaves, seal);
    let made = made.map_err(|error| sqlx::Error::Decode(error.into()))?;
    add(connection, &made, &leaves).await?;
    note(connection, &made, &documents, &tokens).await?;
    transaction.commit().await?;
    Ok(Some(made))
}

fn leaf(row: &PgRow, epoch: u64) -> Result<Leaf, ReadError> {
    Ok(Leaf {
        project: row.project_id(0)?,
        epoch,
        version: row.count(1)?,
        head: row.text(2)?,
    })
}

async fn add(
    connection: &mut PgConnection,
    epoch: &Epoch,
    leaves: &[Leaf],
) -> Result<(), sqlx::Error> {
    sqlx::query(shared::ADD_EPOCH)
        .bind(number(epoch.number))
        .bind(epoch.sealed_at.0)
        .bind(number(epoch.leaves))
        .bind(&epoch.root)
        .bind(&epoch.previous)
        .bind(&epoch.hash)
        .bind(&epoch.key)
        .bind(&epoch.signature)
        .execute(&mut *connection)
        .await?;
    let projects: Vec<Uuid> = leaves.iter().map(|leaf| leaf.project.0).collect();
    sqlx::query(ADD_LEAVES)
        .bind(&projects)
        .bind(
            leaves
                .iter()
                .map(|leaf| number(leaf.epoch))
                .collect::<Vec<_>>(),
        )
        .bind(
            leaves
                .iter()
                .map(|leaf| number(leaf.version))
                .collect::<Vec<_>>(),
        )
        .bind(
            leaves
                .iter()
                .map(|leaf| bytes(&leaf.head))
                .collect::<Vec<_>>(),
        )
        .execute(&mut *connection)
        .await?;
    sqlx::query(UNMARK)
        .bind(&projects)
        .execute(&mut *connection)
        .await?;
    Ok(())
}

async fn note(
    connection: &mut PgConnection,
    epoch: &Epoch,
    documents: &[KeptDocument],
    tokens: &[KeptToken],
) -> Result<(), sqlx::Error> {
    for document in documents {
        sqlx::query(shared::SEAL_DOCUMENT)
            .bind(number(epoch.number))
            .bind(&document.kind)
            .bind(&document.digest)
            .execute(&mut *connection)
            .await?;
    }
    for token in tokens {
        sqlx::query(shared::SEAL_TOKEN)
            .bind(number(epoch.number))
            .bind(&token.hash)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

fn decoded<T>(result: Result<T, ReadError>) -> Result<T, sqlx::Error> {
    result.map_err(|error| sqlx::Error::Decode(error.into()))
}
