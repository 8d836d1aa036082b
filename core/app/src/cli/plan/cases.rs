//! What `plan` answers for every package: `tests/packages/<slug>.toml`, worked out by hand.

use std::{collections::BTreeSet, fmt::Write as _, fs, path::Path};

use serde::Deserialize;
use serde_json::{Map, Value as Json};

use liucheng_engine::library::Entry;
use liucheng_model::{
    definition::{DECISION, IssueDoc},
    fact::{FactValue, Facts, Scalar},
    finding::FindingCode,
};

use super::{Plan, Rules, compute, latest_date, read_facts};
use crate::{builtin, compose, input};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    on: Option<toml::Value>,
    #[serde(default)]
    facts: toml::Table,
    #[serde(default)]
    expect: Expect,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Expect {
    deadlines: Vec<Deadline>,
    payments: Vec<Payment>,
    findings: Vec<Finding>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Deadline {
    id: String,
    due: Option<toml::Value>,
    unrolled: Option<toml::Value>,
    provisional: Option<bool>,
    projected: Option<bool>,
    #[serde(default)]
    absent: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Payment {
    no: u32,
    percent: Option<String>,
    amount: Option<String>,
    due: Option<toml::Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Finding {
    rule: String,
    code: Option<String>,
    severity: Option<String>,
    /// A part of the Chinese message.
    message: Option<String>,
    #[serde(default)]
    absent: bool,
}

/// A date with or without quotes.
fn date(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Canonical JSON: a TOML date is a text.
fn json(value: &toml::Value) -> Json {
    match value {
        toml::Value::Datetime(day) => Json::from(day.to_string()),
        toml::Value::Array(items) => items.iter().map(json).collect(),
        toml::Value::Table(table) => Json::Object(object(table)),
        other => serde_json::to_value(other).unwrap(),
    }
}

fn object(table: &toml::Table) -> Map<String, Json> {
    table
        .iter()
        .map(|(key, value)| (key.clone(), json(value)))
        .collect()
}

/// What of a case is not as expected.
fn differences(plan: &Plan, expect: &Expect) -> Vec<String> {
    let mut wrong = Vec::new();
    for expected in &expect.deadlines {
        let mut all = plan.evaluation.deadlines.iter();
        let found = all.find(|d| d.key == expected.id);
        match (found, expected.absent) {
            (None, true) => {}
            (Some(found), true) => wrong.push(format!(
                "{}: must not be there, is {:?}",
                expected.id, found.computation.due
            )),
            (None, false) => wrong.push(format!("{}: missing", expected.id)),
            (Some(found), false) => {
                let result = &found.computation;
                let due = |day: Option<chrono::NaiveDate>| day.map(|day| day.to_string());
                let pairs = [
                    ("due", expected.due.as_ref(), due(result.due)),
                    ("unrolled", expected.unrolled.as_ref(), due(result.unrolled)),
                ];
                for (what, expected_day, found_day) in pairs {
                    if expected_day.is_some_and(|day| found_day != Some(date(day))) {
                        wrong.push(format!("{}: {what} is {found_day:?}", expected.id));
                    }
                }
                let flags = [
                    ("provisional", expected.provisional, result.provisional),
                    ("projected", expected.projected, found.projected),
                ];
                for (what, expected_flag, flag) in flags {
                    if expected_flag.is_some_and(|expected| expected != flag) {
                        wrong.push(format!("{}: {what} is {flag}", expected.id));
                    }
                }
            }
        }
    }
    for expected in &expect.payments {
        let Some(found) = plan.payments.iter().find(|p| p.no == expected.no) else {
            wrong.push(format!("payment {}: missing", expected.no));
            continue;
        };
        let due = super::payment_due(found, &plan.evaluation).map(|day| day.to_string());
        let amount = found.amount.map(|fen| fen.to_string());
        for (expected, found) in [
            (expected.percent.clone(), Some(found.percent.clone())),
            (expected.amount.clone(), amount),
            (expected.due.as_ref().map(date), due),
        ] {
            if expected.is_some() && expected != found {
                wrong.push(format!("payment: {found:?} instead of {expected:?}"));
            }
        }
    }
    for expected in &expect.findings {
        let text = |value: &dyn erased::Kebab| value.kebab();
        let fits = |f: &&liucheng_model::finding::Finding| {
            f.rule == expected.rule
                && expected
                    .code
                    .as_ref()
                    .is_none_or(|code| *code == text(&f.code))
                && expected
                    .severity
                    .as_ref()
                    .is_none_or(|s| *s == text(&f.severity))
                && expected
                    .message
                    .as_ref()
                    .is_none_or(|m| f.message.zh.contains(m))
        };
        let found = plan.findings.iter().find(fits);
        if found.is_some() == expected.absent {
            let of_rule = plan.findings.iter().filter(|f| f.rule == expected.rule);
            let of_rule: Vec<_> = of_rule
                .map(|f| (f.code, f.severity, &f.message.zh))
                .collect();
            let what = if expected.absent {
                "must not be there"
            } else {
                "missing"
            };
            wrong.push(format!(
                "finding {} {:?} {:?}: {what}; there are {of_rule:?}",
                expected.rule, expected.code, expected.message
            ));
        }
    }
    wrong
}

/// Names as they stand in JSON.
mod erased {
    pub trait Kebab {
        fn kebab(&self) -> String;
    }

    impl<T: serde::Serialize> Kebab for T {
        fn kebab(&self) -> String {
            let value = serde_json::to_value(self).unwrap_or_default();
            value.as_str().unwrap_or_default().to_owned()
        }
    }
}

/// The cases of a package.
fn read(province: &str) -> File {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/packages");
    let path = folder.join(format!("{province}.toml"));
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    toml::from_str(&text).unwrap_or_else(|e| panic!("{province}: {e}"))
}

fn built_in(province: &str) -> Rules {
    let parts = compose::parts(compose::calendar(&[]).unwrap(), None, Some(province));
    parts.unwrap().into()
}

/// The facts of a case without any decision, and the day it is looked at.
fn undecided(entry: &Entry, case: &Case) -> (Facts, chrono::NaiveDate) {
    let (mut facts, _) = read_facts(&entry.definition, &object(&case.facts)).unwrap();
    facts.retain(|key, _| !key.starts_with(DECISION));
    let on = case
        .on
        .as_ref()
        .map(|day| input::date("on", &date(day)).unwrap());
    let on = on.or_else(|| latest_date(&facts)).unwrap_or_default();
    (facts, on)
}

/// What `plan` answers for each option of an open point, without the point itself, which says what was decided.
async fn answers(
    (entry, parts): (&Entry, &Rules),
    issue: &IssueDoc,
    facts: &Facts,
    on: chrono::NaiveDate,
) -> BTreeSet<String> {
    let mut answers = BTreeSet::new();
    for option in &issue.options {
        let mut facts = facts.clone();
        let decided = FactValue::One(Scalar::Text(option.id.clone()));
        facts.insert(issue.fact(), decided);
        let plan = compute(entry, parts, &facts, on).await.unwrap();
        let own = format!("已决定：{}（", option.zh);
        let findings = plan.findings.iter();
        let findings: Vec<_> = findings
            .filter(|f| !(f.rule == issue.id && f.message.zh.starts_with(&own)))
            .collect();
        answers.insert(format!(
            "{:?} {findings:?} {:?}",
            plan.evaluation.deadlines, plan.payments
        ));
    }
    answers
}

/// Where a case meets an open point, each of its options has to lead to another answer in one of the cases. Reports
/// are not compared: of those that a decision moves, the deadlines and findings speak as well.
#[tokio::test]
async fn every_decision_changes_what_plan_answers() {
    let mut same = String::new();
    for province in builtin::PACKAGES.iter().map(|p| p.id) {
        let parts = built_in(province);
        let entry = parts.library.entry(province).unwrap();
        let mut open: Vec<&IssueDoc> = entry.definition.doc.issues.iter().collect();
        for case in read(province).case {
            if open.is_empty() {
                break;
            }
            let (facts, on) = undecided(&entry, &case);
            let plan = compute(&entry, &parts, &facts, on).await.unwrap();
            let asked = |issue: &IssueDoc| {
                let mut findings = plan.findings.iter();
                findings.any(|f| f.code == FindingCode::NeedsDecision && f.rule == issue.id)
            };
            let mut left = Vec::new();
            for issue in open {
                let differ = asked(issue)
                    && answers((&entry, &parts), issue, &facts, on).await.len()
                        == issue.options.len();
                if !differ {
                    left.push(issue);
                }
            }
            open = left;
        }
        for issue in open {
            writeln!(same, "{province} · {}", issue.id).unwrap();
        }
    }
    assert!(
        same.is_empty(),
        "no case shows what follows from a decision:\n{same}"
    );
}

#[tokio::test]
async fn every_package_gives_the_dates_and_amounts_of_its_document() {
    let mut wrong = String::new();
    for province in builtin::PACKAGES.iter().map(|p| p.id).chain(["national"]) {
        let file = read(province);
        let name = if province == "national" { "" } else { province };
        let parts = built_in(name);
        let entry = parts.library.entry(name).unwrap();
        for case in &file.case {
            for expected in &case.expect.deadlines {
                let id = expected.id.split('/').next().unwrap();
                let known = entry.definition.obligation(id).is_some();
                assert!(known, "{province} · {}: no obligation {id:?}", case.name);
            }
            let read = read_facts(&entry.definition, &object(&case.facts));
            let (facts, unknown) =
                read.unwrap_or_else(|e| panic!("{province} · {}: {e:?}", case.name));
            assert!(
                unknown.is_empty(),
                "{province} · {}: {unknown:?}",
                case.name
            );
            let on = match &case.on {
                Some(day) => Some(input::date("on", &date(day)).unwrap()),
                None => latest_date(&facts),
            };
            let plan = compute(&entry, &parts, &facts, on.unwrap_or_default())
                .await
                .unwrap();
            for difference in differences(&plan, &case.expect) {
                writeln!(wrong, "{province} · {}: {difference}", case.name).unwrap();
            }
        }
        assert!(!file.case.is_empty(), "{province} has no cases");
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// Every date, payment and verdict that hangs on an open point says so: where another option leads to another one, the
/// point is asked. What is asked for (`input-required`) and told may differ.
#[tokio::test]
async fn no_default_reading_decides_unasked() {
    let mut unasked = String::new();
    for province in builtin::PACKAGES.iter().map(|p| p.id) {
        let parts = built_in(province);
        let entry = parts.library.entry(province).unwrap();
        for case in read(province).case {
            let (facts, on) = undecided(&entry, &case);
            let plan = compute(&entry, &parts, &facts, on).await.unwrap();
            let asked: BTreeSet<&str> = plan
                .findings
                .iter()
                .filter(|f| f.code == FindingCode::NeedsDecision)
                .map(|f| f.rule.as_str())
                .collect();
            let issues = entry.definition.doc.issues.iter();
            for issue in issues.filter(|issue| !asked.contains(issue.id.as_str())) {
                let undecided = decisive(&plan, &issue.id);
                for option in issue.options.iter().filter(|o| o.id != issue.taken) {
                    let mut facts = facts.clone();
                    let decided = FactValue::One(Scalar::Text(option.id.clone()));
                    facts.insert(issue.fact(), decided);
                    let plan = compute(&entry, &parts, &facts, on).await.unwrap();
                    let said = decisive(&plan, &issue.id);
                    if let Some(differs) = undecided.symmetric_difference(&said).next() {
                        let (id, name) = (&issue.id, &case.name);
                        writeln!(unasked, "{province} · {name}: {id} decides {differs}").unwrap();
                        break;
                    }
                }
            }
        }
    }
    assert!(unasked.is_empty(), "\n{unasked}");
}

/// The dates, payments and verdicts of a plan, but for what was decided to be done about the point itself.
fn decisive(plan: &Plan, issue: &str) -> BTreeSet<String> {
    let deadlines = plan.evaluation.deadlines.iter();
    let dates = deadlines.map(|d| format!("{} on {:?}", d.key, d.computation.due));
    let payments = plan.payments.iter().map(|p| format!("{p:?}"));
    let verdict = |code| matches!(code, FindingCode::Violation | FindingCode::Infeasible);
    let findings = plan.findings.iter();
    let verdicts = findings
        .filter(|f| f.rule != issue && verdict(f.code))
        .map(|f| format!("{} {}", f.rule, f.message.zh));
    dates.chain(payments).chain(verdicts).collect()
}
