//! The names a file may use: its own and, for an overlay, those of the definition.

use std::collections::{BTreeMap, BTreeSet};

use super::{Code, Found, Layer, Lint, code, place::Spot, shorten};
use crate::{
    definition::{doc::*, overlay::*},
    fact::{FactType, ScalarType, nearest},
    verdict::Hook,
};

/// Events that the engine raises itself: after `plan-payments` with at least one tranche, and
/// after the last `release-payment`.
const ENGINE_EVENTS: [&str; 2] = ["payments-planned", "payments-complete"];

/// The namespace a name belongs to.
#[derive(Clone, Copy)]
pub(super) enum Kind<'n> {
    Fact,
    Role,
    Ladder,
    Obligation,
    /// What may bound a wait: an obligation, a recurring one, or a schedule.
    Bound,
    /// An event that some transition listens to.
    Event,
    Hook,
    Region,
    Transition,
    ExtensionPoint,
    /// A state of the region.
    State(&'n str),
}

impl Kind<'_> {
    pub fn word(self) -> &'static str {
        match self {
            Self::Fact => "fact",
            Self::Role => "role",
            Self::Ladder => "ladder",
            Self::Obligation => "obligation",
            Self::Bound => "obligation or schedule",
            Self::Event => "event",
            Self::Hook => "hook",
            Self::Region => "region",
            Self::Transition => "transition",
            Self::ExtensionPoint => "extension point",
            Self::State(_) => "state",
        }
    }

    pub fn code(self) -> Code {
        match self {
            Self::Fact => code::FACT_UNKNOWN,
            Self::Role => code::ROLE_UNKNOWN,
            Self::Ladder => code::LADDER_UNKNOWN,
            Self::Obligation | Self::Bound => code::OBLIGATION_UNKNOWN,
            Self::Event => code::EVENT_UNKNOWN,
            Self::Hook => code::HOOK_UNKNOWN,
            Self::Region | Self::State(_) => code::STATE_UNKNOWN,
            Self::Transition => code::TRANSITION_UNKNOWN,
            Self::ExtensionPoint => code::EXTENSION_POINT,
        }
    }
}

/// Every name that may be used.
pub(super) struct Names<'a> {
    pub facts: BTreeMap<&'a str, &'a FactDoc>,
    /// Events that somebody raises beside a command.
    pub raised: BTreeSet<&'a str>,
    pub tranches: BTreeSet<u32>,
    roles: BTreeSet<String>,
    ladders: BTreeSet<String>,
    obligations: BTreeSet<String>,
    bounds: BTreeSet<String>,
    events: BTreeSet<String>,
    hooks: BTreeSet<String>,
    fact_keys: BTreeSet<String>,
    regions: BTreeSet<String>,
    transitions: BTreeSet<String>,
    points: BTreeSet<String>,
    states: BTreeMap<&'a str, BTreeSet<String>>,
}

impl<'a> Names<'a> {
    pub fn new(base: &'a DefinitionDoc, more: Option<&'a DefinitionDoc>) -> Self {
        let docs: Vec<&'a DefinitionDoc> = std::iter::once(base).chain(more).collect();
        let each = || docs.iter().copied();
        let transitions = || each().flat_map(|d| &d.transitions);
        let obligations: BTreeSet<String> = each()
            .flat_map(|d| &d.obligations)
            .map(|o| o.id.clone())
            .collect();
        let recurring = each().flat_map(|d| &d.recurring).map(|r| r.id.clone());
        let schedules = each().flat_map(|d| &d.schedules);
        let raised = transitions().flat_map(|t| &t.raises).map(String::as_str);
        // What the definition says stays, so it is taken last.
        let facts = docs.iter().rev().flat_map(|d| &d.facts);
        let facts: BTreeMap<&str, &FactDoc> =
            facts.map(|(key, fact)| (key.as_str(), fact)).collect();
        Self {
            raised: raised
                .chain(schedules.clone().map(|s| s.event.as_str()))
                .chain(ENGINE_EVENTS)
                .collect(),
            tranches: each().flat_map(|d| &d.tranches).map(|t| t.no).collect(),
            roles: each().flat_map(|d| d.roles.keys().cloned()).collect(),
            ladders: each().flat_map(|d| d.ladders.keys().cloned()).collect(),
            bounds: obligations
                .iter()
                .cloned()
                .chain(recurring)
                .chain(schedules.map(|s| s.id.clone()))
                .collect(),
            obligations,
            events: transitions().map(|t| t.event().to_owned()).collect(),
            hooks: Hook::ALL
                .iter()
                .map(|hook| hook.name().to_owned())
                .collect(),
            fact_keys: facts.keys().map(|key| (*key).to_owned()).collect(),
            facts,
            regions: base.regions.iter().map(|r| r.id.clone()).collect(),
            transitions: transitions().map(|t| t.id.clone()).collect(),
            points: base.extension_points.iter().map(|p| p.id.clone()).collect(),
            states: base
                .regions
                .iter()
                .map(|r| {
                    (
                        r.id.as_str(),
                        r.states.iter().map(|s| s.id.clone()).collect(),
                    )
                })
                .collect(),
        }
    }

