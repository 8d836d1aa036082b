//! Measures what a machine can do, with its raw limit beside it.
//!
//! A figure means little on a machine nobody knows, so each comes with the same machine's limit,
//! measured in the same run on the same rows: for SQLite a bare writer with prepared statements
//! ([`floor::sqlite`]), for PostgreSQL plain prepared statements, one transaction for each change
//! ([`floor::postgres`]), for HTTP a thread for each connection ([`floor::http`]).

pub mod calls;
pub mod floor;
pub mod growth;
pub mod http;
pub mod lifecycle;
pub mod measure;
pub mod nodes;
pub mod recovery;
pub mod start;
pub mod timers;
pub mod work;

use liucheng_engine::{
    CommandError,
    ports::{CommitError, ReadError},
};
use thiserror::Error;

/// Why nothing was measured.
#[derive(Debug, Error)]
pub enum BenchError {
    /// The engine refused a command of the benchmark.
    #[error("the engine refused the work: {0}")]
    Command(#[from] CommandError),
    /// The store did not read.
    #[error("{0}")]
    Read(#[from] ReadError),
    /// The store did not write.
    #[error("{0}")]
    Commit(#[from] CommitError),
    /// A raw limit could not be measured.
    #[error("the raw limit was not measured: {0}")]
    Floor(String),
    /// Reading, writing or talking failed.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// Stored data does not read back.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// The definition of the benchmark does not compile.
    #[error("the benchmark's definition: {0}")]
    Definition(String),
    /// A task died.
    #[error("a task died: {0}")]
    Task(#[from] tokio::task::JoinError),
    /// A server did not do what was expected of it.
    #[error("the server: {0}")]
    Server(String),
}

impl From<rusqlite::Error> for BenchError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Floor(error.to_string())
    }
}

impl From<sqlx::Error> for BenchError {
    fn from(error: sqlx::Error) -> Self {
        Self::Floor(error.to_string())
    }
}
