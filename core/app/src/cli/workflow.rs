//! `liucheng workflow`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use liucheng_model::{
    definition::{
        Definition, Source,
        lint::{self, LintFinding},
    },
    diagram,
    finding::Severity,
    text::Language,
};
use serde_json::json;

use super::Global;
use crate::{
    builtin, input,
    output::{Exit, Failure, document, line},
};

/// Commands on definitions.
#[derive(Debug, Subcommand)]
pub enum WorkflowCommand {
    /// Report everything that is wrong with definitions and overlays.
    Check(CheckArgs),
    /// Draw the states and transitions.
    Diagram(DiagramArgs),
    /// List what implements each rule of what is built in.
    Coverage,
}

/// What to check.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Definition and overlay files; an overlay is laid over the definition among them, else over the built-in one.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// What to draw.
#[derive(Debug, Args)]
pub struct DiagramArgs {
    /// The definition; the built-in one if absent.
    file: Option<PathBuf>,
    /// The language of the drawing.
    #[arg(long, value_enum, default_value_t = Format::Mermaid)]
    format: Format,
    /// Only this region.
    #[arg(long)]
    region: Option<String>,
    /// English instead of Chinese.
    #[arg(long)]
    english: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Mermaid,
    Dot,
    Svg,
}

/// Runs a command on definitions.
pub fn run(global: &Global, command: WorkflowCommand) -> Result<Exit, Failure> {
    match command {
        WorkflowCommand::Check(args) => check(global, &args),
        WorkflowCommand::Diagram(args) => draw(&args),
        WorkflowCommand::Coverage => super::coverage::run(global),
    }
}

/// A file as it was read.
struct File {
    name: String,
    text: String,
    is_overlay: bool,
}

fn check(global: &Global, args: &CheckArgs) -> Result<Exit, Failure> {
    let mut files = Vec::new();
    for path in &args.files {
        let text = input::read_text(path)?;
        // An overlay says what it extends; only top-level keys before the first table count.
        let is_overlay = text
            .lines()
            .take_while(|l| !l.trim_start().starts_with('['))
            .any(|l| l.trim_start().starts_with("extends"));
        files.push(File {
            name: path.display().to_string(),
            text,
            is_overlay,
        });
    }
    let base = files.iter().find(|f| !f.is_overlay);
    let base = base.map_or((builtin::DEFINITION_NAME, builtin::DEFINITION), |f| {
        (&f.name, &f.text)
    });
    let base = Source {
        name: base.0,
        text: base.1,
    };
    let mut findings = Vec::new();
    for file in &files {
        let source = Source {
            name: &file.name,
            text: &file.text,
        };
        if file.is_overlay {
            findings.extend(lint::lint(base, Some(source)));
        } else {
            findings.extend(lint::lint(source, None));
        }
    }
    if global.json {
        let rows: Vec<_> = findings
            .iter()
            .map(|f| json!({"place": f.place, "code": f.code, "severity": f.severity, "message": f.message, "hint": f.hint}))
            .collect();
        document(&json!({"files": files.len(), "findings": rows}))?;
    } else {
        for finding in &findings {
            line(finding_text(finding))?;
            if !finding.hint.is_empty() {
                line(format!("  hint: {}", finding.hint))?;
            }
        }
        if findings.is_empty() {
            line(format!("{} file(s) checked, nothing found", files.len()))?;
        }
    }
    Ok(if findings.is_empty() {
        Exit::Ok
    } else {
        Exit::Rejected
    })
}

/// `place: error[CODE]: message`.
pub fn finding_text(finding: &LintFinding) -> String {
    let weight = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    };
    format!(
        "{}: {weight}[{}]: {}",
        finding.place, finding.code, finding.message
    )
}

fn draw(args: &DiagramArgs) -> Result<Exit, Failure> {
    let read = args
        .file
        .as_ref()
        .map(|path| Ok::<_, Failure>((path.display().to_string(), input::read_text(path)?)));
    let read = read.transpose()?;
    let (name, text) = match &read {
        Some((name, text)) => (name.as_str(), text.as_str()),
        None => (builtin::DEFINITION_NAME, builtin::DEFINITION),
    };
    let definition = Definition::load(Source { name, text }, None)
        .map_err(|errors| Failure::of_sources(&errors))?;
    if let Some(region) = &args.region
        && definition.region(region).is_none()
    {
        let known: Vec<&str> = definition
            .doc
            .regions
            .iter()
            .map(|r| r.id.as_str())
            .collect();
        return Err(Failure::new(
            Exit::NotFound,
            "E-REGION-UNKNOWN",
            format!("there is no region {region:?}"),
        )
        .at("--region")
        .hint(format!("regions: {}", known.join(", "))));
    }
    let language = if args.english {
        Language::En
    } else {
        Language::Zh
    };
    let region = args.region.as_deref();
    let drawing = match args.format {
        Format::Mermaid => diagram::mermaid(&definition, region, None, language),
        Format::Dot => diagram::dot(&definition, region, None, language),
        Format::Svg => diagram::svg(&definition, region, None, language),
    };
    line(drawing.trim_end())?;
    Ok(Exit::Ok)
}
