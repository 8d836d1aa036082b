//! Facts: the typed values a project is described by.
//!
//! A key such as `contract.signed` has one type everywhere: in definitions, forms, the API,
//! imports, `plan --facts` and plugins.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use chrono::{Datelike, NaiveDate};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use thiserror::Error;

use crate::money::{Fen, MoneyError};

/// All facts of a project, by key.
pub type Facts = BTreeMap<String, FactValue>;

/// One row of a list fact, such as one member of `staff.roster`.
pub type Row = BTreeMap<String, Scalar>;

/// A single typed value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scalar {
    /// A civil date, Asia/Shanghai.
    Date(NaiveDate),
    /// An amount in fen.
    Money(Fen),
    /// A percentage, `3` meaning 3 %.
    Percent(Decimal),
    /// A whole number.
    Int(i64),
    /// Free text or the value of an enumeration.
    Text(String),
    /// Yes or no.
    Bool(bool),
}

/// The value of a fact: a scalar, one record, or a list of records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FactValue {
    /// One record with named fields.
    Record(Row),
    /// A list of records.
    Rows(Vec<Row>),
    /// One value.
    #[serde(untagged)]
    One(Scalar),
}

impl FactValue {
    /// The date, if this is one.
    #[must_use]
    pub fn as_date(&self) -> Option<NaiveDate> {
        match self {
            Self::One(Scalar::Date(date)) => Some(*date),
            _ => None,
        }
    }

    /// The date, or the earliest date of a list of dated rows.
    #[must_use]
    pub fn as_date_or_first(&self) -> Option<NaiveDate> {
        match self {
            Self::Rows(rows) => rows
                .iter()
                .filter_map(|row| match row.get("date") {
                    Some(Scalar::Date(date)) => Some(*date),
                    _ => None,
                })
                .min(),
            other => other.as_date(),
        }
    }

    /// The date, or the latest date of a list of dated rows.
    #[must_use]
    pub fn as_latest_date(&self) -> Option<NaiveDate> {
        match self {
            Self::Rows(rows) => rows
                .iter()
                .filter_map(|row| match row.get("date") {
                    Some(Scalar::Date(date)) => Some(*date),
                    _ => None,
                })
                .max(),
            other => other.as_date(),
        }
    }

    /// The amount, if this is money.
    #[must_use]
    pub fn as_money(&self) -> Option<Fen> {
        match self {
            Self::One(Scalar::Money(fen)) => Some(*fen),
            _ => None,
        }
    }

    /// The whole number, if this is one.
    #[must_use]
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::One(Scalar::Int(n)) => Some(*n),
            _ => None,
        }
    }

    /// The text, if this is text.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::One(Scalar::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The canonical JSON form: dates, money and percentages as strings.
    #[must_use]
    pub fn to_json(&self) -> Json {
        match self {
            Self::One(scalar) => scalar.to_json(),
            Self::Record(row) => row_to_json(row),
            Self::Rows(rows) => Json::Array(rows.iter().map(row_to_json).collect()),
        }
    }
}

fn row_to_json(row: &Row) -> Json {
    Json::Object(row.iter().map(|(k, v)| (k.clone(), v.to_json())).collect())
}

impl Scalar {
    /// The canonical JSON form.
    #[must_use]
    pub fn to_json(&self) -> Json {
        match self {
            Self::Date(date) => Json::String(date.to_string()),
            Self::Money(fen) => Json::String(fen.to_string()),
            Self::Percent(percent) => Json::String(percent.normalize().to_string()),
            Self::Int(n) => Json::from(*n),
            Self::Text(text) => Json::String(text.clone()),
            Self::Bool(flag) => Json::Bool(*flag),
        }
    }
}

impl From<Scalar> for FactValue {
    fn from(scalar: Scalar) -> Self {
        Self::One(scalar)
    }
}

/// The type of a scalar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScalarType {
    /// `YYYY-MM-DD`.
    Date,
    /// Yuan as a decimal string with at most two decimals.
    Money,
    /// A decimal string, `"3"` meaning 3 %.
    Percent,
    /// A whole number.
    Int,
    /// Free text.
    Text,
    /// `true` or `false`.
    Bool,
    /// One of these values.
    Enum(Vec<String>),
}

