//! Testing and checking packages.

use std::path::PathBuf;

use clap::Args;
use liucheng_model::finding::Severity;
use liucheng_plugin_host::{CaseOutcome, CaseReport, Limits};
use serde_json::json;

use super::{Global, PackageArgs, author::failed, cache, need_folder};
use crate::{
    cli::workflow::finding_text,
    output::{Exit, Failure, document, line, line_cells, pad, paragraph, width, wrap},
    package::{
        Package, bless,
        examine::{Examined, examine, reason},
        signature::{self, SignedBy, Trust},
    },
    progress::Spinner,
};

/// What to test.
#[derive(Debug, Args)]
pub struct TestArgs {
    #[command(flatten)]
    package: PackageArgs,
    /// Write what was answered into the cases that differ; read the changes before you keep them.
    #[arg(long)]
    bless: bool,
}

/// What to check.
#[derive(Debug, Args)]
pub struct CheckArgs {
    #[command(flatten)]
    package: PackageArgs,
    /// The component, if it is not where the manifest says.
    #[arg(long, value_name = "FILE")]
    component: Option<PathBuf>,
}

fn examined(global: &Global, package: &Package) -> Result<Examined, Failure> {
    let spinner = Spinner::new(global.json, "");
    let examined = examine(package, cache(global), &|doing| spinner.say(doing));
    examined.map_err(|failure| failure.within(&package.place))
}

/// Runs the golden cases.
pub fn test(global: &Global, args: &TestArgs) -> Result<Exit, Failure> {
    if args.bless {
        need_folder(&args.package.path)?;
    }
    let package = Package::read(&args.package.path)?;
    let examined = examined(global, &package)?;
    let blessed = if args.bless {
        bless(&package, &examined)?
    } else {
        Vec::new()
    };
    // A case that was written anew is right by now.
    let is_open = |case: &&CaseReport| match &case.outcome {
        CaseOutcome::Passed => false,
        CaseOutcome::Differs(_) => !args.bless,
        _ => true,
    };
    let failed = examined.cases.iter().filter(is_open).count();
    let budget = Limits::default().fuel;
    if global.json {
        document(&json!({
            "package": examined.info.id,
            "version": examined.info.version,
            "cases": examined.cases.iter().map(case_json).collect::<Vec<_>>(),
            "failed": failed,
            "blessed": blessed,
            "fuel_budget": budget,
            "largest": examined.largest().map(case_json),
        }))?;
    } else {
        show_cases(&examined.cases, args.bless)?;
        for file in &blessed {
            line(format!("{file}: written anew"))?;
        }
        if let Some(largest) = examined.largest() {
            let text = format!(
                "largest case: {}, {} fuel, {:.2} % of the budget of {budget}",
                largest.name, largest.fuel, largest.fuel_percent
            );
            paragraph(&text, ("", "  "))?;
        }
        let (id, version) = (&examined.info.id, &examined.info.version);
        line(format!(
            "{id} {version}: {} case(s), {failed} failed",
            examined.cases.len()
        ))?;
    }
    if examined.cases.is_empty() {
        let message = format!("{}: there are no golden cases", package.place);
        return Err(Failure::new(Exit::Rejected, "E-PLUGIN-CASES", message)
            .at(package.place.clone())
            .hint("write questions with the answers they must have, see plugins/README.md"));
    }
    Ok(exit(failed == 0))
}

/// Writes the answers of differing cases into their files; the files that changed.
fn bless(package: &Package, examined: &Examined) -> Result<Vec<String>, Failure> {
    let mut written = Vec::new();
    for file in &package.cases {
        let of_file = examined.cases.iter().filter(|case| case.file == file.path);
        let reports: Vec<&CaseReport> = of_file.collect();
        if reports.iter().any(|case| case.name.is_empty()) {
            // The file cannot be read; that was said.
            continue;
        }
        let text = bless::blessed(&file.text, &reports).map_err(|f| f.at(file.path.clone()))?;
        if let Some(text) = text {
            std::fs::write(&file.path, text).map_err(|e| failed(file.path.as_ref(), &e))?;
            written.push(file.path.clone());
        }
    }
    Ok(written)
}

