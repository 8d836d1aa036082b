//! PostgreSQL without an engine: a connection for each client, prepared statements, one transaction
//! for each change.

use std::{sync::Arc, time::Duration};

use sqlx::{Connection, PgConnection};
use tokio::{task::JoinSet, time::Instant};
use uuid::Uuid;

use super::{Floor, project_id, sqlite::hash};
use crate::{BenchError, measure::Waits, work::Step};

/// Lets clients walk projects through their steps for a while.
///
/// # Errors
/// When the server refuses a connection or a statement.
pub async fn run_clients(
    location: &str,
    steps: &Arc<Vec<Step>>,
    clients: usize,
    time: Duration,
) -> Result<Floor, BenchError> {
    let mut connections = Vec::new();
    for _ in 0..clients {
        connections.push(PgConnection::connect(location).await?);
    }
    let started = Instant::now();
    let mut walkers = JoinSet::new();
    for (client, connection) in connections.into_iter().enumerate() {
        walkers.spawn(walk(connection, client, Arc::clone(steps), started + time));
    }
    let mut waits = Waits::default();
    while let Some(walked) = walkers.join_next().await {
        waits.extend(walked??);
    }
    Ok(Floor {
        transitions: waits.len(),
        elapsed: started.elapsed(),
        waits,
    })
}

async fn walk(
    mut connection: PgConnection,
    client: usize,
    steps: Arc<Vec<Step>>,
    end: Instant,
) -> Result<Waits, sqlx::Error> {
    let mut waits = Waits::default();
    for number in 0.. {
        let project = project_id(client, number);
        for (at, step) in steps.iter().enumerate() {
            let asked = Instant::now();
            if asked >= end {
                return Ok(waits);
            }
            change(&mut connection, project, step).await?;
            if at > 0 {
                waits.push(asked.elapsed());
            }
        }
    }
    Ok(waits)
}

async fn change(
    connection: &mut PgConnection,
    project: Uuid,
    step: &Step,
) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    let row = &step.row;
    let due = row.next_due.map(|date| date.to_string());
    if row.version > 1 {
        let found: (i64, Vec<u8>, String) =
            sqlx::query_as("SELECT version, head, state FROM project WHERE id = $1 FOR UPDATE")
                .bind(project)
                .fetch_one(&mut *transaction)
                .await?;
        std::hint::black_box(found);
        sqlx::query(
            "UPDATE project SET version = $2, stage = $3, next_due = $4, changed_by = $5,
                changed_at = $6, head = $7, state = $8 WHERE id = $1",
        )
        .bind(project)
        .bind(row.version as i64)
        .bind(&row.stage)
        .bind(due)
        .bind(&row.changed_by)
        .bind(row.changed_at.0)
        .bind(hash(&row.head))
        .bind(&row.state)
        .execute(&mut *transaction)
        .await?;
    } else {
        sqlx::query(
            "INSERT INTO project (id, code, name, province, version, stage, next_due, changed_by,
                changed_at, head, state)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        )
        .bind(project)
        .bind(project.to_string())
        .bind(&row.name)
        .bind(&row.province)
        .bind(row.version as i64)
        .bind(&row.stage)
        .bind(due)
        .bind(&row.changed_by)
        .bind(row.changed_at.0)
        .bind(hash(&row.head))
        .bind(&row.state)
        .execute(&mut *transaction)
        .await?;
    }
    let record = &step.record;
    sqlx::query(
        "INSERT INTO history (project, seq, at, actor, payload, prev_hash, hash)
        VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(project)
    .bind(record.seq as i64)
    .bind(record.at.0)
    .bind(&record.actor)
    .bind(&record.payload)
    .bind(hash(&record.prev_hash))
    .bind(hash(&record.hash))
    .execute(&mut *transaction)
    .await?;
    for key in &step.clear {
        sqlx::query("DELETE FROM timer WHERE project = $1 AND key = $2")
            .bind(project)
            .bind(key)
            .execute(&mut *transaction)
            .await?;
    }
    for timer in &step.set {
        sqlx::query(
            "INSERT INTO timer (project, key, fire_at, generation) VALUES ($1, $2, $3, $4)
            ON CONFLICT (project, key) DO UPDATE SET fire_at = excluded.fire_at,
                generation = excluded.generation",
        )
        .bind(project)
        .bind(&timer.key)
        .bind(timer.at.0)
        .bind(timer.generation as i64)
        .execute(&mut *transaction)
        .await?;
    }
    for (ordinal, (mail, json)) in step.mails.iter().enumerate() {
        sqlx::query(
            "INSERT INTO outbox (project, key, seq, ordinal, not_before, attempts, mail)
            VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(project)
        .bind(&mail.key)
        .bind(record.seq as i64)
        .bind(ordinal as i64)
        .bind(mail.not_before.0)
        .bind(i64::from(mail.attempts))
        .bind(json)
        .execute(&mut *transaction)
        .await?;
    }
    transaction.commit().await
}
