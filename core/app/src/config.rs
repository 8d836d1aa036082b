//! The configuration file `liucheng.toml` in the data folder. Everything has a default.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::{
    mail::MailConfig,
    output::{Exit, Failure},
};

/// The name of the file.
const FILE: &str = "liucheng.toml";

/// The configuration.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// How mail goes out.
    #[serde(default)]
    pub mail: MailConfig,
    /// Days that a province or an agency adds or removes.
    #[serde(default)]
    pub calendar: CalendarConfig,
    /// Who signs epochs.
    #[serde(default)]
    pub audit: AuditConfig,
}

/// The audit trail.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AuditConfig {
    /// The file with the key that signs epochs, as `audit keygen` writes it; relative to the data
    /// folder. Without one nobody signs.
    pub key_file: Option<PathBuf>,
}

/// The work calendar.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CalendarConfig {
    /// Files laid over the national calendar, in order; relative to the data folder.
    #[serde(default)]
    pub layers: Vec<PathBuf>,
}

impl Config {
    /// Reads the configuration of a data folder; without a file everything is as by default.
    ///
    /// # Errors
    /// `E-CONFIG` with line and column; exit code 78.
    pub fn read(dir: &Path) -> Result<Self, Failure> {
        let path = dir.join(FILE);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(error) => {
                return Err(Failure::new(
                    Exit::Config,
                    "E-CONFIG",
                    format!("{}: {error}", path.display()),
                ));
            }
        };
        toml::from_str(&text).map_err(|error| {
            let name = path.display().to_string();
            let source = liucheng_model::definition::Source {
                name: &name,
                text: &text,
            };
            let place = source.place(error.span().map_or(0, |s| s.start));
            Failure::new(Exit::Config, "E-CONFIG", error.message().to_owned())
                .at(place)
                .hint("see docs/configuration.md for the keys")
        })
    }
}
