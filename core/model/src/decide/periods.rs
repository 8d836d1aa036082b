//! Reporting periods: natural months, quarters, half-years and years.

use std::collections::BTreeMap;

use chrono::{Datelike, Days, Months, NaiveDate};

use super::{Draft, ladder, reconcile::timer_key};
use crate::{
    calendar::Calendar,
    deadline::{RollPolicy, compute_date},
    definition::{Every, RecurringDoc},
    evaluate::Question,
    event::Event,
    fact::Facts,
    guard::{Scope, World},
    project::Obligation,
};

/// The most periods of one kind that are owed at a time; twenty years of months.
const OPEN_MAX: usize = 240;

/// The first and last day of the natural period that contains a day.
#[must_use]
pub fn period_containing(every: Every, day: NaiveDate) -> Option<(NaiveDate, NaiveDate)> {
    let months = months(every);
    let first_month = day.month0() / months * months + 1;
    let first = NaiveDate::from_ymd_opt(day.year(), first_month, 1)?;
    let last = first
        .checked_add_months(Months::new(months))?
        .checked_sub_days(Days::new(1))?;
    Some((first, last))
}

/// The name of a period: `2021-09`, `2021-Q3`, `2021-H2`, `2021`.
#[must_use]
pub fn period_label(every: Every, first: NaiveDate) -> String {
    let (year, month) = (first.year(), first.month());
    match every {
        Every::Month => format!("{year}-{month:02}"),
        Every::Quarter => format!("{year}-Q{}", (month - 1) / 3 + 1),
        Every::HalfYear => format!("{year}-H{}", (month - 1) / 6 + 1),
        Every::Year => year.to_string(),
    }
}

fn months(every: Every) -> u32 {
    match every {
        Every::Month => 1,
        Every::Quarter => 3,
        Every::HalfYear => 6,
        Every::Year => 12,
    }
}

/// Does a period count? It does when at least half of its days lie within the contract.
///
/// The texts say "every month" and nothing about months that are only touched; a contract of
/// twelve months then owes twelve monthly reports whatever day it begins on.
fn counts(period: (NaiveDate, NaiveDate), from: NaiveDate, until: NaiveDate) -> bool {
    let days = |a: NaiveDate, b: NaiveDate| (b - a).num_days() + 1;
    let (first, last) = period;
    2 * days(first.max(from), last.min(until)) >= days(first, last)
}

/// The first and the last day for which reports are owed.
type Term = (NaiveDate, NaiveDate);

/// The term, while both of its days are known.
fn term(recurring: &RecurringDoc, facts: &Facts) -> Option<Term> {
    let date = |keys: &[String]| keys.iter().find_map(|k| facts.get(k)?.as_date_or_first());
    Some((date(&recurring.anchor)?, date(&recurring.until)?))
}

/// What the conditions of recurring obligations say; none without an answer.
fn conditions<'d>(draft: &Draft<'d>) -> BTreeMap<&'d str, Option<bool>> {
    let definition = draft.context.definition;
    let conditional: Vec<_> = definition
        .doc
        .recurring
        .iter()
        .filter_map(|r| Some((r.id.as_str(), definition.guard(r.when.as_ref()?)?)))
        .collect();
    if conditional.is_empty() {
        return BTreeMap::new();
    }
    let (facts, _) = definition.with_defaults(&draft.project.facts);
    let world = World::new(Scope {
        vocabulary: &definition.vocabulary,
        facts: &facts,
        states: &draft.project.states,
        today: draft.context.today(),
    });
    let answers = conditional.into_iter();
    answers
        .map(|(id, guard)| (id, guard.holds(&world).ok()))
        .collect()
}

