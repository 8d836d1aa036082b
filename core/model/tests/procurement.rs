//! Procurement and challenges by national law: minimums, clarifications, failures, bonds, suspension.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops where it fails"
)]

use std::collections::{BTreeMap, BTreeSet};

use chrono::{NaiveDate, NaiveDateTime};
use liucheng_model::{
    calendar::Calendar,
    decide::{self, Context, Fire, Slots},
    definition::{Definition, Source},
    evaluate::{Question, evaluate},
    event::Opening,
    fact::Facts,
    finding::{FindingCode, Severity},
    project::{Pin, Project},
    rejection::Rejection,
};
use serde_json::{Value as Json, json};

const BASE: &str = include_str!("../../../workflows/social-work-station.toml");
/// Codes with the right check character, and one with a wrong one.
const CODE: &str = "914403001922038216";
const MISTYPED: &str = "914403001922038217";

struct Never;

impl Slots for Never {
    fn next(&self, _: &str, _: NaiveDateTime) -> Option<NaiveDateTime> {
        None
    }
}

struct Life {
    definition: Definition,
    project: Project,
    now: NaiveDateTime,
}

impl Life {
    /// A project whose budget of three million yuan was confirmed on 1 September 2026.
    fn begin() -> Self {
        let base = Source {
            name: "base",
            text: BASE,
        };
        let definition = Definition::load(base, None).unwrap_or_else(|e| panic!("{e:#?}"));
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
            states: decide::initial_states(&definition),
        };
        let now = at("2026-09-01");
        let opened = decide::open(context(&definition, now), opening, Facts::new(), &[]);
        let mut life = Self {
            project: opened.unwrap().project,
            definition,
            now,
        };
        for (event, facts) in [
            ("finish-survey", json!({"survey.finished": "2026-08-20"})),
            ("approve-plan", json!({"plan.approved": "2026-08-25"})),
            (
                "confirm-budget",
                json!({"budget.total": "3000000", "budget.confirmed": "2026-09-01"}),
            ),
        ] {
            life.fire("2026-09-01", event, facts);
        }
        life
    }

    /// The same with an award notice of 23 October 2026.
    fn awarded() -> Self {
        let mut life = Self::begin();
        let tender = json!({"procurement.method": "open-tender", "notice.published": "2026-09-07",
            "tender.docs_issued": "2026-09-07", "bid.deadline": "2026-10-12"});
        life.fire("2026-09-07", "issue-tender", tender);
        for (on, event, facts) in [
            (
                "2026-10-13",
                "finish-review",
                json!({"evaluation.finished": "2026-10-13"}),
            ),
            (
                "2026-10-22",
                "decide-award",
                json!({"award.decided": "2026-10-22", "supplier": {"name": "甲", "uscc": CODE}}),
            ),
            (
                "2026-10-23",
                "issue-award-notice",
                json!({"award.notice_issued": "2026-10-23", "result.published": "2026-10-23"}),
            ),
        ] {
            life.fire(on, event, facts);
        }
        life
    }

    fn try_fire(&mut self, on: &str, event: &str, facts: Json) -> Result<(), Rejection> {
        self.now = at(on);
        let fire = Fire {
            event: event.to_owned(),
            facts: serde_json::from_value(facts).unwrap(),
            roles: BTreeSet::from(["*".to_owned()]),
            waived: None,
            unanswered: Vec::new(),
        };
        let context = context(&self.definition, self.now);
        let decision = decide::fire(context, &self.project, &fire, Vec::new())?;
        self.project = decision.project;
        Ok(())
    }

    fn fire(&mut self, on: &str, event: &str, facts: Json) {
        let fired = self.try_fire(on, event, facts);
        fired.unwrap_or_else(|e| panic!("{on} {event}: {e}"));
    }

    fn refused(&mut self, on: &str, event: &str, facts: Json) -> (&'static str, String) {
        let refused = self.try_fire(on, event, facts).unwrap_err();
        (refused.code(), refused.to_string())
    }

    fn state(&self, region: &str) -> &str {
        &self.project.states[region]
    }

    fn due(&self, key: &str) -> Option<String> {
        let open = self.project.obligations.get(key)?;
        open.due.map(|due| due.to_string())
    }

    /// Code and severity of the findings of a rule.
    fn findings(&self, rule: &str) -> Vec<(FindingCode, Severity)> {
        let found = evaluate(Question {
            definition: &self.definition,
            facts: &self.project.facts,
            states: &self.project.states,
            today: self.now.date(),
            calendar: Calendar::national().unwrap(),
            suspensions: &BTreeMap::new(),
        });
        let findings = found.findings.into_iter();
        findings
            .filter(|f| f.rule == rule)
            .map(|f| (f.code, f.severity))
            .collect()
    }
}

