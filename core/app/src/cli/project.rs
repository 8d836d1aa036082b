//! `liucheng project`.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use clap::{Args, Subcommand};
use liucheng_engine::{
    Engine,
    commands::{Actor, Answer, Create, FireEvent},
    ports::{Page, ProjectRow},
};
use serde_json::json;

use super::{Global, table};
use crate::{
    compose, input,
    output::{Exit, Failure, document, line},
    view,
};

/// Commands on projects.
#[derive(Debug, Subcommand)]
pub enum ProjectCommand {
    /// Open a project.
    Create(CreateArgs),
    /// List projects by code.
    List(ListArgs),
    /// Show a project: states, obligations, payments, what is possible.
    Show(NameArgs),
    /// Fire an event.
    Fire(FireArgs),
    /// Show what happened.
    History(HistoryArgs),
}

/// Who acts.
#[derive(Debug, Args)]
pub struct ActorArgs {
    /// The name kept in the history.
    #[arg(long = "as", value_name = "NAME", default_value = "operator")]
    acting_as: String,
    /// A role; repeat for several, all roles if absent.
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    /// Repeating a command with the same key has no second effect.
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
}

impl ActorArgs {
    fn actor(&self) -> Actor {
        let roles: BTreeSet<String> = if self.roles.is_empty() {
            BTreeSet::from(["*".to_owned()])
        } else {
            self.roles.iter().cloned().collect()
        };
        Actor {
            name: self.acting_as.clone(),
            roles,
        }
    }
}

/// What to open.
#[derive(Debug, Args)]
pub struct CreateArgs {
    /// The readable number, such as YZ-2021.
    #[arg(long)]
    code: String,
    /// The name.
    #[arg(long)]
    name: String,
    /// The province package; without one only national law applies.
    #[arg(long, value_name = "SLUG", default_value = "")]
    province: String,
    /// Facts as one JSON object; `-` reads stdin.
    #[arg(long, value_name = "FILE")]
    facts: Option<PathBuf>,
    /// A single fact; repeat for several.
    #[arg(long = "fact", value_name = "KEY=VALUE")]
    pairs: Vec<String>,
    /// Who receives reminders of a role; repeat for several.
    #[arg(long = "contact", value_name = "ROLE=ADDRESS")]
    contacts: Vec<String>,
    #[command(flatten)]
    actor: ActorArgs,
}

/// Which projects.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Only codes after this one.
    #[arg(long, value_name = "CODE")]
    after: Option<String>,
    /// At most this many.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
}

/// Which project.
#[derive(Debug, Args)]
pub struct NameArgs {
    /// The project's code or id.
    project: String,
}

/// What to fire.
#[derive(Debug, Args)]
pub struct FireArgs {
    /// The project's code or id.
    project: String,
    /// The event.
    event: String,
    /// Facts as one JSON object; `-` reads stdin.
    #[arg(long, value_name = "FILE")]
    facts: Option<PathBuf>,
    /// A single fact; repeat for several.
    #[arg(long = "fact", value_name = "KEY=VALUE")]
    pairs: Vec<String>,
    /// Refuse if the project is not at this version.
    #[arg(long, value_name = "N")]
    expect_version: Option<u64>,
    #[command(flatten)]
    actor: ActorArgs,
}

/// Which records.
#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// The project's code or id.
    project: String,
    /// Only records after this one.
    #[arg(long, default_value_t = 0)]
    after: u64,
    /// At most this many.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=10000))]
    limit: u32,
}

/// Runs a command on projects.
pub async fn run(global: &Global, command: ProjectCommand) -> Result<Exit, Failure> {
    match command {
        ProjectCommand::Create(args) => create(global, args).await,
        ProjectCommand::Fire(args) => fire(global, args).await,
        ProjectCommand::List(args) => list(global, args).await,
        ProjectCommand::Show(args) => show(global, &args.project).await,
        ProjectCommand::History(args) => history(global, &args).await,
    }
}

async fn create(global: &Global, args: CreateArgs) -> Result<Exit, Failure> {
    let create = Create {
        code: args.code,
        name: args.name,
        province: args.province,
        facts: input::facts(args.facts.as_deref(), &args.pairs)?,
        contacts: contacts(&args.contacts)?,
    };
    let engine = compose::open(&global.data_dir()).await?;
    let key = args.actor.key.as_deref();
    let answer = engine.create(&args.actor.actor(), create, key).await?;
    answered(global, &answer)
}

