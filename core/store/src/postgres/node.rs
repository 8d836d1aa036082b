//! How several nodes share timers and mails.
//!
//! **Epochs.** A process that opens the database begins an epoch: a row in `node` with a number that is
//! never given twice. The epoch lasts until `alive_until` by the database's clock and is renewed long
//! before. Renewing needs an epoch that has not ended: one that has, because the process stood still
//! or could not reach the database, never lives again, and the process begins another.
//!
//! **Claims.** `due_timers` and `due_mail` write the epoch into the rows they return
//! (`FOR UPDATE SKIP LOCKED`, so nodes that ask together get different rows). Rows that another living
//! epoch has claimed are passed over; a node's own are returned again. When an epoch ends all its
//! claims end with it, without a statement for each: a crash frees them after one lease, an orderly end
//! or a successor of the same name (`Options::node`) at once. There is no lease for each row to renew
//! while a slow mail server keeps the worker waiting.
//!
//! **What a node that was paused can do when it wakes.**
//! * *A timer:* its effect is a change of the project, written only on the version it was decided on.
//!   The node that took over has changed the version; the late one conflicts. `postpone_timer` needs
//!   the timer's generation and the claim.
//! * *A mail:* before each one it sends, the worker asks `holds_mail`: whether the row is still claimed
//!   by the node's current epoch and the epoch lasts for a quarter of the lease more. Afterwards
//!   `finish_mail` counts only from the holder. What remains is the node that stands still for most of
//!   a lease after having asked and before the mail server has taken the mail: the second mail then
//!   carries the same message id.
//!
//! **Names.** While a process of a name lives, another one of that name is refused ([`super::guard`]). One
//! that stood still for longer than its lease and finds a successor of its name gets no more work.
//!
//! The worker never uses this machine's clock to decide about claims; and a node whose clock differs
//! from the database's by more than a minute gets no work at all, because it would fire timers early.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use liucheng_engine::ports::{ReadError, Trouble};
use sqlx::PgPool;
use tokio::sync::{Notify, watch};
use tracing::{error, warn};

use super::{
    guard::{Guard, lives},
    schema::retry,
    sql,
};
use crate::{clock, read::failed};

/// A node whose clock differs more than this from the database's gets no work.
const SKEW_MAX_MICROS: i64 = 60 * 1_000_000;

/// How often a free number is tried when several nodes begin at once.
const BEGINNINGS: usize = 100;

/// This process, as the other nodes see it.
#[derive(Debug)]
pub(crate) struct Node {
    pool: PgPool,
    /// Holds the name where one is given, so that this process succeeds an earlier one.
    guard: Option<Guard>,
    name: String,
    lease: Duration,
    /// Since when the current epoch has certainly been renewed.
    renewed: tokio::sync::Mutex<Instant>,
    /// The current epoch and the one before.
    epochs: Mutex<Vec<i64>>,
    /// The database's clock minus ours, in microseconds.
    skew: AtomicI64,
    /// Since when the database has taken no renewal.
    lapsing: Mutex<Option<Trouble>>,
    /// Since when another process has had this one's name.
    taken: Mutex<Option<Trouble>>,
    /// Whether hints of other nodes reach us.
    pub listening: AtomicBool,
}

impl Node {
    /// Begins the first epoch.
    pub(crate) async fn begin(
        pool: PgPool,
        guard: Option<Guard>,
        lease: Duration,
    ) -> Result<Self, ReadError> {
        let node = Self {
            pool,
            name: guard.as_ref().map_or_else(
                || format!("process {}", std::process::id()),
                |guard| guard.name.clone(),
            ),
            guard,
            lease,
            renewed: tokio::sync::Mutex::new(Instant::now()),
            epochs: Mutex::default(),
            skew: AtomicI64::new(0),
            lapsing: Mutex::default(),
            taken: Mutex::default(),
            listening: AtomicBool::new(false),
        };
        let mut renewed = node.renewed.lock().await;
        node.begin_epoch(&mut renewed).await?;
        drop(renewed);
        Ok(node)
    }

    /// The current epoch, to claim with.
    pub(crate) async fn epoch(&self) -> Result<i64, ReadError> {
        let skew = self.skew();
        if skew.abs() > SKEW_MAX_MICROS {
            return Err(ReadError::Unavailable(format!(
                "this machine's clock differs from the database's by {} seconds",
                skew / 1_000_000
            )));
        }
        let fresh = self.renewed.lock().await.elapsed() < self.lease / 2;
        match self.current() {
            Some(epoch) if fresh => Ok(epoch),
            _ => self.renew().await,
        }
    }

    /// The latest epoch, 0 before the first.
    pub(crate) fn current(&self) -> Option<i64> {
        self.epochs().first().copied()
    }

