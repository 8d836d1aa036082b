//! Letting projects go by another version, taking that back, and asking past questions again.

use clap::Args;
use liucheng_engine::{Engine, replay::Outcome, upgrade::ProjectChange};
use liucheng_model::project::Project;
use serde_json::json;

use super::{
    Global,
    install::{ActArgs, show_changes},
};
use crate::{
    cli::table,
    compose,
    output::{Exit, Failure, counted, document, line, paragraph},
    progress::Spinner,
};

/// What to upgrade.
#[derive(Debug, Args)]
pub struct UpgradeArgs {
    /// The project's code or id.
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    project: Option<String>,
    /// All open projects of this package.
    #[arg(long, value_name = "ID")]
    all: Option<String>,
    /// Say what would change, and change nothing.
    #[arg(long, conflicts_with = "back")]
    dry_run: bool,
    /// Take the last change of version back.
    #[arg(long)]
    back: bool,
    #[command(flatten)]
    act: ActArgs,
}

/// Which project.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// The project's code or id.
    project: String,
}

/// Lets projects go by the version that is installed.
pub async fn upgrade(global: &Global, args: UpgradeArgs) -> Result<Exit, Failure> {
    let engine = compose::open(&global.place()).await?;
    let answered = match (&args.project, &args.all) {
        (Some(project), _) if args.back => back(global, &engine, &args, project).await,
        (None, Some(all)) if args.back => back_all(global, &engine, &args, all).await,
        (Some(project), _) => {
            let changes = vec![preview(&engine, project).await?];
            run(global, &engine, &args, changes).await
        }
        (None, all) => {
            let entry = engine.library.entry(all.as_deref().unwrap_or_default())?;
            let changes = engine.preview_upgrades(&entry).await?;
            run(global, &engine, &args, changes).await
        }
    };
    engine.store.close().await;
    answered
}

async fn preview(engine: &Engine, code: &str) -> Result<ProjectChange, Failure> {
    let id = engine.find(code).await?;
    let row = engine.load(id).await?;
    let project: Project =
        serde_json::from_str(&row.state).map_err(liucheng_engine::CommandError::from)?;
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

async fn run(
    global: &Global,
    engine: &Engine,
    args: &UpgradeArgs,
    changes: Vec<ProjectChange>,
) -> Result<Exit, Failure> {
    let mut fared = Vec::new();
    if !args.dry_run {
        let spinner = Spinner::new(global.json, "");
        let total = changes.len();
        for (done, change) in changes.iter().enumerate() {
            spinner.say(&format!("{} of {total}: {}", done + 1, change.project));
            let id = engine.find(&change.project).await?;
            let outcome = engine
                .upgrade(&args.act.actor(), id, args.act.reason())
                .await;
            fared.push(Fared {
                project: change.project.clone(),
                outcome: outcome.map_err(Failure::from),
            });
        }
    }
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
        let changes =
            serde_json::to_value(&changes).map_err(liucheng_engine::CommandError::from)?;
        document(&json!({"changes": changes, "dry_run": args.dry_run, "projects": rows}))?;
    } else {
        show_changes(&changes)?;
        for one in &failed {
            if let Err(failure) = &one.outcome {
                paragraph(&format!("{}: {failure}", one.project), ("", "  "))?;
            }
        }
        line(match args.dry_run {
            true => "nothing was changed".to_owned(),
            false => format!(
                "{} changed, {} failed",
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

async fn back(
    global: &Global,
    engine: &Engine,
    args: &UpgradeArgs,
    project: &str,
) -> Result<Exit, Failure> {
    let id = engine.find(project).await?;
    let changed = engine
        .roll_back(&args.act.actor(), id, args.act.reason())
        .await?;
    if global.json {
        return document(&json!({"project": project, "changed": changed})).map(|()| Exit::Ok);
    }
    line(match changed {
        true => format!("{project}: goes by the version before again"),
        false => format!("{project}: nothing has changed"),
    })?;
    Ok(Exit::Ok)
}

async fn back_all(
    global: &Global,
    engine: &Engine,
    args: &UpgradeArgs,
    package: &str,
) -> Result<Exit, Failure> {
    let (actor, reason) = (args.act.actor(), args.act.reason());
    let done = engine.roll_back_all(&actor, package, reason).await?;
    let changed = done.iter().filter(|(_, outcome)| outcome.is_ok()).count();
    let failed: Vec<(&String, String)> = done
        .iter()
        .filter_map(|(project, outcome)| Some((project, outcome.as_ref().err()?.to_string())))
        .collect();
    if global.json {
        let failed: Vec<_> = failed
            .iter()
            .map(|(project, reason)| json!({"project": project, "reason": reason}))
            .collect();
        document(&json!({"package": package, "changed": changed, "failed": failed}))?;
    } else {
        for (project, reason) in &failed {
            paragraph(&format!("{project}: {reason}"), ("", "  "))?;
        }
        line(format!(
            "{} by the version before again, {} failed",
            counted(changed as u64, "project goes", "projects go"),
            failed.len()
        ))?;
    }
    Ok(match failed.is_empty() {
        true => Exit::Ok,
        false => Exit::Rejected,
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
        let rows = serde_json::to_value(&replayed).map_err(liucheng_engine::CommandError::from)?;
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
