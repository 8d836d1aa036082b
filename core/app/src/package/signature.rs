//! Who answers for a package: an ed25519 signature over `plugin.toml`, which names the digests of all else.

use std::path::Path;

use liucheng_engine::audit::{
    Signer,
    sign::{is_package_signed, is_public_key},
};
use serde::Deserialize;
use toml_edit::{DocumentMut, Item, Table, value};

use super::{Package, SIGNATURE, sha256};
use crate::{
    config::{Config, PluginsConfig},
    output::{Exit, Failure},
};

/// `plugin.sig`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signature {
    schema: u32,
    key: String,
    signature: String,
}

/// Whose packages an operator takes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trust {
    /// Public keys, lower-case hex.
    pub keys: Vec<String>,
    /// Whether a package has to be signed by one of them.
    pub is_required: bool,
}

impl Trust {
    /// What the configuration of a data folder says.
    ///
    /// # Errors
    /// `E-CONFIG`.
    pub fn configured(dir: &Path) -> Result<Self, Failure> {
        Ok(Self::of(&Config::read(dir)?.plugins))
    }

    /// What a configuration says.
    #[must_use]
    pub fn of(plugins: &PluginsConfig) -> Self {
        let keys = plugins.trusted.iter().map(|key| key.to_lowercase());
        Self {
            keys: keys.collect(),
            is_required: plugins.require_signature,
        }
    }
}

/// Who signed a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignedBy {
    /// Nobody.
    Nobody,
    /// A key that is not on the trust list.
    Stranger(String),
    /// A key of the trust list.
    Trusted(String),
}

impl SignedBy {
    /// The public key.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Nobody => None,
            Self::Stranger(key) | Self::Trusted(key) => Some(key),
        }
    }

    /// For people.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Nobody => "not signed".to_owned(),
            Self::Stranger(key) => format!("signed by {key}, which is not on the trust list"),
            Self::Trusted(key) => format!("signed by {key}, which is trusted"),
        }
    }
}

/// Checks a package's digests and its signature, and that it covers everything; needs no network.
///
/// # Errors
/// `E-PLUGIN-DIGEST` where a file is another one, `E-PLUGIN-SIGNATURE` where it does not fit, `E-PLUGIN-UNCOVERED` where a file is outside of it,
/// `E-PLUGIN-UNSIGNED` and `E-PLUGIN-UNTRUSTED` where the operator asks for more.
pub fn verify(package: &Package, trust: &Trust) -> Result<SignedBy, Failure> {
    let refuse = |code: &str, message: String, hint: &str| {
        let message = format!("{}: {message}", package.place);
        Err(Failure::new(Exit::Rejected, code, message)
            .at(package.place.clone())
            .hint(hint))
    };
    package.check_digests()?;
    let Some(text) = &package.signature else {
        if trust.is_required {
            let message = "it is not signed".to_owned();
            return refuse(
                "E-PLUGIN-UNSIGNED",
                message,
                "ask its author to run `liucheng plugin sign`; a signature is asked for by `[plugins] require-signature` in \
                 liucheng.toml, or by --key",
            );
        }
        return Ok(SignedBy::Nobody);
    };
    let again =
        "do not use this package; ask its author for one that was signed after the last change";
    let signature: Signature = match toml::from_str(text) {
        Ok(signature) => signature,
        Err(error) => {
            let message = format!("{SIGNATURE}: {}", error.message());
            return refuse("E-PLUGIN-SIGNATURE", message, again);
        }
    };
    let key = signature.key;
    let fits = signature.schema == 1
        && is_package_signed(&key, package.manifest_text.as_bytes(), &signature.signature);
    if !fits {
        let message = format!("{SIGNATURE} is no signature of this plugin.toml");
        return refuse("E-PLUGIN-SIGNATURE", message, again);
    }
    let outside = package
        .covered()
        .find(|file| !package.manifest.files.contains_key(&file.name));
    if let Some(file) = outside {
        let message = format!("the signature does not cover {}", file.name);
        return refuse("E-PLUGIN-UNCOVERED", message, again);
    }
    if trust.keys.contains(&key) {
        return Ok(SignedBy::Trusted(key));
    }
    if trust.is_required {
        let message = format!("it is signed by {key}, which is not on the trust list");
        return refuse(
            "E-PLUGIN-UNTRUSTED",
            message,
            "if you know whose key that is, add it to `[plugins] trusted` in liucheng.toml; for `plugin verify` it can \
             be named with --key",
        );
    }
    Ok(SignedBy::Stranger(key))
}

