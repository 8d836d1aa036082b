//! `liucheng demo`: nine jurisdictions from survey to renewal, in simulated time.
//!
//! The same engine, store, plugin host and mailer as a live server; only the clock is simulated.
//! Every act carries an idempotency key, so a demo that was killed goes on where it was.

mod report;
mod script;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use chrono::NaiveTime;
use clap::{Args, builder::PossibleValuesParser};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use liucheng_engine::{
    CommandError, Engine,
    commands::Actor,
    ports::{Instant, Page, SimulatedClock},
    verify::verify,
};
use tokio::task::JoinSet;

use crate::{
    compose::{self, Adapters, Place},
    mail::{self, MailConfig},
    output::{Exit, Failure, document, line, line_cells},
};

use report::Report;
use script::{Act, Deed};

/// The widest summary: one that is read in a file or a mail is as wide as on a terminal.
const SUMMARY_CELLS: usize = 80;

/// Options of the demo.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Do not stay running after the demo.
    #[arg(long)]
    once: bool,
    /// Play this province package only; repeat for several.
    #[arg(long, value_name = "PROVINCE", value_parser = provinces())]
    only: Vec<String>,
    /// Show the whole course of a project as well, such as YZ-2021; repeat for several.
    #[arg(long, value_name = "CODE")]
    details: Vec<String>,
}

fn provinces() -> PossibleValuesParser {
    script::jurisdictions()
        .map(|(province, _)| province)
        .collect::<Vec<_>>()
        .into()
}

/// The right-hand side of message ids in the demo.
const MAIL_DOMAIN: &str = "demo.liucheng.example";

/// Runs the demo in a folder, or in a new one.
pub async fn run(args: DemoArgs, data: Option<PathBuf>, as_json: bool) -> Result<Exit, Failure> {
    // There is nothing to stay for yet; the option keeps scripts working once there is.
    let DemoArgs {
        once: _,
        only,
        details,
    } = args;
    let acts = script::acts(&only);
    if let Some(unknown) = details
        .iter()
        .find(|code| !acts.iter().any(|a| a.project == **code))
    {
        return Err(CommandError::NotFound(unknown.clone()).into());
    }
    let dir = match data {
        Some(dir) => dir,
        None => fresh_dir()?,
    };
    let start = acts.first().map(|a| a.on).unwrap_or_default();
    let clock = Arc::new(SimulatedClock::new(Instant::at(start, NaiveTime::MIN)));
    let mail = MailConfig {
        domain: MAIL_DOMAIN.to_owned(),
        ..MailConfig::default()
    };
    let adapters = Adapters {
        mailer: mail::mailer(&mail, &dir, clock.clone())?,
        clock: clock.clone(),
        mail_domain: mail.domain,
        calendar: compose::calendar(&[])?,
    };
    let engine = compose::open_with(&Place::new(dir.clone(), None), adapters).await?;
    refuse_others(&engine, &dir).await?;
    prepare(&engine, &acts).await?;
    play(&engine, &clock, &acts, progress(as_json, acts.len())).await?;
    let checks = verify(&*engine.store).await?;
    let report = Report::read(&engine, checks).await?;
    if as_json {
        document(&report.to_json())?;
    } else {
        // The summary is wrapped and loses nothing; a course is cut, and only where a terminal asks for it.
        let mut lines = report.lines(line_cells().min(SUMMARY_CELLS));
        for code in &details {
            lines.extend(report.details(code, line_cells()));
        }
        for text in lines {
            line(text)?;
        }
        let mut played =
            script::jurisdictions().filter(|(_, code)| acts.iter().any(|a| a.project == *code));
        let code = played.next().map_or("", |(_, code)| code);
        line(format!("\n数据目录 data folder: {}", dir.display()))?;
        line(format!(
            "邮件 mails:            {}",
            dir.join("mail").display()
        ))?;
        line(format!(
            "接着看 next:           liucheng --data {} project show {code}",
            dir.display(),
        ))?;
    }
    Ok(if report.is_consistent() {
        Exit::Ok
    } else {
        Exit::Rejected
    })
}

/// Refuses a folder with projects that are not the demo's: simulated time would fire their timers.
async fn refuse_others(engine: &Engine, dir: &Path) -> Result<(), Failure> {
    let all = script::acts(&[]);
    let opened: BTreeSet<(&str, &str)> = all
        .iter()
        .filter_map(|act| match &act.deed {
            Deed::Open(create) => Some((create.code.as_str(), create.name.as_str())),
            Deed::Fire(_) | Deed::Decide(_) => None,
        })
        .collect();
    let page = Page {
        after: None,
        // One more than the demo has: if it has only its own, there is no further one.
        limit: u32::try_from(opened.len() + 1).unwrap_or(u32::MAX),
    };
    let rows = engine.store.list(page).await.map_err(CommandError::from)?;
    let other = rows
        .iter()
        .find(|row| !opened.contains(&(row.code.as_str(), row.name.as_str())));
    match other {
        None => Ok(()),
        Some(row) => Err(Failure::new(
            Exit::Conflict,
            "E-DEMO-FOLDER",
            format!(
                "{} holds other projects, such as {}; simulated time would fire their timers",
                dir.display(),
                row.code
            ),
        )
        .at("--data")
        .hint("choose another --data, or none for a new folder")),
    }
}

