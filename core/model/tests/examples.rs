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

/// The dates of the given obligations, in the order of the definition.
fn dates_of(evaluation: &Evaluation, ids: &[&str]) -> Vec<(String, String)> {
    let deadlines = evaluation.deadlines.iter();
    deadlines
        .filter(|d| ids.contains(&d.id.as_str()))
        .map(|d| {
            let due = d.computation.due.map(|d| d.to_string());
            (d.id.clone(), due.unwrap_or_default())
        })
        .collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(id, due): &(&str, &str)| ((*id).to_owned(), (*due).to_owned());
    expected.iter().map(owned).collect()
}

#[test]
fn decisions_on_yuanzhou_move_its_dates() {
    let definition = definition(Some(YUANZHOU));
    let ids = [
        "procure",
        "build",
        "half-year-report-1",
        "half-year-report-2",
    ];
    let facts = json!({"contract.signed": "2021-08-30", "contract.expiry": "2022-08-29"});
    let undecided = plan(&definition, facts.clone());
    assert_eq!(
        dates_of(&undecided, &ids),
        pairs(&[("procure", "2021-08-31"), ("build", "2021-12-31")])
    );
    assert!(
        undecided
            .findings
            .iter()
            .any(|f| f.code == FindingCode::Infeasible)
    );

    let mut decided = facts;
    for (issue, option) in [
        ("decision.yz_a3", "statutory-first"),
        ("decision.yz_a5", "project"),
        ("decision.yz_a8", "steps-only"),
    ] {
        decided[issue] = json!(option);
    }
    let decided = plan(&definition, decided);
    // Six months after 30 August end on the last day of February; twelve on the same day.
    assert_eq!(
        dates_of(&decided, &ids),
        pairs(&[
            ("half-year-report-1", "2022-02-28"),
            ("half-year-report-2", "2022-08-30")
        ])
    );
    assert!(
        !decided
            .findings
            .iter()
            .any(|f| f.code == FindingCode::Infeasible)
    );
}

#[test]
fn decisions_on_tianjin_move_its_dates() {
    let definition = definition(Some(TIANJIN));
    let with = |more: serde_json::Value| {
        let mut facts = json!({"contract.signed": "2021-07-30", "project.start": "2021-08-02"});
        let all = facts.as_object_mut().unwrap();
        all.extend(more.as_object().unwrap().clone());
        let evaluation = plan(&definition, facts);
        let rules = ["TJ-04", "TJ-06"];
        let deadlines = evaluation.deadlines.iter();
        let dates = deadlines.filter(|d| rules.contains(&d.rule.as_str()));
        let dates = dates.map(|d| d.computation.due.unwrap().to_string());
        dates.collect::<Vec<_>>()
    };
    // 14 August 2021 is a Saturday.
    assert_eq!(with(json!({})), ["2021-08-16", "2023-08-02"]);
    assert_eq!(
        with(json!({"decision.tj_a2": "not-rolled"})),
        ["2021-08-14", "2023-08-02"]
    );
    // Two contract years: from the first contract, or the year of the second.
    let contract = |year: i64, effective: &str| {
        let more = json!({"decision.tj_a3": "contract", "contract.year": year, "contract.effective": effective});
        with(more)[1].clone()
    };
    assert_eq!(contract(1, "2021-07-30"), "2023-07-31");
    assert_eq!(contract(2, "2022-07-29"), "2023-07-31");
    // The end of the first calendar year, and of the second, which is not rolled.
    assert_eq!(
        with(json!({"decision.tj_a3": "calendar"})),
        ["2021-08-16", "2021-12-31", "2022-12-31"]
    );
    let later = json!({"decision.tj_a3": "calendar", "project.start": "2023-12-31"});
    assert_eq!(with(later), ["2021-08-16", "2023-12-31", "2024-12-31"]);
}

#[test]
fn dates_of_the_first_year_are_not_those_of_later_projects() {
    for (overlay, ids) in [
        (YUANZHOU, &["site", "fund", "procure", "build"][..]),
        (TIANJIN, &["district-plan", "procure"][..]),
    ] {
        let definition = definition(Some(overlay));
        let shown = |facts: serde_json::Value| dates_of(&plan(&definition, facts), ids).len();
        for first in [
            json!({}),
            json!({"budget.confirmed": "2021-08-20"}),
            json!({"award.notice_issued": "2021-08-27"}),
            json!({"contract.signed": "2021-08-30", "contract.year": 1, "project.cycle": 1}),
            // Begun in the year before: the contract is of the first year all the same.
            json!({"plan.approved": "2020-12-01", "contract.signed": "2021-01-05"}),
        ] {
            assert_eq!(shown(first.clone()), ids.len(), "{first}");
        }
        for later in [
            json!({"plan.approved": "2022-01-04"}),
            json!({"budget.confirmed": "2024-02-29"}),
            json!({"contract.signed": "2022-08-30"}),
            json!({"contract.signed": "2021-08-30", "contract.year": 2}),
            json!({"contract.signed": "2021-08-30", "project.cycle": 2}),
        ] {
            assert_eq!(shown(later.clone()), 0, "{later}");
        }
    }
}
