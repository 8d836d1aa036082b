//! How two answers differ, and two sets of facts: what appears, what goes, what changes from what to what.

use std::collections::{BTreeMap, BTreeSet};

use liucheng_model::{
    fact::{FactValue, Facts, Row},
    finding::{Finding, FindingCode, Severity},
    text::Text,
    verdict::Answer,
};
use serde::Serialize;
use serde_json::Value as Json;

/// A finding that appears, goes or changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FindingChange {
    /// The rule's id; empty where no rule speaks.
    pub rule: String,
    /// What is found now; `None` where it appears.
    pub before: Option<Said>,
    /// What would be found; `None` where it goes.
    pub after: Option<Said>,
}

/// What a finding says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Said {
    /// The kind.
    pub code: FindingCode,
    /// The weight.
    pub severity: Severity,
    /// For people.
    pub message: Text,
}

/// A number, date or word that appears, goes or changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ValueChange {
    /// The fact's key; within records with the field (`budget.tree[ID].amount`), of a payment plan
    /// `payment[NO].amount`.
    pub key: String,
    /// Its value now, in the canonical form; `None` where it appears.
    pub before: Option<Json>,
    /// Its value then; `None` where it goes.
    pub after: Option<Json>,
}

/// The findings that differ between two answers; an answer that is not there has none.
///
/// A finding of the same rule and kind on both sides is one that changes.
#[must_use]
pub fn findings(before: Option<&Answer>, after: Option<&Answer>) -> Vec<FindingChange> {
    let of = |answer: Option<&Answer>| answer.map(|a| a.findings.clone()).unwrap_or_default();
    between(of(before), of(after))
}

/// As [`findings`], between two lists.
pub(crate) fn between(mut gone: Vec<Finding>, mut come: Vec<Finding>) -> Vec<FindingChange> {
    gone.retain(|finding| take(&mut come, |other| other == finding).is_none());
    let mut changes = Vec::new();
    for finding in gone {
        let same = |other: &Finding| other.rule == finding.rule;
        let kind = |other: &Finding| same(other) && other.code == finding.code;
        let then = take(&mut come, kind).or_else(|| take(&mut come, same));
        changes.push(FindingChange {
            rule: finding.rule.clone(),
            before: Some(said(finding)),
            after: then.map(said),
        });
    }
    changes.extend(come.into_iter().map(|finding| FindingChange {
        rule: finding.rule.clone(),
        before: None,
        after: Some(said(finding)),
    }));
    changes
}

fn take(findings: &mut Vec<Finding>, wanted: impl Fn(&Finding) -> bool) -> Option<Finding> {
    let found = findings.iter().position(wanted)?;
    Some(findings.remove(found))
}

pub(crate) fn said(finding: Finding) -> Said {
    Said {
        code: finding.code,
        severity: finding.severity,
        message: finding.message,
    }
}

/// The facts and payments that differ between two answers; an answer that is not there has none.
#[must_use]
pub fn values(before: Option<&Answer>, after: Option<&Answer>) -> Vec<ValueChange> {
    compared(&flat_answer(before), &flat_answer(after))
}

/// The facts that differ between two sets.
#[must_use]
pub fn facts(before: &Facts, after: &Facts) -> Vec<ValueChange> {
    compared(&flat_facts(before), &flat_facts(after))
}

type Flat = BTreeMap<String, Json>;

fn compared(before: &Flat, after: &Flat) -> Vec<ValueChange> {
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let changed = keys.into_iter().filter(|k| before.get(*k) != after.get(*k));
    changed
        .map(|key| ValueChange {
            key: key.clone(),
            before: before.get(key).cloned(),
            after: after.get(key).cloned(),
        })
        .collect()
}

fn flat_answer(answer: Option<&Answer>) -> Flat {
    let Some(answer) = answer else {
        return Flat::new();
    };
    let mut flat = flat_facts(&answer.facts);
    for payment in &answer.payments {
        let mut put = |field: &str, value: &str| {
            let key = format!("payment[{}].{field}", payment.no);
            flat.insert(key, Json::String(value.to_owned()));
        };
        put("percent", &payment.percent);
        put("obligation", &payment.obligation);
        put("rule", &payment.rule);
        if let Some(amount) = payment.amount {
            put("amount", &amount.to_string());
        }
    }
    flat
}

