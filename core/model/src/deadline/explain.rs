//! Tells a derivation in short Chinese lines.

use chrono::{Datelike, NaiveDate};

use super::{Computation, Period, Step, StepKind, Unit};

/// How many entries a line lists before it only counts.
const LIST_ENTRIES_MAX: usize = 40;

/// Explains a computation in Chinese, one line per thought.
///
/// For example `2021-08-30(周一) 起算日不计，15个工作日内`, `逐个工作日: 8/31, 9/1, …`,
/// `跳过: 9/4(周六), 9/5(周日)`, `→ 2021-09-18(周六，调休上班)`.
pub fn explain_text(computation: &Computation) -> Vec<String> {
    let mut telling = Telling::default();
    for step in &computation.derivation {
        telling.tell(step);
    }
    telling.flush();
    telling.lines
}

/// The lines so far, and the days that wait to be told together.
#[derive(Default)]
struct Telling {
    lines: Vec<String>,
    unit: Option<Unit>,
    counted: Vec<Entry>,
    skipped: Vec<Entry>,
    suspended: Vec<Entry>,
    rolled_over: Vec<Entry>,
}

/// A day in a list; neighbours with the same label are told as a range.
struct Entry {
    date: NaiveDate,
    label: String,
}

impl Telling {
    fn tell(&mut self, step: &Step) {
        let entry = |label: &str| Entry {
            date: step.date,
            label: label.to_owned(),
        };
        let note = step.note.as_deref().unwrap_or_default();
        match step.kind {
            StepKind::Counted => self.counted.push(entry("")),
            StepKind::SkippedWeekend => self.skipped.push(entry(weekday(step.date))),
            StepKind::SkippedHoliday => self.skipped.push(entry(note)),
            StepKind::Suspended => self.suspended.push(entry("")),
            StepKind::RolledOver if note == "周末" => {
                self.rolled_over.push(entry(weekday(step.date)));
            }
            StepKind::RolledOver => self.rolled_over.push(entry(note)),
            _ => {
                self.flush();
                if step.kind == StepKind::Start {
                    self.unit = note.parse().ok().map(Period::unit);
                }
                self.lines.push(line(step, note));
            }
        }
    }

    /// Tells the days that wait.
    fn flush(&mut self) {
        let counted = std::mem::take(&mut self.counted);
        if let (Some(first), Some(last)) = (counted.first(), counted.last()) {
            let line = if self.unit == Some(Unit::WorkingDays) {
                let days: Vec<String> = counted.iter().map(|entry| short(entry.date)).collect();
                format!("逐个工作日: {}", list(&days))
            } else {
                let (first, last) = (short(first.date), short(last.date));
                format!("逐日计数: {first} 至 {last}，共 {} 日", counted.len())
            };
            self.lines.push(line);
        }
        for (title, entries) in [
            ("跳过", std::mem::take(&mut self.skipped)),
            ("中止不计", std::mem::take(&mut self.suspended)),
            ("顺延经过", std::mem::take(&mut self.rolled_over)),
        ] {
            if !entries.is_empty() {
                self.lines
                    .push(format!("{title}: {}", list(&ranges(&entries))));
            }
        }
    }
}

/// Tells a step that has a line of its own.
fn line(step: &Step, note: &str) -> String {
    let day = long(step.date, None);
    let n = step.n.unwrap_or_default();
    match step.kind {
        StepKind::Start => match note.parse::<Period>() {
            Ok(period) if period.direction().is_backward() => {
                format!("{day} 起倒推，{}", period.in_chinese())
            }
            Ok(period) => format!("{day} 起算日不计，{}", period.in_chinese()),
            Err(_) => format!("{day} 起算日不计"),
        },
        StepKind::Fixed => {
            let day = long(step.date, step.note.as_deref());
            format!("文件明列日期 {day}")
        }
        StepKind::Extended => format!("中止 {n} 日，末日移至 {day}"),
        StepKind::LastDay => format!("末日 {day} 为休息日，依{note}顺延"),
        StepKind::Due => format!("→ {}", long(step.date, step.note.as_deref())),
        StepKind::Paused => format!("→ 未定: {day} 起{note}"),
        StepKind::OutsideCalendar => format!("→ 未定: {day} {note}"),
        StepKind::NoteRestDay | StepKind::NoteSuspension => format!("注意: {day} {note}"),
        StepKind::Truncated => "其余各日从略".to_owned(),
        StepKind::Compared => format!("{n}. {note}: {day}"),
        StepKind::Chosen => format!("{note} → {day}"),
        // Month and year steps say what they are in their note; lists never come here.
        _ => format!("{day} {note}"),
    }
}

/// Joins neighbouring days with the same label: `10/1–10/7(国庆节)`.
fn ranges(entries: &[Entry]) -> Vec<String> {
    let neighbours = |one: &Entry, other: &Entry| {
        one.label == other.label && (other.date - one.date).num_days().abs() == 1
    };
    entries
        .chunk_by(neighbours)
        .filter_map(|chunk| {
            let (first, last) = (chunk.first()?, chunk.last()?);
            let days = if chunk.len() == 1 {
                short(first.date)
            } else {
                format!("{}–{}", short(first.date), short(last.date))
            };
            Some(if first.label.is_empty() {
                days
            } else {
                format!("{days}({})", first.label)
            })
        })
        .collect()
}

/// Joins entries; a long list ends with its length.
fn list(entries: &[String]) -> String {
    match entries.get(..LIST_ENTRIES_MAX) {
        Some(shown) if shown.len() < entries.len() => {
            format!("{}, … 共 {} 项", shown.join(", "), entries.len())
        }
        _ => entries.join(", "),
    }
}

/// Writes a date as `9/18`.
fn short(date: NaiveDate) -> String {
    format!("{}/{}", date.month(), date.day())
}

/// Writes a date as `2021-09-18(周六，调休上班)`.
fn long(date: NaiveDate, remark: Option<&str>) -> String {
    let weekday = weekday(date);
    match remark {
        Some(remark) => format!("{date}({weekday}，{remark})"),
        None => format!("{date}({weekday})"),
    }
}

fn weekday(date: NaiveDate) -> &'static str {
    match date.weekday() {
        chrono::Weekday::Mon => "周一",
        chrono::Weekday::Tue => "周二",
        chrono::Weekday::Wed => "周三",
        chrono::Weekday::Thu => "周四",
        chrono::Weekday::Fri => "周五",
        chrono::Weekday::Sat => "周六",
        chrono::Weekday::Sun => "周日",
    }
}
