//! Going by another version of a package, and taking that back; `preview` shows what would change.
//!
//! A project keeps the version it was opened with. It goes on to the installed one when it enters a stage
//! of its life, or when somebody says so; what was decided before stays as it is in the history.

use std::collections::BTreeSet;

use liucheng_model::{
    decide::{self, Adopt, Context, Decision, Stale},
    definition::decision_fact,
    event::{AdoptionCause, Event},
    fact::Facts,
    project::{Pin, Project, STAGES},
};

use crate::{
    Engine,
    commands::{Actor, Loaded, SYSTEM, Step},
    error::CommandError,
    library::{Entry, Library},
    ports::{CommitError, MigrateCall, Migration, ProjectId},
    record::{Cause, Record},
    schedule::CronSlots,
};

/// Records read at a time.
const PAGE: u32 = 200;
/// How often a change is decided again when others are faster.
const ATTEMPTS: usize = 8;

impl Engine {
    pub(crate) async fn migration(
        &self,
        project: &Project,
        entry: &Entry,
    ) -> Result<Migration, CommandError> {
        let Some(package) = &entry.package else {
            return Ok(Migration::default());
        };
        // National law is another thing than an older version.
        let Some(from) = project
            .package
            .as_ref()
            .filter(|from| from.id == package.id)
        else {
            return Ok(Migration::default());
        };
        if from.component == package.component {
            return Ok(Migration::default());
        }
        let call = MigrateCall {
            package: package.clone(),
            from_version: from.version.clone(),
            facts: project.facts.clone(),
            calendar: self.library.calendar(),
        };
        Ok(self.rules.migrate(call).await?)
    }

    /// Lets a project go by the version that is installed for its province.
    ///
    /// Returns whether it changed.
    ///
    /// # Errors
    /// [`CommandError`]; nothing was written.
    pub async fn upgrade(
        &self,
        actor: &Actor,
        id: ProjectId,
        reason: &str,
    ) -> Result<bool, CommandError> {
        self.refresh_packages().await?;
        self.change(actor, id, AdoptionCause::Command, reason).await
    }

    /// Does the project enter a stage of its life while another version of its package is installed?
    pub(crate) fn newer_at_stage(&self, decision: &Decision) -> bool {
        let project = &decision.project;
        let Some(package) = project.package.as_ref().filter(|_| !project.holds_version) else {
            return false;
        };
        let enters = |event: &Event| matches!(event, Event::Moved { region, from, to, .. } if region == STAGES && from != to);
        decision.events.iter().any(enters)
            && self
                .library
                .entry(&package.id)
                .is_ok_and(|entry| differs(&decision.project, &entry))
    }

    /// Lets a project that entered a stage go by what is installed; the log says why it cannot.
    pub(crate) async fn upgrade_at_stage(&self, id: ProjectId) {
        let system = Actor {
            name: SYSTEM.to_owned(),
            roles: ["*".to_owned()].into(),
        };
        let cause = AdoptionCause::StageEntry;
        let upgraded = self.change(&system, id, cause, "stage entry").await;
        if let Err(error) = upgraded {
            let project = id.to_string();
            tracing::warn!(project.id = %project, error.code = error.code(), error = %error, "the project keeps the version of its package");
        }
    }

    /// Takes the last change of version back: the version before, what it finds, and the facts that the change
    /// set or dropped as they were, unless somebody has recorded them since.
    ///
    /// # Errors
    /// [`CommandError::NothingToRollBack`], or as for any command; nothing was written.
    pub async fn roll_back(
        &self,
        actor: &Actor,
        id: ProjectId,
        reason: &str,
    ) -> Result<bool, CommandError> {
        self.change(actor, id, AdoptionCause::Rollback, reason)
            .await
    }