    /// Adds the states and transitions that an overlay's steps insert.
    pub fn add_steps(&mut self, base: &'a DefinitionDoc, steps: &[StepDoc]) {
        for step in steps {
            self.events.insert(step.id.clone());
            self.transitions.insert(step.id.clone());
            let point = base.extension_points.iter().find(|p| p.id == step.at);
            let region = point.and_then(|p| p.after.split_once('.')).map(|(r, _)| r);
            if let Some(states) = region.and_then(|region| self.states.get_mut(region)) {
                states.insert(step.id.clone());
            }
        }
    }

    pub fn has(&self, kind: Kind<'_>, name: &str) -> bool {
        self.set(kind).is_some_and(|set| set.contains(name))
    }

    pub fn near(&self, kind: Kind<'_>, name: &str) -> Option<String> {
        near(name, self.set(kind)?)
    }

    fn set(&self, kind: Kind<'_>) -> Option<&BTreeSet<String>> {
        match kind {
            Kind::Fact => Some(&self.fact_keys),
            Kind::Role => Some(&self.roles),
            Kind::Ladder => Some(&self.ladders),
            Kind::Obligation => Some(&self.obligations),
            Kind::Bound => Some(&self.bounds),
            Kind::Event => Some(&self.events),
            Kind::Hook => Some(&self.hooks),
            Kind::Region => Some(&self.regions),
            Kind::Transition => Some(&self.transitions),
            Kind::ExtensionPoint => Some(&self.points),
            Kind::State(region) => self.states.get(region),
        }
    }

    /// The values of an enumeration.
    pub fn values(&self, fact: &str) -> Option<&'a Vec<String>> {
        match &self.facts.get(fact)?.kind {
            FactType::Scalar(ScalarType::Enum(values)) => Some(values),
            _ => None,
        }
    }

    /// The fields of a fact that is one record.
    pub fn fields(&self, fact: &str) -> Option<&'a BTreeMap<String, ScalarType>> {
        match &self.facts.get(fact)?.kind {
            FactType::Record(fields) => Some(fields),
            _ => None,
        }
    }
}

/// The most names a wrong one is compared with.
const CANDIDATES_MAX: usize = 500;

fn near(name: &str, known: &BTreeSet<String>) -> Option<String> {
    let length = name.len();
    let alike = known.iter().filter(|k| k.len().abs_diff(length) <= 8);
    nearest(name, alike.take(CANDIDATES_MAX))
}

/// The calendar that every definition goes by; `workflows/calendars/cn.toml`.
const NATIONAL: &str = "cn";

