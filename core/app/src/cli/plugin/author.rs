//! Making, building and packing packages.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};
use liucheng_guest_build::{
    BuildError, Compiler, Language, RustBuild, build_javascript, write_digest,
};
use serde_json::json;

use super::{Global, PackageArgs, need_folder};
use crate::{
    input,
    output::{Exit, Failure, document, line, paragraph, sanitised},
    package::{
        MANIFEST, Package, archive,
        folder::collected,
        sha256,
        signature::{self, Trust},
        skeleton::{self, Kind},
    },
    progress::Spinner,
};

/// What to make.
#[derive(Debug, Args)]
pub struct NewArgs {
    /// The package's id, such as `ningxia-yuanzhou`.
    name: String,
    /// What it is written in.
    #[arg(long, value_enum)]
    lang: Lang,
    /// The folder it is made in; the working directory if absent.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Lang {
    Rust,
    Js,
}

/// What to build.
#[derive(Debug, Args)]
pub struct BuildArgs {
    /// The package's folder.
    #[arg(default_value = ".")]
    folder: PathBuf,
}

/// What to pack.
#[derive(Debug, Args)]
pub struct PackArgs {
    #[command(flatten)]
    package: PackageArgs,
    /// The file; ID-VERSION.tar in the working directory if absent.
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Makes a new package.
pub fn new(global: &Global, args: &NewArgs) -> Result<Exit, Failure> {
    let kind = match args.lang {
        Lang::Rust => Kind::Rust,
        Lang::Js => Kind::JavaScript,
    };
    let files = skeleton::files(kind, &args.name)?;
    let folder = args.dir.clone().unwrap_or_default().join(&args.name);
    skeleton::write(&folder, &files)?;
    if global.json {
        let names: Vec<&String> = files.iter().map(|(name, _)| name).collect();
        return document(&json!({"package": args.name, "folder": folder, "files": names}))
            .map(|()| Exit::Ok);
    }
    let shown = folder.display();
    line(format!("{shown}: {} files", files.len()))?;
    for text in [
        "overlay.toml  what a reviewer can read: numbers, duties, clauses",
        match kind {
            Kind::Rust => "src/lib.rs    what has to be computed; `cargo test` runs it natively",
            Kind::JavaScript => "src/province.js  what has to be computed",
        },
        "cases/        questions with the answers they must have",
    ] {
        line(format!("  {text}"))?;
    }
    let install = match kind {
        Kind::Rust => "",
        Kind::JavaScript => "`npm install` there once, then ",
    };
    let next =
        format!("Next: {install}`liucheng plugin build {shown}`, `liucheng plugin check {shown}`");
    paragraph(&next, ("", "  "))?;
    Ok(Exit::Ok)
}

/// Builds the component of a package.
pub fn build(global: &Global, args: &BuildArgs) -> Result<Exit, Failure> {
    let folder = &args.folder;
    let file = component_file(folder)?;
    let mut said = Vec::new();
    let built = {
        let spinner = Spinner::new(global.json, "looking for a compiler");
        let mut say = |text: &str| {
            spinner.say(text.trim());
            said.push(text.to_owned());
        };
        compile(folder, &mut say)
    };
    let component = built.map_err(|error| {
        if matches!(error, BuildError::Failed { .. }) {
            // The tool's own words; nothing can be done about a closed stderr.
            for text in &said {
                let _ = writeln!(io::stderr(), "{}", sanitised(text));
            }
        }
        failure(folder, &error)
    })?;
    let path = place(folder, &file);
    fs::write(&path, &component).map_err(|e| failed(&path, &e))?;
    let digest = sha256(&component);
    write_digest(&folder.join(MANIFEST), &digest).map_err(|error| failure(folder, &error))?;
    let is_signed = folder.join(crate::package::SIGNATURE).exists();
    if global.json {
        return document(&json!({
            "component": path,
            "bytes": component.len(),
            "sha256": digest,
        }))
        .map(|()| Exit::Ok);
    }
    line(format!("{}: {} bytes", path.display(), component.len()))?;
    line(format!("sha256 {digest}"))?;
    if is_signed {
        line("plugin.toml has changed: sign it again with `liucheng plugin sign`")?;
    }
    Ok(Exit::Ok)
}

fn compile(folder: &Path, say: &mut dyn FnMut(&str)) -> Result<Vec<u8>, BuildError> {
    match Language::of(folder)? {
        Language::JavaScript => build_javascript(folder, say),
        Language::Rust => {
            let compiler = Compiler::find()?;
            say(&format!("compiler: {}", compiler.version));
            let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
            let build = RustBuild {
                folder,
                target: target.map(|target| target.join("guests")),
                locked: false,
            };
            build.run(&compiler, say)
        }
    }
}

/// The component's name as the manifest says; the rest of the manifest may be wrong until it is built.
fn component_file(folder: &Path) -> Result<String, Failure> {
    need_folder(folder)?;
    let path = folder.join(MANIFEST);
    if !path.exists() {
        let message = match folder.exists() {
            true => format!("{}: there is no {MANIFEST}", folder.display()),
            false => format!("{}: there is no such folder", folder.display()),
        };
        return Err(Failure::new(Exit::NotFound, "E-FILE", message)
            .at(folder.display().to_string())
            .hint(
                "name the package's folder, which has plugin.toml at its top; `liucheng plugin new` makes one",
            ));
    }
    let text = input::read_text(&path)?;
    let wrong = |reason: &str| {
        Failure::new(
            Exit::Rejected,
            "E-PLUGIN-MANIFEST",
            format!("{}: {reason}", path.display()),
        )
        .at(path.display().to_string())
        .hint("correct plugin.toml; its keys are described in plugins/README.md")
    };
    let manifest: toml::Table = text
        .parse()
        .map_err(|e: toml::de::Error| wrong(e.message()))?;
    let file = manifest
        .get("component")
        .and_then(|c| c.get("file")?.as_str());
    let file = file.ok_or_else(|| wrong("[component] names no file"))?;
    if !file.ends_with(".wasm") || file.contains(['/', '\\']) {
        return Err(wrong(&format!(
            "{file:?} is no plain file name ending in .wasm"
        )));
    }
    Ok(file.to_owned())
}

/// Beside the manifest; a crate of this repository where it collects what it builds.
fn place(folder: &Path, file: &str) -> PathBuf {
    let is_crate = folder.join("Cargo.toml").is_file();
    let dist = collected(folder).filter(|_| is_crate);
    dist.unwrap_or_else(|| folder.to_owned()).join(file)
}

/// Packs a package.
pub fn pack(global: &Global, args: &PackArgs) -> Result<Exit, Failure> {
    let package = Package::read(&args.package.path)?;
    let name = format!("{}-{}.tar", package.manifest.id, package.manifest.version);
    let out = args.out.clone().unwrap_or_else(|| PathBuf::from(name));
    if package.signature.is_some() {
        // Whoever gets the archive would refuse it; here it can still be mended.
        let signed = signature::verify(&package, &Trust::default());
        signed.map_err(|failure| {
            failure.hint(
                "sign the package again with `liucheng plugin sign`, or remove plugin.sig to pack it without a signature",
            )
        })?;
    } else {
        package.check_digests()?;
    }
    let mut bytes = Vec::new();
    archive::write(&package, &mut bytes).map_err(|e| failed(&out, &e))?;
    fs::write(&out, &bytes).map_err(|e| failed(&out, &e))?;
    let digest = sha256(&bytes);
    if global.json {
        return document(&json!({
            "file": out,
            "bytes": bytes.len(),
            "sha256": digest,
            "signed": package.signature.is_some(),
        }))
        .map(|()| Exit::Ok);
    }
    let signed = match package.signature {
        Some(_) => "signed",
        None => "not signed",
    };
    line(format!(
        "{}: {} bytes, {signed}",
        out.display(),
        bytes.len()
    ))?;
    line(format!("sha256 {digest}"))?;
    Ok(Exit::Ok)
}

fn failure(folder: &Path, error: &BuildError) -> Failure {
    let exit = match error.code() {
        "E-PLUGIN-BUILD" | "E-PLUGIN-MANIFEST" => Exit::Rejected,
        _ => Exit::Usage,
    };
    Failure::new(exit, error.code(), error.to_string())
        .at(folder.display().to_string())
        .hint(error.hint())
}

pub fn failed(path: &Path, error: &io::Error) -> Failure {
    Failure::new(
        Exit::Unavailable,
        "E-FILE",
        format!("{}: {error}", path.display()),
    )
    .at(path.display().to_string())
    .hint(match error.kind() {
        io::ErrorKind::NotFound => "the folder is not there: make it first, or name another file",
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "this user may not write there: copy the package to a folder of your own, or change the permissions"
        }
        io::ErrorKind::IsADirectory => "that is a folder: name a file",
        _ => "check the permissions and the free space",
    })
}