/// A report that is owed for a period.
#[derive(Debug, Clone, PartialEq)]
pub struct Report<'d> {
    /// The recurring obligation.
    pub recurring: &'d RecurringDoc,
    /// The period's name, such as `2021-H2`.
    pub period: String,
    /// Its first day.
    pub first: NaiveDate,
    /// Its last day.
    pub last: NaiveDate,
    /// The last day for handing it in; `None` where the text names none, or the calendar ends before.
    pub due: Option<NaiveDate>,
    /// The same before rolling.
    pub unrolled: Option<NaiveDate>,
    /// The date may still change.
    pub provisional: bool,
}

impl<'d> Report<'d> {
    /// The report of a period: what is shown and what is enforced are the same dates.
    fn of(recurring: &'d RecurringDoc, (first, last): Term, calendar: &Calendar) -> Self {
        let period = recurring.period;
        let end = period.map(|p| compute_date(last, p, RollPolicy::Civil, calendar, &[]));
        Self {
            recurring,
            period: period_label(recurring.every, first),
            first,
            last,
            due: end.as_ref().and_then(|end| end.due),
            unrolled: end.as_ref().map_or(Some(last), |end| end.unrolled),
            provisional: end.as_ref().is_some_and(|end| end.provisional),
        }
    }
}

/// Every report of the contract that the facts describe, past ones and those to come.
#[must_use]
pub fn reports<'d>(question: Question<'d, '_>) -> Vec<Report<'d>> {
    let definition = question.definition;
    let (facts, _) = definition.with_defaults(question.facts);
    let world = World::new(Scope {
        vocabulary: &definition.vocabulary,
        facts: &facts,
        states: question.states,
        today: question.today,
    });
    let holds = |when: &String| {
        let guard = definition.guard(when);
        guard.is_some_and(|guard| guard.holds(&world).unwrap_or(false))
    };
    let mut all = Vec::new();
    for recurring in &definition.doc.recurring {
        let Some((from, until)) = term(recurring, &facts) else {
            continue;
        };
        if !recurring.when.as_ref().is_none_or(holds) {
            continue;
        }
        let (periods, _) = periods(recurring.every, (from, until), |_| true);
        let calendar = question.calendar;
        all.extend(
            periods
                .into_iter()
                .map(|p| Report::of(recurring, p, calendar)),
        );
    }
    all
}

/// The periods of a term that have begun, and the day the first one begins that has not.
fn periods(
    every: Every,
    (from, until): Term,
    begun: impl Fn(NaiveDate) -> bool,
) -> (Vec<Term>, Option<NaiveDate>) {
    let mut owed = Vec::new();
    let mut day = from;
    while let Some((first, last)) = period_containing(every, day) {
        if first > until || owed.len() >= OPEN_MAX {
            break;
        }
        if counts((first, last), from, until) {
            let begins = first.max(from);
            if !begun(begins) {
                return (owed, Some(begins));
            }
            owed.push((first, last));
        }
        match last.checked_add_days(Days::new(1)) {
            Some(following) => day = following,
            None => break,
        }
    }
    (owed, None)
}

impl<'a> Draft<'a> {
    /// Opens the periods that have begun, and sets the timer for the next one.
    pub(super) fn open_periods(&mut self) {
        let conditions = conditions(self);
        for (recurring, earlier, present) in self.terms() {
            let applies = conditions.get(recurring.id.as_str());
            if let Some(answer) = applies.filter(|answer| **answer != Some(true)) {
                // A decision or a correction took the duty away, and with it what is owed of it. A
                // condition without an answer says nothing about reports that are owed.
                if *answer == Some(false) {
                    self.take_back(recurring, &[]);
                }
                self.set_timer(format!("period:{}", recurring.id), None);
                continue;
            }
            let next = present.and_then(|(from, until)| {
                let (owed, next) = self.owed(recurring, from, until);
                // A correction takes back what a wrong date opened. Reports of a contract that
                // has ended stay: its dates are gone, not wrong.
                if earlier.is_some_and(|earlier| earlier != (from, until)) {
                    self.take_back(recurring, &owed);
                }
                for (first, last) in owed {
                    self.open_period(recurring, first, last);
                }
                next
            });
            let key = format!("period:{}", recurring.id);
            self.set_timer(key, next.map(ladder::opening_hour));
        }
    }

