//! The command line: nouns, then verbs. One file for each noun.

mod audit;
mod backup;
mod bench;
mod calendar;
mod coverage;
mod database;
mod decision;
mod doctor;
mod migrate;
mod plan;
mod plugin;
mod project;
mod restore;
mod serve;
mod table;
mod token;
mod workflow;

use std::{io::Write, path::PathBuf, process::ExitCode};

use clap::{
    ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand,
    error::{ContextKind, ContextValue},
    parser::ValueSource,
};

use crate::{
    compose::{self, Place},
    demo,
    output::{self, EXIT_CODES, Exit, Failure},
};

/// Government purchases of social-work services, from survey to renewal (政府购买社会工作服务流程).
#[derive(Debug, Parser)]
#[command(name = "liucheng", version, after_help = EXIT_CODES, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Answer as JSON.
    #[arg(long, global = true)]
    pub json: bool,
    /// The data folder; `liucheng-data` in the working directory if absent.
    #[arg(long, global = true, value_name = "DIR", env = "LIUCHENG_DATA")]
    pub data: Option<PathBuf>,
    /// The database, `sqlite://PATH` or `postgres://USER@HOST/DATABASE`; `liucheng.db` in the data folder if absent.
    #[arg(
        long,
        global = true,
        value_name = "LOCATION",
        env = "LIUCHENG_DATABASE",
        hide_env_values = true
    )]
    pub database: Option<String>,
}

impl Global {
    /// The data folder, by default `liucheng-data` where the command is run.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.data
            .clone()
            .unwrap_or_else(|| PathBuf::from("liucheng-data"))
    }

    /// Where the data is.
    #[must_use]
    pub fn place(&self) -> Place {
        Place::new(self.data_dir(), self.database.clone())
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run nine jurisdictions from survey to renewal in simulated time.
    Demo(demo::DemoArgs),
    /// Serve the API and do the work that falls due.
    Serve(serve::ServeArgs),
    /// Open projects, look at them, fire events.
    #[command(subcommand)]
    Project(project::ProjectCommand),
    /// Look at what texts leave open, and decide it for a jurisdiction.
    #[command(subcommand)]
    Decision(decision::DecisionCommand),
    /// Compute deadlines and payments from facts; needs no project and no database.
    Plan(plan::PlanArgs),
    /// Look at the work calendar.
    #[command(subcommand)]
    Calendar(calendar::CalendarCommand),
    /// Check and draw definitions.
    #[command(subcommand)]
    Workflow(workflow::WorkflowCommand),
    /// Write, build, test, sign and look at province packages.
    #[command(subcommand)]
    Plugin(plugin::PluginCommand),
    /// Make, list and revoke access tokens for the API.
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// Look at configuration, disk, database, calendar, packages and mail.
    Doctor(doctor::DoctorArgs),
    /// Check that nothing was changed, dropped, inserted or reordered: short for `audit verify`.
    Verify(audit::VerifyArgs),
    /// Prove that nothing was changed: seal, export, check.
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Bring the database to this version's schema.
    Migrate,
    /// Copy databases.
    #[command(subcommand)]
    Database(database::DatabaseCommand),
    /// Back up the database, beside a server that may be running, and try backups out.
    Backup(backup::BackupArgs),
    /// Restore a backup into an empty place, checked before and after.
    Restore(backup::FileArgs),
    /// Measure what this machine can do, with its raw limit beside it.
    #[command(subcommand)]
    Bench(bench::BenchCommand),
    /// Print this reference.
    #[command(hide = true)]
    Reference,
}

impl Command {
    /// What to do where a server is at work on the data, which one process writes at a time.
    fn beside_a_server(&self) -> &'static str {
        use plugin::PluginCommand;
        use project::ProjectCommand;
        match self {
            Self::Project(ProjectCommand::Create(_)) => {
                "send it to the server: POST /api/v1/projects (docs/api.md); or stop the server, run this again and start it"
            }
            Self::Project(ProjectCommand::Fire(_)) => {
                "send it to the server: POST /api/v1/projects/CODE/fire (docs/api.md); or stop the server, run this again and start it"
            }
            Self::Project(ProjectCommand::Decide(_)) => {
                "send it to the server: POST /api/v1/projects/CODE/decisions (docs/api.md); or stop the server, run this again and start it"
            }
            Self::Decision(_) => {
                "send it to the server: POST /api/v1/provinces/ID/decisions (docs/api.md); or stop the server, run this again and start it"
            }
            Self::Plugin(PluginCommand::Install(_) | PluginCommand::Upgrade(_)) => {
                "stop the server, run this again and start it; --dry-run reads beside a running server"
            }
            Self::Serve(_) => {
                "another server, or a command that writes, has the data; stop it first, or give this one another --data"
            }
            _ => "stop the server, run this again and start it",
        }
    }
}

/// Runs the command line.
pub fn run() -> ExitCode {
    let parsed = Cli::command().try_get_matches().and_then(|matches| {
        let named = matches.value_source("data") == Some(ValueSource::CommandLine);
        read(&matches).map(|cli| (cli, named))
    });
    let (cli, named) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => return unparsed(&error),
    };
    let as_json = cli.global.json;
    let place = cli.global.place();
    let served = cli.command.beside_a_server();
    match execute(cli, named) {
        Ok(exit) => ExitCode::from(exit as u8),
        Err(failure) if failure.code == output::BROKEN_PIPE => ExitCode::SUCCESS,
        // A place says which other database it is about.
        Err(failure)
            if failure.code == "E-STORE-OPEN"
                && failure.place.is_empty()
                && !place.is_shared()
                && !place.file().exists() =>
        {
            let hint = compose::no_database_hint(&place);
            failure.hint(hint).report(as_json)
        }
        Err(failure) if failure.code == "E-STORE-LOCKED" && failure.place.is_empty() => {
            failure.hint(served).report(as_json)
        }
        Err(failure) => failure.report(as_json),
    }
}

