//! Black box: the product as its users meet it, through the real binary.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test stops where it fails, and prints its seed"
)]

mod architecture;
mod backup;
mod cli;
mod copy;
mod demo;
mod docs;
mod kill;
mod plan;
#[expect(dead_code, reason = "the store's tests also stop and start it")]
#[path = "../core/store/tests/contract/server.rs"]
mod postgres;
mod serve;
mod support;
