//! A new package that builds: an example of this repository under another name, with the SDK and the WIT beside
//! it, so that it needs nothing else of this repository.

use std::{fs, path::Path};

use toml_edit::{DocumentMut, Item, Table, TableLike, value};

use crate::output::{Exit, Failure};

/// Files below `plugins`, with their texts.
const EMBEDDED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/embedded.rs"));
/// What the manifests of this repository take over from its workspace.
const WORKSPACE: &str = include_str!("../../../../Cargo.toml");
/// Where a package keeps SDK and WIT.
const VENDOR: &str = "vendor";

/// What a package is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Rust, on the SDK.
    Rust,
    /// JavaScript, by componentize-js.
    JavaScript,
}

impl Kind {
    fn example(self) -> &'static str {
        match self {
            Self::Rust => "example-county",
            Self::JavaScript => "example-county-js",
        }
    }
}

/// The files of a new package, with their texts.
///
/// # Errors
/// `E-PLUGIN-NAME` where the name is no id.
pub fn files(kind: Kind, name: &str) -> Result<Vec<(String, String)>, Failure> {
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let is_id = name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('-')
        && name.chars().all(word);
    if !is_id {
        let message = format!("{name:?} is no id of a package");
        return Err(Failure::new(Exit::Usage, "E-PLUGIN-NAME", message)
            .at("NAME")
            .hint("use a-z, 0-9 and -, beginning with a letter: `ningxia-yuanzhou`"));
    }
    let example = format!("examples/{}/", kind.example());
    let mut files = vec![(
        ".gitignore".to_owned(),
        "/target\n/node_modules\n".to_owned(),
    )];
    for (path, text) in EMBEDDED {
        let file = if let Some(own) = path.strip_prefix(&example) {
            let text = text.replace(kind.example(), name);
            match own {
                "Cargo.toml" => (own.to_owned(), standalone(&text, true)?),
                "plugin.toml" => (own.to_owned(), unbuilt(&text)),
                _ => (own.to_owned(), text),
            }
        } else if path.starts_with("wit/") {
            (format!("{VENDOR}/{path}"), (*text).to_owned())
        } else if path.starts_with("sdk/") && kind == Kind::Rust {
            let text = match *path {
                "sdk/Cargo.toml" => standalone(text, false)?,
                _ => (*text).to_owned(),
            };
            (format!("{VENDOR}/{path}"), text)
        } else {
            continue;
        };
        files.push(file);
    }
    Ok(files)
}

/// A manifest without the digest of the example's component.
fn unbuilt(manifest: &str) -> String {
    let line = |line: &str| match line.starts_with("sha256 =") {
        true => "sha256 = \"\"\n".to_owned(),
        false => format!("{line}\n"),
    };
    manifest.lines().map(line).collect()
}

/// Writes the files of a new package into a folder, which must not be there yet or be empty.
///
/// # Errors
/// `E-PLUGIN-EXISTS`, or `E-FILE` where it cannot be written.
pub fn write(folder: &Path, files: &[(String, String)]) -> Result<(), Failure> {
    let shown = folder.display();
    if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
        let message = format!("{shown} is there already, and not empty");
        return Err(Failure::new(Exit::Usage, "E-PLUGIN-EXISTS", message)
            .at(shown.to_string())
            .hint("choose another name, or another folder with --dir; nothing is written over"));
    }
    for (name, text) in files {
        let path = folder.join(name);
        let above = path.parent().map_or(Ok(()), fs::create_dir_all);
        above
            .and_then(|()| fs::write(&path, text))
            .map_err(|error| {
                let message = format!("{}: {error}", path.display());
                Failure::new(Exit::Unavailable, "E-FILE", message)
                    .at(path.display().to_string())
                    .hint("name a folder that this user may write, with --dir")
            })?;
    }
    Ok(())
}

