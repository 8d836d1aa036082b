//! What this node of the system is for, and what it has counted.

use super::metrics::Commands;
use crate::config::ReadyConfig;

/// Parts of the work that a node does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Roles {
    /// Answers the API.
    pub web: bool,
    /// Does what falls due: timers, mail.
    pub worker: bool,
}

/// This node.
#[derive(Debug)]
pub struct Node {
    /// What it is for.
    pub roles: Roles,
    /// When it is ready.
    pub ready: ReadyConfig,
    /// The commands it has carried out or refused.
    pub commands: Commands,
}

impl Node {
    /// A node that has done nothing yet.
    #[must_use]
    pub fn new(roles: Roles, ready: ReadyConfig) -> Self {
        Self {
            roles,
            ready,
            commands: Commands::default(),
        }
    }
}
