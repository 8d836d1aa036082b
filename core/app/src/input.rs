//! Reading what users hand in: files, facts, dates.

mod unique;

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{ErrorKind, Read},
    path::Path,
};

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
    let fail = |what: &str, hint: &str| {
        Failure::new(Exit::Usage, "E-FILE", format!("{name}: {what}"))
            .at(name.clone())
            .hint(hint)
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
    read.map_err(|e| fail(&e.to_string(), hint(&e)))?;
    if bytes.len() as u64 > FACTS_MAX_BYTES {
        return Err(fail(
            "larger than 4 MB",
            "is it the right file? split it, or take out what is not needed",
        ));
    }
    String::from_utf8(bytes).map_err(|_| {
        fail(
            "not UTF-8 text",
            "save the file as UTF-8; editors on Windows may have chosen GBK or UTF-16",
        )
    })
}

/// What to do about a file that cannot be read.
fn hint(error: &std::io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::NotFound => "check the path; `-` reads from stdin",
        ErrorKind::IsADirectory => "that is a folder: name a file in it",
        ErrorKind::PermissionDenied => "this user may not read it: change its permissions",
        _ => "check the file; `-` reads from stdin",
    }
}

/// The start of a file that some editors write before UTF-8 text.
const BYTE_ORDER_MARK: char = '\u{FEFF}';
/// What a facts file looks like.
const FACTS_HINT: &str =
    "the file holds one JSON object of facts, such as {\"contract.signed\": \"2021-08-30\"}";

/// Reads a JSON object.
///
/// # Errors
/// `E-JSON` with line and column, `E-JSON-DUPLICATE` where a key stands twice.
pub fn read_object(path: &Path) -> Result<Map<String, Json>, Failure> {
    let text = read_text(path)?;
    let name = path.display();
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&text);
    let parsed = unique::parse(text).map_err(|e| {
        let place = format!("{name}:{}:{}", e.line(), e.column());
        broken(&e).at(place)
    })?;
    match parsed {
        Json::Object(object) => Ok(object),
        other => Err(Failure::new(
            Exit::Usage,
            "E-JSON",
            format!("expected an object, found {}", kind(&other)),
        )
        .at(format!("{name}:1:1"))
        .hint(FACTS_HINT)),
    }
}

/// The reason without the place, which stands elsewhere.
fn broken(error: &serde_json::Error) -> Failure {
    let text = error.to_string();
    let reason = text
        .rsplit_once(" at line ")
        .map_or(text.as_str(), |(reason, _)| reason);
    if unique::is_duplicate(error) {
        return Failure::new(Exit::Usage, "E-JSON-DUPLICATE", reason)
            .hint("keep one of them: nobody can tell which was meant");
    }
    Failure::new(Exit::Usage, "E-JSON", format!("not JSON: {reason}")).hint(FACTS_HINT)
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
/// Those of [`read_object`] for the file, `E-FACT-PAIR` for a pair without `=` or a key given twice.
pub fn facts(file: Option<&Path>, pairs: &[String]) -> Result<BTreeMap<String, Json>, Failure> {
    let mut facts: BTreeMap<String, Json> = match file {
        Some(path) => read_object(path)?.into_iter().collect(),
        None => BTreeMap::new(),
    };
    let mut given = BTreeSet::new();
    for pair in pairs {
        let refused = |message: String, hint: &str| {
            Failure::new(Exit::Usage, "E-FACT-PAIR", message)
                .at("--fact")
                .hint(hint)
        };
        let Some((key, text)) = pair.split_once('=') else {
            return Err(refused(
                format!("{pair:?} is not KEY=VALUE"),
                "write --fact contract.signed=2021-08-30",
            ));
        };
        if !given.insert(key) {
            return Err(refused(
                format!("{key:?} is given twice"),
                "keep one of them: nobody can tell which was meant",
            ));
        }
        // Money and dates look like numbers but are strings in the canonical form.
        let json = match unique::parse(text) {
            Ok(json @ (Json::Object(_) | Json::Array(_) | Json::Bool(_))) => json,
            Ok(Json::Number(n)) if n.is_i64() => Json::Number(n),
            Err(error) if unique::is_duplicate(&error) => {
                return Err(broken(&error).at(format!(
                    "--fact {key}:{}:{}",
                    error.line(),
                    error.column()
                )));
            }
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
