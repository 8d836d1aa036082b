//! A reminder as a MIME message. The same mail at the same instant has the same bytes.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lettre::{
    Address, Message,
    message::{
        Mailbox, MultiPart, SinglePart,
        header::{ContentDisposition, ContentType, HeaderName, HeaderValue},
    },
};
use liucheng_engine::{
    ports::{Instant, Mail, MailError},
    record::digest,
};

use super::{
    calendar::{self, Stamp},
    html,
    letter::Letter,
    text,
};

/// The last second that a `Date` header can name, in the year 9999.
const DATE_MAX_SECONDS: u64 = 253_402_300_799;

/// Who sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    /// The name and address in `From`.
    pub from: Mailbox,
    /// The domain of ids.
    pub domain: String,
}

/// The message for a mail, sent at an instant.
///
/// # Errors
/// [`MailError::Permanent`] when the recipient has no mail address; the text does not repeat it.
pub fn build(mail: &Mail, sender: &Sender, at: Instant) -> Result<Message, MailError> {
    let to: Address = mail
        .to
        .parse()
        .map_err(|_| MailError::Permanent("the recipient is not a mail address".to_owned()))?;
    let reminder = &mail.reminder;
    let letter = Letter::new(reminder, at.date());
    let thread = thread(&reminder.project_code, &sender.domain);
    let builder = Message::builder()
        .from(sender.from.clone())
        .to(Mailbox::new(None, to))
        .subject(&letter.subject)
        .date(system_time(at))
        .message_id(Some(mail.message_id.clone()))
        .in_reply_to(thread.clone())
        .references(thread)
        .raw_header(raw("Auto-Submitted", "auto-generated"))
        .raw_header(raw("X-Auto-Response-Suppress", "All"))
        .raw_header(raw("List-Id", &format!("<reminders.{}>", sender.domain)));
    let boundary = digest(&mail.message_id);
    let boundary = &boundary[..32];
    let alternative = MultiPart::alternative()
        .boundary(format!("liucheng-a-{boundary}"))
        .singlepart(SinglePart::plain(text::render(&letter)))
        .singlepart(SinglePart::html(html::render(&letter)));
    let mut parts = MultiPart::mixed()
        .boundary(format!("liucheng-m-{boundary}"))
        .multipart(alternative);
    if let Some(due) = reminder.due {
        let domain = &sender.domain;
        let entry = calendar::render(reminder, &letter, due, Stamp { at, domain });
        parts = parts.singlepart(attachment(entry)?);
    }
    builder.multipart(parts).map_err(permanent)
}

/// All mails about a project answer one message that never existed: programs show one thread.
fn thread(project_code: &str, domain: &str) -> String {
    format!("<{}.project@{domain}>", &digest(project_code)[..32])
}

fn attachment(entry: String) -> Result<SinglePart, MailError> {
    let kind =
        ContentType::parse("text/calendar; method=PUBLISH; charset=utf-8; name=\"deadline.ics\"");
    Ok(SinglePart::builder()
        .header(kind.map_err(permanent)?)
        .header(ContentDisposition::attachment("deadline.ics"))
        .body(entry))
}

fn raw(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

fn permanent(error: impl std::fmt::Display) -> MailError {
    MailError::Permanent(format!("the mail cannot be written: {error}"))
}

fn system_time(at: Instant) -> SystemTime {
    let micros = Duration::from_micros(u64::try_from(at.0).unwrap_or_default());
    UNIX_EPOCH + micros.min(Duration::from_secs(DATE_MAX_SECONDS))
}
