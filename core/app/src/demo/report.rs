//! What the demo shows: a timeline, the payments, the renewal, the check.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use liucheng_engine::{
    CommandError, Engine,
    ports::{MailRecord, Page},
    record::{Cause, Record},
    verify::ProjectCheck,
};
use liucheng_model::{
    definition::{Basis, Definition, STAY},
    event::Event,
    project::Project,
};
use serde_json::{Value as Json, json};

use crate::output::{clip, pad, width, wrap};

/// Everything the demo shows.
pub struct Report {
    projects: Vec<ProjectReport>,
    checks: Vec<ProjectCheck>,
}

struct ProjectReport {
    project: Project,
    version: u64,
    timeline: Vec<Row>,
    paid: Vec<Paid>,
    renewals: Vec<Renewal>,
    mails: usize,
}

/// One line of the timeline.
struct Row {
    on: NaiveDate,
    actor: String,
    what: String,
    rules: Vec<Rule>,
    next: Option<(NaiveDate, String)>,
    mails: usize,
}

/// A rule that had to do with it.
struct Rule {
    id: String,
    basis: Basis,
}

/// A payment that was released.
struct Paid {
    on: NaiveDate,
    contract_year: i64,
    no: u32,
    amount: String,
    rule: String,
    due: Option<NaiveDate>,
}

/// A renewal decision.
struct Renewal {
    on: NaiveDate,
    contract_year: i64,
    decision: String,
    reason: String,
    by: String,
}

impl Report {
    /// Reads the histories of all projects.
    pub async fn read(engine: &Engine, checks: Vec<ProjectCheck>) -> Result<Self, CommandError> {
        let rows = engine
            .store
            .list(Page {
                after: None,
                limit: 100,
            })
            .await?;
        let mut projects = Vec::new();
        for row in rows {
            let project: Project = serde_json::from_str(&row.state)?;
            let definition = engine
                .library
                .definition(&project.definition, &*engine.store)
                .await?;
            let history = engine.store.history(row.id, 0, u32::MAX).await?;
            let records = history
                .iter()
                .map(Record::open)
                .collect::<Result<Vec<_>, _>>()?;
            let mails = engine.store.mail(row.id).await?;
            projects.push(tell(project, row.version, &definition, &records, &mails));
        }
        Ok(Self { projects, checks })
    }

    /// Is every state the fold of its history?
    pub fn is_consistent(&self) -> bool {
        self.checks.iter().all(|c| c.problems.is_empty())
    }

    /// For people, in lines of at most that many cells.
    pub fn lines(&self, cells: usize) -> Vec<String> {
        let mut lines = Vec::new();
        for report in &self.projects {
            report.write(cells, &mut lines);
        }
        lines.push(String::new());
        for check in &self.checks {
            let verdict = if check.problems.is_empty() {
                "一致 ok"
            } else {
                "不一致 BAD"
            };
            lines.push(format!(
                "状态 = fold(历史)  {:8} {} 条记录  {verdict}",
                check.code, check.records
            ));
            lines.extend(check.problems.iter().map(|p| format!("  {p}")));
        }
        lines
    }

    /// For machines. Holds nothing that differs from run to run.
    pub fn to_json(&self) -> Json {
        json!({
            "consistent": self.is_consistent(),
            "mails": self.projects.iter().map(|p| p.mails).sum::<usize>(),
            "projects": self.projects.iter().map(ProjectReport::to_json).collect::<Vec<_>>(),
            "checks": self.checks.iter().map(|check| json!({
                "code": check.code,
                "records": check.records,
                "problems": check.problems,
            })).collect::<Vec<_>>(),
        })
    }
}

