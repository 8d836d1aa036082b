//! What another version would change about open projects, for people.

use chrono::NaiveDate;
use liucheng_engine::{
    difference::{FindingChange, Said, ValueChange},
    preview::{ProjectChange, VerdictChange},
};
use liucheng_model::finding::Severity;
use serde_json::Value as Json;

use crate::output::{Failure, clip, counted, line, paragraph};

/// Projects shown one by one; the others are counted.
const PROJECTS_SHOWN: usize = 20;
/// Lines shown of one project; the others are counted.
const LINES_SHOWN: usize = 30;
/// A value longer than this is shown in part.
const VALUE_CELLS: usize = 60;

/// Shows what would change for open projects.
pub fn show(changes: &[ProjectChange]) -> Result<(), Failure> {
    // A project that is named may go by the version already.
    let others = changes.iter().filter(|c| c.from != c.to || c.is_visible());
    let count = others.count();
    if count == 0 {
        return line("no open project goes by another version");
    }
    // What changes is looked for first; what was never asked drowns it where a package answers something new.
    let visible = changes.iter().filter(|c| c.is_visible());
    let (mut visible, others): (Vec<&ProjectChange>, Vec<_>) = visible.partition(|c| is_changed(c));
    let first = match others.len() {
        0 => String::new(),
        n => format!(", and {n} more only get answers that there were none of so far"),
    };
    let text = format!(
        "{} on another version: dates or answers change for {}{first}",
        counted(count as u64, "open project", "open projects"),
        visible.len()
    );
    paragraph(&text, ("", "  "))?;
    visible.extend(others);
    for change in visible.iter().take(PROJECTS_SHOWN) {
        line(format!("  {}", change.project))?;
        let told = told(change);
        for (depth, text) in told.iter().take(LINES_SHOWN) {
            let indent = " ".repeat(4 + 2 * depth);
            paragraph(text, (&indent, &format!("{indent}  ")))?;
        }
        if told.len() > LINES_SHOWN {
            let more = told.len() - LINES_SHOWN;
            line(format!("    … and {more} more lines; --json lists all"))?;
        }
    }
    if visible.len() > PROJECTS_SHOWN {
        let more = visible.len() - PROJECTS_SHOWN;
        line(format!("  … and {more} more; --json lists all"))?;
    }
    Ok(())
}

/// What changes for one project: depth of the line and text.
fn told(change: &ProjectChange) -> Vec<(usize, String)> {
    if let Some(reason) = &change.refused {
        return vec![(0, format!("cannot go by it: {reason}"))];
    }
    let day =
        |day: Option<NaiveDate>| day.map_or_else(|| NOTHING.to_owned(), |day| day.to_string());
    let dates = change.dates.iter().map(|date| {
        let (before, after) = (day(date.before), day(date.after));
        (0, format!("{}: {before} → {after}", date.obligation))
    });
    let mut at_once: Vec<_> = dates.collect();
    if !change.facts.is_empty() {
        at_once.push((0, "facts".to_owned()));
        at_once.extend(change.facts.iter().map(|fact| (1, value(fact))));
    }
    for renewed in &change.renewed {
        at_once.push((0, format!("{}: finds otherwise", renewed.hook.name())));
        at_once.extend(renewed.findings.iter().flat_map(finding));
    }
    let questions = change.at_next_question.iter();
    let (first, changed): (Vec<_>, Vec<_>) = questions.partition(|verdict| is_first(verdict));
    let later: Vec<_> = changed.into_iter().chain(first).flat_map(answer).collect();
    let mut lines = Vec::new();
    for (head, told) in [(AT_ONCE, at_once), (LATER, later)] {
        if !told.is_empty() {
            lines.push((0, head.to_owned()));
            lines.extend(told.into_iter().map(|(depth, text)| (depth + 1, text)));
        }
    }
    lines
}

/// Above what changes with the version.
const AT_ONCE: &str = "at once:";
/// Above what changes when a transition asks.
const LATER: &str = "when it is asked the next time (until then facts and payments stay):";

