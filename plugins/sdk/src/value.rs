//! Typed values of facts.

use std::collections::BTreeMap;

use crate::{Date, Fen, Percent};

/// One record, by field name.
pub type Row = BTreeMap<String, Scalar>;

/// A single value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scalar {
    /// A civil date.
    Date(Date),
    /// An amount in fen.
    Money(Fen),
    /// A percentage.
    Percent(Percent),
    /// A whole number.
    Int(i64),
    /// Free text, or the value of an enumeration.
    Text(String),
    /// Yes or no.
    Bool(bool),
}

/// The value of a fact or parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// One value.
    One(Scalar),
    /// One record.
    Row(Row),
    /// A list of records.
    Rows(Vec<Row>),
}

impl Scalar {
    /// What kind of value this is, for messages.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Date(_) => "date",
            Self::Money(_) => "money",
            Self::Percent(_) => "percent",
            Self::Int(_) => "int",
            Self::Text(_) => "text",
            Self::Bool(_) => "bool",
        }
    }
}

impl Value {
    /// What kind of value this is, for messages.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::One(scalar) => scalar.kind(),
            Self::Row(_) => "row",
            Self::Rows(_) => "rows",
        }
    }
}

macro_rules! from_scalar {
    ($($kind:ty => $variant:ident),*) => {$(
        impl From<$kind> for Scalar {
            fn from(value: $kind) -> Self {
                Self::$variant(value)
            }
        }
        impl From<$kind> for Value {
            fn from(value: $kind) -> Self {
                Self::One(Scalar::$variant(value))
            }
        }
    )*};
}

from_scalar!(Date => Date, Fen => Money, Percent => Percent, i64 => Int, String => Text, bool => Bool);

impl From<&str> for Scalar {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::One(text.into())
    }
}

impl From<Scalar> for Value {
    fn from(scalar: Scalar) -> Self {
        Self::One(scalar)
    }
}
