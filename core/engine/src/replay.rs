//! Putting past questions to components again: the same question has to get the same answer.
//!
//! A question is not kept as such: it follows from the history, the definition that the project went by
//! at the time, and the calendar. That it is the same one is shown by its digest.

use std::sync::Arc;

use chrono::NaiveDate;
use liucheng_model::{
    event::Event,
    project::Project,
    verdict::{Hook, PackagePin, Verdict},
};
use serde::Serialize;

use crate::{
    Engine,
    error::CommandError,
    ports::{ProjectId, RecordRow, RuleCall},
    record::{Cause, Record},
};

/// Records read at a time.
const PAGE: u32 = 200;

/// How a past verdict stands up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Replayed {
    /// The record that holds the verdict.
    pub seq: u64,
    /// What was asked.
    pub hook: Hook,
    /// Who answered.
    pub package: PackagePin,
    /// Instructions it took then.
    pub fuel: u64,
    /// How it stands up.
    pub outcome: Outcome,
}

/// The outcome of asking again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "outcome", content = "detail")]
pub enum Outcome {
    /// The same question, the same answer, the same instructions.
    Same,
    /// The question cannot be put again, and why.
    AnotherQuestion(String),
    /// The same question gets another answer.
    AnotherAnswer(String),
    /// No answer at all.
    NoAnswer(String),
}

impl Engine {
    /// Puts every question of a project's history to its component again.
    ///
    /// # Errors
    /// When the store cannot be read or the history does not read back.
    pub async fn replay(&self, id: ProjectId) -> Result<Vec<Replayed>, CommandError> {
        let mut replayed = Vec::new();
        let mut project: Option<Project> = None;
        let mut after = 0;
        loop {
            let rows = self.store.history(id, after, PAGE).await?;
            let Some(last) = rows.last() else { break };
            after = last.seq;
            for row in rows {
                self.replay_record(&row, &mut project, &mut replayed)
                    .await?;
            }
        }
        Ok(replayed)
    }

    async fn replay_record(
        &self,
        row: &RecordRow,
        project: &mut Option<Project>,
        replayed: &mut Vec<Replayed>,
    ) -> Result<(), CommandError> {
        let record = Record::open(row)?;
        // All questions of a record were put before the first answer was taken in.
        let mut asked: Option<Project> = None;
        for event in &record.events {
            let question = match (event, &*project) {
                (Event::VerdictGiven(verdict), Some(project)) => {
                    let then = &*asked.get_or_insert_with(|| project.clone());
                    Some((verdict, then, transition(&record)))
                }
                // Asked about what was decided, and of no transition.
                (Event::VerdictRenewed { verdict, .. }, Some(project)) => {
                    Some((verdict, project, ""))
                }
                _ => None,
            };
            if let Some((verdict, then, transition)) = question {
                let today = record.at.date();
                let outcome = self.ask_again((today, transition), then, verdict).await?;
                replayed.push(Replayed {
                    seq: record.seq,
                    hook: verdict.hook,
                    package: verdict.package.clone(),
                    fuel: verdict.fuel,
                    outcome,
                });
            }
            match project.as_mut() {
                Some(project) => project.apply(event),
                None => *project = Project::fold([event]),
            }
        }
        Ok(())
    }

    async fn ask_again(
        &self,
        (today, transition): (NaiveDate, &str),
        project: &Project,
        verdict: &Verdict,
    ) -> Result<Outcome, CommandError> {
        if let Err(error) = self.need_package(&verdict.package).await {
            return Ok(Outcome::NoAnswer(error.to_string()));
        }
        let pin = &project.definition;
        let definition = self.library.definition(pin, &*self.store).await?;
        let mut facts = project.facts.clone();
        facts.extend(verdict.arguments.clone());
        let then = &project.calendar;
        let Some(calendar) = self.library.calendar_of(then, &*self.store).await? else {
            let reason = format!("it was asked with calendar {then}, which is not kept");
            return Ok(Outcome::AnotherQuestion(reason));
        };
        let call = RuleCall {
            package: verdict.package.clone(),
            hook: verdict.hook,
            transition: transition.to_owned(),
            today,
            facts: definition.with_defaults(&facts).0.into_owned(),
            parameters: Arc::clone(&definition.parameters),
            calendar,
        };
        let again = match self.rules.ask(call).await {
            Ok(again) => again,
            Err(fault) => return Ok(Outcome::NoAnswer(format!("{}: {fault}", fault.code))),
        };
        if again.input != verdict.input {
            let reason = "the question that follows from the history is another one";
            return Ok(Outcome::AnotherQuestion(reason.to_owned()));
        }
        let (then, now) = (
            serde_json::to_string(&verdict.answer)?,
            serde_json::to_string(&again.answer)?,
        );
        if then != now || again.next != verdict.next {
            return Ok(Outcome::AnotherAnswer(now));
        }
        if again.fuel != verdict.fuel {
            let text = format!("{} instructions instead of {}", again.fuel, verdict.fuel);
            return Ok(Outcome::AnotherAnswer(text));
        }
        Ok(Outcome::Same)
    }
}

/// The transition that asked.
fn transition(record: &Record) -> &str {
    match &record.cause {
        Cause::Command { event } => event,
        _ => "",
    }
}
