//! Laying a province's overlay over a definition.

use std::collections::BTreeMap;

use super::{
    DECISION, DefinitionDoc, ExtensionPointDoc, FactDoc, OverlayDoc, STAY, Source, SourceError,
    StateDoc, StepDoc, TrancheDoc, TransitionDoc,
    statute::{self, Strictness},
};
use crate::{
    deadline::Period,
    fact::{FactValue, Row, Scalar},
    verdict::{Hook, Parameter},
};

/// Lays the overlay over the definition.
///
/// # Errors
/// Names that exist already, periods that loosen the definition's, an overlay for another definition.
pub(super) fn merge(
    mut doc: DefinitionDoc,
    over: OverlayDoc,
    source: Source<'_>,
) -> Result<DefinitionDoc, Vec<SourceError>> {
    let mut problems = Vec::new();
    let mut problem = |code, needle: &str, message: String, hint: &str| {
        let quoted = format!("\"{needle}\"");
        let offset = source
            .text
            .find(&quoted)
            .or_else(|| source.text.find(needle));
        problems.push(SourceError {
            place: source.place(offset.unwrap_or(0)),
            code,
            message,
            hint: hint.to_owned(),
        });
    };
    if over.extends != doc.id {
        let message = format!(
            "extends {:?}, but the definition is {:?}",
            over.extends, doc.id
        );
        problem(
            "E-OVERLAY-BASE",
            &over.extends,
            message,
            "lay it over the definition it names",
        );
    }
    for tighten in &over.tighten {
        let Some(target) = doc
            .obligations
            .iter_mut()
            .find(|o| o.id == tighten.obligation)
        else {
            let message = format!("unknown obligation {:?}", tighten.obligation);
            problem(
                "E-OBLIGATION-UNKNOWN",
                &tighten.obligation,
                message,
                "name one of the definition",
            );
            continue;
        };
        if !target.period.is_some_and(|p| is_tighter(tighten.period, p)) {
            let message = format!(
                "{} for {} is looser than {} of {}",
                tighten.period,
                target.id,
                target.period.map(|p| p.to_string()).unwrap_or_default(),
                target.basis.citation(),
            );
            problem(
                "E-LOOSER-THAN-LAW",
                &tighten.obligation,
                message,
                "a province may tighten a statutory limit, never loosen it",
            );
            continue;
        }
        target.period = Some(tighten.period);
        target.rule.clone_from(&tighten.rule);
        target.basis = tighten.basis.clone();
    }
    let known: Vec<String> = doc.obligations.iter().map(|o| o.id.clone()).collect();
    for obligation in over.obligations.iter().filter(|o| known.contains(&o.id)) {
        let message = format!(
            "the definition has an obligation {:?} already",
            obligation.id
        );
        problem(
            "E-ID-TWICE",
            &obligation.id,
            message,
            "choose another id, or use [[tighten]]",
        );
    }
    for step in insert_steps(&mut doc, &over.steps) {
        let message = format!("there is no way through the extension point of {step:?}");
        problem(
            "E-EXTENSION-POINT",
            &step,
            message,
            "the extension points are listed under [[extension-point]]",
        );
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    add(&mut doc, over);
    Ok(doc)
}

/// Adds what stands beside what the definition says.
fn add(doc: &mut DefinitionDoc, mut over: OverlayDoc) {
    let fill = |text: &mut String| {
        if text.is_empty() {
            text.clone_from(&over.source);
        }
    };
    let obligations = over.obligations.iter_mut().map(|o| &mut o.basis.source);
    let recurring = over.recurring.iter_mut().map(|r| &mut r.basis.source);
    let clauses = over.clauses.iter_mut().map(|c| &mut c.source);
    obligations.chain(recurring).chain(clauses).for_each(fill);
    record_facts(doc, &mut over.facts);
    for require in &over.requires {
        let transitions = doc.transitions.iter_mut();
        for transition in transitions.filter(|t| t.id == require.transition) {
            extend_list(&mut transition.requires, &require.facts);
        }
    }
    doc.obligations.extend(over.obligations);
    doc.recurring.extend(over.recurring);
    doc.tranches.extend(over.tranches);
    doc.notices.extend(over.notices);
    doc.issues.extend(over.issues);
    doc.checks.extend(over.checks);
    doc.feasibility.extend(over.feasibility);
    doc.clauses.extend(over.clauses);
    extend(&mut doc.roles, over.roles);
    extend(&mut doc.facts, over.facts);
    extend(&mut doc.ladders, over.ladders);
    extend(&mut doc.parameters, over.parameters);
}

/// The transition that records what nobody else does.
const RECORD: &str = "record-facts";

/// Lets transitions record the overlay's facts, so that people can give them, and forget them.
fn record_facts(doc: &mut DefinitionDoc, facts: &mut BTreeMap<String, FactDoc>) {
    for (key, fact) in facts.iter_mut() {
        if fact.computed || fact.transient || key.starts_with(DECISION) {
            continue;
        }
        if fact.recorded_by.is_empty() {
            fact.recorded_by.push(RECORD.to_owned());
        }
    }
    for transition in &mut doc.transitions {
        let here = facts
            .iter()
            .filter(|(_, fact)| fact.recorded_by.contains(&transition.id));
        let keys: Vec<String> = here.map(|(key, _)| key.clone()).collect();
        extend_list(&mut transition.records, &keys);
        let gone = facts
            .iter()
            .filter(|(_, fact)| fact.cleared_by.contains(&transition.id));
        let keys: Vec<String> = gone.map(|(key, _)| key.clone()).collect();
        extend_list(&mut transition.clears, &keys);
    }
}

fn extend_list(list: &mut Vec<String>, more: &[String]) {
    for name in more {
        if !list.contains(name) {
            list.push(name.clone());
        }
    }
}

/// The transitions through an extension point, by their places, and the one state they lead to.
///
/// `None` where they lead to several states, or where there are none.
pub(super) fn way_through<'d>(
    doc: &'d DefinitionDoc,
    point: &ExtensionPointDoc,
) -> Option<(Vec<usize>, &'d str)> {
    let (region, state) = point.after.split_once('.')?;
    let finals = doc.regions.iter().filter(|r| r.id == region);
    let finals: Vec<&str> = finals
        .flat_map(|r| &r.states)
        .filter(|s| s.is_final)
        .map(|s| s.id.as_str())
        .collect();
    let onward = |t: &TransitionDoc| {
        let listed = point.transitions.is_empty() || point.transitions.contains(&t.id);
        t.region == region && t.from.iter().any(|from| from == state) && listed
    };
    let goes_on =
        |t: &TransitionDoc| t.to != STAY && t.to != state && !finals.contains(&t.to.as_str());
    let ways = doc.transitions.iter().enumerate();
    let ways: Vec<(usize, &TransitionDoc)> = ways
        .filter(|(_, t)| onward(t) && (!point.transitions.is_empty() || goes_on(t)))
        .collect();
    let (_, first) = ways.first()?;
    let one = ways.iter().all(|(_, t)| t.to == first.to && goes_on(t));
    one.then(|| (ways.iter().map(|(at, _)| *at).collect(), first.to.as_str()))
}

