//! Going by another version of a package, and what happens when a component cannot answer.

use super::{Context, Decision, Draft, initial_states, issue::check_reason};
use crate::{
    event::{AdoptionCause, Event, Incident, MoveCause, PackageAdoption},
    fact::{FactValue, Facts},
    project::{Pin, Project},
    rejection::Rejection,
    verdict::{Hook, PackagePin},
};

/// Another version of the package that a project goes by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adopt {
    /// The definition with the package's overlay; that of the context.
    pub definition: Pin,
    /// The package.
    pub package: Option<PackagePin>,
    /// Facts that the package's component sets on the way.
    pub set: Facts,
    /// Facts that it drops.
    pub drop: Vec<String>,
    /// What made the project change.
    pub cause: AdoptionCause,
    /// Why, in the words of whoever decided it.
    pub reason: String,
}

/// Takes over another version of a package: every date that changes with it has that cause in the history.
///
/// The context is that of the new version. `None` when the project goes by it already.
///
/// # Errors
/// [`Rejection`] when the project stands in a state that the new version does not have, or when a fact
/// that is carried over does not fit it.
pub fn adopt_package(
    context: Context<'_>,
    project: &Project,
    adopt: &Adopt,
) -> Result<Option<Decision>, Rejection> {
    if project.definition == adopt.definition && project.package == adopt.package {
        return Ok(None);
    }
    check_reason(&adopt.reason)?;
    let definition = context.definition;
    for (region, state) in &project.states {
        let known = definition.region(region).map(|r| &r.states);
        if !known.is_some_and(|states| states.iter().any(|s| &s.id == state)) {
            return Err(Rejection::StateGone {
                state: format!("{region}.{state}"),
                version: adopt.definition.version.clone(),
            });
        }
    }
    let mut states = initial_states(definition);
    states.retain(|region, _| !project.states.contains_key(region));
    let mut draft = Draft::new(context, project.clone(), &project.facts);
    draft.cause = MoveCause::Package;
    draft.emit(Event::PackageAdopted(Box::new(PackageAdoption {
        definition: adopt.definition.clone(),
        package: adopt.package.clone(),
        states,
        cause: adopt.cause,
        reason: adopt.reason.clone(),
    })));
    draft.carry_over(adopt)?;
    draft.reconcile();
    Ok(Some(draft.finish()))
}

/// Notes that a component could not answer; `None` when that is known already.
#[must_use]
pub fn open_incident(
    context: Context<'_>,
    project: &Project,
    incident: &Incident,
) -> Option<Decision> {
    if project.incidents.contains_key(&incident.hook) {
        return None;
    }
    let mut draft = Draft::new(context, project.clone(), &project.facts);
    draft.emit(Event::IncidentOpened(Box::new(incident.clone())));
    Some(draft.finish())
}

impl Draft<'_> {
    fn carry_over(&mut self, adopt: &Adopt) -> Result<(), Rejection> {
        let definition = self.context.definition;
        for (key, value) in &adopt.set {
            definition.parse_fact(key, &value.to_json())?;
        }
        // What the new version has no word for would be a fact that nothing reads; the history keeps it.
        let unknown = self.project.facts.iter().filter(|(key, value)| {
            !adopt.set.contains_key(*key)
                && !fits(definition.parse_fact(key, &value.to_json()).ok(), value)
        });
        let mut gone: Vec<String> = unknown.map(|(key, _)| key.clone()).collect();
        let dropped = adopt
            .drop
            .iter()
            .filter(|key| self.project.facts.contains_key(*key));
        gone.extend(dropped.cloned());
        gone.sort();
        gone.dedup();
        if !gone.is_empty() {
            self.emit(Event::FactsCleared { keys: gone });
        }
        if !adopt.set.is_empty() {
            let facts = adopt.set.clone();
            self.emit(Event::FactsSet { facts });
        }
        Ok(())
    }

    /// Takes into the history what could not be answered, so that it can be waived there.
    pub(super) fn note_unanswered(&mut self, incidents: &[Incident]) {
        for incident in incidents {
            if !self.project.incidents.contains_key(&incident.hook) {
                self.emit(Event::IncidentOpened(Box::new(incident.clone())));
            }
        }
    }

    /// Closes the incidents of what was answered, and those that only say that the package rested.
    pub(super) fn close_incidents(&mut self, hooks: &[Hook]) {
        if hooks.is_empty() {
            return;
        }
        let over = |(hook, incident): &(&Hook, &Incident)| {
            hooks.contains(hook) || incident.code == Incident::RESTING
        };
        let open = self.project.incidents.iter().filter(over);
        let open: Vec<Hook> = open.map(|(hook, _)| *hook).collect();
        for hook in open {
            self.emit(Event::IncidentClosed { hook });
        }
    }

    /// Goes on without the component's answer, where incidents are known and a person says why.
    ///
    /// # Errors
    /// [`Rejection`] when there is no incident to go on from, or no reason.
    pub(super) fn waive(&mut self, hooks: &[Hook], reason: &str) -> Result<(), Rejection> {
        check_reason(reason)?;
        let waived = waived(&self.project, hooks);
        if waived.is_empty() {
            let open = self.project.incidents.keys();
            return Err(Rejection::NoIncident {
                open: open.map(|hook| hook.name().to_owned()).collect(),
            });
        }
        for hook in &waived {
            let reason = reason.to_owned();
            self.emit(Event::VerdictWaived {
                hook: *hook,
                reason,
            });
        }
        Ok(())
    }
}

/// Of what a component would be asked, that which it could not answer before.
#[must_use]
pub fn waived(project: &Project, hooks: &[Hook]) -> Vec<Hook> {
    let known = |hook: &&Hook| project.incidents.contains_key(hook);
    hooks.iter().filter(known).copied().collect()
}

fn fits(parsed: Option<FactValue>, value: &FactValue) -> bool {
    parsed.as_ref() == Some(value)
}
