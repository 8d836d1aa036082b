//! Runs province packages: WebAssembly components in a sandbox without WASI.
//!
//! A component sees its request and may ask the calendar and write log lines. It has no clock, no network,
//! no files, no randomness. Every call gets a new instance with limits on instructions, wall-clock time,
//! memory, input and output ([`Limits`]); whatever breaks is one coded error that names the package and the
//! limit ([`PluginError`]). A component only proposes: its answer is validated here and judged by the engine.
//!
//! | module | holds |
//! |---|---|
//! | `manifest` | `plugin.toml` |
//! | `load` | from bytes to a checked package |
//! | `host` | the packages, and the engine's port |
//! | `call` | one call within its limits |
//! | `v1` | the interface's major 1, and nothing else knows it |
//! | `answer` | what an answer may be |
//! | `cases` | golden cases in the real host |

mod answer;
mod breaker;
mod cache;
mod call;
mod cases;
mod error;
mod figures;
mod host;
mod limits;
mod load;
mod manifest;
mod sandbox;
mod v1;
mod work_days;

pub use breaker::BreakerLimits;
pub use cases::{
    CaseOutcome, CaseReport, CaseSource, PackageReport, ParameterProblem, Parameters,
    check_package, run_cases,
};
pub use error::{PluginError, Problem};
pub use host::PluginHost;
pub use limits::Limits;
pub use load::{LoadedPackage, PackageInfo, PackageSource};
pub use manifest::Manifest;
