//! Checks calendar and calculus against the reference table, read and counted independently.
//!
//! The oracle below knows only the table and the days of the week. It walks day by day and
//! shares no code with the crate.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::sync::OnceLock;

use chrono::{Datelike, Days, Months, NaiveDate};
use liucheng_model::calendar::{Calendar, DayKind};
use liucheng_model::deadline::{
    Computation, Direction, Period, RollPolicy, Step, StepKind, Suspension, Unit, compute,
};
use proptest::prelude::*;

type Outcome = Result<(), Box<dyn Error>>;

const TABLE: &str = include_str!("data/holidays_cn.csv");
const POLICIES: [RollPolicy; 4] = [
    RollPolicy::Civil,
    RollPolicy::Order87,
    RollPolicy::Order94,
    RollPolicy::None,
];
const DIRECTIONS: [Direction; 4] = [
    Direction::WithinAfter,
    Direction::AtLeastAfter,
    Direction::Before,
    Direction::AtLeastBefore,
];

/// The table: the holidays and the make-up days.
struct Oracle {
    holidays: BTreeMap<NaiveDate, String>,
    made_up: BTreeMap<NaiveDate, String>,
}

impl Oracle {
    fn get() -> &'static Self {
        static ORACLE: OnceLock<Oracle> = OnceLock::new();
        ORACLE.get_or_init(|| {
            let mut oracle = Self {
                holidays: BTreeMap::new(),
                made_up: BTreeMap::new(),
            };
            for line in TABLE.lines().skip(1) {
                let mut cells = line.split(',');
                let date = cells.next().and_then(|cell| cell.parse().ok());
                if let (Some(date), Some(kind), Some(name)) = (date, cells.next(), cells.next()) {
                    let days = match kind {
                        "holiday" => &mut oracle.holidays,
                        _ => &mut oracle.made_up,
                    };
                    days.insert(date, name.to_owned());
                }
            }
            oracle
        })
    }

    fn covers(date: NaiveDate) -> bool {
        (2019..=2026).contains(&date.year())
    }

    fn is_weekend(date: NaiveDate) -> bool {
        date.weekday().number_from_monday() > 5
    }

    fn is_holiday(&self, date: NaiveDate) -> bool {
        self.holidays.contains_key(&date)
    }

    fn works(&self, date: NaiveDate) -> bool {
        self.made_up.contains_key(&date) || (!Self::is_weekend(date) && !self.is_holiday(date))
    }

    fn rolls(&self, date: NaiveDate, roll: RollPolicy) -> bool {
        match roll {
            RollPolicy::Civil | RollPolicy::Order94 => !self.works(date),
            RollPolicy::Order87 => self.is_holiday(date),
            RollPolicy::None => false,
        }
    }

    /// Rolls a last day forward; neither a rest day nor a suspended day can be the end.
    fn roll(
        &self,
        unrolled: NaiveDate,
        roll: RollPolicy,
        suspended: &Suspended,
    ) -> Option<NaiveDate> {
        let mut date = unrolled;
        loop {
            let runs = date == unrolled || suspended.step(date)?;
            if runs && !Self::covers(date) {
                return None;
            }
            if runs && !self.rolls(date, roll) {
                return Some(date);
            }
            date = date.succ_opt()?;
        }
    }

    /// Returns `(unrolled, due)`.
    fn expect(
        &self,
        anchor: NaiveDate,
        period: Period,
        roll: RollPolicy,
        suspended: &Suspended,
    ) -> (Option<NaiveDate>, Option<NaiveDate>) {
        let is_back = period.direction().is_backward();
        let unrolled = match (period.unit(), is_back) {
            (Unit::Months | Unit::Years, _) => jump(anchor, period).and_then(|end| {
                if is_back {
                    return Some(end);
                }
                let days = (end - anchor).num_days();
                walk(anchor, days, |date| suspended.step(date), false)
            }),
            (Unit::Days, true) => walk(anchor, period.count().into(), |_| Some(true), true),
            (Unit::Days, false) => walk(
                anchor,
                period.count().into(),
                |date| suspended.step(date),
                false,
            ),
            (Unit::WorkingDays, _) => {
                let counts = |date| {
                    if !is_back && !suspended.step(date)? {
                        return Some(false);
                    }
                    Self::covers(date).then(|| self.works(date))
                };
                walk(anchor, period.count().into(), counts, is_back)
            }
        };
        let is_settled = is_back || period.unit() == Unit::WorkingDays || roll == RollPolicy::None;
        let due = match unrolled {
            Some(date) if !is_settled => self.roll(date, roll, suspended),
            // Outside the published years nothing is final.
            _ => unrolled.filter(|date| Self::covers(*date)),
        };
        (unrolled, due)
    }
}

