//! Bringing open obligations and timers in line with the facts.
//!
//! The law gives obligations; timers follow from them and never the other way round.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, NaiveDate, NaiveDateTime};

use super::{Draft, has_ended, ladder};
use crate::{
    deadline::Suspension,
    definition::Confidence,
    evaluate::{Dated, DeadlineKind},
    event::{Event, MoveCause},
    project::{Obligation, Timer},
};

impl Draft<'_> {
    /// Opens, moves, discharges and drops obligations, and sets their timers.
    pub(super) fn reconcile(&mut self) {
        let version = self.context.calendar.version().to_owned();
        let adopted = self.project.calendar != version;
        if adopted {
            self.emit(Event::CalendarAdopted { version });
        }
        let cause = if adopted {
            MoveCause::Calendar
        } else {
            self.cause
        };
        let ended = has_ended(self.context.definition, &self.project);
        let suspensions = self.due_suspensions();
        let deadlines = self.deadlines_with(&suspensions);
        let mut wanted = BTreeSet::new();
        for deadline in &deadlines {
            if !is_task(deadline) || (ended && !deadline.obligation.survives_end) {
                continue;
            }
            wanted.insert(&*deadline.key);
            match self.done_on(deadline) {
                Some(on) => self.discharge(&deadline.key, on),
                None => {
                    let suspensions = suspensions.get(&deadline.obligation.id);
                    self.keep(deadline, suspensions, cause);
                }
            }
        }
        self.drop_unwanted(&wanted);
        if ended {
            self.end_periods();
        } else {
            self.open_periods();
        }
        self.set_schedules(ended);
    }

    /// Times in which clocks stood still, brought up to the present states.
    fn due_suspensions(&self) -> BTreeMap<String, Vec<Suspension>> {
        let today = self.context.today();
        let mut suspensions = self.project.suspensions();
        for obligation in &self.context.definition.doc.obligations {
            let Some(state) = &obligation.suspended_while else {
                continue;
            };
            let inside = self.is_in(state);
            let times = suspensions.entry(obligation.id.clone()).or_default();
            let open = times.iter().position(|s| s.until.is_none());
            match (inside, open) {
                (true, None) => times.push(Suspension {
                    from: self.brought(&obligation.suspended_from).unwrap_or(today),
                    until: None,
                }),
                (false, Some(i)) => {
                    // The day on which the clock runs again counts.
                    let again = self.brought(&obligation.suspended_until).unwrap_or(today);
                    match again.checked_sub_days(Days::new(1)) {
                        Some(last) if last >= times[i].from => times[i].until = Some(last),
                        _ => {
                            times.remove(i);
                        }
                    }
                }
                _ => {}
            }
        }
        suspensions.retain(|_, times| !times.is_empty());
        suspensions
    }

    /// The latest of these dates that the present command brings, if it is not in the future.
    ///
    /// An older fact may belong to an earlier suspension and says nothing about this one.
    fn brought(&self, keys: &[String]) -> Option<NaiveDate> {
        let set = self.events.iter().filter_map(|event| match event {
            Event::FactsSet { facts } => Some(facts),
            _ => None,
        });
        let dates = set.flat_map(|facts| keys.iter().filter_map(|key| facts.get(key)?.as_date()));
        dates.filter(|date| *date <= self.context.today()).max()
    }

    /// Is the project in `region.state`?
    pub(super) fn is_in(&self, place: &str) -> bool {
        place.split_once('.').is_some_and(|(region, state)| {
            self.project.states.get(region).is_some_and(|s| s == state)
        })
    }

    fn done_on(&self, deadline: &Dated<'_>) -> Option<NaiveDate> {
        if let Some(no) = deadline.obligation.met_by_tranche {
            let payment = self.project.payments.iter().find(|p| p.no == no)?;
            return payment.released;
        }
        deadline.met_on
    }

    fn discharge(&mut self, key: &str, on: NaiveDate) {
        if let Some(open) = self.project.obligations.get(key) {
            let due = open.target();
            let key = key.to_owned();
            self.emit(Event::ObligationMet {
                key: key.clone(),
                on,
                due,
            });
            self.set_timer(timer_key(&key), None);
        }
    }

    fn keep(
        &mut self,
        deadline: &Dated<'_>,
        suspensions: Option<&Vec<Suspension>>,
        cause: MoveCause,
    ) {
        let suspensions = suspensions.cloned().unwrap_or_default();
        let result = &deadline.computation;
        let present = self.project.obligations.get(&*deadline.key);
        let same = |open: &Obligation| {
            (open.due, open.unrolled, open.provisional, open.anchor_date)
                == (
                    result.due,
                    result.unrolled,
                    result.provisional,
                    deadline.anchor_date,
                )
                && open.suspensions == suspensions
        };
        if present.is_some_and(same) {
            return;
        }
        let was_paused = present.map(Obligation::is_paused);
        let obligation = Obligation {
            id: deadline.obligation.id.clone(),
            period: None,
            anchor_date: deadline.anchor_date,
            due: result.due,
            unrolled: result.unrolled,
            provisional: result.provisional,
            step: 0,
            generation: self.next_generation(),
            suspensions,
        };
        match was_paused {
            None => self.open_obligation(deadline.key.to_string(), obligation),
            Some(was) => {
                let cause = match (was, obligation.is_paused()) {
                    (false, true) => MoveCause::Suspended,
                    (true, false) => MoveCause::Resumed,
                    _ => cause,
                };
                self.move_obligation(deadline.key.to_string(), obligation, cause);
            }
        }
    }

    pub(super) fn open_obligation(&mut self, key: String, mut obligation: Obligation) {
        obligation.step = self.initial_step(&obligation);
        let opened = key.clone();
        let roles = self.announced_to(&obligation);
        self.emit(Event::ObligationOpened { key, obligation });
        if !roles.is_empty() {
            let key = opened.clone();
            self.emit(Event::ObligationAnnounced { key, roles });
        }
        self.arm(&opened);
    }

    /// Who is told at once that an obligation is theirs; nobody, unless its ladder says so.
    fn announced_to(&self, obligation: &Obligation) -> Vec<String> {
        let definition = self.context.definition;
        let announces = |name: &String| {
            let ladder = definition.doc.ladders.get(name);
            ladder.is_some_and(|ladder| ladder.announce)
        };
        let (ladder, responsible) = definition.reminding(&obligation.id);
        let responsible = responsible.filter(|_| ladder.is_some_and(announces));
        responsible.into_iter().cloned().collect()
    }

    fn move_obligation(&mut self, key: String, mut obligation: Obligation, cause: MoveCause) {
        obligation.step = self.initial_step(&obligation);
        let moved = key.clone();
        self.emit(Event::ObligationMoved {
            key,
            obligation,
            cause,
        });
        self.arm(&moved);
    }

    fn drop_unwanted(&mut self, wanted: &BTreeSet<&str>) {
        let open = self.project.obligations.iter();
        let unwanted: Vec<String> = open
            .filter(|(key, o)| o.period.is_none() && !wanted.contains(key.as_str()))
            .map(|(key, _)| key.clone())
            .collect();
        for key in unwanted {
            self.emit(Event::ObligationDropped { key: key.clone() });
            self.set_timer(timer_key(&key), None);
        }
    }

    fn set_schedules(&mut self, ended: bool) {
        for schedule in &self.context.definition.doc.schedules {
            let key = format!("schedule:{}", schedule.id);
            let active = !ended && schedule.active_in.iter().any(|place| self.is_in(place));
            match (active, self.project.timers.contains_key(&key)) {
                (true, false) => {
                    let at = self.context.slots.next(&schedule.cron, self.context.now);
                    self.set_timer(key, at);
                }
                (false, true) => self.set_timer(key, None),
                _ => {}
            }
        }
    }

    fn ladder_times(&self, obligation: &Obligation) -> Vec<Option<NaiveDateTime>> {
        let definition = self.context.definition;
        let (ladder, _) = definition.reminding(&obligation.id);
        ladder
            .and_then(|name| definition.doc.ladders.get(name))
            .map(|ladder| ladder::step_times(self.context, ladder, obligation))
            .unwrap_or_default()
    }

    fn initial_step(&self, obligation: &Obligation) -> usize {
        let times = self.ladder_times(obligation);
        ladder::first_step(&times, obligation.target(), self.context.now)
    }

    /// The last step of the ladder that was reached by now and not yet announced.
    pub(super) fn reached_step(&self, obligation: &Obligation) -> Option<usize> {
        ladder::reached(
            &self.ladder_times(obligation),
            obligation.step,
            self.context.now,
        )
    }

    /// Sets the timer for the next reminder of an obligation.
    pub(super) fn arm(&mut self, key: &str) {
        let Some(open) = self.project.obligations.get(key) else {
            return;
        };
        let times = if open.is_paused() {
            Vec::new()
        } else {
            self.ladder_times(open)
        };
        let next = times.into_iter().skip(open.step).flatten().next();
        self.set_timer(timer_key(key), next);
    }

    /// Sets, moves or removes a timer; leaves an equal one alone.
    pub(super) fn set_timer(&mut self, key: String, at: Option<NaiveDateTime>) {
        let present = self.project.timers.get(&key).map(|t| t.at);
        match at {
            Some(at) if present != Some(at) => {
                let generation = self.next_generation();
                let timer = Timer { at, generation };
                self.emit(Event::TimerSet { key, timer });
            }
            None if present.is_some() => self.emit(Event::TimerCleared { key }),
            _ => {}
        }
    }
}

/// The name of the timer of an obligation.
pub(super) fn timer_key(obligation: &str) -> String {
    format!("due:{obligation}")
}

/// Is it somebody's task, with a last day that does not hang on a guess?
fn is_task(deadline: &Dated<'_>) -> bool {
    let obligation = deadline.obligation;
    obligation.responsible.is_some()
        && obligation.confidence != Some(Confidence::Belief)
        && deadline.kind != DeadlineKind::Earliest
        && !deadline.projected
}