/// The type of a fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FactType {
    /// One record.
    Record(BTreeMap<String, ScalarType>),
    /// A list of records.
    Rows(BTreeMap<String, ScalarType>),
    /// A date, or a list of `{id, date}` with one clock for each row.
    Dates,
    /// A whole number, or a list of records that are counted.
    Count(BTreeMap<String, ScalarType>),
    /// One value.
    #[serde(untagged)]
    Scalar(ScalarType),
}

/// Why a value does not fit its fact.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{place}: {reason}")]
pub struct FactError {
    /// The key, with row and field where there are any: `staff.roster[2].age`.
    pub place: String,
    /// What is wrong.
    pub reason: FactReason,
}

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FactReason {
    /// The definition does not declare this key.
    #[error("unknown fact{}", suggestion(.near))]
    Unknown {
        /// A declared key that is spelled alike.
        near: Option<String>,
    },
    /// Another JSON type.
    #[error("expected {expected}, found {found}")]
    Type {
        /// The form that is accepted.
        expected: &'static str,
        /// The JSON that was given, shortened.
        found: String,
    },
    /// Looks like a date but is none.
    #[error("{0:?} is not a date of the calendar")]
    Date(String),
    /// Not an amount of money.
    #[error(transparent)]
    Money(#[from] MoneyError),
    /// A percentage outside 0 to 100.
    #[error("{0:?} is not a percentage between 0 and 100")]
    Percent(String),
    /// Not one of the listed values.
    #[error("{found:?} is not one of {}", .values.join(", "))]
    Enum {
        /// What was given.
        found: String,
        /// What is accepted.
        values: Vec<String>,
    },
    /// A row has a field that the type does not know.
    #[error("unknown field{}", suggestion(.near))]
    Field {
        /// A known field that is spelled alike.
        near: Option<String>,
    },
    /// Longer than a text or list may be.
    #[error("longer than {0}")]
    Size(&'static str),
    /// A day that no project can mean.
    #[error("{0} is not between 1949-10-01 and 2199-12-31")]
    DateRange(NaiveDate),
    /// A number of things that nobody can have.
    #[error("{0} is not between 0 and {COUNT_MAX}")]
    Count(i64),
    /// A text with control characters.
    #[error("has control characters")]
    Control,
    /// A dated row without its id or its date, or with an id that another row has.
    #[error("{0}")]
    Row(&'static str),
}

fn suggestion(near: &Option<String>) -> String {
    near.as_ref()
        .map(|n| format!("; did you mean {n:?}?"))
        .unwrap_or_default()
}

impl FactError {
    /// The stable code of this refusal.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match &self.reason {
            FactReason::Unknown { .. } => "E-FACT-UNKNOWN",
            FactReason::Type { .. } => "E-FACT-TYPE",
            FactReason::Date(_) => "E-DATE-INVALID",
            FactReason::Money(money) => money.code(),
            FactReason::Percent(_) => "E-PERCENT-RANGE",
            FactReason::Enum { .. } => "E-FACT-ENUM",
            FactReason::Field { .. } => "E-FACT-FIELD",
            FactReason::Size(_) => "E-FACT-SIZE",
            FactReason::DateRange(_) => "E-DATE-RANGE",
            FactReason::Count(_) => "E-COUNT-RANGE",
            FactReason::Control => "E-FACT-CONTROL",
            FactReason::Row(_) => "E-FACT-ROW",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match &self.reason {
            FactReason::Unknown { near: Some(near) } => format!("use {near:?}"),
            FactReason::Unknown { near: None } => {
                "the keys are listed in the definition under [facts]".to_owned()
            }
            FactReason::Type { expected, .. } => format!("give {expected}"),
            FactReason::Date(_) => "write a day that exists as YYYY-MM-DD".to_owned(),
            FactReason::Money(money) => money.hint().to_owned(),
            FactReason::Percent(_) => "write a decimal string such as \"3\" for 3 %".to_owned(),
            FactReason::Enum { values, .. } => format!("choose one of {}", values.join(", ")),
            FactReason::Field { .. } => "see the fields of this list in the definition".to_owned(),
            FactReason::Size(limit) => format!("stay within {limit}"),
            FactReason::DateRange(_) => "check the year".to_owned(),
            FactReason::Count(_) => "check the number, or list them one by one".to_owned(),
            FactReason::Control => "write plain text; line breaks are allowed".to_owned(),
            FactReason::Row(_) => {
                "write {\"id\": \"…\", \"date\": \"YYYY-MM-DD\"}, each id once, without / @ #"
                    .to_owned()
            }
        }
    }
}

/// The years a date may lie in. A mistyped year would open obligations of centuries.
const DATES: std::ops::RangeInclusive<i32> = 1949..=2199;
/// The first day of the People's Republic.
const FOUNDING: NaiveDate = match NaiveDate::from_ymd_opt(1949, 10, 1) {
    Some(date) => date,
    None => NaiveDate::MIN,
};
/// The longest text a fact may hold, in bytes.
pub const TEXT_MAX_BYTES: usize = 4_096;
/// The most rows a list fact may hold.
pub const ROWS_MAX: usize = 2_000;

impl FactType {
    /// Reads a fact from its canonical JSON form.
    ///
    /// # Errors
    /// [`FactError`] with the place and a coded reason; nothing is ever converted silently.
    pub fn parse(&self, key: &str, json: &Json) -> Result<FactValue, FactError> {
        match self {
            Self::Scalar(kind) => kind.parse(key, json).map(FactValue::One),
            Self::Record(fields) => match json {
                Json::Object(_) => parse_row(fields, key, json).map(FactValue::Record),
                other => Err(wrong_type(key, "one record {…}", other)),
            },
            Self::Rows(fields) => parse_rows(fields, key, json),
            Self::Dates => match json {
                Json::Array(_) => {
                    let rows = parse_rows(&dated_row(), key, json)?;
                    check_dated(key, &rows)?;
                    Ok(rows)
                }
                _ => ScalarType::Date.parse(key, json).map(FactValue::One),
            },
            Self::Count(fields) => match json {
                Json::Array(_) => parse_rows(fields, key, json),
                _ => match ScalarType::Int.parse(key, json)? {
                    Scalar::Int(count) if !(0..=COUNT_MAX).contains(&count) => Err(FactError {
                        place: key.to_owned(),
                        reason: FactReason::Count(count),
                    }),
                    count => Ok(FactValue::One(count)),
                },
            },
        }
    }
}

/// The most stations, townships or communities that one project can speak of: the nation has fewer.
pub const COUNT_MAX: i64 = 1_000_000;

/// Each row is a clock of its own: it needs a date, and a name that no other row has.
fn check_dated(key: &str, value: &FactValue) -> Result<(), FactError> {
    let FactValue::Rows(rows) = value else {
        return Ok(());
    };
    let mut seen = BTreeSet::new();
    for (i, row) in rows.iter().enumerate() {
        let fail = |reason| {
            Err(FactError {
                place: format!("{key}[{i}]"),
                reason: FactReason::Row(reason),
            })
        };
        match (row.get("id"), row.get("date")) {
            (_, None) => return fail("has no date"),
            (Some(Scalar::Text(id)), _) if id.is_empty() || id.contains(['/', '@', '#']) => {
                return fail("has an id that cannot be used");
            }
            (Some(Scalar::Text(id)), _) if !seen.insert(id.as_str()) => {
                return fail("repeats the id of another row");
            }
            (None, _) => return fail("has no id"),
            _ => {}
        }
    }
    Ok(())
}

fn dated_row() -> BTreeMap<String, ScalarType> {
    BTreeMap::from([
        ("id".to_owned(), ScalarType::Text),
        ("date".to_owned(), ScalarType::Date),
    ])
}

fn parse_rows(
    fields: &BTreeMap<String, ScalarType>,
    key: &str,
    json: &Json,
) -> Result<FactValue, FactError> {
    let Json::Array(items) = json else {
        return Err(wrong_type(key, "a list of records [{…}, …]", json));
    };
    if items.len() > ROWS_MAX {
        return Err(FactError {
            place: key.to_owned(),
            reason: FactReason::Size("2000 rows"),
        });
    }
    let rows = items.iter().enumerate();
    rows.map(|(i, item)| parse_row(fields, &format!("{key}[{i}]"), item))
        .collect::<Result<_, _>>()
        .map(FactValue::Rows)
}

fn parse_row(
    fields: &BTreeMap<String, ScalarType>,
    place: &str,
    json: &Json,
) -> Result<Row, FactError> {
    let Json::Object(object) = json else {
        return Err(wrong_type(place, "a record {…}", json));
    };
    object
        .iter()
        .map(|(name, value)| {
            let place = format!("{place}.{name}");
            let kind = fields.get(name).ok_or_else(|| FactError {
                place: place.clone(),
                reason: FactReason::Field {
                    near: nearest(name, fields.keys()),
                },
            })?;
            Ok((name.clone(), kind.parse(&place, value)?))
        })
        .collect()
}

impl ScalarType {
    fn parse(&self, place: &str, json: &Json) -> Result<Scalar, FactError> {
        let fail = |reason| FactError {
            place: place.to_owned(),
            reason,
        };
        match (self, json) {
            (Self::Date, Json::String(text)) => match parse_date(text) {
                Some(date) if DATES.contains(&date.year()) && date >= FOUNDING => {
                    Ok(Scalar::Date(date))
                }
                Some(date) => Err(fail(FactReason::DateRange(date))),
                None => Err(fail(FactReason::Date(shorten(text)))),
            },
            (Self::Money, Json::String(text)) => text
                .parse()
                .map(Scalar::Money)
                .map_err(|e: MoneyError| fail(e.into())),
            // Whole yuan are unambiguous as a JSON number; fractions are not and need a string.
            (Self::Money, Json::Number(n)) if n.is_i64() || n.is_u64() => n
                .to_string()
                .parse()
                .map(Scalar::Money)
                .map_err(|e: MoneyError| fail(e.into())),
            (Self::Percent, Json::String(text)) => text
                .parse::<Decimal>()
                .ok()
                .filter(|p| (Decimal::ZERO..=Decimal::ONE_HUNDRED).contains(p))
                .map(Scalar::Percent)
                .ok_or_else(|| fail(FactReason::Percent(shorten(text)))),
            (Self::Int, Json::Number(n)) => n
                .as_i64()
                .map(Scalar::Int)
                .ok_or_else(|| wrong_type(place, "a whole number", json)),
            (Self::Bool, Json::Bool(flag)) => Ok(Scalar::Bool(*flag)),
            (Self::Text, Json::String(text)) if text.len() > TEXT_MAX_BYTES => {
                Err(fail(FactReason::Size("4096 bytes")))
            }
            (Self::Text, Json::String(text))
                if text.chars().any(|c| c.is_control() && c != '\n') =>
            {
                Err(fail(FactReason::Control))
            }
            (Self::Text, Json::String(text)) => Ok(Scalar::Text(text.clone())),
            (Self::Enum(values), Json::String(text)) if values.contains(text) => {
                Ok(Scalar::Text(text.clone()))
            }
            (Self::Enum(values), Json::String(text)) => Err(fail(FactReason::Enum {
                found: shorten(text),
                values: values.clone(),
            })),
            (kind, other) => Err(wrong_type(place, kind.form(), other)),
        }
    }

    fn form(&self) -> &'static str {
        match self {
            Self::Date => "a date string YYYY-MM-DD",
            Self::Money => "yuan as a decimal string",
            Self::Percent => "a percentage as a decimal string",
            Self::Int => "a whole number",
            Self::Text => "a text",
            Self::Bool => "true or false",
            Self::Enum(_) => "one of the listed values as a string",
        }
    }
}

/// Reads `YYYY-MM-DD` strictly: four, two and two digits, and a day that exists.
#[must_use]
pub fn parse_date(text: &str) -> Option<NaiveDate> {
    let shape = text.len() == 10
        && text.bytes().enumerate().all(|(i, b)| {
            if i == 4 || i == 7 {
                b == b'-'
            } else {
                b.is_ascii_digit()
            }
        });
    shape
        .then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok())
        .flatten()
}

