//! Deterministic simulation: the engine, a model of the database, clocks and a mail server in one
//! thread, with chance and faults from one seed.
//!
//! [`run`] makes one run of a few thousand steps: in each the scheduler lets one task of one process go
//! on to its next call of a port, or the disk catch up, or somebody give a command, or something break.
//! Then everything heals, and everything has to drain. The same seed gives the same run.

mod audit;
mod database;
mod node;
mod options;
mod post;
mod store;
mod world;

use std::collections::BTreeMap;

pub use options::{Broken, Options, Rates};
use thiserror::Error;

/// What a run did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Of everything that happened, in order: the same for the same seed.
    pub digest: u64,
    /// Commands given and acknowledged.
    pub commands: (usize, usize),
    /// Records of the histories.
    pub records: u64,
    /// Timers fired.
    pub fired: u64,
    /// Mails accepted.
    pub mails: usize,
    /// What went wrong on purpose, by kind.
    pub faults: BTreeMap<&'static str, u64>,
    /// How long it took by the database's clock.
    pub days: i64,
}

/// A run that found something.
#[derive(Debug, Error)]
#[error("{}", self.text())]
pub struct Failure {
    /// How to repeat it.
    pub options: Options,
    /// What is wrong.
    pub problems: Vec<String>,
    /// The last steps.
    pub trace: Vec<String>,
}

impl Failure {
    fn text(&self) -> String {
        format!(
            "simulation failed; repeat it with LIUCHENG_SEED={} cargo test -p liucheng-faults sim\n{:?}\nlast steps:\n  {}\nproblems:\n  {}",
            self.options.seed,
            self.options,
            self.trace.join("\n  "),
            self.problems.join("\n  "),
        )
    }
}

/// Makes one run.
///
/// # Errors
/// [`Failure`] when something does not hold.
pub async fn run(options: Options) -> Result<Report, Box<Failure>> {
    world::World::new(options)?.run().await
}