fn flat_facts(facts: &Facts) -> Flat {
    let mut flat = Flat::new();
    for (key, value) in facts {
        match value {
            FactValue::One(scalar) => drop(flat.insert(key.clone(), scalar.to_json())),
            FactValue::Record(row) => fields(key, row, &mut flat),
            FactValue::Rows(rows) => {
                for (index, row) in rows.iter().enumerate() {
                    let name = row.get("id").map(|id| match id.to_json() {
                        Json::String(text) => text,
                        other => other.to_string(),
                    });
                    let name = name.unwrap_or_else(|| (index + 1).to_string());
                    fields(&format!("{key}[{name}]"), row, &mut flat);
                }
            }
        }
    }
    flat
}

fn fields(key: &str, row: &Row, flat: &mut Flat) {
    for (field, scalar) in row {
        flat.insert(format!("{key}.{field}"), scalar.to_json());
    }
}

#[cfg(test)]
mod tests {
    use liucheng_model::{fact::Scalar, money::Fen, verdict::PlannedPayment};
    use serde_json::json;

    use super::*;

    fn finding(rule: &str, code: FindingCode, severity: Severity, zh: &str) -> Finding {
        Finding {
            code,
            rule: rule.to_owned(),
            severity,
            message: Text::new(zh, zh),
            facts: Vec::new(),
            options: Vec::new(),
        }
    }

    fn money(fen: i64) -> Scalar {
        Scalar::Money(Fen(fen))
    }

    fn answer(share: i64, percent: &str, findings: Vec<Finding>) -> Answer {
        let row = |id: &str, fen: i64| {
            Row::from([
                ("id".to_owned(), Scalar::Text(id.to_owned())),
                ("amount".to_owned(), money(fen)),
            ])
        };
        let towns = FactValue::Rows(vec![row("东塔", share), row("崇兴", 500)]);
        Answer {
            findings,
            facts: Facts::from([
                ("budget.floor".to_owned(), money(share).into()),
                ("budget.towns".to_owned(), towns),
            ]),
            payments: vec![PlannedPayment {
                no: 1,
                percent: percent.to_owned(),
                amount: None,
                obligation: "pay-1".to_owned(),
                rule: "XX-02".to_owned(),
            }],
        }
    }

    #[test]
    fn what_differs_is_said_with_both_values() {
        let informative = finding("XX-01", FindingCode::Informative, Severity::Info, "足够");
        let violation = finding("XX-01", FindingCode::Violation, Severity::Error, "不足");
        let kept = finding("XX-03", FindingCode::Informative, Severity::Info, "不变");
        let gone = finding(
            "XX-04",
            FindingCode::Informative,
            Severity::Warning,
            "原则上",
        );
        let before = answer(100, "50", vec![kept.clone(), informative, gone]);
        let after = answer(200, "60", vec![violation, kept]);
        let values = values(Some(&before), Some(&after));
        let told: Vec<_> = values
            .iter()
            .map(|v| {
                let (before, after) = (v.before.as_ref().unwrap(), v.after.as_ref().unwrap());
                (v.key.as_str(), before.clone(), after.clone())
            })
            .collect();
        assert_eq!(
            told,
            [
                ("budget.floor", json!("1.00"), json!("2.00")),
                ("budget.towns[东塔].amount", json!("1.00"), json!("2.00")),
                ("payment[1].percent", json!("50"), json!("60")),
            ]
        );
        let told: Vec<_> = findings(Some(&before), Some(&after))
            .into_iter()
            .map(|f| {
                let severity = |said: Option<Said>| said.map(|said| said.severity);
                (f.rule, severity(f.before), severity(f.after))
            })
            .collect();
        let rule = str::to_owned;
        assert_eq!(
            told,
            [
                (rule("XX-01"), Some(Severity::Info), Some(Severity::Error)),
                (rule("XX-04"), Some(Severity::Warning), None),
            ]
        );
        assert!(findings(Some(&before), Some(&before)).is_empty());
        let new = findings(None, Some(&after));
        assert!(new.len() == 2 && new.iter().all(|f| f.before.is_none()));
    }
}
