//! Telling other nodes, and hearing from them, that something is due earlier than they meant to get up.
//!
//! A hint may be lost; a node sleeps for a minute at most, and while nothing is heard the renewal of
//! its epoch lets it look. Hints are sent beside the writer and at most twenty times a second:
//! PostgreSQL lets transactions that notify commit one after the other, so that a hint within the
//! writing statement would make all nodes wait for each other's fsync.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use liucheng_engine::ports::Instant;
use sqlx::{PgPool, postgres::PgListener};
use tokio::sync::{Notify, watch};
use tracing::{debug, info};

use super::{node::Node, sql};

/// Where hints are sent.
const CHANNEL: &str = "liucheng_wake";

/// The pause between two hints.
const HINT_PAUSE: Duration = Duration::from_millis(50);

/// The pause before the next try to listen.
const PAUSE: Duration = Duration::from_secs(1);

/// What is to be told to other nodes.
#[derive(Debug)]
pub(crate) struct Hints {
    earliest: AtomicI64,
    some: Notify,
}

impl Default for Hints {
    fn default() -> Self {
        Self {
            earliest: AtomicI64::new(i64::MAX),
            some: Notify::new(),
        }
    }
}

impl Hints {
    /// Notes that something was set that is due then.
    pub(crate) fn set(&self, at: Instant) {
        self.earliest.fetch_min(at.0, Ordering::Relaxed);
        self.some.notify_one();
    }

    /// Tells other nodes, until told to stop.
    pub(crate) async fn tell(
        self: Arc<Self>,
        pool: PgPool,
        node: Arc<Node>,
        mut stop: watch::Receiver<bool>,
    ) {
        loop {
            tokio::select! {
                () = self.some.notified() => {}
                _ = stop.changed() => return,
            }
            let at = self.earliest.swap(i64::MAX, Ordering::Relaxed);
            let origin = node.current().unwrap_or_default().to_string();
            let hint = sqlx::query(sql::HINT).bind(CHANNEL).bind(origin).bind(at);
            if let Err(error) = hint.execute(&pool).await {
                debug!(%error, "hint not sent");
            }
            tokio::time::sleep(HINT_PAUSE).await;
        }
    }
}

/// Wakes the worker whenever another node sets something that is due soon, until told to stop.
pub(crate) async fn listen(
    pool: PgPool,
    node: Arc<Node>,
    wake: Arc<Notify>,
    mut stop: watch::Receiver<bool>,
) {
    loop {
        tokio::select! {
            error = hear(&pool, &node, &wake) => {
                node.listening.store(false, Ordering::Relaxed);
                info!(%error, "hints of other nodes do not arrive, trying again");
            }
            _ = stop.changed() => return,
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            _ = stop.changed() => return,
        }
    }
}

async fn hear(pool: &PgPool, node: &Node, wake: &Notify) -> sqlx::Error {
    let mut listener = match PgListener::connect_with(pool).await {
        Ok(listener) => listener,
        Err(error) => return error,
    };
    if let Err(error) = listener.listen(CHANNEL).await {
        return error;
    }
    node.listening.store(true, Ordering::Relaxed);
    // What was said before we listened.
    wake.notify_one();
    loop {
        match listener.try_recv().await {
            // Our own worker was woken by whoever committed.
            Ok(Some(hint)) if is_ours(node, hint.payload()) => {}
            // A hint, or a new connection before which hints may have been lost.
            Ok(_) => wake.notify_one(),
            Err(error) => return error,
        }
    }
}

fn is_ours(node: &Node, payload: &str) -> bool {
    let epoch = payload.parse().ok();
    epoch.is_some() && epoch == node.current()
}