fn read(matches: &ArgMatches) -> Result<Cli, clap::Error> {
    Cli::from_arg_matches(matches).map_err(|error| error.format(&mut Cli::command()))
}

/// Help and version are answers; everything else is a usage error with a code of its own.
fn unparsed(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        let shown = error.print().and_then(|()| std::io::stdout().flush());
        return match shown.map_err(|e| output::not_written(&e)) {
            Err(failure) if failure.code != output::BROKEN_PIPE => failure.report(false),
            _ => ExitCode::SUCCESS,
        };
    }
    let as_json = std::env::args_os().any(|a| a == "--json");
    usage(error).report(as_json)
}

/// A usage error: the whole message on one line, the argument where it is known, and how the command is used.
fn usage(error: &clap::Error) -> Failure {
    let text = error.render().to_string();
    let said = text
        .lines()
        .map(str::trim)
        .take_while(|l| !l.starts_with("Usage:") && !l.starts_with("For more information"));
    let (tips, message): (Vec<&str>, Vec<&str>) = said
        .filter(|l| !l.is_empty())
        .partition(|l| l.starts_with("tip: "));
    let message = message.join(" ");
    let place = [ContextKind::InvalidArg, ContextKind::InvalidSubcommand]
        .iter()
        .find_map(|kind| error.get(*kind));
    let place = match place {
        Some(ContextValue::String(name)) => name.clone(),
        Some(ContextValue::Strings(names)) => names.join(", "),
        _ => String::new(),
    };
    let tips = tips
        .iter()
        .map(|t| t.trim_start_matches("tip: ").to_owned());
    let mut hints: Vec<String> = tips.collect();
    let shown = text.lines().find_map(|l| l.trim().strip_prefix("Usage: "));
    hints.push(match shown {
        Some(usage) => format!("usage: {usage}; see `{} --help`", command_of(usage)),
        None => "see `liucheng --help`".to_owned(),
    });
    Failure::new(
        Exit::Usage,
        "E-USAGE",
        message.trim_start_matches("error: "),
    )
    .at(place)
    .hint(hints.join("; "))
}

/// The words of a usage line that name the command.
fn command_of(usage: &str) -> String {
    let is_word = |word: &&str| word.starts_with(|c: char| c.is_ascii_lowercase());
    let words: Vec<&str> = usage.split_whitespace().take_while(is_word).collect();
    words.join(" ")
}

fn execute(cli: Cli, data_is_named: bool) -> Result<Exit, Failure> {
    let global = cli.global;
    match cli.command {
        Command::Plan(args) => wait(plan::run(&global, args)),
        Command::Calendar(command) => calendar::run(&global, &command),
        Command::Workflow(command) => workflow::run(&global, command),
        Command::Plugin(command) => wait(plugin::run(&global, command)),
        Command::Project(command) => wait(project::run(&global, command)),
        Command::Decision(command) => wait(decision::run(&global, command)),
        Command::Token(command) => wait(token::run(&global, command)),
        Command::Doctor(args) => wait(doctor::run(&global, &args)),
        Command::Verify(args) => wait(audit::verify(&global, args)),
        Command::Audit(command) => wait(audit::run(&global, command)),
        Command::Migrate => wait(migrate::run(&global)),
        Command::Database(command) => wait(database::run(&global, command)),
        Command::Backup(args) => wait(backup::run(&global, args)),
        Command::Restore(args) => wait(restore::run(&global, args)),
        Command::Demo(args) => {
            // What the environment names is where real projects lie.
            let data = global.data.filter(|_| data_is_named);
            wait(demo::run(args, data, global.json))
        }
        Command::Bench(command) => {
            if data_is_named && !command.takes_data() {
                return Err(bench::data_is_of_no_use());
            }
            wait(bench::run(&global, command))
        }
        Command::Serve(args) => wait(serve::run(&global, args)),
        Command::Reference => reference(),
    }
}

/// Runs a future to its end on a runtime of its own.
fn wait<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::new(Exit::Internal, "E-RUNTIME", e.to_string()))?
        .block_on(future)
}

/// All commands with their options, as Markdown.
fn reference() -> Result<Exit, Failure> {
    output::line("# Command reference\n\nGenerated by `liucheng reference`.\n")?;
    let mut root = Cli::command();
    root.build();
    describe(&mut root, "liucheng")?;
    Ok(Exit::Ok)
}

fn describe(command: &mut clap::Command, path: &str) -> Result<(), Failure> {
    let help = command.render_long_help().to_string();
    let help: Vec<&str> = help.lines().map(str::trim_end).collect();
    output::line(format!(
        "## `{path}`\n\n```text\n{}\n```\n",
        help.join("\n").trim()
    ))?;
    for below in command.get_subcommands_mut() {
        if below.is_hide_set() || below.get_name() == "help" {
            continue;
        }
        let path = format!("{path} {}", below.get_name());
        describe(below, &path)?;
    }
    Ok(())
}
