//! Clauses and open points: whether every rule that is named is written down, and every question can be
//! answered.

use std::collections::BTreeSet;

use super::{Found, Layer, Lint, code, names::Kind, place::Spot, shorten};
use crate::{
    definition::{ClauseDoc, IssueDoc, elements::elements},
    fact::nearest,
};

pub(super) fn check(lint: Lint<'_>, layer: Option<Layer<'_>>, found: &mut Found) {
    let mut named = BTreeSet::new();
    let known = known(lint, layer);
    for element in elements(lint.doc, layer.map(|layer| layer.overlay)) {
        named.insert(element.rule);
        // A file without clauses cites its rules element by element.
        if lint.doc.clauses.is_empty() || element.rule.is_empty() || known.contains(element.rule) {
            continue;
        }
        let spot = match element.name {
            Some(name) => lint.root.key(element.section).key(name),
            None => lint.root.key(element.section).item(element.index),
        };
        let near = if found.may_suggest() {
            nearest(element.rule, known.iter().take(500))
        } else {
            None
        };
        let message = format!("no clause says {:?}", shorten(element.rule));
        let offset = spot.key("rule").offset();
        found.add_near(code::CLAUSE_UNKNOWN, offset, message, near.as_deref());
    }
    for (i, clause) in lint.doc.clauses.iter().enumerate() {
        let spot = lint.root.key("clause").item(i);
        one_clause(clause, named.contains(clause.id.as_str()), spot, found);
        if layer.is_none() && clause.source.trim().is_empty() {
            let message = "the clause names no source".to_owned();
            found.add(code::CLAUSE_SHAPE, spot.offset(), message);
        }
    }
    for (i, issue) in lint.doc.issues.iter().enumerate() {
        let spot = lint.root.key("issue").item(i);
        one_issue(issue, spot, found);
        lint.require_all(Kind::Fact, &issue.facts, spot.key("facts"), found);
    }
}

/// The ids that an element's `rule` may name.
fn known<'l>(lint: Lint<'l>, layer: Option<Layer<'l>>) -> BTreeSet<String> {
    let base = layer.map(|layer| layer.base);
    let docs = || std::iter::once(lint.doc).chain(base);
    let clauses = docs().flat_map(|doc| &doc.clauses).map(|c| c.id.clone());
    let issues = docs().flat_map(|doc| &doc.issues).map(|i| i.id.clone());
    // A definition without clauses names its rules where it uses them.
    let cited = base.filter(|doc| doc.clauses.is_empty());
    let cited = cited.into_iter().flat_map(|doc| elements(doc, None));
    let cited = cited.map(|element| element.rule.to_owned());
    clauses.chain(issues).chain(cited).collect()
}

fn one_clause(clause: &ClauseDoc, is_named: bool, spot: Spot<'_>, found: &mut Found) {
    if clause.text.trim().is_empty() {
        let message = format!("the clause {:?} has no text", shorten(&clause.id));
        found.add(code::CLAUSE_SHAPE, spot.key("text").offset(), message);
    }
    if clause.informative.is_some() && is_named {
        let message = format!(
            "{:?} says that nothing acts on it, but an element names it",
            shorten(&clause.id)
        );
        found.add(
            code::CLAUSE_SHAPE,
            spot.key("informative").offset(),
            message,
        );
    }
}

fn one_issue(issue: &IssueDoc, spot: Spot<'_>, found: &mut Found) {
    let mut wrong = |key: &str, message: String| {
        found.add(code::ISSUE_SHAPE, spot.key(key).offset(), message);
    };
    if issue.options.len() < 2 {
        wrong(
            "options",
            "a question needs at least two options".to_owned(),
        );
    }
    let mut seen = BTreeSet::new();
    for option in &issue.options {
        let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if option.id.is_empty() || !option.id.chars().all(word) {
            wrong(
                "options",
                format!(
                    "the option {:?} is no word of lower-case letters, digits and `-`",
                    shorten(&option.id)
                ),
            );
        }
        if !seen.insert(&option.id) {
            wrong(
                "options",
                format!("the option {:?} stands twice", shorten(&option.id)),
            );
        }
        if option.zh.trim().is_empty() || option.en.trim().is_empty() {
            wrong(
                "options",
                format!("the option {:?} lacks a text", shorten(&option.id)),
            );
        }
    }
    if issue.option(&issue.taken).is_none() {
        wrong(
            "taken",
            format!("{:?} is none of the options", shorten(&issue.taken)),
        );
    }
    let id = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if issue.id.is_empty() || !issue.id.chars().all(id) {
        wrong("id", format!("{:?} is no rule id", shorten(&issue.id)));
    }
    if issue.text.trim().is_empty() {
        wrong("text", "the issue does not say what is open".to_owned());
    }
}
