//! A group as arrays, one for each column.

use std::collections::{HashMap, HashSet};

use liucheng_engine::ports::{Commit, Instant, ProjectId};
use sqlx::{Postgres, postgres::PgArguments, query::Query};
use uuid::Uuid;

use super::sql;
use crate::group::{Fate, Group, TimerChange};

type WriteQuery<'q> = Query<'q, Postgres, PgArguments>;

/// What a group needs to know beside its operations.
pub(crate) struct Surroundings<'a> {
    /// The codes of projects that are known to have them.
    pub codes: &'a HashMap<ProjectId, String>,
    /// The epochs of this node.
    pub epochs: Vec<i64>,
}

/// A project's change as a whole: from the first record of the group to the last.
struct Change<'a> {
    last: &'a Commit,
    expected: u64,
    prev_hash: &'a str,
    new_code: bool,
}

/// The statement that writes a group.
pub(crate) fn write_group<'q>(
    group: &'q Group<'_>,
    surroundings: &Surroundings<'_>,
) -> Result<WriteQuery<'q>, sqlx::Error> {
    let query = sqlx::query(sql::WRITE_GROUP);
    let query = bind_projects(query, &changes(group, surroundings.codes));
    let query = bind_history(query, group);
    let query = bind_timers(query, group);
    let query = bind_mails(query, group)?;
    let query = bind_fates(query, group);
    let query = bind_answers(query, group);
    Ok(query.bind(surroundings.epochs.clone()))
}

/// The changes in order of their ids, so that two nodes lock rows in the same order.
fn changes<'g>(group: &'g Group<'_>, codes: &HashMap<ProjectId, String>) -> Vec<Change<'g>> {
    let mut first = HashMap::new();
    for (id, record) in &group.records {
        first.entry(*id).or_insert(*record);
    }
    let change = |(id, last): (&ProjectId, &&'g Commit)| {
        let record = first.get(id).copied().unwrap_or(&last.record);
        Change {
            last,
            expected: record.seq.saturating_sub(1),
            prev_hash: &record.prev_hash,
            new_code: codes.get(id) != Some(&last.row.code),
        }
    };
    let mut changes: Vec<_> = group.changed.iter().map(change).collect();
    changes.sort_unstable_by_key(|change| change.last.row.id);
    changes
}

fn bind_projects<'q>(query: WriteQuery<'q>, changes: &[Change<'q>]) -> WriteQuery<'q> {
    let rows = || changes.iter().map(|change| &change.last.row);
    query
        .bind(rows().map(|row| row.id.0).collect::<Vec<Uuid>>())
        .bind(
            changes
                .iter()
                .map(|c| number(c.expected))
                .collect::<Vec<_>>(),
        )
        .bind(
            changes
                .iter()
                .map(|c| bytes(c.prev_hash))
                .collect::<Vec<_>>(),
        )
        .bind(changes.iter().map(|c| c.new_code).collect::<Vec<_>>())
        .bind(rows().map(|row| row.code.as_str()).collect::<Vec<_>>())
        .bind(rows().map(|row| row.name.as_str()).collect::<Vec<_>>())
        .bind(rows().map(|row| row.province.as_str()).collect::<Vec<_>>())
        .bind(rows().map(|row| number(row.version)).collect::<Vec<_>>())
        .bind(rows().map(|row| row.stage.as_str()).collect::<Vec<_>>())
        .bind(
            rows()
                .map(|row| row.next_due.map(|date| date.to_string()))
                .collect::<Vec<_>>(),
        )
        .bind(
            rows()
                .map(|row| row.changed_by.as_str())
                .collect::<Vec<_>>(),
        )
        .bind(rows().map(|row| row.changed_at.0).collect::<Vec<_>>())
        .bind(rows().map(|row| bytes(&row.head)).collect::<Vec<_>>())
        .bind(rows().map(|row| row.state.as_str()).collect::<Vec<_>>())
}

fn bind_history<'q>(query: WriteQuery<'q>, group: &'q Group<'_>) -> WriteQuery<'q> {
    let rows = || group.records.iter().map(|(_, record)| *record);
    query
        .bind(group.records.iter().map(|(id, _)| id.0).collect::<Vec<_>>())
        .bind(rows().map(|row| number(row.seq)).collect::<Vec<_>>())
        .bind(rows().map(|row| row.at.0).collect::<Vec<_>>())
        .bind(rows().map(|row| row.actor.as_str()).collect::<Vec<_>>())
        .bind(rows().map(|row| row.payload.as_str()).collect::<Vec<_>>())
        .bind(rows().map(|row| bytes(&row.prev_hash)).collect::<Vec<_>>())
        .bind(rows().map(|row| bytes(&row.hash)).collect::<Vec<_>>())
}

/// Columns of timers.
#[derive(Default)]
struct Timers<'a> {
    projects: Vec<Uuid>,
    keys: Vec<&'a str>,
    at: Vec<i64>,
    generations: Vec<i64>,
}

impl<'a> Timers<'a> {
    fn push(&mut self, project: ProjectId, key: &'a str, at: Instant, generation: u64) {
        self.projects.push(project.0);
        self.keys.push(key);
        self.at.push(at.0);
        self.generations.push(number(generation));
    }