async fn fire(global: &Global, args: FireArgs) -> Result<Exit, Failure> {
    let command = FireEvent {
        event: args.event,
        facts: input::facts(args.facts.as_deref(), &args.pairs)?,
        expected_version: args.expect_version,
    };
    let engine = compose::open(&global.data_dir()).await?;
    let id = engine.find(&args.project).await?;
    let key = args.actor.key.as_deref();
    let answer = engine.fire(&args.actor.actor(), id, command, key).await?;
    answered(global, &answer)
}

fn answered(global: &Global, answer: &Answer) -> Result<Exit, Failure> {
    if global.json {
        let json = serde_json::to_value(answer).map_err(liucheng_engine::CommandError::from)?;
        return document(&json).map(|()| Exit::Ok);
    }
    let states: Vec<String> = answer
        .states
        .iter()
        .map(|(r, s)| format!("{r}.{s}"))
        .collect();
    line(format!(
        "{} version {}: {}",
        answer.code,
        answer.version,
        states.join(" ")
    ))?;
    line(format!("possible next: {}", answer.possible.join(", ")))?;
    Ok(Exit::Ok)
}

fn contacts(pairs: &[String]) -> Result<BTreeMap<String, Vec<String>>, Failure> {
    let mut contacts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for pair in pairs {
        let split = pair
            .split_once('=')
            .filter(|(role, address)| !role.is_empty() && address.contains('@'));
        let Some((role, address)) = split else {
            return Err(Failure::new(
                Exit::Usage,
                "E-CONTACT",
                format!("{pair:?} is not ROLE=ADDRESS"),
            )
            .at("--contact")
            .hint("write --contact officer=office@county.example"));
        };
        contacts
            .entry(role.to_owned())
            .or_default()
            .push(address.to_owned());
    }
    Ok(contacts)
}

async fn list(global: &Global, args: ListArgs) -> Result<Exit, Failure> {
    let store = compose::open_read_only(&global.data_dir()).await?;
    let page = Page {
        after: args.after,
        limit: args.limit,
    };
    let rows = store
        .list(page)
        .await
        .map_err(liucheng_engine::CommandError::from)?;
    if global.json {
        let summaries: Vec<_> = rows.iter().map(view::summary).collect();
        let next = (rows.len() == args.limit as usize)
            .then(|| rows.last().map(|r| r.code.clone()))
            .flatten();
        return document(&json!({"projects": summaries, "next": next})).map(|()| Exit::Ok);
    }
    let cells = |row: &ProjectRow| {
        let due = row
            .next_due
            .map_or_else(|| "—".to_owned(), |d| d.to_string());
        let main = row
            .stage
            .split(' ')
            .find_map(|s| s.strip_prefix("lifecycle."))
            .unwrap_or(&row.stage);
        vec![
            row.code.clone(),
            row.name.clone(),
            main.to_owned(),
            due,
            row.version.to_string(),
        ]
    };
    let rows: Vec<Vec<String>> = rows.iter().map(cells).collect();
    for text in table::layout(&["编号", "项目", "阶段", "下一期限", "版本"], &rows, 80)
    {
        line(text)?;
    }
    Ok(Exit::Ok)
}

/// An engine that only reads.
async fn reading(global: &Global) -> Result<Engine, Failure> {
    compose::open_for_reading(&global.data_dir()).await
}

async fn show(global: &Global, name: &str) -> Result<Exit, Failure> {
    let engine = reading(global).await?;
    let id = engine.find(name).await?;
    let row = engine.load(id).await?;
    let view = view::project(&engine, &row).await?;
    if global.json {
        let json = serde_json::to_value(&view).map_err(liucheng_engine::CommandError::from)?;
        return document(&json).map(|()| Exit::Ok);
    }
    for text in view.lines(80) {
        line(text)?;
    }
    Ok(Exit::Ok)
}

async fn history(global: &Global, args: &HistoryArgs) -> Result<Exit, Failure> {
    let engine = reading(global).await?;
    let id = engine.find(&args.project).await?;
    let rows = engine.store.history(id, args.after, args.limit).await;
    let rows = rows.map_err(liucheng_engine::CommandError::from)?;
    let records = rows
        .iter()
        .map(view::record)
        .collect::<Result<Vec<_>, _>>()?;
    if global.json {
        let json = serde_json::to_value(&records).map_err(liucheng_engine::CommandError::from)?;
        return document(&json!({"project": args.project, "records": json})).map(|()| Exit::Ok);
    }
    for record in &records {
        for text in record.lines(80) {
            line(text)?;
        }
    }
    Ok(Exit::Ok)
}
