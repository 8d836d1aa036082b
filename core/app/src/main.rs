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
mod package;
mod progress;
mod view;

/// A command makes hundreds of small allocations on several threads; the system's allocator takes a
/// quarter of the time of a command for them, this one half of that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    cli::run()
}
