//! Components that could not answer, as they are noted on projects.

use chrono::NaiveDate;
use liucheng_model::{
    decide,
    event::Incident,
    verdict::{Hook, PackagePin},
};

use crate::{
    Engine,
    commands::{ATTEMPTS, Loaded, SYSTEM, Step},
    error::CommandError,
    ports::{CommitError, RuleFault},
    record::Cause,
};

impl Engine {
    /// Notes on the project that its component could not answer. The command is refused in any case; that
    /// the note could not be written is in the log. A package that rests was not asked: others' questions
    /// failed, and this project has nothing to note.
    pub(crate) async fn note_incident(&self, loaded: &Loaded, hook: Hook, error: &CommandError) {
        let CommandError::Rules(fault) = error else {
            return;
        };
        if fault.is_resting() {
            return;
        }
        if let Err(error) = self.try_note(loaded, hook, fault).await {
            let (project, package) = (loaded.id.to_string(), &fault.package);
            tracing::warn!(project.id = %project, plugin.id = %package, error = %error, "an incident could not be recorded");
        }
    }

    /// Notes an incident; again where somebody, or a timer, was faster.
    async fn try_note(
        &self,
        loaded: &Loaded,
        hook: Hook,
        fault: &RuleFault,
    ) -> Result<(), CommandError> {
        let mut reloaded: Option<Loaded> = None;
        for _ in 0..ATTEMPTS {
            let present = reloaded.as_ref().unwrap_or(loaded);
            let project = &present.before.project;
            let Some(package) = &project.package else {
                return Ok(());
            };
            let incident = incident(package, hook, fault, present.now.date());
            let Some(decision) = decide::open_incident(present.context(), project, &incident)
            else {
                return Ok(());
            };
            let step = Step {
                id: present.id,
                before: Some(present.before.clone()),
                decision,
                cause: Cause::Incident,
                actor: SYSTEM.to_owned(),
                now: present.at,
                answer: None,
            };
            match self.write(step).await {
                Ok(()) => return Ok(()),
                Err(CommitError::Conflict { .. }) => {
                    reloaded = Some(self.loaded(loaded.id).await?);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(CommandError::Unavailable(
            "the project changes too fast".to_owned(),
        ))
    }
}

/// An overlay that lets a component decide a step which it knows nothing of.
pub(crate) fn undecided(package: &PackagePin, step: &str) -> RuleFault {
    RuleFault {
        code: "E-PLUGIN-STEP",
        package: package.id.clone(),
        reason: format!("its component decides no steps, and its overlay lets it decide {step:?}"),
        hint: RuleFault::hint_for_users(
            "mend the package: list `step` among its hooks, or leave out `run = true`",
        ),
    }
}

/// What is kept of a component that could not answer.
pub(crate) fn incident(
    package: &PackagePin,
    hook: Hook,
    fault: &RuleFault,
    on: NaiveDate,
) -> Incident {
    Incident {
        hook,
        package: package.clone(),
        code: fault.code.to_owned(),
        reason: fault.reason.clone(),
        on,
    }
}
