//! The binary `liucheng` (流程).

mod builtin;
mod cli;
mod compose;
mod config;
mod demo;
mod http;
mod input;
mod mail;
mod output;
mod view;

fn main() -> std::process::ExitCode {
    cli::run()
}
