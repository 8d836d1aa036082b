//! Counts periods, day by day, and rolls their ends.

use chrono::{Datelike, Months, NaiveDate};

use super::suspension::{Pause, Pauses};
use super::{
    Computation, DERIVATION_DAYS_MAX, Direction, Period, RollPolicy, Step, StepKind, Suspension,
    Unit,
};
use crate::calendar::{Calendar, Day, DayKind};

/// Computes the end of a period that begins with `anchor`.
///
/// A suspension moves a running period only: a period that is counted back has not begun to
/// run, so its anchor moves instead. A rolled end does not fall on a suspended day either.
pub fn compute(
    anchor: NaiveDate,
    period: Period,
    roll: RollPolicy,
    calendar: &Calendar,
    suspensions: &[Suspension],
) -> Computation {
    Run {
        anchor,
        period,
        roll,
        calendar,
        pauses: Pauses::merge(suspensions),
        steps: Some(Vec::new()),
        day_steps: 0,
    }
    .finish()
}

/// As [`compute`], without the derivation: listing every day costs more than counting it.
pub fn compute_date(
    anchor: NaiveDate,
    period: Period,
    roll: RollPolicy,
    calendar: &Calendar,
    suspensions: &[Suspension],
) -> Computation {
    Run {
        anchor,
        period,
        roll,
        calendar,
        pauses: Pauses::merge(suspensions),
        steps: None,
        day_steps: 0,
    }
    .finish()
}

impl Computation {
    /// Takes a date that a document names. It is never rolled and never provisional.
    pub fn fixed(date: NaiveDate, calendar: &Calendar) -> Self {
        let day = calendar.day(date);
        let remark = day.as_ref().and_then(Day::remark);
        let mut derivation = vec![Step::new(date, StepKind::Fixed, remark)];
        derivation.extend(rest_day_note(day.as_ref()));
        derivation.push(Step::new(date, StepKind::Due, remark));
        Self {
            due: Some(date),
            unrolled: Some(date),
            provisional: false,
            derivation,
        }
    }
}

/// Why there is no result.
struct Stop(Step);

impl Stop {
    fn outside(date: NaiveDate, note: &str) -> Self {
        Self(Step::new(date, StepKind::OutsideCalendar, Some(note)))
    }

    fn beyond_calendar(date: NaiveDate) -> Self {
        Self::outside(date, "工作日历未覆盖")
    }

    fn beyond_time(date: NaiveDate) -> Self {
        Self::outside(date, "超出日期范围")
    }
}

/// One computation under way.
struct Run<'a> {
    anchor: NaiveDate,
    period: Period,
    roll: RollPolicy,
    calendar: &'a Calendar,
    pauses: Pauses,
    /// Absent where nobody wants to know how it came about.
    steps: Option<Vec<Step>>,
    day_steps: usize,
}