/// Says everything that stands against a package.
pub fn check(global: &Global, args: &CheckArgs) -> Result<Exit, Failure> {
    let package = match &args.component {
        Some(component) => Package::read_with(&args.package.path, component)?,
        None => Package::read(&args.package.path).map_err(|failure| {
            // A component beside an archive would not be the one that is installed.
            let is_unbuilt = failure.code == "E-PLUGIN-FILE"
                && failure.message.ends_with(".wasm")
                && args.package.path.is_dir();
            let hint = format!(
                "{}; one that lies elsewhere is named with --component",
                failure.hint
            );
            match is_unbuilt {
                true => failure.hint(hint),
                false => failure,
            }
        })?,
    };
    let signed = signature::verify(&package, &Trust::configured(&global.data_dir())?)?;
    let examined = examined(global, &package)?;
    if global.json {
        document(&report(&package, &examined, &signed))?;
    } else {
        show(&package, &examined, &signed)?;
    }
    Ok(exit(examined.is_good()))
}

fn exit(is_good: bool) -> Exit {
    if is_good { Exit::Ok } else { Exit::Rejected }
}

fn report(package: &Package, examined: &Examined, signed: &SignedBy) -> serde_json::Value {
    let info = &examined.info;
    let sizes: Vec<_> = sizes(package)
        .into_iter()
        .map(|(what, bytes, limit)| json!({"what": what, "bytes": bytes, "limit": limit}))
        .collect();
    json!({
        "package": info.id,
        "version": info.version,
        "component": info.digest,
        "hooks": info.hooks,
        "rules": info.rules,
        "imports": info.imports,
        "signed_by": signed.key(),
        "trusted": matches!(signed, SignedBy::Trusted(_)),
        "sizes": sizes,
        "problems": examined.problems.iter().map(|p| json!({
            "place": p.place, "code": p.code, "severity": p.severity, "message": p.message, "hint": p.hint,
        })).collect::<Vec<_>>(),
        "cases": examined.cases.iter().map(case_json).collect::<Vec<_>>(),
        "passed": examined.is_good(),
    })
}

/// What is large, its bytes and its limit.
fn sizes(package: &Package) -> Vec<(&'static str, usize, usize)> {
    let limits = Limits::default();
    let mut sizes = vec![
        ("component", package.component.len(), limits.component_bytes),
        (
            "manifest",
            package.manifest_text.len(),
            limits.manifest_bytes,
        ),
    ];
    if let Some(overlay) = &package.overlay {
        let most = liucheng_model::definition::SOURCE_MAX_BYTES;
        sizes.push(("overlay", overlay.text.len(), most));
    }
    sizes
}

fn show(package: &Package, examined: &Examined, signed: &SignedBy) -> Result<(), Failure> {
    let info = &examined.info;
    // A case that fails stands in the list of cases, with the same words.
    let others = examined.problems.iter();
    for problem in others.filter(|problem| problem.code != "E-PLUGIN-CASE") {
        paragraph(&finding_text(problem), ("", "  "))?;
        if !problem.hint.is_empty() {
            paragraph(&format!("hint: {}", problem.hint), ("  ", "  "))?;
        }
    }
    show_cases(&examined.cases, false)?;
    let list = |names: Vec<&str>| match names.is_empty() {
        true => "nothing".to_owned(),
        false => names.join(", "),
    };
    let hooks = info.hooks.iter().map(|hook| hook.name()).collect();
    let imports = info.imports.iter().map(String::as_str).collect();
    let sizes: Vec<String> = sizes(package)
        .into_iter()
        .map(|(what, bytes, limit)| format!("{what} {bytes} of {limit} bytes"))
        .collect();
    for (what, text) in [
        ("answers", list(hooks)),
        ("imports", list(imports)),
        ("sizes", sizes.join(", ")),
        ("signature", signed.words()),
    ] {
        let head = format!("{what:9}  ");
        paragraph(&text, (&head, "           "))?;
    }
    let errors = examined
        .problems
        .iter()
        .filter(|p| p.severity == Severity::Error)
        .count();
    line(format!(
        "{} {}: {} case(s), {} problem(s)",
        info.id,
        info.version,
        examined.cases.len(),
        errors
    ))
}

/// One line for each case; the names give way where the terminal is too narrow.
fn show_cases(cases: &[CaseReport], are_blessed: bool) -> Result<(), Failure> {
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
            verdict(case, are_blessed),
            case.hook,
            pad(&case.name, name_cells),
            case.fuel,
            case.fuel_percent
        ))?;
        if let Some(reason) = reason(&case.outcome) {
            let text = format!("{}: error[E-PLUGIN-CASE]: {}", case.file, reason.trim_end());
            for part in wrap(&text, line_cells(), ("     ", "     ")) {
                line(part)?;
            }
        }
    }
    Ok(())
}

fn verdict(case: &CaseReport, is_blessed: bool) -> &'static str {
    match &case.outcome {
        CaseOutcome::Passed => "ok",
        CaseOutcome::Differs(_) if is_blessed => "NEW",
        _ => "BAD",
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
