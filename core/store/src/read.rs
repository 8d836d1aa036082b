//! Rows as they come out of a database.

use std::fmt;

use chrono::NaiveDate;
use liucheng_engine::ports::{
    AnswerPlace, AnswerRow, Backlog, Document, Epoch, Instant, KeptDocument, KeptMail, KeptToken,
    Leaf, MailRecord, MailState, OutboxRow, ProjectId, ProjectRow, ReadError, RecordRow, TimerRow,
    TokenRow,
};

use crate::damage::{is_damage, said};

/// The columns of a row, by position. Both databases have the same ones; each says how it keeps them.
pub(crate) trait Fields {
    /// A text.
    fn text(&self, index: usize) -> Result<String, ReadError>;
    /// A text that may be absent.
    fn optional_text(&self, index: usize) -> Result<Option<String>, ReadError>;
    /// A whole number.
    fn number(&self, index: usize) -> Result<i64, ReadError>;
    /// A whole number that may be absent.
    fn optional_number(&self, index: usize) -> Result<Option<i64>, ReadError>;
    /// Bytes.
    fn bytes(&self, index: usize) -> Result<Vec<u8>, ReadError>;
    /// A project's id.
    fn project_id(&self, index: usize) -> Result<ProjectId, ReadError>;

    /// A number that is never negative.
    fn count(&self, index: usize) -> Result<u64, ReadError> {
        u64::try_from(self.number(index)?).map_err(|error| strange(&error))
    }

    /// A point in time.
    fn instant(&self, index: usize) -> Result<Instant, ReadError> {
        self.number(index).map(Instant)
    }
}

/// Says why something could not be read.
pub(crate) fn failed(error: &sqlx::Error) -> ReadError {
    if is_damage(error) {
        ReadError::Damaged(said(error))
    } else {
        ReadError::Unavailable(error.to_string())
    }
}

/// Says that a value is not what the program has written.
pub(crate) fn strange(error: &dyn fmt::Display) -> ReadError {
    ReadError::Damaged(error.to_string())
}

/// Decodes all rows.
pub(crate) fn each<R, T>(
    rows: &[R],
    decode: fn(&R) -> Result<T, ReadError>,
) -> Result<Vec<T>, ReadError> {
    rows.iter().map(decode).collect()
}

pub(crate) fn project<R: Fields>(row: &R) -> Result<ProjectRow, ReadError> {
    let next_due = row.optional_text(6)?;
    Ok(ProjectRow {
        id: row.project_id(0)?,
        code: row.text(1)?,
        name: row.text(2)?,
        province: row.text(3)?,
        version: row.count(4)?,
        stage: row.text(5)?,
        next_due: next_due
            .map(|date| date.parse::<NaiveDate>())
            .transpose()
            .map_err(|error| strange(&error))?,
        changed_by: row.text(7)?,
        changed_at: row.instant(8)?,
        head: row.text(9)?,
        state: row.text(10)?,
    })
}

pub(crate) fn record<R: Fields>(row: &R) -> Result<RecordRow, ReadError> {
    Ok(RecordRow {
        seq: row.count(0)?,
        at: row.instant(1)?,
        actor: row.text(2)?,
        payload: row.text(3)?,
        prev_hash: row.text(4)?,
        hash: row.text(5)?,
    })
}

pub(crate) fn answer<R: Fields>(row: &R) -> Result<AnswerRow, ReadError> {
    Ok(AnswerRow {
        key: row.text(0)?,
        request: row.text(1)?,
        response: row.text(2)?,
        at: row.instant(3)?,
    })
}

pub(crate) fn answer_place<R: Fields>(row: &R) -> Result<AnswerPlace, ReadError> {
    Ok(AnswerPlace {
        project: row.project_id(0)?,
        key: row.text(1)?,
        at: row.instant(2)?,
    })
}

pub(crate) fn timer<R: Fields>(row: &R) -> Result<TimerRow, ReadError> {
    Ok(TimerRow {
        project: row.project_id(0)?,
        key: row.text(1)?,
        at: row.instant(2)?,
        generation: row.count(3)?,
    })
}

pub(crate) fn outbox<R: Fields>(row: &R) -> Result<OutboxRow, ReadError> {
    Ok(OutboxRow {
        project: row.project_id(0)?,
        key: row.text(1)?,
        not_before: row.instant(2)?,
        attempts: u32::try_from(row.number(3)?).map_err(|error| strange(&error))?,
        mail: serde_json::from_str(&row.text(4)?).map_err(|error| strange(&error))?,
    })
}

pub(crate) fn mail<R: Fields>(row: &R) -> Result<MailRecord, ReadError> {
    Ok(MailRecord {
        row: outbox(row)?,
        state: mail_state(&row.text(5)?)?,
        sent_at: row.optional_number(6)?.map(Instant),
        last_error: row.text(7)?,
    })
}

