//! A node's name belongs to one living process: a session of its own holds a lock on it.
//!
//! PostgreSQL lets go of the lock when the session ends, and a session ends with its process, however
//! that ends. So a node that crashed starts again at once, and a second one of the same name is refused
//! while the first lives. Where a whole machine is gone the server may not notice for long; then the
//! lease decides, and a process that wakes after that finds its name taken (`node`).

use std::time::{Duration, Instant};

use sqlx::{Connection, PgConnection, PgPool, postgres::PgConnectOptions};
use tokio::{
    sync::Mutex,
    time::{sleep, timeout},
};

use super::{schema, sql};
use crate::StoreError;

/// How long the session of a process that has just ended may linger.
const GRACE: Duration = Duration::from_secs(2);
/// How often its lock is tried meanwhile.
const PAUSE: Duration = Duration::from_millis(50);
/// How long the session may take to answer, or to begin.
const ANSWER: Duration = Duration::from_secs(3);

/// The session that holds the lock.
#[derive(Debug)]
pub(crate) struct Guard {
    options: PgConnectOptions,
    pub name: String,
    /// There while it holds the lock.
    session: Mutex<Option<PgConnection>>,
}

impl Guard {
    /// Takes a name, or says that a living node has it.
    pub(crate) async fn begin(
        place: &schema::Place,
        pool: &PgPool,
        name: String,
    ) -> Result<Self, StoreError> {
        let guard = Self {
            options: place.options.clone(),
            name,
            session: Mutex::default(),
        };
        let began = Instant::now();
        while !guard.hold().await.map_err(|error| place.error(&error))? {
            if began.elapsed() >= GRACE {
                if lives(pool, &guard.name, 0)
                    .await
                    .map_err(|error| place.error(&error))?
                {
                    return Err(StoreError::NodeTaken {
                        location: place.name.clone(),
                        name: guard.name,
                    });
                }
                // Its machine is gone, and its right to work has ended.
                break;
            }
            sleep(PAUSE).await;
        }
        Ok(guard)
    }

    /// Whether the lock is held; taken again if the session was lost.
    pub(crate) async fn hold(&self) -> Result<bool, sqlx::Error> {
        let mut held = self.session.lock().await;
        if let Some(session) = held.as_mut()
            && matches!(timeout(ANSWER, session.ping()).await, Ok(Ok(())))
        {
            return Ok(true);
        }
        *held = None;
        let silent = |_| sqlx::Error::PoolTimedOut;
        let connected = timeout(ANSWER, PgConnection::connect_with(&self.options));
        let mut session = connected.await.map_err(silent)??;
        let locked = sqlx::query_scalar(sql::LOCK_NAME)
            .bind(&self.name)
            .fetch_one(&mut session);
        if timeout(ANSWER, locked).await.map_err(silent)?? {
            *held = Some(session);
            return Ok(true);
        }
        session.close().await?;
        Ok(false)
    }

    /// Lets go of the name.
    pub(crate) async fn end(&self) {
        if let Some(session) = self.session.lock().await.take() {
            session.close().await.ok();
        }
    }
}

/// Whether an epoch after `after` of that name has not ended.
pub(crate) async fn lives(pool: &PgPool, name: &str, after: i64) -> Result<bool, sqlx::Error> {
    schema::retry(|| {
        sqlx::query_scalar(sql::NAME_LIVES)
            .bind(name)
            .bind(after)
            .fetch_one(pool)
    })
    .await
}
