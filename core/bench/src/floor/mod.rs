//! What a machine can do without any engine: the same rows, written by the shortest way there is.

pub mod http;
pub mod postgres;
pub mod sqlite;

use std::time::Duration;

use uuid::Uuid;

use crate::measure::Waits;

/// A raw limit.
#[derive(Debug, Clone)]
pub struct Floor {
    /// Transitions, the openings of projects not counted.
    pub transitions: usize,
    /// How long it took.
    pub elapsed: Duration,
    /// How long each transition took.
    pub waits: Waits,
}

/// An id of a project that no other client and no other run uses.
#[must_use]
fn project_id(client: usize, project: u64) -> Uuid {
    let bytes: [u8; 10] = {
        let mut bytes = [0; 10];
        bytes[..2].copy_from_slice(&(client as u16).to_be_bytes());
        bytes[2..].copy_from_slice(&project.to_be_bytes());
        bytes
    };
    let millis = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_millis());
    uuid::Builder::from_unix_timestamp_millis(u64::try_from(millis).unwrap_or(0), &bytes)
        .into_uuid()
}
