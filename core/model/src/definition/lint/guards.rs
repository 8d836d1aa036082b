//! Guards: whether they compile, and whether they speak of things that exist.

use std::collections::{BTreeMap, BTreeSet};

use cel::common::ast::{CallExpr, Expr, LiteralValue, operators};

use super::{
    Found, Layer, Lint, code,
    exclusive::dotted,
    names::Kind,
    place::Spot,
    read::inside,
    shorten,
    types::{self, Purpose},
};
use crate::{
    definition::StepDoc,
    fact::nearest,
    guard::{FACTS, Guard, GuardError},
};

/// The civil date in guards.
const TODAY: &str = "today";
/// The root of `state.<region>`.
const STATE: &str = "state";

pub(super) fn check(
    lint: Lint<'_>,
    layer: Option<Layer<'_>>,
    found: &mut Found,
    guards: &mut BTreeMap<String, Guard>,
) {
    let steps = layer.map_or(&[][..], |layer| &layer.overlay.steps);
    for (source, spot, purpose) in sources(lint, steps) {
        let compiled = match guards.get(source) {
            Some(guard) => Ok(guard.clone()),
            None => Guard::compile(source),
        };
        match compiled {
            Ok(guard) => {
                names(lint, &guard, spot, found);
                literals(lint, &guard, spot, found);
                for message in types::mistakes(guard.expression(), purpose, lint.names) {
                    found.add(code::GUARD_TYPE, inside(lint.text, spot, 0), message);
                }
                guards.insert(source.to_owned(), guard);
            }
            Err(error) => {
                let (at, message) = explain(source, &error);
                found.add(code::GUARD, inside(lint.text, spot, at), message);
            }
        }
    }
}

/// Every expression of the file with its place and what it is for.
fn sources<'l>(lint: Lint<'l>, steps: &'l [StepDoc]) -> Vec<(&'l str, Spot<'l>, Purpose<'l>)> {
    let condition = Purpose::Condition;
    let mut sources: Vec<(&str, Spot<'_>, Purpose<'_>)> = Vec::new();
    for (i, step) in steps.iter().enumerate() {
        let spot = lint.root.key("step").item(i).key("guard");
        sources.extend(
            step.guard
                .iter()
                .map(|text| (text.as_str(), spot, condition)),
        );
    }
    for (i, check) in lint.doc.checks.iter().enumerate() {
        let spot = lint.root.key("check").item(i).key("holds");
        sources.push((check.holds.as_str(), spot, condition));
    }
    for (i, transition) in lint.doc.transitions.iter().enumerate() {
        let spot = lint.root.key("transition").item(i);
        sources.extend(
            transition
                .guard
                .iter()
                .map(|text| (text.as_str(), spot.key("guard"), condition)),
        );
        let set = spot.key("set");
        sources.extend(
            transition
                .set
                .iter()
                .map(|(key, text)| (text.as_str(), set.key(key), Purpose::Value(key))),
        );
    }
    let obligations = lint.doc.obligations.iter().map(|o| &o.when);
    let notices = lint.doc.notices.iter().map(|n| &n.when);
    let pairs = lint.doc.feasibility.iter().map(|f| &f.when);
    let obligations = obligations
        .enumerate()
        .map(|(i, when)| ("obligation", i, when));
    let notices = notices.enumerate().map(|(i, when)| ("notice", i, when));
    let pairs = pairs.enumerate().map(|(i, when)| ("feasibility", i, when));
    let issues = lint.doc.issues.iter().map(|i| &i.when);
    let issues = issues.enumerate().map(|(i, when)| ("issue", i, when));
    let recurring = lint.doc.recurring.iter().map(|r| &r.when);
    let recurring = recurring.enumerate();
    let recurring = recurring.map(|(i, when)| ("recurring", i, when));
    let suspensions = lint.doc.suspensions.iter().map(|s| &s.when);
    let suspensions = suspensions.enumerate();
    let suspensions = suspensions.map(|(i, when)| ("suspension", i, when));
    let questions = notices.chain(pairs).chain(issues).chain(suspensions);
    for (section, i, when) in obligations.chain(recurring).chain(questions) {
        let spot = lint.root.key(section).item(i).key("when");
        sources.extend(when.iter().map(|text| (text.as_str(), spot, condition)));
    }
    sources
}