/// Suspended days one by one, and the day from which a suspension has no end.
#[derive(Debug, Default)]
struct Suspended {
    days: BTreeSet<NaiveDate>,
    open_from: Option<NaiveDate>,
}

impl Suspended {
    fn new(suspensions: &[Suspension]) -> Self {
        let mut suspended = Self::default();
        for suspension in suspensions {
            match suspension.until {
                Some(until) => suspended
                    .days
                    .extend(suspension.from.iter_days().take_while(|day| *day <= until)),
                None => {
                    let from = suspension.from;
                    let open_from = suspended.open_from.map_or(from, |open| open.min(from));
                    suspended.open_from = Some(open_from);
                }
            }
        }
        suspended
    }

    /// Tells whether a day runs; `None` when it is suspended without end.
    fn step(&self, date: NaiveDate) -> Option<bool> {
        if self.open_from.is_some_and(|open| open <= date) {
            return None;
        }
        Some(!self.days.contains(&date))
    }
}

/// Walks day by day until `count` days counted; `None` as soon as a day is unknown.
fn walk(
    anchor: NaiveDate,
    count: i64,
    counts: impl Fn(NaiveDate) -> Option<bool>,
    is_back: bool,
) -> Option<NaiveDate> {
    let mut date = anchor;
    let mut counted = 0;
    while counted < count {
        date = if is_back {
            date.pred_opt()?
        } else {
            date.succ_opt()?
        };
        if counts(date)? {
            counted += 1;
        }
    }
    Some(date)
}

/// Steps month by month on year and month numbers, then finds the day.
fn jump(anchor: NaiveDate, period: Period) -> Option<NaiveDate> {
    let factor = if period.unit() == Unit::Years { 12 } else { 1 };
    let (mut year, mut month) = (anchor.year(), anchor.month());
    for _ in 0..period.count() * factor {
        (year, month) = match (period.direction().is_backward(), month) {
            (true, 1) => (year - 1, 12),
            (true, _) => (year, month - 1),
            (false, 12) => (year + 1, 1),
            (false, _) => (year, month + 1),
        };
    }
    (1..=anchor.day())
        .rev()
        .find_map(|day| NaiveDate::from_ymd_opt(year, month, day))
}

fn ymd(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap_or_default()
}

fn all_days() -> impl Iterator<Item = NaiveDate> {
    ymd(2019, 1, 1)
        .iter_days()
        .take_while(|date| *date <= ymd(2026, 12, 31))
}

#[test]
fn every_day_is_classified_as_in_the_table() -> Outcome {
    let calendar = Calendar::national()?;
    let oracle = Oracle::get();
    assert_eq!(oracle.holidays.len() + oracle.made_up.len(), 290);
    assert_eq!(calendar.coverage(), ymd(2019, 1, 1)..=ymd(2026, 12, 31));
    for date in all_days() {
        let day = calendar.day(date).ok_or("a covered day is known")?;
        let expected = if let Some(name) = oracle.holidays.get(&date) {
            (DayKind::Holiday, Some(name.as_str()))
        } else if let Some(name) = oracle.made_up.get(&date) {
            (DayKind::MakeUpWorkday, Some(name.as_str()))
        } else if Oracle::is_weekend(date) {
            (DayKind::Weekend, None)
        } else {
            (DayKind::Workday, None)
        };
        assert_eq!((day.kind, day.name), expected, "{date}");
        assert_eq!(
            calendar.is_working(date),
            Some(oracle.works(date)),
            "{date}"
        );
    }
    assert_eq!(all_days().count(), 2922);
    assert_eq!(calendar.day(ymd(2018, 12, 31)), None);
    assert_eq!(calendar.day(ymd(2027, 1, 1)), None);
    Ok(())
}

