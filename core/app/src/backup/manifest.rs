//! The small file beside a backup that says what it should be.

use std::path::{Path, PathBuf};

use liucheng_engine::ports::Instant;
use serde::{Deserialize, Serialize};

use crate::{
    compose::transfer::Contents,
    output::{Exit, Failure},
};

/// The form of the manifest. A reader refuses a higher one.
const FORMAT: u32 = 1;

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The form of this file.
    pub format: u32,
    /// The program and its version.
    pub made_by: String,
    /// When it was begun, RFC 3339: what was acknowledged before is in it.
    pub made_at: String,
    /// The schema's version.
    pub schema: i64,
    /// How many projects there are.
    pub projects: u64,
    /// How many records of history there are.
    pub records: u64,
    /// The latest change of a project, RFC 3339; absent where there is none.
    pub through: Option<String>,
    /// SHA-256 over id, version and head of all projects in order of their ids, lower-case hex.
    pub heads: String,
    /// How long the file is.
    pub bytes: u64,
    /// SHA-256 of the file, lower-case hex.
    pub sha256: String,
}

impl Manifest {
    /// The manifest of a file with those contents.
    #[must_use]
    pub fn new(contents: &Contents, made_at: Instant, (bytes, sha256): (u64, String)) -> Self {
        Self {
            format: FORMAT,
            made_by: format!("liucheng {}", env!("CARGO_PKG_VERSION")),
            made_at: made_at.rfc3339(),
            schema: contents.schema,
            projects: contents.projects,
            records: contents.records,
            through: contents.through.map(|at| Instant(at).rfc3339()),
            heads: contents.heads.clone(),
            bytes,
            sha256,
        }
    }

    /// Where the manifest of a backup lies.
    #[must_use]
    pub fn path(backup: &Path) -> PathBuf {
        let mut name = backup.as_os_str().to_owned();
        name.push(".manifest.json");
        name.into()
    }

    /// Reads the manifest of a backup.
    pub fn read(backup: &Path) -> Result<Self, Failure> {
        let path = Self::path(backup);
        let refused = |reason: String| {
            Failure::new(Exit::Rejected, "E-BACKUP-MANIFEST", reason)
                .at(path.display().to_string())
                .hint("a backup is two files that belong together: FILE and FILE.manifest.json")
        };
        let text = std::fs::read_to_string(&path).map_err(|error| refused(error.to_string()))?;
        let manifest: Self =
            serde_json::from_str(&text).map_err(|error| refused(error.to_string()))?;
        if manifest.format > FORMAT {
            return Err(refused(format!(
                "the manifest has form {}, this program knows up to {FORMAT}",
                manifest.format
            )));
        }
        Ok(manifest)
    }

    /// The first thing in which contents are not what the manifest says.
    #[must_use]
    pub fn difference(&self, contents: &Contents) -> Option<String> {
        let through = contents.through.map(|at| Instant(at).rfc3339());
        let differs = |what: &str, said: String, found: String| {
            (said != found).then(|| format!("{what}: {said} by the manifest, {found} in the file"))
        };
        let show = |time: &Option<String>| time.clone().unwrap_or_else(|| "none".to_owned());
        differs(
            "projects",
            self.projects.to_string(),
            contents.projects.to_string(),
        )
        .or_else(|| {
            let (said, found) = (self.records, contents.records);
            differs("records", said.to_string(), found.to_string())
        })
        .or_else(|| differs("latest change", show(&self.through), show(&through)))
        .or_else(|| differs("heads", self.heads.clone(), contents.heads.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents() -> Contents {
        Contents {
            schema: 4,
            projects: 2,
            records: 7,
            heads: "ab".repeat(32),
            through: Some(1_790_000_000_000_000),
        }
    }

    #[test]
    fn every_difference_is_found() {
        let manifest = Manifest::new(&contents(), Instant(0), (9, String::new()));
        assert_eq!(manifest.difference(&contents()), None);
        let change = |change: fn(&mut Contents)| {
            let mut contents = contents();
            change(&mut contents);
            manifest.difference(&contents).unwrap_or_default()
        };
        assert!(change(|c| c.projects = 3).starts_with("projects: 2 by"));
        assert!(change(|c| c.records = 8).starts_with("records"));
        assert!(change(|c| c.through = None).ends_with("none in the file"));
        assert!(change(|c| c.heads = "cd".repeat(32)).starts_with("heads"));
    }

    #[test]
    fn the_manifest_lies_beside_the_backup() {
        let path = Manifest::path(Path::new("/backups/2026.db"));
        assert_eq!(path, Path::new("/backups/2026.db.manifest.json"));
    }
}