/// Checks the head of the file, and that no name is used twice.
pub(super) fn check(lint: Lint<'_>, layer: Option<Layer<'_>>, found: &mut Found) {
    let doc = lint.doc;
    if doc.schema != 1 {
        let message = format!(
            "schema {} is not known; this version reads schema 1",
            doc.schema
        );
        found.add(
            code::SOURCE_SHAPE,
            lint.root.key("schema").offset(),
            message,
        );
    }
    // An overlay has a name of its own and goes by the definition's calendar.
    if layer.is_none() {
        if doc.id.trim().is_empty() {
            let message = "the definition has no id".to_owned();
            found.add(code::NAME_EMPTY, lint.root.key("id").offset(), message);
        }
        if doc.calendar != NATIONAL {
            let message = format!("there is no calendar {:?}", shorten(&doc.calendar));
            let offset = lint.root.key("calendar").offset();
            found.add(code::CALENDAR_UNKNOWN, offset, message);
        }
        if doc.regions.is_empty() {
            let message = "a definition needs at least one [[region]]".to_owned();
            found.add(code::SOURCE_SHAPE, lint.root.key("id").offset(), message);
        }
        lint.require_all(
            Kind::Role,
            &doc.create_roles,
            lint.root.key("create-roles"),
            found,
        );
        lint.require_all(
            Kind::Role,
            &doc.decide_roles,
            lint.root.key("decide-roles"),
            found,
        );
    }
    if let Some(layer) = layer.filter(|layer| layer.overlay.extends != layer.base.id) {
        let (extends, id) = (shorten(&layer.overlay.extends), shorten(&layer.base.id));
        let message = format!("extends {extends:?}, but the definition is {id:?}");
        found.add(
            code::OVERLAY_BASE,
            lint.root.key("extends").offset(),
            message,
        );
    }
    let mut twice = Twice {
        seen: BTreeSet::new(),
        found,
    };
    for (i, region) in doc.regions.iter().enumerate() {
        let spot = lint.root.key("region").item(i);
        twice.see("region", &region.id, spot);
        let scope = format!("state of {:?}", shorten(&region.id));
        for (j, state) in region.states.iter().enumerate() {
            twice.see(&scope, &state.id, spot.key("state").item(j));
        }
    }
    for (i, transition) in doc.transitions.iter().enumerate() {
        twice.see(
            "transition",
            &transition.id,
            lint.root.key("transition").item(i),
        );
    }
    for (i, point) in doc.extension_points.iter().enumerate() {
        twice.see(
            "extension point",
            &point.id,
            lint.root.key("extension-point").item(i),
        );
    }
    // One namespace for all that `bounded-by` may name.
    let scope = "obligation, recurring obligation or schedule";
    let base = layer.map(|layer| layer.base);
    for id in base.into_iter().flat_map(bound_ids) {
        twice.seen.insert((scope.to_owned(), id.to_owned()));
    }
    for (i, obligation) in doc.obligations.iter().enumerate() {
        twice.see(scope, &obligation.id, lint.root.key("obligation").item(i));
    }
    for (i, recurring) in doc.recurring.iter().enumerate() {
        twice.see(scope, &recurring.id, lint.root.key("recurring").item(i));
    }
    for (i, schedule) in doc.schedules.iter().enumerate() {
        twice.see(scope, &schedule.id, lint.root.key("schedule").item(i));
    }
    for (i, check) in doc.checks.iter().enumerate() {
        twice.see("check", &check.id, lint.root.key("check").item(i));
    }
    // A rule and an open point are told apart by their ids alone.
    let scope = "clause or issue";
    for id in base.into_iter().flat_map(clause_ids) {
        twice.seen.insert((scope.to_owned(), id.to_owned()));
    }
    for (i, clause) in doc.clauses.iter().enumerate() {
        twice.see(scope, &clause.id, lint.root.key("clause").item(i));
    }
    for (i, issue) in doc.issues.iter().enumerate() {
        twice.see(scope, &issue.id, lint.root.key("issue").item(i));
    }
    if let Some(layer) = layer {
        let transitions = layer.base.transitions.iter().map(|t| t.id.as_str());
        let states = layer.base.regions.iter().flat_map(|r| &r.states);
        for id in transitions.chain(states.map(|s| s.id.as_str())) {
            twice.seen.insert(("step".to_owned(), id.to_owned()));
        }
        for (i, step) in layer.overlay.steps.iter().enumerate() {
            twice.see("step", &step.id, lint.root.key("step").item(i));
        }
    }
    if let Some(base) = base {
        redefined(lint, base, found);
    }
}

fn bound_ids(doc: &DefinitionDoc) -> impl Iterator<Item = &str> {
    let obligations = doc.obligations.iter().map(|o| o.id.as_str());
    obligations
        .chain(doc.recurring.iter().map(|r| r.id.as_str()))
        .chain(doc.schedules.iter().map(|s| s.id.as_str()))
}

fn clause_ids(doc: &DefinitionDoc) -> impl Iterator<Item = &str> {
    let clauses = doc.clauses.iter().map(|c| c.id.as_str());
    clauses.chain(doc.issues.iter().map(|i| i.id.as_str()))
}

struct Twice<'f> {
    seen: BTreeSet<(String, String)>,
    found: &'f mut Found,
}

impl Twice<'_> {
    fn see(&mut self, scope: &str, id: &str, item: Spot<'_>) {
        if !self.seen.insert((scope.to_owned(), id.to_owned())) {
            let message = format!("there is a {scope} {:?} already", shorten(id));
            self.found
                .add(code::ID_TWICE, item.key("id").offset(), message);
        }
    }
}

/// What the definition says stays; an overlay that says otherwise would be ignored silently.
fn redefined(lint: Lint<'_>, base: &DefinitionDoc, found: &mut Found) {
    let doc = lint.doc;
    let mut report = |section: &str, names: Vec<&String>| {
        for name in names {
            let offset = lint.root.key(section).name(name).offset();
            let message = format!(
                "the definition says otherwise about {:?} in [{section}]",
                shorten(name)
            );
            found.add(code::ID_TWICE, offset, message);
        }
    };
    report("roles", others(&base.roles, &doc.roles));
    report("facts", others(&base.facts, &doc.facts));
    report("ladder", others(&base.ladders, &doc.ladders));
    report("parameter", others(&base.parameters, &doc.parameters));
}

fn others<'d, V: PartialEq>(
    base: &BTreeMap<String, V>,
    more: &'d BTreeMap<String, V>,
) -> Vec<&'d String> {
    let differs = |(key, value): &(&String, &V)| base.get(*key).is_some_and(|said| said != *value);
    more.iter().filter(differs).map(|(key, _)| key).collect()
}
