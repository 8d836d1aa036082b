//! Moving everything from one database into another, whichever kinds they are.
//!
//! * The source is read in one snapshot and never written; a server may go on using it.
//! * The target has to be empty, or to hold an unfinished copy of the same source. It is marked until
//!   the copy is complete ([`marker`]), and refused by everything else until then.
//! * A batch of projects with all their rows is one transaction of the target. A run that finds a
//!   batch there compares it with the source and replaces it if it differs, so that a copy may be
//!   killed at any moment, the source may move on, and the next run finishes the copy.
//! * At the end all rows of both sides are compared; the mark goes with the same transaction.

mod contents;
mod copy;
mod error;
mod file;
pub(crate) mod marker;
mod side;
pub(crate) mod tables;
mod value;

use std::path::Path;

use serde::Serialize;

use self::{copy::Work, file::vacuum_into, marker::Marker, side::Side};
use crate::{Kind, StoreError, kind, sqlite::schema};

pub use contents::{Contents, LastEpoch};
pub use error::TransferError;
pub use file::damage;

/// What a copy is busy with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Copying; counted in records of history.
    Copy,
    /// Comparing both sides; counted in rows.
    Compare,
}

/// How far a copy has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What it is busy with.
    pub step: Step,
    /// How much is done.
    pub done: u64,
    /// How much there is.
    pub total: u64,
}

/// The rows of one table, equal on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableSummary {
    /// The table.
    pub table: &'static str,
    /// How many rows there are.
    pub rows: u64,
    /// SHA-256 over all of them in order of their keys, lower-case hex.
    pub digest: String,
}

/// A finished copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The source, without a password.
    pub source: String,
    /// The target, without a password.
    pub target: String,
    /// What both sides hold.
    #[serde(flatten)]
    pub contents: Contents,
    /// The tables.
    pub tables: Vec<TableSummary>,
    /// How many projects this run has copied.
    pub copied: u64,
    /// How many it found there.
    pub unchanged: u64,
    /// Whether an earlier run had begun it.
    pub resumed: bool,
    /// Whether it is complete and was compared; if not, `tables` is empty.
    pub finished: bool,
}

/// What is to be copied into what.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    /// The database to read.
    pub source: &'a str,
    /// What the source is called where the copy is to be recognised by something other than its
    /// location.
    pub called: Option<&'a str>,
    /// The database to fill; made if it is not there.
    pub target: &'a str,
    /// Leave it unfinished: a later run copies what has changed and finishes it.
    pub prepare: bool,
}

/// Copies a database into another one, or goes on with a copy that was cut short.
///
/// # Errors
/// [`StoreError`] with a code and a hint; run again, a copy goes on where it stopped.
pub async fn copy(
    order: Order<'_>,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<Summary, StoreError> {
    let source = Side::source(order.source).await;
    let source = source.map_err(|error| StoreError::Source(Box::new(error)))?;
    let of_target = |error| StoreError::Target(Box::new(error));
    let target = Side::target(order.target).await.map_err(of_target)?;
    let work = begin(source, target, order.called, progress).await;
    let work = work.map_err(of_target)?;
    if order.prepare {
        work.prepare().await
    } else {
        work.finish().await
    }
}

async fn begin<'a>(
    source: Side,
    mut target: Side,
    called: Option<&str>,
    progress: &'a (dyn Fn(Progress) + Send + Sync),
) -> Result<Work<'a>, StoreError> {
    let name = called.unwrap_or(&source.name);
    let marker = Marker::set(&mut target, name).await?;
    Ok(Work {
        source,
        target,
        marker,
        progress,
    })
}

/// Writes everything a database holds, in one snapshot and beside its server, into an SQLite file that
/// is empty or not there. It is not durable yet, and what is there after an error is nothing.
///
/// # Errors
/// [`StoreError`] with a code and a hint.
pub async fn snapshot(
    location: &str,
    file: &Path,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<(), StoreError> {
    schema::create(file)?;
    match kind(location) {
        Kind::Sqlite => vacuum_into(location, file).await,
        Kind::Postgres => {
            let source = Side::source(location).await?;
            let target = Side::draft(file).await?;
            let work = begin(source, target, None, progress).await?;
            work.finish().await.map(drop)
        }
    }
}

/// Reads what a database holds, in one snapshot.
///
/// # Errors
/// [`StoreError`] with a code and a hint.
pub async fn contents(location: &str) -> Result<Contents, StoreError> {
    let mut side = Side::source(location).await?;
    let contents = contents::read(&mut side).await?;
    side.close().await?;
    Ok(contents)
}
