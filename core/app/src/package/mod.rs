//! Packages as they are handed over: a folder, or one tar file.
//!
//! | module | does |
//! |---|---|
//! | `folder`, `archive` | reading, within bounds, from either form |
//! | `signature` | who answers for a package, and the operator's trust list |
//! | `examine` | everything that can be said against a package before it is installed |
//! | `bless` | writing what was answered into the golden cases |
//! | `skeleton` | a new package that builds |

pub mod archive;
pub mod bless;
pub mod examine;
pub mod folder;
pub mod signature;
pub mod skeleton;

use std::{collections::BTreeMap, path::Path};

use liucheng_model::definition::{SOURCE_MAX_BYTES, hex};
use liucheng_plugin_host::{Limits, Manifest};
use sha2::{Digest, Sha256};

use crate::{
    compose,
    output::{Exit, Failure},
};

/// The manifest's name.
pub const MANIFEST: &str = "plugin.toml";
/// The signature's name.
pub const SIGNATURE: &str = "plugin.sig";
/// The folder of the golden cases.
pub const CASES: &str = "cases";
/// The largest signature, in bytes.
const SIGNATURE_MAX_BYTES: u64 = 4 << 10;
/// The most files of golden cases.
pub const CASES_MAX: usize = 200;

/// A package as it was read; nothing of it was believed yet.
#[derive(Debug)]
pub struct Package {
    /// Where it was read from, for messages.
    pub place: String,
    /// The text of `plugin.toml`.
    pub manifest_text: String,
    /// The same, read.
    pub manifest: Manifest,
    /// The overlay, if the package has one.
    pub overlay: Option<TextFile>,
    /// The component.
    pub component: Vec<u8>,
    /// The golden cases in the order of their names.
    pub cases: Vec<TextFile>,
    /// The text of `plugin.sig`, where there is one.
    pub signature: Option<String>,
}

/// A text of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextFile {
    /// Its name within the package, such as `cases/budget.toml`.
    pub name: String,
    /// Its path, for messages.
    pub path: String,
    /// What it says.
    pub text: String,
}

/// The files of a package by their names within it.
type Files = BTreeMap<String, Vec<u8>>;

impl Package {
    /// Reads a package: a folder, or a tar file.
    ///
    /// # Errors
    /// One coded reason, `E-FILE` or `E-PLUGIN-…`; sizes are bounded before anything is read.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let read = || {
            let found = std::fs::metadata(path).map_err(|e| unreadable(path, &e))?;
            let files = if found.is_dir() {
                folder::read(path, None)?
            } else {
                archive::read(path)?
            };
            Self::of(path, files)
        };
        read().map_err(|failure| failure.within(path.display()))
    }

    /// Reads a package from a folder whose component lies elsewhere.
    ///
    /// # Errors
    /// As [`Package::read`].
    pub fn read_with(path: &Path, component: &Path) -> Result<Self, Failure> {
        let files = folder::read(path, Some(component));
        let package = files.and_then(|files| Self::of(path, files));
        package.map_err(|failure| failure.within(path.display()))
    }

    /// Puts the files together; every one has to be one that a package has.
    fn of(path: &Path, mut files: Files) -> Result<Self, Failure> {
        let place = path.display().to_string();
        let manifest_text = text(&place, MANIFEST, take(&mut files, &place, MANIFEST)?)?;
        let manifest = parse(path, &manifest_text)?;
        let read = |files: &mut Files, name: &str| {
            let bytes = take(files, &place, name)?;
            Ok::<_, Failure>(TextFile {
                name: name.to_owned(),
                path: path.join(name).display().to_string(),
                text: text(&place, name, bytes)?,
            })
        };
        let overlay = manifest.overlay.as_deref();
        let overlay = overlay.map(|name| read(&mut files, name)).transpose()?;
        let component = take(&mut files, &place, &manifest.file)?;
        let signature = files.remove(SIGNATURE);
        let signature = signature
            .map(|bytes| text(&place, SIGNATURE, bytes))
            .transpose()?;
        let (cases, others): (Vec<String>, Vec<String>) = files
            .keys()
            .cloned()
            .partition(|name| name.starts_with("cases/"));
        if let Some(odd) = others.first() {
            return Err(unknown_entry(&place, odd));
        }
        let cases = cases.iter().map(|name| read(&mut files, name));
        Ok(Self {
            cases: cases.collect::<Result<_, _>>()?,
            place,
            manifest_text,
            manifest,
            overlay,
            component,
            signature,
        })
    }

    /// The files that the manifest may name digests of: overlay and cases.
    pub fn covered(&self) -> impl Iterator<Item = &TextFile> {
        self.overlay.iter().chain(&self.cases)
    }

    /// Checks that component, overlay and cases are those that the manifest names.
    ///
    /// # Errors
    /// `E-PLUGIN-DIGEST`, or `E-PLUGIN-FILE` where one is not there.
    pub fn check_digests(&self) -> Result<(), Failure> {
        let refuse = |code: &str, message: String| {
            Failure::new(Exit::Rejected, code, format!("{}: {message}", self.place))
                .at(self.place.clone())
                .hint(
                "get the package anew; after a change an author runs `liucheng plugin build`, and `liucheng \
                 plugin sign`",
            )
        };
        if sha256(&self.component) != self.manifest.sha256 {
            let message = format!(
                "{} is not the component that plugin.toml names",
                self.manifest.file
            );
            return Err(refuse("E-PLUGIN-DIGEST", message));
        }
        for (name, digest) in &self.manifest.files {
            let Some(file) = self.covered().find(|file| file.name == *name) else {
                let message = format!("plugin.toml names {name}, which is not there");
                return Err(refuse("E-PLUGIN-FILE", message));
            };
            if sha256(file.text.as_bytes()) != *digest {
                let message = format!("{name} is not the file that plugin.toml names");
                return Err(refuse("E-PLUGIN-DIGEST", message));
            }
        }
        Ok(())
    }
}

