//! What is counted in a project's history: deadlines, decisions, calls, and what is worth a line.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use liucheng_engine::record::{Cause, Record};
use liucheng_model::{
    definition::Definition,
    event::{Event, MoveCause},
    fact::{FactValue, Scalar},
    guard::{Scope, World},
    project::Project,
    text::Text,
};
use serde_json::{Value as Json, json};

use super::teller::{PAUSE, title};

/// Figures of one project, gathered record by record.
#[derive(Default)]
pub struct Figures {
    /// Obligations that were discharged, in order.
    pub met: Vec<Met>,
    /// Obligations that are open at the end although their last day has passed.
    pub overdue: Vec<String>,
    /// Open points that a person decided.
    pub decisions: Vec<Decision>,
    /// Open points that were put to somebody, in the order of their ids.
    pub asked: BTreeSet<String>,
    /// How often the component was asked.
    pub calls: usize,
    /// Instructions it took.
    pub fuel: u64,
    /// What it computed last, by fact.
    pub computed: BTreeMap<String, (Text, FactValue)>,
    /// What is worth a line, in order.
    pub notes: Vec<Note>,
    /// Obligations whose last day was pointed out after it had passed.
    dunned: BTreeSet<String>,
}

/// A discharged obligation.
pub struct Met {
    pub key: String,
    pub rule: String,
    pub on: NaiveDate,
    pub due: Option<NaiveDate>,
    pub is_late: bool,
}

/// What a person decided.
pub struct Decision {
    pub on: NaiveDate,
    pub issue: String,
    pub option: String,
    pub text: Text,
    pub reason: String,
    pub by: String,
}

/// Something worth a line.
pub struct Note {
    pub on: NaiveDate,
    pub text: String,
}

/// Transitions that are worth a line, beside those of the suspension.
const TELLING: [&str; 4] = [
    "restart-procurement",
    "fail-mid-evaluation",
    "fail-final-evaluation",
    "terminate",
];

impl Figures {
    /// Counts one event; the state is the one before it.
    pub fn count(
        &mut self,
        definition: &Definition,
        (state, record): (&Project, &Record),
        event: &Event,
    ) {
        let on = record.at.date();
        match event {
            Event::VerdictRenewed { verdict, .. } => {
                self.calls += 1;
                self.fuel = self.fuel.saturating_add(verdict.fuel);
            }
            Event::VerdictGiven(verdict) => {
                self.calls += 1;
                self.fuel = self.fuel.saturating_add(verdict.fuel);
                for (key, value) in &verdict.answer.facts {
                    if let Some(fact) = definition.doc.facts.get(key).filter(|f| f.computed) {
                        let entry = (fact.title.clone(), value.clone());
                        self.computed.insert(key.clone(), entry);
                    }
                }
            }
            Event::ReminderDue { key, .. } => {
                let target = state.obligations.get(key).and_then(|o| o.target());
                if target.is_some_and(|target| on > target) {
                    self.dunned.insert(key.clone());
                }
            }
            Event::ObligationMet { key, on: done, due } => {
                self.met(definition, (state, on), (key, *done, *due));
            }
            Event::ObligationDropped { key } | Event::ObligationOpened { key, .. } => {
                self.dunned.remove(key);
            }
            Event::ObligationMoved {
                key,
                obligation,
                cause: MoveCause::Resumed,
            } => {
                // What is said twice has one ladder: the other one is the same date again.
                let known = definition.obligation(&obligation.id);
                let is_followed = known.is_some_and(|known| known.ladder.is_some());
                if let Some(due) = obligation.due.filter(|_| is_followed) {
                    let text = format!("{} 期限顺延至 {due}", title(definition, key));
                    self.note(on, text);
                }
            }
            Event::IssueDecided {
                issue,
                option: Some(option),
                reason,
                ..
            } => self.decided(definition, record, (issue, option, reason)),
            Event::Moved {
                region, transition, ..
            } if region == PAUSE || TELLING.contains(&transition.as_str()) => {
                let transitions = &definition.doc.transitions;
                if let Some(known) = transitions.iter().find(|t| t.id == *transition) {
                    self.note(on, known.title.zh.clone());
                }
            }
            Event::FactsSet { facts } => self.clarified((state, record), facts),
            _ => {}
        }
    }

    /// Notes which open points are put to somebody, as the state is now.
    pub fn ask(&mut self, definition: &Definition, (state, on): (&Project, NaiveDate)) {
        let open: Vec<_> = definition
            .doc
            .issues
            .iter()
            .filter(|issue| !self.asked.contains(&issue.id))
            .collect();
        if open.is_empty() {
            return;
        }
        let (facts, _) = definition.with_defaults(&state.facts);
        let world = World::new(Scope {
            vocabulary: &definition.vocabulary,
            facts: &facts,
            states: &state.states,
            today: on,
        });
        for issue in open {
            let guard = issue.when.as_ref().and_then(|when| definition.guard(when));
            if guard.is_none_or(|guard| guard.holds(&world) == Ok(true)) {
                self.asked.insert(issue.id.clone());
            }
        }
    }

