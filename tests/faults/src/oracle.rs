//! What clients were told, against what the history says.
//!
//! Acknowledged commands ⊆ history ⊆ attempted commands ∪ timers. Each command is given in the name of a
//! person of its own, so that its records are found.

use std::collections::BTreeMap;

use liucheng_engine::{
    CommandError,
    commands::{Answer, Create, FireEvent, SYSTEM},
    ports::Store,
    record::Cause,
};

use crate::{
    Failed,
    check::{history, projects},
    scene::person,
};

/// A command as its client gave it.
#[derive(Debug, Clone)]
pub enum Command {
    /// Opens a project.
    Create(Create),
    /// Fires an event of the project of that code.
    Fire(String, FireEvent),
}

/// One attempt to have a command carried out.
#[derive(Debug, Clone, Default)]
pub struct Attempt {
    /// Some answer to the command was known when it began.
    pub answered_before: bool,
    /// What the client heard; `None` when the connection broke.
    pub heard: Option<Result<Answer, CommandError>>,
}

/// A command and what became of it.
#[derive(Debug, Clone)]
pub struct Attempted {
    /// What was to be done.
    pub command: Command,
    /// The idempotency key.
    pub key: Option<String>,
    /// How often it was tried.
    pub attempts: Vec<Attempt>,
}

impl Attempted {
    /// A command that was not tried yet.
    #[must_use]
    pub fn new(command: Command, key: Option<String>) -> Self {
        Self {
            command,
            key,
            attempts: Vec::new(),
        }
    }

    /// The first answer that its client heard.
    #[must_use]
    pub fn answer(&self) -> Option<&Answer> {
        self.attempts
            .iter()
            .find_map(|a| a.heard.as_ref()?.as_ref().ok())
    }

    /// Begins an attempt; returns its number.
    pub fn begin(&mut self) -> usize {
        let answered_before = self.answer().is_some();
        self.attempts.push(Attempt {
            answered_before,
            heard: None,
        });
        self.attempts.len() - 1
    }

    /// Nobody can know whether it was carried out, and it can be asked again.
    #[must_use]
    pub fn is_open(&self) -> bool {
        let heard = |a: &Attempt| a.heard.clone();
        let unsure =
            |h: Option<Result<_, CommandError>>| !matches!(h, Some(Err(e)) if !unknown(&e));
        self.key.is_some()
            && !self.attempts.is_empty()
            && self.answer().is_none()
            && self.attempts.iter().map(heard).all(unsure)
    }
}

/// Whether an error leaves open if the command was carried out.
fn unknown(error: &CommandError) -> bool {
    matches!(error, CommandError::Unavailable(_) | CommandError::Full(_))
}

/// All commands of a test; a command's number is that of its person.
#[derive(Debug, Clone, Default)]
pub struct Oracle {
    /// The commands by number.
    pub commands: Vec<Attempted>,
}

/// A record of the history that a person made.
struct Made {
    code: String,
    seq: u64,
    cause: Cause,
}

impl Oracle {
    /// How many commands were acknowledged.
    #[must_use]
    pub fn acknowledged(&self) -> usize {
        self.commands
            .iter()
            .filter(|c| c.answer().is_some())
            .count()
    }

    /// What contradicts the histories of a store; empty when all is well.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn problems(&self, store: &dyn Store) -> Result<Vec<String>, Failed> {
        let mut problems = Vec::new();
        let mut made: BTreeMap<String, Vec<Made>> = BTreeMap::new();
        for row in projects(store).await? {
            for record in history(store, row.id).await? {
                let system = matches!(
                    record.cause,
                    Cause::Timer { .. } | Cause::Calendar | Cause::Incident
                );
                if system != (record.actor == SYSTEM) {
                    problems.push(format!(
                        "{} record {}: {:?} by {}",
                        row.code, record.seq, record.cause, record.actor
                    ));
                }
                if !system {
                    let one = Made {
                        code: row.code.clone(),
                        seq: record.seq,
                        cause: record.cause,
                    };
                    made.entry(record.actor).or_default().push(one);
                }
            }
        }
        for (number, command) in self.commands.iter().enumerate() {
            let name = person(number).name;
            let records = made.remove(&name).unwrap_or_default();
            let found = judge(command, &records);
            problems.extend(found.into_iter().map(|p| format!("{name}: {p}")));
        }
        for (name, records) in made {
            problems.extend(
                records
                    .iter()
                    .map(|r| format!("{} record {}: nobody asked, it says {name}", r.code, r.seq)),
            );
        }
        Ok(problems)
    }
}

fn judge(command: &Attempted, records: &[Made]) -> Vec<String> {
    let mut problems = Vec::new();
    if let [first, .., last] = records {
        problems.push(format!(
            "carried out {} times, in records {} and {}",
            records.len(),
            first.seq,
            last.seq
        ));
    }
    let record = records.first();
    let fits = |r: &Made| match &command.command {
        Command::Create(create) => r.cause == Cause::Open && r.code == create.code,
        Command::Fire(code, fire) => {
            r.code == *code && matches!(&r.cause, Cause::Command { event } if *event == fire.event)
        }
    };
    if let Some(record) = record.filter(|r| !fits(r)) {
        problems.push(format!(
            "asked for {:?}, record {} of {} is {:?}",
            command.command, record.seq, record.code, record.cause
        ));
    }
    let first = command.answer();
    let mut known_refused = !command.attempts.is_empty();
    for attempt in &command.attempts {
        match &attempt.heard {
            Some(Ok(answer)) => {
                known_refused = false;
                if Some(answer) != first {
                    problems.push(format!("two answers: {first:?} and {answer:?}"));
                }
                let there =
                    record.is_some_and(|r| r.seq == answer.version && r.code == answer.code);
                if !there {
                    problems.push(format!(
                        "acknowledged as record {} of {}, which is not there",
                        answer.version, answer.code
                    ));
                }
            }
            Some(Err(error)) if unknown(error) => known_refused = false,
            Some(Err(error)) if attempt.answered_before && command.key.is_some() => {
                problems.push(format!("carried out, and then refused: {error}"));
            }
            Some(Err(_)) => {}
            None => known_refused = false,
        }
    }
    if known_refused && record.is_some() {
        problems.push("refused, and carried out".to_owned());
    }
    problems
}
