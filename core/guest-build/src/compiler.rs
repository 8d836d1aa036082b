//! Finding a compiler that can make components. Nothing is installed and rustup is never asked.

use std::path::{Path, PathBuf};

use crate::{command::ask, error::BuildError};

/// The target of all guests: with this one the standard library imports no WASI.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// A compiler with what it needs to make a component.
#[derive(Debug, Clone)]
pub struct Compiler {
    /// `cargo` to call.
    pub cargo: PathBuf,
    /// `rustc` to call.
    pub rustc: PathBuf,
    /// Whether the standard library for the target has to be built along.
    pub build_std: bool,
    /// The component linker.
    pub linker: PathBuf,
    /// The core module linker that it calls.
    pub wasm_ld: PathBuf,
    /// What `rustc --version` says.
    pub version: String,
}

impl Compiler {
    /// Finds a compiler: the active one, else `$GUEST_RUSTC`, else Debian's `rustc-web`.
    ///
    /// # Errors
    /// [`BuildError::NoCompiler`], or when the toolchain's linkers are missing.
    pub fn find() -> Result<Self, BuildError> {
        find()
    }
}

fn find() -> Result<Compiler, BuildError> {
    let active = std::env::var_os("RUSTC").map_or_else(|| PathBuf::from("rustc"), PathBuf::from);
    let (linker, wasm_ld) = linkers(&active)?;
    let make = |cargo: PathBuf, rustc: &Path, build_std: bool| -> Result<Compiler, BuildError> {
        Ok(Compiler {
            cargo,
            rustc: rustc.to_owned(),
            build_std,
            linker: linker.clone(),
            wasm_ld: wasm_ld.clone(),
            version: ask(rustc, &["--version"])?,
        })
    };
    let cargo = std::env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from);
    if has_target(&active) {
        return make(cargo, &active, false);
    }
    if let Some(guest) = std::env::var_os("GUEST_RUSTC").map(PathBuf::from) {
        if !has_target(&guest) {
            return Err(BuildError::GuestRustc(guest));
        }
        return make(beside(&guest).unwrap_or(cargo), &guest, false);
    }
    let debian = Path::new("/usr/bin/rustc");
    let debian_cargo = Path::new("/usr/bin/cargo");
    let recent = ask(debian, &["--version"]).is_ok_and(|version| minor(&version) >= Some(96));
    if recent && debian_cargo.is_file() && has_source(debian) {
        return make(debian_cargo.to_owned(), debian, true);
    }
    Err(BuildError::NoCompiler)
}

fn minor(version: &str) -> Option<u32> {
    version.split(' ').nth(1)?.split('.').nth(1)?.parse().ok()
}

fn has_target(rustc: &Path) -> bool {
    let folder = ask(rustc, &["--print", "target-libdir", "--target", TARGET]).map(PathBuf::from);
    folder.is_ok_and(|folder| folder.is_dir())
}

fn has_source(rustc: &Path) -> bool {
    let sysroot = ask(rustc, &["--print", "sysroot"]).map(PathBuf::from);
    sysroot.is_ok_and(|sysroot| {
        sysroot
            .join("lib/rustlib/src/rust/library/std/Cargo.toml")
            .is_file()
    })
}

/// The `cargo` in the same folder, which fits the compiler best.
fn beside(rustc: &Path) -> Option<PathBuf> {
    rustc
        .parent()
        .map(|folder| folder.join("cargo"))
        .filter(|cargo| cargo.is_file())
}

/// The project's own toolchain brings both linkers, even where it lacks the target's library.
fn linkers(rustc: &Path) -> Result<(PathBuf, PathBuf), BuildError> {
    let sysroot = PathBuf::from(ask(rustc, &["--print", "sysroot"])?);
    let version = ask(rustc, &["-vV"])?;
    let host = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .ok_or_else(|| BuildError::Tool {
            program: rustc.display().to_string(),
            reason: "-vV names no host".to_owned(),
        })?;
    let bin = sysroot.join("lib/rustlib").join(host).join("bin");
    let (linker, wasm_ld) = (bin.join("wasm-component-ld"), bin.join("gcc-ld/wasm-ld"));
    for tool in [&linker, &wasm_ld] {
        if !tool.is_file() {
            return Err(BuildError::NoLinker(tool.clone()));
        }
    }
    Ok((linker, wasm_ld))
}
