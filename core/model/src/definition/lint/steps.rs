//! What an overlay does to transitions: steps at extension points, conditions, further demands.

use super::{Found, Layer, Lint, code, names::Kind, place::Spot, shorten};
use crate::definition::{DefinitionDoc, ExtensionPointDoc, StepDoc, merge::way_through};

pub(super) fn check(lint: Lint<'_>, layer: Option<Layer<'_>>, found: &mut Found) {
    for (i, point) in lint.doc.extension_points.iter().enumerate() {
        let spot = lint.root.key("extension-point").item(i);
        lint.require_all(
            Kind::Transition,
            &point.transitions,
            spot.key("transitions"),
            found,
        );
        // Without a list the way is looked for, and found wanting only where a step needs it.
        if !point.transitions.is_empty() {
            one_way(lint.doc, point, spot.key("transitions"), found);
        }
    }
    for (i, check) in lint.doc.checks.iter().enumerate() {
        let spot = lint.root.key("check").item(i);
        lint.require_all(Kind::Transition, &check.on, spot.key("on"), found);
        if check.on.is_empty() {
            let message = "the check refuses nothing: `on` is empty".to_owned();
            found.add(code::TRANSITION_UNKNOWN, spot.key("on").offset(), message);
        }
    }
    for (key, fact) in &lint.doc.facts {
        let spot = lint.root.key("facts").key(key).key("recorded-by");
        lint.require_all(Kind::Transition, &fact.recorded_by, spot, found);
        let spot = lint.root.key("facts").key(key).key("cleared-by");
        lint.require_all(Kind::Transition, &fact.cleared_by, spot, found);
    }
    let Some(layer) = layer else { return };
    for (i, require) in layer.overlay.requires.iter().enumerate() {
        let spot = lint.root.key("require").item(i);
        lint.require(
            Kind::Transition,
            &require.transition,
            spot.key("transition"),
            found,
        );
        lint.require_all(Kind::Fact, &require.facts, spot.key("facts"), found);
        if require.facts.is_empty() {
            let message = "it requires nothing: `facts` is empty".to_owned();
            found.add(code::FACT_UNKNOWN, spot.key("facts").offset(), message);
        }
    }
    for (i, step) in layer.overlay.steps.iter().enumerate() {
        one_step(lint, layer, step, lint.root.key("step").item(i), found);
    }
}

fn one_way(doc: &DefinitionDoc, point: &ExtensionPointDoc, spot: Spot<'_>, found: &mut Found) {
    if way_through(doc, point).is_none() {
        let message = format!(
            "the ways through {:?} do not lead from {:?} to one other state",
            shorten(&point.id),
            shorten(&point.after)
        );
        found.add(code::EXTENSION_POINT, spot.offset(), message);
    }
}

fn one_step(lint: Lint<'_>, layer: Layer<'_>, step: &StepDoc, spot: Spot<'_>, found: &mut Found) {
    lint.require(Kind::ExtensionPoint, &step.at, spot.key("at"), found);
    let mut points = layer.base.extension_points.iter();
    if let Some(point) = points.find(|point| point.id == step.at) {
        one_way(layer.base, point, spot.key("at"), found);
    }
    lint.require_all(Kind::Role, &step.roles, spot.key("roles"), found);
    lint.require_all(Kind::Fact, &step.requires, spot.key("requires"), found);
    lint.require_all(Kind::Fact, &step.records, spot.key("records"), found);
    lint.require_all(Kind::Bound, &step.bounded_by, spot.key("bounded-by"), found);
    if step.bounded_by.is_empty() && step.open_ended.is_none() {
        let message = format!("the wait in step {:?} has no deadline", shorten(&step.id));
        found.add(code::WAIT_UNBOUNDED, spot.key("id").offset(), message);
    }
    if step.roles.is_empty() {
        let message = format!("nobody can take {:?}: it has no roles", shorten(&step.id));
        found.add(code::TRANSITION_NO_ROLE, spot.key("id").offset(), message);
    }
}
