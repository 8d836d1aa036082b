//! A good package to be spoilt, and a data folder to install it into.

use std::{
    fs,
    path::{Path, PathBuf},
};

use liucheng_guest_build::write_digest;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::{Said, root, run};

/// The package that fixtures are made of.
pub const ID: &str = "example-county";
/// What every one of its cases asks for; changing it makes cases fail.
pub const FLOOR: &str = r#""budget.floor" = { money = "30000.00" }"#;

fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A copy of a good package, to be spoilt.
pub struct Copy {
    pub folder: TempDir,
}

impl Copy {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let from = root().join("plugins/examples").join(ID);
        fs::create_dir(folder.path().join("cases")).unwrap();
        for name in ["plugin.toml", "overlay.toml", "cases/floor.toml"] {
            fs::copy(from.join(name), folder.path().join(name)).unwrap();
        }
        let component = root().join(format!("plugins/dist/{ID}.wasm"));
        fs::copy(component, folder.path().join(format!("{ID}.wasm"))).unwrap();
        Self { folder }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Replaces a text, which has to be there.
    pub fn edit(&self, name: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path(name)).unwrap();
        assert!(text.contains(from), "{name} does not say {from:?}");
        fs::write(self.path(name), text.replace(from, to)).unwrap();
    }

    pub fn append(&self, name: &str, more: &str) {
        let text = fs::read_to_string(self.path(name)).unwrap();
        fs::write(self.path(name), format!("{text}\n{more}")).unwrap();
    }

    pub fn component(&self) -> Vec<u8> {
        fs::read(self.path(&format!("{ID}.wasm"))).unwrap()
    }

    /// Another component, with the digest that belongs to it.
    pub fn set_component(&self, bytes: &[u8]) {
        fs::write(self.path(&format!("{ID}.wasm")), bytes).unwrap();
        write_digest(&self.path("plugin.toml"), &sha256(bytes)).unwrap();
    }

    /// Another component: every `from` in its bytes becomes `to`, which is as long.
    pub fn patch(&self, from: &str, to: &str) {
        assert_eq!(from.len(), to.len());
        let mut bytes = self.component();
        let mut at = 0;
        let mut count = 0;
        while let Some(next) = bytes[at..]
            .windows(from.len())
            .position(|w| w == from.as_bytes())
        {
            at += next;
            bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
            count += 1;
        }
        assert!(count > 0, "the component does not say {from:?}");
        self.set_component(&bytes);
    }

    /// A floor of 5 % instead of 3 %, in the overlay and in what the cases say.
    pub fn raise_floor(&self) {
        self.edit("overlay.toml", "value = \"3\"", "value = \"5\"");
        for (from, to) in [
            ("\"3\"", "\"5\""),
            ("\"30000", "\"50000"),
            ("\"29999", "\"49999"),
        ] {
            self.edit("cases/floor.toml", from, to);
        }
    }

    /// The same package, one version on.
    pub fn next_version(&self) {
        self.patch("0.1.0", "0.2.0");
        self.edit("plugin.toml", "version = \"0.1.0\"", "version = \"0.2.0\"");
    }

    pub fn run(&self, args: &[&str]) -> Said {
        let path = self.folder.path().to_str().unwrap();
        let args: Vec<&str> = args
            .iter()
            .map(|arg| if *arg == "." { path } else { arg })
            .collect();
        run(&args)
    }
}

/// A data folder whose code cache all fixtures share.
pub struct Data(pub TempDir);

impl Data {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn run(&self, args: &[&str]) -> Said {
        run(&[&["--data", self.0.path().to_str().unwrap()], args].concat())
    }

    pub fn install(&self, path: &Path) -> Said {
        self.run(&["plugin", "install", path.to_str().unwrap(), "--json"])
    }

    pub fn configure(&self, text: &str) {
        fs::write(self.0.path().join("liucheng.toml"), text).unwrap();
    }
}

/// The code and the message of a refusal: one error, with a place and a hint.
pub fn refusal(said: &Said) -> (String, String) {
    assert!(
        matches!(said.code, 1..=3),
        "{} {}{}",
        said.code,
        said.out,
        said.err
    );
    let error: serde_json::Value = serde_json::from_str(said.err.trim())
        .unwrap_or_else(|e| panic!("one error is said, {e}: {}", said.err));
    let word = |key: &str| error["error"][key].as_str().unwrap().to_owned();
    assert!(
        !word("hint").is_empty() && !word("place").is_empty(),
        "{error}"
    );
    (
        word("code"),
        format!("{} {}", word("place"), word("message")),
    )
}

/// Signs with a new key; gives its public half.
pub fn sign(copy: &Copy) -> String {
    let keys = tempfile::tempdir().unwrap();
    let key = keys.path().join("k");
    let key = key.to_str().unwrap();
    let made = run(&["plugin", "keygen", "--to", key, "--json"]);
    assert_eq!(made.code, 0, "{}", made.err);
    let signed = copy.run(&["plugin", "sign", ".", "--key", key]);
    assert_eq!(signed.code, 0, "{}", signed.err);
    made.json()["public"].as_str().unwrap().to_owned()
}
