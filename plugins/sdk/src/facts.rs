//! Reading facts and parameters.
//!
//! Every reader answers `Ok(None)` for what is absent and a [`Problem`] for what has another type;
//! nothing is ever converted silently.

use std::collections::BTreeMap;

use crate::{Date, Fen, Percent, Problem, Row, Scalar, Value};

/// The facts of a project, by key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts(BTreeMap<String, Value>);

/// One record's fields, with the place for messages.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    key: &'a str,
    index: Option<usize>,
    row: &'a Row,
}

/// A number or table from the package's overlay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// The value.
    pub value: Value,
    /// The rule it comes from, such as `YZ-04`.
    pub rule: String,
}

/// The overlay's numbers, by key. One that is absent is a mistake of the package, not a missing fact.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parameters(BTreeMap<String, Parameter>);

macro_rules! scalar_readers {
    ($(#[doc = $doc:literal] $name:ident, $out:ty, $pattern:pat => $value:expr, $kind:literal;)*) => {
        impl Facts {$(
            #[doc = $doc]
            ///
            /// # Errors
            /// A [`Problem`] when the fact has another type.
            pub fn $name(&self, key: &str) -> Result<Option<$out>, Problem> {
                let Some(value) = self.0.get(key) else { return Ok(None) };
                match value {
                    Value::One($pattern) => Ok(Some($value)),
                    other => Err(Problem::wrong_type(key, $kind, other.kind())),
                }
            }
        )*}
        impl Fields<'_> {$(
            #[doc = $doc]
            ///
            /// # Errors
            /// A [`Problem`] when the field has another type.
            pub fn $name(&self, name: &str) -> Result<Option<$out>, Problem> {
                let Some(value) = self.row.get(name) else { return Ok(None) };
                match value {
                    $pattern => Ok(Some($value)),
                    other => Err(Problem::wrong_type(&format!("{}.{name}", self.place()), $kind, other.kind())),
                }
            }
        )*}
    };
}

scalar_readers! {
    /// The date of that name.
    date, Date, Scalar::Date(date) => *date, "date";
    /// The amount of that name.
    money, Fen, Scalar::Money(fen) => *fen, "money";
    /// The percentage of that name.
    percent, Percent, Scalar::Percent(percent) => *percent, "percent";
    /// The whole number of that name.
    int, i64, Scalar::Int(n) => *n, "int";
    /// The text of that name.
    text, &str, Scalar::Text(text) => text.as_str(), "text";
    /// The yes or no of that name.
    flag, bool, Scalar::Bool(flag) => *flag, "bool";
}

impl Facts {
    /// Whether the fact is known.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// The value as it is.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }

    /// The record of that name.
    ///
    /// # Errors
    /// A [`Problem`] when the fact has another type.
    pub fn row(&self, key: &str) -> Result<Option<Fields<'_>>, Problem> {
        match self.0.get_key_value(key) {
            None => Ok(None),
            Some((key, Value::Row(row))) => Ok(Some(Fields {
                key,
                index: None,
                row,
            })),
            Some((_, other)) => Err(Problem::wrong_type(key, "row", other.kind())),
        }
    }

    /// The list of records of that name.
    ///
    /// # Errors
    /// A [`Problem`] when the fact has another type.
    pub fn rows(&self, key: &str) -> Result<Option<Vec<Fields<'_>>>, Problem> {
        match self.0.get_key_value(key) {
            None => Ok(None),
            Some((key, Value::Rows(rows))) => Ok(Some(fields(key, rows))),
            Some((_, other)) => Err(Problem::wrong_type(key, "rows", other.kind())),
        }
    }

    /// How many: the whole number itself, or the length of the list.
    ///
    /// # Errors
    /// A [`Problem`] when the fact is neither.
    pub fn count(&self, key: &str) -> Result<Option<i64>, Problem> {
        match self.0.get(key) {
            Some(Value::Rows(rows)) => Ok(i64::try_from(rows.len()).ok()),
            _ => self.int(key),
        }
    }

    /// All facts in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }
}

fn fields<'a>(key: &'a str, rows: &'a [Row]) -> Vec<Fields<'a>> {
    let rows = rows.iter().enumerate();
    rows.map(|(i, row)| Fields {
        key,
        index: Some(i),
        row,
    })
    .collect()
}

impl Fields<'_> {
    /// Where these fields are, such as `staff.roster[2]`.
    #[must_use]
    pub fn place(&self) -> String {
        // Made only for messages: a list may have thousands of rows.
        self.index.map_or_else(
            || self.key.to_owned(),
            |index| format!("{}[{index}]", self.key),
        )
    }

    /// Whether the field is known.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.row.contains_key(name)
    }

    /// The value as it is.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Scalar> {
        self.row.get(name)
    }
}

impl FromIterator<(String, Value)> for Facts {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(facts: I) -> Self {
        Self(facts.into_iter().collect())
    }
}

impl FromIterator<(String, Parameter)> for Parameters {
    fn from_iter<I: IntoIterator<Item = (String, Parameter)>>(parameters: I) -> Self {
        Self(parameters.into_iter().collect())
    }
}

impl Parameters {
    /// Whether the overlay sets it.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// The parameter of that name.
    ///
    /// # Errors
    /// A [`Problem`] when the overlay does not set it.
    pub fn get(&self, key: &str) -> Result<&Parameter, Problem> {
        self.0
            .get(key)
            .ok_or_else(|| Problem::missing_parameter(key))
    }

    /// A percentage and its rule.
    ///
    /// # Errors
    /// A [`Problem`] when it is absent or has another type.
    pub fn percent(&self, key: &str) -> Result<(Percent, &str), Problem> {
        match self.get(key)? {
            Parameter {
                value: Value::One(Scalar::Percent(percent)),
                rule,
            } => Ok((*percent, rule)),
            other => Err(Problem::wrong_parameter(key, "percent", other.value.kind())),
        }
    }

    /// A whole number and its rule.
    ///
    /// # Errors
    /// A [`Problem`] when it is absent or has another type.
    pub fn int(&self, key: &str) -> Result<(i64, &str), Problem> {
        match self.get(key)? {
            Parameter {
                value: Value::One(Scalar::Int(n)),
                rule,
            } => Ok((*n, rule)),
            other => Err(Problem::wrong_parameter(key, "int", other.value.kind())),
        }
    }

    /// An amount and its rule.
    ///
    /// # Errors
    /// A [`Problem`] when it is absent or has another type.
    pub fn money(&self, key: &str) -> Result<(Fen, &str), Problem> {
        match self.get(key)? {
            Parameter {
                value: Value::One(Scalar::Money(fen)),
                rule,
            } => Ok((*fen, rule)),
            other => Err(Problem::wrong_parameter(key, "money", other.value.kind())),
        }
    }

    /// A table and its rule.
    ///
    /// # Errors
    /// A [`Problem`] when it is absent or has another type.
    pub fn rows(&self, key: &str) -> Result<(Vec<Fields<'_>>, &str), Problem> {
        match self.0.get_key_value(key) {
            None => Err(Problem::missing_parameter(key)),
            Some((
                key,
                Parameter {
                    value: Value::Rows(rows),
                    rule,
                },
            )) => Ok((fields(key, rows), rule)),
            Some((_, other)) => Err(Problem::wrong_parameter(key, "rows", other.value.kind())),
        }
    }
}