/// Reads `plugin.toml`; what only has to be built is no mistake of it.
fn parse(path: &Path, manifest: &str) -> Result<Manifest, Failure> {
    Manifest::parse(manifest).map_err(|error| {
        let failure = compose::plugin_failure(error).at(path.join(MANIFEST).display().to_string());
        let table: toml::Table = manifest.parse().unwrap_or_default();
        let digest = table
            .get("component")
            .and_then(|component| component.get("sha256")?.as_str());
        match digest {
            Some("") => failure.hint(format!("run `liucheng plugin build {}`", path.display())),
            _ => failure,
        }
    })
}

/// Lower-case hex SHA-256.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// The most bytes that a file of that name may have; `None` for a name that no package has.
fn most_bytes(name: &str) -> Option<u64> {
    let limits = Limits::default();
    let plain = |name: &str| {
        let is_odd = |c: char| c.is_control() || matches!(c, '/' | '\\');
        !name.is_empty() && !name.contains(is_odd) && !name.starts_with('.')
    };
    let source = SOURCE_MAX_BYTES as u64;
    match name {
        MANIFEST => Some(limits.manifest_bytes as u64),
        SIGNATURE => Some(SIGNATURE_MAX_BYTES),
        _ => match name.strip_prefix("cases/") {
            Some(case) => (plain(case) && case.ends_with(".toml")).then_some(source),
            None if !plain(name) => None,
            None if name.ends_with(".wasm") => Some(limits.component_bytes as u64),
            None => name.ends_with(".toml").then_some(source),
        },
    }
}

fn take(files: &mut Files, place: &str, name: &str) -> Result<Vec<u8>, Failure> {
    files.remove(name).ok_or_else(|| {
        let message = format!("{place}: there is no {name}");
        let hint = match name {
            MANIFEST => "a package is a folder or a tar file with plugin.toml at its top",
            _ if name.ends_with(".wasm") => {
                "build it with `liucheng plugin build`; an archive is to be packed again after that"
            }
            _ => "plugin.toml names it",
        };
        Failure::new(Exit::Usage, "E-PLUGIN-FILE", message).hint(hint)
    })
}

fn text(place: &str, name: &str, bytes: Vec<u8>) -> Result<String, Failure> {
    String::from_utf8(bytes).map_err(|_| {
        let message = format!("{place}: {name} is not UTF-8 text");
        Failure::new(Exit::Usage, "E-FILE", message)
            .hint("save the file as UTF-8; editors on Windows may have chosen GBK or UTF-16")
    })
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    let exit = match error.kind() {
        std::io::ErrorKind::NotFound => Exit::NotFound,
        _ => Exit::Usage,
    };
    Failure::new(exit, "E-FILE", format!("{}: {error}", path.display()))
        .hint("give a package: a folder with plugin.toml, or a tar file of `liucheng plugin pack`")
}

fn unknown_entry(place: &str, name: &str) -> Failure {
    let message = format!("{place}: {name:?} is no file of a package");
    Failure::new(Exit::Rejected, "E-PLUGIN-ENTRY", message).at(place).hint(
        "a package has plugin.toml, plugin.sig, the overlay and the component that plugin.toml names, and \
         cases/*.toml; `liucheng plugin pack` writes it so",
    )
}

fn too_large(place: &str, name: &str, found: u64, limit: u64) -> Failure {
    let message = format!("{place}: {name} has {found} bytes, the limit is {limit} bytes");
    Failure::new(Exit::Rejected, "E-PLUGIN-SIZE", message).hint("make the package smaller")
}
