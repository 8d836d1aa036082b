//! Rows as they come out of the database.

use std::fmt;

use chrono::NaiveDate;
use liucheng_engine::ports::{
    AnswerRow, Document, Instant, MailRecord, MailState, OutboxRow, ProjectId, ProjectRow,
    ReadError, RecordRow, TimerRow, TokenRow,
};
use sqlx::{Decode, Row, Sqlite, Type, sqlite::SqliteRow};
use uuid::Uuid;

/// A column, by position.
pub(crate) fn column<'r, T>(row: &'r SqliteRow, index: usize) -> Result<T, ReadError>
where
    T: Decode<'r, Sqlite> + Type<Sqlite>,
{
    row.try_get(index).map_err(|error| failed(&error))
}

/// Says why a row could not be read.
pub(crate) fn failed(error: &dyn fmt::Display) -> ReadError {
    ReadError(error.to_string())
}

/// A project id stored as 16 bytes.
pub(crate) fn project_id(row: &SqliteRow, index: usize) -> Result<ProjectId, ReadError> {
    let bytes: &[u8] = column(row, index)?;
    Uuid::from_slice(bytes)
        .map(ProjectId)
        .map_err(|error| failed(&error))
}

pub(crate) fn project(row: &SqliteRow) -> Result<ProjectRow, ReadError> {
    let next_due: Option<&str> = column(row, 6)?;
    Ok(ProjectRow {
        id: project_id(row, 0)?,
        code: column(row, 1)?,
        name: column(row, 2)?,
        province: column(row, 3)?,
        version: count(row, 4)?,
        stage: column(row, 5)?,
        next_due: next_due
            .map(str::parse::<NaiveDate>)
            .transpose()
            .map_err(|error| failed(&error))?,
        changed_by: column(row, 7)?,
        changed_at: instant(row, 8)?,
        head: column(row, 9)?,
        state: column(row, 10)?,
    })
}

pub(crate) fn record(row: &SqliteRow) -> Result<RecordRow, ReadError> {
    Ok(RecordRow {
        seq: count(row, 0)?,
        at: instant(row, 1)?,
        actor: column(row, 2)?,
        payload: column(row, 3)?,
        prev_hash: column(row, 4)?,
        hash: column(row, 5)?,
    })
}

pub(crate) fn answer(row: &SqliteRow) -> Result<AnswerRow, ReadError> {
    Ok(AnswerRow {
        key: column(row, 0)?,
        request: column(row, 1)?,
        response: column(row, 2)?,
        at: instant(row, 3)?,
    })
}

pub(crate) fn timer(row: &SqliteRow) -> Result<TimerRow, ReadError> {
    Ok(TimerRow {
        project: project_id(row, 0)?,
        key: column(row, 1)?,
        at: instant(row, 2)?,
        generation: count(row, 3)?,
    })
}

pub(crate) fn outbox(row: &SqliteRow) -> Result<OutboxRow, ReadError> {
    Ok(OutboxRow {
        project: project_id(row, 0)?,
        key: column(row, 1)?,
        not_before: instant(row, 2)?,
        attempts: column(row, 3)?,
        mail: serde_json::from_str(column(row, 4)?).map_err(|error| failed(&error))?,
    })
}

pub(crate) fn mail(row: &SqliteRow) -> Result<MailRecord, ReadError> {
    let sent_at: Option<i64> = column(row, 6)?;
    Ok(MailRecord {
        row: outbox(row)?,
        state: match column(row, 5)? {
            "pending" => MailState::Pending,
            "sent" => MailState::Sent,
            "dead" => MailState::Dead,
            other => return Err(ReadError(format!("unknown state of a mail: {other}"))),
        },
        sent_at: sent_at.map(Instant),
        last_error: column(row, 7)?,
    })
}

pub(crate) fn document(row: &SqliteRow) -> Result<Document, ReadError> {
    Ok(Document {
        kind: column(row, 0)?,
        digest: column(row, 1)?,
        id: column(row, 2)?,
        version: column(row, 3)?,
        bytes: column(row, 4)?,
    })
}

pub(crate) fn token(row: &SqliteRow) -> Result<TokenRow, ReadError> {
    Ok(TokenRow {
        hash: column(row, 0)?,
        actor: column(row, 1)?,
        roles: column(row, 2)?,
        at: instant(row, 3)?,
    })
}

/// A number that is never negative.
pub(crate) fn count(row: &SqliteRow, index: usize) -> Result<u64, ReadError> {
    let number: i64 = column(row, index)?;
    u64::try_from(number).map_err(|error| failed(&error))
}

/// A point in time.
pub(crate) fn instant(row: &SqliteRow, index: usize) -> Result<Instant, ReadError> {
    column(row, index).map(Instant)
}
