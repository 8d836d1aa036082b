//! Sealing an epoch within the writer's transaction: nobody else changes anything meanwhile.

use liucheng_engine::{
    audit::{journal, registry::Registry, seal::next_epoch},
    ports::{Epoch, KeptDocument, KeptToken, Leaf, ReadError, SEAL_MAX, Seal},
};
use sqlx::{SqliteConnection, sqlite::SqliteRow};

use super::{journal::end, number};
use crate::{
    read::{self, Fields, each},
    sql as shared,
};

/// Where changed projects stand; those that are not there stay marked.
const CHANGED: &str = "
SELECT p.id, p.version, lower(hex(p.head)) FROM unsealed AS u CROSS JOIN project AS p
    ON p.id = u.project
ORDER BY u.project LIMIT $1";

/// Adds leaves (`$1`).
const ADD_LEAVES: &str = "
INSERT INTO epoch_leaf (project, epoch, version, head)
SELECT unhex(value ->> 0), value ->> 1, value ->> 2, unhex(value ->> 3) FROM jsonb_each($1)";

/// Takes the marks of projects (`$1`) away.
const UNMARK: &str = "
DELETE FROM unsealed WHERE project IN (SELECT unhex(value) FROM jsonb_each($1))";

/// Seals an epoch, if there is anything to seal.
pub(super) async fn seal(
    connection: &mut SqliteConnection,
    seal: &Seal,
) -> Result<Option<Epoch>, sqlx::Error> {
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
    let rows = sqlx::query(CHANGED)
        .bind(SEAL_MAX)
        .fetch_all(&mut *connection)
        .await?;
    let changed: Result<Vec<Leaf>, ReadError> = rows.iter().map(|row| leaf(row, epoch)).collect();
    let mut leaves = decoded(changed)?;
    let rows = sqlx::query(shared::UNSEALED_DOCUMENTS)
        .bind(SEAL_MAX)
        .fetch_all(&mut *connection)
        .await?;
    let documents = decoded(each(&rows, read::kept_document))?;
    let rows = sqlx::query(shared::UNSEALED_TOKENS)
        .bind(SEAL_MAX)
        .fetch_all(&mut *connection)
        .await?;
    let tokens = decoded(each(&rows, read::kept_token))?;
    let registry = Registry::of(&documents, &tokens).map_err(encode)?;
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
    let made =
        next_epoch(previous.as_ref(), &leaves, seal).map_err(|e| sqlx::Error::Decode(e.into()))?;
    add(connection, &made, &leaves).await?;
    note(connection, &made, &documents, &tokens).await?;
    Ok(Some(made))
}

fn leaf(row: &SqliteRow, epoch: u64) -> Result<Leaf, ReadError> {
    Ok(Leaf {
        project: row.project_id(0)?,
        epoch,
        version: row.count(1)?,
        head: row.text(2)?,
    })
}

async fn add(
    connection: &mut SqliteConnection,
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
    let rows = leaves.iter().map(|leaf| {
        let Leaf {
            project,
            epoch,
            version,
            head,
        } = leaf;
        (project.0.simple(), epoch, version, head)
    });
    let rows = serde_json::to_string(&rows.collect::<Vec<_>>()).map_err(encode)?;
    sqlx::query(ADD_LEAVES)
        .bind(rows)
        .execute(&mut *connection)
        .await?;
    let ids: Vec<_> = leaves.iter().map(|leaf| leaf.project.0.simple()).collect();
    let ids = serde_json::to_string(&ids).map_err(encode)?;
    sqlx::query(UNMARK)
        .bind(ids)
        .execute(&mut *connection)
        .await?;
    Ok(())
}

async fn note(
    connection: &mut SqliteConnection,
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

fn encode(error: serde_json::Error) -> sqlx::Error {
    sqlx::Error::Encode(error.into())
}
