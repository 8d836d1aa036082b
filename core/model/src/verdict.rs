//! Verdicts: what a province's component answered, as recorded in the history.
//!
//! A verdict is data. Folding a history never runs a component again.

use serde::{Deserialize, Serialize};

use crate::{
    fact::{FactValue, Facts},
    finding::Finding,
    money::Fen,
};

/// What a component is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hook {
    /// Findings on the facts as they would stand after a transition.
    Check,
    /// The cap (上限) or floor (下限) of a budget.
    Cap,
    /// How money is divided: between levels, funds, classes and towns (经费分配).
    Allocation,
    /// How the contract's price is paid in tranches (分期拨付).
    TranchePlan,
    /// Staffing arithmetic (人员配备).
    Staffing,
    /// What the results of evaluations mean (评估等级).
    Grade,
    /// The renewal decision (续签).
    Renewal,
    /// A step that only this province has; its name is that of the transition that asks.
    Step,
}

impl Hook {
    /// All hooks, in the order of the interface.
    pub const ALL: [Self; 8] = [
        Self::Check,
        Self::Cap,
        Self::Allocation,
        Self::TranchePlan,
        Self::Staffing,
        Self::Grade,
        Self::Renewal,
        Self::Step,
    ];

    /// The name used in definitions.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Cap => "cap",
            Self::Allocation => "allocation",
            Self::TranchePlan => "tranche-plan",
            Self::Staffing => "staffing",
            Self::Grade => "grade",
            Self::Renewal => "renewal",
            Self::Step => "step",
        }
    }

    /// The hook of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|hook| hook.name() == name)
    }
}

/// Which exact package answered.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PackagePin {
    /// The package's id, such as `ningxia-yuanzhou`.
    pub id: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of the component, lower-case hex.
    pub component: String,
}

/// One tranche of a payment plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedPayment {
    /// 1-based number.
    pub no: u32,
    /// The share of the contract's price, as a decimal string.
    pub percent: String,
    /// The amount; absent while the base is unknown.
    pub amount: Option<Fen>,
    /// The obligation that says when it is due; empty when the text names no date.
    pub obligation: String,
    /// The rule sheet's id.
    pub rule: String,
}

/// What the component said, as it is kept in the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// What was asked.
    pub hook: Hook,
    /// Who answered.
    pub package: PackagePin,
    /// SHA-256 over the canonical input, lower-case hex.
    pub input: String,
    /// Instructions consumed: the same for the same input on every machine.
    pub fuel: u64,
    /// The answer.
    pub answer: Answer,
    /// Facts it saw that are not kept with the project, so that the question can be put again.
    #[serde(default, skip_serializing_if = "Facts::is_empty")]
    pub arguments: Facts,
    /// The transition that a step proposes; absent while somebody has to act first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// The answer of a component. It proposes; the engine checks and writes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Answer {
    /// What the rules say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// Facts that follow, such as `renewal.decision`.
    #[serde(default, skip_serializing_if = "Facts::is_empty")]
    pub facts: Facts,
    /// The payment plan, for [`Hook::TranchePlan`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub payments: Vec<PlannedPayment>,
}

/// One parameter that an overlay gives to its component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameter {
    /// The name, such as `floor-percent`.
    pub key: String,
    /// The value.
    pub value: FactValue,
    /// The rule the number comes from.
    pub rule: String,
    /// The questions that it goes with; with all of them if none is named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hooks: Vec<Hook>,
}

impl Parameter {
    /// Whether a question of this kind carries it.
    #[must_use]
    pub fn goes_with(&self, hook: Hook) -> bool {
        self.hooks.is_empty() || self.hooks.contains(&hook)
    }
}
