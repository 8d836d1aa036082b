//! One event of a record in words.

use liucheng_engine::record::{Cause, Record};
use liucheng_model::{
    definition::{Definition, STAY},
    event::Event,
    project::Project,
};

use super::story::{Paid, Rule, contract_year};

/// The region whose transitions are told although they follow from others.
pub const PAUSE: &str = "pause";

/// Puts one event of a record into words; the state is the one before it.
pub struct Teller<'a> {
    pub definition: &'a Definition,
    pub state: &'a Project,
    pub record: &'a Record,
}

impl Teller<'_> {
    /// What happened, where it is worth a word.
    pub fn what(&self, event: &Event) -> Option<String> {
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
                    && transition.region != PAUSE
                    && matches!(self.record.cause, Cause::Command { .. });
                let records_only = transition.requires.is_empty() && transition.to == STAY;
                let what = if records_only { self.recorded() } else { None };
                (!followed).then(|| what.unwrap_or_else(|| transition.title.zh.clone()))
            }
            Event::IssueDecided {
                issue,
                option: Some(option),
                ..
            } => {
                let known = self.definition.issue(issue)?.option(option)?;
                Some(format!("决定 {issue}：{}", known.zh))
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

    /// The rule that had to do with it.
    pub fn rule(&self, event: &Event) -> Option<Rule> {
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

    /// The payment that was released.
    pub fn paid(&self, event: &Event) -> Option<Paid> {
        let Event::PaymentReleased { no, on, amount } = event else {
            return None;
        };
        let payment = self.state.payments.iter().find(|p| p.no == *no)?;
        let open = self.state.obligations.get(&payment.obligation);
        Some(Paid {
            on: *on,
            contract_year: contract_year(self.state),
            no: *no,
            amount: *amount,
            rule: payment.rule.clone(),
            due: open.and_then(|o| o.due),
        })
    }

    fn title(&self, key: &str) -> String {
        title(self.definition, key)
    }
}

/// The title of an obligation, with the period or the person it speaks of.
pub fn title(definition: &Definition, key: &str) -> String {
    let id = key.split(['@', '/']).next().unwrap_or(key);
    let of_obligation = definition.obligation(id).map(|o| o.title.zh.clone());
    let title = of_obligation.or_else(|| definition.recurring(id).map(|r| r.title.zh.clone()));
    let title = title.unwrap_or_else(|| id.to_owned());
    match key.split_once(['@', '/']) {
        Some((_, of)) => format!("{title} {of}"),
        None => title,
    }
}