    fn bind<'q>(self, query: WriteQuery<'q>) -> WriteQuery<'q>
    where
        'a: 'q,
    {
        query
            .bind(self.projects)
            .bind(self.keys)
            .bind(self.at)
            .bind(self.generations)
    }
}

fn bind_timers<'q>(query: WriteQuery<'q>, group: &'q Group<'_>) -> WriteQuery<'q> {
    let mut changes: Vec<_> = group.timers.iter().collect();
    changes.sort_unstable_by_key(|(timer, _)| **timer);
    let (mut set, mut postpone) = (Timers::default(), Timers::default());
    let (mut cleared, mut cleared_keys) = (Vec::new(), Vec::new());
    for ((project, key), change) in changes {
        match change {
            TimerChange::Clear => {
                cleared.push(project.0);
                cleared_keys.push(*key);
            }
            TimerChange::Set { at, generation } => set.push(*project, key, *at, *generation),
            TimerChange::Postpone { at, generation } => {
                postpone.push(*project, key, *at, *generation);
            }
        }
    }
    let query = query.bind(cleared).bind(cleared_keys);
    postpone.bind(set.bind(query))
}

fn bind_mails<'q>(
    query: WriteQuery<'q>,
    group: &'q Group<'_>,
) -> Result<WriteQuery<'q>, sqlx::Error> {
    let mut known = HashSet::new();
    let mut rows = group.mails.clone();
    rows.retain(|(mail, _, _)| known.insert((mail.project, mail.key.as_str())));
    let texts = rows
        .iter()
        .map(|(row, _, _)| serde_json::to_string(&row.mail));
    let texts: Vec<String> = texts
        .collect::<Result<_, _>>()
        .map_err(|error| sqlx::Error::Encode(error.into()))?;
    Ok(query
        .bind(rows.iter().map(|(m, _, _)| m.project.0).collect::<Vec<_>>())
        .bind(
            rows.iter()
                .map(|(m, _, _)| m.key.as_str())
                .collect::<Vec<_>>(),
        )
        .bind(
            rows.iter()
                .map(|(_, seq, _)| number(*seq))
                .collect::<Vec<_>>(),
        )
        .bind(
            rows.iter()
                .map(|(_, _, n)| number(*n as u64))
                .collect::<Vec<_>>(),
        )
        .bind(
            rows.iter()
                .map(|(m, _, _)| m.not_before.0)
                .collect::<Vec<_>>(),
        )
        .bind(
            rows.iter()
                .map(|(m, _, _)| i64::from(m.attempts))
                .collect::<Vec<_>>(),
        )
        .bind(texts))
}

fn bind_fates<'q>(query: WriteQuery<'q>, group: &'q Group<'_>) -> WriteQuery<'q> {
    let mut rows = group.fates.clone();
    rows.sort_unstable_by_key(|(project, key, _)| (*project, *key));
    let fates = || rows.iter().map(|(_, _, outcome)| Fate::from(*outcome));
    query
        .bind(rows.iter().map(|(id, _, _)| id.0).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, key, _)| *key).collect::<Vec<_>>())
        .bind(fates().map(|fate| fate.state).collect::<Vec<_>>())
        .bind(
            fates()
                .map(|fate| fate.sent_at.map(|at| at.0))
                .collect::<Vec<_>>(),
        )
        .bind(
            fates()
                .map(|fate| fate.not_before.map(|at| at.0))
                .collect::<Vec<_>>(),
        )
        .bind(fates().map(|fate| fate.error).collect::<Vec<_>>())
}

fn bind_answers<'q>(query: WriteQuery<'q>, group: &'q Group<'_>) -> WriteQuery<'q> {
    let rows = || group.answers.iter();
    query
        .bind(rows().map(|((id, _), _)| id.0).collect::<Vec<_>>())
        .bind(rows().map(|((_, key), _)| *key).collect::<Vec<_>>())
        .bind(rows().map(|(_, a)| a.request.as_str()).collect::<Vec<_>>())
        .bind(rows().map(|(_, a)| a.response.as_str()).collect::<Vec<_>>())
        .bind(rows().map(|(_, a)| a.at.0).collect::<Vec<_>>())
}

/// The earliest instant at which something the group plans is due.
pub(crate) fn earliest(group: &Group<'_>) -> Option<Instant> {
    let timers = group.timers.values().filter_map(|change| match change {
        TimerChange::Set { at, .. } => Some(*at),
        TimerChange::Clear | TimerChange::Postpone { .. } => None,
    });
    let mails = group.mails.iter().map(|(mail, _, _)| mail.not_before);
    timers.chain(mails).min()
}

/// Numbers have 63 bits; larger ones were refused before, and nothing comes after them.
pub(crate) fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The bytes of a hash, whose form was checked before it was queued.
pub(crate) fn bytes(hash: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or_default() as u8;
    hash.as_bytes()
        .chunks(2)
        .map(|pair| pair.iter().fold(0, |sum, byte| sum << 4 | digit(*byte)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_become_bytes() {
        assert_eq!(bytes("00ff10ab"), [0, 255, 16, 171]);
    }
}
