//! `liucheng database`.

use clap::{Args, Subcommand};
use liucheng_engine::{audit::ProjectCheck, ports::REGISTRY};
use serde_json::{Value as Json, json};

use super::{Global, audit::show};
use crate::{
    compose::{
        Place,
        transfer::{self, Order, Summary},
    },
    output::{Exit, Failure, counted, document, line, paragraph},
    progress::Bar,
};

/// Commands on databases as a whole.
#[derive(Debug, Subcommand)]
pub enum DatabaseCommand {
    /// Copy everything into another, empty database, and compare the two. Run again, it goes on.
    ///
    /// The source is only read, in one snapshot, and a server may be using it; what is changed there
    /// afterwards is not in the copy. To move, stop the server before the last run.
    Copy(CopyArgs),
}

/// From where to where.
#[derive(Debug, Args)]
pub struct CopyArgs {
    /// The database to read: a path, `sqlite://PATH` or `postgres://USER@HOST/DATABASE`.
    #[arg(value_name = "FROM")]
    source: String,
    /// The empty database to fill; an SQLite file is made.
    #[arg(value_name = "TO")]
    target: String,
    /// Leave the copy unfinished, for a short stop later: without this option, the same command
    /// then copies what has changed and finishes it.
    #[arg(long)]
    prepare: bool,
}

/// Runs a command on databases.
pub async fn run(global: &Global, command: DatabaseCommand) -> Result<Exit, Failure> {
    let DatabaseCommand::Copy(args) = command;
    let bar = Bar::new(global.json);
    let order = Order {
        source: &args.source,
        called: None,
        target: &args.target,
        prepare: args.prepare,
    };
    let summary = transfer::copy(order, &bar).await?;
    if !summary.finished {
        return prepared(global, &summary);
    }
    let place = Place::new(global.data_dir(), Some(args.target));
    let checks = transfer::verify_all(&place).await?;
    if global.json {
        document(&as_json(&summary, &checks))?;
    } else {
        let begun = if summary.resumed {
            ", begun earlier"
        } else {
            ""
        };
        line(format!("{} → {}{begun}", summary.source, summary.target))?;
        for table in &summary.tables {
            let digest = table.digest.get(..16).unwrap_or_default();
            line(format!(
                "  {:10} {:>9} rows  {digest}…",
                table.table, table.rows
            ))?;
        }
        line(format!("{}, equal on both sides", amount(&summary)))?;
    }
    report(global, &checks)
}

/// Says what is still to be done.
fn prepared(global: &Global, summary: &Summary) -> Result<Exit, Failure> {
    if global.json {
        document(&json!(summary))?;
    } else {
        line(format!(
            "{} → {}: {} so far",
            summary.source,
            summary.target,
            amount(summary)
        ))?;
        line("not finished: stop the server and run the same command without --prepare")?;
    }
    Ok(Exit::Ok)
}

fn amount(summary: &Summary) -> String {
    let projects = counted(summary.contents.projects, "project", "projects");
    let records = counted(summary.contents.records, "record", "records");
    format!("{projects} with {records}")
}

/// What was copied, for programs.
pub fn as_json(summary: &Summary, checks: &[ProjectCheck]) -> Json {
    let mut value = serde_json::to_value(summary).unwrap_or_default();
    if let Json::Object(fields) = &mut value {
        let bad: Vec<_> = bad(checks).collect();
        fields.insert("verified".to_owned(), json!(projects(checks)));
        fields.insert("bad".to_owned(), json!(bad));
    }
    value
}

/// The projects in which the check found something.
pub fn bad<'a>(
    checks: impl IntoIterator<Item = &'a ProjectCheck>,
) -> impl Iterator<Item = &'a ProjectCheck> {
    let checks = checks.into_iter();
    checks.filter(|check| !check.problems.is_empty())
}

/// How many projects were checked: what is no single project's stands among them as one of its own.
pub fn projects(checks: &[ProjectCheck]) -> usize {
    checks.iter().filter(|check| check.id != REGISTRY).count()
}

/// Says what the check of all projects found; the exit code for it.
pub fn report(global: &Global, checks: &[ProjectCheck]) -> Result<Exit, Failure> {
    let (besides, projects): (Vec<_>, Vec<_>) =
        checks.iter().partition(|check| check.id == REGISTRY);
    let bad: Vec<_> = bad(projects.iter().copied()).collect();
    let besides: Vec<_> = besides.iter().flat_map(|check| &check.problems).collect();
    if !global.json {
        for check in &bad {
            let records = counted(check.records, "record", "records");
            line(format!("BAD  {:24} {records}", check.code))?;
            show::problems(&check.problems)?;
        }
        for problem in &besides {
            paragraph(&problem.to_string(), ("BAD  ", "       "))?;
        }
        let (projects, bad) = (projects.len() as u64, bad.len() as u64);
        line(show::verdict(projects, bad, besides.len()))?;
    }
    Ok(if bad.is_empty() && besides.is_empty() {
        Exit::Ok
    } else {
        Exit::Rejected
    })
}
