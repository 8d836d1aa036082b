//! `liucheng plugin`: the way of a province package from nothing to what projects go by.

mod author;
mod changes;
mod check;
mod install;
mod installed;
mod keys;
mod upgrade;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::Global;
use crate::{
    compose::CACHE,
    output::{Exit, Failure},
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
    /// Install a package: verify, compile, say what would change for open projects, then let new ones go by it.
    Install(install::InstallArgs),
    /// List the packages that new projects go by.
    List,
    /// Show a package: what it answers, the versions that are kept, who did what with it.
    Show(installed::IdArgs),
    /// Let no new project go by a package; those that do keep it.
    Remove(installed::RemoveArgs),
    /// Let open projects go by the version that is installed, or take that back.
    Upgrade(upgrade::UpgradeArgs),
    /// Ask a project's past questions again: the answers have to be the same, byte for byte.
    Replay(upgrade::ReplayArgs),
}

/// A package: a folder, or a tar file.
#[derive(Debug, Args)]
struct PackageArgs {
    /// The package: a folder with plugin.toml, or a tar file.
    #[arg(value_name = "PATH", default_value = ".")]
    path: PathBuf,
}

/// Runs a command on packages.
pub async fn run(global: &Global, command: PluginCommand) -> Result<Exit, Failure> {
    match command {
        PluginCommand::New(args) => author::new(global, &args),
        PluginCommand::Build(args) => author::build(global, &args),
        PluginCommand::Test(args) => check::test(global, &args),
        PluginCommand::Check(args) => check::check(global, &args),
        PluginCommand::Keygen(args) => keys::generate(global, &args),
        PluginCommand::Sign(args) => keys::sign(global, &args),
        PluginCommand::Verify(args) => keys::verify(global, &args),
        PluginCommand::Pack(args) => author::pack(global, &args),
        PluginCommand::Install(args) => install::install(global, args).await,
        PluginCommand::List => installed::list(global).await,
        PluginCommand::Show(args) => installed::show(global, &args).await,
        PluginCommand::Remove(args) => installed::remove(global, args).await,
        PluginCommand::Upgrade(args) => upgrade::upgrade(global, args).await,
        PluginCommand::Replay(args) => upgrade::replay(global, &args).await,
    }
}

/// Where compiled code is kept, if there is a data folder; none is made for it.
fn cache(global: &Global) -> Option<PathBuf> {
    let folder = global.data_dir();
    folder.is_dir().then(|| folder.join(CACHE))
}

/// Refuses an archive where a file of the package is to be written.
fn need_folder(path: &Path) -> Result<(), Failure> {
    if path.is_file() {
        let message = format!(
            "{} is an archive, nothing is written into it",
            path.display()
        );
        return Err(Failure::new(Exit::Usage, "E-PLUGIN-LAYOUT", message)
            .at(path.display().to_string())
            .hint("name the package's folder"));
    }
    Ok(())
}
