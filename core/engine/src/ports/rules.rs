//! A province's computed rules (port).

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use chrono::NaiveDate;
use liucheng_model::{
    calendar::Calendar,
    event::Incident,
    fact::Facts,
    finding::Finding,
    rejection::Rejection,
    verdict::{Hook, PackagePin, Parameter, Verdict},
};
use thiserror::Error;

use crate::figures::Distribution;

/// One question to a province's component.
#[derive(Debug, Clone)]
pub struct RuleCall {
    /// Which exact package is asked.
    pub package: PackagePin,
    /// What is asked.
    pub hook: Hook,
    /// The transition that asks, empty for `plan`.
    pub transition: String,
    /// The civil date of the question; a component has no clock.
    pub today: NaiveDate,
    /// The facts as they would stand.
    pub facts: Facts,
    /// The overlay's numbers, by key.
    pub parameters: Arc<BTreeMap<String, Parameter>>,
    /// Answers the component's calendar questions.
    pub calendar: Arc<Calendar>,
}

/// The question how facts are carried over to a package.
#[derive(Debug, Clone)]
pub struct MigrateCall {
    /// The package that takes them over.
    pub package: PackagePin,
    /// The version they were recorded under.
    pub from_version: String,
    /// The facts.
    pub facts: Facts,
    /// Answers the component's calendar questions.
    pub calendar: Arc<Calendar>,
}

/// How facts are carried over.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Migration {
    /// Facts to set.
    pub set: Facts,
    /// Keys of facts to drop.
    pub drop: Vec<String>,
    /// What a person should know or decide.
    pub findings: Vec<Finding>,
}

/// Why a component gave no verdict. The project is unharmed in every case.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("plugin {package}: {reason}")]
pub struct RuleFault {
    /// The stable code, such as `E-PLUGIN-FUEL`.
    pub code: &'static str,
    /// The package's id.
    pub package: String,
    /// What happened, naming the limit with its unit.
    pub reason: String,
    /// What to do about it.
    pub hint: String,
}

impl RuleFault {
    /// What mends a component that is not there.
    pub const MISSING_REMEDY: &str = "install exactly that package again, which restores what is missing: a project \
         keeps the one it was decided with";

    /// An answer that was read, and proposes what the component may not.
    #[must_use]
    pub fn of_answer(package: &PackagePin, rejection: &Rejection) -> Self {
        Self {
            code: rejection.code(),
            package: package.id.clone(),
            reason: rejection.to_string(),
            hint: Self::hint_for_users(&rejection.hint()),
        }
    }

    /// What to do about a question that had no answer, with what whoever cannot wait may do.
    #[must_use]
    pub fn hint_for_users(remedy: &str) -> String {
        format!(
            "{remedy}; nothing was decided, and a project whose command was refused notes it as an incident: who has \
             to go on repeats the command and says why (`project fire --waive`, in the API `waive`), unless a rule of \
             law hangs on it"
        )
    }

    /// Whether the package was not asked at all because others' questions failed of late: that passes by
    /// itself and says nothing about this project.
    #[must_use]
    pub fn is_resting(&self) -> bool {
        self.code == Incident::RESTING
    }
}

/// What a package was asked since the program was started.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PackageFigures {
    /// The package's id.
    pub package: String,
    /// How long its calls took, in microseconds; as many as there were.
    pub call_micros: Distribution,
    /// Instructions they took; those of calls that failed are not known.
    pub fuel: u64,
    /// Calls that failed, by code.
    pub faults: BTreeMap<&'static str, u64>,
}

/// Asks a province's component (port).
#[async_trait]
pub trait ProvinceRules: Send + Sync {
    /// Calls the component once, within its limits.
    ///
    /// # Errors
    /// [`RuleFault`] when the package is missing, breaks a limit, traps or answers nonsense.
    async fn ask(&self, call: RuleCall) -> Result<Verdict, RuleFault>;

    /// What a package answers; `None` where that is not known, and everything is asked.
    fn hooks(&self, package: &PackagePin) -> Option<Vec<Hook>> {
        let _ = package;
        None
    }

    /// Whether exactly this package can be asked.
    fn knows(&self, package: &PackagePin) -> bool {
        let _ = package;
        true
    }

    /// Makes a package that is known ready to be asked, where that takes time.
    ///
    /// # Errors
    /// [`RuleFault`] when it is refused.
    async fn prepare(&self, package: &PackagePin) -> Result<(), RuleFault> {
        let _ = package;
        Ok(())
    }

    /// The rules that a package's findings may name; none where that is not known.
    fn rules(&self, package: &PackagePin) -> Vec<String> {
        let _ = package;
        Vec::new()
    }

    /// Makes a package available: checks it, compiles it, and asks it who it is.
    ///
    /// # Errors
    /// [`RuleFault`] when it is refused; nothing has changed then.
    async fn learn(&self, manifest: String, component: Vec<u8>) -> Result<PackagePin, RuleFault> {
        let _ = (manifest, component);
        Err(RuleFault {
            code: "E-PLUGIN-HOST",
            package: "?".to_owned(),
            reason: "no packages can be loaded here".to_owned(),
            hint: "use a program with a plugin host".to_owned(),
        })
    }

    /// Asks a package how facts that were recorded under an older version of it are carried over.
    ///
    /// # Errors
    /// [`RuleFault`] when it cannot say.
    async fn migrate(&self, call: MigrateCall) -> Result<Migration, RuleFault> {
        let _ = call;
        Ok(Migration::default())
    }

    /// What each package was asked so far, in the order of their names.
    fn figures(&self) -> Vec<PackageFigures> {
        Vec::new()
    }
}