/// Puts the steps of each extension point, in their order, between its transitions and their state.
///
/// Returns the steps that found no way.
fn insert_steps(doc: &mut DefinitionDoc, steps: &[StepDoc]) -> Vec<String> {
    let mut lost = Vec::new();
    let points = doc.extension_points.clone();
    // The last one first, so that each leads to the one inserted before.
    for step in steps.iter().rev() {
        let point = points.iter().find(|point| point.id == step.at);
        let way = point.and_then(|point| {
            let (ways, to) = way_through(doc, point)?;
            Some((point, ways, to.to_owned()))
        });
        let Some((point, ways, to)) = way else {
            lost.push(step.id.clone());
            continue;
        };
        for at in ways {
            if let Some(transition) = doc.transitions.get_mut(at) {
                transition.to.clone_from(&step.id);
            }
        }
        let region = point.after.split('.').next().unwrap_or_default().to_owned();
        if let Some(region) = doc.regions.iter_mut().find(|r| r.id == region) {
            let at = region.states.iter().position(|s| s.id == to);
            let state = StateDoc {
                id: step.id.clone(),
                title: step.state.clone(),
                is_final: false,
                bounded_by: step.bounded_by.clone(),
                open_ended: step.open_ended.clone(),
            };
            region
                .states
                .insert(at.unwrap_or(region.states.len()), state);
        }
        let hooks = step.run.then(|| Hook::Step.name().to_owned());
        doc.transitions.push(TransitionDoc {
            id: step.id.clone(),
            on: None,
            region,
            from: vec![step.id.clone()],
            to,
            title: step.title.clone(),
            roles: step.roles.clone(),
            requires: step.requires.clone(),
            records: step.records.clone(),
            guard: step.guard.clone(),
            hooks: hooks.into_iter().collect(),
            clears: Vec::new(),
            set: BTreeMap::new(),
            raises: Vec::new(),
            effect: None,
        });
    }
    lost
}

/// What the definition says stays; an overlay adds.
fn extend<V>(base: &mut BTreeMap<String, V>, more: BTreeMap<String, V>) {
    for (key, value) in more {
        base.entry(key).or_insert(value);
    }
}

/// Is the first period certainly at least as strict as the second?
fn is_tighter(new: Period, old: Period) -> bool {
    matches!(statute::compare(new, old), Strictness::Holds)
}

/// The tranche table as the component reads it.
pub(super) fn tranche_parameter(tranches: &[TrancheDoc]) -> Option<Parameter> {
    let rows: Vec<Row> = tranches
        .iter()
        .map(|t| {
            Row::from([
                ("no".to_owned(), Scalar::Int(i64::from(t.no))),
                (
                    "percent".to_owned(),
                    Scalar::Percent(t.percent.parse().unwrap_or_default()),
                ),
                ("remainder".to_owned(), Scalar::Bool(t.remainder)),
                ("obligation".to_owned(), Scalar::Text(t.obligation.clone())),
                ("rule".to_owned(), Scalar::Text(t.rule.clone())),
            ])
        })
        .collect();
    let rule = tranches.first()?.rule.clone();
    Some(Parameter {
        key: "tranches".to_owned(),
        value: FactValue::Rows(rows),
        rule,
        hooks: vec![Hook::TranchePlan],
    })
}
