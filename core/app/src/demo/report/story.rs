//! The course of a project: what happened, what was paid, how it was renewed.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use liucheng_engine::{
    ports::MailRecord,
    record::{Cause, Record},
};
use liucheng_model::{
    definition::{Basis, Definition},
    event::Event,
    money::Fen,
    project::Project,
    text::Text,
};
use serde_json::{Value as Json, json};

use super::{figures::Figures, teller::Teller};

/// What there is to tell of one project.
pub struct ProjectReport {
    pub project: Project,
    pub version: u64,
    pub stage: Text,
    pub timeline: Vec<Row>,
    pub paid: Vec<Paid>,
    pub renewals: Vec<Renewal>,
    pub mails: usize,
    pub figures: Figures,
    /// The nearest date that is still open.
    pub next: Option<(NaiveDate, String)>,
}

/// What is told from.
pub struct Source<'a> {
    pub definition: &'a Definition,
    pub records: &'a [Record],
    pub mails: &'a [MailRecord],
    pub today: NaiveDate,
}

/// One line of the timeline.
pub struct Row {
    pub on: NaiveDate,
    pub actor: String,
    pub what: String,
    pub rules: Vec<Rule>,
    pub next: Option<(NaiveDate, String)>,
    pub mails: usize,
}

/// A rule that had to do with it.
pub struct Rule {
    pub id: String,
    pub basis: Basis,
}

/// A payment that was released.
pub struct Paid {
    pub on: NaiveDate,
    pub contract_year: i64,
    pub no: u32,
    pub amount: Fen,
    pub rule: String,
    pub due: Option<NaiveDate>,
}

/// A renewal decision.
pub struct Renewal {
    pub on: NaiveDate,
    pub contract_year: i64,
    pub decision: String,
    pub reason: String,
    pub by: String,
}

impl ProjectReport {
    /// Tells the history of a project.
    pub fn tell(project: Project, version: u64, source: Source<'_>) -> Self {
        let definition = source.definition;
        let mut report = Self {
            stage: stage(definition, &project),
            next: next(definition, &project),
            project,
            version,
            timeline: Vec::new(),
            paid: Vec::new(),
            renewals: Vec::new(),
            mails: source.mails.len(),
            figures: Figures::default(),
        };
        let mut folded: Option<Project> = None;
        for record in source.records {
            report.add(&mut folded, record, &source);
        }
        report.figures.close(&report.project, source.today);
        report.figures.notes.sort_by_key(|note| note.on);
        report
    }

    /// Adds one record to the story.
    fn add(&mut self, folded: &mut Option<Project>, record: &Record, source: &Source<'_>) {
        let definition = source.definition;
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
            match (&mut *folded, event) {
                (None, Event::Opened(opening)) => {
                    what.push("立项".to_owned());
                    *folded = Some(Project::opened(opening));
                }
                (Some(state), event) => {
                    let teller = Teller {
                        definition,
                        state,
                        record,
                    };
                    what.extend(teller.what(event));
                    row.rules.extend(teller.rule(event));
                    self.paid.extend(teller.paid(event));
                    self.figures.count(definition, (state, record), event);
                    state.apply(event);
                }
                (None, _) => {}
            }
        }
        if let Some(state) = folded {
            row.next = next(definition, state);
            self.figures.ask(definition, (state, row.on));
            if let Some(renewal) = renewal(record, year_before) {
                let Renewal {
                    decision, reason, ..
                } = &renewal;
                let text = format!("第{year_before}年 {}：{reason}", meaning(decision));
                self.figures.note(row.on, text);
                self.renewals.push(renewal);
            }
        }
        row.mails = mails_of(record, source.mails);
        what.dedup();
        row.what = what.join("；");
        if !row.what.is_empty() {
            self.timeline.push(row);
        }
    }

    /// For machines.
    pub fn to_json(&self) -> Json {
        let timeline = self.timeline.iter().map(|row| {
            json!({
                "date": row.on,
                "actor": row.actor,
                "what": row.what,
                "rules": row.rules.iter().map(|r| json!({"rule": r.id, "source": r.basis.source, "article": r.basis.article, "text": r.basis.text})).collect::<Vec<_>>(),
                "next_due": row.next.as_ref().map(dated),
                "mails": row.mails,
            })
        });
        let mut json = json!({
            "code": self.project.code,
            "name": self.project.name,
            "province": self.project.package.as_ref().map(|p| &p.id),
            "version": self.version,
            "stage": self.stage,
            "states": self.project.states,
            "timeline": timeline.collect::<Vec<_>>(),
            "payments": self.paid.iter().map(|p| json!({"on": p.on, "contract_year": p.contract_year, "no": p.no, "amount": p.amount.to_string(), "rule": p.rule, "due": p.due})).collect::<Vec<_>>(),
            "renewals": self.renewals.iter().map(|r| json!({"on": r.on, "contract_year": r.contract_year, "decision": r.decision, "reason": r.reason, "by": r.by})).collect::<Vec<_>>(),
            "mails": self.mails,
            "next_due": self.next.as_ref().map(dated),
        });
        if let (Json::Object(all), Json::Object(figures)) = (&mut json, self.figures.to_json()) {
            all.extend(figures);
        }
        json
    }
}

/// A renewal decision for people.
pub fn meaning(decision: &str) -> &str {
    match decision {
        "renew" => "续签 renew",
        "re-procure" => "重新采购 re-procure",
        "human" => "人工决定 human",
        "archive" => "归档 archive",
        other => other,
    }
}

fn dated((date, title): &(NaiveDate, String)) -> Json {
    json!({"date": date, "title": title})
}

/// Mails that a record's reminders sent.
fn mails_of(record: &Record, mails: &[MailRecord]) -> usize {
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
    mails.iter().filter(sent_then).count()
}

/// Where the lifecycle stands.
fn stage(definition: &Definition, state: &Project) -> Text {
    let now = state.states.get("lifecycle");
    let states = definition.region("lifecycle").map(|region| &region.states);
    let known = states.and_then(|states| states.iter().find(|s| Some(&s.id) == now));
    known.map_or_else(|| Text::new("—", "—"), |known| known.title.clone())
}

/// The year within the cycle.
pub fn contract_year(state: &Project) -> i64 {
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
