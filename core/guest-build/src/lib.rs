//! Builds province components from their sources with whatever compiler a machine has.
//!
//! `cargo xtask guests` and `liucheng plugin build` both build here, so that a package comes out the same.
//! Nothing is installed, and rustup is never asked to.

mod command;
mod compiler;
mod error;
mod javascript;
mod manifest;
mod rust;

use std::path::Path;

pub use compiler::Compiler;
pub use error::BuildError;
pub use manifest::write_digest;
pub use rust::RustBuild;

/// What a package's component is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// A crate on the SDK: there is a `Cargo.toml`.
    Rust,
    /// A module for componentize-js: there is a `package.json`.
    JavaScript,
}

impl Language {
    /// What the files of a package's folder say.
    ///
    /// # Errors
    /// [`BuildError::Language`] where it is neither or both.
    pub fn of(folder: &Path) -> Result<Self, BuildError> {
        let has = |name: &str| folder.join(name).is_file();
        match (has("Cargo.toml"), has("package.json")) {
            (true, false) => Ok(Self::Rust),
            (false, true) => Ok(Self::JavaScript),
            (both, _) => Err(BuildError::Language {
                folder: folder.to_owned(),
                both,
            }),
        }
    }
}

/// Builds the component of a JavaScript package with its own `build.mjs`; `say` gets what the tools say.
///
/// # Errors
/// [`BuildError`] when node or componentize-js is missing, or the build fails.
pub fn build_javascript(folder: &Path, say: &mut dyn FnMut(&str)) -> Result<Vec<u8>, BuildError> {
    javascript::build(folder, say)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_what_the_files_say() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str| std::fs::write(folder.path().join(name), "").unwrap();
        let error = Language::of(folder.path()).unwrap_err();
        assert_eq!(error.code(), "E-PLUGIN-LAYOUT");
        assert!(
            error
                .to_string()
                .contains("neither a Cargo.toml nor a package.json")
        );
        write("package.json");
        assert_eq!(Language::of(folder.path()).unwrap(), Language::JavaScript);
        write("Cargo.toml");
        let error = Language::of(folder.path()).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("both a Cargo.toml and a package.json")
        );
        assert!(!error.hint().is_empty());
    }
}
