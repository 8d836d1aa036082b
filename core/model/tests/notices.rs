//! Notices of the shipped packages beside those of the base definition.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::{collections::BTreeMap, fs, path::Path};

use liucheng_model::{
    calendar::Calendar,
    decide,
    definition::{Definition, Source},
    evaluate::{Question, evaluate},
    fact::Facts,
};
use serde_json::json;

const BASE: &str = include_str!("../../../workflows/social-work-station.toml");

/// How often a rule is named by the findings of a package for these facts.
fn named(package: &str, rule: &str, facts: &[(&str, &str)]) -> usize {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let overlay = root.join("plugins").join(package).join("overlay.toml");
    let overlay = fs::read_to_string(overlay).unwrap();
    let source = |text| Source { name: "t", text };
    let definition = Definition::load(source(BASE), Some(source(&overlay))).unwrap();
    let read = |(key, text): &(&str, &str)| {
        let value = definition.parse_fact(key, &json!(text)).unwrap();
        ((*key).to_owned(), value)
    };
    let facts: Facts = facts.iter().map(read).collect();
    let said = evaluate(Question {
        definition: &definition,
        facts: &facts,
        states: &decide::initial_states(&definition),
        today: "2021-09-01".parse().unwrap(),
        calendar: Calendar::national().unwrap(),
        suspensions: &BTreeMap::new(),
    });
    let findings = said.findings.iter();
    findings.filter(|finding| finding.rule == rule).count()
}

#[test]
fn local_holidays_are_asked_for_once_whoever_asks() {
    let awarded = ("award.notice_issued", "2021-08-27");
    let division = ("division", "640402");
    for package in ["ningxia-yuanzhou", "ningxia-lingwu"] {
        let named = |facts: &[(&str, &str)]| named(package, "CN-HOLIDAY-LOCAL", facts);
        assert_eq!(named(&[]), 0, "{package}");
        assert_eq!(named(&[awarded]), 1, "{package}: by the package");
        assert_eq!(named(&[division]), 1, "{package}: by the base definition");
        assert_eq!(named(&[awarded, division]), 1, "{package}: not twice");
    }
    assert_eq!(
        named("tianjin", "CN-HOLIDAY-LOCAL", &[("division", "120000")]),
        0
    );
}
