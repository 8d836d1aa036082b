//! The binary `liucheng` (流程).

mod backup;
mod builtin;
mod cli;
mod compose;
mod config;
mod demo;
mod http;
mod input;
mod mail;
mod output;
mod progress;
mod view;

fn main() -> std::process::ExitCode {
    cli::run()
}
