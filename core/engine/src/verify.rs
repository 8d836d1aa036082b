//! The check that state = fold(history), for every project.

use std::collections::BTreeMap;

use liucheng_model::{event::Event, project::Project};
use serde::Serialize;

use crate::{
    error::CommandError,
    ports::{Page, ProjectRow, Store},
    record::{GENESIS, Record, chain},
};

/// How often a project that changes under the check is read again.
const ATTEMPTS: usize = 20;
/// Records read at a time.
const PAGE: u32 = 500;

/// What the check of one project found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProjectCheck {
    /// The project's code.
    pub code: String,
    /// How many records it has.
    pub records: u64,
    /// What is wrong, with the first bad record; empty when all is well.
    pub problems: Vec<String>,
}

/// Checks every project of a store.
///
/// # Errors
/// When the store cannot be read.
pub async fn verify(store: &dyn Store) -> Result<Vec<ProjectCheck>, CommandError> {
    let mut checks = Vec::new();
    let mut after = None;
    loop {
        let page = store.list(Page { after, limit: PAGE }).await?;
        let Some(last) = page.last() else {
            return Ok(checks);
        };
        after = Some(last.code.clone());
        for row in page {
            checks.push(verify_settled(store, row).await?);
        }
    }
}

/// Checks one project, again if somebody changed it in the meantime.
async fn verify_settled(
    store: &dyn Store,
    mut row: ProjectRow,
) -> Result<ProjectCheck, CommandError> {
    for _ in 0..ATTEMPTS {
        let check = verify_project(store, row.clone()).await?;
        let now = store.load(row.id).await?;
        match now {
            Some(now) if !check.problems.is_empty() && now.version != row.version => row = now,
            _ => return Ok(check),
        }
    }
    verify_project(store, row).await
}

/// Checks one project: chain, fold, timers.
///
/// # Errors
/// When the store cannot be read.
pub async fn verify_project(
    store: &dyn Store,
    row: ProjectRow,
) -> Result<ProjectCheck, CommandError> {
    let mut problems = Vec::new();
    let mut events: Vec<Event> = Vec::new();
    let mut head = GENESIS.to_owned();
    let mut seq = 0;
    loop {
        let page = store.history(row.id, seq, PAGE).await?;
        if page.is_empty() {
            break;
        }
        for record in page {
            if record.seq != seq + 1 {
                problems.push(format!(
                    "record {}: record {} is missing",
                    record.seq,
                    seq + 1
                ));
            }
            if record.prev_hash != head || record.hash != chain(&record.prev_hash, &record.payload)
            {
                problems.push(format!("record {}: the hash chain is broken", record.seq));
            }
            match Record::open(&record) {
                Ok(opened) => {
                    if (opened.seq, opened.at, &opened.actor)
                        != (record.seq, record.at, &record.actor)
                    {
                        problems.push(format!(
                            "record {}: its columns are not those of its payload",
                            record.seq
                        ));
                    }
                    events.extend(opened.events);
                }
                Err(error) => problems.push(format!("record {}: unreadable: {error}", record.seq)),
            }
            seq = record.seq;
            head = record.hash;
        }
    }
    if seq != row.version {
        problems.push(format!(
            "the row has version {}, the history ends at {seq}",
            row.version
        ));
    }
    if head != row.head {
        problems.push("the row's head is not the hash of the last record".to_owned());
    }
    let folded = Project::fold(&events);
    match (&folded, serde_json::from_str::<Project>(&row.state)) {
        (Some(folded), Ok(stored)) if *folded == stored => {}
        (_, Err(error)) => problems.push(format!("the state is unreadable: {error}")),
        _ => problems.push("the state is not the fold of the history".to_owned()),
    }
    if let Some(folded) = folded {
        let promoted = (&row.code, &row.name, &row.stage, row.next_due);
        if promoted
            != (
                &folded.code,
                &folded.name,
                &folded.stage(),
                folded.next_due(),
            )
        {
            problems.push("the row's columns are not those of the history".to_owned());
        }
        problems.extend(timer_problems(store, &row, &folded).await?);
    }
    problems.truncate(20);
    Ok(ProjectCheck {
        code: row.code,
        records: seq,
        problems,
    })
}

/// Timer rows have to be those of the folded state. A schedule's row may have moved on: it waits
/// for its next slot without a record.
async fn timer_problems(
    store: &dyn Store,
    row: &ProjectRow,
    folded: &Project,
) -> Result<Vec<String>, CommandError> {
    let rows = store.timers(row.id).await?;
    let stored: BTreeMap<&str, u64> = rows
        .iter()
        .map(|t| (t.key.as_str(), t.generation))
        .collect();
    let expected: BTreeMap<&str, u64> = folded
        .timers
        .iter()
        .map(|(k, t)| (k.as_str(), t.generation))
        .collect();
    let mut problems = Vec::new();
    if stored != expected {
        let (stored, expected) = (stored.len(), expected.len());
        problems.push(format!(
            "timers differ: {stored} stored, {expected} by the history"
        ));
    }
    // Out of the way for ever is a timer lost; only a schedule without further slots may be.
    let lost = rows
        .iter()
        .filter(|t| t.at.0 == i64::MAX && !t.key.starts_with("schedule:"));
    problems.extend(lost.map(|t| format!("timer {} will never fire", t.key)));
    Ok(problems)
}
