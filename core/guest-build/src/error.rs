//! Why a component was not built.

use std::{io, path::PathBuf};

use thiserror::Error;

/// Why a component was not built.
#[derive(Debug, Error)]
pub enum BuildError {
    /// No compiler for the target was found.
    #[error(
        "no compiler for wasm32-unknown-unknown was found (neither the active rustc, nor $GUEST_RUSTC, nor \
         Debian's rustc-web)"
    )]
    NoCompiler,
    /// `$GUEST_RUSTC` names a compiler that cannot do it.
    #[error("GUEST_RUSTC={} has no library for wasm32-unknown-unknown", .0.display())]
    GuestRustc(PathBuf),
    /// A part of the toolchain is missing.
    #[error("{} is missing", .0.display())]
    NoLinker(PathBuf),
    /// Node is not there, or too old; carries what was found.
    #[error("{0}")]
    NoNode(String),
    /// The packages that `package.json` asks for were not installed.
    #[error("componentize-js is not installed in {}", .0.display())]
    NotInstalled(PathBuf),
    /// A tool could not be run, or says something else than expected.
    #[error("{program}: {reason}")]
    Tool {
        /// What was run.
        program: String,
        /// What went wrong.
        reason: String,
    },
    /// The sources could not be built; the tool has said why.
    #[error("{program} failed")]
    Failed {
        /// What was run.
        program: String,
    },
    /// Neither or both of `Cargo.toml` and `package.json`.
    #[error("{} has {} Cargo.toml {} package.json", .folder.display(), if *.both { "both a" } else { "neither a" },
        if *.both { "and a" } else { "nor a" })]
    Language {
        /// The package's folder.
        folder: PathBuf,
        /// Whether there are both.
        both: bool,
    },
    /// `plugin.toml` has no line to write the digest into.
    #[error("{}: no line `sha256 = \"\"` under [component]", .0.display())]
    NoDigestLine(PathBuf),
    /// A file cannot be read or written.
    #[error("{}: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl BuildError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoCompiler
            | Self::GuestRustc(_)
            | Self::NoLinker(_)
            | Self::NoNode(_)
            | Self::NotInstalled(_)
            | Self::Tool { .. } => "E-PLUGIN-TOOLCHAIN",
            Self::Failed { .. } => "E-PLUGIN-BUILD",
            Self::Language { .. } => "E-PLUGIN-LAYOUT",
            Self::NoDigestLine(_) => "E-PLUGIN-MANIFEST",
            Self::File { .. } => "E-FILE",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::NoCompiler => {
                "run `rustup target add wasm32-unknown-unknown`, or on Debian `apt-get install -y \
                 --no-install-recommends rustc-web cargo-web rust-web-src`, or set GUEST_RUSTC to a rustc whose \
                 sysroot has that target"
            }
            Self::GuestRustc(_) => "name a rustc whose sysroot has that target, or unset GUEST_RUSTC",
            Self::NoLinker(_) => "toolchains of rustup (https://rustup.rs) bring it; make one the active rustc",
            Self::NoNode(_) => "install Node.js 20 or newer (Debian: `apt-get install -y nodejs npm`)",
            Self::NotInstalled(folder) => {
                return format!(
                    "run `npm install` in {}; it needs npm's registry once",
                    folder.display()
                );
            }
            Self::Tool { .. } => "check that it is installed and that this user may run it",
            Self::Failed { .. } => "correct what it says above",
            Self::Language { .. } => {
                "a package is written in Rust (Cargo.toml) or in JavaScript (package.json); `liucheng plugin new` \
                 makes either"
            }
            Self::NoDigestLine(_) => "add `sha256 = \"\"` on a line of its own under [component]",
            Self::File { .. } => "check the path, its permissions and the free space",
        }
        .to_owned()
    }

    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}
