//! Golden cases, run natively.
//!
//! ```ignore
//! #[test]
//! fn golden_cases() -> Result<(), liucheng_sdk::testing::Failure> {
//!     liucheng_sdk::testing::run_cases::<Yuanzhou>(concat!(env!("CARGO_MANIFEST_DIR"), "/cases"))
//! }
//! ```
//! The same files run through the real host with production limits in `liucheng plugin check`.

mod calendar;
mod case;

use std::{fmt, fs, path::Path};

pub use calendar::PlainCalendar;
pub use case::{Case, CaseFile};

use crate::{Call, Problem, Province, StepOutcome, compute};

/// Which cases failed and how.
pub struct Failure(String);

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Runs every case of a folder against a province's logic.
///
/// # Errors
/// [`Failure`] listing every case that differs, a file that cannot be read, or that there is no case.
pub fn run_cases<P: Province>(folder: impl AsRef<Path>) -> Result<(), Failure> {
    let folder = folder.as_ref();
    let mut files: Vec<_> = fs::read_dir(folder)
        .map_err(|e| Failure(format!("{}: {e}", folder.display())))?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|ext| ext == "toml"))
        .collect();
    files.sort();
    let (mut count, mut failed) = (0, Vec::new());
    for path in &files {
        let text =
            fs::read_to_string(path).map_err(|e| Failure(format!("{}: {e}", path.display())))?;
        let file =
            CaseFile::parse(&text).map_err(|e| Failure(format!("{}: {e}", path.display())))?;
        for case in &file.cases {
            count += 1;
            if let Err(difference) = case.compare(&run::<P>(case, &file.calendar)) {
                failed.push(format!("{} · {}\n{difference}", path.display(), case.name));
            }
        }
    }
    match (count, failed.is_empty()) {
        (0, _) => Err(Failure(format!("{}: no cases", folder.display()))),
        (_, true) => Ok(()),
        (_, false) => Err(Failure(format!(
            "{} of {count} cases failed\n{}",
            failed.len(),
            failed.join("\n")
        ))),
    }
}

/// Runs one case; only a step proposes what comes next.
///
/// # Errors
/// What the province answers.
pub fn run<P: Province>(case: &Case, calendar: &PlainCalendar) -> Result<StepOutcome, Problem> {
    let call = Call {
        today: case.today,
        transition: &case.transition,
        facts: &case.facts,
        parameters: &case.parameters,
        host: calendar,
    };
    let answer = match case.hook.as_str() {
        "step" => return P::run_step(call.transition, &call),
        "check" => P::check(&call)?,
        topic => compute::<P>(topic, &call)?,
    };
    Ok(StepOutcome { answer, next: None })
}
