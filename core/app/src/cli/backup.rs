//! `liucheng backup`.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Value as Json, json};

use super::{
    Global,
    database::{bad, projects, report},
};
use crate::{
    backup::{self, Manifest},
    output::{Exit, Failure, counted, document, paragraph},
    progress::Bar,
};

/// Where to, or what to do with one that is there.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct BackupArgs {
    #[command(subcommand)]
    command: Option<BackupCommand>,
    /// The file to make; FILE.manifest.json is made beside it.
    #[arg(long, value_name = "FILE", required = true)]
    to: Option<PathBuf>,
    /// Replace a backup of that name.
    #[arg(long)]
    force: bool,
}

/// Commands on backups.
#[derive(Debug, Subcommand)]
pub enum BackupCommand {
    /// Try a backup out on a private copy: its bytes, its pages, every project's history and state.
    Verify(FileArgs),
}

/// A backup.
#[derive(Debug, Args)]
pub struct FileArgs {
    /// The backup; its manifest has to lie beside it.
    pub file: PathBuf,
}

/// Makes or tries out a backup.
pub async fn run(global: &Global, args: BackupArgs) -> Result<Exit, Failure> {
    match (args.command, args.to) {
        (Some(BackupCommand::Verify(args)), _) => verify(global, &args).await,
        (None, Some(to)) => {
            let bar = Bar::new(global.json);
            let manifest = backup::make(&global.place(), &to, args.force, &bar).await?;
            let folder = match to.parent() {
                Some(folder) if !folder.as_os_str().is_empty() => folder,
                _ => Path::new("."),
            };
            let stale = backup::stale(folder);
            if global.json {
                let file = to.display().to_string();
                document(&json!({"file": file, "manifest": manifest, "stale": stale}))?;
            } else {
                let text = format!("{}: {}", to.display(), described(&manifest));
                paragraph(&text, ("", "  "))?;
                for path in stale {
                    let text = format!(
                        "{} was left by a backup that was killed; remove it",
                        path.display()
                    );
                    paragraph(&text, ("note: ", "  "))?;
                }
            }
            Ok(Exit::Ok)
        }
        (None, None) => Err(Failure::new(Exit::Usage, "E-USAGE", "--to is missing")
            .at("--to")
            .hint("name the file of the backup; see `liucheng backup --help`")),
    }
}

async fn verify(global: &Global, args: &FileArgs) -> Result<Exit, Failure> {
    let drill = backup::drill(&args.file).await?;
    if global.json {
        let bad: Vec<_> = bad(&drill.checks).collect();
        document(&json!({
            "file": args.file.display().to_string(),
            "manifest": drill.manifest,
            "verified": projects(&drill.checks),
            "bad": bad,
        }))?;
    } else {
        let manifest = &drill.manifest;
        let text = format!("{}: {}", args.file.display(), described(manifest));
        paragraph(&text, ("", "  "))?;
        let text = format!("sha256 {} ok, pages ok, contents ok", manifest.sha256);
        paragraph(&text, ("", "  "))?;
    }
    report(global, &drill.checks)
}

/// What a backup holds, on one line.
pub fn described(manifest: &Manifest) -> String {
    let through = match &manifest.through {
        Some(at) => format!("up to {at}"),
        None => "no changes yet".to_owned(),
    };
    format!(
        "{}, {}, {through}; schema {}, {} bytes, made {} by {}",
        counted(manifest.projects, "project", "projects"),
        counted(manifest.records, "record", "records"),
        manifest.schema,
        manifest.bytes,
        manifest.made_at,
        manifest.made_by
    )
}

/// The same for programs, with what came of it.
pub fn as_json(manifest: &Manifest, mut rest: Json) -> Json {
    if let Json::Object(fields) = &mut rest {
        fields.insert("manifest".to_owned(), json!(manifest));
    }
    rest
}
