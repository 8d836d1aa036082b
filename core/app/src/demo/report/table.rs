//! The summary: two lines for each jurisdiction, its name and its figures.

use std::collections::BTreeSet;

use liucheng_model::money::Fen;
use serde_json::{Value as Json, json};

use super::{Jurisdiction, story::ProjectReport};
use crate::output::{clip, pad};

/// The columns: Chinese head, English head, width in cells. With a blank between them they take eighty.
const COLUMNS: [(&str, &str, usize); 9] = [
    ("项目", "project", 9),
    ("阶段", "stage", 10),
    ("记录", "recs", 4),
    ("邮件", "mail", 4),
    ("期限", "on/late", 7),
    ("拨付（期、元）", "paid: no., yuan", 16),
    ("决定", "dec.", 4),
    ("组件", "calls", 8),
    ("下一期限", "next due", 10),
];

/// The table for a terminal of that many cells.
pub fn lines(jurisdictions: &[Jurisdiction], cells: usize) -> Vec<String> {
    let mut lines = vec![
        row(COLUMNS.map(|(zh, ..)| zh.to_owned())),
        row(COLUMNS.map(|(_, en, _)| en.to_owned())),
    ];
    for jurisdiction in jurisdictions {
        let title = &jurisdiction.title;
        lines.push(clip(&format!("{} {}", title.zh, title.en), cells));
        lines.push(row(jurisdiction.cells()));
    }
    lines.push(String::new());
    let legend = [
        "期限：按时/逾期（+未办）  决定：已决定/沿用默认读法  组件：次数、百万条指令",
        "on/late: in time/late (+ still owed)  dec.: decided/default reading kept",
        "calls: of the component, and its instructions in millions",
    ];
    lines.extend(legend.map(|line| clip(line, cells)));
    lines
}

fn row(cells: [String; 9]) -> String {
    let padded = cells.iter().zip(COLUMNS);
    let padded: Vec<String> = padded.map(|(cell, (.., w))| pad(cell, w)).collect();
    padded.join(" ").trim_end().to_owned()
}

impl Jurisdiction {
    fn sum(&self, of: impl Fn(&ProjectReport) -> usize) -> usize {
        self.projects.iter().map(of).sum()
    }

    fn cells(&self) -> [String; 9] {
        let first = self.projects.first();
        let code = first.map_or_else(String::new, |p| p.project.code.clone());
        let stage = first.map_or_else(String::new, |p| p.stage.zh.clone());
        let met = self.sum(|p| p.figures.met_and_late().0);
        let late = self.sum(|p| p.figures.met_and_late().1);
        let owed = match self.sum(|p| p.figures.overdue.len()) {
            0 => String::new(),
            owed => format!("+{owed}"),
        };
        let tranches = self.sum(|p| p.paid.len());
        let (decided, undecided) = self.open_points();
        let calls = self.sum(|p| p.figures.calls);
        let millions = format!("{:.1}", self.fuel() as f64 / 1e6);
        [
            code,
            stage,
            self.sum(|p| usize::try_from(p.version).unwrap_or(usize::MAX))
                .to_string(),
            self.sum(|p| p.mails).to_string(),
            format!("{met}/{late}{owed}"),
            format!("{tranches} {}", grouped(self.paid())),
            format!("{}/{}", decided.len(), undecided.len()),
            format!("{calls} {millions}M"),
            self.next_due()
                .map_or_else(|| "—".to_owned(), |d| d.to_string()),
        ]
    }

    /// Open points that somebody decided, and those that were put to somebody and never decided.
    fn open_points(&self) -> (BTreeSet<&String>, BTreeSet<&String>) {
        let figures = || self.projects.iter().map(|p| &p.figures);
        let decided: BTreeSet<&String> = figures()
            .flat_map(|f| f.decisions.iter().map(|d| &d.issue))
            .collect();
        let asked: BTreeSet<&String> = figures().flat_map(|f| &f.asked).collect();
        let undecided = asked.difference(&decided).copied().collect();
        (decided, undecided)
    }

    fn fuel(&self) -> u64 {
        self.projects.iter().map(|p| p.figures.fuel).sum()
    }

    fn paid(&self) -> Fen {
        let paid = self.projects.iter().flat_map(|p| &p.paid);
        paid.fold(Fen::ZERO, |sum, paid| {
            sum.checked_add(paid.amount).unwrap_or(sum)
        })
    }

    fn next_due(&self) -> Option<chrono::NaiveDate> {
        let next = self.projects.iter().filter_map(|p| p.next.as_ref());
        next.map(|(date, _)| *date).min()
    }

    /// For machines: the sums of the table.
    pub fn to_json(&self) -> Json {
        let (decided, undecided) = self.open_points();
        json!({
            "province": self.province,
            "title": self.title,
            "projects": self.projects.iter().map(|p| &p.project.code).collect::<Vec<_>>(),
            "stage": self.projects.first().map(|p| &p.stage),
            "records": self.projects.iter().map(|p| p.version).sum::<u64>(),
            "mails": self.sum(|p| p.mails),
            "met": self.sum(|p| p.figures.met_and_late().0),
            "late": self.sum(|p| p.figures.met_and_late().1),
            "overdue": self.sum(|p| p.figures.overdue.len()),
            "tranches": self.sum(|p| p.paid.len()),
            "paid": self.paid().to_string(),
            "decided": decided,
            "undecided": undecided,
            "calls": self.sum(|p| p.figures.calls),
            "fuel": self.fuel(),
            "next_due": self.next_due(),
        })
    }
}

/// Yuan without cents where there are none, in groups of three: `5,450,000`.
fn grouped(amount: Fen) -> String {
    let text = amount.to_string();
    let (yuan, cents) = text.split_once('.').unwrap_or((&text, "00"));
    let mut out = String::new();
    for (i, digit) in yuan.chars().enumerate() {
        if i > 0 && (yuan.len() - i) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    match cents {
        "00" => out,
        cents => format!("{out}.{cents}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::width;

    #[test]
    fn the_columns_take_eighty_cells() {
        let cells: usize = COLUMNS.iter().map(|(.., w)| w + 1).sum();
        assert_eq!(cells - 1, 80);
        assert!(
            COLUMNS
                .iter()
                .all(|(zh, en, w)| width(zh) <= *w && width(en) <= *w)
        );
    }

    #[test]
    fn amounts_are_grouped() {
        let shown = |fen| grouped(Fen(fen));
        assert_eq!(shown(545_000_000), "5,450,000");
        assert_eq!(shown(100_005), "1,000.05");
        assert_eq!(shown(99_900), "999");
        assert_eq!(shown(0), "0");
    }
}