    /// No further period opens; reports that are owed stay owed.
    pub(super) fn end_periods(&mut self) {
        for recurring in &self.context.definition.doc.recurring {
            self.set_timer(format!("period:{}", recurring.id), None);
        }
    }

    /// The terms before the step and now.
    fn terms(&self) -> Vec<(&'a RecurringDoc, Option<Term>, Option<Term>)> {
        let definition = self.context.definition;
        let (before, _) = definition.with_defaults(self.before);
        let (now, _) = definition.with_defaults(&self.project.facts);
        let recurring = definition.doc.recurring.iter();
        recurring
            .map(|recurring| (recurring, term(recurring, &before), term(recurring, &now)))
            .collect()
    }

    /// The periods owed by now, and the day the next one begins.
    fn owed(
        &self,
        recurring: &RecurringDoc,
        from: NaiveDate,
        until: NaiveDate,
    ) -> (Vec<(NaiveDate, NaiveDate)>, Option<NaiveDate>) {
        let now = self.context.now;
        periods(recurring.every, (from, until), |begins| {
            ladder::opening_hour(begins) <= now
        })
    }

    fn take_back(&mut self, recurring: &RecurringDoc, owed: &[(NaiveDate, NaiveDate)]) {
        let labels: Vec<String> = owed
            .iter()
            .map(|(first, _)| period_label(recurring.every, *first))
            .collect();
        let open = self.project.obligations.iter();
        let wrong: Vec<String> = open
            .filter(|(_, o)| {
                o.id == recurring.id && o.period.as_ref().is_some_and(|p| !labels.contains(p))
            })
            .map(|(key, _)| key.clone())
            .collect();
        for key in wrong {
            self.emit(Event::ObligationDropped { key: key.clone() });
            self.set_timer(timer_key(&key), None);
        }
    }

    fn open_period(&mut self, recurring: &RecurringDoc, first: NaiveDate, last: NaiveDate) {
        let label = period_label(recurring.every, first);
        let key = format!("{}@{label}", recurring.id);
        let submitted = self.project.submitted.get(&recurring.id);
        if self.project.obligations.contains_key(&key)
            || submitted.is_some_and(|s| s.contains(&label))
        {
            return;
        }
        let report = Report::of(recurring, (first, last), self.context.calendar);
        let obligation = Obligation {
            id: recurring.id.clone(),
            period: Some(label),
            anchor_date: Some(last),
            due: report.due,
            unrolled: report.unrolled,
            provisional: report.provisional,
            step: 0,
            generation: self.next_generation(),
            suspensions: Vec::new(),
        };
        self.open_obligation(key, obligation);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn owed(every: Every, from: &str, until: &str) -> Vec<String> {
        let (from, until) = (day(from), day(until));
        let (mut at, mut labels) = (from, Vec::new());
        while at <= until {
            let (first, last) = period_containing(every, at).unwrap();
            if counts((first, last), from, until) {
                labels.push(period_label(every, first));
            }
            at = last + Days::new(1);
        }
        labels
    }

    #[test]
    fn a_year_owes_twelve_months_and_two_half_years() {
        let months = owed(Every::Month, "2021-08-30", "2022-08-29");
        assert_eq!(
            (months.len(), months[0].as_str(), months[11].as_str()),
            (12, "2021-09", "2022-08")
        );
        assert_eq!(
            owed(Every::HalfYear, "2021-08-30", "2022-08-29"),
            ["2021-H2", "2022-H1"]
        );
        assert_eq!(owed(Every::Quarter, "2021-08-30", "2022-08-29").len(), 4);
        assert_eq!(owed(Every::Year, "2021-03-01", "2022-02-28"), ["2021"]);
    }
}