/// Compiles the components side by side: one after the other, each on its first call, would take as
/// long as all the rest.
async fn prepare(engine: &Engine, acts: &[Act]) -> Result<(), Failure> {
    let provinces: BTreeSet<&str> = acts
        .iter()
        .filter_map(|act| match &act.deed {
            Deed::Open(create) => Some(create.province.as_str()),
            Deed::Fire(_) | Deed::Decide(_) => None,
        })
        .collect();
    let mut compilers = JoinSet::new();
    for province in provinces {
        let Some(package) = engine.library.entry(province)?.package.clone() else {
            continue;
        };
        let rules = Arc::clone(&engine.rules);
        compilers.spawn(async move { rules.prepare(&package).await });
    }
    while let Some(done) = compilers.join_next().await {
        let compiled = done.map_err(|e| CommandError::Internal(e.to_string()))?;
        compiled.map_err(CommandError::from)?;
    }
    Ok(())
}

/// Lets the officers act, and time pass between their acts.
async fn play(
    engine: &Engine,
    clock: &SimulatedClock,
    acts: &[Act],
    bar: ProgressBar,
) -> Result<(), Failure> {
    let morning = NaiveTime::from_hms_opt(9, 0, 0).unwrap_or_default();
    for today in acts.chunk_by(|a, b| a.on == b.on) {
        let Some(first) = today.first() else { continue };
        engine
            .advance(clock, Instant::at(first.on, morning))
            .await?;
        bar.set_message(first.on.to_string());
        // Acts of one project follow each other; projects share transactions, as they do on a server.
        let mut projects: BTreeMap<&str, Vec<Act>> = BTreeMap::new();
        for act in today {
            projects.entry(&act.project).or_default().push(act.clone());
        }
        let mut offices = JoinSet::new();
        for acts in projects.into_values() {
            let engine = engine.clone();
            offices.spawn(async move {
                for act in &acts {
                    perform(&engine, act).await?;
                }
                Ok::<(), Failure>(())
            });
        }
        while let Some(done) = offices.join_next().await {
            done.map_err(|e| CommandError::Internal(e.to_string()))??;
        }
        bar.inc(u64::try_from(today.len()).unwrap_or_default());
    }
    engine.deliver_due().await?;
    bar.finish_and_clear();
    Ok(())
}

async fn perform(engine: &Engine, act: &Act) -> Result<(), Failure> {
    let actor = Actor {
        name: act.role.to_owned(),
        roles: [act.role.to_owned()].into(),
    };
    let key = act.key();
    let key = Some(key.as_str());
    let (what, done) = match &act.deed {
        Deed::Open(create) => ("create", engine.create(&actor, create.clone(), key).await),
        Deed::Fire(command) => {
            let id = engine.find(&act.project).await?;
            let fired = engine.fire(&actor, id, command.clone(), key).await;
            (command.event.as_str(), fired)
        }
        Deed::Decide(command) => {
            let id = engine.find(&act.project).await?;
            let decided = engine.decide(&actor, id, command.clone(), key).await;
            (command.issue.as_str(), decided)
        }
    };
    let place = || format!("{} {} {what}", act.on, act.project);
    done.map(|_| ()).map_err(|e| Failure::from(e).at(place()))
}

fn progress(hidden: bool, acts: usize) -> ProgressBar {
    let target = if hidden {
        ProgressDrawTarget::hidden()
    } else {
        ProgressDrawTarget::stderr()
    };
    let bar = ProgressBar::with_draw_target(Some(acts as u64), target);
    if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len}") {
        bar.set_style(style);
    }
    bar
}

/// A new folder of its own below the system's temporary folder.
fn fresh_dir() -> Result<PathBuf, Failure> {
    let base = std::env::temp_dir();
    let fail = |e: std::io::Error| {
        Failure::new(
            Exit::Unavailable,
            "E-DATA-DIR",
            format!("{}: {e}", base.display()),
        )
    };
    for n in 0..10_000 {
        let dir: PathBuf = base.join(format!("liucheng-demo-{}-{n}", std::process::id()));
        match compose::private_dir().create(&dir) {
            Ok(()) => return Ok(dir),
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(fail(e)),
        }
    }
    Err(
        Failure::new(Exit::Unavailable, "E-DATA-DIR", "no free name for a folder").at(Path::new(
            &base,
        )
        .display()
        .to_string()),
    )
}
