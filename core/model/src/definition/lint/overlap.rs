//! Transitions that could both happen.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Found, Lint, code,
    exclusive::{Case, cases},
    shorten,
};
use crate::{definition::doc::*, guard::Guard};

/// The most comparisons of one run, a few seconds' work; a definition needs some hundreds.
const COMPARISONS_MAX: usize = 200_000;

/// One transition of a group that listens to the same event in the same region.
struct Way<'a> {
    /// Its place in the file.
    index: usize,
    doc: &'a TransitionDoc,
    states: BTreeSet<&'a str>,
    /// When its guard holds; one empty case without a guard.
    cases: Vec<Case>,
}

/// Reports pairs that leave a common state on the same event and are not visibly exclusive.
pub(super) fn check(lint: Lint<'_>, found: &mut Found, guards: &BTreeMap<String, Guard>) {
    let mut open_states: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for region in &lint.doc.regions {
        let open = region
            .states
            .iter()
            .filter(|s| !s.is_final)
            .map(|s| s.id.as_str());
        open_states.entry(&region.id).or_default().extend(open);
    }
    let mut groups: BTreeMap<(&str, &str), Vec<(usize, &TransitionDoc)>> = BTreeMap::new();
    for (index, doc) in lint.doc.transitions.iter().enumerate() {
        groups
            .entry((&doc.region, doc.event()))
            .or_default()
            .push((index, doc));
    }
    let mut left = COMPARISONS_MAX;
    for ((region, _), group) in groups.into_iter().filter(|(_, group)| group.len() > 1) {
        let open = open_states
            .get(region)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let mut earlier: Vec<Way<'_>> = Vec::new();
        for (index, doc) in group {
            let way = Way::new((index, doc), open, guards);
            let Some(way) = way else { continue };
            if left == 0 {
                let message = "there are more transitions than can be compared".to_owned();
                let spot = lint.root.key("transition").item(index).key("id");
                found.add(code::TRANSITIONS_OVERLAP, spot.offset(), message);
                return;
            }
            if let Some((other, state)) = earlier
                .iter()
                .find_map(|other| way.overlap(other, &mut left))
            {
                report(lint, (&way, other), state, found);
            }
            left = left.saturating_sub(way.states.len());
            earlier.push(way);
        }
    }
}

fn report(lint: Lint<'_>, (way, other): (&Way<'_>, &Way<'_>), state: &str, found: &mut Found) {
    let message = format!(
        "{:?} and {:?} can both leave {:?} on {:?}",
        shorten(&other.doc.id),
        shorten(&way.doc.id),
        shorten(state),
        shorten(way.doc.event())
    );
    let spot = lint.root.key("transition").item(way.index);
    let key = if way.doc.guard.is_some() {
        "guard"
    } else {
        "id"
    };
    found.add(code::TRANSITIONS_OVERLAP, spot.key(key).offset(), message);
}

impl<'a> Way<'a> {
    /// `None` when its guard does not compile, which is reported elsewhere.
    fn new(
        (index, doc): (usize, &'a TransitionDoc),
        open: &[&'a str],
        guards: &BTreeMap<String, Guard>,
    ) -> Option<Self> {
        let mut states: BTreeSet<&str> = doc.from.iter().map(String::as_str).collect();
        if states.remove(ANY) {
            states.extend(open);
        }
        let cases = match &doc.guard {
            Some(source) => cases(guards.get(source)?.expression()),
            None => vec![Case::default()],
        };
        Some(Self {
            index,
            doc,
            states,
            cases,
        })
    }

    /// The other way and a state, if both could leave it at once.
    fn overlap<'o>(&self, other: &'o Way<'a>, left: &mut usize) -> Option<(&'o Way<'a>, &'a str)> {
        let common: Vec<&'a str> = self.states.intersection(&other.states).copied().collect();
        *left = left.saturating_sub(1 + common.len() / 8);
        let first = *common.first()?;
        let subject = format!("state.{}", self.doc.region);
        let here = Case::one_of(subject, common.iter().copied());
        for one in &self.cases {
            for two in &other.cases {
                *left = left.saturating_sub(1);
                let exclusive =
                    one.contradicts(two) || one.contradicts(&here) || two.contradicts(&here);
                // Without comparisons left nothing is proved.
                if *left == 0 || !exclusive {
                    return Some((other, first));
                }
            }
        }
        None
    }
}