fn wrong_type(place: &str, expected: &'static str, found: &Json) -> FactError {
    FactError {
        place: place.to_owned(),
        reason: FactReason::Type {
            expected,
            found: shorten(&found.to_string()),
        },
    }
}

fn shorten(text: &str) -> String {
    let mut short: String = text.chars().take(40).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// The candidate that is spelled most like `name`, if any is close enough to be meant.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a String>) -> Option<String> {
    let limit = (name.chars().count() / 3).clamp(1, 4);
    candidates
        .into_iter()
        .map(|c| (edit_distance(name, c), c))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, c)| c.clone())
}

/// Levenshtein distance over characters; inputs are short names, longer ones count as far.
fn edit_distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len() > 64 || b.len() > 64 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let substitution = diagonal + usize::from(ca != cb);
            diagonal = row[j + 1];
            row[j + 1] = substitution.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

impl fmt::Display for FactValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_json() {
            Json::String(text) => f.write_str(&text),
            other => write!(f, "{other}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn code(kind: &FactType, json: Json) -> &'static str {
        kind.parse("k", &json).map_or_else(|e| e.code(), |_| "ok")
    }

    #[test]
    fn canonical_forms_round_trip() {
        let date = FactType::Scalar(ScalarType::Date);
        let money = FactType::Scalar(ScalarType::Money);
        assert_eq!(
            date.parse("d", &json!("2021-08-30")).unwrap().to_json(),
            json!("2021-08-30")
        );
        assert_eq!(
            money.parse("m", &json!("2988180.00")).unwrap().to_json(),
            json!("2988180.00")
        );
        assert_eq!(
            money.parse("m", &json!(5_450_000)).unwrap().to_json(),
            json!("5450000.00")
        );
        let list = FactType::Dates
            .parse("s", &json!([{"id": "a", "date": "2021-09-01"}]))
            .unwrap();
        assert_eq!(list.to_json(), json!([{"id": "a", "date": "2021-09-01"}]));
        let stored = serde_json::to_string(&list).unwrap();
        assert_eq!(serde_json::from_str::<FactValue>(&stored).unwrap(), list);
    }

