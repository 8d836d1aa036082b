//! Firing a timer.

use chrono::{NaiveDateTime, TimeDelta};

use super::{Context, Decision, Draft, fire::Chain};
use crate::{
    definition::{Missed, ScheduleDoc},
    event::Event,
    project::Project,
    rejection::Rejection,
};

/// A slot that is reached this late is a missed one.
const GRACE: TimeDelta = TimeDelta::hours(1);
/// The most missed slots that are made up for.
const CATCH_UP_MAX: usize = 100;

/// What a timer did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fired {
    /// It is of an older generation, or there is no such timer: nothing happens, ever.
    Stale,
    /// Its time has not come; the clock may have stepped back. It stays as it is.
    Early,
    /// A schedule found nothing to do: it waits for its next slot, without a record.
    Idle {
        /// The next slot, if there is one.
        next: Option<NaiveDateTime>,
    },
    /// The project changed.
    Decided(Box<Decision>),
}

/// Fires a timer of a project.
///
/// `at` is the instant the timer stood for; a schedule may have been postponed past the one in
/// the project's state.
///
/// # Errors
/// [`Rejection`] when transitions of a schedule loop; the project is as it was.
pub fn fire_timer(
    context: Context<'_>,
    project: &Project,
    key: &str,
    at: NaiveDateTime,
    generation: u64,
) -> Result<Fired, Rejection> {
    let current = project
        .timers
        .get(key)
        .is_some_and(|t| t.generation == generation);
    if !current {
        return Ok(Fired::Stale);
    }
    if at > context.now {
        return Ok(Fired::Early);
    }
    let mut draft = Draft::new(context, project.clone(), &project.facts);
    if let Some(id) = key.strip_prefix("schedule:") {
        let schedule = context.definition.doc.schedules.iter().find(|s| s.id == id);
        return match schedule {
            Some(schedule) => draft.fire_schedule(schedule, key, at),
            None => Ok(Fired::Stale),
        };
    }
    match key.strip_prefix("due:") {
        Some(obligation) => draft.remind(obligation),
        None => draft.reconcile(),
    }
    // Whatever happened, a timer that fired does not stay.
    if draft
        .project
        .timers
        .get(key)
        .is_some_and(|t| t.generation == generation)
    {
        draft.set_timer(key.to_owned(), None);
    }
    Ok(Fired::Decided(Box::new(draft.finish())))
}

impl Draft<'_> {
    fn remind(&mut self, key: &str) {
        let Some(open) = self.project.obligations.get(key).cloned() else {
            return;
        };
        if let Some(step) = self.reached_step(&open) {
            let definition = self.context.definition;
            let (ladder, responsible) = definition.reminding(&open.id);
            let rung = ladder.and_then(|l| definition.doc.ladders.get(l)?.steps.get(step));
            if let Some(rung) = rung {
                let mut roles: Vec<String> = responsible.into_iter().cloned().collect();
                for role in &rung.to {
                    // `responsible` in a ladder stands for whoever has to do it.
                    if role != "responsible" && !roles.contains(role) {
                        roles.push(role.clone());
                    }
                }
                let escalation = rung.escalation;
                self.emit(Event::ReminderDue {
                    key: key.to_owned(),
                    step,
                    roles,
                    escalation,
                });
            }
        }
        self.arm(key);
    }

    fn fire_schedule(
        mut self,
        schedule: &ScheduleDoc,
        key: &str,
        at: NaiveDateTime,
    ) -> Result<Fired, Rejection> {
        let now = self.context.now;
        let slots = self.due_slots(schedule, at);
        let mut moved = false;
        for slot in slots {
            let id = schedule.id.clone();
            self.emit(Event::ScheduleFired { id, slot });
            let mut chain = Chain::internal();
            moved |= self.dispatch(&schedule.event, None, &mut chain)?;
            moved |= self.run_automatic(&mut chain)?;
        }
        let next = self.context.slots.next(&schedule.cron, now);
        if !moved {
            return Ok(Fired::Idle { next });
        }
        self.set_timer(key.to_owned(), None);
        self.reconcile();
        Ok(Fired::Decided(Box::new(self.finish())))
    }

    /// The slots to carry out now, by the policy for missed ones.
    fn due_slots(&self, schedule: &ScheduleDoc, at: NaiveDateTime) -> Vec<NaiveDateTime> {
        let now = self.context.now;
        let mut slots = vec![at];
        while let Some(next) = slots
            .last()
            .and_then(|s| self.context.slots.next(&schedule.cron, *s))
        {
            if next > now || slots.len() >= CATCH_UP_MAX {
                break;
            }
            slots.push(next);
        }
        match schedule.missed {
            Missed::All => slots,
            Missed::Once => slots.split_off(slots.len() - 1),
            Missed::Skip => slots
                .into_iter()
                .filter(|slot| now - *slot <= GRACE)
                .collect(),
        }
    }
}
