//! From a decision to everything that is written with it.

use std::{collections::BTreeMap, sync::Arc};

use liucheng_model::{
    decide::Decision,
    definition::{Definition, hex},
    event::{Event, Incident},
    project::{Project, Timer},
};
use sha2::{Digest, Sha256};

use crate::{
    Engine,
    audit::effects,
    cache::Snapshot,
    commands::Step,
    error::CommandError,
    ports::{Commit, CommitError, Instant, Mail, OutboxRow, ProjectId, ProjectRow, TimerRow},
    record::Record,
    reminder::{Reminder, Unanswered},
};

impl Engine {
    /// Writes a decision with its record, timers, mails and answer: all or nothing.
    pub(crate) async fn write(&self, mut step: Step) -> Result<(), CommitError> {
        let definition = self
            .library
            .definition(&step.decision.project.definition, &*self.store)
            .await;
        let definition = definition.map_err(|e| CommitError::Unavailable(e.to_string()))?;
        let commit = self.commit(&mut step, &definition);
        let commit = commit.map_err(|e| CommitError::Unavailable(e.to_string()))?;
        let planned = !commit.set_timers.is_empty() || !commit.outbox.is_empty();
        let (version, head) = (commit.row.version, commit.row.head.clone());
        crate::crash_point!("engine.decided");
        if let Err(error) = self.store.commit(commit).await {
            // Whatever went wrong, what is remembered may be what misled us.
            self.cache.forget(step.id);
            return Err(error);
        }
        crate::crash_point!("engine.stored");
        let snapshot = Snapshot {
            version,
            head,
            changed_by: step.actor,
            changed_at: step.now,
            project: Arc::new(step.decision.project),
        };
        self.cache.put(step.id, snapshot);
        if planned {
            self.wake.notify_one();
        }
        Ok(())
    }

    /// What is written; takes events and answer out of the step.
    fn commit(&self, step: &mut Step, definition: &Definition) -> Result<Commit, CommandError> {
        let expected = step.version_before();
        let outbox = self.mails(step, definition);
        let (set_timers, clear_timers) = timers(step.id, &step.decision.events);
        let answer = step.answer.take();
        let record = Record {
            seq: expected + 1,
            at: step.now,
            actor: step.actor.clone(),
            cause: step.cause.clone(),
            events: std::mem::take(&mut step.decision.events),
            effects: Some(effects::of_rows(&outbox)?),
            answer: answer.as_ref().map(effects::of_answer).transpose()?,
        };
        let sealed = record.seal(step.head_before())?;
        let project = &step.decision.project;
        let row = ProjectRow {
            id: step.id,
            code: project.code.clone(),
            name: project.name.clone(),
            province: definition.province.clone().unwrap_or_default(),
            version: expected + 1,
            stage: project.stage(),
            next_due: project.next_due(),
            changed_by: step.actor.clone(),
            changed_at: step.now,
            head: sealed.hash.clone(),
            state: serde_json::to_string(project)?,
        };
        Ok(Commit {
            expected,
            row,
            record: sealed,
            set_timers,
            clear_timers,
            outbox,
            answer,
        })
    }

    fn mails(&self, step: &Step, definition: &Definition) -> Vec<OutboxRow> {
        let Step { id, now, .. } = *step;
        let Decision { events, project } = &step.decision;
        let mut mails = Vec::new();
        for event in events {
            let (key, step, roles, occasion) = match event {
                Event::ReminderDue {
                    key,
                    step,
                    roles,
                    escalation: true,
                } => (key, step.to_string(), roles, Occasion::Escalation),
                Event::ReminderDue {
                    key, step, roles, ..
                } => (key, step.to_string(), roles, Occasion::Reminder),
                Event::ObligationAnnounced { key, roles } => {
                    (key, "open".to_owned(), roles, Occasion::Announcement)
                }
                _ => continue,
            };
            let Some(reminder) = reminder(project, definition, key, occasion, now) else {
                continue;
            };
            let generation = project.obligations.get(key).map_or(0, |o| o.generation);
            let mut addresses: Vec<&String> = roles
                .iter()
                .filter_map(|r| project.contacts.get(r))
                .flatten()
                .collect();
            addresses.sort();
            addresses.dedup();
            for to in addresses {
                let occasion = format!("{key}#{generation}/{step}/{to}");
                mails.push(OutboxRow {
                    project: id,
                    not_before: now,
                    attempts: 0,
                    mail: Mail {
                        message_id: message_id(id, &occasion, &self.mail_domain),
                        to: to.clone(),
                        reminder: reminder.clone(),
                    },
                    key: occasion,
                });
            }
        }
        mails
    }
}

