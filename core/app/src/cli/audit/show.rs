//! What a check shows while it goes on, and in the end.

use indicatif::{ProgressBar, ProgressDrawTarget};
use liucheng_engine::{
    audit::{ProjectCheck, verify::Report},
    ports::Epoch,
};
use serde_json::json;

use crate::output::{Failure, document, line};

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
    line(format!(
        "{verdict:4} {:24} {} records",
        check.code, check.records
    ))?;
    let mut problems = check.problems.iter();
    problems.try_for_each(|problem| line(format!("       {problem}")))
}

fn summary(report: &Report) -> Result<(), Failure> {
    for problem in &report.problems {
        line(format!("BAD  {problem}"))?;
    }
    let counts = &report.counts;
    line(format!(
        "{} projects checked, {} bad: state = fold(history)",
        counts.projects, report.bad
    ))?;
    line(format!(
        "{} epochs, {} signed; {} projects have changed since",
        counts.epochs, report.signed, report.unsealed
    ))?;
    if let Some(head) = &report.head {
        epoch(head)?;
    }
    if let Some(first) = &report.first {
        let project = first
            .project
            .map(|id| format!("project {id}: "))
            .unwrap_or_default();
        line(format!("first problem: {project}{first}"))?;
    }
    Ok(())
}

/// Shows an epoch on one line.
pub fn epoch(epoch: &Epoch) -> Result<(), Failure> {
    let signed = if epoch.is_signed() { "  signed" } else { "" };
    line(format!(
        "epoch {:<8} {}  {:>5} leaves  {}{signed}",
        epoch.number,
        epoch.sealed_at.rfc3339(),
        epoch.leaves,
        epoch.hash
    ))
}
