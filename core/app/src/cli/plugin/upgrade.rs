//! Letting projects go by another version, taking that back, and asking past questions again.

use clap::Args;
use liucheng_engine::{CommandError, Engine, preview::ProjectChange, replay::Outcome};
use liucheng_model::{decide::check_reason, project::Project};
use serde_json::json;

use super::{Global, changes, install::ByArgs};
use crate::{
    cli::table,
    compose,
    output::{Exit, Failure, counted, document, line, paragraph},
    progress::Spinner,
};

/// What to upgrade.
#[derive(Debug, Args)]
#[command(
    override_usage = "liucheng plugin upgrade [OPTIONS] <PROJECT|--all <ID>> <--reason <TEXT>|--dry-run>"
)]
pub struct UpgradeArgs {
    /// The project's code or id.
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    project: Option<String>,
    /// All open projects of this package.
    #[arg(long, value_name = "ID")]
    all: Option<String>,
    /// Say what would change, and change nothing. Reads beside a running server.
    #[arg(long)]
    dry_run: bool,
    /// Take the last change of version back.
    #[arg(long)]
    back: bool,
    #[command(flatten)]
    by: ByArgs,
    /// Why; kept in the history of each project. Required, unless with --dry-run.
    #[arg(long, value_name = "TEXT", required_unless_present = "dry_run")]
    reason: Option<String>,
}

/// Which project.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// The project's code or id.
    project: String,
}

/// Lets projects go by the version that is installed, or by the one before again.
pub async fn upgrade(global: &Global, args: UpgradeArgs) -> Result<Exit, Failure> {
    let place = global.place();
    let engine = if args.dry_run {
        compose::open_for_reading(&place).await?
    } else {
        check_reason(args.reason.as_deref().unwrap_or_default()).map_err(CommandError::from)?;
        compose::open(&place).await?
    };
    let answered = match previews(&engine, &args).await {
        Ok(changes) => run(global, &engine, &args, changes).await,
        Err(failure) => Err(failure),
    };
    engine.store.close().await;
    answered
}

/// What would change for each of the projects that are named.
async fn previews(engine: &Engine, args: &UpgradeArgs) -> Result<Vec<ProjectChange>, Failure> {
    if let Some(project) = &args.project {
        let change = match args.back {
            true => {
                engine
                    .preview_roll_back(engine.find(project).await?)
                    .await?
            }
            false => preview(engine, project).await?,
        };
        return Ok(vec![change]);
    }
    let package = args.all.as_deref().unwrap_or_default();
    if args.back {
        return Ok(engine.preview_roll_backs(package).await?);
    }
    let entry = engine.library.entry(package)?;
    Ok(engine.preview_upgrades(&entry).await?)
}

async fn preview(engine: &Engine, code: &str) -> Result<ProjectChange, Failure> {
    let id = engine.find(code).await?;
    let row = engine.load(id).await?;
    let project: Project = serde_json::from_str(&row.state).map_err(CommandError::from)?;
    let province = project
        .package
        .map(|package| package.id)
        .unwrap_or_default();
    let entry = engine.library.entry(&province)?;
    Ok(engine.preview_upgrade(id, &entry).await?)
}

/// How one project fared.
struct Fared {
    project: String,
    outcome: Result<bool, Failure>,
}

/// Lets each project change, unless that is only to be looked at.
async fn act(
    global: &Global,
    engine: &Engine,
    args: &UpgradeArgs,
    changes: &[ProjectChange],
) -> Result<Vec<Fared>, Failure> {
    let (actor, reason) = (args.by.actor(), args.reason.as_deref().unwrap_or_default());
    let spinner = Spinner::new(global.json, "");
    let total = changes.len();
    let mut fared = Vec::new();
    for (done, change) in changes.iter().enumerate() {
        spinner.say(&format!("{} of {total}: {}", done + 1, change.project));
        let id = engine.find(&change.project).await?;
        let outcome = match args.back {
            true => engine.roll_back(&actor, id, reason).await,
            false => engine.upgrade(&actor, id, reason).await,
        };
        fared.push(Fared {
            project: change.project.clone(),
            outcome: outcome.map_err(Failure::from),
        });
    }
    Ok(fared)
}

