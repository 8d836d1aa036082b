//! Components in Rust: crates on the SDK.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde::Deserialize;

use crate::{
    command::{ask, run},
    compiler::{Compiler, TARGET},
    error::BuildError,
};

/// Settings of the release profile that keep a component small, whatever the workspace's own are.
const PROFILE: [(&str, &str); 6] = [
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "s"),
    ("CARGO_PROFILE_RELEASE_LTO", "true"),
    ("CARGO_PROFILE_RELEASE_PANIC", "abort"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1"),
    ("CARGO_PROFILE_RELEASE_STRIP", "symbols"),
    ("CARGO_PROFILE_RELEASE_DEBUG", "false"),
];

/// What is built.
#[derive(Debug, Clone)]
pub struct RustBuild<'a> {
    /// The crate's folder.
    pub folder: &'a Path,
    /// Where cargo keeps what it compiles; `target/guests` of the crate's workspace if absent.
    pub target: Option<PathBuf>,
    /// Whether `Cargo.lock` has to be there and up to date.
    pub locked: bool,
}

/// What `cargo metadata` says.
#[derive(Deserialize)]
struct Metadata {
    workspace_root: PathBuf,
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    crate_types: Vec<String>,
}

impl RustBuild<'_> {
    /// Builds the component and gives its bytes; `say` gets what cargo says.
    ///
    /// # Errors
    /// [`BuildError`] when cargo fails.
    pub fn run(
        &self,
        compiler: &Compiler,
        say: &mut dyn FnMut(&str),
    ) -> Result<Vec<u8>, BuildError> {
        let folder = self
            .folder
            .canonicalize()
            .map_err(BuildError::file(self.folder))?;
        let manifest = folder.join("Cargo.toml");
        let (root, package) = self.about(compiler, &manifest)?;
        let library = package
            .targets
            .iter()
            .find(|target| target.crate_types.iter().any(|t| t == "cdylib"));
        let library = library.ok_or_else(|| BuildError::Tool {
            program: manifest.display().to_string(),
            reason: "it has no library of crate-type \"cdylib\"".to_owned(),
        })?;
        let target = self
            .target
            .clone()
            .unwrap_or_else(|| root.join("target/guests"));
        let mut command = command(compiler, &root, &package.name, &target);
        if self.locked {
            command.arg("--locked");
        }
        finish(&mut command, compiler)?;
        run(&mut command, say)?;
        let name = format!("{}.wasm", library.name.replace('-', "_"));
        let path = target.join(TARGET).join("release").join(name);
        fs::read(&path).map_err(BuildError::file(path.clone()))
    }

    /// The workspace's root and the crate.
    fn about(
        &self,
        compiler: &Compiler,
        manifest: &Path,
    ) -> Result<(PathBuf, Package), BuildError> {
        let path = manifest.to_string_lossy();
        let args = [
            "metadata",
            "--no-deps",
            "--format-version",
            "1",
            "--manifest-path",
            &path,
        ];
        let fail = |reason: String| BuildError::Tool {
            program: compiler.cargo.display().to_string(),
            reason,
        };
        let said = ask(&compiler.cargo, &args)?;
        let metadata: Metadata = serde_json::from_str(&said).map_err(|e| fail(e.to_string()))?;
        let package = metadata
            .packages
            .into_iter()
            .find(|p| p.manifest_path == manifest);
        let package =
            package.ok_or_else(|| fail(format!("{path} is no package of its workspace")))?;
        Ok((metadata.workspace_root, package))
    }
}

/// `cargo rustc` for one crate, but for the compiler's own flags.
fn command(compiler: &Compiler, root: &Path, package: &str, target: &Path) -> Command {
    let mut command = Command::new(&compiler.cargo);
    command
        .current_dir(root)
        .args(["rustc", "--release", "--lib", "--crate-type", "cdylib"])
        .args(["--package", package, "--target", TARGET, "--target-dir"])
        .arg(target);
    if compiler.build_std {
        // No features: backtraces would double the size, and a component has nowhere to print them.
        command.args([
            "-Zbuild-std=core,alloc,std,panic_abort",
            "-Zbuild-std-features=",
        ]);
    }
    command
}

/// The compiler's flags and the environment.
fn finish(command: &mut Command, compiler: &Compiler) -> Result<(), BuildError> {
    command.args(["--", "-Clinker-flavor=wasm-lld", "-Zunstable-options"]);
    command.arg(joined("-Clinker=", &compiler.linker));
    command.arg(joined("-Clink-arg=--wasm-ld-path=", &compiler.wasm_ld));
    command.envs(PROFILE).env("RUSTC", &compiler.rustc);
    // Building std and naming the linker's flavour are unstable options; the code itself is stable Rust.
    command
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_ENCODED_RUSTFLAGS", remaps(compiler)?);
    // Left by the rustup and cargo that run this program; they would lead back to that toolchain.
    for name in [
        "RUSTUP_TOOLCHAIN",
        "RUSTC_WRAPPER",
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTFLAGS",
        "CARGO",
        "CARGO_TARGET_DIR",
    ] {
        command.env_remove(name);
    }
    let folder = compiler.rustc.parent();
    if let Some(folder) = folder.filter(|folder| folder.is_absolute()) {
        let mut path = OsString::from(folder);
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        command.env("PATH", path);
    }
    Ok(())
}

fn joined(flag: &str, path: &Path) -> OsString {
    let mut flag = OsString::from(flag);
    flag.push(path);
    flag
}

/// Keeps the builder's folders out of the component, so that it does not depend on where it was built.
///
/// Cargo names the files of the workspace relative to its root, so that the root is not among them; and
/// packages in different places share the standard library that was built for one of them.
fn remaps(compiler: &Compiler) -> Result<OsString, BuildError> {
    let home = std::env::var_os("HOME").unwrap_or_default();
    let cargo_home = std::env::var_os("CARGO_HOME")
        .unwrap_or_else(|| Path::new(&home).join(".cargo").into_os_string());
    let sysroot = ask(&compiler.rustc, &["--print", "sysroot"])?;
    let source = Path::new(&sysroot).join("lib/rustlib/src/rust");
    // Debian links this folder to /usr/src; the compiler uses either name.
    let linked = source.canonicalize().unwrap_or_else(|_| source.clone());
    let mut flags = OsString::new();
    for (from, to) in [
        (Path::new(&cargo_home), "/cargo"),
        (&source, "/rust"),
        (&linked, "/rust"),
    ] {
        if !flags.is_empty() {
            flags.push("\u{1f}");
        }
        flags.push(joined("--remap-path-prefix=", from));
        flags.push("=");
        flags.push(to);
    }
    Ok(flags)
}