/// Every anchor of eight years, for the periods the law uses most.
#[test]
fn every_anchor_agrees_with_the_table() -> Outcome {
    let calendar = Calendar::national()?;
    let oracle = Oracle::get();
    let none = Suspended::default();
    for text in [
        "1 working-day",
        "2 working-days",
        "7 working-days",
        "15 working-days",
        "at least 5 working-days",
        "3 working-days before",
        "10 days",
        "30 days",
        "at least 20 days",
        "at least 15 days before",
        "1 month",
        "1 month before",
        "1 year",
    ] {
        let period: Period = text.parse()?;
        for anchor in all_days() {
            for roll in POLICIES {
                let result = compute(anchor, period, roll, calendar, &[]);
                let expected = oracle.expect(anchor, period, roll, &none);
                assert_eq!(
                    (result.unrolled, result.due),
                    expected,
                    "{anchor} {text} {roll:?}"
                );
                assert_eq!(result.provisional, result.due.is_none());
            }
        }
    }
    Ok(())
}

fn dates() -> impl Strategy<Value = NaiveDate> {
    (0_u64..2922).prop_map(|days| ymd(2019, 1, 1) + Days::new(days))
}

fn periods() -> impl Strategy<Value = Period> {
    let units = prop_oneof![
        3 => Just(Unit::Days),
        4 => Just(Unit::WorkingDays),
        2 => Just(Unit::Months),
        1 => Just(Unit::Years),
    ];
    let parts = (1_u32..=60, units, proptest::sample::select(&DIRECTIONS[..]));
    parts.prop_filter_map("the count is allowed", |(count, unit, direction)| {
        Period::new(count, unit, direction).ok()
    })
}

fn rolls() -> impl Strategy<Value = RollPolicy> {
    proptest::sample::select(&POLICIES[..])
}

/// Up to four suspensions near the anchor; some overlap, some are open, some are inverted.
fn suspensions(anchor: NaiveDate) -> impl Strategy<Value = Vec<Suspension>> {
    let one = (-30_i64..120, proptest::option::weighted(0.9, -2_i64..40));
    proptest::collection::vec(one, 0..5).prop_map(move |spans| {
        spans
            .into_iter()
            .map(|(start, length)| {
                let from = anchor + chrono::Duration::days(start);
                let until = length.map(|days| from + chrono::Duration::days(days));
                Suspension { from, until }
            })
            .collect()
    })
}

fn case() -> impl Strategy<Value = (NaiveDate, Period, RollPolicy, Vec<Suspension>)> {
    dates().prop_flat_map(|anchor| (Just(anchor), periods(), rolls(), suspensions(anchor)))
}

fn dates_of(steps: &[Step], kind: StepKind) -> Vec<NaiveDate> {
    let of_kind = steps.iter().filter(|step| step.kind == kind);
    of_kind.map(|step| step.date).collect()
}

