//! The calendar that a component may ask, as a snapshot of one call.

use std::{collections::BTreeSet, sync::Arc};

use chrono::{Datelike, Days, NaiveDate, Weekday};
use liucheng_model::{calendar::Calendar, fact::parse_date};

/// The most working days that can be counted in one question.
const MAX_DAYS: u32 = 4_000;
/// Years in which questions are answered.
const YEARS: std::ops::RangeInclusive<i32> = 1949..=2199;

/// Where the answers come from.
#[derive(Debug, Clone)]
pub(crate) enum WorkDays {
    /// Nobody asks: `describe` is the same on every day.
    Closed,
    /// The project's calendar.
    Calendar(Arc<Calendar>),
    /// Monday to Friday with exceptions, for golden cases.
    Plain {
        /// Weekdays off.
        holidays: BTreeSet<NaiveDate>,
        /// Weekend days worked.
        workdays: BTreeSet<NaiveDate>,
    },
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    InvalidDate(String),
    OutOfRange(String),
}

/// A counted day, and whether it rests on years whose holidays are not published yet.
pub(crate) type Counted = (NaiveDate, bool);

impl WorkDays {
    /// Names the calendar in the recorded input.
    pub(crate) fn version(&self) -> &str {
        match self {
            Self::Closed => "",
            Self::Calendar(calendar) => calendar.version(),
            Self::Plain { .. } => "cases",
        }
    }

    /// Whether a day is worked; `None` where the calendar does not reach.
    fn published(&self, date: NaiveDate) -> Option<bool> {
        match self {
            Self::Closed => None,
            Self::Calendar(calendar) => calendar.is_working(date),
            Self::Plain { holidays, workdays } => {
                Some(workdays.contains(&date) || (is_weekday(date) && !holidays.contains(&date)))
            }
        }
    }

    /// Whether a day is worked, and whether that is only assumed from the weekday.
    fn works(&self, date: NaiveDate) -> (bool, bool) {
        self.published(date)
            .map_or((is_weekday(date), true), |works| (works, false))
    }

    pub(crate) fn is_working_day(&self, text: &str) -> Result<bool, NoAnswer> {
        let date = self.read(text)?;
        self.published(date).ok_or_else(|| {
            NoAnswer::OutOfRange(format!("{} does not cover {date}", self.version()))
        })
    }

    pub(crate) fn add(&self, text: &str, n: i32) -> Result<Counted, NoAnswer> {
        let mut left = n.unsigned_abs();
        if left > MAX_DAYS {
            return Err(NoAnswer::OutOfRange(format!(
                "at most {MAX_DAYS} working days"
            )));
        }
        let (mut date, mut provisional) = (self.read(text)?, false);
        while left > 0 {
            date = step(date, n > 0)?;
            let (works, assumed) = self.works(date);
            provisional |= assumed;
            left -= u32::from(works);
        }
        Ok((date, provisional))
    }

    pub(crate) fn next(&self, text: &str) -> Result<Counted, NoAnswer> {
        let (mut date, mut provisional) = (self.read(text)?, false);
        loop {
            let (works, assumed) = self.works(date);
            provisional |= assumed;
            if works {
                return Ok((date, provisional));
            }
            date = step(date, true)?;
        }
    }

    fn read(&self, text: &str) -> Result<NaiveDate, NoAnswer> {
        if matches!(self, Self::Closed) {
            return Err(NoAnswer::OutOfRange("there is no calendar here".to_owned()));
        }
        let date = parse_date(text)
            .ok_or_else(|| NoAnswer::InvalidDate(text.chars().take(40).collect()))?;
        in_range(date)
    }
}

fn is_weekday(date: NaiveDate) -> bool {
    !matches!(date.weekday(), Weekday::Sat | Weekday::Sun)
}

fn in_range(date: NaiveDate) -> Result<NaiveDate, NoAnswer> {
    if YEARS.contains(&date.year()) {
        return Ok(date);
    }
    Err(NoAnswer::OutOfRange(format!(
        "years {} to {}",
        YEARS.start(),
        YEARS.end()
    )))
}

fn step(date: NaiveDate, forward: bool) -> Result<NaiveDate, NoAnswer> {
    let day = Days::new(1);
    let next = if forward {
        date.checked_add_days(day)
    } else {
        date.checked_sub_days(day)
    };
    in_range(next.unwrap_or(NaiveDate::MAX))
}

#[cfg(test)]
mod tests {
    use liucheng_model::calendar::CalendarError;

    use super::*;

    fn plain() -> WorkDays {
        let days = |days: &[&str]| days.iter().filter_map(|day| parse_date(day)).collect();
        WorkDays::Plain {
            holidays: days(&["2021-09-20", "2021-09-21"]),
            workdays: days(&["2021-09-18"]),
        }
    }

    #[test]
    fn days_are_counted_over_holidays_and_make_up_days() {
        let day = |text: &str| parse_date(text).unwrap_or_default();
        assert_eq!(
            plain().add("2021-08-30", 15),
            Ok((day("2021-09-18"), false))
        );
        assert_eq!(
            plain().add("2021-09-18", -15),
            Ok((day("2021-08-30"), false))
        );
        assert_eq!(plain().next("2021-09-19"), Ok((day("2021-09-22"), false)));
        assert_eq!(plain().is_working_day("2021-09-18"), Ok(true));
    }

    #[test]
    fn nonsense_is_answered_with_a_reason() {
        assert_eq!(
            plain().next("2021-02-30"),
            Err(NoAnswer::InvalidDate("2021-02-30".to_owned()))
        );
        assert!(matches!(
            plain().add("2021-08-30", i32::MIN),
            Err(NoAnswer::OutOfRange(_))
        ));
        assert!(matches!(
            plain().add("2199-12-30", 9),
            Err(NoAnswer::OutOfRange(_))
        ));
        assert!(matches!(
            plain().next("0001-01-01"),
            Err(NoAnswer::OutOfRange(_))
        ));
        assert!(matches!(
            WorkDays::Closed.next("2021-08-30"),
            Err(NoAnswer::OutOfRange(_))
        ));
    }

    #[test]
    fn days_beyond_the_published_years_are_provisional() -> Result<(), CalendarError> {
        let calendar = WorkDays::Calendar(Arc::new(Calendar::national()?.clone()));
        let due = calendar.add("2021-08-30", 15);
        assert_eq!(
            due.map(|(date, _)| date.to_string()),
            Ok("2021-09-18".to_owned())
        );
        assert!(matches!(calendar.add("2150-01-04", 3), Ok((_, true))));
        assert!(matches!(
            calendar.is_working_day("2150-01-04"),
            Err(NoAnswer::OutOfRange(_))
        ));
        Ok(())
    }
}
