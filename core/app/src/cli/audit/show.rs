//! What a check shows while it goes on, and in the end.

use indicatif::{ProgressBar, ProgressDrawTarget};
use liucheng_engine::{
    audit::{Problem, ProjectCheck, verify::Report},
    ports::Epoch,
};
use serde_json::json;

use crate::output::{Failure, counted, document, line, line_cells, paragraph, width};

/// No more projects with problems are told to programs; the number of all of them is.
const BAD_MAX: usize = 1_000;

/// Shows projects as they are checked: lines for people, and a count on a terminal.
pub struct Progress {
    json: bool,
    bar: ProgressBar,
    bad: Vec<ProjectCheck>,
    /// Nobody reads the lines any more.
    failed: Option<Failure>,
}

impl Progress {
    /// A beginning.
    pub fn new(json: bool) -> Self {
        let target = if json {
            ProgressDrawTarget::hidden()
        } else {
            // Hidden by itself where there is no terminal.
            ProgressDrawTarget::stderr()
        };
        let bar = ProgressBar::with_draw_target(None, target);
        bar.set_message("projects");
        Self {
            json,
            bar,
            bad: Vec::new(),
            failed: None,
        }
    }

    /// Shows a project.
    pub fn project(&mut self, check: ProjectCheck) {
        self.bar.inc(1);
        if !self.json {
            let shown = self.bar.suspend(|| lines(&check));
            self.failed = self.failed.take().or(shown.err());
        } else if !check.problems.is_empty() && self.bad.len() < BAD_MAX {
            self.bad.push(check);
        }
    }

    /// Shows the end.
    pub fn finish(self, report: &Report) -> Result<(), Failure> {
        self.bar.finish_and_clear();
        if let Some(failure) = self.failed {
            return Err(failure);
        }
        if self.json {
            return document(&json!({
                "good": report.is_good(),
                "projects": report.counts.projects,
                "records": report.counts.records,
                "epochs": report.counts.epochs,
                "documents": report.counts.documents,
                "tokens": report.counts.tokens,
                "bad": report.bad,
                "unsealed": report.unsealed,
                "signed": report.signed,
                "head": report.head,
                "first": report.first,
                "problems": report.problems,
                "checks": self.bad,
            }));
        }
        summary(report)
    }
}

fn lines(check: &ProjectCheck) -> Result<(), Failure> {
    let verdict = if check.problems.is_empty() {
        "ok"
    } else {
        "BAD"
    };
    let records = counted(check.records, "record", "records");
    let text = format!("{:24} {records}", check.code);
    paragraph(&text, (&format!("{verdict:4} "), "     "))?;
    problems(&check.problems)
}

/// Shows problems below what they belong to.
pub fn problems(problems: &[Problem]) -> Result<(), Failure> {
    let mut problems = problems.iter();
    problems.try_for_each(|problem| paragraph(&problem.to_string(), ("       ", "         ")))
}

/// What a check of all projects came to. Only where nothing is wrong does it prove anything.
pub fn verdict(projects: u64, bad: u64, others: usize) -> String {
    let checked = counted(projects, "project", "projects");
    match (bad, others) {
        (0, 0) => format!("{checked} checked, 0 bad: state = fold(history)"),
        (_, 0) => format!("{checked} checked, {bad} bad"),
        _ => {
            let others = counted(others as u64, "problem", "problems");
            format!("{checked} checked, {bad} bad, {others} besides")
        }
    }
}

fn summary(report: &Report) -> Result<(), Failure> {
    for problem in &report.problems {
        paragraph(&problem.to_string(), ("BAD  ", "       "))?;
    }
    let counts = &report.counts;
    let others = report.problems.len();
    paragraph(&verdict(counts.projects, report.bad, others), ("", "  "))?;
    let epochs = counted(counts.epochs, "epoch", "epochs");
    let changed = counted(report.unsealed, "project has", "projects have");
    let sealing = format!(
        "{epochs}, {} signed; {changed} changed since",
        report.signed
    );
    paragraph(&sealing, ("", "  "))?;
    if let Some(head) = &report.head {
        epoch(head)?;
    }
    if let Some(first) = &report.first {
        let project = first
            .project
            .map(|id| format!("project {id}: "))
            .unwrap_or_default();
        paragraph(&format!("first problem: {project}{first}"), ("", "  "))?;
    }
    Ok(())
}

/// Shows an epoch on one line, or with its hash on a second one.
pub fn epoch(epoch: &Epoch) -> Result<(), Failure> {
    let head = format!("epoch {:<8} {}", epoch.number, epoch.sealed_at.rfc3339());
    let leaves = if epoch.leaves == 1 { "leaf" } else { "leaves" };
    let count = format!("{:>5} {leaves}", epoch.leaves);
    let signed = if epoch.is_signed() { "  signed" } else { "" };
    let hash = &epoch.hash;
    let whole = format!("{head}  {count}  {hash}{signed}");
    if width(&whole) <= line_cells() {
        return line(whole);
    }
    line(format!("{head}  {count}{signed}"))?;
    line(format!("  {hash}"))
}
