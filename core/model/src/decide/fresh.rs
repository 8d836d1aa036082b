//! Findings of components that need not hold any more.
//!
//! A component is asked where a transition says so, and what it finds stays on the project. Once a fact that
//! a finding speaks of has changed, or the project has entered another stage, it is asked again; what it does
//! not find any more goes.

use std::collections::{BTreeMap, BTreeSet};

use super::Decision;
use crate::{
    definition::Definition,
    event::Event,
    finding::{Finding, FindingCode},
    project::{Project, STAGES},
    verdict::{Hook, Verdict},
};

/// Findings that need not hold any more, by what was asked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stale {
    /// To be asked again.
    pub again: Vec<Hook>,
    /// About what is over: asking again would only say that facts are missing.
    pub over: Vec<Hook>,
    /// What was found formerly, beside what stands on the project: what it asked for is not asked anew.
    pub former: BTreeMap<Hook, Vec<Finding>>,
}

impl Stale {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.again.is_empty() && self.over.is_empty()
    }

    /// All findings of a project, as when another component speaks from here on.
    #[must_use]
    pub fn all(project: &Project) -> Self {
        let mut stale = Self::default();
        for hook in present(project) {
            match hook {
                Hook::Step => stale.over.push(hook),
                _ => stale.again.push(hook),
            }
        }
        stale
    }

    /// As well what stood on the project formerly, as when it goes by that component again.
    #[must_use]
    pub fn and_of(mut self, former: &Project) -> Self {
        for hook in present(former).filter(|hook| *hook != Hook::Step) {
            if !self.again.contains(&hook) {
                self.again.push(hook);
            }
            let findings = former.findings.get(&hook).cloned();
            self.former.insert(hook, findings.unwrap_or_default());
        }
        self
    }
}

/// What a component found that somebody sees.
fn present(project: &Project) -> impl Iterator<Item = Hook> {
    let findings = project.findings.iter();
    findings
        .filter(|(_, findings)| !findings.is_empty())
        .map(|(hook, _)| *hook)
}

/// Which findings from before a decision need not hold after it.
///
/// A finding that names facts speaks of those, one that names none of all of them. What a transition clears
/// belongs to the past, such as last year's contract, and so does a finding that names it. A step's findings
/// are over when it is left. Questions that were answered, waived or had no answer are left alone.
#[must_use]
pub fn stale(definition: &Definition, before: &Project, decision: &Decision) -> Stale {
    let mut stale = Stale::default();
    if present(before).next().is_none() {
        return stale;
    }
    let after = &decision.project;
    let mut answered = BTreeSet::new();
    let (mut touched, mut cleared): (BTreeSet<&str>, BTreeSet<&str>) = Default::default();
    let (mut moved, mut entered, mut left) = (false, false, false);
    for event in &decision.events {
        match event {
            Event::FactsSet { facts } => touched.extend(facts.keys().map(String::as_str)),
            Event::FactsCleared { keys } => {
                let keys = keys.iter().map(String::as_str);
                touched.extend(keys.clone());
                // What comes before any transition was taken back by a person.
                if moved {
                    cleared.extend(keys);
                }
            }
            Event::Moved {
                region, from, to, ..
            } => {
                moved = true;
                entered |= region == STAGES && from != to;
                left |= from != to && is_step(definition, from);
            }
            Event::VerdictGiven(verdict) => drop(answered.insert(verdict.hook)),
            Event::VerdictWaived { hook, .. } => drop(answered.insert(*hook)),
            _ => {}
        }
    }
    touched.retain(|key| before.facts.get(*key) != after.facts.get(*key));
    cleared.retain(|key| !after.facts.contains_key(*key));
    let names = |finding: &Finding, keys: &BTreeSet<&str>| {
        finding.facts.iter().any(|key| keys.contains(key.as_str()))
    };
    for (hook, findings) in &before.findings {
        let idle = findings.is_empty() || answered.contains(hook);
        if idle || after.incidents.contains_key(hook) {
            continue;
        }
        if *hook == Hook::Step {
            stale.over.extend((entered || left).then_some(*hook));
        } else if findings.iter().any(|finding| names(finding, &cleared)) {
            stale.over.push(*hook);
        } else if entered
            || findings
                .iter()
                .any(|finding| match finding.facts.is_empty() {
                    true => !touched.is_empty(),
                    false => names(finding, &touched),
                })
        {
            stale.again.push(*hook);
        }
    }
    stale
}

/// Is it the state of a step that a component decides?
fn is_step(definition: &Definition, state: &str) -> bool {
    let mut transitions = definition.doc.transitions.iter();
    transitions.any(|t| t.id == state && t.hooks.iter().any(|hook| hook == Hook::Step.name()))
}

/// A decision with what the component finds now. Only its findings are taken: facts and payments follow where
/// a transition asks. An answer that finds the same as before is not kept.
#[must_use]
pub fn renew(mut decision: Decision, stale: &Stale, verdicts: Vec<Verdict>) -> Decision {
    let dropped = stale
        .over
        .iter()
        .map(|hook| Event::FindingsDropped { hook: *hook });
    let mut events: Vec<Event> = dropped.collect();
    let taken_back = taken_back(&decision.events);
    for verdict in verdicts {
        let known = decision.project.findings.get(&verdict.hook);
        let known = known.map_or(&[][..], Vec::as_slice);
        let former = stale.former.get(&verdict.hook);
        let former = former.map_or(&[][..], Vec::as_slice);
        let found = verdict.answer.findings.iter().enumerate();
        let (taken, left): (Vec<_>, Vec<_>) =
            found.partition(|(_, finding)| !asks_anew(finding, &[known, former], &taken_back));
        if taken.iter().map(|(_, finding)| *finding).eq(known) {
            continue;
        }
        let left_out = left.into_iter().map(|(place, _)| place).collect();
        let verdict = Box::new(verdict);
        events.push(Event::VerdictRenewed { verdict, left_out });
    }
    for event in events {
        decision.project.apply(&event);
        decision.events.push(event);
    }
    decision
}

/// Keys of facts that a person took back, rather than a transition.
fn taken_back(events: &[Event]) -> BTreeSet<&str> {
    let before = events
        .iter()
        .take_while(|event| !matches!(event, Event::Moved { .. }));
    let keys = before.filter_map(|event| match event {
        Event::FactsCleared { keys } => Some(keys),
        _ => None,
    });
    keys.flatten().map(String::as_str).collect()
}

/// Whether a finding asks for facts that nobody has to give now: such as last year's grade, after the renewal
/// that followed from it. What was asked for before stays, with the further questions of its rule, and so
/// does what a person took back.
fn asks_anew(finding: &Finding, known: &[&[Finding]], taken_back: &BTreeSet<&str>) -> bool {
    let asks = |finding: &Finding| finding.code == FindingCode::InputRequired;
    let before = |other: &Finding| asks(other) && other.rule == finding.rule;
    let gone = |key: &String| taken_back.contains(key.as_str());
    asks(finding) && !known.iter().copied().flatten().any(before) && !finding.facts.iter().any(gone)
}
