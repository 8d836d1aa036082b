//! `liucheng calendar`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use liucheng_model::deadline::{Period, RollPolicy, compute, explain_text};
use serde_json::json;

use super::Global;
use crate::{
    compose, input,
    output::{Exit, Failure, document, line},
};

/// Commands on the work calendar.
#[derive(Debug, Subcommand)]
pub enum CalendarCommand {
    /// Derive a date: every counted and skipped day.
    Explain(ExplainArgs),
}

/// What to derive.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The day the period runs from; it does not count itself.
    #[arg(long, value_name = "DATE", allow_hyphen_values = true)]
    from: String,
    /// The period: `30 days`, `15 working-days`, `1 month before`, `at least 20 days`.
    #[arg(long, value_name = "PERIOD", allow_hyphen_values = true)]
    rule: String,
    /// What happens when the last day is a rest day.
    #[arg(long, value_enum, default_value_t = Roll::Civil)]
    roll: Roll,
    /// A province's or agency's layer over the national calendar; repeat for several.
    #[arg(long = "layer", value_name = "FILE")]
    layers: Vec<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Roll {
    /// 民法典 203: to the next working day.
    Civil,
    /// 财政部令第87号 85: official holidays only.
    Order87,
    /// 财政部令第94号 42: weekends and holidays.
    Order94,
    /// No rolling.
    None,
}

impl From<Roll> for RollPolicy {
    fn from(roll: Roll) -> Self {
        match roll {
            Roll::Civil => Self::Civil,
            Roll::Order87 => Self::Order87,
            Roll::Order94 => Self::Order94,
            Roll::None => Self::None,
        }
    }
}

/// Runs a command on the calendar.
pub fn run(global: &Global, command: &CalendarCommand) -> Result<Exit, Failure> {
    let CalendarCommand::Explain(args) = command;
    let from = input::date("--from", &args.from)?;
    let period: Period =
        args.rule
            .parse()
            .map_err(|e: liucheng_model::deadline::PeriodError| {
                Failure::new(Exit::Usage, e.code(), e.to_string())
                    .at(format!("--rule:{}", e.column()))
                    .hint(e.hint())
            })?;
    let calendar = compose::calendar(&args.layers)?;
    let result = compute(from, period, args.roll.into(), &calendar, &[]);
    if global.json {
        return document(&json!({
            "from": from,
            "rule": period.to_string(),
            "roll": RollPolicy::from(args.roll),
            "calendar": {"id": calendar.id(), "version": calendar.version()},
            "due": result.due,
            "unrolled": result.unrolled,
            "provisional": result.provisional,
            "derivation": result.derivation,
        }))
        .map(|()| Exit::Ok);
    }
    for text in explain_text(&result) {
        line(text)?;
    }
    Ok(Exit::Ok)
}
