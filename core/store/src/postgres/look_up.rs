//! What a group has to know before it is decided, where trust was disappointed.

use std::collections::{HashMap, HashSet};

use liucheng_engine::ports::{Commit, ProjectId, ReadError};
use sqlx::{PgConnection, postgres::PgRow};

use super::{columns::number, sql};
use crate::{
    group::{Found, Head, Operation},
    queue::Job,
    read::{self, Known},
};

/// What the database says.
#[derive(Default)]
pub(crate) struct Truth {
    pub heads: HashMap<ProjectId, Head>,
    pub found: Found,
    /// Records that are there, with their hashes.
    records: HashSet<(ProjectId, u64, String)>,
}

impl Truth {
    /// What the operations themselves believe: that each is decided on the latest version. The
    /// statement that writes checks it, so that a group that is right costs no trip to ask.
    pub(crate) fn believed(jobs: &[Job]) -> Self {
        let mut truth = Self::default();
        for commit in jobs.iter().filter_map(commit).filter(|c| c.expected > 0) {
            truth.heads.entry(commit.row.id).or_insert_with(|| Head {
                version: commit.expected,
                changed_by: String::new(),
                changed_at: commit.row.changed_at,
                hash: commit.record.prev_hash.clone(),
                code: commit.row.code.clone(),
            });
        }
        truth
    }

    /// What stands in the database at one moment.
    pub(crate) async fn look_up(
        connection: &mut PgConnection,
        jobs: &[Job],
        doubtful: bool,
    ) -> Result<Self, sqlx::Error> {
        let (mut ids, mut codes) = (Vec::new(), Vec::new());
        let (mut key_projects, mut keys) = (Vec::new(), Vec::new());
        let (mut record_projects, mut records) = (Vec::new(), Vec::new());
        for commit in jobs.iter().filter_map(commit) {
            let id = commit.row.id.0;
            ids.push(id);
            codes.push(commit.row.code.as_str());
            if let Some(answer) = &commit.answer {
                key_projects.push(id);
                keys.push(answer.key.as_str());
            }
            if doubtful {
                record_projects.push(id);
                records.push(number(commit.record.seq));
            }
        }
        if ids.is_empty() {
            return Ok(Self::default());
        }
        let rows = sqlx::query(sql::LOOK_UP)
            .bind(ids)
            .bind(key_projects)
            .bind(keys)
            .bind(codes)
            .bind(record_projects)
            .bind(records)
            .fetch_all(connection)
            .await?;
        let mut truth = Self::default();
        for row in &rows {
            truth
                .note(row)
                .map_err(|error| sqlx::Error::Decode(error.into()))?;
        }
        Ok(truth)
    }

    /// Whether this very change is there already.
    pub(crate) fn has(&self, commit: &Commit) -> bool {
        let Commit { row, record, .. } = commit;
        // Empty unless there was doubt.
        !self.records.is_empty()
            && self
                .records
                .contains(&(row.id, record.seq, record.hash.clone()))
    }

    fn note(&mut self, row: &PgRow) -> Result<(), ReadError> {
        match read::look_up(row)? {
            Known::Head(id, head) => {
                self.heads.insert(id, head);
            }
            Known::Answer(id, answer) => {
                self.found.answers.insert((id, answer.key.clone()), answer);
            }
            Known::Code(code, id) => {
                self.found.codes.insert(code, id);
            }
            Known::Record(id, seq, hash) => {
                self.records.insert((id, seq, hash));
            }
        }
        Ok(())
    }
}

pub(crate) fn commit(job: &Job) -> Option<&Commit> {
    match &job.operation {
        Operation::Commit(commit) => Some(commit),
        _ => None,
    }
}
