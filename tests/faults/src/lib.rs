//! Fault tests: simulation, kills, races, tampering.
//!
//! Every test derives what it does from a seed that it prints; `LIUCHENG_SEED` repeats it. What is here
//! is shared by the tests: chance ([`random`]), projects to work on ([`scene`]), the invariant checker
//! ([`check`]), the oracle of acknowledged commands ([`oracle`]) a store that fails at its port
//! ([`faulty`]), and the simulation ([`sim`]).

pub mod check;
pub mod faulty;
pub mod oracle;
pub mod random;
pub mod scene;
pub mod sim;

use liucheng_engine::{
    CommandError,
    ports::{CommitError, ReadError},
};
use thiserror::Error;

/// A test could not be carried out.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct Failed(pub String);

impl From<CommandError> for Failed {
    fn from(error: CommandError) -> Self {
        Self(error.to_string())
    }
}

impl From<ReadError> for Failed {
    fn from(error: ReadError) -> Self {
        Self(error.to_string())
    }
}

impl From<CommitError> for Failed {
    fn from(error: CommitError) -> Self {
        Self(error.to_string())
    }
}

impl From<serde_json::Error> for Failed {
    fn from(error: serde_json::Error) -> Self {
        Self(error.to_string())
    }
}
