//! Running the binary.

pub mod package;
mod server;

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value as Json;

pub use server::Server;

/// The repository's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// The binary, in an environment of its own.
pub fn liucheng() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_liucheng"));
    command
        .env_remove("LIUCHENG_DATA")
        .env_remove("LIUCHENG_DATABASE")
        .env_remove("COLUMNS")
        .env("NO_COLOR", "1");
    command
}

/// What a run said.
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    pub fn json(&self) -> Json {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {}{}", self.out, self.err))
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// Runs the binary to its end.
pub fn run(args: &[&str]) -> Said {
    liucheng()
        .args(args)
        .stdin(Stdio::null())
        .output()
        .unwrap()
        .into()
}

/// Runs the binary to its end, for a terminal of 80 columns.
pub fn narrow(args: &[&str]) -> Said {
    let mut command = liucheng();
    command.env("COLUMNS", "80").args(args).stdin(Stdio::null());
    command.output().unwrap().into()
}

/// All records of a project's history, page by page.
pub fn records(place: &[&str], code: &str) -> Vec<Json> {
    let mut all: Vec<Json> = Vec::new();
    loop {
        let after = all.len().to_string();
        let history = [
            "project", "history", code, "--json", "--limit", "10000", "--after", &after,
        ];
        let page = run(&[place, &history].concat()).json();
        let page = page["records"].as_array().unwrap();
        if page.is_empty() {
            return all;
        }
        all.extend(page.iter().cloned());
    }
}

/// Runs the binary with something on stdin.
pub fn run_with(args: &[&str], input: &[u8]) -> Said {
    let mut child = liucheng()
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that refuses early closes its stdin; that is not this function's business.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap().into()
}

/// A small generator whose seed is printed, so that a failure can be repeated with `LIUCHENG_SEED`.
pub struct Random(u64);

impl Random {
    pub fn from_env() -> Self {
        let given = ["LIUCHENG_SEED", "SEED"]
            .iter()
            .find_map(|name| std::env::var(name).ok())
            .and_then(|s| s.parse().ok());
        let seed = given.unwrap_or_else(|| {
            let since = std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)
                .unwrap();
            since.as_nanos() as u64
        });
        println!("LIUCHENG_SEED={seed}");
        Self(seed | 1)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % end.max(1)
    }
}
