//! Timers: those of the history, moved only as far as they may move without a record.

use std::collections::BTreeMap;

use chrono::NaiveDateTime;
use liucheng_model::{
    decide::Slots,
    definition::Definition,
    project::{Project, Timer},
};

use super::{Open, Surroundings};
use crate::{
    audit::problem::{Code, Problem},
    ports::{Instant, TimerRow},
    schedule::CronSlots,
    worker::FAULT_DELAY_MICROS,
};

/// A timer that waits for ever.
const NEVER: Instant = Instant(i64::MAX);

impl Open {
    /// Timer rows have to be those of the folded state.
    ///
    /// One that was due may have moved on without a record: a schedule to its next slot, one that could
    /// not be fired by a few minutes.
    pub(super) fn timers(&mut self, folded: &Project, around: &Surroundings<'_>) {
        let mut expected: BTreeMap<&str, &Timer> = folded
            .timers
            .iter()
            .map(|(key, timer)| (key.as_str(), timer))
            .collect();
        let mut found = Vec::new();
        for row in &self.dossier.timers {
            let key = &row.key;
            let text = match expected.remove(key.as_str()) {
                None => Some("is not one of the history's".to_owned()),
                Some(timer) if timer.generation != row.generation => Some(format!(
                    "has generation {}, by the history {}",
                    row.generation, timer.generation
                )),
                Some(timer) => misplaced(row, timer, around),
            };
            found.extend(text.map(|text| format!("timer {key} {text}")));
        }
        found.extend(expected.keys().map(|key| format!("timer {key} is missing")));
        let found = found
            .into_iter()
            .map(|text| Problem::new(Code::Timers, text));
        self.problems.extend(found);
    }
}

/// What is wrong with a timer's time.
fn misplaced(row: &TimerRow, timer: &Timer, around: &Surroundings<'_>) -> Option<String> {
    let set = Instant::at(timer.at.date(), timer.at.time());
    if row.at == set {
        return None;
    }
    let schedule = row.key.strip_prefix("schedule:");
    if row.at == NEVER && schedule.is_none() {
        return Some("will never fire".to_owned());
    }
    let when = format!(
        "stands at {}, by the history at {}",
        shown(row.at),
        shown(set)
    );
    // Only what was due can have moved, and only later.
    if row.at < set || set > around.now {
        return Some(when);
    }
    if row.at <= around.now.plus_micros(FAULT_DELAY_MICROS) {
        return None;
    }
    let latest = match (schedule, around.definition) {
        (Some(_), None) => NEVER,
        (Some(id), Some(definition)) => next_slot(definition, id, around.now),
        (None, _) => around.now,
    };
    (row.at > latest).then_some(when)
}

/// The first slot of a schedule after an instant; never if there is none.
fn next_slot(definition: &Definition, id: &str, after: Instant) -> Instant {
    let schedule = definition
        .doc
        .schedules
        .iter()
        .find(|schedule| schedule.id == id);
    let after: Option<NaiveDateTime> = after.local().map(|at| at.naive_local());
    schedule
        .zip(after)
        .and_then(|(schedule, after)| CronSlots.next(&schedule.cron, after))
        .map_or(NEVER, |slot| Instant::at(slot.date(), slot.time()))
}

fn shown(at: Instant) -> String {
    match at.rfc3339() {
        text if text.is_empty() => format!("{} µs", at.0),
        text => text,
    }
}
