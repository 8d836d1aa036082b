//! `liucheng workflow coverage`: what implements each rule of what is built in, as a table.

use std::fmt::Write as _;

use liucheng_engine::CommandError;
use liucheng_model::definition::{
    Force, Source,
    coverage::{Coverage, Covered, coverage},
};
use serde_json::{Value as Json, json};

use super::Global;
use crate::{
    builtin, compose,
    output::{Exit, Failure, document, line},
};

/// The rules of one file, with those that its component declares.
struct Sheet {
    name: &'static str,
    title: String,
    coverage: Coverage,
    /// Rules that findings of the component may name.
    computed: Vec<String>,
}

/// Lists every clause with what implements it, and every open point with its options.
pub fn run(global: &Global) -> Result<Exit, Failure> {
    let sheets = sheets()?;
    let bare: usize = sheets.iter().map(|sheet| sheet.bare().count()).sum();
    if global.json {
        let sheets: Vec<Json> = sheets.iter().map(Sheet::to_json).collect();
        document(&json!({"sheets": sheets, "unaccounted": bare}))?;
    } else {
        line(
            markdown(&sheets)
                .map_err(|e| CommandError::Internal(e.to_string()))?
                .trim_end(),
        )?;
    }
    Ok(if bare == 0 { Exit::Ok } else { Exit::Rejected })
}

fn sheets() -> Result<Vec<Sheet>, Failure> {
    let parts = compose::loaded_parts(compose::calendar(&[])?, None)?;
    let base = Source {
        name: builtin::DEFINITION_NAME,
        text: builtin::DEFINITION,
    };
    let unread = || {
        Failure::new(
            Exit::Internal,
            "E-INTERNAL",
            "a built-in file cannot be read",
        )
    };
    let mut sheets = vec![Sheet {
        name: "national",
        title: "国家规定 National law".to_owned(),
        coverage: coverage(base, None).ok_or_else(unread)?,
        computed: Vec::new(),
    }];
    let loaded = parts.rules.packages();
    for package in &builtin::PACKAGES {
        let overlay = Source {
            name: package.overlay_name,
            text: package.overlay,
        };
        let info = loaded.iter().find(|info| info.id == package.id);
        let info = info.ok_or_else(unread)?;
        sheets.push(Sheet {
            name: package.id,
            title: format!("{} {}", info.title.zh, info.title.en),
            coverage: coverage(base, Some(overlay)).ok_or_else(unread)?,
            computed: info.rules.clone(),
        });
    }
    Ok(sheets)
}

impl Sheet {
    /// What implements a clause: elements of the file, and the component.
    fn implemented(&self, covered: &Covered) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        for (section, id) in &covered.elements {
            let text = match id.as_str() {
                "" => (*section).to_owned(),
                id => format!("{section} `{id}`"),
            };
            if !all.contains(&text) {
                all.push(text);
            }
        }
        if self.computed.contains(&covered.clause.id) {
            all.push("component".to_owned());
        }
        all
    }

    /// Clauses that nothing accounts for.
    fn bare(&self) -> impl Iterator<Item = &Covered> {
        let clauses = self.coverage.clauses.iter();
        clauses.filter(|c| self.implemented(c).is_empty() && c.clause.informative.is_none())
    }

    fn to_json(&self) -> Json {
        let rules: Vec<Json> = self
            .coverage
            .clauses
            .iter()
            .map(|covered| {
                json!({
                    "rule": covered.clause.id,
                    "force": covered.clause.force,
                    "text": covered.clause.text,
                    "implemented_by": self.implemented(covered),
                    "informative": covered.clause.informative.as_ref().map(|text| text.en.clone()),
                })
            })
            .collect();
        let issues: Vec<Json> = self.coverage.issues.iter().map(|issue| {
            let options: Vec<&String> = issue.options.iter().map(|option| &option.id).collect();
            json!({"issue": issue.id, "text": issue.text, "options": options, "taken": issue.taken})
        }).collect();
        json!({"sheet": self.name, "rules": rules, "issues": issues})
    }
}

const HEAD: &str = "# What implements each rule

Written by `liucheng workflow coverage`; a test compares it with the definition, the packages and their components.
Each rule has the elements that name it: an `obligation` or `recurring` duty has a date and reminders, a `tranche` is paid,
a `check` refuses, a `require` demands further facts, a `notice` is shown where it matters, a `parameter` is a number that the
component computes with, `facts` and `roles` exist because of the rule, and the `component` finds what breaks it. A rule that
nothing acts on says why.
";

fn markdown(sheets: &[Sheet]) -> Result<String, std::fmt::Error> {
    let mut text = HEAD.to_owned();
    writeln!(
        text,
        "\n| | rules | acted on | shown only | open points |\n|---|---|---|---|---|"
    )?;
    let mut sums = [0; 4];
    for sheet in sheets {
        let rules = sheet.coverage.clauses.len();
        let shown = sheet.coverage.clauses.iter();
        let shown = shown.filter(|c| c.clause.informative.is_some()).count();
        let row = [
            rules,
            rules - shown - sheet.bare().count(),
            shown,
            sheet.coverage.issues.len(),
        ];
        let [rules, acted, shown, issues] = row;
        let name = sheet.name;
        writeln!(
            text,
            "| [{name}](#{name}) | {rules} | {acted} | {shown} | {issues} |"
        )?;
        sums.iter_mut().zip(row).for_each(|(sum, n)| *sum += n);
    }
    let [rules, acted, shown, issues] = sums;
    writeln!(
        text,
        "| together | {rules} | {acted} | {shown} | {issues} |"
    )?;
    for sheet in sheets {
        writeln!(text, "\n## {}\n\n{}", sheet.name, sheet.title)?;
        writeln!(
            text,
            "\n| rule | force | implemented by | clause |\n|---|---|---|---|"
        )?;
        for covered in &sheet.coverage.clauses {
            let clause = &covered.clause;
            let by = match &clause.informative {
                Some(reason) => format!("shown only: {}", reason.en),
                None => sheet.implemented(covered).join(", "),
            };
            let by = if by.is_empty() {
                "**nothing**".to_owned()
            } else {
                by
            };
            let (id, force) = (&clause.id, force(clause.force));
            writeln!(
                text,
                "| {id} | {force} | {} | {} |",
                cell(&by),
                cell(&clause.text)
            )?;
        }
        if sheet.coverage.issues.is_empty() {
            continue;
        }
        writeln!(
            text,
            "\n| open point | what is open | options, the taken one first |\n|---|---|---|"
        )?;
        for issue in &sheet.coverage.issues {
            let mut options: Vec<&str> = issue.options.iter().map(|o| o.id.as_str()).collect();
            options.sort_by_key(|id| *id != issue.taken);
            writeln!(
                text,
                "| {} | {} | {} |",
                issue.id,
                cell(&issue.text),
                options.join(", ")
            )?;
        }
    }
    Ok(text)
}

fn force(force: Force) -> &'static str {
    match force {
        Force::Law => "law",
        Force::Mandatory => "mandatory",
        Force::Target => "target",
        Force::Preference => "preference",
        Force::Informative => "informative",
    }
}

/// A text within one cell of a table.
fn cell(text: &str) -> String {
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('|', "\\|")
}
