//! Reading what users hand in: files, facts, dates.

use std::{collections::BTreeMap, io::Read, path::Path};

use chrono::NaiveDate;
use liucheng_model::fact::parse_date;
use serde_json::{Map, Value as Json};

use crate::output::{Exit, Failure};

/// The largest facts file, in bytes.
const FACTS_MAX_BYTES: u64 = 4_000_000;

/// Reads a text file; `-` is stdin.
///
/// # Errors
/// `E-FILE` naming the file.
pub fn read_text(path: &Path) -> Result<String, Failure> {
    let name = path.display().to_string();
    let fail = |message: String| {
        Failure::new(Exit::Usage, "E-FILE", message)
            .at(name.clone())
            .hint("check the path; `-` reads from stdin")
    };
    let mut bytes = Vec::new();
    let read = if name == "-" {
        std::io::stdin()
            .take(FACTS_MAX_BYTES + 1)
            .read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path)
            .and_then(|file| file.take(FACTS_MAX_BYTES + 1).read_to_end(&mut bytes))
    };
    read.map_err(|e| fail(format!("{name}: {e}")))?;
    if bytes.len() as u64 > FACTS_MAX_BYTES {
        return Err(fail(format!("{name}: larger than 4 MB")));
    }
    String::from_utf8(bytes).map_err(|_| fail(format!("{name}: not UTF-8 text")))
}

/// Reads a JSON object.
///
/// # Errors
/// `E-JSON` with line and column.
pub fn read_object(path: &Path) -> Result<Map<String, Json>, Failure> {
    let text = read_text(path)?;
    let name = path.display();
    let parsed: Json = serde_json::from_str(&text).map_err(|e| {
        Failure::new(Exit::Usage, "E-JSON", format!("not JSON: {e}"))
            .at(format!("{name}:{}:{}", e.line(), e.column()))
            .hint("the file holds one JSON object of facts, such as {\"contract.signed\": \"2021-08-30\"}")
    })?;
    match parsed {
        Json::Object(object) => Ok(object),
        other => Err(Failure::new(Exit::Usage, "E-JSON", format!("expected an object, found {}", kind(&other)))
            .at(format!("{name}:1:1"))
            .hint("the file holds one JSON object of facts, such as {\"contract.signed\": \"2021-08-30\"}")),
    }
}

fn kind(json: &Json) -> &'static str {
    match json {
        Json::Null => "null",
        Json::Bool(_) => "a truth value",
        Json::Number(_) => "a number",
        Json::String(_) => "a string",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    }
}

/// Facts from a file and from `key=value` pairs; pairs win.
///
/// A value that is JSON is taken as such, anything else as a string: `payment.no=1`,
/// `contract.signed=2021-08-30`.
///
/// # Errors
/// `E-JSON` and `E-FILE` for the file, `E-FACT-PAIR` for a pair without `=`.
pub fn facts(file: Option<&Path>, pairs: &[String]) -> Result<BTreeMap<String, Json>, Failure> {
    let mut facts: BTreeMap<String, Json> = match file {
        Some(path) => read_object(path)?.into_iter().collect(),
        None => BTreeMap::new(),
    };
    for pair in pairs {
        let Some((key, text)) = pair.split_once('=') else {
            return Err(Failure::new(
                Exit::Usage,
                "E-FACT-PAIR",
                format!("{pair:?} is not KEY=VALUE"),
            )
            .at("--fact")
            .hint("write --fact contract.signed=2021-08-30"));
        };
        // Money and dates look like numbers but are strings in the canonical form.
        let json = match serde_json::from_str(text) {
            Ok(json @ (Json::Object(_) | Json::Array(_) | Json::Bool(_))) => json,
            Ok(Json::Number(n)) if n.is_i64() => Json::Number(n),
            _ => Json::String(text.to_owned()),
        };
        facts.insert(key.to_owned(), json);
    }
    Ok(facts)
}

/// Reads a date given on the command line.
///
/// # Errors
/// `E-DATE-INVALID` naming the option.
pub fn date(option: &str, text: &str) -> Result<NaiveDate, Failure> {
    parse_date(text).ok_or_else(|| {
        Failure::new(
            Exit::Usage,
            "E-DATE-INVALID",
            format!("{text:?} is not a date of the calendar"),
        )
        .at(option)
        .hint("write a day that exists as YYYY-MM-DD")
    })
}
