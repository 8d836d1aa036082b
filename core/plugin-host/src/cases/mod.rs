//! Golden cases through the real host with production limits.

mod format;
mod parameters;

use std::time::{Duration, Instant};

use liucheng_model::verdict::Hook;

pub use self::parameters::{ParameterProblem, Parameters};

use self::format::{Case, CaseFile, Found};
use crate::{
    call::Budget,
    error::PluginError,
    host::{PluginHost, Question, Reply},
    load::{LoadedPackage, PackageInfo, PackageSource},
    v1,
    work_days::WorkDays,
};

/// One file of golden cases.
#[derive(Debug, Clone, Copy)]
pub struct CaseSource<'a> {
    /// The file's name, for messages.
    pub file: &'a str,
    /// Its text.
    pub text: &'a str,
}

/// How a package did.
#[derive(Debug, Clone)]
pub struct PackageReport {
    /// The package.
    pub info: PackageInfo,
    /// Its cases in order.
    pub cases: Vec<CaseReport>,
    /// Where its files give other parameters than the overlay.
    pub parameters: Vec<ParameterProblem>,
}

/// How one case went.
#[derive(Debug, Clone)]
pub struct CaseReport {
    /// The file.
    pub file: String,
    /// The case's name; empty for a file that cannot be read.
    pub name: String,
    /// What was asked.
    pub hook: String,
    /// Instructions used.
    pub fuel: u64,
    /// Instructions used, in percent of the limit.
    pub fuel_percent: f64,
    /// Wall-clock time of the call.
    pub elapsed: Duration,
    /// The answer in the format of case files; `None` where there was none.
    pub found: Option<toml::Table>,
    /// The outcome.
    pub outcome: CaseOutcome,
}

/// The outcome of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CaseOutcome {
    /// As expected.
    Passed,
    /// Another answer; shows what was expected and what was found.
    Differs(String),
    /// No answer at all.
    Failed(PluginError),
    /// The case cannot be read; names the place.
    Unreadable(String),
}

impl PackageReport {
    /// Whether there are cases and all of them passed.
    #[must_use]
    pub fn passed(&self) -> bool {
        !self.cases.is_empty()
            && self
                .cases
                .iter()
                .all(|case| case.outcome == CaseOutcome::Passed)
    }

    /// The case that came nearest to the limit.
    #[must_use]
    pub fn heaviest(&self) -> Option<&CaseReport> {
        self.cases.iter().max_by_key(|case| case.fuel)
    }
}

/// Checks a package as an installation would, and runs its golden cases; the package is not made available.
/// Cases as for [`run_cases`].
///
/// # Errors
/// A coded [`PluginError`] when the package cannot be loaded at all.
pub fn check_package(
    host: &PluginHost,
    source: PackageSource<'_>,
    overlay: &Parameters,
    files: &[CaseSource<'_>],
) -> Result<PackageReport, PluginError> {
    let package = host.inspect(source)?;
    Ok(run_cases(host, package, overlay, files))
}

/// Runs golden cases against a package that was inspected.
///
/// `overlay` are the parameters of the definition with the package's overlay, which a project's questions
/// carry: a case has them too, unless it or its file has `parameters` of its own.
#[must_use]
pub fn run_cases(
    host: &PluginHost,
    package: LoadedPackage,
    overlay: &Parameters,
    files: &[CaseSource<'_>],
) -> PackageReport {
    let mut cases = Vec::new();
    let mut problems = Vec::new();
    for CaseSource { file, text } in files {
        let report = |case: Option<&Case>, outcome| CaseReport {
            file: (*file).to_owned(),
            name: case.map(|case| case.name.clone()).unwrap_or_default(),
            hook: case.map(|case| case.hook.clone()).unwrap_or_default(),
            fuel: 0,
            fuel_percent: 0.0,
            elapsed: Duration::ZERO,
            found: None,
            outcome,
        };
        let read = match CaseFile::parse(text, overlay) {
            Ok(read) => read,
            Err(reason) => {
                cases.push(report(None, CaseOutcome::Unreadable(reason)));
                continue;
            }
        };
        if let Some(given) = &read.parameters {
            problems.extend(parameters::compare((file, text), given, overlay));
        }
        for case in &read.cases {
            let Some(hook) = Hook::from_name(&case.hook) else {
                let reason = format!("{:?} is no hook", case.hook);
                cases.push(report(Some(case), CaseOutcome::Unreadable(reason)));
                continue;
            };
            let started = Instant::now();
            let question = Question {
                hook,
                request: v1::request_out(
                    (hook, case.today, &case.transition),
                    &case.facts,
                    &case.parameters,
                ),
                parameters: &case.parameters,
                work_days: WorkDays::Plain {
                    holidays: read.holidays.clone(),
                    workdays: read.workdays.clone(),
                },
            };
            let asked = host.put(&package, question, Budget::whole(host.limits()));
            let elapsed = started.elapsed();
            let mut done = report(Some(case), CaseOutcome::Passed);
            done.elapsed = elapsed;
            match asked {
                Err(problem) => done.outcome = CaseOutcome::Failed(problem.of(&package.info.id)),
                Ok(reckoned) => {
                    done.fuel = reckoned.fuel;
                    done.fuel_percent = percent(reckoned.fuel, host.limits().fuel);
                    let found = match &reckoned.reply {
                        Reply::Answer(answer, next) => Found::Answer(answer, next.as_deref()),
                        Reply::Problem { code, .. } => Found::Problem(code),
                    };
                    match found.table() {
                        Ok(table) => {
                            if let Err(difference) = case.compare(&table) {
                                done.outcome = CaseOutcome::Differs(difference);
                            }
                            done.found = Some(table);
                        }
                        Err(reason) => done.outcome = CaseOutcome::Unreadable(reason),
                    }
                }
            }
            cases.push(done);
        }
    }
    PackageReport {
        info: package.info,
        cases,
        parameters: problems,
    }
}

#[expect(clippy::cast_precision_loss, reason = "a percentage for people")]
fn percent(part: u64, whole: u64) -> f64 {
    part as f64 * 100.0 / whole.max(1) as f64
}
