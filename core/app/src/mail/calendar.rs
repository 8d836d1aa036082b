//! The deadline as a calendar entry (RFC 5545), so that it stands in the officer's calendar.

use chrono::{DateTime, Datelike, Days, NaiveDate};
use icalendar::{Calendar, Component, Event, EventLike, Property};
use liucheng_engine::{ports::Instant, record::digest, reminder::Reminder};

use super::letter::Letter;

/// The entry for a day: one event that lasts all of it, and blocks nobody's time.
///
/// The id stays the same for an obligation of a project, and the sequence grows with the days:
/// when the date moves, the later mail moves the entry instead of adding a second one.
pub fn render(reminder: &Reminder, letter: &Letter, due: NaiveDate, stamp: Stamp<'_>) -> String {
    let mut event = Event::new();
    event
        .uid(&format!("{}@{}", key(reminder), stamp.domain))
        .sequence(u32::try_from(reminder.on.num_days_from_ce()).unwrap_or_default())
        .starts(due)
        .summary(&format!("{} · {}", letter.task, reminder.project_code))
        .description(&description(letter))
        .add_property("TRANSP", "TRANSPARENT");
    // The end of a day event is the day after it.
    if let Some(after) = due.checked_add_days(Days::new(1)) {
        event.ends(after);
    }
    if let Some(at) = DateTime::from_timestamp_micros(stamp.at.0) {
        event.timestamp(at);
    }
    let mut calendar = Calendar::empty();
    for (name, value) in [
        ("VERSION", "2.0"),
        ("PRODID", "-//liucheng//reminders//ZH"),
        ("CALSCALE", "GREGORIAN"),
        ("METHOD", "PUBLISH"),
    ] {
        calendar.append_property(Property::new(name, value).done());
    }
    calendar.push(event.done());
    calendar.to_string()
}

/// When the entry is made, and for whom its id is unique.
#[derive(Clone, Copy)]
pub struct Stamp<'a> {
    /// The instant of sending.
    pub at: Instant,
    /// The domain of ids.
    pub domain: &'a str,
}

fn key(reminder: &Reminder) -> String {
    // NUL occurs in neither part.
    let both = digest(&format!(
        "{}\0{}",
        reminder.project_code, reminder.obligation
    ));
    both.chars().take(32).collect()
}

fn description(letter: &Letter) -> String {
    let lines = letter
        .lines
        .iter()
        .map(|(label, value)| format!("{label}：{value}"));
    lines.collect::<Vec<_>>().join("\n")
}
