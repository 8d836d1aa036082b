//! The vocabulary, and who is named where facts and roles are used.

use std::collections::BTreeMap;

use super::{Found, Lint, code, names::Kind, place::Spot, shorten};
use crate::{
    fact::{FactType, ScalarType},
    guard::FACTS,
};

pub(super) fn check(lint: Lint<'_>, found: &mut Found) {
    vocabulary(lint, found);
    for (i, transition) in lint.doc.transitions.iter().enumerate() {
        let spot = lint.root.key("transition").item(i);
        for (key, facts) in [
            ("requires", &transition.requires),
            ("records", &transition.records),
            ("clears", &transition.clears),
        ] {
            lint.require_all(Kind::Fact, facts, spot.key(key), found);
        }
        for key in transition.set.keys() {
            lint.require(Kind::Fact, key, spot.key("set").name(key), found);
        }
    }
    for (i, obligation) in lint.doc.obligations.iter().enumerate() {
        let spot = lint.root.key("obligation").item(i);
        expect_dates(lint, &obligation.anchor, spot.key("anchor"), found);
        let met_by = (&obligation.met_by[..], spot.key("met-by"));
        expect_dates_for(lint, "a duty cannot be met by", met_by, found);
    }
    for (i, recurring) in lint.doc.recurring.iter().enumerate() {
        let spot = lint.root.key("recurring").item(i);
        expect_dates(lint, &recurring.anchor, spot.key("anchor"), found);
        expect_dates(lint, &recurring.until, spot.key("until"), found);
    }
    for (i, suspension) in lint.doc.suspensions.iter().enumerate() {
        let spot = lint.root.key("suspension").item(i);
        let from = std::slice::from_ref(&suspension.from);
        expect_dates(lint, from, spot.key("from"), found);
        expect_dates(lint, &suspension.until, spot.key("until"), found);
    }
    for (i, notice) in lint.doc.notices.iter().enumerate() {
        let spot = lint.root.key("notice").item(i);
        lint.require_all(Kind::Fact, &notice.facts, spot.key("facts"), found);
    }
    for (i, pair) in lint.doc.feasibility.iter().enumerate() {
        let spot = lint.root.key("feasibility").item(i);
        expect_dates(lint, &pair.anchor, spot.key("anchor"), found);
    }
}

fn vocabulary(lint: Lint<'_>, found: &mut Found) {
    let facts = &lint.doc.facts;
    let root = lint.root.key("facts");
    for (key, fact) in facts {
        let below = format!("{key}.");
        let longer = lint
            .names
            .facts
            .range(below.as_str()..)
            .next()
            .map(|(longer, _)| *longer);
        if let Some(longer) = longer.filter(|longer| longer.starts_with(&below)) {
            let message = format!(
                "{:?} is the beginning of {:?}",
                shorten(key),
                shorten(longer)
            );
            found.add(code::FACT_PREFIX, root.name(key).offset(), message);
        }
        // An overlay's key may hide, or be hidden by, one of the definition.
        let above = key
            .match_indices('.')
            .filter_map(|(at, _)| lint.names.facts.get_key_value(&key[..at]));
        for (shorter, _) in above.filter(|(shorter, _)| !facts.contains_key(**shorter)) {
            let message = format!(
                "{:?} is the beginning of {:?}",
                shorten(shorter),
                shorten(key)
            );
            found.add(code::FACT_PREFIX, root.name(key).offset(), message);
        }
        let root_name = key.split('.').next().unwrap_or_default();
        if [FACTS, "state", "today"].contains(&root_name) {
            let message = format!("{root_name:?} stands for something else in a guard");
            found.add(code::FACT_PREFIX, root.name(key).offset(), message);
        }
        if let Some(from) = &fact.default_from {
            let spot = root.key(key).key("default-from");
            lint.require(Kind::Fact, from, spot, found);
            let other = lint.names.facts.get(from.as_str()).map(|fact| &fact.kind);
            if other.is_some_and(|kind| *kind != fact.kind) {
                let message = format!(
                    "{:?} and {:?} are of different types",
                    shorten(key),
                    shorten(from)
                );
                found.add(code::FACT_TYPE, spot.offset(), message);
            }
        }
    }
    let edges = facts
        .iter()
        .filter_map(|(key, fact)| Some((key.as_str(), vec![fact.default_from.as_deref()?])))
        .collect();
    for cycle in cycles(&edges) {
        let message = format!("default-from runs in a circle: {}", describe(&cycle));
        let spot = cycle
            .first()
            .map_or(root, |first| root.key(first).key("default-from"));
        found.add(code::FACT_CYCLE, spot.offset(), message);
    }
}