fn mail_state(text: &str) -> Result<MailState, ReadError> {
    match text {
        "pending" => Ok(MailState::Pending),
        "sent" => Ok(MailState::Sent),
        "dead" => Ok(MailState::Dead),
        other => Err(ReadError::Damaged(format!(
            "unknown state of a mail: {other}"
        ))),
    }
}

pub(crate) fn epoch<R: Fields>(row: &R) -> Result<Epoch, ReadError> {
    Ok(Epoch {
        number: row.count(0)?,
        sealed_at: row.instant(1)?,
        leaves: row.count(2)?,
        root: row.text(3)?,
        previous: row.text(4)?,
        hash: row.text(5)?,
        key: row.text(6)?,
        signature: row.text(7)?,
    })
}

pub(crate) fn leaf<R: Fields>(row: &R) -> Result<Leaf, ReadError> {
    Ok(Leaf {
        project: row.project_id(0)?,
        epoch: row.count(1)?,
        version: row.count(2)?,
        head: row.text(3)?,
    })
}

pub(crate) fn kept_mail<R: Fields>(row: &R) -> Result<KeptMail, ReadError> {
    Ok(KeptMail {
        key: row.text(0)?,
        seq: row.count(1)?,
        ordinal: row.count(2)?,
        not_before: row.instant(3)?,
        attempts: row.count(4)?,
        state: mail_state(&row.text(5)?)?,
        mail: row.text(6)?,
    })
}

pub(crate) fn kept_document<R: Fields>(row: &R) -> Result<KeptDocument, ReadError> {
    Ok(KeptDocument {
        kind: row.text(0)?,
        digest: row.text(1)?,
        id: row.text(2)?,
        version: row.text(3)?,
        position: row.count(4)?,
        epoch: sealed_by(row, 5)?,
        bytes: row.bytes(6)?,
    })
}

pub(crate) fn kept_token<R: Fields>(row: &R) -> Result<KeptToken, ReadError> {
    Ok(KeptToken {
        hash: row.text(0)?,
        actor: row.text(1)?,
        roles: row.text(2)?,
        at: row.instant(3)?,
        epoch: sealed_by(row, 4)?,
        revoked_at: row.optional_number(5)?.map(Instant),
    })
}

fn sealed_by<R: Fields>(row: &R, index: usize) -> Result<Option<u64>, ReadError> {
    let epoch = row.optional_number(index)?;
    epoch
        .map(u64::try_from)
        .transpose()
        .map_err(|error| strange(&error))
}

pub(crate) fn document<R: Fields>(row: &R) -> Result<Document, ReadError> {
    Ok(Document {
        kind: row.text(0)?,
        digest: row.text(1)?,
        id: row.text(2)?,
        version: row.text(3)?,
        bytes: row.bytes(4)?,
    })
}

pub(crate) fn token<R: Fields>(row: &R) -> Result<TokenRow, ReadError> {
    Ok(TokenRow {
        hash: row.text(0)?,
        actor: row.text(1)?,
        roles: row.text(2)?,
        at: row.instant(3)?,
    })
}

pub(crate) fn backlog<R: Fields>(row: &R) -> Result<Backlog, ReadError> {
    let instant = |index| row.optional_number(index).map(|at| at.map(Instant));
    Ok(Backlog {
        mails_pending: row.count(0)?,
        mail_earliest: instant(1)?,
        mails_dead: row.count(2)?,
        timer_earliest: instant(3)?,
    })
}

/// Where to find a row of what a group has to know: the kind, then the columns of each kind.
pub(crate) fn look_up<R: Fields>(row: &R) -> Result<Known, ReadError> {
    let project = row.project_id(1)?;
    Ok(match row.text(0)?.as_str() {
        "head" => Known::Head(
            project,
            crate::group::Head {
                code: row.text(2)?,
                changed_by: row.text(3)?,
                hash: row.text(4)?,
                version: row.count(5)?,
                changed_at: row.instant(6)?,
            },
        ),
        "answer" => Known::Answer(
            project,
            AnswerRow {
                key: row.text(2)?,
                request: row.text(3)?,
                response: row.text(4)?,
                at: row.instant(6)?,
            },
        ),
        "record" => Known::Record(project, row.count(5)?, row.text(4)?),
        _ => Known::Code(row.text(2)?, project),
    })
}

/// One thing a group has to know before it is decided.
pub(crate) enum Known {
    /// The last change of a project.
    Head(ProjectId, crate::group::Head),
    /// The answer to an idempotency key.
    Answer(ProjectId, AnswerRow),
    /// Who has a code.
    Code(String, ProjectId),
    /// The hash of a project's record.
    Record(ProjectId, u64, String),
}
