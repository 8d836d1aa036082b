//! `liucheng decision`: what a jurisdiction's texts leave open, and what it has decided.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use liucheng_engine::{CommandError, decisions::Ruling};
use liucheng_model::definition::IssueDoc;
use serde_json::{Value as Json, json};

use super::{Global, project::ActorArgs};
use crate::{
    compose,
    output::{Exit, Failure, document, line, line_cells, wrap},
    view::option_line,
};

/// Commands on open points.
#[derive(Debug, Subcommand)]
pub enum DecisionCommand {
    /// List what a package's texts leave open, with the options and what is decided.
    List(ListArgs),
    /// Decide an open point for all projects of a package that have no decision of their own.
    Make(MakeArgs),
}

/// Of which package.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// The package, such as ningxia-yuanzhou.
    province: String,
}

/// What to decide.
#[derive(Debug, Args)]
pub struct MakeArgs {
    /// The package, such as ningxia-yuanzhou.
    province: String,
    /// The open point, such as YZ-A2.
    issue: String,
    /// The reading that is taken from now on; without one an earlier decision is taken back.
    #[arg(long, value_name = "ID")]
    option: Option<String>,
    /// Why; kept with who decided.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    actor: ActorArgs,
}

/// Runs a command on open points.
pub async fn run(global: &Global, command: DecisionCommand) -> Result<Exit, Failure> {
    match command {
        DecisionCommand::List(args) => list(global, &args).await,
        DecisionCommand::Make(args) => make(global, &args).await,
    }
}

async fn list(global: &Global, args: &ListArgs) -> Result<Exit, Failure> {
    let place = global.place();
    // Where there is no database yet, nothing is decided; what is built in leaves open what it does. A
    // database that somebody names has to be there.
    let (entry, rulings) = if global.database.is_some() || compose::is_there(&place).await? {
        let engine = compose::open_for_reading(&place).await?;
        let entry = engine.library.entry(&args.province)?;
        (entry, engine.rulings(&args.province).await?)
    } else {
        compose::note_absent(&place);
        let parts = compose::parts(compose::calendar(&[])?, None, None)?;
        (parts.library.entry(&args.province)?, BTreeMap::new())
    };
    let issues = &entry.definition.doc.issues;
    if global.json {
        let rows = issues
            .iter()
            .map(|issue| row(issue, rulings.get(&issue.id)));
        let rows: Vec<Json> = rows.collect::<Result<_, _>>()?;
        return document(&json!({"province": args.province, "issues": rows})).map(|()| Exit::Ok);
    }
    for issue in issues {
        let question = format!("{}  {}", issue.id, issue.message.zh);
        for text in wrap(&question, line_cells(), ("", "      ")) {
            line(text)?;
        }
        for choice in issue.choices() {
            for text in wrap(&option_line(&choice), line_cells(), ("      ", "        ")) {
                line(text)?;
            }
        }
        let ruling = rulings.get(&issue.id);
        if let Some((ruling, option)) = ruling.and_then(|r| Some((r, r.option.as_ref()?))) {
            let (day, actor, reason) = (ruling.at.date(), &ruling.actor, &ruling.reason);
            let text = format!("→ {option}（{day} {actor}：{reason}）");
            for text in wrap(&text, line_cells(), ("      ", "        ")) {
                line(text)?;
            }
        }
    }
    Ok(Exit::Ok)
}

fn row(issue: &IssueDoc, ruling: Option<&Ruling>) -> Result<Json, Failure> {
    let options = serde_json::to_value(issue.choices()).map_err(CommandError::from)?;
    let decided = ruling
        .filter(|ruling| ruling.option.is_some())
        .map(|ruling| {
            json!({
                "option": ruling.option,
                "reason": ruling.reason,
                "actor": ruling.actor,
                "at": ruling.at.rfc3339(),
            })
        });
    Ok(json!({
        "issue": issue.id,
        "text": issue.text,
        "message": issue.message,
        "options": options,
        "decided": decided,
    }))
}

async fn make(global: &Global, args: &MakeArgs) -> Result<Exit, Failure> {
    let engine = compose::open(&global.place()).await?;
    let choice = (args.issue.as_str(), args.option.as_deref());
    let actor = args.actor.actor();
    let changed = engine
        .rule(&actor, &args.province, choice, &args.reason)
        .await?;
    engine.store.close().await;
    if global.json {
        return document(&json!({
            "province": args.province,
            "issue": args.issue,
            "option": args.option,
            "projects_changed": changed,
        }))
        .map(|()| Exit::Ok);
    }
    line(match &args.option {
        Some(option) => format!("{}：{option}，{changed} 个项目随之变更", args.issue),
        None => format!("{}：撤回决定，{changed} 个项目随之变更", args.issue),
    })?;
    Ok(Exit::Ok)
}
