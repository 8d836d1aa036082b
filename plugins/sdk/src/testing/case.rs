//! The golden case format, read from TOML.

use toml::{Table, Value as Toml};

use super::PlainCalendar;
use crate::{
    Answer, Date, Facts, Finding, FindingCode, Parameter, Parameters, Payment, Problem, Row,
    Scalar, Severity, StepOutcome, Value,
};

/// One file of cases with its calendar.
#[derive(Debug, Clone)]
pub struct CaseFile {
    /// Holidays and make-up days of these cases.
    pub calendar: PlainCalendar,
    /// The cases in order.
    pub cases: Vec<Case>,
}

/// A question and the answer it must have.
#[derive(Debug, Clone)]
pub struct Case {
    /// What the case shows.
    pub name: String,
    /// `check` or a topic of `compute`.
    pub hook: String,
    /// The date of the question.
    pub today: Date,
    /// The transition that asks; may be empty.
    pub transition: String,
    /// The facts.
    pub facts: Facts,
    /// The parameters.
    pub parameters: Parameters,
    expect: Table,
}

type Read<T> = Result<T, String>;

impl CaseFile {
    /// Reads a file.
    ///
    /// # Errors
    /// A sentence that names the place.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut root: Table = text.parse().map_err(|e: toml::de::Error| e.to_string())?;
        let calendar = take_table(&mut root, "calendar", "")?;
        let days = |key: &str| -> Read<_> {
            let list = calendar
                .get(key)
                .and_then(Toml::as_array)
                .cloned()
                .unwrap_or_default();
            list.iter()
                .map(|day| date(day, &format!("calendar.{key}")))
                .collect()
        };
        let calendar = PlainCalendar {
            holidays: days("holidays")?,
            workdays: days("workdays")?,
        };
        let parameters = parameters(take_table(&mut root, "parameters", "")?, "parameters")?;
        let cases = match root.remove("case") {
            Some(Toml::Array(cases)) => cases,
            _ => return Err("no [[case]]".to_owned()),
        };
        only(&root, &[], "")?;
        let cases = cases.into_iter().enumerate();
        let cases = cases.map(|(i, case)| read_case(case, &format!("case[{i}]"), &parameters));
        Ok(Self {
            calendar,
            cases: cases.collect::<Read<_>>()?,
        })
    }
}

fn read_case(case: Toml, place: &str, shared: &Parameters) -> Read<Case> {
    let Toml::Table(mut case) = case else {
        return Err(format!("{place}: not a table"));
    };
    let facts = take_table(&mut case, "facts", place)?;
    let own = take_table(&mut case, "parameters", place)?;
    let expect = take_table(&mut case, "expect", place)?;
    only(&case, &["name", "hook", "today", "transition"], place)?;
    only(
        &expect,
        &["findings", "facts", "payments", "problem", "next"],
        &format!("{place}.expect"),
    )?;
    let text = |key: &str| case.get(key).and_then(Toml::as_str).map(str::to_owned);
    let need = |key: &str| text(key).ok_or_else(|| format!("{place}: {key} must be a text"));
    let today = case
        .get("today")
        .ok_or_else(|| format!("{place}: today is missing"))?;
    Ok(Case {
        name: need("name")?,
        hook: need("hook")?,
        today: date(today, &format!("{place}.today"))?,
        transition: text("transition").unwrap_or_default(),
        facts: values(facts, &format!("{place}.facts"))?
            .into_iter()
            .collect(),
        // A case that sets parameters replaces those of the file, so that one can be left out.
        parameters: if own.is_empty() {
            shared.clone()
        } else {
            parameters(own, place)?
        },
        expect,
    })
}

fn take_table(from: &mut Table, key: &str, place: &str) -> Read<Table> {
    match from.remove(key) {
        None => Ok(Table::new()),
        Some(Toml::Table(table)) => Ok(table),
        Some(_) => Err(format!("{place} {key} must be a table")),
    }
}

fn only(table: &Table, known: &[&str], place: &str) -> Read<()> {
    let odd = table.keys().find(|key| !known.contains(&key.as_str()));
    odd.map_or(Ok(()), |key| Err(format!("{place}: unknown key {key:?}")))
}

