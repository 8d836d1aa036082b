//! `cargo xtask <chore>`.

#![expect(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a command line tool talks to its user"
)]

use std::{path::Path, process::ExitCode};

use liucheng_guest_build::BuildError;
use xtask::{guests, lock, torture};

const USAGE: &str = "usage:
  cargo xtask guests           build all province components into plugins/dist
  cargo xtask guests --check   verify that plugins/dist belongs to the sources
  cargo xtask torture [--seconds N] [--seed S] [--only NAME]
                               run the fault tests in their long forms (docs/testing.md)";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let result = match args.as_slice() {
        ["guests"] => guests::build(&root, &mut |line| eprintln!("{line}")),
        ["guests", "--check"] => check(&root),
        ["torture", rest @ ..] => torture::Options::read(rest)
            .and_then(|options| torture::run(&root, &options, &mut |line| println!("{line}"))),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            let Some(build) = error.downcast_ref::<BuildError>() else {
                return ExitCode::FAILURE;
            };
            eprintln!("hint: {}", build.hint());
            ExitCode::from(if build.code() == "E-PLUGIN-TOOLCHAIN" {
                2
            } else {
                1
            })
        }
    }
}

fn check(root: &Path) -> anyhow::Result<()> {
    let stale = lock::verify(root)?;
    if stale.is_empty() {
        println!("plugins/dist is up to date");
        return Ok(());
    }
    anyhow::bail!("{}\nhint: run `cargo xtask guests`", stale.join("\n"))
}
