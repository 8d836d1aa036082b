//! Counting what the writer does, and remembering what keeps it from writing.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use liucheng_engine::{
    figures::{Histogram, SHORT_MICROS, SIZES},
    ports::{CommitError, Instant, StoreFigures, StoreHealth, Trouble},
};

use crate::clock;

/// What the writer has done since the store was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Transactions that were made durable, about one fsync each.
    pub transactions: u64,
    /// Changes of projects within them.
    pub commits: u64,
    /// Operations that were answered, with or without success.
    pub operations: u64,
}

/// The counters behind [`Stats`] and the engine's `StoreFigures` and `StoreHealth`.
#[derive(Debug)]
pub(crate) struct Counters {
    transactions: AtomicU64,
    commits: AtomicU64,
    operations: AtomicU64,
    checkpoints: AtomicU64,
    /// As last seen by the writer.
    log_bytes: AtomicU64,
    sizes: Histogram,
    times: Histogram,
    full: Mutex<Option<Trouble>>,
    stopped: Mutex<Option<Trouble>>,
    damaged: Mutex<Option<Trouble>>,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            transactions: AtomicU64::new(0),
            commits: AtomicU64::new(0),
            operations: AtomicU64::new(0),
            checkpoints: AtomicU64::new(0),
            log_bytes: AtomicU64::new(0),
            sizes: Histogram::new(SIZES),
            times: Histogram::new(SHORT_MICROS),
            full: Mutex::new(None),
            stopped: Mutex::new(None),
            damaged: Mutex::new(None),
        }
    }
}

impl Counters {
    /// A transaction of some changes became durable.
    pub(crate) fn transaction(&self, commits: usize) {
        self.transactions.fetch_add(1, Ordering::Relaxed);
        self.commits.fetch_add(commits as u64, Ordering::Relaxed);
    }

    /// How many operations a transaction had, and how long it took.
    pub(crate) fn group(&self, operations: usize, took: Duration) {
        self.sizes.note(operations as u64);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.times.note(micros);
    }

    /// An operation is answered; a damaged database is noted until the process is started again.
    pub(crate) fn operation<T>(&self, result: &Result<T, CommitError>) {
        self.operations.fetch_add(1, Ordering::Relaxed);
        if let Err(CommitError::Damaged(reason)) = result {
            note(&self.damaged, reason.clone());
        }
    }

    pub(crate) fn checkpoint(&self) {
        self.checkpoints.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn log(&self, bytes: u64) {
        self.log_bytes.store(bytes, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> Stats {
        Stats {
            transactions: self.transactions.load(Ordering::Relaxed),
            commits: self.commits.load(Ordering::Relaxed),
            operations: self.operations.load(Ordering::Relaxed),
        }
    }

    /// The writer's part of the engine's figures.
    pub(crate) fn figures(&self) -> StoreFigures {
        let stats = self.read();
        StoreFigures {
            transactions: stats.transactions,
            commits: stats.commits,
            operations: stats.operations,
            group_sizes: self.sizes.read(),
            group_micros: self.times.read(),
            ..StoreFigures::default()
        }
    }

    /// The log as last seen, and how often it was copied.
    pub(crate) fn log_figures(&self) -> (u64, u64) {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (load(&self.log_bytes), load(&self.checkpoints))
    }

    pub(crate) fn health(&self) -> StoreHealth {
        StoreHealth {
            full: read(&self.full),
            stopped: read(&self.stopped),
            damaged: read(&self.damaged),
            ..StoreHealth::default()
        }
    }

    /// Notes that there is no room; whether that is new.
    pub(crate) fn fill(&self, reason: String) -> bool {
        note(&self.full, reason)
    }

    /// Notes that there is room again; whether that is new.
    pub(crate) fn has_room(&self) -> bool {
        self.full
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
            .is_some()
    }

    /// What to say to those who want to write while there is no room.
    pub(crate) fn full(&self) -> Option<Trouble> {
        read(&self.full)
    }

    /// Notes that nothing is written any more.
    pub(crate) fn stop(&self, reason: String) {
        note(&self.stopped, reason);
    }
}

fn read(place: &Mutex<Option<Trouble>>) -> Option<Trouble> {
    place.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Keeps the first instant and the last reason.
fn note(place: &Mutex<Option<Trouble>>, reason: String) -> bool {
    let mut place = place.lock().unwrap_or_else(PoisonError::into_inner);
    match &mut *place {
        Some(trouble) => {
            trouble.reason = reason;
            false
        }
        None => {
            *place = Some(Trouble {
                since: now(),
                reason,
            });
            true
        }
    }
}

/// This machine's clock.
fn now() -> Instant {
    Instant(clock::micros())
}
