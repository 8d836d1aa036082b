//! What another version of its package would change about a project, looked at before it is changed.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use liucheng_model::{
    decide::{self, Stale},
    definition::Definition,
    event::AdoptionCause,
    finding::Finding,
    project::Project,
    verdict::{Answer, Hook, PackagePin, Verdict},
};
use serde::Serialize;

use crate::{
    Engine,
    commands::Loaded,
    difference::{self, FindingChange, Said, ValueChange},
    error::CommandError,
    library::Entry,
    ports::ProjectId,
    upgrade::{adoption, context_of, differs},
};

/// The reason of changes that are only looked at.
const PREVIEW: &str = "preview";

/// What another version of its package would change about a project: dates, facts and what stands on it as
/// found change with the version, at once; what a transition asks is answered by it from then on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProjectChange {
    /// The project's code.
    pub project: String,
    /// The package it goes by.
    pub from: Option<PackagePin>,
    /// The package it would go by.
    pub to: Option<PackagePin>,
    /// Dates that appear, move or go at once.
    pub dates: Vec<DateChange>,
    /// Facts that are carried over otherwise: set, changed or dropped at once.
    pub facts: Vec<ValueChange>,
    /// What stands on the project as found, and changes at once.
    pub renewed: Vec<RenewedFindings>,
    /// Answers that differ, and count when a transition asks the next time: until then facts and payments stay
    /// as they are.
    pub at_next_question: Vec<VerdictChange>,
    /// What the new component says about carrying facts over.
    pub findings: Vec<Finding>,
    /// Why the project cannot go by the new version: code and sentence.
    pub refused: Option<String>,
}

impl ProjectChange {
    fn new(project: &Project, to: Option<PackagePin>) -> Self {
        Self {
            project: project.code.clone(),
            from: project.package.clone(),
            to,
            dates: Vec::new(),
            facts: Vec::new(),
            renewed: Vec::new(),
            at_next_question: Vec::new(),
            findings: Vec::new(),
            refused: None,
        }
    }

    /// Whether anything but the version would change.
    #[must_use]
    pub fn is_visible(&self) -> bool {
        self.changes_at_once() || !self.at_next_question.is_empty() || self.refused.is_some()
    }

    /// Whether something would change with the version, rather than when a transition asks.
    #[must_use]
    pub fn changes_at_once(&self) -> bool {
        !self.dates.is_empty() || !self.facts.is_empty() || !self.renewed.is_empty()
    }
}

/// Findings that stand on a project, and would change with the version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RenewedFindings {
    /// What was asked.
    pub hook: Hook,
    /// Those that differ.
    pub findings: Vec<FindingChange>,
}

/// A date that would change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DateChange {
    /// The obligation's key.
    pub obligation: String,
    /// Its last day now; `None` where there is no such obligation, or no day.
    pub before: Option<NaiveDate>,
    /// Its last day then.
    pub after: Option<NaiveDate>,
}

/// An answer that would differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerdictChange {
    /// What is asked.
    pub hook: Hook,
    /// The answer now: findings, facts and payments; or why there is none.
    pub before: Result<Option<Answer>, String>,
    /// The answer then.
    pub after: Result<Option<Answer>, String>,
    /// The findings of it that differ, without those that stand on the project by then.
    pub findings: Vec<FindingChange>,
    /// The facts and payments of it that differ.
    pub values: Vec<ValueChange>,
}

impl VerdictChange {
    fn of(
        hook: Hook,
        before: Result<Option<Answer>, String>,
        after: Result<Option<Answer>, String>,
    ) -> Self {
        let answer = |said: &Result<Option<Answer>, String>| said.clone().ok().flatten();
        let (now, then) = (answer(&before), answer(&after));
        Self {
            hook,
            findings: difference::findings(now.as_ref(), then.as_ref()),
            values: difference::values(now.as_ref(), then.as_ref()),
            before,
            after,
        }
    }

