//! Components in JavaScript: the package's own `build.mjs` calls componentize-js.

use std::{fs, path::Path, process::Command};

use crate::{
    command::{ask, run},
    error::BuildError,
};

/// The oldest node that componentize-js is known to run on.
const NODE_OLDEST: u32 = 20;

pub fn build(folder: &Path, say: &mut dyn FnMut(&str)) -> Result<Vec<u8>, BuildError> {
    let node = Path::new("node");
    let version = ask(node, &["--version"])
        .map_err(|_| BuildError::NoNode("node was not found".to_owned()))?;
    if major(&version) < Some(NODE_OLDEST) {
        let message = format!("node {version} is too old");
        return Err(BuildError::NoNode(message));
    }
    if !folder
        .join("node_modules/@bytecodealliance/componentize-js")
        .is_dir()
    {
        return Err(BuildError::NotInstalled(folder.to_owned()));
    }
    let target = folder.join("target");
    fs::create_dir_all(&target).map_err(BuildError::file(&target))?;
    let out = target.join("component.wasm");
    let mut command = Command::new(node);
    // The name is relative to the folder that node runs in.
    command
        .current_dir(folder)
        .args(["build.mjs", "target/component.wasm"]);
    run(&mut command, say)?;
    fs::read(&out).map_err(BuildError::file(&out))
}

/// `v20.20.2` → 20.
fn major(version: &str) -> Option<u32> {
    version.strip_prefix('v')?.split('.').next()?.parse().ok()
}