impl Run<'_> {
    fn finish(mut self) -> Computation {
        if self.steps.is_some() {
            let period = self.period.to_string();
            self.push(Step::new(self.anchor, StepKind::Start, Some(&period)));
        }
        let mut unrolled = None;
        let outcome = match self.count() {
            Ok(date) => {
                unrolled = Some(date);
                self.settle(date)
            }
            Err(stop) => Err(stop),
        };
        let due = match outcome {
            Ok(date) => Some(date),
            Err(Stop(step)) => {
                self.push(step);
                None
            }
        };
        Computation {
            due,
            unrolled,
            provisional: due.is_none(),
            derivation: self.steps.unwrap_or_default(),
        }
    }

    /// Counts to the last day of the period.
    fn count(&mut self) -> Result<NaiveDate, Stop> {
        let count = self.period.count();
        let is_backward = self.period.direction().is_backward();
        match self.period.unit() {
            Unit::Days if is_backward => self.count_days(count, Self::previous_day),
            Unit::Days => self.count_days(count, Self::next_running_day),
            Unit::WorkingDays if is_backward => self.count_working_days(count, Self::previous_day),
            Unit::WorkingDays => self.count_working_days(count, Self::next_running_day),
            Unit::Months => self.jump(count),
            Unit::Years => self.jump(count * 12),
        }
    }

    fn count_days(&mut self, count: u32, next: Next<Self>) -> Result<NaiveDate, Stop> {
        let mut date = self.anchor;
        for n in 1..=count {
            date = next(self, date)?;
            self.push_day(date, StepKind::Counted, Some(n), None);
        }
        Ok(date)
    }

    fn count_working_days(&mut self, count: u32, next: Next<Self>) -> Result<NaiveDate, Stop> {
        let calendar = self.calendar;
        let mut date = self.anchor;
        let mut n = 0;
        while n < count {
            date = next(self, date)?;
            let day = calendar
                .day(date)
                .ok_or_else(|| Stop::beyond_calendar(date))?;
            let (kind, number) = match day.kind {
                DayKind::Workday | DayKind::MakeUpWorkday => {
                    n += 1;
                    (StepKind::Counted, Some(n))
                }
                DayKind::Weekend => (StepKind::SkippedWeekend, None),
                DayKind::Holiday => (StepKind::SkippedHoliday, None),
            };
            self.push_day(date, kind, number, day.remark());
        }
        Ok(date)
    }

    /// Jumps whole months to the corresponding day (民法典 art. 202).
    fn jump(&mut self, months: u32) -> Result<NaiveDate, Stop> {
        let anchor = self.anchor;
        let months = Months::new(months);
        let is_backward = self.period.direction().is_backward();
        // chrono takes the last day of the month where the corresponding day is missing.
        let end = if is_backward {
            anchor.checked_sub_months(months)
        } else {
            anchor.checked_add_months(months)
        };
        let end = end.ok_or_else(|| Stop::beyond_time(anchor))?;
        let (kind, note) = if end.day() == anchor.day() {
            (StepKind::Corresponding, "对应日（民法典第202条）")
        } else {
            (StepKind::MonthEnd, "无对应日，取月末日（民法典第202条）")
        };
        self.push(Step::new(end, kind, Some(note)));
        if is_backward {
            return Ok(end);
        }
        self.extend(end)
    }

    /// Adds the suspended days of a month or year period to its end.
    fn extend(&mut self, end: NaiveDate) -> Result<NaiveDate, Stop> {
        let extended = self
            .pauses
            .extend(self.anchor, end)
            .map_err(|pause| self.stop_at(pause))?;
        if extended == end {
            return Ok(end);
        }
        let mut date = self.anchor;
        while date < extended {
            date = self.next_running_day(date)?;
        }
        let added_days = (extended - end).num_days();
        self.push(Step {
            date: extended,
            kind: StepKind::Extended,
            n: u32::try_from(added_days).ok(),
            note: Some("期间中止，顺延中止的日数".to_owned()),
        });
        Ok(extended)
    }

    /// Decides what the counted last day means for the day that binds.
    fn settle(&mut self, unrolled: NaiveDate) -> Result<NaiveDate, Stop> {
        let is_in_working_days = self.period.unit() == Unit::WorkingDays;
        let due = match self.period.direction() {
            Direction::Before | Direction::AtLeastBefore => {
                self.note_backward(unrolled);
                unrolled
            }
            // The last working day is a working day already.
            _ if is_in_working_days || self.roll == RollPolicy::None => unrolled,
            Direction::WithinAfter | Direction::AtLeastAfter => self.roll_forward(unrolled)?,
        };
        // Whether a day the calendar does not know is a rest day decides when to act: until the
        // year is published the date is provisional, even where nothing would roll.
        let Some(day) = self.calendar.day(due) else {
            return Err(Stop::beyond_calendar(due));
        };
        self.push(Step::new(due, StepKind::Due, day.remark()));
        Ok(due)
    }

    /// Rolls the end forward over rest days, as the policy says.
    fn roll_forward(&mut self, unrolled: NaiveDate) -> Result<NaiveDate, Stop> {
        let calendar = self.calendar;
        let mut date = unrolled;
        loop {
            let day = calendar
                .day(date)
                .ok_or_else(|| Stop::beyond_calendar(date))?;
            if !self.roll.rolls_over(&day) {
                return Ok(date);
            }
            if date == unrolled {
                let article = Some(self.roll.article());
                self.push(Step::new(date, StepKind::LastDay, article));
            }
            self.push_day(date, StepKind::RolledOver, None, day.remark());
            date = self.next_running_day(date)?;
        }
    }

    /// Notes what a reader of a backward period must know; nothing is moved.
    fn note_backward(&mut self, due: NaiveDate) {
        if self.pauses.touch(due, self.anchor) {
            let note = Some("倒推期不因中止而移动");
            self.push(Step::new(due, StepKind::NoteSuspension, note));
        }
        let note = rest_day_note(self.calendar.day(due).as_ref());
        if let Some(steps) = &mut self.steps {
            steps.extend(note);
        }
    }

    fn previous_day(&mut self, date: NaiveDate) -> Result<NaiveDate, Stop> {
        date.pred_opt().ok_or_else(|| Stop::beyond_time(date))
    }

    /// Returns the next day that is not suspended, and lists the suspended ones.
    fn next_running_day(&mut self, date: NaiveDate) -> Result<NaiveDate, Stop> {
        let mut date = date;
        loop {
            date = date.succ_opt().ok_or_else(|| Stop::beyond_time(date))?;
            match self.pauses.at(date) {
                None => return Ok(date),
                Some(Pause::Until(until)) if self.is_full() => date = until,
                Some(Pause::Until(_)) => self.push_day(date, StepKind::Suspended, None, None),
                Some(open @ Pause::Open(_)) => return Err(self.stop_at(open)),
            }
        }
    }

    fn stop_at(&self, pause: Pause) -> Stop {
        match pause {
            Pause::Until(date) => Stop::beyond_time(date),
            Pause::Open(from) => Stop(Step::new(from, StepKind::Paused, Some("中止，尚未恢复"))),
        }
    }

    /// Takes no further days: there are as many as a derivation holds, or it is not wanted.
    fn is_full(&self) -> bool {
        self.steps.is_none() || self.day_steps > DERIVATION_DAYS_MAX
    }

    fn push(&mut self, step: Step) {
        if let Some(steps) = &mut self.steps {
            steps.push(step);
        }
    }

    /// Lists a day, up to the bound.
    fn push_day(&mut self, date: NaiveDate, kind: StepKind, n: Option<u32>, note: Option<&str>) {
        if self.is_full() {
            return;
        }
        self.day_steps += 1;
        let kind = if self.is_full() {
            StepKind::Truncated
        } else {
            kind
        };
        let step = Step::new(date, kind, note);
        self.push(Step { n, ..step });
    }
}

/// The way from one day to the next.
type Next<R> = fn(&mut R, NaiveDate) -> Result<NaiveDate, Stop>;

/// Returns the note that a date falls on a rest day and is not moved.
fn rest_day_note(day: Option<&Day<'_>>) -> Option<Step> {
    let day = day.filter(|day| !day.is_working())?;
    let note = Some("休息日，不顺延，请提前办理");
    Some(Step::new(day.date, StepKind::NoteRestDay, note))
}