fn context(definition: &Definition, now: NaiveDateTime) -> Context<'_> {
    Context {
        definition,
        calendar: Calendar::national().unwrap(),
        now,
        slots: &Never,
    }
}

fn at(day: &str) -> NaiveDateTime {
    let day: NaiveDate = day.parse().unwrap();
    day.and_hms_opt(9, 0, 0).unwrap()
}

#[test]
fn every_method_has_its_minimum() {
    // 14 September 2026 is a Monday; the 20th is worked, 25 to 27 September and 1 to 7 October are not.
    for (method, issued, early, earliest) in [
        (
            "open-tender",
            "tender.docs_issued",
            "2026-10-03",
            "2026-10-08",
        ),
        (
            "invited-tender",
            "tender.docs_issued",
            "2026-10-03",
            "2026-10-08",
        ),
        (
            "competitive-negotiation",
            "docs.issued",
            "2026-09-16",
            "2026-09-17",
        ),
        ("inquiry", "docs.issued", "2026-09-16", "2026-09-17"),
        // The tenth day is a Thursday.
        (
            "competitive-consultation",
            "docs.issued",
            "2026-09-23",
            "2026-09-24",
        ),
    ] {
        let mut life = Life::begin();
        let issue = |deadline: &str| json!({"procurement.method": method, issued: "2026-09-14", "bid.deadline": deadline});
        let (code, message) = life.refused("2026-09-14", "issue-tender", issue(early));
        assert_eq!(code, "E-LAW-MINIMUM", "{method}: {message}");
        life.fire("2026-09-14", "issue-tender", issue(earliest));
    }

    // A single source is made public for five working days before the review may end.
    let mut life = Life::begin();
    let issue = json!({"procurement.method": "single-source"});
    life.fire("2026-09-14", "issue-tender", issue);
    let asked = (FindingCode::InputRequired, Severity::Warning);
    assert_eq!(life.findings("CN-SINGLE-SOURCE-5WD"), [asked]);
    life.fire(
        "2026-09-14",
        "record-facts",
        json!({"notice.single_source": "2026-09-14"}),
    );
    let finish = |day: &str| json!({"evaluation.finished": day});
    let (code, _) = life.refused("2026-09-19", "finish-review", finish("2026-09-19"));
    assert_eq!(code, "E-LAW-MINIMUM");
    life.fire("2026-09-20", "finish-review", finish("2026-09-20"));

    // Below the threshold none of this holds, and neither do the thirty days.
    let mut life = Life::begin();
    let choose = json!({"award.decided": "2026-09-02"});
    life.fire(
        "2026-09-02",
        "issue-tender",
        json!({"procurement.method": "below-threshold"}),
    );
    life.fire("2026-09-02", "choose-supplier", choose);
    assert_eq!(life.state("lifecycle"), "contract");
    assert_eq!(life.due("sign-contract"), None);
}

