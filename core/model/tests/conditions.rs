//! The conditions of packages: what refuses a transition, what lets it pass, and what a decision changes.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops where it fails"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use chrono::NaiveDateTime;
use liucheng_model::{
    calendar::Calendar,
    decide::{self, Context, Fire, Slots},
    definition::{Definition, Source},
    event::Opening,
    fact::Facts,
    project::Pin,
};
use serde_json::{Value as Json, json};

struct Never;

impl Slots for Never {
    fn next(&self, _: &str, _: NaiveDateTime) -> Option<NaiveDateTime> {
        None
    }
}

fn load(package: &str) -> Definition {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let read = |path: String| fs::read_to_string(root.join(path)).unwrap();
    let base = read("workflows/social-work-station.toml".to_owned());
    let overlay = read(format!("plugins/{package}/overlay.toml"));
    let source = |name, text| Source { name, text };
    let over = Some(source("overlay.toml", &overlay));
    Definition::load(source("base.toml", &base), over).unwrap_or_else(|e| panic!("{e:#?}"))
}

/// Fires an event in a state of the main line, with what is known and what the command brings: the rule
/// that refuses it, or `None` when it passes.
fn refused(
    definition: &Definition,
    (state, event): (&str, &str),
    known: Json,
    given: Json,
) -> Option<String> {
    let mut states = decide::initial_states(definition);
    states.insert("lifecycle".to_owned(), state.to_owned());
    let opening = Opening {
        code: "T-1".to_owned(),
        name: "test".to_owned(),
        definition: Pin {
            id: "d".to_owned(),
            version: "1".to_owned(),
            digest: "x".to_owned(),
        },
        package: None,
        calendar: "cn".to_owned(),
        contacts: BTreeMap::new(),
        states,
    };
    let context = Context {
        definition,
        calendar: Calendar::national().unwrap(),
        now: "2023-12-20T09:00:00".parse().unwrap(),
        slots: &Never,
    };
    let opened = decide::open(context, opening, Facts::new(), &[]).unwrap();
    let mut project = opened.project;
    for (key, value) in known.as_object().unwrap() {
        let value = definition.parse_fact(key, value).unwrap();
        project.facts.insert(key.clone(), value);
    }
    let fire = Fire {
        event: event.to_owned(),
        facts: serde_json::from_value(given).unwrap(),
        roles: BTreeSet::from(["officer".to_owned()]),
    };
    match decide::fire(context, &project, &fire, Vec::new()) {
        Ok(_) => None,
        Err(rejection) => {
            assert_eq!(rejection.code(), "E-RULE", "{rejection}");
            let text = rejection.to_string();
            Some(text.split(':').next().unwrap_or_default().to_owned())
        }
    }
}

/// The facts that signing needs, and more.
fn signing(more: Json) -> Json {
    let mut facts = json!({"contract.signed": "2023-03-20", "contract.amount": "100", "contract.expiry": "2024-03-19"});
    let all = facts.as_object_mut().unwrap();
    all.extend(more.as_object().unwrap().clone());
    facts
}

#[test]
fn lingwu_holds_purchaser_group_and_threshold_against_the_clauses() {
    let lingwu = load("ningxia-lingwu");
    let sign = |category: &str, buyer: &str| {
        let known = json!({ "project.category": category });
        let given = signing(json!({ "contract.buyer": buyer }));
        refused(&lingwu, ("contract", "sign-contract"), known, given)
    };
    assert_eq!(sign("common", "civil-affairs-bureau"), None);
    assert_eq!(sign("personalised", "sub-district-office"), None);
    assert_eq!(
        sign("common", "township-government").as_deref(),
        Some("LW-15")
    );
    assert_eq!(
        sign("personalised", "civil-affairs-bureau").as_deref(),
        Some("LW-15")
    );

    let pass = |group: Json| {
        let given = json!({"eval.final.passed": "2023-12-10", "eval.final.grade": "pass"});
        refused(
            &lingwu,
            ("final-evaluation", "pass-final-evaluation"),
            group,
            given,
        )
    };
    let group = |third: bool| json!({"evaluation.group": {"civil_affairs": true, "finance": true, "townships": true, "third_party": third}});
    assert_eq!(pass(json!({})), None);
    assert_eq!(pass(group(true)), None);
    assert_eq!(pass(group(false)).as_deref(), Some("LW-16"));

    let choose = |known: Json| {
        let given = json!({"procurement.method": "below-threshold", "award.decided": "2023-03-20"});
        refused(&lingwu, ("procurement", "choose-supplier"), known, given)
    };
    assert_eq!(choose(json!({})), None);
    let decided = json!({"decision.lw_a7": "statutory-procedure"});
    assert_eq!(choose(decided).as_deref(), Some("LW-A7"));
}

#[test]
fn zhuolu_holds_purchaser_and_contract_against_the_clauses() {
    let zhuolu = load("hebei-zhuolu");
    let sign = |known: Json, more: Json| {
        refused(&zhuolu, ("contract", "sign-contract"), known, signing(more))
    };
    let bureau = json!({"contract.buyer": "civil-affairs-bureau"});
    assert_eq!(
        sign(json!({}), json!({"contract.buyer": "county-government"})),
        None
    );
    assert_eq!(sign(json!({}), bureau.clone()).as_deref(), Some("ZL-16"));
    assert_eq!(
        sign(json!({"decision.zl_a6": "bureau-signs"}), bureau),
        None
    );

    let content = |liability: bool| {
        json!({"contract.content": {
            "term": true, "services": true, "targets": true, "requirements": true, "rights": true,
            "evaluation": true, "liability": liability,
        }})
    };
    assert_eq!(sign(json!({}), json!({})), None);
    assert_eq!(sign(json!({}), content(true)), None);
    assert_eq!(sign(json!({}), content(false)).as_deref(), Some("ZL-24"));
}
