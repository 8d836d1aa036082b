//! Everything that can be said against a package before it is installed.
//!
//! The manifest and the digests were checked when the package was read. Here the overlay is laid over the
//! definition, the component is compiled and asked who it is, its golden cases run with production limits,
//! and what overlay and component say of each other is compared.

use std::{collections::BTreeSet, path::PathBuf};

use liucheng_model::{
    definition::{
        Definition, Source,
        coverage::{Coverage, coverage},
        lint,
        lint::LintFinding,
    },
    finding::Severity,
};
use liucheng_plugin_host::{
    CaseOutcome, CaseReport, CaseSource, Limits, PackageInfo, PackageSource, PluginHost, run_cases,
};
use serde::Deserialize;
use toml::Spanned;

use super::{Package, TextFile};
use crate::{
    builtin, compose,
    output::{Exit, Failure},
};

/// A package with all that was found out about it.
#[derive(Debug)]
pub struct Examined {
    /// What the component says about itself.
    pub info: PackageInfo,
    /// What is wrong, in order of place.
    pub problems: Vec<LintFinding>,
    /// How the golden cases went.
    pub cases: Vec<CaseReport>,
}

impl Examined {
    /// Whether nothing stands against the package; a warning does not.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.first_problem().is_none()
    }

    /// The one coded reason to refuse the package.
    #[must_use]
    pub fn first_problem(&self) -> Option<Failure> {
        let errors: Vec<&LintFinding> = self
            .problems
            .iter()
            .filter(|p| p.severity == Severity::Error)
            .collect();
        if let Some(first) = errors.first() {
            let more = match errors.len() {
                1 => String::new(),
                n => format!(" (and {} more; run `liucheng plugin check`)", n - 1),
            };
            let message = format!("{}{more}", first.message);
            return Some(
                Failure::new(Exit::Rejected, first.code, message)
                    .at(first.place.clone())
                    .hint(first.hint.clone()),
            );
        }
        let mut failed = self
            .cases
            .iter()
            .filter(|case| case.outcome != CaseOutcome::Passed);
        let first = failed.next()?;
        let more = match failed.count() {
            0 => String::new(),
            n => format!(" (and {n} more)"),
        };
        let reason = reason(&first.outcome).unwrap_or_default();
        let reason = reason.lines().next().unwrap_or_default();
        let message = format!("the golden case {:?} fails{more}: {reason}", first.name);
        Some(
            Failure::new(Exit::Rejected, "E-PLUGIN-CASE", message)
                .at(first.file.clone())
                .hint("`liucheng plugin test` shows what was expected and what was answered"),
        )
    }

    /// The case that came nearest to the limit.
    #[must_use]
    pub fn largest(&self) -> Option<&CaseReport> {
        self.cases.iter().max_by_key(|case| case.fuel)
    }
}

/// Why a case failed; `None` for one that passed.
#[must_use]
pub fn reason(outcome: &CaseOutcome) -> Option<String> {
    match outcome {
        CaseOutcome::Passed => None,
        CaseOutcome::Differs(text) | CaseOutcome::Unreadable(text) => Some(text.clone()),
        CaseOutcome::Failed(error) => Some(error.to_string()),
    }
}

/// Looks at all of a package; `cache` is a folder for compiled code, `say` is told what is being done.
///
/// # Errors
/// The coded reason for which the component cannot be loaded at all.
pub fn examine(
    package: &Package,
    cache: Option<PathBuf>,
    say: &dyn Fn(&str),
) -> Result<Examined, Failure> {
    say("reading the overlay");
    let mut problems = overlay(package);
    if package.cases.is_empty() {
        problems.push(problem(
            format!("{}/cases", package.place),
            "E-PLUGIN-CASES",
            "the package has no golden cases",
            "write questions with the answers they must have, see plugins/README.md",
        ));
    }
    say("compiling the component");
    let host = PluginHost::new(Limits::default(), cache).map_err(compose::plugin_failure)?;
    let source = PackageSource {
        manifest: &package.manifest_text,
        component: &package.component,
    };
    let loaded = host.inspect(source).map_err(compose::plugin_failure)?;
    say("running the golden cases");
    let files: Vec<CaseSource<'_>> = package
        .cases
        .iter()
        .map(|file| CaseSource {
            file: &file.path,
            text: &file.text,
        })
        .collect();
    let report = run_cases(&host, loaded, &files);
    if let Some(file) = &package.overlay {
        problems.extend(together(file, &report.info, &report.cases));
    }
    Ok(Examined {
        info: report.info,
        problems,
        cases: report.cases,
    })
}

fn base() -> Source<'static> {
    Source {
        name: builtin::DEFINITION_NAME,
        text: builtin::DEFINITION,
    }
}

impl TextFile {
    /// As the model reads it.
    #[must_use]
    pub fn source(&self) -> Source<'_> {
        Source {
            name: &self.path,
            text: &self.text,
        }
    }
}

