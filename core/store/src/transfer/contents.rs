//! What a database holds, in a few numbers that two databases can be compared by.

use liucheng_model::definition::hex;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{
    side::{Pages, Range, Side},
    tables::{Column, Kind, Table},
};
use crate::StoreError;

/// What a database holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Contents {
    /// The schema's version.
    pub schema: i64,
    /// How many projects there are.
    pub projects: u64,
    /// How many records of history there are.
    pub records: u64,
    /// SHA-256 over id, version and head of all projects in order of their ids, lower-case hex.
    pub heads: String,
    /// The latest change of a project, in microseconds UTC; absent where there is none.
    pub through: Option<i64>,
}

const fn column(name: &'static str, kind: Kind) -> Column {
    Column {
        name,
        kind,
        nullable: false,
    }
}

/// The part of the projects' rows that is looked at.
static HEADS: Table = Table {
    name: "project",
    columns: &[
        column("id", Kind::Id),
        column("version", Kind::Number),
        column("head", Kind::Bytes),
        column("changed_at", Kind::Number),
    ],
    key: 1,
};

/// Reads what a database holds.
pub(crate) async fn read(side: &mut Side) -> Result<Contents, StoreError> {
    let mut hasher = Sha256::new();
    let (mut projects, mut through) = (0, None);
    let mut pages = Pages::new(&HEADS, Range::ALL);
    while let Some(rows) = pages.next(side).await? {
        for row in &rows {
            row[..3].iter().for_each(|value| value.feed(&mut hasher));
            through = through.max(row[3].number());
        }
        projects += rows.len() as u64;
    }
    let version = [column("version", Kind::Number)];
    let sql = crate::sql::SCHEMA_VERSION.to_owned();
    let found = side.rows(sql, &[], &version).await?;
    Ok(Contents {
        schema: found.first().and_then(|row| row[0].number()).unwrap_or(0),
        projects,
        records: side.count("history").await?,
        heads: hex(&hasher.finalize()),
        through,
    })
}
