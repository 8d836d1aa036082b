//! The log has a dictionary, and no personal data.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use crate::support::root;

const MACROS: [&str; 10] = [
    "trace!",
    "debug!",
    "info!",
    "warn!",
    "error!",
    "trace_span!",
    "debug_span!",
    "info_span!",
    "warn_span!",
    "error_span!",
];

/// Parts of names and values that speak of persons, or of what they have entered.
const FORBIDDEN: [&str; 16] = [
    "mail.to",
    "recipient",
    "contact",
    "actor",
    "changed_by",
    "facts",
    "payload",
    "password",
    "token",
    "row.state",
    "project.name",
    "row.name",
    "create.name",
    "body",
    "header",
    "answer",
];

/// One call: its fields with their values, and its message.
#[derive(Debug, Default, PartialEq, Eq)]
struct Call {
    fields: BTreeMap<String, String>,
    message: String,
}

/// All logging calls of a source.
fn calls(source: &str) -> Vec<Call> {
    let mut found = Vec::new();
    for name in MACROS {
        for (at, _) in source.match_indices(name) {
            let before = source[..at].chars().next_back().unwrap_or(' ');
            let line = source[..at].rsplit('\n').next().unwrap_or_default();
            if before.is_alphanumeric() || before == '_' || line.trim_start().starts_with("//") {
                continue;
            }
            let rest = source[at + name.len()..].trim_start();
            if rest.starts_with('(') {
                found.push(call(&arguments(rest), name.ends_with("span!")));
            }
        }
    }
    found
}

/// The arguments between the parentheses that `text` begins with.
fn arguments(text: &str) -> Vec<String> {
    let (mut depth, mut quoted, mut escaped) = (0, false, false);
    let mut arguments = vec![String::new()];
    for c in text.chars() {
        if quoted {
            quoted = escaped || c != '"';
            escaped = c == '\\' && !escaped;
        } else {
            match c {
                '"' => quoted = true,
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                break;
            }
            if c == ',' && depth == 1 {
                arguments.push(String::new());
                continue;
            }
            if c == '(' && depth == 1 {
                continue;
            }
        }
        arguments.last_mut().unwrap().push(c);
    }
    let trimmed = arguments.iter().map(|argument| argument.trim().to_owned());
    trimmed.filter(|argument| !argument.is_empty()).collect()
}

fn call(arguments: &[String], is_span: bool) -> Call {
    let mut call = Call::default();
    for argument in arguments {
        if argument.starts_with('"') {
            // A span's name comes first and is not a message.
            if !is_span {
                call.message.clone_from(argument);
            }
            continue;
        }
        if argument.starts_with("target:") || argument.starts_with("parent:") {
            continue;
        }
        // Fields in braces, as they stand after a target.
        if let Some(inner) = argument.strip_prefix('{') {
            let inner = format!("({})", inner.trim_end_matches('}'));
            call.fields
                .extend(self::call(&self::arguments(&inner), is_span).fields);
            continue;
        }
        let (name, value) = match argument.split_once('=') {
            Some((name, value)) => (name.trim(), value.trim()),
            None => (argument.trim_start_matches(['%', '?']), argument.as_str()),
        };
        call.fields.insert(name.to_owned(), value.to_owned());
    }
    call
}

/// What is wrong with a call.
fn problems(call: &Call, dictionary: &BTreeSet<String>) -> Vec<String> {
    let mut problems = Vec::new();
    if call.message.contains('{') {
        problems.push(format!("{} holds a value: give it a field", call.message));
    }
    for (name, value) in &call.fields {
        if !dictionary.contains(name) {
            problems.push(format!("`{name}` is not in docs/logging.md"));
        }
        let both = format!("{name} {value}");
        if let Some(word) = FORBIDDEN.iter().find(|word| both.contains(*word)) {
            problems.push(format!("`{name}` = {value} may tell of a person ({word})"));
        }
    }
    problems
}

fn dictionary() -> BTreeSet<String> {
    let text = std::fs::read_to_string(root().join("docs/logging.md")).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| row.split_once('`'))
        .map(|(name, _)| name.to_owned())
        .collect()
}

fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "tests" {
            sources(&path, found);
        } else if name.ends_with(".rs") && name != "tests.rs" {
            let text = std::fs::read_to_string(&path).unwrap();
            found.push((path.display().to_string(), text));
        }
    }
}

#[test]
fn every_field_is_in_the_dictionary_and_tells_of_nobody() {
    let dictionary = dictionary();
    let mut files = Vec::new();
    for package in ["model", "engine", "store", "plugin-host", "app"] {
        sources(&root().join("core").join(package).join("src"), &mut files);
    }
    let (mut used, mut wrong, mut count) = (BTreeSet::new(), Vec::new(), 0);
    for (file, text) in &files {
        for call in calls(text) {
            count += 1;
            let found = problems(&call, &dictionary);
            wrong.extend(
                found
                    .into_iter()
                    .map(|problem| format!("{file}: {problem}")),
            );
            used.extend(call.fields.into_keys());
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let stale: Vec<_> = dictionary.difference(&used).collect();
    assert!(
        stale.is_empty(),
        "docs/logging.md has fields that nothing logs: {stale:?}"
    );
    assert!(count > 25, "the search found {count} calls only");
}

#[test]
fn the_search_sees_what_is_wrong() {
    let known = BTreeSet::from(["error".to_owned(), "n".to_owned(), "x".to_owned()]);
    let wrong = |source: &str| {
        let calls = calls(source);
        assert_eq!(calls.len(), 1, "{source}: {calls:?}");
        problems(&calls[0], &known).len()
    };
    assert_eq!(
        wrong(r#"tracing::info!(n = f(1, "a,b)"), %error, "done");"#),
        0
    );
    assert_eq!(
        wrong("warn!(\n    n,\n    ?error,\n    \"two\nlines\"\n);"),
        0
    );
    assert_eq!(wrong(r#"info!(target: "t", n = 1, "done");"#), 0);
    assert_eq!(
        wrong(r#"info!(target: "t", { n = 1, x = %a }, "done");"#),
        0
    );
    assert_eq!(wrong(r#"info!(target: "t", { to = 1 }, "done");"#), 1);
    assert_eq!(wrong(r#"info_span!("request", n = 1);"#), 0);
    assert_eq!(wrong(r#"info!(to = 1, "sent");"#), 1);
    assert_eq!(wrong(r#"info!(x = %row.mail.to, "sent");"#), 1);
    assert_eq!(wrong(r#"info!(x = ?command.facts, "fired");"#), 1);
    assert_eq!(wrong(r#"info!("sent to {address}");"#), 1);
    assert!(calls("// info!(a = 1)\nmy_info!(b = 2)").is_empty());
}
