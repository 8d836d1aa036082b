//! The invariant checker: what holds of every store at every moment, whatever went wrong.
//!
//! * state = fold(history), the hash chain, columns and timers (the product's own `verify`);
//! * a timer fired once at most for each generation, and never before its time;
//! * timer rows stand where the history says, unless they were postponed;
//! * the outbox holds exactly the mails that the history's reminders ask for, each with an id of its own.

use std::collections::{BTreeMap, BTreeSet};

use liucheng_engine::{
    library::Library,
    planning::{Occasion, reminder},
    ports::{Instant, Page, ProjectId, ProjectRow, Store},
    record::{Cause, Record},
    verify::verify,
};
use liucheng_model::{event::Event, project::Project};

use crate::Failed;

/// Postponements of timers that are known: project, key and generation → instant.
pub type Postponed = BTreeMap<(ProjectId, String, u64), Instant>;

/// Rows and records read at a time.
const PAGE: u32 = 500;

/// What is wrong with a store; empty when all is well.
///
/// `postponed` tells which timers were moved without a record; where it is `None`, that is not known,
/// and timers may stand later than the history says.
///
/// # Errors
/// When the store cannot be read.
pub async fn invariants(
    store: &dyn Store,
    library: &Library,
    postponed: Option<&Postponed>,
) -> Result<Vec<String>, Failed> {
    let mut problems = Vec::new();
    for check in verify(store).await? {
        problems.extend(
            check
                .problems
                .iter()
                .map(|p| format!("{}: {p}", check.code)),
        );
    }
    let mut ids = BTreeSet::new();
    for row in projects(store).await? {
        let code = row.code.clone();
        let found = project(store, library, (row, postponed), &mut ids).await?;
        problems.extend(found.into_iter().map(|p| format!("{code}: {p}")));
    }
    Ok(problems)
}

/// All projects of a store.
///
/// # Errors
/// When the store cannot be read.
pub async fn projects(store: &dyn Store) -> Result<Vec<ProjectRow>, Failed> {
    let mut all: Vec<ProjectRow> = Vec::new();
    loop {
        let after = all.last().map(|row| row.code.clone());
        let page = store.list(Page { after, limit: PAGE }).await?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

/// The whole history of a project.
///
/// # Errors
/// When the store cannot be read, or a record is no record.
pub async fn history(store: &dyn Store, id: ProjectId) -> Result<Vec<Record>, Failed> {
    let mut all: Vec<Record> = Vec::new();
    loop {
        let after = all.last().map_or(0, |record| record.seq);
        let page = store.history(id, after, PAGE).await?;
        if page.is_empty() {
            return Ok(all);
        }
        for row in &page {
            all.push(Record::open(row)?);
        }
    }
}

async fn project(
    store: &dyn Store,
    library: &Library,
    (row, postponed): (ProjectRow, Option<&Postponed>),
    ids: &mut BTreeSet<String>,
) -> Result<Vec<String>, Failed> {
    let mut problems = Vec::new();
    let mut state: Option<Project> = None;
    let mut fired = BTreeSet::new();
    let mut expected = BTreeMap::new();
    for record in history(store, row.id).await? {
        if let Cause::Timer { key } = &record.cause {
            let timer = state.as_ref().and_then(|p| p.timers.get(key));
            match timer {
                None => problems.push(format!(
                    "record {}: {key} fired without being set",
                    record.seq
                )),
                Some(timer) => {
                    if record.at < Instant::at(timer.at.date(), timer.at.time()) {
                        problems.push(format!(
                            "record {}: {key} fired before {}",
                            record.seq, timer.at
                        ));
                    }
                    if !fired.insert((key.clone(), timer.generation)) {
                        problems.push(format!("record {}: {key} fired twice", record.seq));
                    }
                }
            }
        }
        for event in &record.events {
            match (&mut state, event) {
                (None, Event::Opened(opening)) => state = Some(Project::opened(opening)),
                (Some(project), event) => project.apply(event),
                (None, _) => {}
            }
        }
        let Some(project) = &state else { continue };
        expected.extend(mails(store, library, project, &record).await?);
    }
    let mut planned = BTreeMap::new();
    for mail in store.mail(row.id).await? {
        if !ids.insert(mail.row.mail.message_id.clone()) {
            problems.push(format!(
                "two mails with the id {}",
                mail.row.mail.message_id
            ));
        }
        if planned
            .insert(mail.row.key.clone(), mail.row.mail.to)
            .is_some()
        {
            problems.push(format!("two mails for {}", mail.row.key));
        }
    }
    for key in expected.keys().filter(|key| !planned.contains_key(*key)) {
        problems.push(format!("the mail {key} is lost"));
    }
    for (key, to) in &planned {
        if expected.get(key) != Some(to) {
            problems.push(format!("the mail {key} to {to} was not asked for"));
        }
    }
    if let Some(project) = &state {
        problems.extend(timers(store, row.id, project, postponed).await?);
    }
    Ok(problems)
}

/// The mails a record asks for: occasion → address.
async fn mails(
    store: &dyn Store,
    library: &Library,
    project: &Project,
    record: &Record,
) -> Result<BTreeMap<String, String>, Failed> {
    let mut mails = BTreeMap::new();
    for event in &record.events {
        let (key, step, roles, occasion) = match event {
            Event::ReminderDue {
                key, step, roles, ..
            } => (key, step.to_string(), roles, Occasion::Reminder),
            Event::ObligationAnnounced { key, roles } => {
                (key, "open".to_owned(), roles, Occasion::Announcement)
            }
            _ => continue,
        };
        let definition = library.definition(&project.definition, store).await?;
        if reminder(project, &definition, key, occasion, record.at).is_none() {
            continue;
        }
        let generation = project.obligations.get(key).map_or(0, |o| o.generation);
        let contacts = roles.iter().filter_map(|role| project.contacts.get(role));
        for to in contacts.flatten() {
            mails.insert(format!("{key}#{generation}/{step}/{to}"), to.clone());
        }
    }
    Ok(mails)
}

async fn timers(
    store: &dyn Store,
    id: ProjectId,
    project: &Project,
    postponed: Option<&Postponed>,
) -> Result<Vec<String>, Failed> {
    let mut problems = Vec::new();
    for row in store.timers(id).await? {
        // What is missing or of another generation `verify` has found already.
        let Some(timer) = project
            .timers
            .get(&row.key)
            .filter(|t| t.generation == row.generation)
        else {
            continue;
        };
        let at = Instant::at(timer.at.date(), timer.at.time());
        let moved = match postponed {
            Some(known) => known.get(&(id, row.key.clone(), row.generation)) == Some(&row.at),
            None => row.at > at,
        };
        if row.at != at && !moved {
            problems.push(format!(
                "timer {} stands at {} instead of {}",
                row.key,
                row.at.rfc3339(),
                timer.at
            ));
        }
    }
    Ok(problems)
}
