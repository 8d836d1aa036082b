//! Cron expressions, with the traps of the `cron` crate closed.
//!
//! The crate numbers weekdays from Sunday = 1, other dialects from 0 or from Monday: only names
//! are accepted. Times are China's, where no hour is ever skipped or repeated.

use std::str::FromStr;

use chrono::{FixedOffset, NaiveDateTime, TimeZone};
use cron::Schedule;
use liucheng_model::decide::Slots;
use thiserror::Error;

/// China is eight hours ahead of UTC all year.
const SHANGHAI_OFFSET_SECONDS: i32 = 8 * 3_600;

/// Why a text is no cron expression.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CronError {
    /// Not six fields.
    #[error("needs six fields: second minute hour day month weekday; found {0}")]
    Fields(usize),
    /// Weekdays as numbers.
    #[error("weekdays are written by name (MON-FRI), not {0:?}")]
    NumericWeekday(String),
    /// Anything else.
    #[error("{0}")]
    Syntax(String),
}

/// Reads a cron expression.
///
/// # Errors
/// [`CronError`] naming the field.
pub fn parse(text: &str) -> Result<Schedule, CronError> {
    let fields: Vec<&str> = text.split_whitespace().collect();
    let weekday = match fields[..] {
        [_, _, _, _, _, weekday] => weekday,
        _ => return Err(CronError::Fields(fields.len())),
    };
    if weekday.bytes().any(|b| b.is_ascii_digit()) {
        return Err(CronError::NumericWeekday(weekday.to_owned()));
    }
    Schedule::from_str(text).map_err(|e| CronError::Syntax(e.to_string()))
}

/// The `cron` crate behind the model's port.
#[derive(Debug, Clone, Copy, Default)]
pub struct CronSlots;

impl Slots for CronSlots {
    fn next(&self, cron: &str, after: NaiveDateTime) -> Option<NaiveDateTime> {
        let zone = FixedOffset::east_opt(SHANGHAI_OFFSET_SECONDS)?;
        let after = zone.from_local_datetime(&after).single()?;
        let schedule = parse(cron).ok()?;
        schedule.after(&after).next().map(|t| t.naive_local())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(cron: &str, after: &str) -> Option<String> {
        let after = NaiveDateTime::parse_from_str(after, "%Y-%m-%d %H:%M").unwrap();
        CronSlots
            .next(cron, after)
            .map(|t| t.format("%Y-%m-%d %H:%M").to_string())
    }

    #[test]
    fn weekdays_go_by_name() {
        assert_eq!(
            next("0 0 9 * * MON", "2026-11-21 12:00").as_deref(),
            Some("2026-11-23 09:00")
        );
        assert_eq!(
            parse("0 0 9 * * 1").map(|_| ()),
            Err(CronError::NumericWeekday("1".to_owned()))
        );
    }

    #[test]
    fn a_slot_is_strictly_later() {
        assert_eq!(
            next("0 30 8 * * MON-FRI", "2021-08-30 08:30").as_deref(),
            Some("2021-08-31 08:30")
        );
        assert_eq!(
            next("0 30 8 * * MON-FRI", "2021-09-03 09:00").as_deref(),
            Some("2021-09-06 08:30")
        );
    }

    #[test]
    fn impossible_dates_have_no_slot() {
        assert_eq!(next("0 0 0 30 FEB *", "2021-01-01 00:00"), None);
        assert!(matches!(parse("0 9 * * MON"), Err(CronError::Fields(5))));
        assert!(parse("61 0 9 * * MON").is_err());
    }
}