fn without_pauses(anchor: NaiveDate, period: Period, roll: RollPolicy) -> Option<Computation> {
    let calendar = Calendar::national().ok()?;
    Some(compute(anchor, period, roll, calendar, &[]))
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1500,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn agrees_with_the_table((anchor, period, roll, pauses) in case()) {
        let calendar = Calendar::national().map_err(|e| TestCaseError::fail(e.to_string()))?;
        let result = compute(anchor, period, roll, calendar, &pauses);
        let expected = Oracle::get().expect(anchor, period, roll, &Suspended::new(&pauses));
        prop_assert_eq!((result.unrolled, result.due), expected);
        prop_assert_eq!(result.provisional, result.due.is_none());
    }

    #[test]
    fn the_derivation_accounts_for_every_day((anchor, period, roll, pauses) in case()) {
        let calendar = Calendar::national().map_err(|e| TestCaseError::fail(e.to_string()))?;
        let result = compute(anchor, period, roll, calendar, &pauses);
        let steps = &result.derivation;
        prop_assert_eq!(steps.first().map(|step| step.kind), Some(StepKind::Start));
        let last = steps.last();
        if let Some(due) = result.due {
            prop_assert_eq!(last.map(|step| (step.kind, step.date)), Some((StepKind::Due, due)));
        } else {
            let kind = last.map(|step| step.kind);
            prop_assert!(matches!(kind, Some(StepKind::Paused | StepKind::OutsideCalendar)));
        }
        let is_counted = matches!(period.unit(), Unit::Days | Unit::WorkingDays);
        if let (Some(unrolled), true) = (result.unrolled, is_counted) {
            // Counted and skipped days together are all days from the anchor to the end.
            let mut seen: Vec<NaiveDate> = [
                StepKind::Counted,
                StepKind::SkippedWeekend,
                StepKind::SkippedHoliday,
                StepKind::Suspended,
            ]
            .into_iter()
            .flat_map(|kind| dates_of(steps, kind))
            .filter(|date| *date <= unrolled || period.direction().is_backward())
            .collect();
            seen.sort_unstable();
            let (first, end) = if period.direction().is_backward() {
                (unrolled, anchor - Days::new(1))
            } else {
                (anchor + Days::new(1), unrolled)
            };
            let all: Vec<NaiveDate> = first.iter_days().take_while(|day| *day <= end).collect();
            prop_assert_eq!(seen, all);
            let counted = dates_of(steps, StepKind::Counted).len();
            prop_assert_eq!(u32::try_from(counted).ok(), Some(period.count()));
        }
    }

    #[test]
    fn a_result_keeps_its_promises((anchor, period, roll, pauses) in case()) {
        let calendar = Calendar::national().map_err(|e| TestCaseError::fail(e.to_string()))?;
        let result = compute(anchor, period, roll, calendar, &pauses);
        let Some((unrolled, due)) = result.unrolled.zip(result.due) else {
            return Ok(());
        };
        prop_assert!(due >= unrolled);
        if period.direction().is_backward() {
            prop_assert!(due < anchor);
            prop_assert_eq!(due, unrolled);
        } else {
            prop_assert!(due > anchor);
            let works = calendar.is_working(due);
            match roll {
                _ if period.unit() == Unit::WorkingDays => prop_assert_eq!(works, Some(true)),
                RollPolicy::Civil | RollPolicy::Order94 => prop_assert_eq!(works, Some(true)),
                RollPolicy::Order87 => {
                    let day = calendar.day(due);
                    prop_assert!(day.is_some_and(|day| !day.is_national_holiday()));
                }
                RollPolicy::None => prop_assert_eq!(due, unrolled),
            }
        }
    }

    #[test]
    fn suspensions_never_bring_a_day_forward((anchor, period, roll, pauses) in case()) {
        let calendar = Calendar::national().map_err(|e| TestCaseError::fail(e.to_string()))?;
        let with = compute(anchor, period, roll, calendar, &pauses);
        let without = without_pauses(anchor, period, roll);
        let without = without.ok_or_else(|| TestCaseError::fail("no calendar"))?;
        if let (Some(with), Some(without)) = (with.due, without.due) {
            prop_assert!(with >= without);
        }
    }

    #[test]
    fn a_later_anchor_is_never_due_earlier(
        anchor in dates(), later_days in 1_u64..40, period in periods(), roll in rolls()
    ) {
        let first = without_pauses(anchor, period, roll).and_then(|result| result.due);
        let later = without_pauses(anchor + Days::new(later_days), period, roll);
        if let (Some(first), Some(later)) = (first, later.and_then(|result| result.due)) {
            prop_assert!(first <= later);
        }
    }

    #[test]
    fn counting_back_undoes_counting_forward(anchor in dates(), count in 1_u32..=60) {
        let calendar = Calendar::national().map_err(|e| TestCaseError::fail(e.to_string()))?;
        for unit in [Unit::Days, Unit::WorkingDays] {
            let period = |direction| {
                Period::new(count, unit, direction).map_err(|e| TestCaseError::fail(e.to_string()))
            };
            let end = compute(anchor, period(Direction::WithinAfter)?, RollPolicy::None, calendar, &[]);
            let Some(end) = end.due else { continue };
            let back = compute(end, period(Direction::Before)?, RollPolicy::None, calendar, &[]);
            // From a rest day, working days lead back to the working day before it.
            let landed = back.due.filter(|_| unit == Unit::Days || calendar.is_working(anchor) == Some(true));
            if let Some(landed) = landed {
                prop_assert_eq!(landed, anchor);
            }
            if let Some(back) = back.due {
                prop_assert!(back <= anchor);
            }
        }
    }

    #[test]
    fn extreme_dates_never_panic(
        (days, period, roll) in (0_u64..40, periods(), rolls()), is_end in any::<bool>()
    ) {
        let calendar = Calendar::national().map_err(|e| TestCaseError::fail(e.to_string()))?;
        let anchor = if is_end {
            NaiveDate::MAX - Days::new(days)
        } else {
            NaiveDate::MIN + Days::new(days)
        };
        let pauses = [Suspension { from: anchor, until: Some(NaiveDate::MAX) }];
        let result = compute(anchor, period, roll, calendar, &[]);
        prop_assert_eq!(result.provisional, result.due.is_none());
        let month = anchor.checked_add_months(Months::new(1));
        prop_assert!(month.is_some() || is_end);
        let paused = compute(anchor, period, roll, calendar, &pauses);
        prop_assert_eq!(paused.provisional, paused.due.is_none());
    }
}
