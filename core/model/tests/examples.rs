//! The shipped definition and overlays against the two worked cases of the reference folder.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops where it fails"
)]

use std::collections::BTreeMap;

use chrono::NaiveDate;
use liucheng_model::{
    calendar::Calendar,
    definition::{Definition, Source},
    evaluate::{Evaluation, Question, evaluate},
    fact::Facts,
    finding::FindingCode,
};
use serde_json::json;

const BASE: &str = include_str!("../../../workflows/social-work-station.toml");
const YUANZHOU: &str = include_str!("../../../plugins/ningxia-yuanzhou/overlay.toml");
const TIANJIN: &str = include_str!("../../../plugins/tianjin/overlay.toml");

fn definition(overlay: Option<&str>) -> Definition {
    let base = Source {
        name: "base",
        text: BASE,
    };
    let overlay = overlay.map(|text| Source {
        name: "overlay",
        text,
    });
    Definition::load(base, overlay).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

fn plan(definition: &Definition, facts: serde_json::Value) -> Evaluation {
    let facts: Facts = facts
        .as_object()
        .unwrap()
        .iter()
        .map(|(key, json)| (key.clone(), definition.parse_fact(key, json).unwrap()))
        .collect();
    evaluate(Question {
        definition,
        facts: &facts,
        states: &BTreeMap::new(),
        today: NaiveDate::from_ymd_opt(2022, 8, 12).unwrap(),
        calendar: Calendar::national().unwrap(),
        suspensions: &BTreeMap::new(),
    })
}

/// Every expected date has to be there, with its rule; nothing may stand twice.
fn assert_dates(evaluation: &Evaluation, expected: &[(&str, &str, &str)]) {
    for (rule, due, unrolled) in expected {
        let found: Vec<_> = evaluation
            .deadlines
            .iter()
            .filter(|d| d.rule == *rule)
            .collect();
        assert_eq!(found.len(), 1, "{rule}: {found:#?}");
        let date = |d: Option<NaiveDate>| d.map(|d| d.to_string()).unwrap_or_default();
        let computation = &found[0].computation;
        assert_eq!(
            (
                date(computation.due).as_str(),
                date(computation.unrolled).as_str()
            ),
            (*due, *unrolled),
            "{rule}"
        );
        assert!(!computation.provisional, "{rule}");
        assert!(
            !found[0].basis.text.is_empty(),
            "{rule}: the clause is missing"
        );
    }
}

#[test]
fn yuanzhou_2021() {
    let definition = definition(Some(YUANZHOU));
    let evaluation = plan(
        &definition,
        json!({
            "award.notice_issued": "2021-08-27", "contract.signed": "2021-08-30", "contract.effective": "2021-08-30",
            "contract.start": "2021-08-30", "contract.expiry": "2022-08-29", "contract.amount": "5450000",
            "staff.onboard": "2021-09-01", "eval.mid.passed": "2022-01-18", "eval.final.passed": "2022-08-12",
        }),
    );
    assert_dates(
        &evaluation,
        &[
            ("YZ-10", "2021-08-15", "2021-08-15"),
            ("YZ-11", "2021-08-20", "2021-08-20"),
            ("YZ-12", "2021-08-31", "2021-08-31"),
            ("CN-CONTRACT-30D", "2021-09-26", "2021-09-26"),
            ("CN-BIDBOND-RETURN-LOSERS", "2021-09-03", "2021-09-03"),
            ("CN-CONTRACT-PUBLICITY-2WD", "2021-09-01", "2021-09-01"),
            ("CN-BIDBOND-RETURN-WINNER", "2021-09-06", "2021-09-06"),
            ("CN-FILING-7WD", "2021-09-08", "2021-09-08"),
            ("YZ-06", "2021-09-18", "2021-09-18"),
            ("YZ-07", "2022-02-11", "2022-02-11"),
            ("YZ-08", "2022-09-02", "2022-09-02"),
            ("YZ-02", "2022-07-29", "2022-07-29"),
            ("YZ-14", "2023-09-01", "2023-09-01"),
        ],
    );
    let infeasible = evaluation
        .findings
        .iter()
        .find(|f| f.code == FindingCode::Infeasible);
    let message = &infeasible
        .expect("YZ-A3: an open tender does not fit into eleven days")
        .message
        .zh;
    assert!(
        message.contains("2021-09-09") && message.contains("2021-08-31"),
        "{message}"
    );
}

#[test]
fn national_tender_2026() {
    let definition = definition(None);
    let evaluation = plan(
        &definition,
        json!({
            "tender.docs_issued": "2026-09-14", "clarification.issued": "2026-09-25", "bid.deadline": "2026-10-08",
            "evaluation.finished": "2026-10-12", "settlement.confirmed": "2026-11-20",
        }),
    );
    assert_dates(
        &evaluation,
        &[
            ("CN-DOCS-5WD", "2026-09-20", "2026-09-20"),
            ("CN-TENDER-20D", "2026-10-08", "2026-10-04"),
            ("CN-CLARIFY-15D", "2026-10-10", "2026-10-10"),
            ("CN-EVALREPORT-2WD", "2026-10-14", "2026-10-14"),
            ("CN-DECIDE-5WD", "2026-10-21", "2026-10-21"),
            ("CN-AWARD-NOTICE-2WD", "2026-10-23", "2026-10-23"),
            ("CN-CONTRACT-30D", "2026-11-23", "2026-11-22"),
            ("CN-SME-PAY-30D", "2026-12-21", "2026-12-20"),
        ],
    );
    let extend = evaluation
        .findings
        .iter()
        .find(|f| f.code == FindingCode::Violation && f.rule == "CN-CLARIFY-15D");
    assert!(
        extend.is_some(),
        "13 days are fewer than 15: the deadline has to move"
    );
}

#[test]
fn absent_facts_make_no_deadline() {
    let national = plan(&definition(None), json!({}));
    assert!(national.deadlines.is_empty(), "{:#?}", national.deadlines);
    let tianjin = plan(&definition(Some(TIANJIN)), json!({}));
    let rules: Vec<&str> = tianjin.deadlines.iter().map(|d| d.rule.as_str()).collect();
    assert_eq!(
        rules,
        ["TJ-02", "TJ-03", "TJ-25"],
        "only dates fixed in the text"
    );
}

#[test]
fn dates_beyond_the_calendar_are_provisional() {
    let evaluation = plan(
        &definition(None),
        json!({"award.notice_issued": "2026-12-15", "contract.signed": "2026-12-28"}),
    );
    let of = |rule: &str| {
        evaluation
            .deadlines
            .iter()
            .find(|d| d.rule == rule)
            .unwrap()
            .computation
            .clone()
    };
    let contract = of("CN-CONTRACT-30D");
    assert_eq!((contract.due, contract.provisional), (None, true));
    assert_eq!(contract.unrolled, NaiveDate::from_ymd_opt(2027, 1, 14));
    let filing = of("CN-FILING-7WD");
    assert_eq!(
        (filing.due, filing.unrolled, filing.provisional),
        (None, None, true)
    );
}

#[test]
fn each_person_has_a_clock() {
    let evaluation = plan(
        &definition(Some(YUANZHOU)),
        json!({
            "staff.onboard": [{"id": "zhang", "date": "2021-09-01"}, {"id": "li", "date": "2024-02-29"}],
        }),
    );
    let keys: Vec<(&str, Option<String>)> = evaluation
        .deadlines
        .iter()
        .filter(|d| d.rule == "YZ-14")
        .map(|d| (d.key.as_str(), d.computation.due.map(|d| d.to_string())))
        .collect();
    assert_eq!(
        keys,
        [
            ("cert/zhang", Some("2023-09-01".to_owned())),
            // 29 February has no corresponding day in 2026: the month's last day, a Saturday made up on the 28th.
            ("cert/li", Some("2026-02-28".to_owned())),
        ]
    );
}
