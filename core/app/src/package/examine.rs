//! Everything that can be said against a package before it is installed.
//!
//! The manifest and the digests were checked when the package was read. Here the overlay is laid over the
//! definition, the component is compiled and asked who it is, its golden cases run with production limits,
//! and what overlay and component say of each other is compared.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use liucheng_model::{
    definition::{
        Definition, Source, SourceError,
        coverage::{Coverage, coverage},
        lint,
        lint::LintFinding,
    },
    finding::Severity,
    verdict::Hook,
};
use liucheng_plugin_host::{
    CaseOutcome, CaseReport, CaseSource, Limits, PackageInfo, PackageReport, PackageSource,
    ParameterProblem, PluginHost, run_cases,
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
        let mut errors = self
            .problems
            .iter()
            .filter(|p| p.severity == Severity::Error);
        let first = errors.next()?;
        let hint = match errors.count() {
            0 => first.hint.clone(),
            n => format!(
                "{}; {n} more stand against the package: run `liucheng plugin check`",
                first.hint
            ),
        };
        Some(
            Failure::new(Exit::Rejected, first.code, first.message.clone())
                .at(first.place.clone())
                .hint(hint),
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
    let overlay = package.overlay.as_ref().map(TextFile::source);
    let definition = match Definition::load(base(), overlay) {
        Ok(definition) => Some(definition),
        Err(errors) => {
            // The linter says most of it, and better; what shows only where the overlay is laid over the
            // definition has to be said as well.
            if problems.iter().all(|p| p.severity != Severity::Error) {
                problems.extend(errors.into_iter().map(of_source));
            }
            None
        }
    };
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
    let nothing = BTreeMap::new();
    let parameters = match &definition {
        Some(definition) => &*definition.parameters,
        None => &nothing,
    };
    let report = run_cases(&host, loaded, parameters, &files);
    // An overlay that cannot be read says nothing about its numbers.
    if let Some(definition) = &definition {
        problems.extend(together(package, definition, &report));
    }
    problems.extend(report.cases.iter().filter_map(failed));
    Ok(Examined {
        info: report.info,
        problems,
        cases: report.cases,
    })
}

/// A golden case that fails, with the whole difference.
fn failed(case: &CaseReport) -> Option<LintFinding> {
    let reason = reason(&case.outcome)?;
    let reason = reason.trim_end();
    let (place, message, hint) = match &case.outcome {
        CaseOutcome::Unreadable(_) if case.name.is_empty() => (
            case.file.clone(),
            format!("the file of golden cases cannot be read: {reason}"),
            "correct the file; its form is described in plugins/README.md",
        ),
        CaseOutcome::Unreadable(_) => (
            of_case(case),
            format!("the golden case cannot be read: {reason}"),
            "correct the case; its form is described in plugins/README.md",
        ),
        _ => (
            of_case(case),
            format!("the golden case fails: {reason}"),
            "correct the component or the overlay; where the answer is right, `liucheng plugin test --bless` writes it into the case",
        ),
    };
    Some(problem(place, "E-PLUGIN-CASE", message, hint))
}

/// Where a golden case is: its file and its name.
fn of_case(case: &CaseReport) -> String {
    format!("{}: {:?}", case.file, case.name)
}

fn of_source(error: SourceError) -> LintFinding {
    problem(error.place, error.code, error.message, error.hint)
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

/// What overlay, component and cases say of each other.
fn together(
    package: &Package,
    definition: &Definition,
    report: &PackageReport,
) -> Vec<LintFinding> {
    let mut problems = match &package.overlay {
        Some(file) => of_overlay(file, definition, report),
        None => Vec::new(),
    };
    let differing = report.parameters.iter();
    problems.extend(differing.map(|other| parameter(package, other)));
    problems
}

fn of_overlay(
    file: &TextFile,
    definition: &Definition,
    report: &PackageReport,
) -> Vec<LintFinding> {
    let mut problems = Vec::new();
    let info = &report.info;
    if let Some(coverage) = coverage(base(), Some(file.source()))
        && !coverage.clauses.is_empty()
    {
        problems.extend(unknown_rules(definition, info));
        problems.extend(uncovered(file, &coverage, info));
    }
    problems.extend(unanswered_steps(file, info));
    problems.extend(facts(definition, &report.cases));
    problems
}

/// A number of the cases that projects would not be judged by.
fn parameter(package: &Package, other: &ParameterProblem) -> LintFinding {
    let file = package.cases.iter().find(|file| file.path == other.file);
    let place = file.map(|file| file.source().place(other.offset));
    let (key, given) = (&other.key, &other.given);
    let (message, hint) = match &other.overlay {
        None => (
            format!("the cases have the parameter {key:?}, which the overlay does not have"),
            "write it into the overlay, or take it out here: projects have the overlay's parameters only",
        ),
        Some(overlay) => (
            format!("{key:?} is {given} here and {overlay} in the overlay"),
            "correct the one that is wrong; a file of cases without [parameters] has those of the overlay, and a single \
             case that is to differ says so in [case.parameters]",
        ),
    };
    let place = place.unwrap_or_else(|| other.file.clone());
    problem(place, "E-PLUGIN-PARAMETER", message, hint)
}

/// Steps that the component is to run, where it runs none.
fn unanswered_steps(file: &TextFile, info: &PackageInfo) -> Vec<LintFinding> {
    #[derive(Deserialize)]
    struct Steps {
        #[serde(default)]
        step: Vec<Step>,
    }
    #[derive(Deserialize)]
    struct Step {
        id: String,
        run: Option<Spanned<bool>>,
    }
    if info.hooks.contains(&Hook::Step) {
        return Vec::new();
    }
    let steps = toml::from_str::<Steps>(&file.text).map(|read| read.step);
    let asked = steps.unwrap_or_default().into_iter().filter_map(|step| {
        let run = step.run.filter(|run| *run.get_ref())?;
        Some(problem(
            file.source().place(run.span().start),
            "E-PLUGIN-HOOK",
            format!(
                "the component is to run the step {:?}, but does not answer `step`",
                step.id
            ),
            "list `step` in the component's hooks and answer it, or take out `run`",
        ))
    });
    asked.collect()
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
            problems.push(problem(of_case(case), code, message, hint));
        }
    }
    problems
}
