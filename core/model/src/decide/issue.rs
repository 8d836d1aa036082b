//! Deciding what a text leaves open.

use std::collections::BTreeSet;

use super::{Context, Decision, Draft, Needs, fire::Chain};
use crate::{
    definition::{Definition, IssueDoc, decision_fact},
    event::{DecisionScope, Event},
    fact::{Facts, Scalar, nearest},
    project::Project,
    rejection::Rejection,
    verdict::{Hook, Verdict},
};

/// A decision on an open point (待明确事项).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choose {
    /// The open point, such as `YZ-A2`.
    pub issue: String,
    /// The option; `None` takes an earlier decision back.
    pub option: Option<String>,
    /// Why, in the words of whoever decides.
    pub reason: String,
    /// Whether it was decided for this project or for the jurisdiction.
    pub scope: DecisionScope,
}

/// The longest reason, in characters.
pub const REASON_MAX_CHARS: usize = 1_000;

/// What the component has to be asked again because of a decision: what it was asked before, with the facts
/// as they would stand.
#[must_use]
pub fn asked_again(context: Context<'_>, project: &Project, choose: &Choose) -> Needs {
    let hooks = project.findings.keys().copied();
    let hooks: Vec<Hook> = hooks.filter(|hook| *hook != Hook::Step).collect();
    let mut facts = Facts::new();
    if !hooks.is_empty() {
        let mut then = project.facts.clone();
        let key = decision_fact(&choose.issue);
        match &choose.option {
            Some(option) => drop(then.insert(key, Scalar::Text(option.clone()).into())),
            None => drop(then.remove(&key)),
        }
        facts = context.definition.with_defaults(&then).0.into_owned();
    }
    Needs {
        hooks,
        facts,
        arguments: Facts::new(),
    }
}

/// Decides an open point of a project; the dates that follow from it move with it, and so does what the
/// component says to it. A rule that it finds broken then is shown and refuses nothing: what was decided is so.
///
/// # Errors
/// [`Rejection`] for an unknown point or option, a missing reason, or a missing role.
pub fn choose(
    context: Context<'_>,
    project: &Project,
    choose: &Choose,
    roles: &BTreeSet<String>,
    verdicts: Vec<Verdict>,
) -> Result<Decision, Rejection> {
    check_choice(context.definition, choose, roles)?;
    if choose.option.is_none() && !project.facts.contains_key(&decision_fact(&choose.issue)) {
        return Err(Rejection::NotDecided(choose.issue.clone()));
    }
    let mut draft = Draft::new(context, project.clone(), &project.facts);
    draft.choose(choose)?;
    for verdict in verdicts {
        draft.take_in(verdict)?;
    }
    let mut chain = Chain::internal();
    draft.run_automatic(&mut chain)?;
    draft.reconcile();
    Ok(draft.finish())
}

/// Whether somebody may decide this.
///
/// # Errors
/// As [`choose`].
pub fn check_choice(
    definition: &Definition,
    choose: &Choose,
    roles: &BTreeSet<String>,
) -> Result<(), Rejection> {
    let may = &definition.doc.decide_roles;
    if !may.is_empty() && !roles.contains("*") && !may.iter().any(|role| roles.contains(role)) {
        return Err(Rejection::Role {
            event: "decide".to_owned(),
            needs: may.clone(),
        });
    }
    check(definition, choose).map(drop)
}

fn check<'d>(definition: &'d Definition, choose: &Choose) -> Result<&'d IssueDoc, Rejection> {
    let issue = known(definition, &choose.issue)?;
    if let Some(option) = choose.option.as_ref().filter(|o| issue.option(o).is_none()) {
        return Err(Rejection::IssueOption {
            issue: issue.id.clone(),
            option: option.clone(),
            options: issue.options.iter().map(|o| o.id.clone()).collect(),
        });
    }
    check_reason(&choose.reason)?;
    Ok(issue)
}

impl Draft<'_> {
    /// Takes a decision into the history.
    pub(super) fn choose(&mut self, choose: &Choose) -> Result<(), Rejection> {
        let issue = check(self.context.definition, choose)?;
        self.emit(Event::IssueDecided {
            issue: issue.id.clone(),
            option: choose.option.clone(),
            reason: choose.reason.clone(),
            scope: choose.scope,
        });
        Ok(())
    }
}

/// Checks why somebody does something: whoever reads the history years later has to understand it.
///
/// # Errors
/// `E-REASON`.
pub fn check_reason(text: &str) -> Result<(), Rejection> {
    let reason = if text.trim().is_empty() {
        "is empty"
    } else if text.chars().count() > REASON_MAX_CHARS {
        "is longer than 1000 characters"
    } else if text.chars().any(|c| c.is_control() && c != '\n') {
        "has control characters"
    } else {
        return Ok(());
    };
    Err(Rejection::Reason { reason })
}

fn known<'d>(definition: &'d Definition, id: &str) -> Result<&'d IssueDoc, Rejection> {
    definition.issue(id).ok_or_else(|| {
        let ids = definition.doc.issues.iter().map(|issue| &issue.id);
        Rejection::IssueUnknown {
            issue: id.to_owned(),
            near: nearest(id, ids),
            known: definition.doc.issues.iter().map(|i| i.id.clone()).collect(),
        }
    })
}
