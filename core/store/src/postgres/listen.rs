//! Hearing from other nodes that something is due earlier than we meant to get up.
//!
//! A hint may be lost; a node sleeps for a minute at most, and while nothing is heard the renewal of
//! its epoch lets it look.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use sqlx::{PgPool, postgres::PgListener};
use tokio::sync::{Notify, watch};
use tracing::info;

use super::{node::Node, sql};

/// The pause before the next try to listen.
const PAUSE: Duration = Duration::from_secs(1);

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
    if let Err(error) = listener.listen(sql::CHANNEL).await {
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