    /// Takes the last change of version back for each project of a package that had one, and is open.
    ///
    /// Returns the codes of those that changed, and those that could not with the reason.
    ///
    /// # Errors
    /// [`CommandError::ProvinceUnknown`], or the store cannot be read.
    pub async fn roll_back_all(
        &self,
        actor: &Actor,
        province: &str,
        reason: &str,
    ) -> Result<Vec<(String, Result<(), CommandError>)>, CommandError> {
        self.known_package(province).await?;
        let mut done = Vec::new();
        for id in self.open_projects(province).await? {
            let outcome = match self.roll_back(actor, id, reason).await {
                Ok(true) => Ok(()),
                Ok(false) | Err(CommandError::NothingToRollBack { .. }) => continue,
                Err(error) => Err(error),
            };
            done.push((self.load(id).await?.code, outcome));
        }
        Ok(done)
    }

    async fn installed(
        &self,
        loaded: &Loaded,
        cause: AdoptionCause,
        reason: &str,
    ) -> Result<Option<Decision>, CommandError> {
        let project = &*loaded.before.project;
        let province = project.package.as_ref().map(|p| p.id.clone());
        let entry = self.library.entry(&province.unwrap_or_default())?;
        if !differs(project, &entry) {
            return Ok(None);
        }
        let migration = self.migration(project, &entry).await?;
        let adopt = adoption(&entry, migration, cause, reason);
        let context = context_of(loaded, &entry);
        let Some(decision) = decide::adopt_package(context, project, &adopt)? else {
            return Ok(None);
        };
        // What the old component found is asked of the new one.
        let stale = Stale::all(project);
        let renewed = self.renewed(loaded, &entry.definition, (decision, stale));
        Ok(Some(renewed.await))
    }

    pub(crate) async fn version_before(
        &self,
        loaded: &Loaded,
        reason: &str,
    ) -> Result<Option<Decision>, CommandError> {
        let project = &*loaded.before.project;
        let Adopted {
            before,
            after,
            touched,
        } = self.adoption_to_undo(loaded).await?;
        if let Some(package) = &before.package {
            self.need_package(package).await?;
        }
        let pin = &before.definition;
        let definition = self.library.definition(pin, &*self.store).await?;
        let mut adopt = Adopt {
            definition: pin.clone(),
            package: before.package.clone(),
            set: Facts::new(),
            drop: Vec::new(),
            cause: AdoptionCause::Rollback,
            reason: reason.to_owned(),
        };
        for key in changed_keys(&before.facts, &after.facts) {
            if touched.contains(&key) {
                continue;
            }
            match before.facts.get(&key) {
                Some(value) => drop(adopt.set.insert(key, value.clone())),
                None => adopt.drop.push(key),
            }
        }
        let context = Context {
            definition: &definition,
            ..loaded.context()
        };
        let Some(decision) = decide::adopt_package(context, project, &adopt)? else {
            return Ok(None);
        };
        let stale = Stale::all(project).and_of(&before);
        Ok(Some(
            self.renewed(loaded, &definition, (decision, stale)).await,
        ))
    }

    /// Refuses a package that nobody has ever had here; one that was removed has projects still.
    pub(crate) async fn known_package(&self, province: &str) -> Result<(), CommandError> {
        let Err(unknown) = self.library.entry(province) else {
            return Ok(());
        };
        let kept = self.stored_packages().await?;
        match kept.iter().any(|package| package.pin.id == province) {
            true => Ok(()),
            false => Err(unknown),
        }
    }

    /// The change of version that would be taken back.
    pub(crate) async fn adoption_to_undo(&self, loaded: &Loaded) -> Result<Adopted, CommandError> {
        let project = &loaded.before.project;
        let last = self.last_adoption(loaded.id).await?;
        last.ok_or_else(|| CommandError::NothingToRollBack {
            project: project.code.clone(),
            version: project
                .package
                .as_ref()
                .map_or_else(String::new, |package| {
                    format!("{} {}", package.id, package.version)
                }),
        })
    }

