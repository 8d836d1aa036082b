//! What an overlay can say beside numbers and duties: clauses, open points, conditions, demands, steps.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops where it fails"
)]

use std::collections::{BTreeMap, BTreeSet};

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use liucheng_model::{
    calendar::Calendar,
    decide::{self, Choose, Context, Decision, Fire, Slots},
    definition::{Definition, Source, lint},
    evaluate::{Question, evaluate},
    event::{DecisionScope, Event, Incident, Opening},
    fact::Facts,
    finding::FindingCode,
    project::{Pin, Project},
    rejection::Rejection,
    verdict::{Answer, Hook, PackagePin, Verdict},
};
use serde_json::{Value as Json, json};

const BASE: Source<'_> = Source {
    name: "base.toml",
    text: include_str!("../../../workflows/social-work-station.toml"),
};

const OVERLAY: &str = r#"
schema = 1
id = "example"
extends = "social-work-station"
title = { zh = "示例", en = "Example" }
source = "示例办法"

[roles]
leading-group = { title = { zh = "领导小组", en = "Leading group" }, rule = "XX-03" }

[facts]
"review.opinion" = { type = "date", title = { zh = "评审意见", en = "Opinion" }, rule = "XX-03" }
"payment.application" = { type = "date", title = { zh = "书面申请", en = "Written application" }, recorded-by = ["request-payment"] }
"share.town" = { type = "money", title = { zh = "乡镇份额", en = "Share" }, computed = true }

[[obligation]]
id = "town-report"
rule = "XX-01"
title = { zh = "报送", en = "Report" }
force = "mandatory"
anchor = ["survey.finished"]
period = "10 days"
responsible = "officer"
when = "!has(decision.xx_a1) || decision.xx_a1 == 'all'"

[[recurring]]
id = "monthly"
rule = "XX-01"
title = { zh = "月报", en = "Monthly report" }
force = "mandatory"
every = "month"
anchor = ["survey.finished"]
until = ["contract.expiry"]
responsible = "officer"
when = "!has(decision.xx_a1) || decision.xx_a1 == 'all'"

[[check]]
id = "not-too-dear"
rule = "XX-02"
on = ["confirm-budget"]
holds = "budget.total <= 100000"
message = { zh = "超过一千元", en = "above a thousand yuan" }

[[require]]
transition = "request-payment"
facts = ["payment.application"]
rule = "XX-04"

[[step]]
id = "review"
rule = "XX-03"
at = "after-survey"
title = { zh = "评审", en = "Review" }
state = { zh = "评审中", en = "Under review" }
roles = ["leading-group"]
requires = ["review.opinion"]
open-ended = { zh = "未写期限", en = "no term is written" }
run = true

[[step]]
id = "second-look"
rule = "XX-03"
at = "after-survey"
title = { zh = "复核", en = "Second look" }
state = { zh = "复核中", en = "Second look" }
roles = ["officer"]
open-ended = { zh = "未写期限", en = "no term is written" }

[[issue]]
id = "XX-A1"
text = "“各乡镇”是否含街道"
message = { zh = "“各乡镇”是否含街道？", en = "Are sub-districts included?" }
when = "has(survey.finished)"
severity = "warning"
facts = ["townships"]
taken = "all"
options = [
  { id = "all", zh = "含街道", en = "included" },
  { id = "towns", zh = "只含乡镇", en = "towns only" },
]

