//! Days on which a running period stands still.

use chrono::{Days, NaiveDate};
use serde::{Deserialize, Serialize};

/// A time in which a running period is suspended (中止); both days belong to it.
///
/// A suspension that ends before it begins suspends nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suspension {
    /// The first day that does not count.
    pub from: NaiveDate,
    /// The last day that does not count; `None` while the suspension lasts.
    #[serde(default)]
    pub until: Option<NaiveDate>,
}

/// How a day is suspended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pause {
    /// Up to and with this day.
    Until(NaiveDate),
    /// Without an end so far, since this day.
    Open(NaiveDate),
}

/// Suspensions without overlaps, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Pauses {
    closed: Vec<(NaiveDate, NaiveDate)>,
    open_from: Option<NaiveDate>,
}

impl Pauses {
    /// Merges suspensions that overlap or touch; the earliest open one swallows all after it.
    pub(super) fn merge(suspensions: &[Suspension]) -> Self {
        let open_from = suspensions
            .iter()
            .filter(|suspension| suspension.until.is_none())
            .map(|suspension| suspension.from)
            .min();
        let mut spans: Vec<(NaiveDate, NaiveDate)> = suspensions
            .iter()
            .filter_map(|suspension| Some((suspension.from, suspension.until?)))
            .filter_map(|(from, until)| match open_from {
                Some(open) if until >= open => Some((from, open.pred_opt()?)),
                _ => Some((from, until)),
            })
            .filter(|(from, until)| from <= until)
            .collect();
        spans.sort_unstable();
        let mut closed: Vec<(NaiveDate, NaiveDate)> = Vec::with_capacity(spans.len());
        for (from, until) in spans {
            match closed.last_mut() {
                Some((_, last)) if last.succ_opt().is_none_or(|next| from <= next) => {
                    *last = until.max(*last);
                }
                _ => closed.push((from, until)),
            }
        }
        Self { closed, open_from }
    }

    /// Tells how a day is suspended, if it is.
    pub(super) fn at(&self, date: NaiveDate) -> Option<Pause> {
        if let Some(open) = self.open_from
            && open <= date
        {
            return Some(Pause::Open(open));
        }
        let after = self.closed.partition_point(|(from, _)| *from <= date);
        let (_, until) = self.closed.get(after.checked_sub(1)?)?;
        (date <= *until).then_some(Pause::Until(*until))
    }

    /// Returns the end of a month or year period after the suspended days in it are added.
    ///
    /// The added days may reach the next suspension; its days are then added too.
    /// Reaching an open suspension, or the end of time, leaves no end.
    pub(super) fn extend(&self, anchor: NaiveDate, end: NaiveDate) -> Result<NaiveDate, Pause> {
        let mut end = end;
        for (from, until) in &self.closed {
            let Some(first) = anchor.succ_opt().map(|next| next.max(*from)) else {
                break;
            };
            if first > *until {
                continue;
            }
            if first > end {
                break;
            }
            let suspended_days = (*until - first).num_days().unsigned_abs() + 1;
            end = end
                .checked_add_days(Days::new(suspended_days))
                .ok_or(Pause::Until(NaiveDate::MAX))?;
        }
        match self.open_from {
            Some(open) if open <= end => Err(Pause::Open(open)),
            _ => Ok(end),
        }
    }

    /// Tells whether any suspended day lies in a range of days.
    pub(super) fn touch(&self, first: NaiveDate, last: NaiveDate) -> bool {
        self.open_from.is_some_and(|open| open <= last)
            || self
                .closed
                .iter()
                .any(|(from, until)| *from <= last && first <= *until)
    }
}
