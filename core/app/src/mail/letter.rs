//! What a reminder says: the words that all forms of the mail share.

use std::cmp::Ordering;

use chrono::{Datelike, NaiveDate, Weekday};
use liucheng_engine::reminder::Reminder;

/// The longest name in a subject, in characters: mail programs show about sixty.
const SUBJECT_NAME_CHARS: usize = 24;

/// A reminder in words, as of a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// The subject line.
    pub subject: String,
    /// How near the date is, such as `逾期3天`.
    pub status: String,
    /// The date has passed, so the status stands out.
    pub is_overdue: bool,
    /// What has to be done.
    pub task: String,
    /// Label and value of each line, in the order people ask: for whom, by when, why.
    pub lines: Vec<(&'static str, String)>,
    /// The clause, verbatim.
    pub clause: String,
    /// The same in English, in short.
    pub english: Vec<String>,
    /// Why the recipient gets it.
    pub footer: &'static str,
}

/// What is known about the date.
enum When {
    /// There is one.
    Due(NaiveDate),
    /// The calendar does not reach it yet.
    Pending(Option<NaiveDate>),
    /// The text names none; a report still belongs to a period that ends on this day.
    Open(Option<NaiveDate>),
}

impl When {
    fn of(reminder: &Reminder) -> Self {
        match (reminder.due, reminder.provisional) {
            (Some(due), _) => Self::Due(due),
            (None, true) => Self::Pending(reminder.unrolled),
            (None, false) => Self::Open(reminder.unrolled),
        }
    }
}

impl Letter {
    /// Words a reminder as it reads on a day.
    pub fn new(reminder: &Reminder, today: NaiveDate) -> Self {
        let when = When::of(reminder);
        let (status, status_en) = status(&when, today);
        let task = clean(&reminder.title.zh);
        let name = clean(&reminder.project_name);
        let code = clean(&reminder.project_code);
        let rule = clean(&reminder.rule);
        let mut lines = vec![
            ("项目", format!("{name}（{code}）")),
            ("责任岗位", clean(&reminder.responsible.zh)),
            ("截止日期", deadline(&when, &status)),
        ];
        if let Some(why) = difference(reminder) {
            lines.push(("日期说明", why));
        }
        if reminder.provisional {
            lines.push(("暂定", provisional(reminder).to_owned()));
        }
        if reminder.announcement {
            lines.push(("新任务", "自即日起由贵岗位办理。".to_owned()));
        }
        if reminder.escalation {
            lines.push((
                "升级提醒",
                "期限已过，本提醒同时发送给分管领导或督办岗位。".to_owned(),
            ));
        }
        lines.extend(reminder.incidents.iter().map(|one| {
            let (package, hook, code) = (clean(&one.package), clean(&one.hook), clean(&one.code));
            let since = long(one.since);
            let text = format!(
                "规则包 {package} 自{since}起未能答复（{hook}，{code}），本项目相关办理已暂停；请联系系统管理员处理，或说明理由后继续办理。"
            );
            ("规则包异常", text)
        }));
        lines.push(("依据", clean(&reminder.source)));
        lines.push(("规则编号", rule));
        Self {
            subject: subject(&when, &status, &name, &task, today),
            status,
            is_overdue: matches!(when, When::Due(due) if due < today),
            task,
            lines,
            clause: reminder.clause.chars().map(plain).collect(),
            english: english(reminder, &when, &status_en),
            footer: "您收到本邮件，是因为您被登记为该项目的提醒联系人；联系人有变动，请告知项目经办人。本邮件由流程系统自动发出，请勿回复。",
        }
    }
}

fn status(when: &When, today: NaiveDate) -> (String, String) {
    let fixed = |zh: &str, en: &str| (zh.to_owned(), en.to_owned());
    match when {
        When::Due(due) => {
            let days = (*due - today).num_days();
            let s = if days.abs() == 1 { "" } else { "s" };
            match days.cmp(&0) {
                Ordering::Less => (
                    format!("逾期{}天", -days),
                    format!("{} day{s} overdue", -days),
                ),
                Ordering::Equal => fixed("今天到期", "due today"),
                Ordering::Greater => (format!("还剩{days}天"), format!("{days} day{s} left")),
            }
        }
        When::Pending(_) => fixed("截止日待定", "date pending"),
        When::Open(_) => fixed("文件未规定截止日", "no date in the text"),
    }
}

