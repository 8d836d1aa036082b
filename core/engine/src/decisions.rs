//! Decisions of a jurisdiction on what its texts leave open.
//!
//! A decision is a document, so that the epochs seal who made it, when and why; the newest of each open
//! point counts. It holds for projects that are opened later, and is taken into those that are open and
//! have no decision of their own.

use std::collections::BTreeMap;

use liucheng_model::{
    decide::{self, Choose},
    definition::Definition,
    event::DecisionScope,
    rejection::Rejection,
};
use serde::{Deserialize, Serialize};

use crate::{
    Engine,
    commands::{Actor, Loaded, Step},
    error::CommandError,
    ports::{CommitError, Document, Instant, ProjectId},
    record::{Cause, digest},
};

/// The kind under which decisions are kept.
const KIND: &str = "decision";
/// How often a change is decided again when others are faster.
const ATTEMPTS: usize = 8;

/// A decision of a jurisdiction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ruling {
    /// The province package.
    pub province: String,
    /// The open point, such as `YZ-A2`.
    pub issue: String,
    /// The reading; `None` when an earlier decision was taken back.
    pub option: Option<String>,
    /// Why.
    pub reason: String,
    /// When.
    pub at: Instant,
    /// Who.
    pub actor: String,
}

impl Ruling {
    fn choice(&self) -> Choose {
        Choose {
            issue: self.issue.clone(),
            option: self.option.clone(),
            reason: self.reason.clone(),
            scope: DecisionScope::Jurisdiction,
        }
    }
}

impl Engine {
    /// Decides an open point for a jurisdiction; returns how many open projects changed with it.
    ///
    /// To repeat it after a crash is harmless: what was changed already stays as it is.
    ///
    /// # Errors
    /// [`CommandError`] for an unknown province, point or option, a missing reason or role.
    pub async fn rule(
        &self,
        actor: &Actor,
        province: &str,
        choice: (&str, Option<&str>),
        reason: &str,
    ) -> Result<usize, CommandError> {
        self.refresh_packages().await?;
        let entry = self.library.entry(province)?;
        let (issue, option) = choice;
        let ruling = Ruling {
            province: province.to_owned(),
            issue: issue.to_owned(),
            option: option.map(str::to_owned),
            reason: reason.to_owned(),
            at: self.clock.now(),
            actor: actor.name.clone(),
        };
        decide::check_choice(&entry.definition, &ruling.choice(), &actor.roles)?;
        let before = self.rulings(province).await?.remove(issue);
        // What was taken back may be repeated: projects that it has not reached yet are told then.
        if option.is_none() && before.is_none() {
            return Err(Rejection::NotDecided(issue.to_owned()).into());
        }
        let is_new = before.is_none_or(|before| {
            (before.option, before.reason) != (ruling.option.clone(), ruling.reason.clone())
        });
        if is_new {
            let text = serde_json::to_string(&ruling)?;
            let document = Document {
                kind: KIND.to_owned(),
                digest: digest(&text),
                id: province.to_owned(),
                version: issue.to_owned(),
                bytes: text.into_bytes(),
            };
            self.store.put_document(document).await?;
        }
        self.take_in(actor, &ruling).await
    }

    /// The decisions of a jurisdiction that hold, by open point; those taken back have no option.
    ///
    /// # Errors
    /// When the store cannot be read, or a decision does not read back.
    pub async fn rulings(&self, province: &str) -> Result<BTreeMap<String, Ruling>, CommandError> {
        let mut rulings = BTreeMap::new();
        let documents = self.store.documents(KIND).await?;
        for document in documents.iter().filter(|document| document.id == province) {
            let ruling: Ruling = serde_json::from_slice(&document.bytes)?;
            rulings.entry(ruling.issue.clone()).or_insert(ruling);
        }
        Ok(rulings)
    }

    /// What is decided for a project that is opened now.
    pub(crate) async fn decided_for(
        &self,
        province: &str,
        definition: &Definition,
    ) -> Result<Vec<Choose>, CommandError> {
        if definition.doc.issues.is_empty() {
            return Ok(Vec::new());
        }
        let rulings = self.rulings(province).await?.into_values();
        // A later version of the text may have settled the point, or know the option no more.
        let holds = |ruling: &Ruling| {
            let option = ruling.option.as_ref();
            option.is_some_and(|option| {
                definition
                    .issue(&ruling.issue)
                    .is_some_and(|issue| issue.option(option).is_some())
            })
        };
        Ok(rulings
            .filter(holds)
            .map(|ruling| ruling.choice())
            .collect())
    }

    async fn take_in(&self, actor: &Actor, ruling: &Ruling) -> Result<usize, CommandError> {
        let mut changed = 0;
        for id in self.open_projects(&ruling.province).await? {
            let loaded = self.loaded(id).await?;
            changed += usize::from(self.take_in_one(actor, ruling, loaded).await?);
        }
        Ok(changed)
    }

    async fn take_in_one(
        &self,
        actor: &Actor,
        ruling: &Ruling,
        mut loaded: Loaded,
    ) -> Result<bool, CommandError> {
        let id: ProjectId = loaded.id;
        for _ in 0..ATTEMPTS {
            if !concerns(&loaded, ruling) {
                return Ok(false);
            }
            let choice = ruling.choice();
            let decision = self.decided_choice(&loaded, actor, &choice).await?;
            let step = Step {
                id,
                before: Some(loaded.before),
                decision,
                cause: Cause::Decision {
                    issue: ruling.issue.clone(),
                },
                actor: actor.name.clone(),
                now: loaded.at,
                answer: None,
            };
            match self.write(step).await {
                Ok(()) => return Ok(true),
                Err(CommitError::Conflict { .. }) => loaded = self.loaded(id).await?,
                Err(error) => return Err(error.into()),
            }
        }
        Err(CommandError::Unavailable(
            "the project changes too fast".to_owned(),
        ))
    }
}

/// Whether a jurisdiction's decision changes a project: not where it has ended, has its own, goes by a
/// version that does not know the point, or has this one already.
fn concerns(loaded: &Loaded, ruling: &Ruling) -> bool {
    let (project, definition) = (&loaded.before.project, &loaded.definition);
    let Some(issue) = definition.issue(&ruling.issue) else {
        return false;
    };
    let option = ruling.option.as_ref();
    let known = option.is_none_or(|option| issue.option(option).is_some());
    let own = project.decisions.get(&ruling.issue) == Some(&DecisionScope::Project);
    let present = project.facts.get(&issue.fact());
    let same = present.and_then(|fact| fact.as_text()) == ruling.option.as_deref();
    known && !own && !same && !decide::has_ended(definition, project)
}
