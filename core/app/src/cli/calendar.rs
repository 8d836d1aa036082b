//! `liucheng calendar`.

use std::path::PathBuf;

use chrono::Datelike;
use clap::{Args, Subcommand, ValueEnum};
use liucheng_model::deadline::{Period, PeriodError, RollPolicy, compute, explain_text};
use serde_json::json;

use super::Global;
use crate::{
    compose, input,
    output::{Exit, Failure, document, line, line_cells, wrap},
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

/// The first and the last day that periods run from: law of this century, and room around it.
const FROM: (i32, i32) = (1900, 2200);

/// Runs a command on the calendar.
pub fn run(global: &Global, command: &CalendarCommand) -> Result<Exit, Failure> {
    let CalendarCommand::Explain(args) = command;
    let from = input::date("--from", &args.from)?;
    if !(FROM.0..=FROM.1).contains(&from.year()) {
        return Err(out_of_range("--from", &format!("{from} is out of range")));
    }
    let period: Period = args
        .rule
        .parse()
        .map_err(|e| not_a_period(&args.rule, &e))?;
    let calendar = compose::calendar(&args.layers)?;
    let result = compute(from, period, args.roll.into(), &calendar, &[]);
    let ends = [result.due, result.unrolled];
    if ends
        .iter()
        .flatten()
        .any(|end| !(1..=9999).contains(&end.year()))
    {
        return Err(out_of_range(
            "--rule",
            "the period ends outside the years 1 to 9999",
        ));
    }
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
        for part in wrap(&text, line_cells(), ("", "  ")) {
            line(part)?;
        }
    }
    Ok(Exit::Ok)
}

fn out_of_range(place: &str, message: &str) -> Failure {
    Failure::new(Exit::Usage, "E-DATE-RANGE", message)
        .at(place)
        .hint("give a day from 1900-01-01 to 2200-12-31, and a period that ends before the year 10000")
}

fn not_a_period(text: &str, error: &PeriodError) -> Failure {
    let hint = match meant(text) {
        Some(period) => format!("did you mean `{period}`? {}", error.hint()),
        None => error.hint().to_owned(),
    };
    Failure::new(Exit::Usage, error.code(), error.to_string())
        .at("--rule")
        .hint(hint)
}

/// What people write for a unit, longest first, so that 工作日 is not read as 日.
const UNITS: [(&str, &str); 24] = [
    ("working days", "working-days"),
    ("working-days", "working-days"),
    ("working day", "working-days"),
    ("working-day", "working-days"),
    ("business days", "working-days"),
    ("business day", "working-days"),
    ("workdays", "working-days"),
    ("workday", "working-days"),
    ("个工作日", "working-days"),
    ("工作日", "working-days"),
    ("个自然日", "days"),
    ("自然日", "days"),
    ("个月", "months"),
    ("months", "months"),
    ("month", "months"),
    ("years", "years"),
    ("year", "years"),
    ("days", "days"),
    ("day", "days"),
    ("日", "days"),
    ("天", "days"),
    ("月", "months"),
    ("周年", "years"),
    ("年", "years"),
];

/// The period that a text in other words probably means.
fn meant(text: &str) -> Option<Period> {
    let text = text.to_lowercase();
    let mut rest = text.trim();
    let mut minimum = "";
    for word in ["at least", "不得少于", "不少于", "至少"] {
        if let Some(after) = rest.strip_prefix(word) {
            (minimum, rest) = ("at least ", after.trim_start());
        }
    }
    let digits = rest.find(|c: char| !c.is_ascii_digit())?;
    let (count, rest) = rest.split_at(digits);
    let rest = rest.trim_start();
    let (unit, rest) = UNITS
        .iter()
        .find_map(|(said, unit)| Some((unit, rest.strip_prefix(said)?)))?;
    let direction = match rest.trim() {
        "" | "内" | "以内" | "之内" | "after" => "",
        "前" | "以前" | "之前" | "before" => " before",
        _ => return None,
    };
    format!("{minimum}{count} {unit}{direction}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_words_are_understood() {
        for (text, period) in [
            ("15 working days", "15 working-days"),
            ("15 工作日", "15 working-days"),
            ("15个工作日内", "15 working-days"),
            ("30 天", "30 days"),
            ("30日内", "30 days"),
            ("5 Days", "5 days"),
            ("1个月前", "1 month before"),
            ("不少于20日", "at least 20 days"),
            ("10 business days", "10 working-days"),
            ("2年", "2 years"),
        ] {
            assert_eq!(
                meant(text).map(|p| p.to_string()).as_deref(),
                Some(period),
                "{text}"
            );
        }
        for text in [
            "",
            "soon",
            "15",
            "5 weeks",
            "0 天",
            "-3 days",
            "五日",
            "15 日历",
        ] {
            assert_eq!(meant(text), None, "{text}");
        }
    }
}