    /// Looks at what is left open at the end.
    pub fn close(&mut self, state: &Project, today: NaiveDate) {
        let overdue = state.obligations.iter();
        let overdue = overdue.filter(|(_, o)| o.target().is_some_and(|target| target < today));
        self.overdue = overdue.map(|(key, _)| key.clone()).collect();
    }

    /// How many obligations were discharged in time, and how many late.
    pub fn met_and_late(&self) -> (usize, usize) {
        let late = self.met.iter().filter(|met| met.is_late).count();
        (self.met.len() - late, late)
    }

    /// Open points that were put to somebody and never decided.
    pub fn undecided(&self) -> Vec<&String> {
        let decided = |id: &String| self.decisions.iter().any(|d| d.issue == *id);
        self.asked.iter().filter(|id| !decided(id)).collect()
    }

    /// What the component computed, by title.
    pub fn computed_lines(&self) -> impl Iterator<Item = (&str, String)> {
        self.computed
            .values()
            .map(|(title, value)| (title.zh.as_str(), shown(value)))
    }

    /// For machines.
    pub fn to_json(&self) -> Json {
        let (met, late) = self.met_and_late();
        json!({
            "deadlines": self.met.iter().map(|m| json!({"key": m.key, "rule": m.rule, "due": m.due, "on": m.on, "late": m.is_late})).collect::<Vec<_>>(),
            "met": met,
            "late": late,
            "overdue": self.overdue,
            "decisions": self.decisions.iter().map(|d| json!({"on": d.on, "issue": d.issue, "option": d.option, "title": d.text, "reason": d.reason, "by": d.by})).collect::<Vec<_>>(),
            "undecided": self.undecided(),
            "calls": self.calls,
            "fuel": self.fuel,
            "computed": self.computed.iter().map(|(key, (_, value))| (key.clone(), value.to_json())).collect::<serde_json::Map<_, _>>(),
            "notes": self.notes.iter().map(|n| json!({"on": n.on, "text": n.text})).collect::<Vec<_>>(),
        })
    }

    /// Notes something worth a line.
    pub fn note(&mut self, on: NaiveDate, text: String) {
        self.notes.push(Note { on, text });
    }

    /// A dated obligation is late after its last day. A report whose text names no day is late when its
    /// contractor had to be reminded of it after its period.
    fn met(
        &mut self,
        definition: &Definition,
        (state, today): (&Project, NaiveDate),
        (key, on, due): (&String, NaiveDate, Option<NaiveDate>),
    ) {
        let is_dunned = self.dunned.remove(key);
        let of = state.obligations.get(key);
        let is_report = of.is_some_and(|o| o.period.is_some() && o.due.is_none());
        let is_late = match due {
            Some(due) if !is_report => on > due,
            _ => is_dunned,
        };
        let id = of.map_or(key.as_str(), |o| o.id.as_str());
        let rule = definition.obligation(id).map(|o| &o.rule);
        let rule = rule.or_else(|| definition.recurring(id).map(|r| &r.rule));
        if is_late {
            let last = due.map_or_else(String::new, |due| match is_report {
                true => format!("，本期至 {due}"),
                false => format!("，期限 {due}"),
            });
            self.note(today, format!("逾期完成 {}{last}", title(definition, key)));
        }
        self.met.push(Met {
            key: key.clone(),
            rule: rule.cloned().unwrap_or_default(),
            on,
            due,
            is_late,
        });
    }

    fn decided(
        &mut self,
        definition: &Definition,
        record: &Record,
        (issue, option, reason): (&String, &String, &String),
    ) {
        let known = definition.issue(issue).and_then(|i| i.option(option));
        let text = known.map_or_else(
            || Text::new(option.clone(), option.clone()),
            |known| Text::new(known.zh.clone(), known.en.clone()),
        );
        let on = record.at.date();
        self.note(on, format!("决定 {issue} {}：{reason}", text.zh));
        self.decisions.push(Decision {
            on,
            issue: issue.clone(),
            option: option.clone(),
            text,
            reason: reason.clone(),
            by: record.actor.clone(),
        });
    }

    /// A clarification that moves the bid deadline.
    fn clarified(
        &mut self,
        (state, record): (&Project, &Record),
        facts: &BTreeMap<String, FactValue>,
    ) {
        let is_clarification =
            matches!(&record.cause, Cause::Command { event } if event == "clarify");
        let deadline = |facts: &BTreeMap<String, FactValue>| {
            facts.get("bid.deadline").and_then(FactValue::as_date)
        };
        if let (true, Some(before), Some(now)) =
            (is_clarification, deadline(&state.facts), deadline(facts))
        {
            let text = format!("澄清、修改采购文件，投标（响应）截止 {before} 顺延至 {now}");
            self.note(record.at.date(), text);
        }
    }
}

/// A value for people: rows by their names and amounts.
fn shown(value: &FactValue) -> String {
    let FactValue::Rows(rows) = value else {
        return value.to_string();
    };
    let row = |row: &BTreeMap<String, Scalar>| {
        let field = |name: &str| row.get(name).map(|v| FactValue::One(v.clone()).to_string());
        [field("id"), field("amount")]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" ")
    };
    rows.iter().map(row).collect::<Vec<_>>().join("、")
}
