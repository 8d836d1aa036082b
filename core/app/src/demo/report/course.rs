//! The course of a project as a table: day, what happened, rule, next date.

use std::collections::BTreeSet;

use super::story::{ProjectReport, Row};
use crate::output::{clip, pad, width, wrap};

/// The widths of the timeline: date, what happened, rule; the next date takes the rest.
const DATE_CELLS: usize = 10;
const RULE_CELLS: usize = 17;
/// Without a width to keep, texts that are longer than this push the others to the right.
const WHAT_CELLS: usize = 30;
/// The part of what is left for what happened; the next date takes the other part.
const WHAT_PERCENT: usize = 60;

/// How wide the columns of the timeline are.
#[derive(Clone, Copy)]
struct Columns {
    what: usize,
    next: usize,
    is_limited: bool,
}

impl Columns {
    fn new(cells: usize) -> Self {
        let is_limited = cells < usize::MAX;
        let left = cells.saturating_sub(DATE_CELLS + RULE_CELLS + 3);
        let what = match is_limited {
            true => left * WHAT_PERCENT / 100,
            false => WHAT_CELLS,
        };
        Self {
            what,
            next: left.saturating_sub(what),
            is_limited,
        }
    }

    fn text(self, [date, what, rule, next]: [String; 4]) -> String {
        let text = format!(
            "{} {} {} {}",
            pad(&date, DATE_CELLS),
            self.fill(&what, self.what),
            self.fill(&rule, RULE_CELLS),
            clip(&next, self.next)
        );
        text.trim_end().to_owned()
    }

    /// Cuts only where there is a width to keep.
    fn fill(self, text: &str, cells: usize) -> String {
        let cells = match self.is_limited {
            true => cells,
            false => cells.max(width(text)),
        };
        pad(text, cells)
    }
}

impl Row {
    fn text(&self, columns: Columns) -> String {
        let next = self
            .next
            .as_ref()
            .map_or_else(String::new, |(date, title)| {
                format!("{} {title}", date.format("%y-%m-%d"))
            });
        let mail = if self.mails > 0 {
            format!(" ✉{}", self.mails)
        } else {
            String::new()
        };
        let rule = match self.rules.as_slice() {
            [] => String::new(),
            [rule] => rule.id.clone(),
            [rule, more @ ..] if columns.is_limited => {
                format!("{} +{}", clip(&rule.id, 14), more.len())
            }
            rules => {
                let ids: Vec<&str> = rules.iter().map(|r| r.id.as_str()).collect();
                ids.join(" ")
            }
        };
        let what = match columns.is_limited {
            true => clip(&self.what, columns.what.saturating_sub(width(&mail))),
            false => self.what.clone(),
        };
        columns.text([self.on.to_string(), format!("{what}{mail}"), rule, next])
    }
}

impl ProjectReport {
    /// Writes the course under the project's name.
    pub fn write(&self, cells: usize, lines: &mut Vec<String>) {
        let columns = Columns::new(cells);
        lines.push(String::new());
        lines.push(clip(
            &format!("━━ {} {}", self.project.code, self.project.name),
            cells,
        ));
        let head = ["日期", "事项", "规则", "下一期限"];
        lines.push(columns.text(head.map(str::to_owned)));
        let mut told: BTreeSet<&str> = BTreeSet::new();
        for row in &self.timeline {
            lines.push(row.text(columns));
            for rule in &row.rules {
                // Each clause is told once, where its rule first matters.
                if told.insert(&rule.id) {
                    let clause = format!(
                        "{} {}：“{}”",
                        rule.id,
                        rule.basis.citation(),
                        rule.basis.text
                    );
                    lines.extend(wrap(&clause, cells, ("           └ ", "             ")));
                }
            }
        }
        lines.push(String::new());
        lines.push("拨付 payments released".to_owned());
        for paid in &self.paid {
            let due = paid.due.map_or_else(String::new, |d| format!("  期限 {d}"));
            lines.push(format!(
                "  {}  第{}年 第{}期  {:>12} 元  {}{due}",
                paid.on,
                paid.contract_year,
                paid.no,
                paid.amount.to_string(),
                paid.rule
            ));
        }
        lines.push("续签 renewal".to_owned());
        for renewal in &self.renewals {
            let text = format!(
                "  {}  第{}年 → {}（{}）：{}",
                renewal.on, renewal.contract_year, renewal.decision, renewal.by, renewal.reason
            );
            lines.extend(wrap(&text, cells, ("", "              ")));
        }
        lines.push(format!("邮件 mails: {}", self.mails));
    }
}
