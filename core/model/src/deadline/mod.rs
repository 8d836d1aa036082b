//! The deadline calculus (期限): from an anchor day and a period to the last day, with reasons.
//!
//! The day of the anchor never counts (民法典 art. 201). Months and years end on the
//! corresponding day or, without one, on the last day of the month (民法典 art. 202).
//! What happens when the last day is a rest day differs from law to law, so it is data:
//! [`RollPolicy`]. Where the calendar does not reach, the result says so instead of guessing.

mod combine;
mod compute;
mod explain;
mod month_day;
mod period;
mod suspension;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::calendar::Day;

pub use combine::{Candidate, earliest, latest};
pub use compute::{compute, compute_date};
pub use explain::explain_text;
pub use month_day::{MonthDay, MonthDayError};
pub use period::{COUNT_MAX, Direction, Period, PeriodError, Unit};
pub use suspension::Suspension;

/// The longest list of days that a derivation holds.
pub const DERIVATION_DAYS_MAX: usize = 10_000;

/// What to do when the last day of a calendar period is a rest day (顺延).
///
/// Periods in working days end on a working day and are never rolled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RollPolicy {
    /// A weekend that is not made up, or any holiday, rolls to the next working day (民法典 art. 203).
    #[default]
    Civil,
    /// Only a holiday of the State Council (国家法定节假日) rolls, to the first day after it
    /// that is none; a plain weekend does not (财政部令第87号 art. 85).
    Order87,
    /// A holiday or weekend (节假日) rolls to the first day after it that is neither
    /// (财政部令第94号 art. 42).
    Order94,
    /// Nothing rolls: the law or the contract fixes the day (民法典 art. 204).
    None,
}

impl RollPolicy {
    /// Returns the article that the policy applies, in Chinese.
    pub fn article(self) -> &'static str {
        match self {
            Self::Civil => "民法典第203条",
            Self::Order87 => "财政部令第87号第85条",
            Self::Order94 => "财政部令第94号第42条",
            Self::None => "民法典第204条",
        }
    }

    /// Tells whether a period that would end on this day is rolled past it.
    pub fn rolls_over(self, day: &Day<'_>) -> bool {
        match self {
            Self::Civil | Self::Order94 => !day.is_working(),
            Self::Order87 => day.is_national_holiday(),
            Self::None => false,
        }
    }
}

/// What one step of a derivation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepKind {
    /// The anchor, which does not count (民法典 art. 201); the note is the period.
    Start,
    /// A date that a document names; nothing is computed.
    Fixed,
    /// A day that counts; `n` is the running count.
    Counted,
    /// A Saturday or Sunday that does not count.
    SkippedWeekend,
    /// A holiday that does not count; the note names it.
    SkippedHoliday,
    /// A day on which the period is suspended.
    Suspended,
    /// The corresponding day of a month or year period (民法典 art. 202).
    Corresponding,
    /// The last day of the month, for there is no corresponding day (民法典 art. 202).
    MonthEnd,
    /// The end after suspended days were added to a month or year period; `n` says how many.
    Extended,
    /// The last day as counted, when it is rolled; the note is the article.
    LastDay,
    /// A rest day over which the end is rolled; the note names it.
    RolledOver,
    /// The result.
    Due,
    /// A suspension without end begins; there is no result yet.
    Paused,
    /// A day that the calendar does not know, or past the end of time; there is no result yet.
    OutsideCalendar,
    /// The result is a rest day and is not rolled: act earlier.
    NoteRestDay,
    /// A suspension lies in the period but does not move it: it is counted back.
    NoteSuspension,
    /// More days follow than a derivation lists.
    Truncated,
    /// One of several results that are compared; `n` is its number, the note its label.
    Compared,
    /// The result that was chosen; `n` is its number, the note says why.
    Chosen,
}

/// One step of a derivation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Step {
    /// The day about which the step speaks.
    pub date: NaiveDate,
    /// What the step does.
    pub kind: StepKind,
    /// The running count, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n: Option<u32>,
    /// The name of a holiday, `调休上班`, an article, and the like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Step {
    /// Makes a step without a count.
    pub(crate) fn new(date: NaiveDate, kind: StepKind, note: Option<&str>) -> Self {
        Self {
            date,
            kind,
            n: None,
            note: note.map(str::to_owned),
        }
    }
}

/// A computed deadline and how it came about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Computation {
    /// The day that binds; for a minimum period the earliest day allowed.
    pub due: Option<NaiveDate>,
    /// The day as counted, before any roll. Whether a roll applies can be disputed,
    /// so reminders use this day and lateness uses `due`.
    pub unrolled: Option<NaiveDate>,
    /// Whether the result waits for a calendar or for the end of a suspension.
    pub provisional: bool,
    /// The steps, in the order in which they were taken.
    pub derivation: Vec<Step>,
}

#[cfg(test)]
mod tests;