    /// Whether anything is left to say: another finding, fact or payment, or an answer where there was none.
    fn says_something(&self) -> bool {
        let both = matches!((&self.before, &self.after), (Ok(Some(_)), Ok(Some(_))));
        !both || !self.findings.is_empty() || !self.values.is_empty()
    }
}

impl Engine {
    /// What each open project of a province would go through if it went by this version; those that go by
    /// it already are left out.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn preview_upgrades(
        &self,
        entry: &Entry,
    ) -> Result<Vec<ProjectChange>, CommandError> {
        let Some(package) = &entry.package else {
            return Ok(Vec::new());
        };
        let mut changes = Vec::new();
        for id in self.open_projects(&package.id).await? {
            let loaded = self.loaded(id).await?;
            if differs(&loaded.before.project, entry) {
                changes.push(self.preview(&loaded, entry).await?);
            }
        }
        Ok(changes)
    }

    /// What one project would go through.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn preview_upgrade(
        &self,
        id: ProjectId,
        entry: &Entry,
    ) -> Result<ProjectChange, CommandError> {
        let loaded = self.loaded(id).await?;
        self.preview(&loaded, entry).await
    }

    /// What each open project of a package would go through if its last change of version were taken back;
    /// those that had none are left out.
    ///
    /// # Errors
    /// As [`roll_back_all`](Self::roll_back_all).
    pub async fn preview_roll_backs(
        &self,
        province: &str,
    ) -> Result<Vec<ProjectChange>, CommandError> {
        self.known_package(province).await?;
        let mut changes = Vec::new();
        for id in self.open_projects(province).await? {
            match self.preview_roll_back(id).await {
                Ok(change) => changes.push(change),
                Err(CommandError::NothingToRollBack { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(changes)
    }

    /// What one project would go through if its last change of version were taken back.
    ///
    /// # Errors
    /// [`CommandError::NothingToRollBack`], or the store cannot be read.
    pub async fn preview_roll_back(&self, id: ProjectId) -> Result<ProjectChange, CommandError> {
        let loaded = self.loaded(id).await?;
        let project = &*loaded.before.project;
        let adopted = self.adoption_to_undo(&loaded).await?;
        let mut change = ProjectChange::new(project, adopted.before.package);
        match self.version_before(&loaded, PREVIEW).await {
            Ok(Some(decision)) => {
                let then = decision.project;
                let pin = &then.definition;
                let definition = self.library.definition(pin, &*self.store).await?;
                self.compare(&loaded, &then, &definition, &mut change).await;
            }
            Ok(None) => {}
            Err(error) => change.refused = Some(format!("{}: {error}", error.code())),
        }
        Ok(change)
    }

    async fn preview(&self, loaded: &Loaded, entry: &Entry) -> Result<ProjectChange, CommandError> {
        let project = &*loaded.before.project;
        let mut change = ProjectChange::new(project, entry.package.clone());
        let migrated = self.migration(project, entry).await;
        let adopted = migrated.and_then(|migration| {
            change.findings.clone_from(&migration.findings);
            let adopt = adoption(entry, migration, AdoptionCause::Command, PREVIEW);
            let decision = decide::adopt_package(context_of(loaded, entry), project, &adopt)?;
            Ok(decision)
        });
        match adopted {
            Ok(Some(decision)) => {
                let definition = &entry.definition;
                let stale = Stale::all(project);
                let decision = self.renewed(loaded, definition, (decision, stale)).await;
                let then = &decision.project;
                self.compare(loaded, then, definition, &mut change).await;
            }
            Ok(None) => {}
            Err(error) => change.refused = Some(format!("{}: {error}", error.code())),
        }
        Ok(change)
    }

    /// Notes what differs between a project now and then.
    async fn compare(
        &self,
        loaded: &Loaded,
        then: &Project,
        definition: &Definition,
        change: &mut ProjectChange,
    ) {
        let now = &*loaded.before.project;
        change.dates = date_changes(now, then);
        change.facts = difference::facts(&now.facts, &then.facts);
        change.renewed = renewed(now, then);
        let mut answers = self.verdict_changes(loaded, then, definition).await;
        answers.retain_mut(|answer| {
            if let Some(standing) = then.findings.get(&answer.hook) {
                answer.findings.retain(|one| !stands(standing, one));
            }
            answer.says_something()
        });
        change.at_next_question = answers;
    }

    async fn verdict_changes(
        &self,
        loaded: &Loaded,
        then: &Project,
        definition: &Definition,
    ) -> Vec<VerdictChange> {
        let now = &*loaded.before.project;
        let before = self.answers(now, &loaded.definition, loaded).await;
        let after = self.answers(then, definition, loaded).await;
        let hooks = before.keys().chain(after.keys()).copied();
        let hooks: BTreeSet<Hook> = hooks.collect();
        let of = |answers: &BTreeMap<Hook, Result<Answer, String>>, hook: &Hook| {
            answers.get(hook).cloned().transpose()
        };
        let changes = hooks
            .into_iter()
            .map(|hook| (hook, of(&before, &hook), of(&after, &hook)));
        changes
            .filter(|(_, before, after)| before != after)
            .map(|(hook, before, after)| VerdictChange::of(hook, before, after))
            .collect()
    }

    /// What the component says today about the facts as they are, by what it is asked.
    async fn answers(
        &self,
        project: &Project,
        definition: &Definition,
        loaded: &Loaded,
    ) -> BTreeMap<Hook, Result<Answer, String>> {
        let mut answers = BTreeMap::new();
        let Some(package) = &project.package else {
            return answers;
        };
        if let Err(error) = self.need_package(package).await {
            answers.insert(Hook::Check, Err(error.to_string()));
            return answers;
        }
        let hooks = self.rules.hooks(package).unwrap_or_default();
        for hook in hooks.into_iter().filter(|hook| *hook != Hook::Step) {
            let call = self.standing_question((package, hook), project, definition, loaded);
            let answer = self.rules.ask(call).await;
            let answer = answer.map(|verdict: Verdict| verdict.answer);
            answers.insert(
                hook,
                answer.map_err(|fault| format!("{}: {fault}", fault.code)),
            );
        }
        answers
    }
}

/// Whether a change is one already by what stands on the project then.
fn stands(standing: &[Finding], change: &FindingChange) -> bool {
    let stands = |said: &Said| {
        let mut standing = standing.iter().filter(|one| one.rule == change.rule);
        standing.any(|one| difference::said(one.clone()) == *said)
    };
    match (&change.before, &change.after) {
        (_, Some(after)) => stands(after),
        (before, None) => !before.as_ref().is_some_and(stands),
    }
}

fn renewed(now: &Project, then: &Project) -> Vec<RenewedFindings> {
    let hooks: BTreeSet<Hook> = now
        .findings
        .keys()
        .chain(then.findings.keys())
        .copied()
        .collect();
    let of =
        |project: &Project, hook: &Hook| project.findings.get(hook).cloned().unwrap_or_default();
    let renewed = hooks.into_iter().map(|hook| RenewedFindings {
        hook,
        findings: difference::between(of(now, &hook), of(then, &hook)),
    });
    renewed.filter(|one| !one.findings.is_empty()).collect()
}

fn date_changes(now: &Project, then: &Project) -> Vec<DateChange> {
    let keys = now.obligations.keys().chain(then.obligations.keys());
    let keys: BTreeSet<&String> = keys.collect();
    let day = |project: &Project, key: &String| project.obligations.get(key).map(|o| o.target());
    let changes = keys.into_iter().filter_map(|key| {
        let (before, after) = (day(now, key), day(then, key));
        (before != after).then(|| DateChange {
            obligation: key.clone(),
            before: before.flatten(),
            after: after.flatten(),
        })
    });
    changes.collect()
}
