//! A group as rows, one parameter for each kind of row.

use std::collections::HashSet;

use liucheng_engine::ports::ProjectId;
use uuid::fmt::Simple;

use super::{jsonb::Array, sql::PARAMETERS};
use crate::group::{Fate, Group, TimerChange};

/// The parameters of [`super::sql::WRITE_GROUP`]; `marked` are projects known to be marked as changed.
pub(crate) fn parameters(
    group: &Group<'_>,
    marked: &HashSet<ProjectId>,
) -> Result<[Vec<u8>; PARAMETERS], serde_json::Error> {
    let [clear, set, postpone] = timers(group);
    Ok([
        projects(group),
        new_codes(group),
        history(group),
        clear,
        set,
        postpone,
        outbox(group)?,
        fates(group),
        answers(group),
        unmarked(group, marked),
    ])
}

/// Room for an id in hex.
struct Id([u8; Simple::LENGTH]);

impl Id {
    fn new() -> Self {
        Self([0; Simple::LENGTH])
    }

    fn of(&mut self, project: ProjectId) -> &str {
        project.0.simple().encode_lower(&mut self.0)
    }
}

fn timers(group: &Group<'_>) -> [Vec<u8>; 3] {
    let (mut clear, mut set, mut postpone) = (Array::new(), Array::new(), Array::new());
    let mut id = Id::new();
    for ((project, key), change) in &group.timers {
        let id = id.of(*project);
        let (rows, at, generation) = match change {
            TimerChange::Clear => {
                clear.row(|row| {
                    row.text(id).text(key);
                });
                continue;
            }
            TimerChange::Set { at, generation } => (&mut set, at, generation),
            TimerChange::Postpone { at, generation } => (&mut postpone, at, generation),
        };
        rows.row(|row| {
            row.text(id).text(key).number(at.0).number(*generation);
        });
    }
    [clear.finish(), set.finish(), postpone.finish()]
}

fn unmarked(group: &Group<'_>, marked: &HashSet<ProjectId>) -> Vec<u8> {
    let (mut rows, mut id) = (Array::new(), Id::new());
    for project in group.changed.keys().filter(|id| !marked.contains(id)) {
        rows.text(id.of(*project));
    }
    rows.finish()
}

fn projects(group: &Group<'_>) -> Vec<u8> {
    let (mut rows, mut id) = (Array::new(), Id::new());
    for commit in group.changed.values() {
        let project = &commit.row;
        let next_due = project.next_due.map(|date| date.to_string());
        rows.row(|row| {
            row.text(id.of(project.id))
                .text(&project.code)
                .text(&project.name)
                .text(&project.province)
                .number(project.version)
                .text(&project.stage)
                .optional_text(next_due.as_deref())
                .text(&project.changed_by)
                .number(project.changed_at.0)
                .text(&project.head)
                .text(&project.state);
        });
    }
    rows.finish()
}

fn new_codes(group: &Group<'_>) -> Vec<u8> {
    let (mut rows, mut id) = (Array::new(), Id::new());
    for (project, commit) in &group.changed {
        let head = group.heads.get(project);
        if head.is_some_and(|head| head.code != commit.row.code) {
            rows.row(|row| {
                row.text(id.of(*project)).text(&commit.row.code);
            });
        }
    }
    rows.finish()
}

fn history(group: &Group<'_>) -> Vec<u8> {
    let (mut rows, mut id) = (Array::new(), Id::new());
    for (project, record) in &group.records {
        rows.row(|row| {
            row.text(id.of(*project))
                .number(record.seq)
                .number(record.at.0)
                .text(&record.actor)
                .text(&record.payload)
                .text(&record.prev_hash)
                .text(&record.hash);
        });
    }
    rows.finish()
}

fn outbox(group: &Group<'_>) -> Result<Vec<u8>, serde_json::Error> {
    let (mut rows, mut id) = (Array::new(), Id::new());
    for (mail, seq, ordinal) in &group.mails {
        let json = serde_json::to_string(&mail.mail)?;
        let ordinal = i64::try_from(*ordinal).unwrap_or(i64::MAX);
        rows.row(|row| {
            row.text(id.of(mail.project))
                .text(&mail.key)
                .number(*seq)
                .number(ordinal)
                .number(mail.not_before.0)
                .number(mail.attempts)
                .text(&json);
        });
    }
    Ok(rows.finish())
}

fn fates(group: &Group<'_>) -> Vec<u8> {
    let (mut rows, mut id) = (Array::new(), Id::new());
    for (project, key, outcome) in &group.fates {
        let fate = Fate::from(*outcome);
        rows.row(|row| {
            row.text(id.of(*project))
                .text(key)
                .text(fate.state)
                .optional_number(fate.sent_at.map(|at| at.0))
                .optional_number(fate.not_before.map(|at| at.0))
                .text(fate.error);
        });
    }
    rows.finish()
}

fn answers(group: &Group<'_>) -> Vec<u8> {
    let (mut rows, mut id) = (Array::new(), Id::new());
    for ((project, key), answer) in &group.answers {
        rows.row(|row| {
            row.text(id.of(*project))
                .text(key)
                .text(&answer.request)
                .text(&answer.response)
                .number(answer.at.0);
        });
    }
    rows.finish()
}
