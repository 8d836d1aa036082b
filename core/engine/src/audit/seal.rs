//! Sealing epochs, from time to time.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;

use super::Signer;
use crate::{
    Engine,
    error::CommandError,
    ports::{Clock, CommitError, Epoch, SEAL_MAX, Seal, Store},
};

/// How long a change waits at most to be sealed, in microseconds.
const INTERVAL_MICROS: i64 = 60 * 1_000_000;
/// How often the sealer looks: many changes are sealed earlier.
const LOOK: Duration = Duration::from_secs(5);

/// Seals what has changed.
///
/// Several processes may have one on the same database: the store lets one of them seal at a time, and
/// how long ago that was is what the last epoch says.
#[derive(Clone)]
pub struct Sealer {
    /// Keeps projects and epochs.
    pub store: Arc<dyn Store>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Who signs, if anybody.
    pub signer: Option<Arc<Signer>>,
}

impl Sealer {
    /// Seals what is due until `stop` becomes true, and then what is left.
    pub async fn run(&self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            if let Err(error) = self.seal_due().await {
                tracing::error!(error.code = error.code(), error = %error, "not sealed, retrying");
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                // An error means that nobody is left who could ask for a stop.
                changed = stop.changed() => if changed.is_err() { break },
            }
        }
        if let Err(error) = self.seal_all().await {
            tracing::error!(error.code = error.code(), error = %error, "the last changes are not sealed, the next start will do it");
        }
    }

    /// Seals if the last epoch is a minute old or much has changed; returns the new epochs.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn seal_due(&self) -> Result<Vec<Epoch>, CommandError> {
        let now = self.clock.now();
        let last = self.store.last_epoch().await?;
        let due = last.is_none_or(|last| {
            let age = now.0.saturating_sub(last.sealed_at.0);
            // A clock that was set back says nothing about the age.
            !(0..INTERVAL_MICROS).contains(&age)
        });
        if due || self.store.unsealed(SEAL_MAX).await? >= u64::from(SEAL_MAX) {
            self.seal_all().await
        } else {
            Ok(Vec::new())
        }
    }

    /// Seals until nothing that was changed before is left; returns the new epochs.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn seal_all(&self) -> Result<Vec<Epoch>, CommandError> {
        self.seal_until_done(false).await
    }

    /// As [`seal_all`](Self::seal_all), and what was changed without being marked as well.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn seal_unmarked(&self) -> Result<Vec<Epoch>, CommandError> {
        self.seal_until_done(true).await
    }

    async fn seal_until_done(&self, unmarked: bool) -> Result<Vec<Epoch>, CommandError> {
        let mut sealed: Vec<Epoch> = Vec::new();
        loop {
            let seal = Seal {
                at: self.clock.now(),
                signer: self.signer.clone(),
                unmarked: unmarked && sealed.is_empty(),
            };
            let Some(epoch) = self.store.seal(seal).await? else {
                return Ok(sealed);
            };
            tracing::debug!(audit.epoch = epoch.number, audit.leaves = epoch.leaves, audit.hash = %epoch.hash, "sealed");
            let full = epoch.leaves >= u64::from(SEAL_MAX);
            sealed.push(epoch);
            // What changed while this one was sealed can wait for the next time.
            if !full {
                return Ok(sealed);
            }
        }
    }
}

impl Engine {
    /// The sealer of this engine's store, by its clock.
    #[must_use]
    pub fn sealer(&self, signer: Option<Arc<Signer>>) -> Sealer {
        Sealer {
            store: Arc::clone(&self.store),
            clock: Arc::clone(&self.clock),
            signer,
        }
    }
}

/// Makes the next epoch for a store that has found its leaves.
///
/// # Errors
/// When a leaf's head is no hash: somebody has changed the project's row.
pub fn next_epoch(
    previous: Option<&Epoch>,
    leaves: &[crate::ports::Leaf],
    seal: &Seal,
) -> Result<Epoch, CommitError> {
    Epoch::next(previous, leaves, seal).ok_or_else(|| {
        CommitError::Unavailable("a project's head is no hash; run `liucheng verify`".to_owned())
    })
}
