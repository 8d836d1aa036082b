//! `plugins/dist/components.lock`: which sources each committed component was built from.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

/// One committed component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The package's id, which is also its folder and the stem of its file.
    pub id: String,
    /// SHA-256 of the component.
    pub sha256: String,
    /// SHA-256 over everything it is built from, see [`inputs`].
    pub inputs: String,
    /// The compiler that built it, for information.
    pub toolchain: String,
}

/// The ids of all province packages and examples: the folders with a `plugin.toml` and a Rust crate.
///
/// # Errors
/// When the folder `plugins` cannot be read.
pub fn provinces(root: &Path) -> Result<Vec<String>> {
    let mut ids = Vec::new();
    for folder in FOLDERS.map(|folder| root.join(folder)) {
        let entries = fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
        let paths = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
        let packages = paths
            .filter(|path| path.join("plugin.toml").is_file() && path.join("Cargo.toml").is_file());
        ids.extend(packages.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())));
    }
    ids.sort();
    Ok(ids)
}

/// Where packages are.
const FOLDERS: [&str; 2] = ["plugins", "plugins/examples"];

/// The folder of a package.
#[must_use]
pub fn folder(root: &Path, id: &str) -> PathBuf {
    let [packages, examples] = FOLDERS.map(|folder| root.join(folder).join(id));
    if packages.is_dir() {
        packages
    } else {
        examples
    }
}

/// Lower-case hex SHA-256.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The digest of everything a component is built from.
///
/// These are the province's and the SDK's sources and manifests, the WIT, and the version of the bindings
/// generator; not the whole `Cargo.lock`, which changes with every unrelated dependency, and not the native
/// test harness. Line ends do not count.
///
/// # Errors
/// When a file cannot be read.
pub fn inputs(root: &Path, id: &str) -> Result<String> {
    let plugins = root.join("plugins");
    let own = folder(root, id);
    let mut files = vec![own.join("Cargo.toml"), plugins.join("sdk/Cargo.toml")];
    collect(&own.join("src"), &mut files)?;
    collect(&plugins.join("sdk/src"), &mut files)?;
    collect(&plugins.join("wit/v1"), &mut files)?;
    let harness = plugins.join("sdk/src/testing");
    files.retain(|file| !file.starts_with(&harness));
    files.sort();
    let mut all = generator(root)?;
    for file in files {
        let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        let name = file
            .strip_prefix(root)
            .unwrap_or(&file)
            .to_string_lossy()
            .replace('\\', "/");
        all.push_str(&format!(
            "{name} {}\n",
            sha256(text.replace("\r\n", "\n").as_bytes())
        ));
    }
    Ok(sha256(all.as_bytes()))
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

/// The bindings generator as locked, and how the workspace asks for it.
fn generator(root: &Path) -> Result<String> {
    let manifest = fs::read_to_string(root.join("Cargo.toml")).context("Cargo.toml")?;
    let asked = manifest
        .lines()
        .filter(|line| line.starts_with("wit-bindgen =") || line.starts_with("edition ="));
    let mut all: String = asked.map(|line| format!("{line}\n")).collect();
    let lock = fs::read_to_string(root.join("Cargo.lock"))
        .context("Cargo.lock")?
        .replace("\r\n", "\n");
    let packages: Vec<&str> = lock.split("[[package]]\n").collect();
    let named = |name: &str| {
        let line = format!("name = \"{name}\"\n");
        packages
            .iter()
            .copied()
            .filter(move |package| package.starts_with(&line))
    };
    let sdk = named("liucheng-sdk")
        .next()
        .context("Cargo.lock lists no liucheng-sdk")?;
    // The dependency reads "wit-bindgen" or, where several versions are locked, "wit-bindgen 0.61.1".
    let wanted = sdk
        .lines()
        .find_map(|line| line.trim().strip_prefix("\"wit-bindgen"));
    let wanted = wanted.context("liucheng-sdk does not depend on wit-bindgen")?;
    let version = wanted.trim_end_matches([',', '"']).trim();
    let locked = named("wit-bindgen")
        .find(|package| version.is_empty() || field(package, "version") == version);
    let locked = locked.context("Cargo.lock lists no wit-bindgen for liucheng-sdk")?;
    all.push_str(&format!(
        "wit-bindgen {} {}\n",
        field(locked, "version"),
        field(locked, "checksum")
    ));
    Ok(all)
}

/// The text of `key = "…"` on a line of its own, or nothing.
fn field<'a>(text: &'a str, key: &str) -> &'a str {
    let value = |line: &'a str| {
        line.strip_prefix(key)?
            .trim_start()
            .strip_prefix('=')?
            .trim()
            .strip_prefix('"')
    };
    text.lines()
        .find_map(value)
        .and_then(|rest| rest.split('"').next())
        .unwrap_or_default()
}

