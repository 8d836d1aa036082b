//! Reminder ladders: when the next reminder of an obligation goes out.

use chrono::{Days, NaiveDate, NaiveDateTime, NaiveTime};

use super::Context;
use crate::{
    deadline::{Direction, Period, RollPolicy, Unit, compute_date},
    definition::{LadderDoc, LadderOffset, parse_ladder_step},
    project::Obligation,
};

/// Reminders go out at half past eight, when offices open.
const REMINDER_TIME: NaiveTime = match NaiveTime::from_hms_opt(8, 30, 0) {
    Some(time) => time,
    None => NaiveTime::MIN,
};

/// When each step of the ladder is reached, in order of the ladder; `None` for steps that
/// cannot be placed.
pub(super) fn step_times(
    context: Context<'_>,
    ladder: &LadderDoc,
    open: &Obligation,
) -> Vec<Option<NaiveDateTime>> {
    let Some(target) = open.target() else {
        return vec![None; ladder.steps.len()];
    };
    // Whether the last day rolls can be disputed: remind before the earlier reading, call it
    // overdue only after the later one.
    let early = open
        .unrolled
        .map_or(target, |unrolled| unrolled.min(target));
    ladder
        .steps
        .iter()
        .map(|step| {
            let date = match parse_ladder_step(&step.at)? {
                LadderOffset::Due => Some(early),
                LadderOffset::DaysBefore(n) => early.checked_sub_days(Days::new(n.into())),
                LadderOffset::DaysAfter(n) => target.checked_add_days(Days::new(n.into())),
                LadderOffset::WorkingDaysBefore(n) => {
                    working_days(context, early, n, Direction::Before)
                }
                LadderOffset::WorkingDaysAfter(n) => {
                    working_days(context, target, n, Direction::WithinAfter)
                }
            };
            date.map(|d| d.and_time(REMINDER_TIME))
        })
        .collect()
}

/// Counts working days; beyond the calendar it counts days, for a reminder is no legal date.
fn working_days(
    context: Context<'_>,
    from: NaiveDate,
    n: u32,
    direction: Direction,
) -> Option<NaiveDate> {
    let period = Period::new(n, Unit::WorkingDays, direction).ok()?;
    let counted = compute_date(from, period, RollPolicy::None, context.calendar, &[]).due;
    counted.or_else(|| {
        let days = Days::new(n.into());
        if direction == Direction::Before {
            from.checked_sub_days(days)
        } else {
            from.checked_add_days(days)
        }
    })
}

/// The step a newly opened or moved obligation begins with.
///
/// Steps that have passed are left out: somebody has just dealt with the matter. An obligation
/// that is overdue from the start begins with the last step that passed, so that it is noticed.
pub(super) fn first_step(
    times: &[Option<NaiveDateTime>],
    target: Option<NaiveDate>,
    now: NaiveDateTime,
) -> usize {
    let passed = times.iter().rposition(|t| t.is_some_and(|t| t <= now));
    match passed {
        Some(step) if target.is_some_and(|t| t < now.date()) => step,
        Some(step) => step + 1,
        None => 0,
    }
}

/// The last step reached by now, from `step` on.
pub(super) fn reached(
    times: &[Option<NaiveDateTime>],
    step: usize,
    now: NaiveDateTime,
) -> Option<usize> {
    let last = times.iter().rposition(|t| t.is_some_and(|t| t <= now))?;
    (last >= step).then_some(last)
}

/// The opening hour of a day.
pub(super) fn opening_hour(date: NaiveDate) -> NaiveDateTime {
    date.and_time(REMINDER_TIME)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passed_steps_are_left_out_unless_overdue() {
        let day = |d| NaiveDate::from_ymd_opt(2021, 9, d).map(opening_hour);
        let times = [day(1), day(8), day(11)];
        let now = day(9).unwrap();
        assert_eq!(
            first_step(&times, NaiveDate::from_ymd_opt(2021, 9, 10), now),
            2
        );
        assert_eq!(
            first_step(&times, NaiveDate::from_ymd_opt(2021, 9, 8), now),
            1
        );
        assert_eq!(reached(&times, 0, now), Some(1));
        assert_eq!(reached(&times, 2, now), None);
    }
}
