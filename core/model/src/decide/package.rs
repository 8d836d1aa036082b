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
    // What the version before could not answer says nothing about this one.
    let open: Vec<Hook> = project.incidents.keys().copied().collect();
    for hook in open {
        draft.emit(Event::IncidentClosed { hook });
    }
    draft.carry_over(adopt)?;
    draft.reconcile();
    Ok(Some(draft.finish()))
}

/// Notes that a component could not answer, in the place of what it failed of before; `None` when exactly that
/// is known already.
#[must_use]
pub fn open_incident(
    context: Context<'_>,
    project: &Project,
    incident: &Incident,
) -> Option<Decision> {
    if is_noted(project, incident) {
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

    /// Goes on where the component was asked and again gave no answer, and a person says why. Where it answered,
    /// its answer counts, and what it could not answer before is over with that.
    ///
    /// # Errors
    /// [`Rejection`] when it failed to answer nothing, neither now nor before.
    pub(super) fn waive(
        &mut self,
        hooks: &[Hook],
        unanswered: &[Incident],
        reason: &str,
    ) -> Result<(), Rejection> {
        let failed = |hook| self.project.incidents.contains_key(hook);
        if unanswered.is_empty() && !hooks.iter().any(failed) {
            let open = self.project.incidents.keys();
            return Err(Rejection::NoIncident {
                open: open.map(|hook| hook.name().to_owned()).collect(),
            });
        }
        for incident in unanswered {
            if !is_noted(&self.project, incident) {
                self.emit(Event::IncidentOpened(Box::new(incident.clone())));
            }
            self.emit(Event::VerdictWaived {
                hook: incident.hook,
                reason: reason.to_owned(),
            });
        }
        Ok(())
    }
}

/// Whether exactly this is noted already, on whatever day.
fn is_noted(project: &Project, incident: &Incident) -> bool {
    let noted = project.incidents.get(&incident.hook);
    noted.is_some_and(|noted| {
        (&noted.code, &noted.reason, &noted.package)
            == (&incident.code, &incident.reason, &incident.package)
    })
}

fn fits(parsed: Option<FactValue>, value: &FactValue) -> bool {
    parsed.as_ref() == Some(value)
}
