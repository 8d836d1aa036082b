//! `liucheng project`.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use clap::{Args, Subcommand};
use liucheng_engine::{
    CommandError, Engine,
    commands::{Actor, Answer, Create, DecideIssue, FireEvent},
    library::Library,
    ports::{Page, ProjectRow, Store},
};
use liucheng_model::{definition::Definition, project::Project};
use serde_json::json;

use super::{Global, table};
use crate::{
    compose, input,
    output::{Exit, Failure, document, line, line_cells, pad, width, wrap},
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
    /// Decide what a text leaves open.
    Decide(DecideArgs),
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
    /// The actor.
    pub fn actor(&self) -> Actor {
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
    /// Go on where the province's component, which could not answer before, again gives no answer, and say why.
    #[arg(long, value_name = "REASON")]
    waive: Option<String>,
    #[command(flatten)]
    actor: ActorArgs,
}

/// What to decide.
#[derive(Debug, Args)]
pub struct DecideArgs {
    /// The project's code or id.
    project: String,
    /// The open point, such as YZ-A2.
    issue: String,
    /// The reading that is taken from now on; without one an earlier decision is taken back.
    #[arg(long, value_name = "ID")]
    option: Option<String>,
    /// Why; kept in the history with who decided.
    #[arg(long, value_name = "TEXT")]
    reason: String,
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
        ProjectCommand::Decide(args) => decide(global, args).await,
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
    let engine = compose::begin(&global.place()).await?;
    let key = args.actor.key.as_deref();
    let answer = engine.create(&args.actor.actor(), create, key).await?;
    answered(global, &engine, &answer).await
}

async fn fire(global: &Global, args: FireArgs) -> Result<Exit, Failure> {
    let command = FireEvent {
        event: args.event,
        facts: input::facts(args.facts.as_deref(), &args.pairs)?,
        expected_version: args.expect_version,
        waive: args.waive,
    };
    let engine = compose::open(&global.place()).await?;
    let id = engine.find(&args.project).await?;
    let key = args.actor.key.as_deref();
    let answer = engine.fire(&args.actor.actor(), id, command, key).await?;
    answered(global, &engine, &answer).await
}

async fn decide(global: &Global, args: DecideArgs) -> Result<Exit, Failure> {
    let command = DecideIssue {
        issue: args.issue,
        option: args.option,
        reason: args.reason,
        expected_version: args.expect_version,
    };
    let engine = compose::open(&global.place()).await?;
    let id = engine.find(&args.project).await?;
    let key = args.actor.key.as_deref();
    let answer = engine.decide(&args.actor.actor(), id, command, key).await?;
    answered(global, &engine, &answer).await
}

/// What a command did, for people: where the project stands now, what rules said, what is next.
async fn answered(global: &Global, engine: &Engine, answer: &Answer) -> Result<Exit, Failure> {
    if global.json {
        let json = serde_json::to_value(answer).map_err(CommandError::from)?;
        return document(&json).map(|()| Exit::Ok);
    }
    let row = engine.load(answer.id).await?;
    let project: Project = serde_json::from_str(&row.state).map_err(CommandError::from)?;
    let definition = engine
        .library
        .definition(&project.definition, &*engine.store)
        .await?;
    line(format!("{}  版本 {}", answer.code, answer.version))?;
    let regions = definition.doc.regions.iter();
    let stages = regions.filter_map(|region| {
        let state = answer.states.get(&region.id)?;
        let title = state_title(&definition, &region.id, state).unwrap_or(state);
        Some(format!("{}：{title}", region.title.zh))
    });
    let stages = stages.collect::<Vec<_>>().join("  ");
    for text in wrap(&stages, line_cells(), ("", "")) {
        line(text)?;
    }
    answer
        .findings
        .iter()
        .try_for_each(super::plan::show_finding)?;
    line("可执行：")?;
    let longest = answer.possible.iter().map(|e| width(e)).max();
    for event in &answer.possible {
        let mut ways = definition.doc.transitions.iter();
        let title = ways
            .find(|t| t.event() == event)
            .map(|t| t.title.zh.as_str());
        let event = pad(event, longest.unwrap_or_default());
        line(format!("  {event}  {}", title.unwrap_or_default()).trim_end())?;
    }
    Ok(Exit::Ok)
}

fn state_title<'d>(definition: &'d Definition, region: &str, state: &str) -> Option<&'d str> {
    let states = &definition.region(region)?.states;
    Some(states.iter().find(|s| s.id == state)?.title.zh.as_str())
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
    let store = compose::open_read_only(&global.place()).await?;
    let page = Page {
        after: args.after,
        limit: args.limit,
    };
    let rows = store.list(page).await.map_err(CommandError::from)?;
    if global.json {
        let summaries: Vec<_> = rows.iter().map(view::summary).collect();
        let next = (rows.len() == args.limit as usize)
            .then(|| rows.last().map(|r| r.code.clone()))
            .flatten();
        return document(&json!({"projects": summaries, "next": next})).map(|()| Exit::Ok);
    }
    // No package is needed to name a state: definitions come from what is built in or kept.
    let library = compose::parts(compose::calendar(&[])?, None, Some(""))?.library;
    let mut table = Vec::new();
    for row in &rows {
        let due = row
            .next_due
            .map_or_else(|| "—".to_owned(), |d| d.to_string());
        table.push(vec![
            row.code.clone(),
            row.name.clone(),
            stage(row, &library, &*store).await,
            due,
            row.version.to_string(),
        ]);
    }
    for text in table::fitted(&["编号", "项目", "阶段", "下一期限", "版本"], &table) {
        line(text)?;
    }
    Ok(Exit::Ok)
}