    /// The current epoch and the one before it, in which a mail may have been sent.
    pub(crate) fn epochs(&self) -> Vec<i64> {
        let epochs = self.epochs.lock();
        epochs.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The database's clock minus this machine's, in microseconds.
    pub(crate) fn skew(&self) -> i64 {
        self.skew.load(Ordering::Relaxed)
    }

    /// How much of the lease must be left for something that takes time.
    pub(crate) fn margin(&self) -> i64 {
        micros(self.lease / 4)
    }

    /// Keeps the epoch alive until told to stop; gives the worker a look where hints do not arrive.
    pub(crate) async fn keep_alive(
        self: Arc<Self>,
        mut stop: watch::Receiver<bool>,
        wake: Option<Arc<Notify>>,
    ) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(self.lease / 4) => {}
                // Told, or nobody left to tell.
                _ = stop.changed() => return,
            }
            if let Some(guard) = &self.guard
                && self.taken().is_none()
                && let Err(error) = guard.hold().await
            {
                warn!(%error, "this node's name is not guarded at the moment");
            }
            if let Err(error) = self.renew().await {
                warn!(%error, "this node's right to work was not renewed");
            }
            if let Some(wake) = &wake
                && !self.listening.load(Ordering::Relaxed)
            {
                wake.notify_one();
            }
        }
    }

    /// Ends the epoch, so that others need not wait for its end.
    pub(crate) async fn end(&self) {
        let Some(epoch) = self.current() else { return };
        let query = sqlx::query(sql::END_EPOCH).bind(epoch);
        if let Err(error) = query.execute(&self.pool).await {
            warn!(%error, "this node's claims end with its lease");
        }
        if let Some(guard) = &self.guard {
            guard.end().await;
        }
    }

    /// Since when, and that, another process has had this one's name; this one gets no work any more.
    pub(crate) fn taken(&self) -> Option<Trouble> {
        let taken = self.taken.lock();
        taken.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Since when the database has taken no change of this node's, not even its renewal.
    pub(crate) fn lapsing(&self) -> Option<Trouble> {
        let lapsing = self.lapsing.lock();
        lapsing.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the epoch has ended because another process has taken the name.
    async fn is_taken(&self, epoch: i64) -> Result<bool, ReadError> {
        let Some(guard) = &self.guard else {
            return Ok(false);
        };
        if !lives(&self.pool, &self.name, epoch)
            .await
            .map_err(|error| failed(&error))?
        {
            return Ok(false);
        }
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.is_none() {
            let reason = format!("another node named {:?} has taken over", guard.name);
            error!(epoch, "another node has this one's name, no more work");
            let since = liucheng_engine::ports::Instant(clock::micros());
            *taken = Some(Trouble { since, reason });
        }
        Ok(true)
    }

    /// Renews the epoch, or begins another. One task at a time: each of two would begin an epoch of its own,
    /// and take the other's for a successor of its name.
    async fn renew(&self) -> Result<i64, ReadError> {
        let mut renewed = self.renewed.lock().await;
        let renewal = self.try_renew(&mut renewed).await;
        let mut lapsing = self.lapsing.lock().unwrap_or_else(PoisonError::into_inner);
        match &renewal {
            Ok(_) => *lapsing = None,
            // That is another trouble, which has a name of its own.
            Err(_) if self.taken().is_some() => {}
            Err(error) => {
                let since = liucheng_engine::ports::Instant(clock::micros());
                let trouble = lapsing.get_or_insert_with(|| Trouble {
                    since,
                    reason: String::new(),
                });
                trouble.reason = error.to_string();
            }
        }
        renewal
    }

    async fn try_renew(&self, renewed: &mut Instant) -> Result<i64, ReadError> {
        let Some(epoch) = self.current() else {
            return self.begin_epoch(renewed).await;
        };
        let (asked, clock) = (Instant::now(), clock::micros());
        let row: Option<(i64, i64)> = retry(|| {
            sqlx::query_as(sql::RENEW_EPOCH)
                .bind(epoch)
                .bind(micros(self.lease))
                .fetch_optional(&self.pool)
        })
        .await
        .map_err(|error| failed(&error))?;
        let Some((epoch, at)) = row else {
            if self.is_taken(epoch).await? {
                let reason = self.taken().map(|taken| taken.reason);
                return Err(ReadError::Unavailable(reason.unwrap_or_default()));
            }
            warn!(
                epoch,
                "this node's right to work had ended, beginning again"
            );
            return self.begin_epoch(renewed).await;
        };
        self.note_skew(at, clock, asked);
        *renewed = asked;
        Ok(epoch)
    }

    async fn begin_epoch(&self, renewed: &mut Instant) -> Result<i64, ReadError> {
        for _ in 0..BEGINNINGS {
            let (asked, clock) = (Instant::now(), clock::micros());
            let row: Option<(i64, i64)> = retry(|| {
                sqlx::query_as(sql::BEGIN_EPOCH)
                    .bind(&self.name)
                    .bind(micros(self.lease))
                    .bind(self.guard.is_some())
                    .fetch_optional(&self.pool)
            })
            .await
            .map_err(|error| failed(&error))?;
            // Another node was faster with this number.
            let Some((epoch, at)) = row else { continue };
            self.note_skew(at, clock, asked);
            *renewed = asked;
            let mut epochs = self.epochs.lock().unwrap_or_else(PoisonError::into_inner);
            epochs.insert(0, epoch);
            epochs.truncate(2);
            return Ok(epoch);
        }
        Err(ReadError::Unavailable("no epoch could be begun".to_owned()))
    }

    fn note_skew(&self, at: i64, clock: i64, asked: Instant) {
        let half = micros(asked.elapsed()) / 2;
        self.skew.store(at - clock - half, Ordering::Relaxed);
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
