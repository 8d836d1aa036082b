//! `cargo xtask guests`: builds the province components.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use liucheng_guest_build::{Compiler, RustBuild, write_digest};

use crate::lock;

/// Builds all components into `plugins/dist` and writes the lock and the digests of the manifests.
///
/// # Errors
/// When there is no compiler, or a build fails.
pub fn build(root: &Path, say: &mut dyn FnMut(&str)) -> Result<()> {
    let root = &root.canonicalize().context("the repository's folder")?;
    let compiler = Compiler::find()?;
    say(&format!(
        "compiler: {} ({})",
        compiler.version,
        compiler.rustc.display()
    ));
    let dist = root.join("plugins/dist");
    fs::create_dir_all(&dist).with_context(|| dist.display().to_string())?;
    let mut entries = Vec::new();
    for id in lock::provinces(root)? {
        say(&format!("building {id}"));
        let inputs = lock::inputs(root, &id)?;
        let folder = lock::folder(root, &id);
        let build = RustBuild {
            folder: &folder,
            target: Some(root.join("target/guests")),
            locked: true,
        };
        let component = build
            .run(&compiler, say)
            .with_context(|| format!("building {id}"))?;
        let sha256 = lock::sha256(&component);
        let path = dist.join(format!("{id}.wasm"));
        fs::write(&path, &component).with_context(|| path.display().to_string())?;
        write_digest(&folder.join("plugin.toml"), &sha256)?;
        say(&format!("  {} bytes, sha256 {sha256}", component.len()));
        entries.push(lock::Entry {
            id,
            sha256,
            inputs,
            toolchain: compiler.version.clone(),
        });
    }
    lock::write(root, &entries)
}
