//! What acts on a rule: every element of a file that names one.
//!
//! The linter asks whether the rules exist; the table of all rules (`docs/coverage.md`) asks what
//! implements each of them.

use super::{doc::DefinitionDoc, overlay::OverlayDoc};

/// An element that names a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Element<'d> {
    /// The rule it names; empty for elements that speak of none.
    pub rule: &'d str,
    /// The section of the file, such as `obligation`.
    pub section: &'static str,
    /// The key in a section of named tables, such as a parameter's.
    pub name: Option<&'d str>,
    /// Its place in a list.
    pub index: usize,
    /// Its own name; empty where it has none.
    pub id: &'d str,
}

/// Every element that names a rule, in the order of the file format.
///
/// `overlay` gives what only overlays have; everything else is read from `doc`.
#[must_use]
pub fn elements<'d>(doc: &'d DefinitionDoc, overlay: Option<&'d OverlayDoc>) -> Vec<Element<'d>> {
    let mut all = Vec::new();
    let mut listed = |section, rules: Vec<(&'d str, &'d str)>| {
        let rules = rules.into_iter().enumerate();
        all.extend(rules.map(|(index, (rule, id))| Element {
            rule,
            section,
            name: None,
            index,
            id,
        }));
    };
    listed("obligation", pairs(&doc.obligations, |o| (&o.rule, &o.id)));
    listed("recurring", pairs(&doc.recurring, |r| (&r.rule, &r.id)));
    listed(
        "tranche",
        pairs(&doc.tranches, |t| (&t.rule, &t.obligation)),
    );
    listed("notice", pairs(&doc.notices, |n| (&n.rule, "")));
    listed("check", pairs(&doc.checks, |c| (&c.rule, &c.id)));
    listed(
        "feasibility",
        pairs(&doc.feasibility, |f| (&f.rule, &f.not_after)),
    );
    if let Some(overlay) = overlay {
        listed(
            "tighten",
            pairs(&overlay.tighten, |t| (&t.rule, &t.obligation)),
        );
        listed(
            "require",
            pairs(&overlay.requires, |r| (&r.rule, &r.transition)),
        );
        listed("step", pairs(&overlay.steps, |s| (&s.rule, &s.id)));
    }
    let parameters = doc.parameters.iter();
    let mut named: Vec<(&'static str, &'d str, &'d str)> = parameters
        .map(|(key, p)| ("parameter", key.as_str(), p.rule.as_str()))
        .collect();
    let roles = doc.roles.iter();
    named.extend(roles.filter_map(|(key, r)| Some(("roles", key.as_str(), r.rule.as_deref()?))));
    let facts = doc.facts.iter();
    named.extend(facts.filter_map(|(key, f)| Some(("facts", key.as_str(), f.rule.as_deref()?))));
    all.extend(named.into_iter().map(|(section, name, rule)| Element {
        rule,
        section,
        name: Some(name),
        index: 0,
        id: name,
    }));
    all
}

fn pairs<'d, T>(items: &'d [T], names: fn(&'d T) -> (&'d str, &'d str)) -> Vec<(&'d str, &'d str)> {
    items.iter().map(names).collect()
}
