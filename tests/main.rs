//! Black box: the product as its users meet it, through the real binary.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test stops where it fails, and prints its seed"
)]

mod architecture;
mod audit;
mod backup;
mod bench;
mod cli;
mod copy;
mod damage;
mod decisions;
mod demo;
mod docs;
mod doctor;
mod full_disk;
mod guide;
mod hostile_input;
mod kill;
mod kill_postgres;
mod logs;
mod nodes;
mod operator;
mod plan;
mod plugins;
mod plugins_refused;
mod serve;
mod steps;
mod support;
mod tokens;
mod upgrade_many;