    /// The project's last change of version that was not itself taken back.
    async fn last_adoption(&self, id: ProjectId) -> Result<Option<Adopted>, CommandError> {
        let mut found: Vec<Adopted> = Vec::new();
        let mut project: Option<Project> = None;
        let mut after = 0;
        loop {
            let rows = self.store.history(id, after, PAGE).await?;
            let Some(last) = rows.last() else { break };
            after = last.seq;
            for row in rows {
                let record = Record::open(&row)?;
                let before = project.clone();
                for event in &record.events {
                    match &mut project {
                        Some(project) => project.apply(event),
                        none => *none = Project::fold([event]),
                    }
                }
                let adopted = record.events.iter().find_map(|event| match event {
                    Event::PackageAdopted(adoption) => Some(adoption.cause),
                    _ => None,
                });
                match (adopted, before, project.clone()) {
                    (Some(AdoptionCause::Rollback), _, _) => drop(found.pop()),
                    (Some(_), Some(before), Some(after)) => found.push(Adopted {
                        before,
                        after,
                        touched: BTreeSet::new(),
                    }),
                    _ => {
                        let touched: BTreeSet<String> = touched(&record.events).collect();
                        for adopted in &mut found {
                            adopted.touched.extend(touched.iter().cloned());
                        }
                    }
                }
            }
        }
        Ok(found.pop())
    }

    /// Decides another version for a project and writes it; again where somebody was faster.
    async fn change(
        &self,
        actor: &Actor,
        id: ProjectId,
        cause: AdoptionCause,
        reason: &str,
    ) -> Result<bool, CommandError> {
        for _ in 0..ATTEMPTS {
            let loaded = self.loaded(id).await?;
            let decided = match cause {
                AdoptionCause::Rollback => self.version_before(&loaded, reason).await?,
                AdoptionCause::StageEntry | AdoptionCause::Command => {
                    self.installed(&loaded, cause, reason).await?
                }
            };
            let Some(decision) = decided else {
                return Ok(false);
            };
            let version = decision.project.package.as_ref().map(|p| p.version.clone());
            let step = Step {
                id,
                before: Some(loaded.before),
                decision,
                cause: Cause::Package {
                    version: version.unwrap_or_default(),
                },
                actor: actor.name.clone(),
                now: loaded.at,
                answer: None,
            };
            match self.write(step).await {
                Ok(()) => return Ok(true),
                Err(CommitError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(CommandError::Unavailable(
            "the project changes too fast".to_owned(),
        ))
    }
}

/// A change of version, as the history has it.
pub(crate) struct Adopted {
    /// The project before it.
    pub before: Project,
    /// The project after it.
    pub after: Project,
    /// Facts that were recorded, computed or cleared since, other than by changes of version.
    touched: BTreeSet<String>,
}

fn touched(events: &[Event]) -> impl Iterator<Item = String> {
    events.iter().flat_map(|event| match event {
        Event::FactsSet { facts } => facts.keys().cloned().collect(),
        Event::FactsCleared { keys } => keys.clone(),
        Event::IssueDecided { issue, .. } => vec![decision_fact(issue)],
        _ => Vec::new(),
    })
}

pub(crate) fn differs(project: &Project, entry: &Entry) -> bool {
    project.package != entry.package || project.definition.digest != entry.definition.digest
}

pub(crate) fn context_of<'a>(loaded: &'a Loaded, entry: &'a Entry) -> Context<'a> {
    Context {
        definition: &entry.definition,
        calendar: &loaded.calendar,
        now: loaded.now,
        slots: &CronSlots,
    }
}

pub(crate) fn adoption(
    entry: &Entry,
    migration: Migration,
    cause: AdoptionCause,
    reason: &str,
) -> Adopt {
    let definition: Pin = Library::pin(entry);
    Adopt {
        definition,
        package: entry.package.clone(),
        set: migration.set,
        drop: migration.drop,
        cause,
        reason: reason.to_owned(),
    }
}

fn changed_keys(before: &Facts, after: &Facts) -> Vec<String> {
    let keys = before.keys().chain(after.keys());
    let keys: BTreeSet<&String> = keys.collect();
    let changed = keys
        .into_iter()
        .filter(|key| before.get(*key) != after.get(*key));
    changed.cloned().collect()
}
