//! Use cases and the ports they need.
//!
//! The engine owns no database, no network and no clock: it is given them through [`ports`].
//! Commands come in through [`commands`], time comes in through [`worker`], mail goes out
//! through [`outbox`]; all three change a project only by way of `liucheng_model::decide`.

pub mod adoption;
pub mod audit;
pub mod cache;
pub mod commands;
pub mod crash;
pub mod decisions;
pub mod difference;
pub mod error;
pub mod figures;
pub mod forget;
pub mod format;
mod incidents;
pub mod inventory;
pub mod library;
pub mod outbox;
pub mod packages;
pub mod planning;
pub mod ports;
pub mod preview;
pub mod record;
pub mod reminder;
mod renewing;
pub mod replay;
mod restoring;
pub mod schedule;
#[cfg(feature = "testing")]
pub mod testing;
pub mod upgrade;
pub mod worker;

use std::sync::Arc;

pub use audit::verify;
pub use error::CommandError;

use cache::Cache;
use figures::Figures;
use library::Library;
use ports::{Clock, Mailer, ProvinceRules, Store};

/// Everything a use case needs.
#[derive(Clone)]
pub struct Engine {
    /// Keeps projects.
    pub store: Arc<dyn Store>,
    /// Asks provinces' components.
    pub rules: Arc<dyn ProvinceRules>,
    /// Sends mail.
    pub mailer: Arc<dyn Mailer>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Definitions and calendars.
    pub library: Arc<Library>,
    /// Projects and tokens met lately.
    pub cache: Arc<Cache>,
    /// Wakes the worker when a command sets an earlier timer.
    pub wake: Arc<tokio::sync::Notify>,
    /// What the worker has done.
    pub figures: Arc<Figures>,
    /// The right-hand side of message ids, such as `liucheng.example`.
    pub mail_domain: Arc<str>,
}
