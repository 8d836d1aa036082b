//! A project: the fold of its history.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{NaiveDate, NaiveDateTime};
use serde::{Deserialize, Serialize};

use crate::{
    deadline::Suspension,
    definition::decision_fact,
    event::{AdoptionCause, DecisionScope, Event, Incident, Opening},
    fact::{FactValue, Facts, Scalar},
    finding::Finding,
    money::Fen,
    verdict::{Hook, PackagePin},
};

/// The region whose states are the stages of a project's life.
pub const STAGES: &str = "lifecycle";

/// Which exact document a project goes by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// The document's id.
    pub id: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of its source, lower-case hex.
    pub digest: String,
}

/// Everything known about a project. Equal to the fold of its history, always.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Project {
    /// The readable number, such as `YZ-2021`.
    pub code: String,
    /// The name.
    pub name: String,
    /// The definition, with its overlay.
    pub definition: Pin,
    /// The province's package, where there is one.
    pub package: Option<PackagePin>,
    /// The calendar's id and version.
    pub calendar: String,
    /// Role → mail addresses.
    pub contacts: BTreeMap<String, Vec<String>>,
    /// Region → state.
    pub states: BTreeMap<String, String>,
    /// What is known.
    pub facts: Facts,
    /// What has to be done, by key.
    pub obligations: BTreeMap<String, Obligation>,
    /// Recurring obligation → periods whose report was handed in.
    pub submitted: BTreeMap<String, BTreeSet<String>>,
    /// How this contract's price is paid.
    pub payments: Vec<Payment>,
    /// Timers by name.
    pub timers: BTreeMap<String, Timer>,
    /// What the component said last, by what it was asked.
    pub findings: BTreeMap<Hook, Vec<Finding>>,
    /// Times in which the clocks of obligations stood still that were met since, by obligation: whether one
    /// was met in time is judged with them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub stood_still: BTreeMap<String, Vec<Suspension>>,
    /// Somebody took a change of version back: it goes on to another one only by command.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub holds_version: bool,
    /// For what each open point was decided that is decided.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub decisions: BTreeMap<String, DecisionScope>,
    /// What the component could not answer, by what it was asked.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub incidents: BTreeMap<Hook, Incident>,
    /// Counts timers and obligations, so that an old fire is recognised.
    pub generation: u64,
}

/// An open obligation (义务).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Obligation {
    /// The obligation or recurring obligation of the definition.
    pub id: String,
    /// The reporting period, such as `2021-09`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<String>,
    /// The day the period runs from.
    pub anchor_date: Option<NaiveDate>,
    /// The last day; `None` where the text names none, the calendar ends, or the clock stands still.
    pub due: Option<NaiveDate>,
    /// The last day before rolling; for a report without a date, the last day of its period.
    pub unrolled: Option<NaiveDate>,
    /// The date may still change.
    pub provisional: bool,
    /// The next step of the reminder ladder.
    pub step: usize,
    /// Distinguishes this occasion from earlier ones of the same key.
    pub generation: u64,
    /// Times in which the clock stood still.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suspensions: Vec<Suspension>,
}

impl Obligation {
    /// Is its clock standing still?
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.suspensions.iter().any(|s| s.until.is_none())
    }

    /// The day reminders are counted from: the due date, else the unrolled one.
    #[must_use]
    pub fn target(&self) -> Option<NaiveDate> {
        self.due.or(self.unrolled)
    }
}

/// One tranche (拨付).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// 1-based number.
    pub no: u32,
    /// The share, a decimal string.
    pub percent: String,
    /// The amount.
    pub amount: Option<Fen>,
    /// The obligation that says when it is due.
    pub obligation: String,
    /// The rule sheet's id.
    pub rule: String,
    /// The day it was released.
    pub released: Option<NaiveDate>,
}

/// A timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timer {
    /// When it fires, on the clocks of China.
    pub at: NaiveDateTime,
    /// A fire of another generation is a no-op.
    pub generation: u64,
}

impl Project {
    /// The project as its first event describes it.
    #[must_use]
    pub fn opened(opening: &Opening) -> Self {
        Self {
            code: opening.code.clone(),
            name: opening.name.clone(),
            definition: opening.definition.clone(),
            package: opening.package.clone(),
            calendar: opening.calendar.clone(),
            contacts: opening.contacts.clone(),
            states: opening.states.clone(),
            facts: Facts::new(),
            obligations: BTreeMap::new(),
            submitted: BTreeMap::new(),
            payments: Vec::new(),
            timers: BTreeMap::new(),
            findings: BTreeMap::new(),
            stood_still: BTreeMap::new(),
            holds_version: false,
            decisions: BTreeMap::new(),
            incidents: BTreeMap::new(),
            generation: 0,
        }
    }

