//! Asking components again where what they found need not hold any more.

use std::sync::Arc;

use liucheng_model::{
    decide::{self, Decision, Stale},
    definition::Definition,
    project::Project,
    verdict::{Hook, PackagePin, Verdict},
};

use crate::{Engine, commands::Loaded, ports::RuleCall};

impl Engine {
    /// A decision with the findings that hold after it. That a component cannot answer now leaves them as
    /// they are: nothing was decided on them.
    pub(crate) async fn with_fresh_findings(
        &self,
        loaded: &Loaded,
        decision: Decision,
    ) -> Decision {
        let stale = decide::stale(&loaded.definition, &loaded.before.project, &decision);
        self.renewed(loaded, &loaded.definition, (decision, stale))
            .await
    }

    /// As [`with_fresh_findings`](Self::with_fresh_findings), for findings of the caller's choice and the
    /// definition that the project goes by after the decision.
    pub(crate) async fn renewed(
        &self,
        loaded: &Loaded,
        definition: &Definition,
        (decision, mut stale): (Decision, Stale),
    ) -> Decision {
        if stale.is_empty() {
            return decision;
        }
        let project = &decision.project;
        let mut verdicts: Vec<Verdict> = Vec::new();
        match &project.package {
            None => stale.over.append(&mut stale.again),
            Some(package) => {
                if !stale.again.is_empty()
                    && let Err(error) = self.need_package(package).await
                {
                    tracing::warn!(project.id = %loaded.id, error.code = error.code(), error = %error, "a component is not asked again");
                    stale.again.clear();
                }
                if let Some(known) = self.rules.hooks(package) {
                    let (again, over) = stale.again.into_iter().partition(|h| known.contains(h));
                    stale.again = again;
                    stale.over.extend::<Vec<_>>(over);
                }
                for hook in std::mem::take(&mut stale.again) {
                    let call = self.standing_question((package, hook), project, definition, loaded);
                    match self.rules.ask(call).await {
                        Ok(verdict) => verdicts.push(verdict),
                        Err(fault) => {
                            tracing::warn!(project.id = %loaded.id, error.code = fault.code, error = %fault, "a component is not asked again");
                        }
                    }
                }
            }
        }
        decide::renew(decision, &stale, verdicts)
    }

    /// What a component is asked about a project as it stands, without a transition.
    pub(crate) fn standing_question(
        &self,
        (package, hook): (&PackagePin, Hook),
        project: &Project,
        definition: &Definition,
        loaded: &Loaded,
    ) -> RuleCall {
        RuleCall {
            package: package.clone(),
            hook,
            transition: String::new(),
            today: loaded.now.date(),
            facts: definition.with_defaults(&project.facts).0.into_owned(),
            parameters: Arc::clone(&definition.parameters),
            calendar: self.library.calendar(),
        }
    }
}
