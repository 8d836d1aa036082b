//! Reminder ladders and cron expressions.

use super::{Found, Lint, code, names::Kind, read::inside, shorten};
use crate::definition::parse_ladder_step;

pub(super) fn check(lint: Lint<'_>, found: &mut Found) {
    let ladders = lint.root.key("ladder");
    for (name, ladder) in &lint.doc.ladders {
        let steps = ladders.key(name).key("steps");
        if ladder.steps.is_empty() {
            let message = format!("ladder {:?} has no steps", shorten(name));
            found.add(code::LADDER_STEP, steps.offset(), message);
        }
        for (i, step) in ladder.steps.iter().enumerate() {
            let spot = steps.item(i);
            if parse_ladder_step(&step.at).is_none() {
                let message = format!(
                    "{:?} is not a time before or after the due date",
                    shorten(&step.at)
                );
                found.add(code::LADDER_STEP, spot.key("at").offset(), message);
            }
            if step.to.is_empty() {
                let message = "nobody would receive this reminder".to_owned();
                found.add(code::LADDER_STEP, spot.key("to").offset(), message);
            }
            lint.require_all(Kind::Role, &step.to, spot.key("to"), found);
        }
    }
    for (i, schedule) in lint.doc.schedules.iter().enumerate() {
        if let Err(wrong) = cron(&schedule.cron) {
            let spot = lint.root.key("schedule").item(i).key("cron");
            found.add(code::CRON, inside(lint.text, spot, wrong.at), wrong.message);
        }
    }
}

/// What is wrong with a cron expression, and where.
#[derive(Debug, PartialEq, Eq)]
struct Wrong {
    /// Bytes from its beginning.
    at: usize,
    message: String,
}

/// One of the six fields.
struct Field {
    name: &'static str,
    min: u32,
    max: u32,
    /// The first stands for `min`.
    names: &'static [&'static str],
    /// Numbers are refused where dialects number differently.
    only_names: bool,
}

const MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];
/// In the order in which the crate `cron` counts them; others begin with Monday or with 0.
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

const FIELDS: [Field; 6] = [
    Field {
        name: "second",
        min: 0,
        max: 59,
        names: &[],
        only_names: false,
    },
    Field {
        name: "minute",
        min: 0,
        max: 59,
        names: &[],
        only_names: false,
    },
    Field {
        name: "hour",
        min: 0,
        max: 23,
        names: &[],
        only_names: false,
    },
    Field {
        name: "day of the month",
        min: 1,
        max: 31,
        names: &[],
        only_names: false,
    },
    Field {
        name: "month",
        min: 1,
        max: 12,
        names: &MONTHS,
        only_names: false,
    },
    Field {
        name: "weekday",
        min: 1,
        max: 7,
        names: &WEEKDAYS,
        only_names: true,
    },
];

fn cron(expression: &str) -> Result<(), Wrong> {
    let mut at = 0;
    let mut words = Vec::new();
    for word in expression.split(' ') {
        if !word.is_empty() {
            words.push((at, word));
        }
        at += word.len() + 1;
    }
    if words.len() != FIELDS.len() {
        let message = format!(
            "a cron expression has six fields, this one has {}",
            words.len()
        );
        return Err(Wrong { at: 0, message });
    }
    for ((at, word), field) in words.into_iter().zip(&FIELDS) {
        let mut at = at;
        for part in word.split(',') {
            field.part(part).map_err(|message| Wrong { at, message })?;
            at += part.len() + 1;
        }
    }
    Ok(())
}

impl Field {
    fn part(&self, part: &str) -> Result<(), String> {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(step)),
            None => (part, None),
        };
        if let Some(step) = step {
            let plain = !step.is_empty() && step.bytes().all(|b| b.is_ascii_digit());
            let size = self.max - self.min + 1;
            let fits = step.parse::<u32>().is_ok_and(|n| (1..=size).contains(&n));
            if self.only_names || !plain || !fits {
                return Err(format!(
                    "{:?} is not a step of the {}",
                    shorten(step),
                    self.name
                ));
            }
        }
        if range == "*" {
            return Ok(());
        }
        match range.split_once('-') {
            None => self.value(range).map(|_| ()),
            Some((from, to)) => {
                let (from, to) = (self.value(from)?, self.value(to)?);
                // Whether a week begins with Sunday or ends with it differs between dialects.
                if from > to || (self.only_names && from == self.min) {
                    return Err(format!(
                        "{:?} is not a range from lower to higher; write a list",
                        shorten(range)
                    ));
                }
                Ok(())
            }
        }
    }

    fn value(&self, word: &str) -> Result<u32, String> {
        let named = self
            .names
            .iter()
            .position(|name| name.eq_ignore_ascii_case(word));
        if let Some(position) = named {
            return Ok(self.min + u32::try_from(position).unwrap_or_default());
        }
        let plain = !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit());
        if self.only_names && plain {
            return Err(format!(
                "weekday {word} differs between dialects; write its name, such as MON"
            ));
        }
        let number = word
            .parse::<u32>()
            .ok()
            .filter(|_| plain && !self.only_names);
        number
            .filter(|n| (self.min..=self.max).contains(n))
            .ok_or_else(|| format!("{:?} is not a {}", shorten(word), self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_expressions_are_accepted() {
        for text in [
            "0 30 8 * * MON-FRI",
            "0 0 9 1,15 * *",
            "0 */5 8-18 * JAN-MAR,12 mon,WED,SUN",
            "59 59 23 31 12 *",
            "0  0 9 * * *",
        ] {
            assert_eq!(cron(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn mistakes_are_found_where_they_are() {
        for (text, at) in [
            ("", 0),
            ("0 30 8 * *", 0),
            ("0 30 8 * * MON 2026", 0),
            ("60 30 8 * * *", 0),
            ("0 60 8 * * *", 2),
            ("0 30 24 * * *", 5),
            ("0 30 8 0 * *", 7),
            ("0 30 8 32 * *", 7),
            ("0 30 8 * 13 *", 9),
            ("0 30 8 * * 1-5", 11),
            ("0 30 8 * * MON,6", 15),
            ("0 30 8 * * FRI-SUN", 11),
            ("0 30 8 * * SUN-THU", 11),
            ("0 30 8 * * MON/2", 11),
            ("0 30 18-8 * * *", 5),
            ("0 30/0 8 * * *", 2),
            ("0 30 8 ? * *", 7),
            ("0 30 8 L * *", 7),
            ("0 30 8 1,,2 * *", 9),
            ("0 30 +8 * * *", 5),
            ("@daily", 0),
        ] {
            assert_eq!(cron(text).map_err(|wrong| wrong.at), Err(at), "{text}");
        }
    }
}
