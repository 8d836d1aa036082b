//! What an answer may be: checked after lifting, before anybody else sees it.

use std::collections::{BTreeMap, BTreeSet};

use liucheng_engine::ports::Migration;
use liucheng_model::{
    fact::{FactValue, Facts, ROWS_MAX, Row, Scalar, TEXT_MAX_BYTES},
    finding::Finding,
    money::Fen,
    verdict::{Answer, Parameter, PlannedPayment},
};

use crate::{
    error::Problem,
    limits::Limits,
    v1::{self, fact_in, finding_in, payment_in},
};

/// The largest amount that can be meant: ten trillion yuan (十万亿元).
const MAX_MONEY: Fen = Fen(1_000_000_000_000_000);
/// A message, in bytes; three lines of Chinese.
const MESSAGE_BYTES: usize = 2_000;
/// Facts that one finding names.
const FINDING_FACTS: usize = 50;
/// Fields of one record.
const ROW_FIELDS: usize = 64;

/// What an answer is judged by.
pub(crate) struct Judge<'a> {
    pub(crate) limits: &'a Limits,
    /// Rules that the component declares.
    pub(crate) rules: &'a [String],
    /// Parameters, whose rules a finding may name too.
    pub(crate) parameters: &'a BTreeMap<String, Parameter>,
}

type Checked<T> = Result<T, Problem>;

fn bad<T>(reason: impl Into<String>) -> Checked<T> {
    Err(Problem::Answer(reason.into()))
}

/// Whether a text can be a rule's id: `YZ-04`, `CN-CONTRACT-30D`.
pub(crate) fn is_rule(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

/// Whether a text can be a fact's key: `contract.amount`.
fn is_key(text: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
    };
    text.len() <= 64 && text.split('.').all(part)
}

fn quoted(text: &str) -> String {
    format!("{:?}", text.chars().take(60).collect::<String>())
}

impl Judge<'_> {
    /// Turns a lifted answer into one that the engine may see.
    pub(crate) fn accept(&self, answer: v1::Answer) -> Checked<Answer> {
        self.count(answer.findings.len(), "findings")?;
        self.count(answer.facts.len(), "facts")?;
        self.count(answer.payments.len(), "payments")?;
        Ok(Answer {
            findings: answer
                .findings
                .into_iter()
                .map(|f| self.finding(f))
                .collect::<Checked<_>>()?,
            facts: self.facts(answer.facts)?,
            payments: payments(answer.payments)?,
        })
    }

    /// Turns a lifted migration into one that the engine may see.
    pub(crate) fn accept_migration(&self, migration: v1::Migration) -> Checked<Migration> {
        self.count(migration.set.len(), "facts")?;
        self.count(migration.drop.len(), "facts")?;
        self.count(migration.findings.len(), "findings")?;
        if let Some(key) = migration.drop.iter().find(|key| !is_key(key)) {
            return bad(format!("{} is no key of a fact", quoted(key)));
        }
        let findings = migration.findings.into_iter().map(|f| self.finding(f));
        Ok(Migration {
            set: self.facts(migration.set)?,
            drop: migration.drop,
            findings: findings.collect::<Checked<_>>()?,
        })
    }

    /// Judges the transition that a step proposes.
    pub(crate) fn proposal(&self, next: Option<String>) -> Checked<Option<String>> {
        let is_name = |name: &str| {
            (1..=64).contains(&name.len())
                && name
                    .bytes()
                    .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        };
        match next {
            Some(name) if !is_name(&name) => {
                bad(format!("{} is no name of a transition", quoted(&name)))
            }
            next => Ok(next),
        }
    }

    fn count(&self, found: usize, unit: &'static str) -> Checked<()> {
        let limit = self.limits.output_items;
        if found > limit {
            Err(Problem::Output { limit, unit })
        } else {
            Ok(())
        }
    }

    fn finding(&self, finding: v1::Finding) -> Checked<Finding> {
        let finding = finding_in(finding);
        let declared = self.rules.contains(&finding.rule)
            || self.parameters.values().any(|p| p.rule == finding.rule);
        if !declared {
            return bad(format!(
                "a finding names rule {}, which the package does not declare",
                quoted(&finding.rule)
            ));
        }
        for text in [&finding.message.zh, &finding.message.en] {
            if text.trim().is_empty() {
                return bad(format!(
                    "a finding of {} has no message in one language",
                    finding.rule
                ));
            }
            if text.len() > MESSAGE_BYTES || text.chars().any(char::is_control) {
                return bad(format!(
                    "a message of {} is longer than {MESSAGE_BYTES} bytes or not one line",
                    finding.rule
                ));
            }
        }
        if finding.facts.len() > FINDING_FACTS {
            return Err(Problem::Output {
                limit: FINDING_FACTS,
                unit: "facts in one finding",
            });
        }
        match finding.facts.iter().find(|key| !is_key(key)) {
            Some(key) => bad(format!("{} is no key of a fact", quoted(key))),
            None => Ok(finding),
        }
    }

    fn facts(&self, facts: Vec<v1::Fact>) -> Checked<Facts> {
        let mut accepted = Facts::new();
        for fact in facts {
            if !is_key(&fact.key) {
                return bad(format!("{} is no key of a fact", quoted(&fact.key)));
            }
            let (key, value) = fact_in(fact).map_err(Problem::Answer)?;
            value_fits(&value).or_else(|reason| bad(format!("fact {key}: {reason}")))?;
            if accepted.contains_key(&key) {
                return bad(format!("fact {key} is given twice"));
            }
            accepted.insert(key, value);
        }
        Ok(accepted)
    }
}