fn tell(
    project: Project,
    version: u64,
    definition: &Definition,
    records: &[Record],
    mails: &[MailRecord],
) -> ProjectReport {
    let mut report = ProjectReport {
        project,
        version,
        timeline: Vec::new(),
        paid: Vec::new(),
        renewals: Vec::new(),
        mails: mails.len(),
    };
    let mut folded: Option<Project> = None;
    for record in records {
        let mut row = Row {
            on: record.at.date(),
            actor: record.actor.clone(),
            what: String::new(),
            rules: Vec::new(),
            next: None,
            mails: 0,
        };
        let mut what: Vec<String> = Vec::new();
        let year_before = folded.as_ref().map_or(1, contract_year);
        for event in &record.events {
            match (&mut folded, event) {
                (None, Event::Opened(opening)) => {
                    what.push("立项".to_owned());
                    folded = Some(Project::opened(opening));
                }
                (Some(state), event) => {
                    let teller = Teller {
                        definition,
                        state,
                        record,
                    };
                    what.extend(teller.what(event));
                    row.rules.extend(teller.rule(event));
                    report.paid.extend(teller.paid(event));
                    state.apply(event);
                }
                (None, _) => {}
            }
        }
        if let Some(state) = &folded {
            row.next = next(definition, state);
            report.renewals.extend(renewal(record, year_before));
        }
        let keys: BTreeSet<&String> = record
            .events
            .iter()
            .filter_map(|e| match e {
                Event::ReminderDue { key, .. } => Some(key),
                _ => None,
            })
            .collect();
        let sent_then = |m: &&MailRecord| {
            m.row.not_before == record.at && keys.contains(&m.row.mail.reminder.obligation)
        };
        row.mails = mails.iter().filter(sent_then).count();
        what.dedup();
        row.what = what.join("；");
        if !row.what.is_empty() {
            report.timeline.push(row);
        }
    }
    report
}

/// Puts one event of a record into words; the state is the one before it.
struct Teller<'a> {
    definition: &'a Definition,
    state: &'a Project,
    record: &'a Record,
}

impl Teller<'_> {
    fn what(&self, event: &Event) -> Option<String> {
        match event {
            Event::Moved { transition, .. } => {
                let transition = self
                    .definition
                    .doc
                    .transitions
                    .iter()
                    .find(|t| t.id == *transition)?;
                // Transitions of other regions follow by themselves and need no line.
                let followed = transition.roles.is_empty()
                    && matches!(self.record.cause, Cause::Command { .. });
                let records_only = transition.requires.is_empty() && transition.to == STAY;
                let what = if records_only { self.recorded() } else { None };
                (!followed).then(|| what.unwrap_or_else(|| transition.title.zh.clone()))
            }
            Event::PaymentReleased { no, amount, .. } => Some(format!("第{no}期 {amount} 元")),
            Event::ReminderDue {
                key, escalation, ..
            } => {
                let title = self.title(key);
                Some(if *escalation {
                    format!("逾期催办：{title}")
                } else {
                    format!("提醒：{title}")
                })
            }
            Event::ObligationOpened { key, obligation } if obligation.period.is_some() => {
                let title = self
                    .definition
                    .recurring(&obligation.id)
                    .map(|r| r.title.zh.clone())?;
                let period = key.rsplit('@').next().unwrap_or_default();
                Some(format!("{title} {period} 开始"))
            }
            Event::ObligationMet { key, on, due } => match due {
                Some(due) if on > due && !key.contains('@') => {
                    Some(format!("{}（逾期完成，期限{due}）", self.title(key)))
                }
                _ if key.contains('@') => Some(self.title(key)),
                _ => None,
            },
            Event::ScheduleFired { id, .. } => {
                let schedule = self.definition.doc.schedules.iter().find(|s| s.id == *id)?;
                Some(schedule.title.zh.clone())
            }
            Event::ObligationMoved {
                key, obligation, ..
            } => {
                let due = obligation
                    .due
                    .map_or_else(|| "待定".to_owned(), |d| d.to_string());
                Some(format!("{} 期限变为 {due}", self.title(key)))
            }
            _ => None,
        }
    }

    /// The facts that the record sets, by their titles.
    fn recorded(&self) -> Option<String> {
        let facts = self.record.events.iter().find_map(|event| match event {
            Event::FactsSet { facts } => Some(facts),
            _ => None,
        })?;
        let title = |key: &String| {
            self.definition
                .doc
                .facts
                .get(key)
                .map(|f| f.title.zh.clone())
        };
        let titles: Vec<String> = facts.keys().filter_map(title).collect();
        Some(format!("登记{}", titles.join("、")))
    }

    fn rule(&self, event: &Event) -> Option<Rule> {
        let id = match event {
            Event::ReminderDue { key, .. } | Event::ObligationMet { key, .. } => {
                &self.state.obligations.get(key)?.id
            }
            Event::ObligationOpened { obligation, .. } if obligation.period.is_some() => {
                &obligation.id
            }
            _ => return None,
        };
        let of_obligation = self.definition.obligation(id).map(|o| (&o.rule, &o.basis));
        let of_recurring = || self.definition.recurring(id).map(|r| (&r.rule, &r.basis));
        let (rule, basis) = of_obligation.or_else(of_recurring)?;
        Some(Rule {
            id: rule.clone(),
            basis: basis.clone(),
        })
    }

    fn paid(&self, event: &Event) -> Option<Paid> {
        let Event::PaymentReleased { no, on, amount } = event else {
            return None;
        };
        let payment = self.state.payments.iter().find(|p| p.no == *no)?;
        let open = self.state.obligations.get(&payment.obligation);
        Some(Paid {
            on: *on,
            contract_year: contract_year(self.state),
            no: *no,
            amount: amount.to_string(),
            rule: payment.rule.clone(),
            due: open.and_then(|o| o.due),
        })
    }

    fn title(&self, key: &str) -> String {
        let id = key.split(['@', '/']).next().unwrap_or(key);
        let of_obligation = self.definition.obligation(id).map(|o| o.title.zh.clone());
        let title =
            of_obligation.or_else(|| self.definition.recurring(id).map(|r| r.title.zh.clone()));
        let title = title.unwrap_or_else(|| key.to_owned());
        match key.split_once('@') {
            Some((_, period)) => format!("{title} {period}"),
            None => title,
        }
    }
}

