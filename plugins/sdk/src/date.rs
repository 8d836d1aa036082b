//! Civil dates.

use std::{fmt, str::FromStr};

use crate::NumberError;

/// A civil date in China.
///
/// It can be read, compared and shown. Counting days is the host's business: ask [`crate::Host`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Date {
    /// The year, such as 2021.
    #[must_use]
    pub fn year(self) -> u16 {
        self.year
    }

    /// The month, 1 to 12.
    #[must_use]
    pub fn month(self) -> u8 {
        self.month
    }

    /// The day of the month, from 1.
    #[must_use]
    pub fn day(self) -> u8 {
        self.day
    }
}

fn days_in_month(year: u16, month: u8) -> u8 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    }
}

impl FromStr for Date {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, NumberError> {
        let fail = || NumberError::Date(text.chars().take(40).collect());
        let shape = text.len() == 10
            && text.bytes().enumerate().all(|(i, b)| match i {
                4 | 7 => b == b'-',
                _ => b.is_ascii_digit(),
            });
        if !shape {
            return Err(fail());
        }
        let (year, month, day) = (&text[..4], &text[5..7], &text[8..]);
        let date = Self {
            year: year.parse().map_err(|_| fail())?,
            month: month.parse().map_err(|_| fail())?,
            day: day.parse().map_err(|_| fail())?,
        };
        let exists = (1..=days_in_month(date.year, date.month)).contains(&date.day);
        exists.then_some(date).ok_or_else(fail)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_days_that_exist_are_dates() {
        let leap = "2024-02-29".parse::<Date>().map(|date| date.to_string());
        assert_eq!(leap.as_deref(), Ok("2024-02-29"));
        for bad in [
            "2021-02-29",
            "1900-02-29",
            "2021-13-01",
            "2021-00-10",
            "2021-1-1",
            "2021-04-31",
            "二〇二一",
        ] {
            assert!(bad.parse::<Date>().is_err(), "{bad}");
        }
    }
}
