//! Regions, states and the ways between them.

use std::collections::{BTreeMap, BTreeSet};

use super::{Found, Lint, code, names::Kind, place::Spot, shorten};
use crate::definition::doc::*;

pub(super) fn check(lint: Lint<'_>, found: &mut Found) {
    let mut by_region: BTreeMap<&str, Vec<&TransitionDoc>> = BTreeMap::new();
    for transition in &lint.doc.transitions {
        by_region
            .entry(&transition.region)
            .or_default()
            .push(transition);
    }
    for (i, region) in lint.doc.regions.iter().enumerate() {
        let spot = lint.root.key("region").item(i);
        lint.require(
            Kind::State(&region.id),
            &region.initial,
            spot.key("initial"),
            found,
        );
        let ways = Ways::of(by_region.get(region.id.as_str()).into_iter().flatten());
        let reachable = ways.reachable(region);
        for (j, state) in region.states.iter().enumerate() {
            let spot = spot.key("state").item(j);
            one_state(lint, state, spot, found);
            let id = shorten(&state.id);
            if !reachable.contains(state.id.as_str()) {
                let message = format!(
                    "nothing leads to state {id:?} from {:?}",
                    shorten(&region.initial)
                );
                found.add(code::STATE_UNREACHABLE, spot.key("id").offset(), message);
            }
            if !state.is_final && !ways.leads_out(&state.id) {
                let message = format!("state {id:?} is not final, but nothing leads out of it");
                found.add(code::STATE_DEAD_END, spot.key("id").offset(), message);
            }
        }
    }
    let finals = finals(lint.doc);
    for (i, transition) in lint.doc.transitions.iter().enumerate() {
        let spot = lint.root.key("transition").item(i);
        one_transition(lint, transition, spot, found);
        final_sources(transition, &finals, spot, found);
    }
    for (i, schedule) in lint.doc.schedules.iter().enumerate() {
        let spot = lint.root.key("schedule").item(i);
        lint.require(Kind::Event, &schedule.event, spot.key("event"), found);
        for (j, place) in schedule.active_in.iter().enumerate() {
            expect_region_state(lint, place, spot.key("active-in").item(j), found);
        }
    }
    for (i, point) in lint.doc.extension_points.iter().enumerate() {
        let spot = lint.root.key("extension-point").item(i);
        expect_region_state(lint, &point.after, spot.key("after"), found);
    }
}

/// A state written as `region.state`.
pub(super) fn expect_region_state(lint: Lint<'_>, name: &str, spot: Spot<'_>, found: &mut Found) {
    match name.split_once('.') {
        Some((region, state)) if lint.names.has(Kind::Region, region) => {
            lint.require(Kind::State(region), state, spot, found);
        }
        Some((region, _)) => lint.require(Kind::Region, region, spot, found),
        None => {
            let message = format!("{:?} is not of the form region.state", shorten(name));
            found.add(code::STATE_UNKNOWN, spot.offset(), message);
        }
    }
}

fn one_state(lint: Lint<'_>, state: &StateDoc, spot: Spot<'_>, found: &mut Found) {
    lint.require_all(
        Kind::Bound,
        &state.bounded_by,
        spot.key("bounded-by"),
        found,
    );
    if !state.is_final && state.bounded_by.is_empty() && state.open_ended.is_none() {
        let message = format!("the wait in state {:?} has no deadline", shorten(&state.id));
        found.add(code::WAIT_UNBOUNDED, spot.key("id").offset(), message);
    }
}