    #[test]
    fn wrong_values_name_place_and_code() {
        let date = FactType::Scalar(ScalarType::Date);
        assert_eq!(code(&date, json!("2021-02-30")), "E-DATE-INVALID");
        assert_eq!(code(&date, json!("2021-2-3")), "E-DATE-INVALID");
        assert_eq!(code(&date, json!(20210203)), "E-FACT-TYPE");
        let money = FactType::Scalar(ScalarType::Money);
        assert_eq!(code(&money, json!("-5")), "E-MONEY-NEGATIVE");
        assert_eq!(code(&money, json!("1.234")), "E-MONEY-PRECISION");
        assert_eq!(code(&money, json!(1.5)), "E-FACT-TYPE");
        assert_eq!(
            code(&FactType::Scalar(ScalarType::Percent), json!("101")),
            "E-PERCENT-RANGE"
        );
        let rows = FactType::Rows(BTreeMap::from([("age".to_owned(), ScalarType::Int)]));
        let error = rows
            .parse("staff.roster", &json!([{"age": 30}, {"agee": 3}]))
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "staff.roster[1].agee: unknown field; did you mean \"age\"?"
        );
    }

    #[test]
    fn near_names_are_suggested() {
        let keys = ["contract.signed".to_owned(), "contract.start".to_owned()];
        assert_eq!(
            nearest("contract.singed", &keys),
            Some("contract.signed".to_owned())
        );
        assert_eq!(nearest("weather", &keys), None);
    }
}