/// The text of `plugin.sig` for a manifest.
#[must_use]
pub fn sign(signer: &Signer, manifest: &str) -> String {
    format!(
        "# Written by `liucheng plugin sign`: over the bytes of plugin.toml.\nschema = 1\nkey = \"{}\"\nsignature = \"{}\"\n",
        signer.public(),
        signer.sign_package(manifest.as_bytes())
    )
}

/// The manifest with the digests of overlay and cases in `[files]`; the rest stays as it was written.
///
/// # Errors
/// `E-PLUGIN-MANIFEST` where it is not TOML.
pub fn with_digests<'f>(
    manifest: &str,
    files: impl Iterator<Item = (&'f str, &'f str)>,
) -> Result<String, Failure> {
    let mut document: DocumentMut = manifest.parse().map_err(|error: toml_edit::TomlError| {
        Failure::new(Exit::Rejected, "E-PLUGIN-MANIFEST", error.message())
    })?;
    let mut table = Table::new();
    table.decor_mut().set_prefix(
        "\n# Written by `liucheng plugin sign`, so that a signature covers these too.\n",
    );
    for (name, text) in files {
        table.insert(name, value(sha256(text.as_bytes())));
    }
    document.remove("files");
    if !table.is_empty() {
        document.insert("files", Item::Table(table));
    }
    Ok(document.to_string())
}

/// Whether every text of a trust list is a public key; the first that is not.
#[must_use]
pub fn no_key(keys: &[String]) -> Option<&String> {
    keys.iter().find(|key| !is_public_key(&key.to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::TextFile;

    fn package(signature: Option<String>, manifest: &str) -> Package {
        Package {
            place: "p".to_owned(),
            manifest_text: manifest.to_owned(),
            manifest: liucheng_plugin_host::Manifest::parse(manifest).unwrap(),
            overlay: Some(TextFile {
                name: "overlay.toml".to_owned(),
                path: String::new(),
                text: "x".to_owned(),
            }),
            component: Vec::new(),
            cases: Vec::new(),
            signature,
        }
    }

    fn manifest() -> String {
        format!(
            "# mine\nschema = 1\nid = \"a\"\nversion = \"0.1.0\"\ntitle = {{ zh = \"某\", en = \"A\" }}\n\
             api = \"liucheng:province@1\"\noverlay = \"overlay.toml\"\n[component]\nfile = \"a.wasm\"\nsha256 = \"{}\"\n",
            sha256(b"")
        )
    }

    #[test]
    fn a_signature_covers_the_manifest_and_what_it_names() {
        let signer = Signer::new(&[7; 32]);
        let bare = manifest();
        let full = with_digests(&bare, [("overlay.toml", "x")].into_iter()).unwrap();
        assert!(full.starts_with(&bare), "nothing else changed: {full}");
        // Signing again changes nothing.
        assert_eq!(
            with_digests(&full, [("overlay.toml", "x")].into_iter()).unwrap(),
            full
        );
        let signed = sign(&signer, &full);
        let key = signer.public();
        let trust = |keys: &[&String], is_required| Trust {
            keys: keys.iter().map(|key| (*key).clone()).collect(),
            is_required,
        };
        let ask = |signature: Option<&String>, manifest: &str, trust: &Trust| {
            verify(&package(signature.cloned(), manifest), trust).map_err(|failure| failure.code)
        };
        let none = trust(&[], false);
        assert_eq!(ask(None, &bare, &none), Ok(SignedBy::Nobody));
        assert_eq!(
            ask(Some(&signed), &full, &none),
            Ok(SignedBy::Stranger(key.clone()))
        );
        let mine = trust(&[&key], true);
        assert_eq!(
            ask(Some(&signed), &full, &mine),
            Ok(SignedBy::Trusted(key.clone()))
        );
        let other = Signer::new(&[8; 32]).public();
        let theirs = trust(&[&other], true);
        let code = |code: &str| Err(code.to_owned());
        assert_eq!(
            ask(Some(&signed), &full, &theirs),
            code("E-PLUGIN-UNTRUSTED")
        );
        assert_eq!(ask(None, &full, &theirs), code("E-PLUGIN-UNSIGNED"));
        let changed = full.replace("# mine", "# yours");
        assert_eq!(
            ask(Some(&signed), &changed, &mine),
            code("E-PLUGIN-SIGNATURE")
        );
        let stolen = signed.replace(&key, &other);
        assert_eq!(ask(Some(&stolen), &full, &none), code("E-PLUGIN-SIGNATURE"));
        let partial = sign(&signer, &bare);
        assert_eq!(
            ask(Some(&partial), &bare, &mine),
            code("E-PLUGIN-UNCOVERED")
        );
        assert_eq!(
            ask(Some(&"nonsense".to_owned()), &full, &none),
            code("E-PLUGIN-SIGNATURE")
        );
    }
}