/// The title of the main region's state; its name where the definition cannot be read.
async fn stage(row: &ProjectRow, library: &Library, store: &dyn Store) -> String {
    const MAIN: &str = "lifecycle";
    let main = row
        .stage
        .split(' ')
        .find_map(|place| place.strip_prefix(MAIN)?.strip_prefix('.'));
    let Some(state) = main else {
        return row.stage.clone();
    };
    let Ok(project) = serde_json::from_str::<Project>(&row.state) else {
        return state.to_owned();
    };
    let definition = library.definition(&project.definition, store).await.ok();
    let title = definition.and_then(|d| state_title(&d, MAIN, state).map(str::to_owned));
    title.unwrap_or_else(|| state.to_owned())
}

/// An engine that only reads.
async fn reading(global: &Global) -> Result<Engine, Failure> {
    compose::open_for_reading(&global.place()).await
}

async fn show(global: &Global, name: &str) -> Result<Exit, Failure> {
    let engine = reading(global).await?;
    let id = engine.find(name).await?;
    let row = engine.load(id).await?;
    let view = view::project(&engine, &row).await?;
    if global.json {
        let json = serde_json::to_value(&view).map_err(CommandError::from)?;
        return document(&json).map(|()| Exit::Ok);
    }
    for text in view.lines(line_cells()) {
        line(text)?;
    }
    Ok(Exit::Ok)
}

async fn history(global: &Global, args: &HistoryArgs) -> Result<Exit, Failure> {
    let engine = reading(global).await?;
    let id = engine.find(&args.project).await?;
    let rows = engine.store.history(id, args.after, args.limit).await;
    let rows = rows.map_err(CommandError::from)?;
    let records = rows
        .iter()
        .map(view::record)
        .collect::<Result<Vec<_>, _>>()?;
    if global.json {
        let json = serde_json::to_value(&records).map_err(CommandError::from)?;
        return document(&json!({"project": args.project, "records": json})).map(|()| Exit::Ok);
    }
    for record in &records {
        for text in record.lines(line_cells()) {
            line(text)?;
        }
    }
    Ok(Exit::Ok)
}
