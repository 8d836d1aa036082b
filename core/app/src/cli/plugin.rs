//! `liucheng plugin`.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use liucheng_model::definition::{Source, lint};
use liucheng_plugin_host::{
    CaseOutcome, CaseReport, CaseSource, Limits, Manifest, PackageSource, PluginHost, check_package,
};
use serde_json::json;

use super::{Global, table, workflow::finding_text};
use crate::{
    builtin, compose, input,
    output::{Exit, Failure, document, line, line_cells, pad, width, wrap},
};

/// Commands on province packages.
#[derive(Debug, Subcommand)]
pub enum PluginCommand {
    /// List the packages that are built in.
    List,
    /// Check a package folder: manifest, overlay, component, golden cases.
    Check(CheckArgs),
}

/// What to check.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The package's folder, with plugin.toml, overlay.toml and cases/.
    folder: PathBuf,
    /// The component, if it is not where the manifest says.
    #[arg(long, value_name = "FILE")]
    component: Option<PathBuf>,
}

/// Runs a command on packages.
pub fn run(global: &Global, command: PluginCommand) -> Result<Exit, Failure> {
    match command {
        PluginCommand::List => list(global),
        PluginCommand::Check(args) => check(global, &args),
    }
}

fn list(global: &Global) -> Result<Exit, Failure> {
    let parts = compose::loaded_parts(compose::calendar(&[])?, None)?;
    let packages = parts.rules.packages();
    if global.json {
        let rows: Vec<_> = packages
            .iter()
            .map(|p| json!({"id": p.id, "version": p.version, "component": p.digest, "hooks": p.hooks, "rules": p.rules, "imports": p.imports}))
            .collect();
        return document(&json!({"packages": rows})).map(|()| Exit::Ok);
    }
    let rows: Vec<Vec<String>> = packages
        .iter()
        .map(|p| {
            let hooks: Vec<&str> = p.hooks.iter().map(|h| h.name()).collect();
            vec![
                p.id.clone(),
                p.version.clone(),
                p.digest.chars().take(12).collect(),
                hooks.join(" "),
            ]
        })
        .collect();
    for text in table::fitted(&["package", "version", "component", "computes"], &rows) {
        line(text)?;
    }
    Ok(Exit::Ok)
}

fn check(global: &Global, args: &CheckArgs) -> Result<Exit, Failure> {
    let manifest_text = input::read_text(&args.folder.join("plugin.toml"))?;
    let manifest = Manifest::parse(&manifest_text).map_err(compose::plugin_failure)?;
    let component_path = component_path(args, &manifest);
    let component = std::fs::read(&component_path).map_err(|e| {
        Failure::new(
            Exit::Usage,
            "E-FILE",
            format!("{}: {e}", component_path.display()),
        )
        .hint("build it with `cargo xtask guests`, or name it with --component")
    })?;
    let mut problems = Vec::new();
    if let Some(overlay) = &manifest.overlay {
        let path = args.folder.join(overlay);
        let text = input::read_text(&path)?;
        let name = path.display().to_string();
        let base = Source {
            name: builtin::DEFINITION_NAME,
            text: builtin::DEFINITION,
        };
        problems.extend(lint::lint(
            base,
            Some(Source {
                name: &name,
                text: &text,
            }),
        ));
    }
    let cases = read_cases(&args.folder.join("cases"))?;
    let files: Vec<CaseSource<'_>> = cases
        .iter()
        .map(|(file, text)| CaseSource { file, text })
        .collect();
    let package = PackageSource {
        manifest: &manifest_text,
        component: &component,
    };
    let host = PluginHost::new(Limits::default(), None).map_err(compose::plugin_failure)?;
    let report = check_package(&host, package, &files).map_err(compose::plugin_failure)?;
    let failed = report
        .cases
        .iter()
        .filter(|c| c.outcome != CaseOutcome::Passed)
        .count()
        + problems.len();
    if global.json {
        document(&json!({
            "package": report.info.id,
            "version": report.info.version,
            "problems": problems.iter().map(finding_text).collect::<Vec<_>>(),
            "cases": report.cases.iter().map(case_json).collect::<Vec<_>>(),
        }))?;
    } else {
        for problem in &problems {
            line(finding_text(problem))?;
        }
        show_cases(&report.cases)?;
        line(format!(
            "{} {}: {} case(s), {failed} problem(s)",
            report.info.id,
            report.info.version,
            report.cases.len()
        ))?;
    }
    Ok(if failed == 0 {
        Exit::Ok
    } else {
        Exit::Rejected
    })
}

/// One line for each case; the names give way where the terminal is too narrow.
fn show_cases(cases: &[CaseReport]) -> Result<(), Failure> {
    /// Everything beside the name.
    const OTHER_CELLS: usize = 44;
    let longest = cases
        .iter()
        .map(|c| width(&c.name))
        .max()
        .unwrap_or_default();
    let name_cells = longest.min(line_cells().saturating_sub(OTHER_CELLS));
    for case in cases {
        line(format!(
            "{:4} {:14} {} {:>9} fuel {:>6.2} %",
            verdict(case),
            case.hook,
            pad(&case.name, name_cells),
            case.fuel,
            case.fuel_percent
        ))?;
        if let Some(reason) = reason(&case.outcome) {
            let text = format!("{}: {reason}", case.file);
            for part in wrap(&text, line_cells(), ("     ", "     ")) {
                line(part)?;
            }
        }
    }
    Ok(())
}

fn verdict(case: &CaseReport) -> &'static str {
    if case.outcome == CaseOutcome::Passed {
        "ok"
    } else {
        "BAD"
    }
}

fn reason(outcome: &CaseOutcome) -> Option<String> {
    match outcome {
        CaseOutcome::Passed => None,
        CaseOutcome::Differs(text) | CaseOutcome::Unreadable(text) => Some(text.clone()),
        CaseOutcome::Failed(error) => Some(error.to_string()),
    }
}

fn case_json(case: &CaseReport) -> serde_json::Value {
    json!({
        "file": case.file,
        "name": case.name,
        "hook": case.hook,
        "passed": case.outcome == CaseOutcome::Passed,
        "reason": reason(&case.outcome),
        "fuel": case.fuel,
        "fuel_percent": case.fuel_percent,
    })
}

/// Beside the manifest, or in the folder where this repository collects what it builds.
fn component_path(args: &CheckArgs, manifest: &Manifest) -> PathBuf {
    if let Some(path) = &args.component {
        return path.clone();
    }
    let beside = args.folder.join(&manifest.file);
    let collected = args.folder.join("../dist").join(&manifest.file);
    if beside.exists() { beside } else { collected }
}

fn read_cases(folder: &Path) -> Result<Vec<(String, String)>, Failure> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Ok(Vec::new());
    };
    let mut paths: Vec<PathBuf> = entries.filter_map(Result::ok).map(|e| e.path()).collect();
    paths.retain(|p| p.extension().is_some_and(|e| e == "toml"));
    paths.sort();
    paths
        .into_iter()
        .map(|p| Ok((p.display().to_string(), input::read_text(&p)?)))
        .collect()
}
