//! When the clocks stood still, as facts alone tell it.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};

use crate::{
    deadline::Suspension,
    definition::{Definition, SuspensionDoc},
    fact::{FactValue, Facts},
    guard::{Scope, World},
};

/// Times in which the clocks of obligations stood still (中止), for facts that belong to no project: a project
/// knows from its states.
///
/// The day on which the clock runs again counts.
#[must_use]
pub fn suspensions_told(
    definition: &Definition,
    facts: &Facts,
    today: NaiveDate,
) -> BTreeMap<String, Vec<Suspension>> {
    let states = BTreeMap::new();
    let world = World::new(Scope {
        vocabulary: &definition.vocabulary,
        facts,
        states: &states,
        today,
    });
    let applies = |suspension: &&SuspensionDoc| match &suspension.when {
        None => true,
        Some(source) => definition
            .guard(source)
            .is_some_and(|guard| guard.holds(&world).unwrap_or(false)),
    };
    let told = definition.doc.suspensions.iter().filter(applies);
    let times: Vec<Suspension> = told.filter_map(|s| time(s, facts)).collect();
    if times.is_empty() {
        return BTreeMap::new();
    }
    let obligations = definition.doc.obligations.iter();
    obligations
        .filter(|obligation| obligation.suspended_while.is_some())
        .map(|obligation| (obligation.id.clone(), times.clone()))
        .collect()
}

fn time(suspension: &SuspensionDoc, facts: &Facts) -> Option<Suspension> {
    let date = |key: &String| facts.get(key).and_then(FactValue::as_date);
    let from = date(&suspension.from)?;
    let mut ends = suspension.until.iter().filter_map(date);
    let Some(again) = ends.find(|end| *end >= from) else {
        return Some(Suspension { from, until: None });
    };
    let last = again.checked_sub_days(Days::new(1))?;
    (last >= from).then_some(Suspension {
        from,
        until: Some(last),
    })
}
