//! Keys and signatures.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use clap::Args;
use liucheng_engine::audit::Signer;
use serde_json::json;

use super::{Global, PackageArgs, author::failed, need_folder};
use crate::{
    cli::audit::keys::{make_key, public_keys},
    compose, input,
    output::{Exit, Failure, document, line, note, paragraph},
    package::{
        MANIFEST, Package, SIGNATURE, sha256,
        signature::{self, Trust},
    },
};

/// Where the key goes.
#[derive(Debug, Args)]
pub struct KeygenArgs {
    /// The file; it must not exist yet.
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
}

/// What to sign, and who signs.
#[derive(Debug, Args)]
pub struct SignArgs {
    /// The package's folder.
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// The key, as `plugin keygen` writes it.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
}

/// What to check, and whom to trust.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    #[command(flatten)]
    package: PackageArgs,
    /// The public key of who may sign, in hex; repeat for several. It has to be signed by one of them. The
    /// data folder's trust list if absent.
    #[arg(long = "key", value_name = "HEX")]
    keys: Vec<String>,
}

/// Makes a key, keeps it in a file for its owner only and shows its public half.
pub fn generate(global: &Global, args: &KeygenArgs) -> Result<Exit, Failure> {
    let public = make_key(&args.to)?.map_err(|error| {
        if error.kind() != io::ErrorKind::AlreadyExists {
            return failed(&args.to, &error);
        }
        let message = format!("{} exists", args.to.display());
        Failure::new(Exit::Usage, "E-PLUGIN-EXISTS", message)
            .at("--to")
            .hint("choose another name; nothing is written over")
    })?;
    // A file system without permissions of its own shows what it made to everybody.
    warn_if_public(&args.to);
    if global.json {
        return document(&json!({"key-file": args.to, "public": public})).map(|()| Exit::Ok);
    }
    line(format!(
        "The public key, to be given to operators:\n\n  {public}\n"
    ))?;
    let text = format!(
        "Sign with `liucheng plugin sign FOLDER --key {}`. Operators trust it by `[plugins] trusted = [\"{public}\"]` in liucheng.toml.",
        args.to.display()
    );
    paragraph(&text, ("", ""))?;
    Ok(Exit::Ok)
}

/// Signs a package.
pub fn sign(global: &Global, args: &SignArgs) -> Result<Exit, Failure> {
    need_folder(&args.folder)?;
    let package = Package::read(&args.folder)?;
    let secret = match args.key.exists() {
        true => input::read_text(&args.key)?,
        false => {
            let message = format!("{}: there is no such file", args.key.display());
            return Err(Failure::new(Exit::NotFound, "E-PLUGIN-KEY", message)
                .at("--key")
                .hint(format!(
                    "name the file that `liucheng plugin keygen` wrote; `liucheng plugin keygen --to {}` makes a new key",
                    args.key.display()
                )));
        }
    };
    let signer = Signer::parse(&secret).ok_or_else(|| {
        let message = format!("{}: it holds no key", args.key.display());
        Failure::new(Exit::Usage, "E-PLUGIN-KEY", message)
            .at("--key")
            .hint("`liucheng plugin keygen` makes one")
    })?;
    warn_if_public(&args.key);
    let path = args.folder.join(MANIFEST);
    if sha256(&package.component) != package.manifest.sha256 {
        let message = format!(
            "{}: the component is not the one that plugin.toml names",
            package.place
        );
        return Err(Failure::new(Exit::Rejected, "E-PLUGIN-DIGEST", message)
            .at(package.place.clone())
            .hint(format!(
                "run `liucheng plugin build {}` first",
                package.place
            )));
    }
    let covered = package
        .covered()
        .map(|file| (file.name.as_str(), file.text.as_str()));
    let manifest = signature::with_digests(&package.manifest_text, covered)?;
    fs::write(&path, &manifest).map_err(|e| failed(&path, &e))?;
    let signature_path = args.folder.join(SIGNATURE);
    let signed = signature::sign(&signer, &manifest);
    fs::write(&signature_path, signed).map_err(|e| failed(&signature_path, &e))?;
    let files = package.covered().count();
    if global.json {
        return document(&json!({
            "package": package.manifest.id,
            "signature": signature_path,
            "key": signer.public(),
            "files": files,
        }))
        .map(|()| Exit::Ok);
    }
    line(format!(
        "{}: signed by {}",
        signature_path.display(),
        signer.public()
    ))?;
    line(format!(
        "covers plugin.toml, the component and {files} other file(s)"
    ))?;
    Ok(Exit::Ok)
}

/// Says that others can read a key, and could sign with it.
fn warn_if_public(key: &Path) {
    #[cfg(unix)]
    if let Ok(found) = fs::metadata(key) {
        use std::os::unix::fs::PermissionsExt;
        let mode = found.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            note(&format!(
                "{} is for more than its owner (mode {mode:03o}), and whoever reads it can sign with it: `chmod 600 {}`; if \
                 others have it already, make a new key with `liucheng plugin keygen`",
                key.display(),
                key.display()
            ));
        }
    }
    #[cfg(not(unix))]
    let _ = key;
}

/// Checks a package's signature.
pub fn verify(global: &Global, args: &VerifyArgs) -> Result<Exit, Failure> {
    let package = Package::read(&args.package.path)?;
    let trust = if args.keys.is_empty() {
        // Without a folder nobody knows whom to trust; the usual one may not be there yet.
        let folder = global.data_dir();
        if !compose::is_folder(&folder)? && global.data.is_some() {
            return Err(compose::no_folder(&folder)
                .hint("correct --data, or name whose signature is asked for with --key HEX"));
        }
        Trust::configured(&folder)?
    } else {
        Trust {
            keys: public_keys(&args.keys).map_err(|key| {
                let message = format!("{key:?} is no public key");
                Failure::new(Exit::Usage, "E-PLUGIN-KEY", message)
                    .at("--key")
                    .hint("give the 64 hex digits that `liucheng plugin keygen` showed")
            })?,
            is_required: true,
        }
    };
    let signed = signature::verify(&package, &trust)?;
    if global.json {
        return document(&json!({
            "package": package.manifest.id,
            "version": package.manifest.version,
            "key": signed.key(),
            "trusted": matches!(signed, signature::SignedBy::Trusted(_)),
        }))
        .map(|()| Exit::Ok);
    }
    let text = format!(
        "{} {}: {}",
        package.manifest.id,
        package.manifest.version,
        signed.words()
    );
    paragraph(&text, ("", "  "))?;
    Ok(Exit::Ok)
}
