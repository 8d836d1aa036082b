//! The case format, read into the model's types.
//!
//! `plugins/sdk/src/testing` reads the same format into the SDK's types; neither may depend on the other, and
//! the shipped cases run through both.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use liucheng_model::{
    fact::{FactValue, Facts, Row, Scalar, parse_date},
    verdict::{Answer, Parameter},
};
use toml::{Table, Value as Toml};

/// One file of cases.
pub(super) struct CaseFile {
    pub(super) holidays: BTreeSet<NaiveDate>,
    pub(super) workdays: BTreeSet<NaiveDate>,
    /// What the file gives to all of its cases; `None` where it leaves that to the overlay.
    pub(super) parameters: Option<Parameters>,
    pub(super) cases: Vec<Case>,
}

/// A question and the answer it must have.
pub(super) struct Case {
    pub(super) name: String,
    pub(super) hook: String,
    pub(super) today: NaiveDate,
    pub(super) transition: String,
    pub(super) facts: Facts,
    pub(super) parameters: Parameters,
    expect: Table,
}

/// What came back.
pub(super) enum Found<'a> {
    Answer(&'a Answer, Option<&'a str>),
    Problem(&'a str),
}

pub(super) type Parameters = BTreeMap<String, Parameter>;
type Read<T> = Result<T, String>;

