//! A calendar for tests: Monday to Friday, and the days a case file names.

use std::collections::BTreeSet;

use crate::{CalendarError, CountedDay, Date, Host, Level};

/// Monday to Friday are working days, except `holidays`; `workdays` are worked at weekends.
///
/// Log lines are dropped.
#[derive(Debug, Clone, Default)]
pub struct PlainCalendar {
    /// Weekdays off.
    pub holidays: BTreeSet<Date>,
    /// Weekend days worked (调休).
    pub workdays: BTreeSet<Date>,
}

/// The most working days that can be counted, as in the real host.
const MAX_DAYS: u32 = 4_000;

impl PlainCalendar {
    fn works(&self, date: Date) -> bool {
        let weekend = day_number(date).rem_euclid(7) >= 5;
        self.workdays.contains(&date) || (!weekend && !self.holidays.contains(&date))
    }
}

/// A running number of the day; multiples of seven are Mondays.
fn day_number(date: Date) -> i64 {
    let (year, month) = (i64::from(date.year()), i64::from(date.month()));
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    // Months counted from March, so that a leap day is the last day of its year; 0000-03-01 is a Wednesday.
    365 * year + year.div_euclid(4) - year.div_euclid(100)
        + year.div_euclid(400)
        + (153 * month + 2) / 5
        + i64::from(date.day())
        + 1
}

fn step(date: Date, forward: bool) -> Option<Date> {
    let text =
        |year: u16, month: u8, day: u8| format!("{year:04}-{month:02}-{day:02}").parse().ok();
    let (year, month, day) = (date.year(), date.month(), date.day());
    if forward {
        text(year, month, day + 1)
            .or_else(|| text(year, month + 1, 1))
            .or_else(|| text(year.checked_add(1)?, 1, 1))
    } else if day > 1 {
        text(year, month, day - 1)
    } else if month > 1 {
        (28..=31).rev().find_map(|day| text(year, month - 1, day))
    } else {
        text(year.checked_sub(1)?, 12, 31)
    }
}

impl Host for PlainCalendar {
    fn log(&self, _: Level, _: &str) {}

    fn is_working_day(&self, date: Date) -> Result<bool, CalendarError> {
        Ok(self.works(date))
    }

    fn add_working_days(&self, date: Date, n: i32) -> Result<CountedDay, CalendarError> {
        let range = || CalendarError::OutOfRange(format!("at most {MAX_DAYS} working days"));
        let mut left = n.unsigned_abs();
        if left > MAX_DAYS {
            return Err(range());
        }
        let mut date = date;
        while left > 0 {
            date = step(date, n > 0).ok_or_else(range)?;
            left -= u32::from(self.works(date));
        }
        Ok(CountedDay {
            date,
            provisional: false,
        })
    }

    fn next_working_day(&self, date: Date) -> Result<CountedDay, CalendarError> {
        let mut date = date;
        while !self.works(date) {
            date = step(date, true)
                .ok_or_else(|| CalendarError::OutOfRange("year 9999".to_owned()))?;
        }
        Ok(CountedDay {
            date,
            provisional: false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NumberError;

    #[test]
    fn weekdays_holidays_and_make_up_days_are_told_apart() -> Result<(), NumberError> {
        let date = |text: &str| text.parse::<Date>();
        let calendar = PlainCalendar {
            holidays: [date("2021-09-20")?, date("2021-09-21")?].into(),
            workdays: [date("2021-09-18")?].into(),
        };
        assert!(calendar.works(date("2021-08-30")?));
        assert!(!calendar.works(date("2021-09-19")?));
        assert!(calendar.works(date("2021-09-18")?));
        let counted = |text: &str| -> Result<_, NumberError> {
            Ok(Ok(CountedDay {
                date: date(text)?,
                provisional: false,
            }))
        };
        // 服务协议生效之日起15个工作日: the example of Yuanzhou 2021.
        let (signed, due) = (date("2021-08-30")?, date("2021-09-18")?);
        assert_eq!(
            calendar.add_working_days(signed, 15),
            counted("2021-09-18")?
        );
        assert_eq!(calendar.add_working_days(due, -15), counted("2021-08-30")?);
        assert_eq!(
            calendar.next_working_day(date("2021-09-19")?),
            counted("2021-09-22")?
        );
        assert!(calendar.works(date("2024-02-29")?) && !calendar.works(date("2000-01-01")?));
        Ok(())
    }
}
