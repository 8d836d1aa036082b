//! Findings: what a rule says about the facts.

use serde::{Deserialize, Serialize};

use crate::text::Text;

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Somebody has to look at it; nothing is stopped.
    Warning,
    /// A rule is broken; a transition that meets it is refused.
    Error,
}

/// What kind of finding it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FindingCode {
    /// A number or date is missing that the text of the rule does not give.
    InputRequired,
    /// The text can be read in several ways: a person decides.
    NeedsDecision,
    /// A rule is broken.
    Violation,
    /// Dates contradict each other: the plan cannot be carried out.
    Infeasible,
    /// A fact was taken from another one, as the vocabulary allows.
    Defaulted,
    /// A date was projected from the latest day the law allows for the step before.
    Projected,
    /// A key that no definition declares was ignored.
    UnknownFact,
    /// The wording of the source was not verified.
    Unverified,
    /// A text without computation.
    Informative,
}

/// What a rule says about the facts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The kind.
    pub code: FindingCode,
    /// The rule sheet's id, such as `YZ-04`; empty where no rule speaks.
    pub rule: String,
    /// The weight.
    pub severity: Severity,
    /// For people.
    pub message: Text,
    /// The fact keys concerned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<String>,
    /// What a person can decide, where the text leaves it open.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<Choice>,
}

/// One reading of a text that can be read in several ways.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// The value of the decision.
    pub id: String,
    /// For people.
    pub text: Text,
    /// It is taken until somebody decides otherwise.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub taken: bool,
}