/// Where in the guard the mistake is, in bytes, and what it is.
fn explain(source: &str, error: &GuardError) -> (usize, String) {
    match error {
        GuardError::Syntax(text) => {
            // cel writes `ERROR: <input>:line:column: message`.
            let rest = text
                .split_once("<input>:")
                .map(|(_, rest)| rest)
                .unwrap_or_default();
            let mut parts = rest.splitn(3, ':');
            let mut number = || parts.next().and_then(|n| n.trim().parse::<usize>().ok());
            let (line, column) = (number().unwrap_or(1), number().unwrap_or(1));
            let message = parts.next().map_or(text.as_str(), str::trim);
            let before: usize = source
                .split_inclusive('\n')
                .take(line.saturating_sub(1))
                .map(str::len)
                .sum();
            let within = source
                .get(before..)
                .unwrap_or_default()
                .chars()
                .take(column.saturating_sub(1));
            let at = before + within.map(char::len_utf8).sum::<usize>();
            (
                at,
                format!(
                    "the guard does not compile: {message}{}",
                    has_hint(source, message)
                ),
            )
        }
        GuardError::Function(name) => (find_word(source, name), error.to_string()),
        GuardError::TooLarge(_) | GuardError::Evaluation(_) => (0, error.to_string()),
    }
}

/// What to write where a fact without a dot is asked for: CEL's `has` takes a name with one.
fn has_hint(source: &str, message: &str) -> String {
    if !message.contains("has()") {
        return String::new();
    }
    let undotted = source.split("has(").skip(1).find_map(|rest| {
        let name = rest.split_once(')')?.0.trim();
        let plain = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
        plain.then(|| shorten(name))
    });
    undotted.map_or_else(String::new, |name| {
        format!("; a fact whose key has no dot is asked for with has({FACTS}.{name})")
    })
}

/// Where a name stands in a guard, in bytes; its beginning when it is written with spaces.
fn find_word(source: &str, word: &str) -> usize {
    let place = find_whole(source, word);
    let place = place.or_else(|| find_whole(source, &format!("{FACTS}.{word}")));
    place.unwrap_or_default()
}

fn find_whole(source: &str, word: &str) -> Option<usize> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    let whole = |at: &usize| {
        let before = source.get(..*at).and_then(|s| s.chars().next_back());
        let after = source.get(at + word.len()..).and_then(|s| s.chars().next());
        !before.is_some_and(is_part) && !after.is_some_and(|c| is_part(c) && c != '.')
    };
    source.match_indices(word).map(|(at, _)| at).find(whole)
}

fn names(lint: Lint<'_>, guard: &Guard, spot: Spot<'_>, found: &mut Found) {
    for name in guard.names() {
        let Some((what, near)) = unknown(lint, name, found) else {
            continue;
        };
        let at = inside(lint.text, spot, find_word(guard.source(), name));
        let message = format!("the guard names {what} {:?}", shorten(name));
        found.add_near(code::GUARD_NAME, at, message, near.as_deref());
    }
}