fn date(value: &Toml, place: &str) -> Read<Date> {
    let text = match value {
        Toml::Datetime(day) => day.to_string(),
        other => {
            return Err(format!(
                "{place}: {other} is not a date; write it without quotes"
            ));
        }
    };
    text.parse().map_err(|e| format!("{place}: {e}"))
}

fn parameters(table: Table, place: &str) -> Read<Parameters> {
    let read = |(key, entry): (String, Toml)| {
        let place = format!("{place}.{key}");
        let Toml::Table(mut entry) = entry else {
            return Err(format!("{place}: write {{ value = …, rule = \"…\" }}"));
        };
        let value = entry
            .remove("value")
            .ok_or_else(|| format!("{place}: value is missing"))?;
        let rule = entry
            .remove("rule")
            .and_then(|rule| rule.as_str().map(str::to_owned))
            .unwrap_or_default();
        only(&entry, &[], &place)?;
        Ok((
            key,
            Parameter {
                value: read_value(value, &place)?,
                rule,
            },
        ))
    };
    table.into_iter().map(read).collect()
}

fn values(table: Table, place: &str) -> Read<Vec<(String, Value)>> {
    let read = |(key, value)| {
        let place = format!("{place}.{key}");
        Ok((key, read_value(value, &place)?))
    };
    table.into_iter().map(read).collect()
}

fn read_value(value: Toml, place: &str) -> Read<Value> {
    match value {
        Toml::Array(rows) => {
            let rows = rows.into_iter().enumerate();
            let rows = rows.map(|(i, row)| match row {
                Toml::Table(row) => read_row(row, &format!("{place}[{i}]")),
                other => Err(format!("{place}[{i}]: {other} is not a row {{…}}")),
            });
            Ok(Value::Rows(rows.collect::<Read<_>>()?))
        }
        Toml::Table(row) if tagged(&row).is_none() => Ok(Value::Row(read_row(row, place)?)),
        scalar => read_scalar(scalar, place).map(Value::One),
    }
}

fn read_row(row: Table, place: &str) -> Read<Row> {
    let fields = row.into_iter();
    fields
        .map(|(name, value)| {
            Ok((
                name.clone(),
                read_scalar(value, &format!("{place}.{name}"))?,
            ))
        })
        .collect()
}

/// `{ money = "…" }` or `{ percent = "…" }`: the two types that TOML cannot tell from text.
fn tagged(table: &Table) -> Option<(&str, &str)> {
    let (key, value) = table.iter().next().filter(|_| table.len() == 1)?;
    let known = matches!(key.as_str(), "money" | "percent");
    known
        .then(|| value.as_str().map(|text| (key.as_str(), text)))
        .flatten()
}

fn read_scalar(value: Toml, place: &str) -> Read<Scalar> {
    match &value {
        Toml::Datetime(_) => date(&value, place).map(Scalar::Date),
        Toml::Integer(n) => Ok(Scalar::Int(*n)),
        Toml::Boolean(flag) => Ok(Scalar::Bool(*flag)),
        Toml::String(text) => Ok(Scalar::Text(text.clone())),
        Toml::Table(table) => match tagged(table) {
            Some(("money", text)) => text
                .parse()
                .map(Scalar::Money)
                .map_err(|e| format!("{place}: {e}")),
            Some((_, text)) => text
                .parse()
                .map(Scalar::Percent)
                .map_err(|e| format!("{place}: {e}")),
            None => Err(format!(
                "{place}: write {{ money = \"…\" }} or {{ percent = \"…\" }}"
            )),
        },
        other => Err(format!("{place}: {other} cannot be the value of a fact")),
    }
}

impl Case {
    /// Compares an answer with what the case expects.
    ///
    /// # Errors
    /// What is expected and what was answered, in the format of case files.
    pub fn compare(&self, answer: &Result<StepOutcome, Problem>) -> Result<(), String> {
        let found = match answer {
            Ok(outcome) => {
                let mut table = answer_table(&outcome.answer);
                let next = outcome.next.as_deref();
                table.extend(next.map(|next| ("next".to_owned(), Toml::from(next))));
                table
            }
            Err(problem) => {
                Table::from_iter([("problem".to_owned(), Toml::from(problem.code.clone()))])
            }
        };
        if matches(
            &Toml::Table(self.expect.clone()),
            &Toml::Table(found.clone()),
        ) {
            return Ok(());
        }
        Err(format!("expected:\n{}\nfound:\n{found}", self.expect))
    }
}

