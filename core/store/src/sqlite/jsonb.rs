//! Rows in SQLite's own binary form of JSON, which its functions read without parsing.
//!
//! The form is SQLite's documented one (<https://sqlite.org/jsonb.html>): an element is a head, whose
//! lower four bits say the type and whose upper four the size or how many bytes of size follow (in
//! network order), and its contents. A text stands as it is, without escapes.

use std::fmt::Write as _;

/// Types of elements.
const NULL: u8 = 0;
const INTEGER: u8 = 3;
const TEXT: u8 = 10;
const ARRAY: u8 = 11;
/// Sizes up to this stand in the head.
const SHORT: usize = 11;
/// One, two or four bytes of size follow the head.
const ONE_BYTE: u8 = 12;
const TWO_BYTES: u8 = 13;
const FOUR_BYTES: u8 = 14;

/// An array of elements, most of them arrays.
#[derive(Debug)]
pub(crate) struct Array {
    bytes: Vec<u8>,
}

impl Array {
    /// An empty array.
    pub(crate) fn new() -> Self {
        Self {
            bytes: open(Vec::new()),
        }
    }

    /// Adds an array of values.
    pub(crate) fn row(&mut self, fill: impl FnOnce(&mut Row<'_>)) {
        let start = self.bytes.len();
        self.bytes = open(std::mem::take(&mut self.bytes));
        fill(&mut Row(&mut self.bytes));
        close(&mut self.bytes, start);
    }

    /// Adds a text.
    pub(crate) fn text(&mut self, text: &str) {
        Row(&mut self.bytes).text(text);
    }

    /// The whole of it.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        close(&mut self.bytes, 0);
        self.bytes
    }
}

/// The values of one row, in order.
pub(crate) struct Row<'a>(&'a mut Vec<u8>);

impl Row<'_> {
    /// Adds a text.
    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        head(self.0, TEXT, text.len());
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    /// Adds a text if there is one, else null.
    pub(crate) fn optional_text(&mut self, text: Option<&str>) -> &mut Self {
        match text {
            Some(text) => self.text(text),
            None => self.null(),
        }
    }

    /// Adds a number.
    pub(crate) fn number(&mut self, number: impl Into<i128>) -> &mut Self {
        // At most 39 digits and a sign, so the size stands in one byte after the head.
        let mut digits = String::new();
        let _ = write!(digits, "{}", number.into());
        head(self.0, INTEGER, digits.len());
        self.0.extend_from_slice(digits.as_bytes());
        self
    }

    /// Adds a number if there is one, else null.
    pub(crate) fn optional_number(&mut self, number: Option<i64>) -> &mut Self {
        match number {
            Some(number) => self.number(number),
            None => self.null(),
        }
    }

    fn null(&mut self) -> &mut Self {
        self.0.push(NULL);
        self
    }
}

/// Begins an array whose size is not known yet.
fn open(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.extend_from_slice(&[FOUR_BYTES << 4 | ARRAY, 0, 0, 0, 0]);
    bytes
}

/// Notes the size of the array that begins at `start` and ends here.
fn close(bytes: &mut [u8], start: usize) {
    let size = u32::try_from(bytes.len() - start - 5).unwrap_or(u32::MAX);
    bytes[start + 1..start + 5].copy_from_slice(&size.to_be_bytes());
}

fn head(bytes: &mut Vec<u8>, kind: u8, size: usize) {
    if let (true, Ok(short)) = (size <= SHORT, u8::try_from(size)) {
        bytes.push(short << 4 | kind);
    } else if let Ok(size) = u8::try_from(size) {
        bytes.extend_from_slice(&[ONE_BYTE << 4 | kind, size]);
    } else if let Ok(size) = u16::try_from(size) {
        bytes.push(TWO_BYTES << 4 | kind);
        bytes.extend_from_slice(&size.to_be_bytes());
    } else {
        // A group is some megabytes; a size beyond four gigabytes would be refused as malformed.
        bytes.push(FOUR_BYTES << 4 | kind);
        let size = u32::try_from(size).unwrap_or(u32::MAX);
        bytes.extend_from_slice(&size.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use sqlx::{Connection, SqliteConnection};

    use super::*;

    /// What SQLite makes of it is what was put in, whatever the length of a text.
    #[tokio::test]
    async fn sqlite_reads_what_was_written() {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        for length in [0, 1, 11, 12, 255, 256, 65_535, 65_536, 70_000] {
            let long = "流\"\\\n".chars().cycle().take(length).collect::<String>();
            let mut rows = Array::new();
            rows.row(|row| {
                row.text(&long).number(i64::MIN).number(u64::from(u32::MAX));
                row.optional_text(None).optional_number(None);
                row.optional_number(Some(-7)).optional_text(Some("a"));
            });
            rows.text("last");
            let bytes = rows.finish();
            let valid: bool = sqlx::query_scalar("SELECT json_valid($1, 8)")
                .bind(&bytes)
                .fetch_one(&mut connection)
                .await
                .unwrap();
            assert!(valid, "{length}");
            let text: String = sqlx::query_scalar("SELECT json($1)")
                .bind(&bytes)
                .fetch_one(&mut connection)
                .await
                .unwrap();
            let read: serde_json::Value = serde_json::from_str(&text).unwrap();
            let row = serde_json::json!([long, i64::MIN, u32::MAX, null, null, -7, "a"]);
            assert_eq!(read, serde_json::json!([row, "last"]), "{length}");
            let (back, number): (String, i64) =
                sqlx::query_as("SELECT value ->> 0, value ->> 1 FROM jsonb_each($1) LIMIT 1")
                    .bind(&bytes)
                    .fetch_one(&mut connection)
                    .await
                    .unwrap();
            assert_eq!((back, number), (long, i64::MIN));
        }
    }
}
