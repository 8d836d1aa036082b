//! Calendar days, years and quarters; working days are asked of the host.

use liucheng_sdk::Date;

fn day(year: u16, month: u8, day: u8) -> Option<Date> {
    format!("{year:04}-{month:02}-{day:02}").parse().ok()
}

/// The day after; `None` beyond the year 9999.
fn next(date: Date) -> Option<Date> {
    let (year, month) = (date.year(), date.month());
    day(year, month, date.day() + 1)
        .or_else(|| day(year, month + 1, 1))
        .or_else(|| day(year + 1, 1, 1))
}

/// The last day of a period of `days` after a date, which is not counted (民法典 art. 201).
pub fn plus_days(date: Date, days: u16) -> Option<Date> {
    (0..days).try_fold(date, |date, _| next(date))
}

/// The corresponding day `years` later, or the month's last day where there is none (民法典 art. 202).
pub fn plus_years(date: Date, years: u16) -> Option<Date> {
    let year = date.year().checked_add(years)?;
    (0..3).find_map(|back| day(year, date.month(), date.day().checked_sub(back)?))
}

/// The corresponding day some months later, or the month's last day where there is none (民法典 art. 202).
fn plus_months(date: Date, months: u32) -> Option<Date> {
    let count = u32::from(date.year()) * 12 + u32::from(date.month()) - 1 + months;
    let year = u16::try_from(count / 12).ok()?;
    let month = u8::try_from(count % 12 + 1).ok()?;
    (0..4).find_map(|back| day(year, month, date.day().checked_sub(back)?))
}

/// How many quarters of the contract, of three months each from its first day, begin before it expires; 0 if
/// the days are the wrong way round.
pub fn contract_quarters(first: Date, last: Date) -> u32 {
    if last < first {
        return 0;
    }
    let later = (1..).map_while(|n: u32| plus_months(first, n.checked_mul(3)?));
    let begun = later.take_while(|begin| *begin < last).count();
    u32::try_from(begun).unwrap_or(u32::MAX).saturating_add(1)
}

/// The calendar quarters for which applications are owed: those of which at least half of the days lie within
/// the term, one at least; 0 if the days are the wrong way round.
///
/// That is how the periods of `funding-application` count, so that every application has its payment.
pub fn quarters(first: Date, last: Date) -> u32 {
    let number = |date: Date| u32::from(date.year()) * 4 + u32::from((date.month() - 1) / 3);
    if last < first {
        return 0;
    }
    let (from, until) = (ordinal(first), ordinal(last));
    let counts = |quarter: &u32| {
        let begin = |quarter: u32| {
            let (year, month) = (quarter / 4, quarter % 4 * 3 + 1);
            ordinal_of(i64::from(year), i64::from(month), 1)
        };
        let (begin, end) = (begin(*quarter), begin(*quarter + 1) - 1);
        2 * (end.min(until) - begin.max(from) + 1) > end - begin
    };
    let owed = (number(first)..=number(last)).filter(counts).count();
    u32::try_from(owed).unwrap_or(u32::MAX).max(1)
}

fn ordinal(date: Date) -> i64 {
    ordinal_of(
        i64::from(date.year()),
        i64::from(date.month()),
        i64::from(date.day()),
    )
}

/// Days since a fixed day before the year 0; years begin in March, so that a leap day is their last.
fn ordinal_of(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    365 * year + year.div_euclid(4) - year.div_euclid(100)
        + year.div_euclid(400)
        + (153 * month + 2) / 5
        + day
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> Option<Date> {
        text.parse().ok()
    }

    #[test]
    fn days_run_over_months_and_years() {
        let after = |from: &str, days| date(from).and_then(|from| plus_days(from, days));
        assert_eq!(after("2022-05-31", 30), date("2022-06-30"));
        assert_eq!(after("2022-12-15", 30), date("2023-01-14"));
        assert_eq!(after("2024-02-28", 1), date("2024-02-29"));
        assert_eq!(after("9999-12-31", 1), None);
    }

    #[test]
    fn years_end_on_the_corresponding_day() {
        let after = |from: &str, years| date(from).and_then(|from| plus_years(from, years));
        assert_eq!(after("2024-02-29", 1), date("2025-02-28"));
        assert_eq!(after("2024-02-29", 4), date("2028-02-29"));
        assert_eq!(after("2022-08-01", 3), date("2025-08-01"));
    }

    #[test]
    fn quarters_of_a_contract_begin_with_it() {
        let between = |first: &str, last: &str| {
            date(first)
                .zip(date(last))
                .map(|(a, b)| contract_quarters(a, b))
        };
        assert_eq!(between("2022-08-15", "2023-08-14"), Some(4));
        assert_eq!(between("2022-08-15", "2023-08-15"), Some(4));
        assert_eq!(between("2022-08-15", "2023-08-16"), Some(5));
        assert_eq!(between("2022-11-30", "2023-05-31"), Some(3));
        assert_eq!(between("2022-11-30", "2023-02-28"), Some(1));
        assert_eq!(between("2022-08-15", "2022-08-15"), Some(1));
        assert_eq!(between("2022-08-15", "2022-08-14"), Some(0));
        assert_eq!(
            between("2022-08-15", "9999-12-31").map(|n| n > 30_000),
            Some(true)
        );
    }

    #[test]
    fn quarters_are_those_of_the_calendar() {
        let between =
            |first: &str, last: &str| date(first).zip(date(last)).map(|(a, b)| quarters(a, b));
        assert_eq!(between("2022-08-01", "2023-07-31"), Some(4));
        assert_eq!(between("2022-08-15", "2023-08-14"), Some(4));
        assert_eq!(between("2022-08-20", "2022-12-31"), Some(1));
        assert_eq!(between("2022-07-01", "2023-06-30"), Some(4));
        // 46 of 92 days are half of them, 45 are not.
        assert_eq!(between("2022-07-01", "2022-11-15"), Some(2));
        assert_eq!(between("2022-07-01", "2022-11-14"), Some(1));
        assert_eq!(between("2022-07-01", "2022-07-01"), Some(1));
        assert_eq!(between("2022-07-02", "2022-07-01"), Some(0));
    }
}
