//! Lists what `liucheng plugin new` writes, so that a file added to the SDK is never forgotten.

use std::{
    error::Error,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

/// What is embedded, below `plugins`.
const TREES: [&str; 4] = [
    "sdk",
    "wit/v1",
    "examples/example-county",
    "examples/example-county-js",
];
/// What tools leave behind.
const LEFT_OUT: [&str; 3] = ["target", "node_modules", "package-lock.json"];

fn main() -> Result<(), Box<dyn Error>> {
    let plugins = Path::new(&std::env::var("CARGO_MANIFEST_DIR")?).join("../../plugins");
    let plugins = plugins.canonicalize()?;
    let mut files = Vec::new();
    for tree in TREES {
        collect(&plugins.join(tree), &mut files)?;
    }
    files.sort();
    let mut table = String::from("&[\n");
    for file in &files {
        let name = file
            .strip_prefix(&plugins)?
            .to_string_lossy()
            .replace('\\', "/");
        writeln!(table, "    ({name:?}, include_str!({file:?})),")?;
    }
    table.push_str("]\n");
    fs::write(
        Path::new(&std::env::var("OUT_DIR")?).join("embedded.rs"),
        table,
    )?;
    println!("cargo::rerun-if-changed=build.rs");
    Ok(())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        let is_left_out =
            LEFT_OUT.contains(&&*name) || name.ends_with(".wasm") || name == "plugin.sig";
        if is_left_out {
            continue;
        }
        if path.is_dir() {
            collect(&path, files)?;
            // A folder with tools' leavings is not watched itself: cargo would look at all of them.
            let has_leavings = LEFT_OUT.iter().any(|left| path.join(left).exists());
            if !has_leavings {
                println!("cargo::rerun-if-changed={}", path.display());
            }
        } else {
            println!("cargo::rerun-if-changed={}", path.display());
            files.push(path);
        }
    }
    Ok(())
}
