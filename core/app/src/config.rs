//! The configuration file `liucheng.toml` in the data folder. Everything has a default.

use std::{
    io::ErrorKind,
    ops::RangeInclusive,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use crate::{
    compose,
    mail::MailConfig,
    output::{Exit, Failure},
    package::signature,
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
    /// The database, where it is PostgreSQL.
    #[serde(default)]
    pub database: DatabaseConfig,
    /// When a node is ready.
    #[serde(default)]
    pub ready: ReadyConfig,
    /// Who signs epochs.
    #[serde(default)]
    pub audit: AuditConfig,
    /// Whose packages are taken.
    #[serde(default)]
    pub plugins: PluginsConfig,
}

/// How a node uses PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct DatabaseConfig {
    /// Connections for reading, 1 to 500; writing and listening take one more each.
    pub connections: u32,
    /// How long after its last sign of life a node's work is left to it, 5 to 600.
    pub lease_seconds: u64,
}

impl Default for DatabaseConfig {
    fn default() -> Self {
        Self {
            connections: 8,
            lease_seconds: 20,
        }
    }
}

/// When a node is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct ReadyConfig {
    /// What it means that the calendar ends within 90 days.
    pub calendar: CalendarReadiness,
    /// How late the oldest timer may be, at least 10.
    pub worker_late_seconds: u32,
}

impl Default for ReadyConfig {
    fn default() -> Self {
        Self {
            calendar: CalendarReadiness::Red,
            worker_late_seconds: 300,
        }
    }
}

/// What it means that the calendar ends soon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CalendarReadiness {
    /// The node is not ready.
    Red,
    /// The node is ready and warns.
    Warn,
}

/// The audit trail.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AuditConfig {
    /// The file with the key that signs epochs, as `audit keygen` writes it; relative to the data
    /// folder. Without one nobody signs.
    pub key_file: Option<PathBuf>,
}

/// Whose packages are taken.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct PluginsConfig {
    /// The public keys of those whose signatures count, as `plugin keygen` shows them.
    pub trusted: Vec<String>,
    /// Whether a package is refused that none of them has signed.
    pub require_signature: bool,
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
        compose::is_folder(dir)?;
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(error) => {
                let hint = match error.kind() {
                    ErrorKind::PermissionDenied => {
                        "run the command as the user that the file belongs to, or change its permissions"
                    }
                    ErrorKind::InvalidData => "save the file as UTF-8",
                    ErrorKind::IsADirectory => {
                        "there is a folder of that name: the configuration is a file, see docs/configuration.md"
                    }
                    _ => "check the file and the disk",
                };
                let message = format!("{}: {error}", path.display());
                return Err(Failure::new(Exit::Config, "E-CONFIG", message)
                    .at(path.display().to_string())
                    .hint(hint));
            }
        };
        let config: Self = toml::from_str(&text).map_err(|error| {
            let name = path.display().to_string();
            let source = liucheng_model::definition::Source {
                name: &name,
                text: &text,
            };
            let place = source.place(error.span().map_or(0, |s| s.start));
            Failure::new(Exit::Config, "E-CONFIG", error.message().to_owned())
                .at(place)
                .hint("see docs/configuration.md for the keys")
        })?;
        config.check()?;
        Ok(config)
    }

    /// Numbers that would make a node useless.
    fn check(&self) -> Result<(), Failure> {
        let DatabaseConfig {
            connections,
            lease_seconds,
        } = self.database;
        within("database.connections", u64::from(connections), 1..=500)?;
        within("database.lease-seconds", lease_seconds, 5..=600)?;
        let late = u64::from(self.ready.worker_late_seconds);
        within("ready.worker-late-seconds", late, 10..=86_400)?;
        match signature::no_key(&self.plugins.trusted) {
            None => Ok(()),
            Some(text) => {
                let message = format!("{text:?} is no public key");
                Err(Failure::new(Exit::Config, "E-CONFIG", message)
                    .at("plugins.trusted")
                    .hint("give the 64 hex digits that `plugin keygen` showed"))
            }
        }
    }
}

fn within(key: &str, found: u64, range: RangeInclusive<u64>) -> Result<(), Failure> {
    if range.contains(&found) {
        return Ok(());
    }
    let (least, most) = range.into_inner();
    Err(Failure::new(
        Exit::Config,
        "E-CONFIG",
        format!("{found} is not between {least} and {most}"),
    )
    .at(key)
    .hint("see docs/configuration.md for the keys"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config, Failure> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), text).unwrap();
        Config::read(folder.path())
    }

    #[test]
    fn everything_has_a_default() {
        let config = read("[ready]\ncalendar = \"warn\"\n[database]\nconnections = 3").unwrap();
        assert_eq!(config.ready.calendar, CalendarReadiness::Warn);
        assert_eq!(config.ready.worker_late_seconds, 300);
        assert_eq!(config.database.connections, 3);
        assert_eq!(config.database.lease_seconds, 20);
        assert_eq!(read("").unwrap().ready.calendar, CalendarReadiness::Red);
    }

    #[test]
    fn numbers_without_sense_are_refused_with_their_key() {
        for (text, key) in [
            ("[database]\nconnections = 0", "database.connections"),
            ("[database]\nconnections = 501", "database.connections"),
            ("[database]\nlease-seconds = 4", "database.lease-seconds"),
            (
                "[ready]\nworker-late-seconds = 9",
                "ready.worker-late-seconds",
            ),
            ("[plugins]\ntrusted = [\"ab\"]", "plugins.trusted"),
        ] {
            let failure = read(text).unwrap_err();
            assert_eq!(
                (failure.code.as_str(), failure.place.as_str()),
                ("E-CONFIG", key)
            );
        }
        assert!(read("[ready]\ncalendar = \"green\"").is_err());
    }
}
