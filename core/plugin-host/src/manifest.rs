//! `plugin.toml`: what a package says about itself, for reviewers and the host.

use std::{collections::BTreeMap, ops::Range};

use liucheng_model::{text::Text, verdict::PackagePin};
use serde::Deserialize;
use toml::Spanned;

use crate::error::{PluginError, Problem};

/// A read and checked manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The package's id: lower-case letters, digits and hyphens.
    pub id: String,
    /// The package's version, `1.2.3`.
    pub version: String,
    /// The name for people.
    pub title: Text,
    /// The interfaces the component may import: `logging`, `calendar`.
    pub imports: Vec<String>,
    /// The file with the overlay, beside the manifest; a package may be without.
    pub overlay: Option<String>,
    /// The component's file name within the distribution.
    pub file: String,
    /// SHA-256 of the component, lower-case hex.
    pub sha256: String,
    /// SHA-256 of overlay and cases by their names in the package, as `plugin sign` writes them, so that a
    /// signature over the manifest covers them; empty in a package that was never signed.
    pub files: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    schema: Spanned<i64>,
    id: Spanned<String>,
    version: Spanned<String>,
    title: Text,
    api: Spanned<String>,
    #[serde(default)]
    imports: Vec<Spanned<String>>,
    overlay: Option<Spanned<String>>,
    component: RawComponent,
    #[serde(default)]
    files: BTreeMap<Spanned<String>, Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawComponent {
    file: Spanned<String>,
    sha256: Spanned<String>,
}

/// What a province may import, beside the types.
pub(crate) const IMPORTS: [&str; 2] = ["logging", "calendar"];

struct Reader<'a> {
    text: &'a str,
    package: String,
}

impl Reader<'_> {
    fn fail(&self, span: Option<Range<usize>>, reason: impl Into<String>) -> PluginError {
        let before = self
            .text
            .get(..span.map_or(0, |span| span.start))
            .unwrap_or(self.text);
        let column = before
            .rsplit('\n')
            .next()
            .unwrap_or_default()
            .chars()
            .count()
            + 1;
        let line = before.matches('\n').count() + 1;
        Problem::Manifest {
            line,
            column,
            reason: reason.into(),
        }
        .of(&self.package)
    }

    fn need(&self, ok: bool, at: &Spanned<String>, reason: &str) -> Result<(), PluginError> {
        if ok {
            Ok(())
        } else {
            Err(self.fail(Some(at.span()), format!("{:?} {reason}", at.get_ref())))
        }
    }
}

impl Manifest {
    /// What a project remembers of the package.
    #[must_use]
    pub fn pin(&self) -> PackagePin {
        PackagePin {
            id: self.id.clone(),
            version: self.version.clone(),
            component: self.sha256.clone(),
        }
    }

    /// Reads a manifest.
    ///
    /// # Errors
    /// `E-PLUGIN-MANIFEST` with line and column, or `E-PLUGIN-VERSION` for another interface.
    pub fn parse(text: &str) -> Result<Self, PluginError> {
        let mut reader = Reader {
            text,
            package: "?".to_owned(),
        };
        let raw: Raw =
            toml::from_str(text).map_err(|e| reader.fail(e.span(), e.message().to_owned()))?;
        reader.need(
            is_id(raw.id.get_ref()),
            &raw.id,
            "is no id: use 1 to 64 of a-z, 0-9 and -",
        )?;
        reader.package.clone_from(raw.id.get_ref());
        if *raw.schema.get_ref() != 1 {
            let reason = format!(
                "schema {} is unknown, this release knows 1",
                raw.schema.get_ref()
            );
            return Err(reader.fail(Some(raw.schema.span()), reason));
        }
        reader.need(
            is_version(raw.version.get_ref()),
            &raw.version,
            "is no version: write 1.2.3",
        )?;
        if let Some(interface) = raw.api.get_ref().strip_prefix("liucheng:province@")
            && interface != "1"
        {
            return Err(Problem::Version {
                found: raw.api.into_inner(),
            }
            .of(&reader.package));
        }
        reader.need(
            raw.api.get_ref() == "liucheng:province@1",
            &raw.api,
            "is not \"liucheng:province@1\"",
        )?;
        for import in &raw.imports {
            let known = IMPORTS.contains(&import.get_ref().as_str());
            reader.need(
                known,
                import,
                "is no interface of the host: logging, calendar",
            )?;
        }
        let component = raw.component;
        reader.need(
            is_file(component.file.get_ref(), ".wasm"),
            &component.file,
            "is no plain file name ending in .wasm",
        )?;
        reader.need(
            !component.sha256.get_ref().is_empty(),
            &component.sha256,
            "is no sha256: the component was not built yet; `liucheng plugin build` writes it",
        )?;
        reader.need(
            is_digest(component.sha256.get_ref()),
            &component.sha256,
            "is no sha256: 64 of 0-9 and a-f, written by `liucheng plugin build`",
        )?;
        if let Some(overlay) = &raw.overlay {
            reader.need(
                is_file(overlay.get_ref(), ".toml"),
                overlay,
                "is no plain file name ending in .toml",
            )?;
        }
        for (name, digest) in &raw.files {
            let plain = name.get_ref().strip_prefix("cases/");
            let plain = plain.unwrap_or(name.get_ref());
            reader.need(
                is_file(plain, ".toml"),
                name,
                "is no file of a package: its overlay, or cases/NAME.toml",
            )?;
            reader.need(
                is_digest(digest.get_ref()),
                digest,
                "is no sha256: 64 of 0-9 and a-f, written by `liucheng plugin sign`",
            )?;
        }
        let files = raw.files.into_iter();
        Ok(Self {
            files: files
                .map(|(name, digest)| (name.into_inner(), digest.into_inner()))
                .collect(),
            id: raw.id.into_inner(),
            version: raw.version.into_inner(),
            title: raw.title,
            imports: raw.imports.into_iter().map(Spanned::into_inner).collect(),
            overlay: raw.overlay.map(Spanned::into_inner),
            file: component.file.into_inner(),
            sha256: component.sha256.into_inner(),
        })
    }
}

fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

fn is_version(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    let number =
        |part: &&str| (1..=6).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    parts.len() == 3 && parts.iter().all(number)
}

fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// A name without any path, so that a package cannot point outside itself.
fn is_file(text: &str, end: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    text.len() <= 80 && text.ends_with(end) && !text.starts_with('.') && text.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> String {
        let sha256 = "0".repeat(64);
        format!(
            "schema = 1\nid = \"x-y\"\nversion = \"0.1.0\"\ntitle = {{ zh = \"某\", en = \"X\" }}\n\
             api = \"liucheng:province@1\"\nimports = [\"logging\"]\n[component]\nfile = \"x.wasm\"\nsha256 = \"{sha256}\"\n"
        )
    }

    fn error(from: &str, to: &str) -> String {
        let text = manifest().replace(from, to);
        assert_ne!(text, manifest(), "{from} is not in the manifest");
        Manifest::parse(&text).map_or_else(|e| format!("{} {e}", e.code()), |_| "ok".to_owned())
    }

    #[test]
    fn a_good_manifest_is_read() -> Result<(), PluginError> {
        let read = Manifest::parse(&manifest())?;
        assert_eq!(
            (read.id.as_str(), read.imports.len(), read.overlay),
            ("x-y", 1, None)
        );
        Ok(())
    }

    #[test]
    fn mistakes_name_their_place() {
        assert!(
            error("\"x-y\"", "\"X\"")
                .starts_with("E-PLUGIN-MANIFEST plugin ?: plugin.toml:2:6: \"X\" is no id")
        );
        assert!(error("\"0.1.0\"", "\"v1\"").contains("plugin.toml:3:11: \"v1\" is no version"));
        assert!(
            error("[\"logging\"]", "[\"logging\", \"net\"]").contains("plugin.toml:6:23: \"net\"")
        );
        assert!(error("\"x.wasm\"", "\"../x.wasm\"").contains("plugin.toml:8:8"));
        assert!(error("\"00", "\"0X").contains("plugin.toml:9:10"));
        let whole = format!("\"{}\"", "0".repeat(64));
        assert!(error(&whole, "\"\"").contains("was not built yet"));
        let files = |line: &str| error("sha256 = ", &format!("files = 1\nsha256 = {line}"));
        assert!(files("").starts_with("E-PLUGIN-MANIFEST"));
        assert!(error("schema = 1", "schema = 2").contains("plugin.toml:1:10: schema 2"));
        assert!(error("imports", "import").contains("unknown field `import`"));
        assert!(
            error("schema = 1", "schema = ")
                .starts_with("E-PLUGIN-MANIFEST plugin ?: plugin.toml:1:")
        );
        assert!(
            error("@1", "@2")
                .starts_with("E-PLUGIN-VERSION plugin x-y: needs liucheng:province@2, this host")
        );
        assert!(error("liucheng:province@1", "other").contains("plugin.toml:5:7"));
    }
}