/// Whether `found` is what is expected; of a finding, only what the case writes down is compared.
fn matches(expected: &Toml, found: &Toml) -> bool {
    match (expected, found) {
        (Toml::Table(expected), Toml::Table(found)) if found.contains_key("severity") => expected
            .iter()
            .all(|(key, value)| found.get(key) == Some(value)),
        (Toml::Table(expected), Toml::Table(found)) => {
            expected.len() == found.len()
                && expected
                    .iter()
                    .all(|(key, value)| found.get(key).is_some_and(|f| matches(value, f)))
        }
        (Toml::Array(expected), Toml::Array(found)) => {
            expected.len() == found.len() && expected.iter().zip(found).all(|(e, f)| matches(e, f))
        }
        (expected, found) => expected == found,
    }
}

fn answer_table(answer: &Answer) -> Table {
    let findings: Vec<Toml> = answer.findings.iter().map(finding_toml).collect();
    let payments: Vec<Toml> = answer.payments.iter().map(payment_toml).collect();
    let facts: Table = answer
        .facts
        .iter()
        .map(|(key, value)| (key.clone(), value_toml(value)))
        .collect();
    let all = [
        (
            "findings",
            (!findings.is_empty()).then_some(Toml::Array(findings)),
        ),
        ("facts", (!facts.is_empty()).then_some(Toml::Table(facts))),
        (
            "payments",
            (!payments.is_empty()).then_some(Toml::Array(payments)),
        ),
    ];
    all.into_iter()
        .filter_map(|(key, part)| Some((key.to_owned(), part?)))
        .collect()
}

fn table<const N: usize>(entries: [(&str, Toml); N]) -> Toml {
    Toml::Table(
        entries
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect(),
    )
}

fn finding_toml(finding: &Finding) -> Toml {
    let code = match finding.code {
        FindingCode::InputRequired => "input-required",
        FindingCode::NeedsDecision => "needs-decision",
        FindingCode::Violation => "violation",
        FindingCode::Infeasible => "infeasible",
        FindingCode::Informative => "informative",
    };
    let severity = match finding.severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Error => "error",
    };
    table([
        ("code", code.into()),
        ("rule", finding.rule.as_str().into()),
        ("severity", severity.into()),
        ("zh", finding.message.zh.as_str().into()),
        ("en", finding.message.en.as_str().into()),
        (
            "facts",
            Toml::Array(
                finding
                    .facts
                    .iter()
                    .map(|fact| fact.as_str().into())
                    .collect(),
            ),
        ),
    ])
}

fn payment_toml(payment: &Payment) -> Toml {
    let Toml::Table(mut out) = table([
        ("no", i64::from(payment.no).into()),
        ("percent", payment.percent.to_string().into()),
        ("obligation", payment.obligation.as_str().into()),
        ("rule", payment.rule.as_str().into()),
    ]) else {
        return Toml::from("");
    };
    if let Some(amount) = payment.amount {
        out.insert("amount".to_owned(), amount.to_string().into());
    }
    Toml::Table(out)
}

fn value_toml(value: &Value) -> Toml {
    let row = |row: &Row| {
        Toml::Table(
            row.iter()
                .map(|(name, value)| (name.clone(), scalar_toml(value)))
                .collect(),
        )
    };
    match value {
        Value::One(scalar) => scalar_toml(scalar),
        Value::Row(fields) => row(fields),
        Value::Rows(rows) => Toml::Array(rows.iter().map(row).collect()),
    }
}

fn scalar_toml(scalar: &Scalar) -> Toml {
    match scalar {
        Scalar::Date(date) => {
            let text = date.to_string();
            text.parse().map_or(Toml::from(text), Toml::Datetime)
        }
        Scalar::Money(fen) => table([("money", fen.to_string().into())]),
        Scalar::Percent(percent) => table([("percent", percent.to_string().into())]),
        Scalar::Int(n) => (*n).into(),
        Scalar::Text(text) => text.as_str().into(),
        Scalar::Bool(flag) => (*flag).into(),
    }
}
