//! Every way a package can be refused or stopped.

use liucheng_engine::ports::RuleFault;
use liucheng_model::event::Incident;
use thiserror::Error;

/// A package that was refused, or a call that was stopped. The project is unharmed in every case.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("plugin {package}: {problem}")]
pub struct PluginError {
    /// The package's id, as far as it is known.
    pub package: String,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong with a package or a call.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Problem {
    /// `plugin.toml` is not what it has to be.
    #[error("plugin.toml:{line}:{column}: {reason}")]
    Manifest {
        /// Line, counted from 1.
        line: usize,
        /// Column in characters, counted from 1.
        column: usize,
        /// What is wrong there.
        reason: String,
    },
    /// The component is not the one that the manifest names.
    #[error("the component has sha256 {found}, plugin.toml names {expected}")]
    Digest {
        /// The digest in the manifest.
        expected: String,
        /// The digest of the bytes.
        found: String,
    },
    /// Built against an interface that this host does not speak.
    #[error("needs {found}, this host speaks liucheng:province 1.0")]
    Version {
        /// What the package asks for.
        found: String,
    },
    /// Not a component of this world.
    #[error("is not a component of world liucheng:province@1: {0}")]
    World(String),
    /// Wants something from the host that it does not get.
    #[error("imports {name}, {}", if *.known { "which plugin.toml does not list" } else { "which no province may have" })]
    Import {
        /// The import.
        name: String,
        /// Whether the host has it, so that the manifest merely does not ask for it.
        known: bool,
    },
    /// Too many instructions.
    #[error("stopped: its fuel limit of {0} instructions is used up")]
    Fuel(u64),
    /// Too much time.
    #[error("stopped: its time limit of {0} ms has passed")]
    Time(u128),
    /// Too much memory.
    #[error("stopped: its memory limit of {0} MiB is reached")]
    Memory(usize),
    /// Too large a table.
    #[error("stopped: its limit of {0} table entries is reached")]
    Table(usize),
    /// Crashed.
    #[error("crashed: {0}")]
    Trap(String),
    /// The package or the request is larger than the limit.
    #[error("{what} has {found} bytes, the limit is {limit} bytes")]
    Input {
        /// What is too large.
        what: &'static str,
        /// Its size.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// The answer is larger than the limit.
    #[error("its answer has more than {limit} {unit}")]
    Output {
        /// The limit.
        limit: usize,
        /// Of what: bytes, findings, facts, payments.
        unit: &'static str,
    },
    /// The answer is nonsense, or the component reports a problem.
    #[error("its answer cannot be used: {0}")]
    Answer(String),
    /// No such package is loaded.
    #[error("version {version} with component {component} is not installed")]
    Missing {
        /// The version asked for.
        version: String,
        /// The component asked for, shortened.
        component: String,
    },
    /// It failed too often of late.
    #[error(
        "it failed {faults} times in a row, last with {code}; it is asked again in {seconds} s"
    )]
    Resting {
        /// Faults in a row.
        faults: u32,
        /// The code of the last one.
        code: &'static str,
        /// How long it is not asked.
        seconds: u64,
    },
    /// The host itself failed; the package is not to blame.
    #[error("the plugin host failed: {0}")]
    Host(String),
}

impl Problem {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Manifest { .. } => "E-PLUGIN-MANIFEST",
            Self::Digest { .. } => "E-PLUGIN-DIGEST",
            Self::Version { .. } => "E-PLUGIN-VERSION",
            Self::World(_) => "E-PLUGIN-WORLD",
            Self::Import { .. } => "E-PLUGIN-IMPORT",
            Self::Fuel(_) => "E-PLUGIN-FUEL",
            Self::Time(_) => "E-PLUGIN-TIME",
            Self::Memory(_) | Self::Table(_) => "E-PLUGIN-MEMORY",
            Self::Trap(_) => "E-PLUGIN-TRAP",
            Self::Input { .. } => "E-PLUGIN-INPUT",
            Self::Output { .. } => "E-PLUGIN-OUTPUT",
            Self::Answer(_) => "E-PLUGIN-ANSWER",
            Self::Missing { .. } => "E-PLUGIN-MISSING",
            Self::Resting { .. } => Incident::RESTING,
            Self::Host(_) => "E-PLUGIN-HOST",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            // A project whose question failed notes it; one that only met a package that rests does not.
            Self::Fuel(_)
            | Self::Time(_)
            | Self::Memory(_)
            | Self::Table(_)
            | Self::Trap(_)
            | Self::Input { .. }
            | Self::Output { .. }
            | Self::Answer(_)
            | Self::Missing { .. }
            | Self::Host(_) => RuleFault::hint_for_users(self.remedy()),
            _ => self.remedy().to_owned(),
        }
    }

    /// What would mend it.
    fn remedy(&self) -> &'static str {
        match self {
            Self::Manifest { .. } => {
                "correct plugin.toml; its keys are described in plugins/README.md"
            }
            Self::Digest { .. } => {
                "install the package again; an author runs `liucheng plugin build`, which writes the digest"
            }
            Self::Version { .. } => {
                "rebuild the package against plugins/wit/v1 of this release, or upgrade liucheng if the package is newer"
            }
            Self::World(_) => {
                "build the package with the SDK against plugins/wit/v1, see plugins/README.md"
            }
            Self::Import { known: true, .. } => {
                "add it to `imports` in plugin.toml if the package really needs it"
            }
            Self::Import { known: false, .. } => {
                "build for wasm32-unknown-unknown, which imports no WASI; a province gets its facts, the calendar and the log"
            }
            Self::Fuel(_) | Self::Time(_) | Self::Memory(_) | Self::Table(_) => {
                "tell the package's author, who sees the use of each case with `liucheng plugin test`"
            }
            Self::Trap(_) => {
                "tell the package's author; the log has the panic message if there was one"
            }
            Self::Input { .. } => {
                "make the package smaller, or the lists in the project's facts shorter"
            }
            Self::Output { .. } | Self::Answer(_) => "tell the package's author",
            Self::Missing { .. } => RuleFault::MISSING_REMEDY,
            Self::Resting { .. } => {
                "wait, or go on without the component and say why (`project fire --waive`, in the API `waive`), where no rule of law hangs on it"
            }
            Self::Host(_) => "see the log; if it happens again, report it with the log",
        }
    }

    /// Whether the package is to blame, rather than the question or the host.
    pub(crate) fn is_of_the_package(&self) -> bool {
        matches!(
            self,
            Self::Fuel(_)
                | Self::Time(_)
                | Self::Memory(_)
                | Self::Table(_)
                | Self::Trap(_)
                | Self::Output { .. }
                | Self::Answer(_)
        )
    }

    pub(crate) fn of(self, package: &str) -> PluginError {
        PluginError {
            package: package.to_owned(),
            problem: self,
        }
    }
}

impl PluginError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.problem.code()
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        self.problem.hint()
    }
}

impl From<PluginError> for RuleFault {
    fn from(error: PluginError) -> Self {
        Self {
            code: error.problem.code(),
            reason: error.problem.to_string(),
            hint: error.problem.hint(),
            package: error.package,
        }
    }
}
