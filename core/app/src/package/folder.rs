//! Packages in a folder, where an author works on them: sources and whatever else lies there are passed over.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use super::{
    CASES, CASES_MAX, Files, MANIFEST, SIGNATURE, most_bytes, parse, too_large, unreadable,
};
use crate::output::{Exit, Failure};

/// Reads the files that the manifest names, the golden cases and the signature.
pub fn read(folder: &Path, component: Option<&Path>) -> Result<Files, Failure> {
    let mut files = Files::new();
    let Some(manifest) = file(folder, MANIFEST)? else {
        return Ok(files);
    };
    // What is no text is refused where the files are put together.
    let text = String::from_utf8_lossy(&manifest).into_owned();
    files.insert(MANIFEST.to_owned(), manifest);
    let manifest = parse(folder, &text)?;
    for name in manifest
        .overlay
        .iter()
        .map(String::as_str)
        .chain([SIGNATURE])
    {
        if let Some(bytes) = file(folder, name)? {
            files.insert(name.to_owned(), bytes);
        }
    }
    for name in cases(folder)? {
        if let Some(bytes) = file(folder, &name)? {
            files.insert(name, bytes);
        }
    }
    let bytes = match component {
        Some(path) => Some(bounded(path, &manifest.file)?),
        None => match file(folder, &manifest.file)? {
            Some(bytes) => Some(bytes),
            None => match collected(folder) {
                Some(dist) => file(&dist, &manifest.file)?,
                None => None,
            },
        },
    };
    files.extend(bytes.map(|bytes| (manifest.file, bytes)));
    Ok(files)
}

/// Where this repository collects the components that it builds; `None` for a package elsewhere.
#[must_use]
pub fn collected(folder: &Path) -> Option<PathBuf> {
    let places = ["../dist", "../../dist"].map(|place| folder.join(place));
    places
        .into_iter()
        .find(|dist| dist.join("components.lock").is_file())
}

/// The names of the golden cases, in order.
fn cases(folder: &Path) -> Result<Vec<String>, Failure> {
    let Ok(entries) = std::fs::read_dir(folder.join(CASES)) else {
        return Ok(Vec::new());
    };
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .map(|name| format!("{CASES}/{name}"))
        .filter(|name| most_bytes(name).is_some())
        .collect();
    names.sort();
    if names.len() > CASES_MAX {
        let message = format!(
            "{}: {} files in {CASES}, the limit is {CASES_MAX}",
            folder.display(),
            names.len()
        );
        return Err(
            Failure::new(Exit::Rejected, "E-PLUGIN-SIZE", message).hint("put cases together")
        );
    }
    Ok(names)
}

/// The bytes of a file, if it is there.
fn file(folder: &Path, name: &str) -> Result<Option<Vec<u8>>, Failure> {
    let path = folder.join(name);
    let found = match std::fs::symlink_metadata(&path) {
        Ok(found) => found,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(unreadable(&path, &e)),
    };
    if !found.is_file() {
        let message = format!("{}: it is no plain file", path.display());
        return Err(Failure::new(Exit::Rejected, "E-PLUGIN-ENTRY", message)
            .hint("a package has no links, folders or devices in the place of a file"));
    }
    bounded(&path, name).map(Some)
}

fn bounded(path: &Path, name: &str) -> Result<Vec<u8>, Failure> {
    let limit = most_bytes(name).unwrap_or_default();
    let file = File::open(path).map_err(|e| unreadable(path, &e))?;
    let size = file.metadata().map_err(|e| unreadable(path, &e))?.len();
    if size > limit {
        return Err(too_large(&path.display().to_string(), name, size, limit));
    }
    let mut bytes = Vec::new();
    // The size may have grown since it was asked for.
    let read = file.take(limit + 1).read_to_end(&mut bytes);
    read.map_err(|e| unreadable(path, &e))?;
    match bytes.len() as u64 {
        size if size > limit => Err(too_large(&path.display().to_string(), name, size, limit)),
        _ => Ok(bytes),
    }
}