async fn run(
    global: &Global,
    engine: &Engine,
    args: &UpgradeArgs,
    changes: Vec<ProjectChange>,
) -> Result<Exit, Failure> {
    let fared = match args.dry_run {
        true => Vec::new(),
        false => act(global, engine, args, &changes).await?,
    };
    let failed: Vec<&Fared> = fared.iter().filter(|one| one.outcome.is_err()).collect();
    let changed = fared
        .iter()
        .filter(|one| matches!(one.outcome, Ok(true)))
        .count();
    if global.json {
        let rows: Vec<_> = fared
            .iter()
            .map(|one| json!({
                "project": one.project,
                "changed": matches!(one.outcome, Ok(true)),
                "error": one.outcome.as_ref().err().map(|f| json!({"code": f.code, "message": f.message})),
            }))
            .collect();
        let changes = serde_json::to_value(&changes).map_err(CommandError::from)?;
        document(&json!({
            "changes": changes,
            "dry_run": args.dry_run,
            "back": args.back,
            "projects": rows,
            "changed": match args.project {
                Some(_) => json!(changed > 0),
                None => json!(changed),
            },
        }))?;
    } else {
        if args.back && changes.is_empty() {
            line("no open project has a change of version that could be taken back")?;
        } else {
            changes::show(&changes)?;
        }
        for one in &failed {
            if let Err(failure) = &one.outcome {
                paragraph(&format!("{}: {failure}", one.project), ("", "  "))?;
            }
        }
        let version = match args.back {
            true => " by the version before again",
            false => "",
        };
        line(match args.dry_run {
            true => "nothing was changed".to_owned(),
            false => format!(
                "{} changed{version}, {} failed",
                counted(changed as u64, "project", "projects"),
                failed.len()
            ),
        })?;
    }
    let is_refused = args.dry_run && changes.iter().any(|change| change.refused.is_some());
    Ok(if failed.is_empty() && !is_refused {
        Exit::Ok
    } else {
        Exit::Rejected
    })
}

/// Puts every past question of a project to its component again.
pub async fn replay(global: &Global, args: &ReplayArgs) -> Result<Exit, Failure> {
    let engine = compose::open_for_reading(&global.place()).await?;
    let id = engine.find(&args.project).await?;
    let replayed = engine.replay(id).await?;
    engine.store.close().await;
    let good = replayed
        .iter()
        .filter(|one| one.outcome == Outcome::Same)
        .count();
    if global.json {
        let rows = serde_json::to_value(&replayed).map_err(CommandError::from)?;
        document(&json!({"project": args.project, "verdicts": rows, "same": good}))?;
    } else {
        let cells: Vec<Vec<String>> = replayed
            .iter()
            .map(|one| {
                let outcome = match &one.outcome {
                    Outcome::Same => "the same".to_owned(),
                    Outcome::AnotherQuestion(text) => format!("another question: {text}"),
                    Outcome::AnotherAnswer(text) => format!("another answer: {text}"),
                    Outcome::NoAnswer(text) => format!("no answer: {text}"),
                };
                vec![
                    one.seq.to_string(),
                    one.hook.name().to_owned(),
                    format!("{} {}", one.package.id, one.package.version),
                    one.fuel.to_string(),
                    outcome,
                ]
            })
            .collect();
        for text in table::fitted(&["record", "asked", "package", "fuel", "answer"], &cells) {
            line(text)?;
        }
        line(format!(
            "{}, {good} the same",
            counted(replayed.len() as u64, "verdict", "verdicts")
        ))?;
    }
    Ok(if good == replayed.len() {
        Exit::Ok
    } else {
        Exit::Rejected
    })
}