#[test]
fn a_late_clarification_demands_a_new_deadline() {
    let mut life = Life::begin();
    let tender = json!({"procurement.method": "open-tender", "notice.published": "2026-09-14",
        "tender.docs_issued": "2026-09-14", "bid.deadline": "2026-10-12"});
    life.fire("2026-09-14", "issue-tender", tender);
    // 25 September + 15 days = 10 October, worked: fifteen days are kept.
    life.fire(
        "2026-09-25",
        "clarify",
        json!({"clarification.issued": "2026-09-25"}),
    );
    // On 28 September they are not: 13 October.
    let (code, message) = life.refused(
        "2026-09-28",
        "clarify",
        json!({"clarification.issued": "2026-09-28"}),
    );
    assert_eq!(code, "E-LAW-MINIMUM");
    assert!(message.contains("2026-10-13"), "{message}");
    // Either the deadline moves with it, or it does not matter to the bids.
    let both = json!({"clarification.issued": "2026-09-28", "bid.deadline": "2026-10-13"});
    let mut moved = Life {
        project: life.project.clone(),
        definition: life.definition.clone(),
        now: life.now,
    };
    moved.fire("2026-09-28", "clarify", both);
    life.fire(
        "2026-09-28",
        "clarify",
        json!({"clarification.issued": "2026-09-28", "clarification.affects_bids": false}),
    );

    // Three working days in a negotiation: from 24 September over the rest days to the 30th.
    let mut life = Life::begin();
    let negotiation = json!({"procurement.method": "competitive-negotiation", "docs.issued": "2026-09-21", "bid.deadline": "2026-09-29"});
    life.fire("2026-09-21", "issue-tender", negotiation);
    let (code, message) = life.refused(
        "2026-09-24",
        "clarify",
        json!({"clarification.issued": "2026-09-24"}),
    );
    assert_eq!(
        (code, message.contains("2026-09-30")),
        ("E-LAW-MINIMUM", true),
        "{message}"
    );
}

#[test]
fn a_failed_procurement_starts_again_from_nothing() {
    let mut life = Life::awarded();
    assert_eq!(life.due("sign-contract").as_deref(), Some("2026-11-23"));
    // The winner does not sign; or a complaint was upheld.
    life.fire(
        "2026-11-10",
        "restart-procurement",
        json!({"procurement.failure_reason": "中标人放弃"}),
    );
    assert_eq!(life.state("lifecycle"), "procurement");
    assert_eq!(life.due("sign-contract"), None);
    for key in [
        "procurement.method",
        "tender.docs_issued",
        "bid.deadline",
        "award.notice_issued",
        "supplier",
    ] {
        assert!(!life.project.facts.contains_key(key), "{key}");
    }
    assert!(life.project.facts.contains_key("budget.total"));
    // The second round has periods of its own.
    let again = |deadline: &str| json!({"procurement.method": "open-tender", "tender.docs_issued": "2026-11-12", "bid.deadline": deadline});
    let (code, _) = life.refused("2026-11-12", "issue-tender", again("2026-12-01"));
    assert_eq!(code, "E-LAW-MINIMUM");
    life.fire("2026-11-12", "issue-tender", again("2026-12-02"));
}

#[test]
fn the_award_goes_step_by_step_and_is_published() {
    let mut life = Life::begin();
    let tender = json!({"procurement.method": "open-tender", "tender.docs_issued": "2026-09-07", "bid.deadline": "2026-10-12"});
    life.fire("2026-09-07", "issue-tender", tender);
    let asked = (FindingCode::InputRequired, Severity::Warning);
    assert_eq!(life.findings("CN-87-NOTICE-5WD"), [asked]);
    life.fire(
        "2026-10-13",
        "finish-review",
        json!({"evaluation.finished": "2026-10-13"}),
    );
    assert_eq!(life.due("evaluation-report").as_deref(), Some("2026-10-15"));
    life.fire(
        "2026-10-14",
        "deliver-report",
        json!({"report.delivered": "2026-10-14"}),
    );
    assert_eq!(life.due("award-decision").as_deref(), Some("2026-10-21"));
    life.fire(
        "2026-10-20",
        "decide-award",
        json!({"award.decided": "2026-10-20"}),
    );
    assert_eq!(life.due("award-notice").as_deref(), Some("2026-10-22"));
    life.fire(
        "2026-10-22",
        "issue-award-notice",
        json!({"award.notice_issued": "2026-10-22"}),
    );
    assert_eq!(life.findings("CN-AWARD-NOTICE-2WD"), [asked]);
    life.fire(
        "2026-10-22",
        "record-facts",
        json!({"result.published": "2026-10-22"}),
    );
    assert_eq!(life.findings("CN-AWARD-NOTICE-2WD"), []);
}

