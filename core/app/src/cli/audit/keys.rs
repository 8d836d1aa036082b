//! Keys that sign epochs.

use std::{
    fs::OpenOptions,
    io::{self, Write},
    path::{Path, PathBuf},
};

use clap::Args;
use liucheng_engine::audit::{Signer, sign::is_public_key};
use liucheng_model::definition::hex;
use serde_json::json;

use super::files::{private, unwritable};
use crate::{
    cli::Global,
    output::{Exit, Failure, document, line},
};

/// Where the key goes.
#[derive(Debug, Args)]
pub struct KeygenArgs {
    /// The file; it must not exist yet.
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
}

/// Makes a key, keeps it in a file for its owner only and shows its public half.
pub fn generate(global: &Global, args: &KeygenArgs) -> Result<Exit, Failure> {
    let written = make_key(&args.to)?;
    let public = written.map_err(|error| unwritable(&args.to, &error, "--to"))?;
    if global.json {
        return document(&json!({"key-file": args.to, "public": public})).map(|()| Exit::Ok);
    }
    line(format!(
        "The public key, to be noted elsewhere:\n\n  {public}\n"
    ))?;
    // The configuration takes names as relative to the data folder, the command line to where it runs.
    let whole = std::fs::canonicalize(&args.to).unwrap_or_else(|_| args.to.clone());
    line(format!(
        "Sign with it by `[audit] key-file = \"{}\"` in liucheng.toml.",
        whole.display()
    ))?;
    Ok(Exit::Ok)
}

/// Makes a key in a new file for its owner only; gives its public half, or why it was not written.
pub fn make_key(path: &Path) -> Result<io::Result<String>, Failure> {
    let secret = random()?;
    let written = private(OpenOptions::new().write(true).create_new(true))
        .open(path)
        .and_then(|mut file| {
            writeln!(file, "{}", hex(&secret))?;
            file.sync_all()
        });
    Ok(written.map(|()| Signer::new(&secret).public()))
}

/// 32 random bytes.
pub fn random() -> Result<[u8; 32], Failure> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| {
        let message = format!("no random numbers: {error}");
        Failure::new(Exit::Unavailable, "E-RANDOM", message)
    })?;
    Ok(bytes)
}

/// Public keys as they were typed.
pub fn trusted(keys: &[String]) -> Result<Vec<String>, Failure> {
    public_keys(keys).map_err(|key| {
        let message = format!("{key:?} is no public key");
        Failure::new(Exit::Usage, "E-AUDIT-KEY", message)
            .at("--key")
            .hint("give the 64 hex digits that `audit keygen` showed")
    })
}

/// Public keys in the form in which they are compared; the first that is none.
pub fn public_keys(keys: &[String]) -> Result<Vec<String>, String> {
    let keys = keys.iter().map(|key| key.trim().to_lowercase());
    keys.map(|key| {
        if is_public_key(&key) {
            Ok(key)
        } else {
            Err(key)
        }
    })
    .collect()
}
