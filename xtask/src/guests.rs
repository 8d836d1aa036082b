//! `cargo xtask guests`: builds the province components.

use std::{ffi::OsString, fs, path::Path, process::Command};

use anyhow::{Context, Result, bail};

use crate::{
    compiler::{self, Compiler, TARGET},
    lock,
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

/// Builds all components into `plugins/dist` and writes the lock and the digests of the manifests.
///
/// # Errors
/// [`compiler::NoCompiler`], or when a build fails.
pub fn build(root: &Path, say: &mut dyn FnMut(&str)) -> Result<()> {
    let root = &root.canonicalize().context("the repository's folder")?;
    let compiler = compiler::find()?;
    say(&format!(
        "compiler: {} ({})",
        compiler.version,
        compiler.rustc.display()
    ));
    let dist = root.join("plugins/dist");
    fs::create_dir_all(&dist).with_context(|| dist.display().to_string())?;
    let mut entries = Vec::new();
    for id in lock::provinces(root)? {
        say(&format!("building {id}"));
        let inputs = lock::inputs(root, &id)?;
        let component = build_one(root, &compiler, &id)?;
        let sha256 = lock::sha256(&component);
        let path = dist.join(format!("{id}.wasm"));
        fs::write(&path, &component).with_context(|| path.display().to_string())?;
        lock::write_digest(root, &id, &sha256)?;
        say(&format!("  {} bytes, sha256 {sha256}", component.len()));
        entries.push(lock::Entry {
            id,
            sha256,
            inputs,
            toolchain: compiler.version.clone(),
        });
    }
    lock::write(root, &entries)
}

fn build_one(root: &Path, compiler: &Compiler, id: &str) -> Result<Vec<u8>> {
    let target = root.join("target/guests");
    let package = format!("province-{id}");
    let mut command = Command::new(&compiler.cargo);
    command.current_dir(root).args([
        "rustc",
        "--release",
        "--locked",
        "--lib",
        "--crate-type",
        "cdylib",
    ]);
    command
        .args(["--package", &package, "--target", TARGET, "--target-dir"])
        .arg(&target);
    if compiler.build_std {
        // No features: backtraces would double the size, and a component has nowhere to print them.
        command.args([
            "-Zbuild-std=core,alloc,std,panic_abort",
            "-Zbuild-std-features=",
        ]);
    }
    command.args(["--", "-Clinker-flavor=wasm-lld", "-Zunstable-options"]);
    command.arg(joined("-Clinker=", &compiler.linker));
    command.arg(joined("-Clink-arg=--wasm-ld-path=", &compiler.wasm_ld));
    command.envs(PROFILE).env("RUSTC", &compiler.rustc);
    // Building std and naming the linker's flavour are unstable options; the code itself is stable Rust.
    command
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_ENCODED_RUSTFLAGS", remaps(root, compiler)?);
    // Left by the rustup and cargo that run this program; they would lead back to that toolchain.
    for name in [
        "RUSTUP_TOOLCHAIN",
        "RUSTC_WRAPPER",
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTFLAGS",
        "CARGO",
    ] {
        command.env_remove(name);
    }
    if let Some(folder) = compiler
        .rustc
        .parent()
        .filter(|folder| folder.is_absolute())
    {
        let mut path = OsString::from(folder);
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        command.env("PATH", path);
    }
    let status = command
        .status()
        .with_context(|| compiler.cargo.display().to_string())?;
    if !status.success() {
        bail!("building {id}: {status}");
    }
    let name = format!("{}.wasm", package.replace('-', "_"));
    let path = target.join(TARGET).join("release").join(name);
    fs::read(&path).with_context(|| path.display().to_string())
}

fn joined(flag: &str, path: &Path) -> OsString {
    let mut flag = OsString::from(flag);
    flag.push(path);
    flag
}

/// Keeps the builder's folders out of the component, so that it does not depend on where it was built.
fn remaps(root: &Path, compiler: &Compiler) -> Result<OsString> {
    let home = std::env::var_os("HOME").unwrap_or_default();
    let cargo_home = std::env::var_os("CARGO_HOME")
        .unwrap_or_else(|| joined("", &Path::new(&home).join(".cargo")));
    let sysroot = Command::new(&compiler.rustc)
        .args(["--print", "sysroot"])
        .output()
        .context("rustc --print sysroot")?;
    let sysroot = String::from_utf8_lossy(&sysroot.stdout).trim().to_owned();
    let source = Path::new(&sysroot).join("lib/rustlib/src/rust");
    // Debian links this folder to /usr/src; the compiler uses either name.
    let linked = source.canonicalize().unwrap_or_else(|_| source.clone());
    let mut flags = OsString::new();
    for (from, to) in [
        (root, "/liucheng"),
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
