//! What the officers of nine jurisdictions do, day by day.
//!
//! One file for each jurisdiction. Figures and dates are those of its document; what the document
//! leaves to others (bids, contracts, people) is made up, and so is every name and address.

mod blocks;
mod county_plan;
mod henan;
mod linfen;
mod lingwu;
mod shaanxi_county;
mod shaanxi_pilot;
mod tianjin;
mod yuanzhou;
mod zhuolu;

use std::collections::BTreeMap;

use chrono::NaiveDate;
use liucheng_engine::commands::{Create, DecideIssue, FireEvent};
use serde_json::{Map, Value as Json};

/// One act of one person.
#[derive(Debug, Clone)]
pub struct Act {
    /// The project's code.
    pub project: String,
    /// Its place among the acts of that project, from 1: with the code it is the act's own key.
    pub no: usize,
    /// The day.
    pub on: NaiveDate,
    /// The role that acts.
    pub role: &'static str,
    /// What is done.
    pub deed: Deed,
}

impl Act {
    /// The key under which a repetition is recognised.
    #[must_use]
    pub fn key(&self) -> String {
        format!("demo-{}-{}", self.project, self.no)
    }
}

/// What is done.
#[derive(Debug, Clone)]
pub enum Deed {
    /// A project is opened.
    Open(Create),
    /// An event is fired.
    Fire(FireEvent),
    /// An open point of the text is decided.
    Decide(DecideIssue),
}

/// What the people of a jurisdiction do.
type Play = fn() -> Vec<Act>;

/// The jurisdictions in the order in which they are shown: package, first project, its script.
const JURISDICTIONS: [(&str, &str, Play); 9] = [
    ("ningxia-lingwu", lingwu::CODE, lingwu::acts),
    ("ningxia-yuanzhou", yuanzhou::CODE, yuanzhou::acts),
    ("tianjin", tianjin::CODE, tianjin::acts),
    ("shaanxi-county", shaanxi_county::CODE, shaanxi_county::acts),
    ("shaanxi-pilot", shaanxi_pilot::CODE, shaanxi_pilot::acts),
    ("henan", henan::CODE, henan::acts),
    ("hebei-zhuolu", zhuolu::CODE, zhuolu::acts),
    ("shanxi-linfen", linfen::CODE, linfen::acts),
    ("county-action-plan", county_plan::CODE, county_plan::acts),
];

/// The packages of the demo with their first projects, in the order in which they are shown.
pub fn jurisdictions() -> impl Iterator<Item = (&'static str, &'static str)> {
    JURISDICTIONS
        .iter()
        .map(|(province, code, _)| (*province, *code))
}

/// All acts of the jurisdictions that are wanted, in order of time; none wanted means all.
#[must_use]
pub fn acts(wanted: &[String]) -> Vec<Act> {
    let is_wanted = |province: &str| wanted.is_empty() || wanted.iter().any(|w| w == province);
    let mut acts: Vec<Act> = JURISDICTIONS
        .iter()
        .filter(|(province, ..)| is_wanted(province))
        .flat_map(|(_, _, acts)| acts())
        .collect();
    // The sort is stable: acts of one day stay in the order they are written.
    acts.sort_by_key(|act| act.on);
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for act in &mut acts {
        let count = counts.entry(act.project.clone()).or_default();
        *count += 1;
        act.no = *count;
    }
    acts
}

/// Collects the acts of one project.
struct Script {
    project: String,
    province: &'static str,
    acts: Vec<Act>,
}

impl Script {
    fn new(project: &str, province: &'static str) -> Self {
        Self {
            project: project.to_owned(),
            province,
            acts: Vec::new(),
        }
    }

    fn open(&mut self, on: &str, name: &str, facts: Json) {
        let contact = |role: &str| {
            let address = format!("{role}@{}.example", self.province);
            (role.to_owned(), vec![address])
        };
        let roles = [
            "officer",
            "supervisor",
            "contractor",
            "finance",
            "upper-bureau",
        ];
        let create = Create {
            code: self.project.clone(),
            name: name.to_owned(),
            province: self.province.to_owned(),
            facts: object(facts),
            contacts: roles.into_iter().map(contact).collect(),
        };
        self.push(on, "officer", Deed::Open(create));
    }

    fn fire(&mut self, on: &str, role: &'static str, event: &str, facts: Json) {
        let deed = Deed::Fire(FireEvent {
            event: event.to_owned(),
            facts: object(facts),
            expected_version: None,
            waive: None,
        });
        self.push(on, role, deed);
    }

    /// The officer fires an event.
    fn officer(&mut self, on: &str, event: &str, facts: Json) {
        self.fire(on, "officer", event, facts);
    }

    /// The contractor fires an event.
    fn contractor(&mut self, on: &str, event: &str, facts: Json) {
        self.fire(on, "contractor", event, facts);
    }

    /// The evaluator fires an event.
    fn evaluator(&mut self, on: &str, event: &str, facts: Json) {
        self.fire(on, "evaluator", event, facts);
    }

    /// The officer records facts.
    fn record(&mut self, on: &str, facts: Json) {
        self.officer(on, "record-facts", facts);
    }

    /// The supervising leader decides an open point of the text.
    fn decide(&mut self, on: &str, (issue, option): (&str, &str), reason: &str) {
        let deed = Deed::Decide(DecideIssue {
            issue: issue.to_owned(),
            option: Some(option.to_owned()),
            reason: reason.to_owned(),
            expected_version: None,
        });
        self.push(on, "supervisor", deed);
    }

    fn push(&mut self, on: &str, role: &'static str, deed: Deed) {
        self.acts.push(Act {
            project: self.project.clone(),
            no: 0,
            on: day(on),
            role,
            deed,
        });
    }
}

fn object(json: Json) -> BTreeMap<String, Json> {
    let map = match json {
        Json::Object(map) => map,
        _ => Map::new(),
    };
    map.into_iter().collect()
}

/// A day of the scripts; the test below sees to it that all of them are days.
fn day(text: &str) -> NaiveDate {
    text.parse().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_act_has_a_day_and_a_key_of_its_own() {
        let acts = acts(&[]);
        let keys: BTreeSet<String> = acts.iter().map(Act::key).collect();
        assert_eq!(keys.len(), acts.len());
        let undated = acts.iter().find(|act| act.on == NaiveDate::default());
        assert!(undated.is_none(), "{undated:?}");
    }

    #[test]
    fn keys_are_the_same_whatever_else_is_played() {
        let keys = |wanted: &[String]| -> Vec<String> {
            let of_tianjin = acts(wanted).into_iter();
            let of_tianjin = of_tianjin.filter(|act| act.project == tianjin::CODE);
            of_tianjin.map(|act| act.key()).collect()
        };
        assert_eq!(keys(&[]), keys(&["tianjin".to_owned()]));
        assert!(acts(&["nowhere".to_owned()]).is_empty());
    }
}
