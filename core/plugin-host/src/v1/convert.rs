//! Between the wire types and the model's.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use liucheng_model::{
    fact::{FactValue, Facts, Row, Scalar, parse_date},
    finding::{Finding, FindingCode, Severity},
    money::Fen,
    text::Text,
    verdict::{Hook, Parameter, PlannedPayment},
};
use rust_decimal::Decimal;

use super::bindings::liucheng::province::types as wit;

/// Builds a request with the parameters that go with its hook; maps are in the order of their keys, so that the same facts make the same request.
pub(crate) fn request_out(
    (hook, today, transition): (Hook, NaiveDate, &str),
    facts: &Facts,
    parameters: &BTreeMap<String, Parameter>,
) -> wit::Request {
    let parameter = |(key, parameter): (&String, &Parameter)| wit::Parameter {
        key: key.clone(),
        value: value_out(&parameter.value),
        rule: parameter.rule.clone(),
    };
    wit::Request {
        today: today.to_string(),
        transition: transition.to_owned(),
        facts: facts_out(facts),
        parameters: parameters
            .iter()
            .filter(|(_, parameter)| parameter.goes_with(hook))
            .map(parameter)
            .collect(),
    }
}

/// Facts as the component sees them, in the order of their keys.
pub(crate) fn facts_out(facts: &Facts) -> Vec<wit::Fact> {
    let fact = |(key, value): (&String, &FactValue)| wit::Fact {
        key: key.clone(),
        value: value_out(value),
    };
    facts.iter().map(fact).collect()
}

fn value_out(value: &FactValue) -> wit::Value {
    match value {
        FactValue::Record(row) => wit::Value::Row(row_out(row)),
        FactValue::Rows(rows) => wit::Value::Rows(rows.iter().map(row_out).collect()),
        FactValue::One(scalar) => match scalar_out(scalar) {
            wit::Scalar::Date(text) => wit::Value::Date(text),
            wit::Scalar::MoneyFen(fen) => wit::Value::MoneyFen(fen),
            wit::Scalar::Percent(text) => wit::Value::Percent(text),
            wit::Scalar::Integer(n) => wit::Value::Integer(n),
            wit::Scalar::Text(text) => wit::Value::Text(text),
            wit::Scalar::Boolean(flag) => wit::Value::Boolean(flag),
        },
    }
}

fn row_out(row: &Row) -> Vec<wit::Field> {
    let fields = row.iter();
    fields
        .map(|(name, value)| wit::Field {
            name: name.clone(),
            value: scalar_out(value),
        })
        .collect()
}

fn scalar_out(scalar: &Scalar) -> wit::Scalar {
    match scalar {
        Scalar::Date(date) => wit::Scalar::Date(date.to_string()),
        Scalar::Money(fen) => wit::Scalar::MoneyFen(fen.0),
        Scalar::Percent(percent) => wit::Scalar::Percent(percent.normalize().to_string()),
        Scalar::Int(n) => wit::Scalar::Integer(*n),
        Scalar::Text(text) => wit::Scalar::Text(text.clone()),
        Scalar::Bool(flag) => wit::Scalar::Boolean(*flag),
    }
}

/// A fact from an answer, or why its value is none.
pub(crate) fn fact_in(fact: wit::Fact) -> Result<(String, FactValue), String> {
    let value = value_in(fact.value).map_err(|reason| format!("fact {}: {reason}", fact.key))?;
    Ok((fact.key, value))
}

fn value_in(value: wit::Value) -> Result<FactValue, String> {
    let scalar = match value {
        wit::Value::Row(fields) => return row_in(fields).map(FactValue::Record),
        wit::Value::Rows(rows) => {
            return rows
                .into_iter()
                .map(row_in)
                .collect::<Result<_, _>>()
                .map(FactValue::Rows);
        }
        wit::Value::Date(text) => wit::Scalar::Date(text),
        wit::Value::MoneyFen(fen) => wit::Scalar::MoneyFen(fen),
        wit::Value::Percent(text) => wit::Scalar::Percent(text),
        wit::Value::Integer(n) => wit::Scalar::Integer(n),
        wit::Value::Text(text) => wit::Scalar::Text(text),
        wit::Value::Boolean(flag) => wit::Scalar::Boolean(flag),
    };
    scalar_in(scalar).map(FactValue::One)
}

fn row_in(fields: Vec<wit::Field>) -> Result<Row, String> {
    let mut row = Row::new();
    for field in fields {
        let value = scalar_in(field.value)?;
        if row.insert(field.name.clone(), value).is_some() {
            return Err(format!("field {} is given twice", short(&field.name)));
        }
    }
    Ok(row)
}

