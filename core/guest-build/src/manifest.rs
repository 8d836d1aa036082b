//! The component's digest in `plugin.toml`.

use std::{fs, path::Path};

use crate::error::BuildError;

/// Writes the component's digest into a `plugin.toml`, and changes nothing else.
///
/// # Errors
/// [`BuildError::NoDigestLine`] when the manifest has no line `sha256 = "…"`.
pub fn write_digest(manifest: &Path, digest: &str) -> Result<(), BuildError> {
    let text = fs::read_to_string(manifest).map_err(BuildError::file(manifest))?;
    let is_digest = |line: &str| {
        let rest = line.strip_prefix("sha256");
        rest.is_some_and(|rest| rest.trim_start().starts_with('='))
    };
    if !text.lines().any(is_digest) {
        return Err(BuildError::NoDigestLine(manifest.to_owned()));
    }
    let line = |line: &str| match is_digest(line) {
        true => format!("sha256 = \"{digest}\"\n"),
        false => format!("{line}\n"),
    };
    let changed: String = text.lines().map(line).collect();
    if changed != text {
        fs::write(manifest, changed).map_err(BuildError::file(manifest))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_digest_changes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plugin.toml");
        fs::write(&path, "id = \"a\" # mine\n[component]\nsha256= \"\"\n").unwrap();
        write_digest(&path, "ab").unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text, "id = \"a\" # mine\n[component]\nsha256 = \"ab\"\n");
        fs::write(&path, "id = \"a\"\n").unwrap();
        let error = write_digest(&path, "ab").unwrap_err();
        assert_eq!(error.code(), "E-PLUGIN-MANIFEST");
    }
}
