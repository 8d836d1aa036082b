//! `liucheng plugin`: the way of a province package from nothing to an archive that can be installed.

mod author;
mod check;
mod keys;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use super::{Global, table};
use crate::{
    compose::{self, CACHE},
    output::{Exit, Failure, document, line},
};

/// Commands on province packages.
#[derive(Debug, Subcommand)]
pub enum PluginCommand {
    /// Make a new package that builds, with its SDK beside it.
    New(author::NewArgs),
    /// Build a package's component and write its digest into plugin.toml.
    Build(author::BuildArgs),
    /// Run the golden cases in the real host with production limits.
    Test(check::TestArgs),
    /// Say everything that stands against a package: manifest, overlay, component, clauses, golden cases.
    Check(check::CheckArgs),
    /// Make a key that signs packages.
    Keygen(keys::KeygenArgs),
    /// Sign a package: plugin.toml gets the digests of all files, plugin.sig the signature.
    Sign(keys::SignArgs),
    /// Check a package's signature, without any network.
    Verify(keys::VerifyArgs),
    /// Put a package into one tar file.
    Pack(author::PackArgs),
    /// List the packages that are built in.
    List,
}

/// A package: a folder, or a tar file.
#[derive(Debug, Args)]
struct PackageArgs {
    /// The package: a folder with plugin.toml, or a tar file.
    #[arg(value_name = "PATH", default_value = ".")]
    path: PathBuf,
}

/// Runs a command on packages.
pub fn run(global: &Global, command: PluginCommand) -> Result<Exit, Failure> {
    match command {
        PluginCommand::New(args) => author::new(global, &args),
        PluginCommand::Build(args) => author::build(global, &args),
        PluginCommand::Test(args) => check::test(global, &args),
        PluginCommand::Check(args) => check::check(global, &args),
        PluginCommand::Keygen(args) => keys::generate(global, &args),
        PluginCommand::Sign(args) => keys::sign(global, &args),
        PluginCommand::Verify(args) => keys::verify(global, &args),
        PluginCommand::Pack(args) => author::pack(global, &args),
        PluginCommand::List => list(global),
    }
}

/// Where compiled code is kept, if there is a data folder; none is made for it.
fn cache(global: &Global) -> Option<PathBuf> {
    let folder = global.data_dir();
    folder.is_dir().then(|| folder.join(CACHE))
}

fn list(global: &Global) -> Result<Exit, Failure> {
    let parts = compose::parts(compose::calendar(&[])?, None, None)?;
    let packages = parts.rules.packages();
    if global.json {
        let rows: Vec<_> = packages
            .iter()
            .map(|p| json!({"id": p.id, "version": p.version, "component": p.digest, "hooks": p.hooks, "rules": p.rules, "imports": p.imports}))
            .collect();
        return document(&json!({"packages": rows})).map(|()| Exit::Ok);
    }
    let rows: Vec<Vec<String>> = packages
        .iter()
        .map(|p| {
            let hooks: Vec<&str> = p.hooks.iter().map(|h| h.name()).collect();
            vec![
                p.id.clone(),
                p.version.clone(),
                p.digest.chars().take(12).collect(),
                hooks.join(" "),
            ]
        })
        .collect();
    for text in table::fitted(&["package", "version", "component", "computes"], &rows) {
        line(text)?;
    }
    Ok(Exit::Ok)
}