fn contract_year(state: &Project) -> i64 {
    state
        .facts
        .get("contract.year")
        .and_then(|y| y.as_int())
        .unwrap_or(1)
}

fn next(definition: &Definition, state: &Project) -> Option<(NaiveDate, String)> {
    let open = state
        .obligations
        .iter()
        .filter_map(|(key, o)| Some((o.target()?, key, o)));
    let (date, key, obligation) = open.min_by_key(|(date, key, _)| (*date, (*key).clone()))?;
    let of_obligation = definition
        .obligation(&obligation.id)
        .map(|o| o.title.zh.clone());
    let title = of_obligation.or_else(|| {
        definition
            .recurring(&obligation.id)
            .map(|r| r.title.zh.clone())
    });
    Some((date, title.unwrap_or_else(|| key.clone())))
}

/// The decision that a record brought about, by the component or by a person.
fn renewal(record: &Record, contract_year: i64) -> Option<Renewal> {
    let Cause::Command { event } = &record.cause else {
        return None;
    };
    if !event.starts_with("decide-renewal") {
        return None;
    }
    let mut decision = None;
    let mut reason = None;
    for event in &record.events {
        if let Event::FactsSet { facts } = event {
            let text = |key: &str| facts.get(key).and_then(|v| v.as_text()).map(str::to_owned);
            decision = text("renewal.human_decision")
                .or(decision)
                .or_else(|| text("renewal.decision"));
            reason = text("renewal.human_reason")
                .or(reason)
                .or_else(|| text("renewal.reason"));
        }
    }
    Some(Renewal {
        on: record.at.date(),
        contract_year,
        decision: decision?,
        reason: reason.unwrap_or_default(),
        by: record.actor.clone(),
    })
}

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
    fn write(&self, cells: usize, lines: &mut Vec<String>) {
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
                paid.on, paid.contract_year, paid.no, paid.amount, paid.rule
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

    fn to_json(&self) -> Json {
        let timeline = self.timeline.iter().map(|row| {
            json!({
                "date": row.on,
                "actor": row.actor,
                "what": row.what,
                "rules": row.rules.iter().map(|r| json!({"rule": r.id, "source": r.basis.source, "article": r.basis.article, "text": r.basis.text})).collect::<Vec<_>>(),
                "next_due": row.next.as_ref().map(|(date, title)| json!({"date": date, "title": title})),
                "mails": row.mails,
            })
        });
        json!({
            "code": self.project.code,
            "name": self.project.name,
            "version": self.version,
            "states": self.project.states,
            "timeline": timeline.collect::<Vec<_>>(),
            "payments": self.paid.iter().map(|p| json!({"on": p.on, "contract_year": p.contract_year, "no": p.no, "amount": p.amount, "rule": p.rule, "due": p.due})).collect::<Vec<_>>(),
            "renewals": self.renewals.iter().map(|r| json!({"on": r.on, "contract_year": r.contract_year, "decision": r.decision, "reason": r.reason, "by": r.by})).collect::<Vec<_>>(),
            "mails": self.mails,
        })
    }
}
