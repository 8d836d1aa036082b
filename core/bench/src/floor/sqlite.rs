//! SQLite without an engine: blocking clients, one writer thread, prepared statements, group commit.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use uuid::Uuid;

use super::{Floor, project_id};
use crate::{BenchError, measure::Waits, work::Step};

/// The most changes that share a commit.
const GROUP: usize = 256;

/// One change and whoever waits for it.
struct Job {
    project: Uuid,
    step: usize,
    done: SyncSender<bool>,
}

/// The bare writer, for clients in the same process.
#[derive(Clone)]
pub struct Writer(SyncSender<Job>);

impl Writer {
    /// Starts a writer on a migrated database; a group has at most `group` changes.
    ///
    /// # Errors
    /// When the database cannot be opened.
    pub fn start(database: &Path, steps: Arc<Vec<Step>>, group: usize) -> Result<Self, BenchError> {
        let connection = open(database)?;
        let (sender, receiver) = sync_channel(1_024);
        thread::spawn(move || run(connection, &receiver, &steps, group));
        Ok(Self(sender))
    }

    /// Writes one step of a project; says whether it is durable.
    #[must_use]
    pub fn write(&self, project: Uuid, step: usize) -> bool {
        let (done, answer) = sync_channel(1);
        let job = Job {
            project,
            step,
            done,
        };
        self.0.send(job).is_ok() && answer.recv().unwrap_or(false)
    }
}

/// Lets blocking clients walk projects through their steps for a while.
///
/// # Errors
/// When the database cannot be opened or does not write.
pub fn run_clients(
    database: &Path,
    steps: &Arc<Vec<Step>>,
    clients: usize,
    time: Duration,
) -> Result<Floor, BenchError> {
    let group = if clients == 1 { 1 } else { GROUP };
    let writer = Writer::start(database, Arc::clone(steps), group)?;
    let started = Instant::now();
    let walkers: Vec<_> = (0..clients)
        .map(|client| {
            let (writer, steps) = (writer.clone(), steps.len());
            thread::spawn(move || walk(&writer, client, steps, started + time))
        })
        .collect();
    let mut waits = Waits::default();
    for walker in walkers {
        let walked = walker.join().ok().flatten();
        waits.extend(walked.ok_or_else(|| BenchError::Floor("the bare writer failed".to_owned()))?);
    }
    Ok(Floor {
        transitions: waits.len(),
        elapsed: started.elapsed(),
        waits,
    })
}

fn walk(writer: &Writer, client: usize, steps: usize, end: Instant) -> Option<Waits> {
    let mut waits = Waits::default();
    for number in 0.. {
        let project = project_id(client, number);
        for step in 0..steps {
            let asked = Instant::now();
            if asked >= end {
                return Some(waits);
            }
            if !writer.write(project, step) {
                return None;
            }
            if step > 0 {
                waits.push(asked.elapsed());
            }
        }
    }
    Some(waits)
}

fn open(database: &Path) -> Result<Connection, BenchError> {
    let connection = Connection::open(PathBuf::from(database))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "cache_size", "-32768")?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

fn run(mut connection: Connection, receiver: &Receiver<Job>, steps: &[Step], group: usize) {
    while let Ok(first) = receiver.recv() {
        let mut jobs = vec![first];
        while jobs.len() < group {
            let Ok(job) = receiver.try_recv() else { break };
            jobs.push(job);
        }
        let written = write(&mut connection, &jobs, steps).is_ok();
        for job in jobs {
            // A client that has gone no longer wants to know.
            job.done.send(written).ok();
        }
    }
}

fn write(connection: &mut Connection, jobs: &[Job], steps: &[Step]) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for job in jobs {
        if let Some(step) = steps.get(job.step) {
            change(&transaction, job.project, step)?;
        }
    }
    transaction.commit()
}

/// Reads the state, then writes state, record, timers and mails.
fn change(transaction: &Transaction<'_>, project: Uuid, step: &Step) -> rusqlite::Result<()> {
    let id = project.as_bytes().as_slice();
    let code = project.to_string();
    let row = &step.row;
    let due = row.next_due.map(|date| date.to_string());
    let head = hash(&row.head);
    if row.version > 1 {
        let mut read =
            transaction.prepare_cached("SELECT version, head, state FROM project WHERE id = ?1")?;
        let found: (i64, Vec<u8>, String) =
            read.query_row([id], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?;
        std::hint::black_box(found);
        transaction
            .prepare_cached(
                "UPDATE project SET version = ?2, stage = ?3, next_due = ?4, changed_by = ?5,
                    changed_at = ?6, head = ?7, state = ?8 WHERE id = ?1",
            )?
            .execute(params![
                id,
                row.version as i64,
                row.stage,
                due,
                row.changed_by,
                row.changed_at.0,
                head,
                row.state
            ])?;
    } else {
        transaction
            .prepare_cached(
                "INSERT INTO project (id, code, name, province, version, stage, next_due,
                    changed_by, changed_at, head, state)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            )?
            .execute(params![
                id,
                code,
                row.name,
                row.province,
                row.version as i64,
                row.stage,
                due,
                row.changed_by,
                row.changed_at.0,
                head,
                row.state
            ])?;
    }
    let record = &step.record;
    transaction
        .prepare_cached(
            "INSERT INTO history (project, seq, at, actor, payload, prev_hash, hash)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            id,
            record.seq as i64,
            record.at.0,
            record.actor,
            record.payload,
            hash(&record.prev_hash),
            hash(&record.hash)
        ])?;
    for key in &step.clear {
        transaction
            .prepare_cached("DELETE FROM timer WHERE project = ?1 AND key = ?2")?
            .execute(params![id, key])?;
    }
    for timer in &step.set {
        transaction
            .prepare_cached(
                "INSERT INTO timer (project, key, fire_at, generation) VALUES (?1, ?2, ?3, ?4)
                ON CONFLICT (project, key) DO UPDATE SET fire_at = excluded.fire_at,
                    generation = excluded.generation",
            )?
            .execute(params![id, timer.key, timer.at.0, timer.generation as i64])?;
    }
    for (ordinal, (mail, json)) in step.mails.iter().enumerate() {
        transaction
            .prepare_cached(
                "INSERT INTO outbox (project, key, seq, ordinal, not_before, attempts, mail)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                id,
                mail.key,
                record.seq as i64,
                ordinal as i64,
                mail.not_before.0,
                mail.attempts,
                json
            ])?;
    }
    Ok(())
}

/// The bytes of a hash in hex.
pub(crate) fn hash(hex: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or_default() as u8;
    hex.as_bytes()
        .chunks(2)
        .map(|pair| pair.iter().fold(0, |sum, byte| sum << 4 | digit(*byte)))
        .collect()
}