fn problem(
    place: String,
    code: &'static str,
    message: impl Into<String>,
    hint: impl Into<String>,
) -> LintFinding {
    LintFinding {
        place,
        code,
        severity: Severity::Error,
        message: message.into(),
        hint: hint.into(),
    }
}

/// The overlay by itself, and against the manifest.
fn overlay(package: &Package) -> Vec<LintFinding> {
    #[derive(Deserialize)]
    struct Named {
        id: Spanned<String>,
    }
    let Some(file) = &package.overlay else {
        return Vec::new();
    };
    let source = file.source();
    let mut problems = lint::lint(base(), Some(source));
    if let Ok(named) = toml::from_str::<Named>(&file.text)
        && *named.id.get_ref() != package.manifest.id
    {
        problems.push(problem(
            source.place(named.id.span().start),
            "E-PLUGIN-ID",
            format!(
                "the overlay is that of {:?}, plugin.toml says {:?}",
                named.id.get_ref(),
                package.manifest.id
            ),
            "write the same id in plugin.toml, in the overlay and in describe()",
        ));
    }
    problems
}

/// What overlay and component say of each other.
fn together(file: &TextFile, info: &PackageInfo, cases: &[CaseReport]) -> Vec<LintFinding> {
    // Where the overlay cannot be read the linter has said so.
    let Ok(definition) = Definition::load(base(), Some(file.source())) else {
        return Vec::new();
    };
    let mut problems = Vec::new();
    if let Some(coverage) = coverage(base(), Some(file.source()))
        && !coverage.clauses.is_empty()
    {
        problems.extend(unknown_rules(&definition, info));
        problems.extend(uncovered(file, &coverage, info));
    }
    problems.extend(facts(&definition, cases));
    problems
}

/// Rules that the component declares and nobody has written down.
fn unknown_rules(definition: &Definition, info: &PackageInfo) -> Vec<LintFinding> {
    let known = |rule: &str| definition.clause(rule).is_some() || definition.issue(rule).is_some();
    let unknown = info.rules.iter().filter(|rule| !known(rule));
    unknown
        .map(|rule| {
            problem(
                "describe()".to_owned(),
                "E-CLAUSE-UNKNOWN",
                format!("the component declares the rule {rule:?}, which is neither a clause nor an issue"),
                "add a [[clause]] or an [[issue]] with that id to the overlay, or correct the component",
            )
        })
        .collect()
}

/// Clauses that nothing acts on, and clauses that say so although something does.
fn uncovered(file: &TextFile, coverage: &Coverage, info: &PackageInfo) -> Vec<LintFinding> {
    #[derive(Deserialize)]
    struct Clauses {
        clause: Vec<Clause>,
    }
    #[derive(Deserialize)]
    struct Clause {
        id: Spanned<String>,
    }
    let places: Vec<String> = toml::from_str::<Clauses>(&file.text)
        .map(|read| {
            let clauses = read.clause.into_iter();
            clauses
                .map(|clause| file.source().place(clause.id.span().start))
                .collect()
        })
        .unwrap_or_default();
    let mut problems = Vec::new();
    for (i, covered) in coverage.clauses.iter().enumerate() {
        let clause = &covered.clause;
        let place = places.get(i).cloned().unwrap_or_default();
        let computed = info.rules.contains(&clause.id);
        let used = computed || !covered.elements.is_empty();
        if !used && clause.informative.is_none() {
            problems.push(problem(
                place,
                "E-CLAUSE-UNUSED",
                format!("nothing acts on the clause {:?}", clause.id),
                "name it in the `rule` of an element or in describe().rules, or say in `informative` why it is only shown",
            ));
        } else if computed && clause.informative.is_some() {
            problems.push(problem(
                place,
                "E-CLAUSE-SHAPE",
                format!(
                    "{:?} says that nothing acts on it, but the component declares it",
                    clause.id
                ),
                "take out `informative`, or the rule from describe()",
            ));
        }
    }
    problems
}

/// Facts that the component answered with and may not set.
fn facts(definition: &Definition, cases: &[CaseReport]) -> Vec<LintFinding> {
    let mut seen = BTreeSet::new();
    let mut problems = Vec::new();
    for case in cases {
        let answered = case.found.as_ref().and_then(|found| found.get("facts"));
        let Some(answered) = answered.and_then(toml::Value::as_table) else {
            continue;
        };
        for key in answered.keys() {
            if definition.is_computed(key) || !seen.insert(key.clone()) {
                continue;
            }
            let (code, message, hint) = if definition.fact_type(key).is_none() {
                (
                    "E-FACT-UNKNOWN",
                    format!("the component sets {key:?}, which does not exist"),
                    "declare it in the overlay's [facts] with `computed = true`",
                )
            } else {
                (
                    "E-FACT-NOT-COMPUTED",
                    format!("the component sets {key:?}, which people record"),
                    "let it set a fact of its own, declared with `computed = true`",
                )
            };
            let place = format!("{}: {:?}", case.file, case.name);
            problems.push(problem(place, code, message, hint));
        }
    }
    problems
}