[[clause]]
id = "XX-01"
force = "mandatory"
text = "调研后十日内报送"
[[clause]]
id = "XX-02"
force = "mandatory"
text = "经费不得超过一千元"
[[clause]]
id = "XX-03"
force = "mandatory"
text = "由领导小组评审"
[[clause]]
id = "XX-04"
force = "mandatory"
text = "须书面申请"
[[clause]]
id = "XX-05"
force = "informative"
text = "附则"
informative = { zh = "只是说明", en = "explains only" }
"#;

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
    fn begin() -> Self {
        let definition = load(OVERLAY).unwrap_or_else(|e| panic!("{e:#?}"));
        let now = day("2023-03-01").and_time(NaiveTime::MIN);
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
        let context = context(&definition, now);
        let opened = decide::open(context, opening, Facts::new(), &[]).unwrap();
        Self {
            project: opened.project,
            definition,
            now,
        }
    }

    fn try_fire(
        &self,
        role: &str,
        event: &str,
        facts: Json,
        next: Option<&str>,
    ) -> Result<Decision, Rejection> {
        let fire = Fire {
            event: event.to_owned(),
            facts: serde_json::from_value(facts).unwrap(),
            roles: BTreeSet::from([role.to_owned()]),
            waived: None,
            unanswered: Vec::new(),
        };
        let context = context(&self.definition, self.now);
        let needs = decide::needs(context, &self.project, &fire)?;
        let verdicts = needs.hooks.into_iter().filter(|h| *h == Hook::Step);
        let verdicts = verdicts.map(|hook| step(hook, next)).collect();
        decide::fire(context, &self.project, &fire, verdicts)
    }

    fn fire(&mut self, role: &str, event: &str, facts: Json) {
        let decision = self.try_fire(role, event, facts, None);
        self.project = decision.unwrap_or_else(|e| panic!("{event}: {e}")).project;
    }

    fn choose(
        &mut self,
        role: &str,
        issue: &str,
        option: Option<&str>,
        reason: &str,
    ) -> Result<Vec<Event>, Rejection> {
        let choose = Choose {
            issue: issue.to_owned(),
            option: option.map(str::to_owned),
            reason: reason.to_owned(),
            scope: DecisionScope::Project,
        };
        let context = context(&self.definition, self.now);
        let roles = BTreeSet::from([role.to_owned()]);
        let decision = decide::choose(context, &self.project, &choose, &roles, Vec::new())?;
        self.project = decision.project;
        Ok(decision.events)
    }

    fn state(&self) -> &str {
        &self.project.states["lifecycle"]
    }
}

