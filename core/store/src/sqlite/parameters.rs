//! A group as JSON, one parameter for each kind of row.

use std::collections::HashSet;

use liucheng_engine::ports::ProjectId;
use serde::Serialize;

use super::sql::PARAMETERS;
use crate::group::{Fate, Group, TimerChange};

/// The parameters of [`super::sql::WRITE_GROUP`]; `marked` are projects known to be marked as changed.
pub(crate) fn parameters(
    group: &Group<'_>,
    marked: &HashSet<ProjectId>,
) -> Result<[String; PARAMETERS], serde_json::Error> {
    let (mut clear, mut set, mut postpone) = (Vec::new(), Vec::new(), Vec::new());
    for ((project, key), change) in &group.timers {
        let project = project.0.simple();
        match change {
            TimerChange::Clear => clear.push((project, key)),
            TimerChange::Set { at, generation } => set.push((project, key, at, generation)),
            TimerChange::Postpone { at, generation } => {
                postpone.push((project, key, at, generation));
            }
        }
    }
    Ok([
        projects(group)?,
        new_codes(group)?,
        history(group)?,
        json(&clear)?,
        json(&set)?,
        json(&postpone)?,
        outbox(group)?,
        fates(group)?,
        answers(group)?,
        unmarked(group, marked)?,
    ])
}

fn unmarked(group: &Group<'_>, marked: &HashSet<ProjectId>) -> Result<String, serde_json::Error> {
    let new = group.changed.keys().filter(|id| !marked.contains(id));
    json(&new.map(|id| id.0.simple()).collect::<Vec<_>>())
}

fn projects(group: &Group<'_>) -> Result<String, serde_json::Error> {
    let rows = group.changed.values().map(|commit| {
        let row = &commit.row;
        (
            row.id.0.simple(),
            &row.code,
            &row.name,
            &row.province,
            row.version,
            &row.stage,
            row.next_due.map(|date| date.to_string()),
            &row.changed_by,
            row.changed_at,
            &row.head,
            &row.state,
        )
    });
    json(&rows.collect::<Vec<_>>())
}

fn new_codes(group: &Group<'_>) -> Result<String, serde_json::Error> {
    let renamed = group.changed.iter().filter(|(id, commit)| {
        let head = group.heads.get(id);
        head.is_some_and(|head| head.code != commit.row.code)
    });
    let rows = renamed.map(|(id, commit)| (id.0.simple(), &commit.row.code));
    json(&rows.collect::<Vec<_>>())
}

fn history(group: &Group<'_>) -> Result<String, serde_json::Error> {
    let rows = group.records.iter().map(|(id, record)| {
        (
            id.0.simple(),
            record.seq,
            record.at,
            &record.actor,
            &record.payload,
            &record.prev_hash,
            &record.hash,
        )
    });
    json(&rows.collect::<Vec<_>>())
}

fn outbox(group: &Group<'_>) -> Result<String, serde_json::Error> {
    let mut rows = Vec::with_capacity(group.mails.len());
    for (mail, seq, ordinal) in &group.mails {
        rows.push((
            mail.project.0.simple(),
            &mail.key,
            seq,
            ordinal,
            mail.not_before,
            mail.attempts,
            json(&mail.mail)?,
        ));
    }
    json(&rows)
}

fn fates(group: &Group<'_>) -> Result<String, serde_json::Error> {
    let rows = group.fates.iter().map(|(project, key, outcome)| {
        let fate = Fate::from(*outcome);
        (
            project.0.simple(),
            key,
            fate.state,
            fate.sent_at,
            fate.not_before,
            fate.error,
        )
    });
    json(&rows.collect::<Vec<_>>())
}

fn answers(group: &Group<'_>) -> Result<String, serde_json::Error> {
    let rows = group.answers.iter().map(|((project, key), answer)| {
        (
            project.0.simple(),
            key,
            &answer.request,
            &answer.response,
            answer.at,
        )
    });
    json(&rows.collect::<Vec<_>>())
}

fn json<T: Serialize>(rows: &T) -> Result<String, serde_json::Error> {
    serde_json::to_string(rows)
}