fn scalar_in(scalar: wit::Scalar) -> Result<Scalar, String> {
    Ok(match scalar {
        wit::Scalar::Date(text) => {
            Scalar::Date(parse_date(&text).ok_or_else(|| format!("{} is no date", short(&text)))?)
        }
        wit::Scalar::MoneyFen(fen) => Scalar::Money(Fen(fen)),
        wit::Scalar::Percent(text) => Scalar::Percent(percent_in(&text)?),
        wit::Scalar::Integer(n) => Scalar::Int(n),
        wit::Scalar::Text(text) => Scalar::Text(text),
        wit::Scalar::Boolean(flag) => Scalar::Bool(flag),
    })
}

fn percent_in(text: &str) -> Result<Decimal, String> {
    let plain = text.len() <= 20 && text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let percent = Some(text)
        .filter(|_| plain)
        .and_then(|text| text.parse::<Decimal>().ok());
    let percent = percent.filter(|percent| *percent <= Decimal::ONE_HUNDRED);
    percent.ok_or_else(|| format!("{} is no percentage from 0 to 100", short(text)))
}

fn short(text: &str) -> String {
    format!("{:?}", text.chars().take(40).collect::<String>())
}

/// A finding from an answer.
pub(crate) fn finding_in(finding: wit::Finding) -> Finding {
    Finding {
        code: match finding.code {
            wit::FindingCode::InputRequired => FindingCode::InputRequired,
            wit::FindingCode::NeedsDecision => FindingCode::NeedsDecision,
            wit::FindingCode::Violation => FindingCode::Violation,
            wit::FindingCode::Infeasible => FindingCode::Infeasible,
            wit::FindingCode::Informative => FindingCode::Informative,
        },
        rule: finding.rule,
        severity: match finding.severity {
            wit::Severity::Info => Severity::Info,
            wit::Severity::Warning => Severity::Warning,
            wit::Severity::Error => Severity::Error,
        },
        message: Text {
            zh: finding.message_zh,
            en: finding.message_en,
        },
        facts: finding.facts,
        options: Vec::new(),
    }
}

/// A payment from an answer, or why it is none.
pub(crate) fn payment_in(payment: wit::Payment) -> Result<PlannedPayment, String> {
    let no = payment.no;
    let percent =
        percent_in(&payment.percent).map_err(|reason| format!("payment {no}: {reason}"))?;
    Ok(PlannedPayment {
        no,
        percent: percent.normalize().to_string(),
        amount: payment.amount_fen.map(Fen),
        obligation: payment.obligation,
        rule: payment.rule,
    })
}

/// A problem that the component reports, for people and shortened.
pub(crate) fn problem_in(problem: &wit::Problem) -> String {
    let cut = |text: &str| {
        text.chars()
            .filter(|c| !c.is_control())
            .take(300)
            .collect::<String>()
    };
    format!(
        "{} ({} / {})",
        cut(&problem.code),
        cut(&problem.message_zh),
        cut(&problem.message_en)
    )
}

/// How large something is on the wire.
pub(crate) trait Size {
    /// Bytes of text and numbers, lists included.
    fn bytes(&self) -> usize;
}

impl<T: Size> Size for Vec<T> {
    fn bytes(&self) -> usize {
        8 + self.iter().map(Size::bytes).sum::<usize>()
    }
}

impl Size for String {
    fn bytes(&self) -> usize {
        8 + self.len()
    }
}

impl Size for wit::Scalar {
    fn bytes(&self) -> usize {
        match self {
            Self::Date(text) | Self::Percent(text) | Self::Text(text) => 8 + Size::bytes(text),
            Self::MoneyFen(_) | Self::Integer(_) | Self::Boolean(_) => 16,
        }
    }
}

impl Size for wit::Value {
    fn bytes(&self) -> usize {
        match self {
            Self::Date(text) | Self::Percent(text) | Self::Text(text) => 8 + Size::bytes(text),
            Self::MoneyFen(_) | Self::Integer(_) | Self::Boolean(_) => 16,
            Self::Row(fields) => fields.bytes(),
            Self::Rows(rows) => rows.bytes(),
        }
    }
}

impl Size for wit::Field {
    fn bytes(&self) -> usize {
        Size::bytes(&self.name) + Size::bytes(&self.value)
    }
}

impl Size for wit::Fact {
    fn bytes(&self) -> usize {
        Size::bytes(&self.key) + Size::bytes(&self.value)
    }
}

impl Size for wit::Parameter {
    fn bytes(&self) -> usize {
        Size::bytes(&self.key) + Size::bytes(&self.value) + Size::bytes(&self.rule)
    }
}

impl Size for wit::Request {
    fn bytes(&self) -> usize {
        Size::bytes(&self.today)
            + Size::bytes(&self.transition)
            + self.facts.bytes()
            + self.parameters.bytes()
    }
}