/// Reads the lock.
///
/// # Errors
/// When the file is missing or of another form.
pub fn read(root: &Path) -> Result<Vec<Entry>> {
    let path = root.join("plugins/dist/components.lock");
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let entry = |part: &str| {
        let text = |key: &str| field(part, key).to_owned();
        Entry {
            id: text("id"),
            sha256: text("sha256"),
            inputs: text("inputs"),
            toolchain: text("toolchain"),
        }
    };
    let entries: Vec<Entry> = text.split("[[component]]").skip(1).map(entry).collect();
    if entries
        .iter()
        .any(|e| e.id.is_empty() || e.sha256.len() != 64 || e.inputs.len() != 64)
    {
        bail!("{}: an entry lacks id, sha256 or inputs", path.display());
    }
    Ok(entries)
}

/// Writes the lock.
///
/// # Errors
/// When the file cannot be written.
pub fn write(root: &Path, entries: &[Entry]) -> Result<()> {
    let mut text = String::from(
        "# Written by `cargo xtask guests`; a test fails when it is out of date.\nschema = 1\n",
    );
    for Entry {
        id,
        sha256,
        inputs,
        toolchain,
    } in entries
    {
        text.push_str(&format!(
            "\n[[component]]\nid = \"{id}\"\nsha256 = \"{sha256}\"\ninputs = \"{inputs}\"\ntoolchain = \"{toolchain}\"\n"
        ));
    }
    let path = root.join("plugins/dist/components.lock");
    fs::write(&path, text).with_context(|| path.display().to_string())
}

/// What in `plugins/dist` does not belong to the sources; empty when all is well.
///
/// # Errors
/// When files cannot be read.
pub fn verify(root: &Path) -> Result<Vec<String>> {
    let entries = read(root)?;
    let ids = provinces(root)?;
    let mut stale = Vec::new();
    for entry in &entries {
        if !ids.contains(&entry.id) {
            stale.push(format!(
                "{}: in components.lock, but there is no such package",
                entry.id
            ));
        }
    }
    for id in ids {
        let Some(entry) = entries.iter().find(|entry| entry.id == id) else {
            stale.push(format!("{id}: not in plugins/dist/components.lock"));
            continue;
        };
        match fs::read(root.join(format!("plugins/dist/{id}.wasm"))) {
            Err(error) => stale.push(format!("{id}: plugins/dist/{id}.wasm: {error}")),
            Ok(component) if sha256(&component) != entry.sha256 => {
                stale.push(format!(
                    "{id}: plugins/dist/{id}.wasm is not the component of components.lock"
                ));
            }
            Ok(_) => {}
        }
        if inputs(root, &id)? != entry.inputs {
            stale.push(format!("{id}: the component is older than its sources"));
        }
        let manifest = fs::read_to_string(folder(root, &id).join("plugin.toml"))?;
        if field(&manifest, "sha256") != entry.sha256 {
            stale.push(format!("{id}: plugin.toml names another component"));
        }
    }
    Ok(stale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_on_their_own_line() {
        let text = "id = \"a\"\nsha256=\"b\"\n# inputs = \"no\"\nversions = \"c\"\n";
        assert_eq!((field(text, "id"), field(text, "sha256")), ("a", "b"));
        assert_eq!((field(text, "inputs"), field(text, "version")), ("", ""));
    }
}