    /// The project after its whole history; `None` for an empty one or one that does not begin
    /// with its opening.
    pub fn fold<'a>(events: impl IntoIterator<Item = &'a Event>) -> Option<Self> {
        let mut events = events.into_iter();
        let Event::Opened(opening) = events.next()? else {
            return None;
        };
        let mut project = Self::opened(opening);
        events.for_each(|event| project.apply(event));
        Some(project)
    }

    /// Changes the state as the event says. Total: an event that does not fit changes nothing.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Opened(opening) => *self = Self::opened(opening),
            Event::FactsSet { facts } => self.facts.extend(facts.clone()),
            Event::FactsCleared { keys } => self.facts.retain(|key, _| !keys.contains(key)),
            Event::Moved { region, to, .. } => {
                self.states.insert(region.clone(), to.clone());
            }
            Event::VerdictGiven(verdict) => {
                let findings = verdict.answer.findings.clone();
                self.findings.insert(verdict.hook, findings);
            }
            Event::VerdictRenewed { verdict, left_out } => {
                let findings = verdict.answer.findings.iter().enumerate();
                let taken = findings.filter(|(place, _)| !left_out.contains(place));
                let taken = taken.map(|(_, finding)| finding.clone()).collect();
                self.findings.insert(verdict.hook, taken);
            }
            Event::PaymentsPlanned { payments } => self.payments.clone_from(payments),
            Event::PaymentReleased { no, on, .. } => {
                for payment in self.payments.iter_mut().filter(|p| p.no == *no) {
                    payment.released = Some(*on);
                }
            }
            Event::ObligationOpened { key, obligation }
            | Event::ObligationMoved {
                key, obligation, ..
            } => {
                self.generation = self.generation.max(obligation.generation);
                // What it was the last time says nothing about this one.
                self.stood_still.remove(&obligation.id);
                self.obligations.insert(key.clone(), obligation.clone());
            }
            Event::ObligationMet { key, .. } => {
                let met = self.obligations.remove(key);
                if let Some(met) = met.filter(|met| !met.suspensions.is_empty()) {
                    self.stood_still.insert(met.id, met.suspensions);
                }
            }
            Event::ObligationDropped { key, .. } => {
                self.obligations.remove(key);
            }
            Event::ReminderDue { key, step, .. } => {
                if let Some(open) = self.obligations.get_mut(key) {
                    open.step = step + 1;
                }
            }
            Event::ReportSubmitted { id, period } => {
                let periods = self.submitted.entry(id.clone()).or_default();
                periods.insert(period.clone());
            }
            Event::IssueDecided {
                issue,
                option,
                scope,
                ..
            } => {
                let key = decision_fact(issue);
                match option {
                    Some(option) => {
                        let value = FactValue::One(Scalar::Text(option.clone()));
                        self.facts.insert(key, value);
                        self.decisions.insert(issue.clone(), *scope);
                    }
                    None => {
                        self.facts.remove(&key);
                        self.decisions.remove(issue);
                    }
                }
            }
            Event::PackageAdopted(adoption) => {
                self.definition.clone_from(&adoption.definition);
                self.package.clone_from(&adoption.package);
                self.states.extend(adoption.states.clone());
                self.holds_version = adoption.cause == AdoptionCause::Rollback;
            }
            Event::IncidentOpened(incident) => {
                self.incidents.insert(incident.hook, *incident.clone());
            }
            Event::IncidentClosed { hook } | Event::VerdictWaived { hook, .. } => {
                self.incidents.remove(hook);
            }
            Event::FindingsDropped { hook } => drop(self.findings.remove(hook)),
            Event::CalendarAdopted { version } => self.calendar.clone_from(version),
            Event::TimerSet { key, timer } => {
                self.generation = self.generation.max(timer.generation);
                self.timers.insert(key.clone(), *timer);
            }
            Event::TimerCleared { key } => {
                self.timers.remove(key);
            }
            Event::ScheduleFired { .. } | Event::ObligationAnnounced { .. } => {}
        }
    }

    /// As [`suspensions`](Self::suspensions), with those of obligations that were met.
    #[must_use]
    pub fn all_suspensions(&self) -> BTreeMap<String, Vec<Suspension>> {
        let mut all = self.stood_still.clone();
        all.extend(self.suspensions());
        all
    }

    /// Open obligation → times in which its clock stood still.
    #[must_use]
    pub fn suspensions(&self) -> BTreeMap<String, Vec<Suspension>> {
        let open = self.obligations.values();
        open.filter(|o| !o.suspensions.is_empty())
            .map(|o| (o.id.clone(), o.suspensions.clone()))
            .collect()
    }

    /// The states of all regions, such as `lifecycle.service payments.planned`.
    #[must_use]
    pub fn stage(&self) -> String {
        let states = self.states.iter();
        let places: Vec<String> = states
            .map(|(region, state)| format!("{region}.{state}"))
            .collect();
        places.join(" ")
    }

    /// The earliest due date of all open obligations.
    #[must_use]
    pub fn next_due(&self) -> Option<NaiveDate> {
        self.obligations
            .values()
            .filter_map(Obligation::target)
            .min()
    }
}