fn step(hook: Hook, next: Option<&str>) -> Verdict {
    Verdict {
        hook,
        package: PackagePin {
            id: "example".to_owned(),
            version: "1".to_owned(),
            component: String::new(),
        },
        input: String::new(),
        fuel: 1,
        answer: Answer::default(),
        arguments: Default::default(),
        next: next.map(str::to_owned),
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

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn load(text: &str) -> Result<Definition, Vec<liucheng_model::definition::SourceError>> {
    let overlay = Source {
        name: "overlay.toml",
        text,
    };
    Definition::load(BASE, Some(overlay))
}

#[test]
fn a_duty_without_a_basis_is_that_of_its_clause() {
    let life = Life::begin();
    let duty = life.definition.obligation("town-report").unwrap();
    assert_eq!(duty.basis.text, "调研后十日内报送");
    assert_eq!(duty.basis.source, "示例办法");
    assert_eq!(life.definition.clause("XX-05").unwrap().text, "附则");
}

#[test]
fn steps_stand_in_their_order_and_the_component_decides_whether_they_are_taken() {
    let mut life = Life::begin();
    life.fire(
        "officer",
        "finish-survey",
        json!({"survey.finished": "2023-02-20"}),
    );
    assert_eq!(life.state(), "review");
    let opinion = json!({"review.opinion": "2023-02-28"});
    // Only the role that the step names, and with its fact.
    let refused = life.try_fire("officer", "review", opinion.clone(), Some("review"));
    assert!(matches!(refused, Err(Rejection::Role { .. })));
    let refused = life.try_fire("leading-group", "review", json!({}), Some("review"));
    assert!(matches!(refused, Err(Rejection::FactMissing { .. })));
    // The component proposes nothing: what was recorded stays, and so does the state.
    let waits = life
        .try_fire("leading-group", "review", opinion.clone(), None)
        .unwrap();
    assert_eq!(waits.project.states["lifecycle"], "review");
    assert!(waits.project.facts.contains_key("review.opinion"));
    // It may not lead anywhere else.
    let refused = life.try_fire(
        "leading-group",
        "review",
        opinion.clone(),
        Some("sign-contract"),
    );
    assert!(matches!(refused, Err(Rejection::StepNext { .. })));
    let taken = life.try_fire("leading-group", "review", opinion, Some("review"));
    life.project = taken.unwrap().project;
    assert_eq!(life.state(), "second-look");
    life.fire("officer", "second-look", json!({}));
    assert_eq!(life.state(), "plan");
}

#[test]
fn an_incident_that_only_says_that_the_package_rested_ends_with_its_next_answer() {
    let mut life = Life::begin();
    life.fire(
        "officer",
        "finish-survey",
        json!({"survey.finished": "2023-02-20"}),
    );
    let incident = |hook, code: &str| Incident {
        hook,
        package: step(hook, None).package,
        code: code.to_owned(),
        reason: "failed".to_owned(),
        on: day("2023-02-20"),
    };
    for (hook, code) in [
        (Hook::Cap, Incident::RESTING),
        (Hook::Check, "E-PLUGIN-TRAP"),
    ] {
        let context = context(&life.definition, life.now);
        let incident = incident(hook, code);
        let noted = decide::open_incident(context, &life.project, &incident);
        life.project = noted.unwrap().project;
    }
    let opinion = json!({"review.opinion": "2023-02-28"});
    let waits = life.try_fire("leading-group", "review", opinion, None);
    let open = waits.unwrap().project.incidents;
    assert_eq!(open.keys().collect::<Vec<_>>(), [&Hook::Check]);
}

#[test]
fn a_condition_refuses_with_its_clause_and_only_where_it_is_known_to_be_broken() {
    let mut life = Life::begin();
    life.fire(
        "officer",
        "finish-survey",
        json!({"survey.finished": "2023-02-20"}),
    );
    let taken = life.try_fire(
        "leading-group",
        "review",
        json!({"review.opinion": "2023-02-21"}),
        Some("review"),
    );
    life.project = taken.unwrap().project;
    life.fire("officer", "second-look", json!({}));
    life.fire(
        "officer",
        "approve-plan",
        json!({"plan.approved": "2023-02-22"}),
    );
    let confirm = |total: &str| json!({"budget.total": total, "budget.confirmed": "2023-02-23"});
    match life.try_fire("officer", "confirm-budget", confirm("1000.01"), None) {
        Err(Rejection::Rule { rule, message }) => {
            assert_eq!(rule, "XX-02");
            assert!(message.contains("经费不得超过一千元"), "{message}");
        }
        other => panic!("{other:?}"),
    }
    life.fire("officer", "confirm-budget", confirm("1000.00"));
    assert_eq!(life.state(), "procurement");
}

#[test]
fn transitions_demand_and_record_what_the_overlay_says() {
    let life = Life::begin();
    let of = |id: &str| {
        let mut all = life.definition.doc.transitions.iter();
        all.find(|t| t.id == id).unwrap().clone()
    };
    assert!(
        of("request-payment")
            .requires
            .contains(&"payment.application".to_owned())
    );
    assert!(
        of("record-facts")
            .records
            .contains(&"review.opinion".to_owned())
    );
    assert!(
        of("request-payment")
            .records
            .contains(&"payment.application".to_owned())
    );
    // What the component computes is not for people to record.
    assert!(life.definition.is_computed("share.town"));
    assert!(!life.definition.is_computed("payment.application"));
    assert!(!life.definition.is_computed("decision.xx_a1"));
}

#[test]
fn an_open_point_is_asked_until_somebody_decides_and_dates_follow() {
    let mut life = Life::begin();
    life.fire(
        "officer",
        "finish-survey",
        json!({"survey.finished": "2023-02-25"}),
    );
    let asked = |life: &Life| {
        let (states, none) = (&life.project.states, BTreeMap::new());
        let found = evaluate(Question {
            definition: &life.definition,
            facts: &life.project.facts,
            states,
            today: life.now.date(),
            calendar: Calendar::national().unwrap(),
            suspensions: &none,
        });
        let finding = found
            .findings
            .into_iter()
            .find(|f| f.rule == "XX-A1")
            .unwrap();
        let taken = finding
            .options
            .iter()
            .find(|o| o.taken)
            .map(|o| o.id.clone());
        (finding.code, taken, finding.message.zh)
    };
    let (code, taken, _) = asked(&life);
    assert_eq!(
        (code, taken.as_deref()),
        (FindingCode::NeedsDecision, Some("all"))
    );
    assert!(life.project.obligations.contains_key("town-report"));

    for (role, issue, option, reason, expected) in [
        ("contractor", "XX-A1", Some("towns"), "因为", "E-ROLE"),
        ("officer", "XX-A9", Some("towns"), "因为", "E-ISSUE-UNKNOWN"),
        ("officer", "XX-A1", Some("nobody"), "因为", "E-ISSUE-OPTION"),
        ("officer", "XX-A1", Some("towns"), "  ", "E-REASON"),
    ] {
        let refused = life.choose(role, issue, option, reason).unwrap_err();
        assert_eq!(refused.code(), expected);
    }
    let events = life
        .choose("officer", "XX-A1", Some("towns"), "市局答复")
        .unwrap();
    assert!(matches!(&events[0], Event::IssueDecided { reason, .. } if reason == "市局答复"));
    assert!(!life.project.obligations.contains_key("town-report"));
    let (code, taken, message) = asked(&life);
    assert_eq!((code, taken), (FindingCode::Informative, None));
    assert!(message.starts_with("已决定：只含乡镇"), "{message}");

    // A component cannot decide in a person's place, and neither can an opening.
    life.choose("officer", "XX-A1", None, "误记").unwrap();
    assert!(life.project.obligations.contains_key("town-report"));
    let fire = life.try_fire(
        "officer",
        "record-facts",
        json!({"decision.xx_a1": "towns"}),
        None,
    );
    assert!(matches!(fire, Err(Rejection::FactNotHere { .. })));
}

#[test]
fn reports_are_owed_only_while_their_condition_holds() {
    let mut life = Life::begin();
    life.fire(
        "officer",
        "record-facts",
        json!({"survey.finished": "2023-01-01", "contract.expiry": "2023-12-31"}),
    );
    let owed = |life: &Life| {
        let open = life.project.obligations.keys();
        let reports: Vec<String> = open
            .filter(|k| k.starts_with("monthly@"))
            .cloned()
            .collect();
        (reports, life.project.timers.contains_key("period:monthly"))
    };
    // The third month begins on the morning of the day that has only just begun.
    let two = vec!["monthly@2023-01".to_owned(), "monthly@2023-02".to_owned()];
    assert_eq!(owed(&life), (two.clone(), true));
    life.choose("officer", "XX-A1", Some("towns"), "市局答复")
        .unwrap();
    assert_eq!(owed(&life), (Vec::new(), false));
    life.choose("officer", "XX-A1", Some("all"), "市局更正")
        .unwrap();
    assert_eq!(owed(&life), (two, true));
}

/// The codes of the overlay after a change to its text.
fn codes(change: impl Fn(&str) -> String) -> Vec<String> {
    let text = change(OVERLAY);
    assert_ne!(text, OVERLAY, "the change changes nothing");
    let overlay = Source {
        name: "overlay.toml",
        text: &text,
    };
    let found = lint::lint(BASE, Some(overlay)).into_iter();
    found.map(|f| format!("{} {}", f.code, f.place)).collect()
}

#[test]
fn mistakes_are_found_at_their_place() {
    for (from, to, expected) in [
        ("rule = \"XX-04\"", "rule = \"XX-44\"", "E-CLAUSE-UNKNOWN"),
        ("id = \"XX-05\"", "id = \"XX-04\"", "E-ID-TWICE"),
        ("taken = \"all\"", "taken = \"none\"", "E-ISSUE-SHAPE"),
        (
            "  { id = \"towns\", zh = \"只含乡镇\", en = \"towns only\" },\n",
            "",
            "E-ISSUE-SHAPE",
        ),
        (
            "on = [\"confirm-budget\"]",
            "on = [\"confirm\"]",
            "E-TRANSITION-UNKNOWN",
        ),
        (
            "transition = \"request-payment\"",
            "transition = \"pay\"",
            "E-TRANSITION-UNKNOWN",
        ),
        (
            "facts = [\"payment.application\"]",
            "facts = [\"payment.apply\"]",
            "E-FACT-UNKNOWN",
        ),
        (
            "at = \"after-survey\"\ntitle = { zh = \"评审\"",
            "at = \"after-tea\"\ntitle = { zh = \"评审\"",
            "E-EXTENSION-POINT",
        ),
        (
            "roles = [\"leading-group\"]",
            "roles = [\"group\"]",
            "E-ROLE-UNKNOWN",
        ),
        ("id = \"review\"", "id = \"plan\"", "E-ID-TWICE"),
        (
            "holds = \"budget.total <=",
            "holds = \"budget.totals <=",
            "E-GUARD-NAME",
        ),
        (
            "decision.xx_a1 == 'all'",
            "decision.xx_a1 == 'al'",
            "E-GUARD-NAME",
        ),
        (
            "responsible = \"officer\"\nwhen = \"!has(decision.xx_a1) || decision.xx_a1 == 'all'\"\n\n[[check]]",
            "responsible = \"officer\"\nwhen = \"has(decision.xx_a2)\"\n\n[[check]]",
            "E-GUARD-NAME",
        ),
        ("text = \"附则\"", "text = \"\"", "E-CLAUSE-SHAPE"),
        (
            "rule = \"XX-04\"\n\n[[step]]",
            "rule = \"XX-05\"\n\n[[step]]",
            "E-CLAUSE-SHAPE",
        ),
    ] {
        let found = codes(|text| text.replacen(from, to, 1));
        assert!(
            found
                .iter()
                .any(|f| f.starts_with(expected) && !f.ends_with(":1:1")),
            "{from} → {to}: {found:?}"
        );
    }
}

#[test]
fn a_duty_by_a_day_of_the_year_falls_into_the_year_of_its_anchor() {
    let overlay = OVERLAY.replacen("period = \"10 days\"", "month-day = \"12-31\"", 1);
    let definition = load(&overlay).unwrap_or_else(|e| panic!("{e:#?}"));
    let due = |finished: &str| {
        let facts = json!({ "survey.finished": finished });
        let facts = facts.as_object().unwrap().iter();
        let facts: Facts = facts
            .map(|(key, value)| (key.clone(), definition.parse_fact(key, value).unwrap()))
            .collect();
        let evaluation = evaluate(Question {
            definition: &definition,
            facts: &facts,
            states: &BTreeMap::new(),
            today: day(finished),
            calendar: Calendar::national().unwrap(),
            suspensions: &BTreeMap::new(),
        });
        let found = evaluation.deadlines.into_iter();
        let duty = found.into_iter().find(|d| d.id == "town-report").unwrap();
        (duty.computation.due.unwrap(), duty.computation.provisional)
    };
    // A Sunday and a holiday, and a year whose holidays are not known: a day in the text is never moved.
    assert_eq!(due("2023-03-01"), (day("2023-12-31"), false));
    assert_eq!(due("2023-12-31"), (day("2023-12-31"), false));
    assert_eq!(due("2028-01-01"), (day("2028-12-31"), false));
}
