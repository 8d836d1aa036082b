//! How a store is, and what it has done: for health checks and metrics.

use super::Instant;
use crate::figures::Distribution;

/// Something that keeps a store from writing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Since when, by this machine's clock.
    pub since: Instant,
    /// What the system or the database said.
    pub reason: String,
}

/// How a store is, told without asking the database.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StoreHealth {
    /// There is no room to write; it goes on by itself as soon as there is.
    pub full: Option<Trouble>,
    /// Nothing is written any more until the process is started again.
    pub stopped: Option<Trouble>,
    /// The database takes no changes, though it may answer: a standby after a failover, or a role that has lost
    /// its rights; it goes on by itself as soon as it does.
    pub unwritable: Option<Trouble>,
    /// A change found the database damaged; only a backup mends it.
    pub damaged: Option<Trouble>,
    /// Another node has this one's name, and its work; this one has to end.
    pub taken: Option<Trouble>,
    /// The database's clock minus this machine's, in microseconds; absent where they are one.
    pub clock_skew_micros: Option<i64>,
}

impl StoreHealth {
    /// Why nothing can be written now.
    #[must_use]
    pub fn trouble(&self) -> Option<&Trouble> {
        self.stopped.as_ref().or(self.full.as_ref())
    }
}

/// What a store has done since it was opened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StoreFigures {
    /// Transactions that were made durable, about one fsync each.
    pub transactions: u64,
    /// Changes of projects within them.
    pub commits: u64,
    /// Operations that were answered, with or without success.
    pub operations: u64,
    /// Operations of each transaction.
    pub group_sizes: Distribution,
    /// How long each transaction took, in microseconds, the fsync included.
    pub group_micros: Distribution,
    /// Bytes of the write-ahead log's file; absent where the store has none of its own.
    pub log_bytes: Option<u64>,
    /// How often the log was copied into the database; absent where that is not the store's business.
    pub checkpoints: Option<u64>,
    /// Connections for reading that are in use.
    pub connections_in_use: u64,
    /// Connections for reading that are open.
    pub connections_open: u64,
    /// Connections for reading there may be.
    pub connections_max: u64,
    /// When the audit trail was last sealed; absent where that is not known.
    pub sealed_at: Option<Instant>,
}

/// What waits to be done. Counts end at [`BACKLOG_MAX`], so that they take no scan.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Backlog {
    /// Mails that wait, due or not.
    pub mails_pending: u64,
    /// The earliest instant at which one of them may be sent.
    pub mail_earliest: Option<Instant>,
    /// Mails that were given up.
    pub mails_dead: u64,
    /// The earliest timer.
    pub timer_earliest: Option<Instant>,
}

/// Where the counts of a [`Backlog`] end.
pub const BACKLOG_MAX: u64 = 100_000;

/// The schema that a database has, and the one this program was built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Schema {
    /// The number of the last migration the database has.
    pub found: i64,
    /// The number of the last one this program knows.
    pub known: i64,
}
