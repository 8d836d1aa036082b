//! What the engine needs from outside: one trait for each neighbour.

mod audit;
mod clock;
mod health;
mod mailer;
mod rules;
mod store;

pub use audit::*;
pub use clock::{Clock, Instant, SimulatedClock, civil_date};
pub use health::{BACKLOG_MAX, Backlog, Schema, StoreFigures, StoreHealth, Trouble};
pub use mailer::{Mail, MailError, Mailer};
pub use rules::{MigrateCall, Migration, PackageFigures, ProvinceRules, RuleCall, RuleFault};
pub use store::*;