fn value_fits(value: &FactValue) -> Result<(), String> {
    match value {
        FactValue::One(scalar) => scalar_fits(scalar),
        FactValue::Record(row) => row_fits(row),
        FactValue::Rows(rows) if rows.len() > ROWS_MAX => Err(format!("more than {ROWS_MAX} rows")),
        FactValue::Rows(rows) => rows.iter().try_for_each(row_fits),
    }
}

fn row_fits(row: &Row) -> Result<(), String> {
    if row.len() > ROW_FIELDS {
        return Err(format!("more than {ROW_FIELDS} fields"));
    }
    row.iter().try_for_each(|(name, value)| {
        if !is_key(name) {
            return Err(format!("{} is no name of a field", quoted(name)));
        }
        scalar_fits(value)
    })
}

fn scalar_fits(scalar: &Scalar) -> Result<(), String> {
    match scalar {
        Scalar::Money(fen) if !(Fen::ZERO..=MAX_MONEY).contains(fen) => {
            Err(format!("{fen} yuan is not between 0 and {MAX_MONEY}"))
        }
        Scalar::Text(text) if text.len() > TEXT_MAX_BYTES => {
            Err(format!("a text longer than {TEXT_MAX_BYTES} bytes"))
        }
        _ => Ok(()),
    }
}

fn payments(payments: Vec<v1::Payment>) -> Checked<Vec<PlannedPayment>> {
    let mut numbers = BTreeSet::new();
    let mut accepted = Vec::with_capacity(payments.len());
    for payment in payments {
        let payment = payment_in(payment).map_err(Problem::Answer)?;
        let no = payment.no;
        if no == 0 || !numbers.insert(no) {
            return bad(format!("payment number {no} is 0 or given twice"));
        }
        if payment
            .amount
            .is_some_and(|fen| !(Fen::ZERO..=MAX_MONEY).contains(&fen))
        {
            return bad(format!(
                "the amount of payment {no} is not between 0 and {MAX_MONEY} yuan"
            ));
        }
        if !is_rule(&payment.rule) {
            return bad(format!(
                "payment {no} names {}, which is no rule id",
                quoted(&payment.rule)
            ));
        }
        if !payment.obligation.is_empty() && !is_key(&payment.obligation) {
            return bad(format!(
                "payment {no} names {}, which is no obligation",
                quoted(&payment.obligation)
            ));
        }
        accepted.push(payment);
    }
    Ok(accepted)
}