fn expect_dates(lint: Lint<'_>, keys: &[String], list: Spot<'_>, found: &mut Found) {
    expect_dates_for(lint, "a period cannot run from", (keys, list), found);
}

fn expect_dates_for(
    lint: Lint<'_>,
    what: &str,
    (keys, list): (&[String], Spot<'_>),
    found: &mut Found,
) {
    lint.require_all(Kind::Fact, keys, list, found);
    for (i, key) in keys.iter().enumerate() {
        let kind = lint.names.facts.get(key.as_str()).map(|fact| &fact.kind);
        let is_date =
            |kind: &&FactType| matches!(kind, FactType::Dates | FactType::Scalar(ScalarType::Date));
        if kind.is_some_and(|kind| !is_date(&kind)) {
            let message = format!("{what} {:?}: it is no date", shorten(key));
            found.add(code::FACT_TYPE, list.item(i).offset(), message);
        }
    }
}

/// The most circles that are reported.
const CIRCLES_MAX: usize = 20;

/// Circles in a graph, each once, beginning with its first name in alphabetical order.
pub(super) fn cycles<'g>(edges: &BTreeMap<&'g str, Vec<&'g str>>) -> Vec<Vec<&'g str>> {
    /// How far the search is with a name.
    #[derive(PartialEq)]
    enum Mark {
        OnPath,
        Done,
    }
    let mut marks: BTreeMap<&str, Mark> = BTreeMap::new();
    let mut circles = Vec::new();
    for start in edges.keys() {
        if marks.contains_key(start) || circles.len() >= CIRCLES_MAX {
            continue;
        }
        // Depth first with a stack of our own: a chain may be as long as the file.
        let mut path: Vec<(&str, usize)> = vec![(start, 0)];
        marks.insert(start, Mark::OnPath);
        while let Some((name, next)) = path.last_mut() {
            let Some(to) = edges.get(*name).and_then(|list| list.get(*next)).copied() else {
                marks.insert(name, Mark::Done);
                path.pop();
                continue;
            };
            *next += 1;
            match marks.get(to) {
                Some(Mark::OnPath) if circles.len() < CIRCLES_MAX => {
                    let from = path
                        .iter()
                        .position(|(name, _)| *name == to)
                        .unwrap_or_default();
                    let mut circle: Vec<&str> =
                        path.iter().skip(from).map(|(name, _)| *name).collect();
                    let first = (0..circle.len())
                        .min_by_key(|i| circle[*i])
                        .unwrap_or_default();
                    circle.rotate_left(first);
                    circles.push(circle);
                }
                Some(_) => {}
                None => {
                    marks.insert(to, Mark::OnPath);
                    path.push((to, 0));
                }
            }
        }
    }
    circles
}

/// A circle for people, shortened when it is long.
pub(super) fn describe(circle: &[&str]) -> String {
    let mut names: Vec<String> = circle.iter().take(8).map(|name| shorten(name)).collect();
    if circle.len() > names.len() {
        names.push("…".to_owned());
    }
    names.extend(circle.first().map(|name| shorten(name)));
    names.join(" → ")
}
