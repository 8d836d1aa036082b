//! What a group has to know before it is decided.
//!
//! This reads outside the group's transaction: the lock file keeps other writers away. Should one
//! come in all the same, the history's primary key refuses the group and nothing is lost.

use std::collections::HashMap;

use liucheng_engine::ports::{Commit, ProjectId, ReadError};
use sqlx::{SqliteConnection, sqlite::SqliteRow};

use super::sql;
use crate::{
    group::{Found, Head, Operation},
    queue::Job,
    read::{self, Known},
};

/// Reads what the operations depend on; heads that were not known yet are added to `heads`.
pub(crate) async fn look_up(
    connection: &mut SqliteConnection,
    heads: &mut HashMap<ProjectId, Head>,
    jobs: &[Job],
) -> Result<Found, sqlx::Error> {
    let (mut unknown, mut keys, mut codes) = (Vec::new(), Vec::new(), Vec::new());
    for commit in jobs.iter().filter_map(commit) {
        let id = commit.row.id;
        let head = heads.get(&id);
        if head.is_none() {
            unknown.push(id.0.simple());
        }
        if head.is_none_or(|head| head.code != commit.row.code) {
            codes.push(commit.row.code.as_str());
        }
        if let Some(answer) = &commit.answer {
            keys.push((id.0.simple(), answer.key.as_str()));
        }
    }
    if unknown.is_empty() && keys.is_empty() && codes.is_empty() {
        return Ok(Found::default());
    }
    let rows = sqlx::query(sql::LOOK_UP)
        .bind(json(&unknown)?)
        .bind(json(&keys)?)
        .bind(json(&codes)?)
        .fetch_all(connection)
        .await?;
    let mut found = Found::default();
    for row in &rows {
        note(row, heads, &mut found).map_err(|error| sqlx::Error::Decode(error.into()))?;
    }
    Ok(found)
}

fn commit(job: &Job) -> Option<&Commit> {
    match &job.operation {
        Operation::Commit(commit) => Some(commit),
        _ => None,
    }
}

fn note(
    row: &SqliteRow,
    heads: &mut HashMap<ProjectId, Head>,
    found: &mut Found,
) -> Result<(), ReadError> {
    match read::look_up(row)? {
        Known::Head(id, head) => {
            heads.insert(id, head);
        }
        Known::Answer(id, answer) => {
            found.answers.insert((id, answer.key.clone()), answer);
        }
        Known::Code(code, id) => {
            found.codes.insert(code, id);
        }
        // Not asked for: what the one writing process has written it knows.
        Known::Record(..) => {}
    }
    Ok(())
}

fn json<T: serde::Serialize>(rows: &T) -> Result<String, sqlx::Error> {
    serde_json::to_string(rows).map_err(|error| sqlx::Error::Encode(error.into()))
}
