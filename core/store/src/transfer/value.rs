//! Rows of any table, the same from both databases.

use sha2::{Digest, Sha256};
use sqlx::{ColumnIndex, Database, Decode, Error, Type, postgres::PgRow, sqlite::SqliteRow};
use uuid::Uuid;

use super::tables::{Column, Kind};

/// One column of one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Null,
    Id(Uuid),
    Bytes(Vec<u8>),
    Number(i64),
    Text(String),
}

/// One row, in the order of its table's columns.
pub(crate) type Row = Vec<Value>;

impl Value {
    /// The project's id, where it is one.
    pub(crate) const fn id(&self) -> Option<Uuid> {
        match self {
            Self::Id(id) => Some(*id),
            _ => None,
        }
    }

    /// The number, where it is one.
    pub(crate) const fn number(&self) -> Option<i64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// The bytes, where it is some.
    pub(crate) fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The text, where it is one.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Adds the value to a digest: a letter for what it is, its length where that varies, its bytes.
    pub(crate) fn feed(&self, hasher: &mut Sha256) {
        let sized = |hasher: &mut Sha256, kind: &[u8], bytes: &[u8]| {
            hasher.update(kind);
            hasher.update((bytes.len() as u64).to_be_bytes());
            hasher.update(bytes);
        };
        match self {
            Self::Null => hasher.update(b"0"),
            Self::Id(id) => {
                hasher.update(b"i");
                hasher.update(id.as_bytes());
            }
            Self::Number(number) => {
                hasher.update(b"n");
                hasher.update(number.to_be_bytes());
            }
            Self::Bytes(bytes) => sized(hasher, b"b", bytes),
            Self::Text(text) => sized(hasher, b"t", text.as_bytes()),
        }
    }
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Id(id) => id.fmt(f),
            Self::Bytes(bytes) => write!(f, "{} bytes", bytes.len()),
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

/// Reads a row of SQLite.
pub(crate) fn of_sqlite(row: &SqliteRow, columns: &[Column]) -> Result<Row, Error> {
    let values = columns.iter().enumerate();
    values.map(|(place, c)| value(row, place, c.kind)).collect()
}

/// Reads a row of PostgreSQL.
pub(crate) fn of_postgres(row: &PgRow, columns: &[Column]) -> Result<Row, Error> {
    let values = columns.iter().enumerate();
    values.map(|(place, c)| value(row, place, c.kind)).collect()
}

fn value<'r, R>(row: &'r R, place: usize, kind: Kind) -> Result<Value, Error>
where
    R: sqlx::Row,
    usize: ColumnIndex<R>,
    Uuid: Decode<'r, R::Database> + Type<R::Database>,
    Vec<u8>: Decode<'r, R::Database> + Type<R::Database>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
    String: Decode<'r, R::Database> + Type<R::Database>,
{
    fn get<'r, R, T>(row: &'r R, place: usize, wrap: fn(T) -> Value) -> Result<Value, Error>
    where
        R: sqlx::Row,
        usize: ColumnIndex<R>,
        R::Database: Database,
        T: Decode<'r, R::Database> + Type<R::Database>,
    {
        let value: Option<T> = row.try_get(place)?;
        Ok(value.map_or(Value::Null, wrap))
    }
    match kind {
        Kind::Id => get(row, place, Value::Id),
        Kind::Bytes => get(row, place, Value::Bytes),
        Kind::Number => get(row, place, Value::Number),
        Kind::Text => get(row, place, Value::Text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(row: &[Value]) -> Vec<u8> {
        let mut hasher = Sha256::new();
        row.iter().for_each(|value| value.feed(&mut hasher));
        hasher.finalize().to_vec()
    }

    #[test]
    fn rows_that_differ_have_digests_that_differ() {
        let text = |text: &str| Value::Text(text.to_owned());
        let rows = [
            vec![text("ab"), text("c")],
            vec![text("a"), text("bc")],
            vec![text("abc")],
            vec![text("abc"), text("")],
            vec![text("abc"), Value::Null],
            vec![Value::Bytes(b"abc".to_vec()), Value::Null],
            vec![Value::Number(0)],
            vec![Value::Id(Uuid::nil())],
        ];
        for (place, row) in rows.iter().enumerate() {
            for other in &rows[place + 1..] {
                assert_ne!(digest(row), digest(other), "{row:?} {other:?}");
            }
        }
    }
}
