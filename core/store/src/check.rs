//! Refusing malformed changes before they are queued, and databases of another age.
//!
//! The writer's statements are shared by a whole group; a row the database cannot take would fail its
//! neighbours. Everything the statements rely on is checked here, where only the sender is affected.

use std::fmt::Display;

use liucheng_engine::ports::{Commit, CommitError, MailOutcome, TimerRow};

use crate::{StoreError, latest_schema_version};

/// Numbers above this do not fit the database's 64 bits with a sign.
const MAX_NUMBER: u64 = i64::MAX as u64;

/// Refuses a change that contradicts itself.
pub(crate) fn commit(commit: &Commit) -> Result<(), CommitError> {
    let Commit { row, record, .. } = commit;
    let next = commit.expected.checked_add(1);
    ensure(
        next == Some(row.version) && row.version == record.seq && record.seq <= MAX_NUMBER,
        "version and record number must follow the expected version",
    )?;
    ensure(
        row.head == record.hash && is_hash(&record.hash) && is_hash(&record.prev_hash),
        "hashes must be lower-case hex, and the head the record's hash",
    )?;
    ensure(
        commit.set_timers.iter().all(|t| t.project == row.id)
            && commit.outbox.iter().all(|mail| mail.project == row.id),
        "timers and mails must belong to the project",
    )?;
    commit.set_timers.iter().try_for_each(timer)?;
    let texts = [
        &row.code,
        &row.name,
        &row.province,
        &row.stage,
        &row.changed_by,
        &row.state,
        &record.actor,
        &record.payload,
    ];
    let answer = commit.answer.iter();
    texts
        .into_iter()
        .chain(&commit.clear_timers)
        .chain(commit.outbox.iter().map(|mail| &mail.key))
        .chain(answer.flat_map(|a| [&a.key, &a.request, &a.response]))
        .try_for_each(|value| text(value))
}

/// Refuses a timer the database cannot hold.
pub(crate) fn timer(timer: &TimerRow) -> Result<(), CommitError> {
    ensure(
        timer.generation <= MAX_NUMBER,
        "a timer's generation is too large",
    )?;
    text(&timer.key)
}

/// Makes an outcome fit: what a mail server said must never keep its fate from being stored.
pub(crate) fn outcome(outcome: MailOutcome) -> MailOutcome {
    let fit = |error: String| error.replace('\0', "\u{FFFD}");
    match outcome {
        MailOutcome::Sent(at) => MailOutcome::Sent(at),
        MailOutcome::Retry { not_before, error } => MailOutcome::Retry {
            not_before,
            error: fit(error),
        },
        MailOutcome::Dead { error } => MailOutcome::Dead { error: fit(error) },
    }
}

/// Refuses the NUL character: SQLite's JSON functions end a text there, PostgreSQL refuses it.
pub(crate) fn text(value: &str) -> Result<(), CommitError> {
    ensure(!value.contains('\0'), "text must not contain NUL")
}

/// Refuses a database whose schema this program cannot read.
pub(crate) fn version(found: i64, location: &dyn Display) -> Result<(), StoreError> {
    let needed = latest_schema_version();
    if found < needed {
        return Err(StoreError::MigrationsBehind {
            location: location.to_string(),
            found,
            needed,
        });
    }
    not_newer(found, location)
}

/// Refuses a database that a newer program has migrated.
pub(crate) fn not_newer(found: i64, location: &dyn Display) -> Result<(), StoreError> {
    let known = latest_schema_version();
    if found > known {
        return Err(StoreError::Newer {
            location: location.to_string(),
            found,
            known,
        });
    }
    Ok(())
}

fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn ensure(condition: bool, reason: &str) -> Result<(), CommitError> {
    if condition {
        return Ok(());
    }
    Err(CommitError::Unavailable(format!(
        "malformed change: {reason}"
    )))
}