#[test]
fn bonds_weights_and_supplements_have_limits() {
    let mut life = Life::begin();
    let tender = |bond: &str, weight: &str| {
        json!({"procurement.method": "open-tender", "tender.docs_issued": "2026-09-07",
        "bid.deadline": "2026-10-12", "bond.bid": bond, "tender.price_weight": weight})
    };
    let (code, message) = life.refused("2026-09-07", "issue-tender", tender("60000.01", "10"));
    assert_eq!(code, "E-RULE");
    assert!(
        message.contains("CN-BIDBOND-2PCT") && message.contains("投标保证金不得超过"),
        "{message}"
    );
    let (code, message) = life.refused("2026-09-07", "issue-tender", tender("60000", "9.99"));
    assert_eq!(
        (code, message.contains("CN-87-PRICE-SERVICE-10")),
        ("E-RULE", true),
        "{message}"
    );
    life.fire("2026-09-07", "issue-tender", tender("60000", "10"));

    let mut life = Life::awarded();
    let sign = |bond: &str| json!({"contract.signed": "2026-11-02", "contract.amount": "2900000", "contract.expiry": "2027-11-01", "bond.performance": bond});
    let (code, message) = life.refused("2026-11-02", "sign-contract", sign("290000.01"));
    assert_eq!(
        (code, message.contains("CN-PERFBOND-10PCT")),
        ("E-RULE", true),
        "{message}"
    );
    life.fire("2026-11-02", "sign-contract", sign("290000"));
    assert_eq!(life.due("bond-losers").as_deref(), Some("2026-10-30"));
    assert_eq!(life.due("bond-winner").as_deref(), Some("2026-11-09"));

    let amend = |sum: &str| json!({"contract.amended": "2026-12-01", "contract.supplements": sum});
    let (code, message) = life.refused("2026-12-01", "amend-contract", amend("290000.01"));
    assert_eq!(
        (code, message.contains("CN-SUPPLEMENT-10PCT")),
        ("E-RULE", true),
        "{message}"
    );
    life.fire("2026-12-01", "amend-contract", amend("290000"));
    // What happened all the same can be recorded, and is told.
    life.fire(
        "2026-12-02",
        "record-facts",
        json!({"contract.supplements": "290000.01"}),
    );
    let told = (FindingCode::Violation, Severity::Error);
    assert!(life.findings("CN-SUPPLEMENT-10PCT").contains(&told));
}

#[test]
fn a_mistyped_code_gets_no_award() {
    let mut life = Life::begin();
    let finished = json!({"evaluation.finished": "2026-09-10"});
    life.fire(
        "2026-09-10",
        "issue-tender",
        json!({"procurement.method": "framework"}),
    );
    life.fire("2026-09-10", "finish-review", finished);
    let decide = |code: &str| json!({"award.decided": "2026-09-11", "supplier": {"name": "甲", "uscc": code}});
    let (code, message) = life.refused("2026-09-11", "decide-award", decide(MISTYPED));
    assert_eq!(code, "E-RULE");
    assert!(
        message.starts_with("承接主体"),
        "no rule stands before it: {message}"
    );
    life.fire("2026-09-11", "decide-award", decide(CODE));
    // Without a code nothing is refused, but it is asked for.
    let anonymous = json!({"award.decided": "2026-09-11", "supplier": {"name": "甲"}});
    life.fire("2026-09-11", "decide-award", anonymous);
    assert!(
        life.findings("")
            .contains(&(FindingCode::InputRequired, Severity::Info))
    );
}

