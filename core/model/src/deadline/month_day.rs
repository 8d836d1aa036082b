//! A day of every year, such as 12-31 (每年年底前).

use std::{fmt, str::FromStr};

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// A day that every year has; written `12-31`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MonthDay {
    month: u32,
    day: u32,
}

/// A text that is no day of every year.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is not a day that every year has; write it as 12-31")]
pub struct MonthDayError(String);

impl MonthDay {
    /// The first such day that is not before the date; `None` past the end of time.
    #[must_use]
    pub fn on_or_after(self, date: NaiveDate) -> Option<NaiveDate> {
        let this_year = NaiveDate::from_ymd_opt(date.year(), self.month, self.day)?;
        if this_year >= date {
            return Some(this_year);
        }
        NaiveDate::from_ymd_opt(date.year().checked_add(1)?, self.month, self.day)
    }
}

impl FromStr for MonthDay {
    type Err = MonthDayError;

    fn from_str(text: &str) -> Result<Self, MonthDayError> {
        let fail = || MonthDayError(text.chars().take(24).collect());
        let (month, day) = text.split_once('-').ok_or_else(fail)?;
        let number = |part: &str| {
            let plain = part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
            plain.then(|| part.parse().ok()).flatten()
        };
        let (month, day) = number(month).zip(number(day)).ok_or_else(fail)?;
        // 2023 has no 29 February: a day that only some years have is refused.
        NaiveDate::from_ymd_opt(2023, month, day).ok_or_else(fail)?;
        Ok(Self { month, day })
    }
}

impl fmt::Display for MonthDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}-{:02}", self.month, self.day)
    }
}

impl Serialize for MonthDay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MonthDay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_lies_in_the_year_of_the_date_or_in_the_next() {
        let after = |day: &str, date: &str| {
            let day: MonthDay = day.parse().ok()?;
            Some(day.on_or_after(date.parse().ok()?)?.to_string())
        };
        assert_eq!(after("12-31", "2021-09-15").as_deref(), Some("2021-12-31"));
        assert_eq!(after("12-31", "2021-12-31").as_deref(), Some("2021-12-31"));
        assert_eq!(after("06-30", "2024-07-01").as_deref(), Some("2025-06-30"));
        assert_eq!(after("02-28", "2024-02-29").as_deref(), Some("2025-02-28"));
    }

    #[test]
    fn only_days_of_every_year_are_read() {
        for bad in [
            "02-29", "13-01", "00-10", "1-1", "12/31", "1231", "", "12-31-1",
        ] {
            assert!(bad.parse::<MonthDay>().is_err(), "{bad}");
        }
        let day: Result<MonthDay, _> = "02-28".parse();
        assert_eq!(day.map(|day| day.to_string()).as_deref(), Ok("02-28"));
    }
}
