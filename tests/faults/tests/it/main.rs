//! Fault tests. Each prints its seed; `LIUCHENG_SEED` repeats a run.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test stops where it fails, and prints its seed"
)]

mod crash;
mod parsers;
mod paused;
#[path = "../../../../core/store/tests/contract/postgres/proxy.rs"]
mod proxy;
mod rig;
#[path = "../../../../core/store/tests/contract/server.rs"]
mod server;
mod sim;
mod stores;