impl CaseFile {
    /// Reads a file; what it gives no parameters gets those of the overlay.
    pub(super) fn parse(text: &str, overlay: &Parameters) -> Read<Self> {
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
        let (holidays, workdays) = (days("holidays")?, days("workdays")?);
        let given = match root.contains_key("parameters") {
            true => {
                let table = take_table(&mut root, "parameters", "")?;
                Some(parameters(table, "parameters")?)
            }
            false => None,
        };
        let Some(Toml::Array(cases)) = root.remove("case") else {
            return Err("no [[case]]".to_owned());
        };
        only(&root, &[], "the file")?;
        let cases = cases.into_iter().enumerate();
        let shared = given.as_ref().unwrap_or(overlay);
        let cases = cases.map(|(i, case)| read_case(case, &format!("case[{i}]"), shared));
        let mut cases = cases.collect::<Read<Vec<_>>>()?;
        for (key, parameter) in cases.iter_mut().flat_map(|case| &mut case.parameters) {
            // It goes with the questions that the host would send it with, whatever its value.
            if let Some(declared) = overlay.get(key) {
                parameter.hooks.clone_from(&declared.hooks);
            }
        }
        Ok(Self {
            holidays,
            workdays,
            parameters: given,
            cases,
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
    let read = |(key, value): (String, Toml)| {
        let value = read_value(value, &format!("{place}.facts.{key}"))?;
        Ok((key, value))
    };
    Ok(Case {
        name: need("name")?,
        hook: need("hook")?,
        today: date(today, &format!("{place}.today"))?,
        transition: text("transition").unwrap_or_default(),
        facts: facts.into_iter().map(read).collect::<Read<_>>()?,
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

fn date(value: &Toml, place: &str) -> Read<NaiveDate> {
    let Toml::Datetime(day) = value else {
        return Err(format!(
            "{place}: {value} is not a date; write it without quotes"
        ));
    };
    parse_date(&day.to_string())
        .ok_or_else(|| format!("{place}: {day} is not a date of the calendar"))
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
            key.clone(),
            Parameter {
                key,
                value: read_value(value, &place)?,
                rule,
                hooks: Vec::new(),
            },
        ))
    };
    table.into_iter().map(read).collect()
}

fn read_value(value: Toml, place: &str) -> Read<FactValue> {
    match value {
        Toml::Array(rows) => {
            let rows = rows.into_iter().enumerate();
            let rows = rows.map(|(i, row)| match row {
                Toml::Table(row) => read_row(row, &format!("{place}[{i}]")),
                other => Err(format!("{place}[{i}]: {other} is not a row {{…}}")),
            });
            Ok(FactValue::Rows(rows.collect::<Read<_>>()?))
        }
        Toml::Table(row) if tagged(&row).is_none() => Ok(FactValue::Record(read_row(row, place)?)),
        scalar => read_scalar(scalar, place).map(FactValue::One),
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
    /// Compares what came back with what is expected; says both if they differ.
    pub(super) fn compare(&self, found: &Table) -> Read<()> {
        if matches(
            &Toml::Table(self.expect.clone()),
            &Toml::Table(found.clone()),
        ) {
            return Ok(());
        }
        Err(format!("expected:\n{}\nfound:\n{found}", self.expect))
    }
}

impl Found<'_> {
    /// The same in the format of case files.
    pub(super) fn table(&self) -> Read<Table> {
        match self {
            Self::Answer(answer, next) => {
                let mut table = answer_table(answer)?;
                table.extend(next.map(|next| ("next".to_owned(), Toml::from(next))));
                Ok(table)
            }
            Self::Problem(code) => Ok(Table::from_iter([(
                "problem".to_owned(),
                Toml::from(*code),
            )])),
        }
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

fn answer_table(answer: &Answer) -> Read<Table> {
    let mut table = Table::new();
    let mut list = |key: &str, items: Vec<Toml>| {
        if !items.is_empty() {
            table.insert(key.to_owned(), Toml::Array(items));
        }
    };
    let findings = answer.findings.iter().map(|finding| -> Read<Toml> {
        let mut entry = Table::new();
        // The words of the case format are those of the model's own serialisation.
        let word = |value: Result<Toml, toml::ser::Error>| value.map_err(|e| e.to_string());
        entry.insert("code".to_owned(), word(Toml::try_from(finding.code))?);
        entry.insert(
            "severity".to_owned(),
            word(Toml::try_from(finding.severity))?,
        );
        for (key, text) in [
            ("rule", &finding.rule),
            ("zh", &finding.message.zh),
            ("en", &finding.message.en),
        ] {
            entry.insert(key.to_owned(), text.as_str().into());
        }
        let facts = finding
            .facts
            .iter()
            .map(|fact| fact.as_str().into())
            .collect();
        entry.insert("facts".to_owned(), Toml::Array(facts));
        Ok(Toml::Table(entry))
    });
    list("findings", findings.collect::<Read<_>>()?);
    let payments = answer.payments.iter().map(|payment| {
        let mut entry = Table::new();
        entry.insert("no".to_owned(), i64::from(payment.no).into());
        for (key, text) in [
            ("percent", &payment.percent),
            ("obligation", &payment.obligation),
            ("rule", &payment.rule),
        ] {
            entry.insert(key.to_owned(), text.as_str().into());
        }
        if let Some(amount) = payment.amount {
            entry.insert("amount".to_owned(), amount.to_string().into());
        }
        Toml::Table(entry)
    });
    list("payments", payments.collect());
    if !answer.facts.is_empty() {
        let facts = answer
            .facts
            .iter()
            .map(|(key, value)| (key.clone(), value_toml(value)))
            .collect();
        table.insert("facts".to_owned(), Toml::Table(facts));
    }
    Ok(table)
}

/// A value as a case file writes it.
pub(super) fn show_value(value: &FactValue) -> String {
    value_toml(value).to_string()
}

fn value_toml(value: &FactValue) -> Toml {
    let row = |row: &Row| {
        Toml::Table(
            row.iter()
                .map(|(name, value)| (name.clone(), scalar_toml(value)))
                .collect(),
        )
    };
    match value {
        FactValue::One(scalar) => scalar_toml(scalar),
        FactValue::Record(fields) => row(fields),
        FactValue::Rows(rows) => Toml::Array(rows.iter().map(row).collect()),
    }
}

fn scalar_toml(scalar: &Scalar) -> Toml {
    let tag = |kind: &str, text: String| {
        Toml::Table(Table::from_iter([(kind.to_owned(), Toml::from(text))]))
    };
    match scalar {
        Scalar::Date(date) => {
            let text = date.to_string();
            text.parse().map_or(Toml::from(text), Toml::Datetime)
        }
        Scalar::Money(fen) => tag("money", fen.to_string()),
        Scalar::Percent(percent) => tag("percent", percent.normalize().to_string()),
        Scalar::Int(n) => (*n).into(),
        Scalar::Text(text) => text.as_str().into(),
        Scalar::Bool(flag) => (*flag).into(),
    }
}