/// What kind of unknown name it is, and one that is alike.
fn unknown(
    lint: Lint<'_>,
    name: &str,
    found: &mut Found,
) -> Option<(&'static str, Option<String>)> {
    if name == TODAY || lint.names.has(Kind::Fact, name) {
        return None;
    }
    if name == FACTS {
        return Some(("no fact, only", None));
    }
    if let Some(key) = name.strip_prefix(FACTS).and_then(|n| n.strip_prefix('.')) {
        let known = lint.names.has(Kind::Fact, key);
        return Some((
            "a fact with a dot by its long name:",
            known.then(|| key.to_owned()),
        ));
    }
    if name == STATE {
        return Some(("no region, only", None));
    }
    if let Some(region) = name.strip_prefix("state.") {
        if lint.names.has(Kind::Region, region) {
            return None;
        }
        let near = if found.may_suggest() {
            lint.names.near(Kind::Region, region)
        } else {
            None
        };
        return Some((
            "the unknown region",
            near.map(|near| format!("state.{near}")),
        ));
    }
    // A field of a fact that is a record.
    if let Some((fact, field)) = name.rsplit_once('.')
        && let Some(fields) = lint.names.fields(fact)
    {
        if fields.contains_key(field) {
            return None;
        }
        let near = nearest(field, fields.keys().take(100));
        return Some((
            "the unknown field",
            near.map(|near| format!("{fact}.{near}")),
        ));
    }
    let near = if found.may_suggest() {
        lint.names.near(Kind::Fact, name)
    } else {
        None
    };
    Some(("the unknown fact", near))
}

/// Reports comparisons with a state or a value that does not exist: they never hold.
fn literals(lint: Lint<'_>, guard: &Guard, spot: Spot<'_>, found: &mut Found) {
    let mut seen = BTreeSet::new();
    let mut queue = vec![guard.expression()];
    while let Some(expr) = queue.pop() {
        if let Expr::Call(call) = expr {
            for (name, text) in compared(call) {
                if seen.insert((name.clone(), text.to_owned())) {
                    compare_with_known(lint, (&name, text), |message| {
                        let at = inside(lint.text, spot, find_text(guard.source(), text));
                        found.add(code::GUARD_NAME, at, message);
                    });
                }
            }
        }
        queue.extend(below(expr));
    }
}

fn find_text(source: &str, text: &str) -> usize {
    let quoted = ["'", "\""]
        .into_iter()
        .find_map(|quote| source.find(&format!("{quote}{text}{quote}")));
    quoted.unwrap_or_default()
}

fn compare_with_known(lint: Lint<'_>, (name, text): (&str, &str), report: impl FnOnce(String)) {
    if let Some(region) = name.strip_prefix("state.") {
        if lint.names.has(Kind::Region, region) && !lint.names.has(Kind::State(region), text) {
            report(format!(
                "the guard names the unknown state {:?} of {region:?}",
                shorten(text)
            ));
        }
    } else if let Some(values) = lint.names.values(name)
        && !values.iter().any(|value| value == text)
    {
        report(format!("{name:?} is never {:?}", shorten(text)));
    }
}

/// Names that a comparison holds against texts.
fn compared(call: &CallExpr) -> Vec<(String, &str)> {
    let [left, right] = call.args.as_slice() else {
        return Vec::new();
    };
    let texts: Vec<&str> = match (call.func_name.as_str(), &right.expr) {
        (operators::EQUALS | operators::NOT_EQUALS, expr) => text_of(expr).into_iter().collect(),
        (operators::IN, Expr::List(list)) => list
            .elements
            .iter()
            .filter_map(|e| text_of(&e.expr))
            .collect(),
        _ => Vec::new(),
    };
    match dotted(&left.expr) {
        Some(name) => texts.into_iter().map(|text| (name.clone(), text)).collect(),
        None => Vec::new(),
    }
}

fn text_of(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner()),
        _ => None,
    }
}

/// The expressions directly below this one; variables that a macro binds are not followed.
fn below(expr: &Expr) -> Vec<&Expr> {
    match expr {
        Expr::Call(call) => call
            .target
            .iter()
            .map(|t| &t.expr)
            .chain(call.args.iter().map(|a| &a.expr))
            .collect(),
        Expr::List(list) => list.elements.iter().map(|e| &e.expr).collect(),
        Expr::Select(select) => vec![&select.operand.expr],
        Expr::Comprehension(all) => vec![&all.iter_range.expr, &all.loop_step.expr],
        _ => Vec::new(),
    }
}