/// Whether anything that a project has becomes another.
fn is_changed(change: &ProjectChange) -> bool {
    let at_once =
        !change.dates.is_empty() || !change.facts.is_empty() || !change.renewed.is_empty();
    at_once || change.refused.is_some() || !change.at_next_question.iter().all(is_first)
}

/// Whether it is an answer to what was not answered so far.
fn is_first(verdict: &VerdictChange) -> bool {
    matches!((&verdict.before, &verdict.after), (Ok(None), Ok(Some(_))))
}

/// What stands for a value that is not there.
const NOTHING: &str = "–";

fn answer(verdict: &VerdictChange) -> Vec<(usize, String)> {
    let hook = verdict.hook.name();
    let head = match (&verdict.before, &verdict.after) {
        (_, Err(reason)) => return vec![(0, format!("{hook}: no answer any more: {reason}"))],
        (_, Ok(None)) => format!("{hook}: not answered any more"),
        (Ok(None), _) => format!("{hook}: not answered so far"),
        (Err(reason), _) => format!("{hook}: no answer so far ({reason})"),
        (Ok(Some(_)), Ok(Some(_))) => format!("{hook}: answers otherwise"),
    };
    let findings = verdict.findings.iter().flat_map(finding);
    let mut lines: Vec<_> = std::iter::once((0, head)).chain(findings).collect();
    lines.extend(verdict.values.iter().map(|change| (1, value(change))));
    lines
}

fn finding(change: &FindingChange) -> Vec<(usize, String)> {
    let rule = match change.rule.as_str() {
        "" => "no rule",
        rule => rule,
    };
    let said = |mark: &str, said: &Said| {
        let weight = weight(said.severity);
        (1, format!("{mark} {rule} {weight}: {}", said.message.zh))
    };
    match (&change.before, &change.after) {
        (Some(before), Some(after)) if before.severity == after.severity => {
            vec![said("-", before), said("+", after)]
        }
        (Some(before), Some(after)) => {
            let (from, to) = (weight(before.severity), weight(after.severity));
            let head = (1, format!("{rule}: {from} → {to}"));
            vec![head, said("-", before), said("+", after)]
        }
        (Some(before), None) => vec![said("-", before)],
        (None, Some(after)) => vec![said("+", after)],
        (None, None) => Vec::new(),
    }
}

fn weight(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

fn value(change: &ValueChange) -> String {
    let shown = |value: &Option<Json>| match value {
        None => NOTHING.to_owned(),
        Some(Json::String(text)) => clip(text, VALUE_CELLS),
        Some(other) => clip(&other.to_string(), VALUE_CELLS),
    };
    let (before, after) = (shown(&change.before), shown(&change.after));
    format!("{}: {before} → {after}", change.key)
}

#[cfg(test)]
mod tests {
    use liucheng_model::verdict::{Answer, Hook};

    use super::*;

    fn verdict(hook: Hook, before: Option<Answer>) -> VerdictChange {
        VerdictChange {
            hook,
            before: Ok(before),
            after: Ok(Some(Answer::default())),
            findings: Vec::new(),
            values: Vec::new(),
        }
    }

    fn project(at_next_question: Vec<VerdictChange>) -> ProjectChange {
        ProjectChange {
            project: "P".to_owned(),
            from: None,
            to: None,
            dates: Vec::new(),
            renewed: Vec::new(),
            at_next_question,
            facts: Vec::new(),
            findings: Vec::new(),
            refused: None,
        }
    }

    #[test]
    fn what_changes_comes_before_what_was_never_asked() {
        let first = || verdict(Hook::Cap, None);
        let other = || verdict(Hook::Staffing, Some(Answer::default()));
        assert!(!is_changed(&project(vec![first()])));
        assert!(is_changed(&project(vec![first(), other()])));
        let refused = ProjectChange {
            refused: Some("E-X".to_owned()),
            ..project(Vec::new())
        };
        assert!(is_changed(&refused));
        let told = told(&project(vec![first(), other()]));
        let lines: Vec<&str> = told.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(
            lines,
            [
                LATER,
                "staffing: answers otherwise",
                "cap: not answered so far"
            ]
        );
    }
}