fn one_transition(lint: Lint<'_>, transition: &TransitionDoc, spot: Spot<'_>, found: &mut Found) {
    if lint.names.has(Kind::Region, &transition.region) {
        let state = Kind::State(&transition.region);
        for (j, from) in transition
            .from
            .iter()
            .enumerate()
            .filter(|(_, from)| *from != ANY)
        {
            lint.require(state, from, spot.key("from").item(j), found);
        }
        if transition.to != STAY {
            lint.require(state, &transition.to, spot.key("to"), found);
        }
    } else {
        lint.require(Kind::Region, &transition.region, spot.key("region"), found);
    }
    lint.require_all(Kind::Role, &transition.roles, spot.key("roles"), found);
    lint.require_all(Kind::Hook, &transition.hooks, spot.key("hooks"), found);
    lint.require_all(Kind::Event, &transition.raises, spot.key("raises"), found);
    let event = transition.event();
    if transition.roles.is_empty()
        && !transition.is_automatic()
        && !lint.names.raised.contains(event)
    {
        let message = format!(
            "nobody can take {:?}: it has no roles, and nothing raises {:?}",
            shorten(&transition.id),
            shorten(event)
        );
        found.add(code::TRANSITION_NO_ROLE, spot.key("id").offset(), message);
    }
}

/// Every final state as (region, state).
fn finals(doc: &DefinitionDoc) -> BTreeSet<(&str, &str)> {
    let mut finals = BTreeSet::new();
    for region in &doc.regions {
        let states = region.states.iter().filter(|s| s.is_final);
        finals.extend(states.map(|s| (region.id.as_str(), s.id.as_str())));
    }
    finals
}

/// Reports final states that the transition leads out of.
fn final_sources(
    transition: &TransitionDoc,
    finals: &BTreeSet<(&str, &str)>,
    spot: Spot<'_>,
    found: &mut Found,
) {
    if transition.to == STAY {
        return;
    }
    for (j, from) in transition.from.iter().enumerate() {
        if *from != transition.to && finals.contains(&(transition.region.as_str(), from.as_str())) {
            let message = format!(
                "state {:?} is final, but {:?} leads out of it",
                shorten(from),
                shorten(&transition.id)
            );
            found.add(
                code::STATE_DEAD_END,
                spot.key("from").item(j).offset(),
                message,
            );
        }
    }
}

/// The ways between the states of one region.
struct Ways<'a> {
    /// State → states that it leads to by name.
    named: BTreeMap<&'a str, Vec<&'a str>>,
    /// What every state that is not final leads to.
    from_any: BTreeSet<&'a str>,
}

impl<'a> Ways<'a> {
    fn of<'t>(transitions: impl Iterator<Item = &'t &'a TransitionDoc>) -> Self
    where
        'a: 't,
    {
        let mut ways = Self {
            named: BTreeMap::new(),
            from_any: BTreeSet::new(),
        };
        for transition in transitions.filter(|t| t.to != STAY) {
            let to = transition.to.as_str();
            for from in &transition.from {
                if from == ANY {
                    ways.from_any.insert(to);
                } else if from != to {
                    ways.named.entry(from).or_default().push(to);
                }
            }
        }
        ways
    }

    fn leads_out(&self, state: &str) -> bool {
        self.named.contains_key(state) || self.from_any.iter().any(|to| *to != state)
    }

    fn reachable(&self, region: &'a RegionDoc) -> BTreeSet<&'a str> {
        let mut reached = BTreeSet::from([region.initial.as_str()]);
        let mut next: Vec<&str> = vec![&region.initial];
        let is_final = |id: &str| region.states.iter().any(|s| s.id == id && s.is_final);
        if !is_final(&region.initial) {
            for state in &region.states {
                if self.from_any.contains(state.id.as_str()) && reached.insert(&state.id) {
                    next.push(&state.id);
                }
            }
        }
        let known: BTreeMap<&str, &'a str> = region
            .states
            .iter()
            .map(|s| (s.id.as_str(), s.id.as_str()))
            .collect();
        while let Some(state) = next.pop() {
            let ways = self.named.get(state).into_iter().flatten();
            for to in ways.filter_map(|to| known.get(to)) {
                if reached.insert(to) {
                    next.push(to);
                }
            }
        }
        reached
    }
}