#[test]
fn nothing_is_signed_while_a_challenge_may_affect_the_result() {
    let mut life = Life::awarded();
    let sign = || json!({"contract.signed": "2026-11-05", "contract.amount": "2900000", "contract.expiry": "2027-11-01"});
    life.fire(
        "2026-11-02",
        "receive-challenge",
        json!({"challenge.received": "2026-11-02", "harm.known": "2026-10-23"}),
    );
    assert_eq!(life.state("pause"), "paused");
    assert_eq!(life.due("challenge-reply").as_deref(), Some("2026-11-11"));
    let (code, _) = life.refused("2026-11-05", "sign-contract", sign());
    assert_eq!(code, "E-GUARD");
    // Judged not to matter: signing goes on while the challenge is still open. Then it is judged anew.
    life.fire(
        "2026-11-03",
        "assess-challenge",
        json!({"challenge.affects_result": false}),
    );
    assert_eq!(
        (life.state("pause"), life.state("challenge")),
        ("running", "open")
    );
    life.fire(
        "2026-11-04",
        "assess-challenge",
        json!({"challenge.affects_result": true}),
    );
    let (code, _) = life.refused("2026-11-05", "sign-contract", sign());
    assert_eq!(code, "E-GUARD");
    // A reply ends it; what is left of the thirty days runs on.
    life.fire(
        "2026-11-10",
        "reply-challenge",
        json!({"challenge.replied": "2026-11-10"}),
    );
    assert_eq!(life.state("pause"), "running");
    life.fire("2026-11-11", "sign-contract", json!({"contract.signed": "2026-11-11", "contract.amount": "2900000", "contract.expiry": "2027-11-01"}));
}

#[test]
fn challenges_and_complaints_have_their_time() {
    let mut life = Life::awarded();
    // Seven working days from 23 October end on 3 November.
    life.fire(
        "2026-11-04",
        "receive-challenge",
        json!({"challenge.received": "2026-11-04", "harm.known": "2026-10-23"}),
    );
    let late = (FindingCode::Violation, Severity::Error);
    assert_eq!(life.findings("CN-CHALLENGE-7WD"), [late]);
    life.fire("2026-11-04", "record-facts", json!({}));
    life.fire(
        "2026-11-06",
        "reply-challenge",
        json!({"challenge.replied": "2026-11-06"}),
    );
    // Fifteen working days after the reply was due, whenever it came: 13 November, 4 December.
    life.fire(
        "2026-12-07",
        "receive-complaint",
        json!({"complaint.received": "2026-12-07"}),
    );
    assert_eq!(life.findings("CN-COMPLAINT-15WD"), [late]);
    life.fire(
        "2026-12-08",
        "decide-complaint",
        json!({"complaint.decided": "2026-12-08"}),
    );

    // A complaint that no challenge preceded is told of.
    let mut life = Life::awarded();
    life.fire(
        "2026-11-04",
        "receive-complaint",
        json!({"complaint.received": "2026-11-04"}),
    );
    let odd = (FindingCode::Violation, Severity::Warning);
    assert_eq!(life.findings("CN-COMPLAINT-15WD"), [odd]);
    assert_eq!(life.due("complaint-review").as_deref(), Some("2026-11-11"));
    // Thirty days of suspension at most.
    life.fire(
        "2026-11-06",
        "pause-by-notice",
        json!({"complaint.suspended": "2026-11-06", "suspension.reason": "财政部门通知"}),
    );
    assert_eq!(life.due("suspension-limit").as_deref(), Some("2026-12-06"));
    assert_eq!(life.state("pause"), "paused");
    life.fire(
        "2026-11-20",
        "decide-complaint",
        json!({"complaint.decided": "2026-11-20"}),
    );
    assert_eq!(life.state("pause"), "running");
}
