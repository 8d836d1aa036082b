//! The contract every store keeps, and what only SQLite's or only PostgreSQL's promises.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test says what went wrong by panicking; the crashing child prints what it was told"
)]

mod checkpoint;
mod checks;
mod crash;
mod damage;
mod memory;
mod model;
mod postgres;
mod samples;
mod server;
mod sqlite;
mod tamper;
mod transfer;
mod upgrade;