/// Why a mail about an obligation goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// It has become somebody's.
    Announcement,
    /// A step of its ladder was reached.
    Reminder,
    /// A step that goes a level up was reached.
    Escalation,
}

/// What a reminder about an open obligation says; `None` when it is no longer open.
#[must_use]
pub fn reminder(
    project: &Project,
    definition: &Definition,
    key: &str,
    occasion: Occasion,
    now: Instant,
) -> Option<Reminder> {
    let open = project.obligations.get(key)?;
    let (title, rule, basis, responsible) = match (
        definition.obligation(&open.id),
        definition.recurring(&open.id),
    ) {
        (Some(o), _) => (&o.title, &o.rule, &o.basis, o.responsible.clone()?),
        (None, Some(r)) => (&r.title, &r.rule, &r.basis, r.responsible.clone()),
        (None, None) => return None,
    };
    let mut title = title.clone();
    if let Some(period) = &open.period {
        title.zh = format!("{}（{period}）", title.zh);
        title.en = format!("{} ({period})", title.en);
    }
    let role = definition.doc.roles.get(&responsible);
    Some(Reminder {
        project_code: project.code.clone(),
        project_name: project.name.clone(),
        obligation: key.to_owned(),
        title,
        responsible: role.map(|r| r.title.clone()).unwrap_or_default(),
        due: open.due,
        unrolled: open.unrolled,
        provisional: open.provisional,
        on: now.date(),
        rule: rule.clone(),
        source: basis.citation(),
        clause: basis.text.clone(),
        escalation: occasion == Occasion::Escalation,
        announcement: occasion == Occasion::Announcement,
        incidents: project.incidents.values().map(unanswered).collect(),
    })
}

/// The reason may repeat what the component said, so that a mail has the code only.
fn unanswered(incident: &Incident) -> Unanswered {
    Unanswered {
        package: format!("{} {}", incident.package.id, incident.package.version),
        hook: incident.hook.name().to_owned(),
        code: incident.code.clone(),
        since: incident.on,
    }
}

/// The last word on every timer that the events speak of.
fn timers(id: ProjectId, events: &[Event]) -> (Vec<TimerRow>, Vec<String>) {
    let mut last: BTreeMap<&String, Option<Timer>> = BTreeMap::new();
    for event in events {
        match event {
            Event::TimerSet { key, timer } => last.insert(key, Some(*timer)),
            Event::TimerCleared { key } => last.insert(key, None),
            _ => continue,
        };
    }
    let mut set = Vec::new();
    let mut clear = Vec::new();
    for (key, timer) in last {
        match timer {
            Some(timer) => set.push(TimerRow {
                project: id,
                key: key.clone(),
                at: Instant::at(timer.at.date(), timer.at.time()),
                generation: timer.generation,
            }),
            None => clear.push(key.clone()),
        }
    }
    (set, clear)
}

/// The same occasion always has the same message id, so that a mail sent twice is recognised.
fn message_id(project: ProjectId, occasion: &str, domain: &str) -> String {
    let mut hasher = Sha256::new();
    hasher.update(project.0.as_bytes());
    hasher.update(occasion.as_bytes());
    let hash = hex(&hasher.finalize());
    format!("<{}@{domain}>", &hash[..32])
}