/// A manifest of this repository's workspace as one that stands alone; `is_root` where it is a package's own.
fn standalone(text: &str, is_root: bool) -> Result<String, Failure> {
    let broken =
        |what: &str| Failure::new(Exit::Internal, "E-INTERNAL", format!("Cargo.toml: {what}"));
    let read = |text: &str| -> Result<DocumentMut, Failure> {
        text.parse()
            .map_err(|e: toml_edit::TomlError| broken(e.message()))
    };
    let workspace = read(WORKSPACE)?;
    let workspace = workspace.get("workspace").and_then(Item::as_table);
    let workspace = workspace.ok_or_else(|| broken("no workspace"))?;
    let mut manifest = read(text)?;
    if let Some(package) = manifest.get_mut("package").and_then(Item::as_table_mut) {
        inherit(package, workspace.get("package"));
        // A licence and a place for the crate are the author's to choose.
        for key in ["license", "repository"] {
            package.remove(key);
        }
    }
    if is_inherited(manifest.get("lints")) {
        // The crate says which of the compiler's lints it expects; they have to be switched on.
        manifest.remove("lints");
        let lints = workspace.get("lints").and_then(|lints| lints.get("rust"));
        if let Some(lints) = lints.and_then(Item::as_table) {
            let mut rust = lints.clone();
            rust.set_position(None);
            let mut all = Table::new();
            all.set_implicit(true);
            all.insert("rust", Item::Table(rust));
            manifest.insert("lints", Item::Table(all));
        }
    }
    if let Some(table) = manifest
        .get_mut("dependencies")
        .and_then(Item::as_table_mut)
    {
        inherit(table, workspace.get("dependencies"));
        if table.contains_key("liucheng-sdk") {
            let mut sdk = toml_edit::InlineTable::new();
            sdk.insert("path", format!("{VENDOR}/sdk").into());
            table.insert("liucheng-sdk", value(sdk));
        }
    }
    if let Some(targets) = manifest.get_mut("target").and_then(Item::as_table_mut) {
        for (_, target) in targets.iter_mut() {
            let table = target.get_mut("dependencies").and_then(Item::as_table_mut);
            if let Some(table) = table {
                inherit(table, workspace.get("dependencies"));
            }
        }
    }
    if is_root {
        // A workspace of its own, wherever the folder lies.
        manifest.insert("workspace", Item::Table(Table::new()));
    }
    Ok(manifest.to_string())
}

/// Whether something says `workspace = true`.
fn is_inherited(item: Option<&Item>) -> bool {
    item.and_then(|item| item.get("workspace")?.as_bool())
        .unwrap_or(false)
}

/// Writes out whatever says `workspace = true`.
fn inherit(table: &mut Table, workspace: Option<&Item>) {
    let Some(workspace) = workspace.and_then(Item::as_table) else {
        return;
    };
    let keys: Vec<String> = TableLike::iter(table)
        .filter(|(_, item)| is_inherited(Some(item)))
        .map(|(key, _)| key.to_owned())
        .collect();
    for key in keys {
        if let Some(item) = workspace.get(&key) {
            table.insert(&key, item.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file<'f>(files: &'f [(String, String)], name: &str) -> &'f str {
        let found = files.iter().find(|(path, _)| path == name);
        &found.unwrap_or_else(|| panic!("there is no {name}")).1
    }

    #[test]
    fn a_rust_package_stands_alone() {
        let files = files(Kind::Rust, "hebei-x").unwrap();
        for (path, text) in &files {
            assert!(!text.contains("workspace = true"), "{path}");
            assert!(!text.contains("example-county"), "{path}");
            assert!(!path.contains("node_modules"), "{path}");
        }
        let manifest: toml::Table = file(&files, "Cargo.toml").parse().unwrap();
        assert_eq!(
            manifest["package"]["name"].as_str(),
            Some("province-hebei-x")
        );
        assert_eq!(
            manifest["dependencies"]["liucheng-sdk"]["path"].as_str(),
            Some("vendor/sdk")
        );
        assert!(manifest.contains_key("workspace"));
        let sdk: toml::Table = file(&files, "vendor/sdk/Cargo.toml").parse().unwrap();
        assert_eq!(sdk["package"]["edition"].as_str(), Some("2024"));
        let targets = sdk["target"].as_table().unwrap().values();
        assert_eq!(
            targets.filter(|t| t.get("dependencies").is_some()).count(),
            2
        );
        assert!(file(&files, "vendor/wit/v1/province.wit").contains("package liucheng:province@1"));
        assert!(file(&files, "vendor/sdk/src/testing/mod.rs").contains("run_cases"));
        assert!(file(&files, "overlay.toml").contains("id = \"hebei-x\""));
        assert!(file(&files, "plugin.toml").contains("sha256 = \"\""));
    }

    #[test]
    fn a_javascript_package_has_no_rust() {
        let files = files(Kind::JavaScript, "hebei-x").unwrap();
        assert!(
            files
                .iter()
                .all(|(path, _)| !path.ends_with(".rs") && !path.ends_with("Cargo.toml"))
        );
        assert!(file(&files, "package.json").contains("componentize-js"));
        assert!(file(&files, "src/province.js").contains("id: 'hebei-x'"));
        assert!(file(&files, "vendor/wit/v1/province.wit").contains("package"));
    }

    #[test]
    fn names_are_ids() {
        for name in ["", "X", "1a", "-a", "a-", "a b", "../a", "省"] {
            assert_eq!(
                files(Kind::Rust, name).unwrap_err().code,
                "E-PLUGIN-NAME",
                "{name}"
            );
        }
    }
}