fn subject(when: &When, status: &str, name: &str, task: &str, today: NaiveDate) -> String {
    let end = match when {
        When::Due(due) => format!(" · 截止 {}", short(*due, today)),
        When::Pending(Some(date)) => format!(" · 暂计 {}", short(*date, today)),
        When::Open(Some(date)) => format!(" · 期末 {}", short(*date, today)),
        When::Pending(None) | When::Open(None) => String::new(),
    };
    format!(
        "[{status}] {} · {task}{end}",
        clip(name, SUBJECT_NAME_CHARS)
    )
}

fn deadline(when: &When, status: &str) -> String {
    match when {
        When::Due(due) => format!("{}，{status}", long(*due)),
        When::Pending(Some(date)) => format!("待定；按期计算为 {}", long(*date)),
        When::Pending(None) => "待定".to_owned(),
        When::Open(Some(date)) => format!("文件未规定；本期至 {}", long(*date)),
        When::Open(None) => "文件未规定".to_owned(),
    }
}

/// Why the date is not the one that counting gives.
fn difference(reminder: &Reminder) -> Option<String> {
    let (due, counted) = (reminder.due?, reminder.unrolled?);
    match due.cmp(&counted) {
        Ordering::Equal => None,
        Ordering::Greater => Some(format!(
            "按期计算为 {}，遇休息日顺延至 {}；稳妥起见，建议在较早的日期前办理。",
            long(counted),
            long(due)
        )),
        Ordering::Less => Some(format!(
            "按期计算为 {}，遇休息日提前至 {}。",
            long(counted),
            long(due)
        )),
    }
}

fn provisional(reminder: &Reminder) -> &'static str {
    if reminder.due.is_some() {
        "该年度放假安排尚未公布，日期可能调整，请以公布后的通知为准。"
    } else {
        "工作日历尚未覆盖该日期（放假安排未公布），公布后另行提醒，请先行准备。"
    }
}

fn english(reminder: &Reminder, when: &When, status: &str) -> Vec<String> {
    let date = match when {
        When::Due(due) => format!("Due: {}, {status}", long_en(*due)),
        When::Pending(Some(date)) => format!("Due: pending; counted as {}", long_en(*date)),
        When::Pending(None) => "Due: pending".to_owned(),
        When::Open(Some(date)) => format!(
            "Due: no date in the text; the period ends {}",
            long_en(*date)
        ),
        When::Open(None) => "Due: no date in the text".to_owned(),
    };
    let project = format!(
        "{} ({})",
        clean(&reminder.project_name),
        clean(&reminder.project_code)
    );
    let mut lines = vec![
        format!("To do: {}", clean(&reminder.title.en)),
        format!("Project: {project}"),
        format!("Responsible: {}", clean(&reminder.responsible.en)),
        date,
    ];
    if let (Some(due), Some(counted)) = (reminder.due, reminder.unrolled)
        && due != counted
    {
        lines.push(format!(
            "Counted as {}, moved because it is a rest day.",
            long_en(counted)
        ));
    }
    if reminder.provisional {
        lines
            .push("Provisional: the holiday notice for that year is not published yet.".to_owned());
    }
    if reminder.announcement {
        lines.push("New: it is yours to do from today on.".to_owned());
    }
    lines.extend(reminder.incidents.iter().map(|one| {
        format!(
            "Component: {} could not answer ({}, {}) since {}; tell the operator, or go on with a reason.",
            clean(&one.package),
            clean(&one.hook),
            clean(&one.code),
            long_en(one.since)
        )
    }));
    if reminder.escalation {
        lines.push("Escalated: the date has passed.".to_owned());
    }
    lines.push(format!(
        "Basis: {} (rule {})",
        clean(&reminder.source),
        clean(&reminder.rule)
    ));
    lines
}

/// Month and day, with the year where it is not this one.
fn short(date: NaiveDate, today: NaiveDate) -> String {
    if date.year() == today.year() {
        date.format("%m-%d").to_string()
    } else {
        date.to_string()
    }
}

fn long(date: NaiveDate) -> String {
    let day = match date.weekday() {
        Weekday::Mon => "一",
        Weekday::Tue => "二",
        Weekday::Wed => "三",
        Weekday::Thu => "四",
        Weekday::Fri => "五",
        Weekday::Sat => "六",
        Weekday::Sun => "日",
    };
    format!("{date}（星期{day}）")
}

fn long_en(date: NaiveDate) -> String {
    format!("{date} ({})", date.weekday())
}

/// One line without control characters: a name can neither add a header nor break a layout.
fn clean(text: &str) -> String {
    let spaced: String = text.chars().map(plain).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn plain(c: char) -> char {
    if c.is_control() { ' ' } else { c }
}

fn clip(text: &str, chars: usize) -> String {
    if text.chars().count() <= chars {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(chars.saturating_sub(1)).collect();
    short.push('…');
    short
}
