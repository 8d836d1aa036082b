//! What overlays say beside what a definition says, and the clauses and open points of both.
//!
//! Plain data without behaviour, exactly as it is written.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::doc::{
    Basis, FactDoc, FeasibilityDoc, Force, LadderDoc, NoticeDoc, ObligationDoc, ParameterDoc,
    RecurringDoc, RoleDoc, TrancheDoc,
};
use crate::{
    deadline::Period,
    finding::{Choice, Severity},
    text::Text,
};

/// What a province adds to a definition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct OverlayDoc {
    /// The version of this file format; 1.
    pub schema: u32,
    /// The package this overlay belongs to, such as `ningxia-yuanzhou`.
    pub id: String,
    /// The definition it is laid over.
    pub extends: String,
    /// The jurisdiction.
    pub title: Text,
    /// The document all clauses are taken from.
    pub source: String,
    /// More roles.
    #[serde(default)]
    pub roles: BTreeMap<String, RoleDoc>,
    /// More facts.
    #[serde(default)]
    pub facts: BTreeMap<String, FactDoc>,
    /// More obligations.
    #[serde(default, rename = "obligation")]
    pub obligations: Vec<ObligationDoc>,
    /// Shorter periods for obligations of the definition.
    #[serde(default, rename = "tighten")]
    pub tighten: Vec<TightenDoc>,
    /// More recurring obligations.
    #[serde(default, rename = "recurring")]
    pub recurring: Vec<RecurringDoc>,
    /// The payment plan.
    #[serde(default, rename = "tranche")]
    pub tranches: Vec<TrancheDoc>,
    /// More notices.
    #[serde(default, rename = "notice")]
    pub notices: Vec<NoticeDoc>,
    /// Points that the province's text leaves open.
    #[serde(default, rename = "issue")]
    pub issues: Vec<IssueDoc>,
    /// More conditions that transitions have to meet.
    #[serde(default, rename = "check")]
    pub checks: Vec<CheckDoc>,
    /// Further facts that transitions of the definition demand.
    #[serde(default, rename = "require")]
    pub requires: Vec<RequireDoc>,
    /// Steps that only this province has.
    #[serde(default, rename = "step")]
    pub steps: Vec<StepDoc>,
    /// More pairs of dates.
    #[serde(default, rename = "feasibility")]
    pub feasibility: Vec<FeasibilityDoc>,
    /// The rules of the province's text, one by one.
    #[serde(default, rename = "clause")]
    pub clauses: Vec<ClauseDoc>,
    /// More ladders.
    #[serde(default, rename = "ladder")]
    pub ladders: BTreeMap<String, LadderDoc>,
    /// Numbers for the component.
    #[serde(default, rename = "parameter")]
    pub parameters: BTreeMap<String, ParameterDoc>,
}

/// A shorter period for an obligation of the definition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TightenDoc {
    /// The obligation.
    pub obligation: String,
    /// Its new period; never a longer one.
    pub period: Period,
    /// The rule that says so.
    pub rule: String,
    /// Where it is written; the clause of its rule where absent.
    #[serde(default)]
    pub basis: Basis,
}

/// One rule as it is written (条款).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ClauseDoc {
    /// The rule sheet's id, such as `YZ-06`.
    pub id: String,
    /// How binding it is.
    pub force: Force,
    /// The law or document; empty in an overlay means the overlay's own.
    #[serde(default)]
    pub source: String,
    /// The article, as the source numbers it; empty where it does not.
    #[serde(default)]
    pub article: String,
    /// The clause, verbatim.
    pub text: String,
    /// Why nothing acts on it and it is only shown.
    #[serde(default)]
    pub informative: Option<Text>,
}

/// A point that the text leaves open (待明确事项): a person decides, and until then one reading is taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct IssueDoc {
    /// The rule sheet's id, such as `YZ-A2`.
    pub id: String,
    /// What is open, as the rule sheet says.
    pub text: String,
    /// The question, for people.
    pub message: Text,
    /// CEL: asked only then.
    #[serde(default)]
    pub when: Option<String>,
    /// Its weight.
    pub severity: Severity,
    /// The facts it speaks of.
    #[serde(default)]
    pub facts: Vec<String>,
    /// The option that is taken until somebody decides.
    pub taken: String,
    /// The readings, at least two.
    pub options: Vec<IssueOptionDoc>,
}

impl IssueDoc {
    /// The fact that holds the decision: `decision.yz_a2`.
    #[must_use]
    pub fn fact(&self) -> String {
        decision_fact(&self.id)
    }

    /// The options as findings show them.
    #[must_use]
    pub fn choices(&self) -> Vec<Choice> {
        let choice = |option: &IssueOptionDoc| Choice {
            id: option.id.clone(),
            text: Text::new(option.zh.clone(), option.en.clone()),
            taken: option.id == self.taken,
        };
        self.options.iter().map(choice).collect()
    }

    /// The option of that name.
    #[must_use]
    pub fn option(&self, id: &str) -> Option<&IssueOptionDoc> {
        self.options.iter().find(|option| option.id == id)
    }
}

/// What facts with decisions begin with.
pub const DECISION: &str = "decision.";

/// The fact that holds the decision on an open point.
#[must_use]
pub fn decision_fact(issue: &str) -> String {
    format!("{DECISION}{}", issue.to_lowercase().replace('-', "_"))
}

/// One reading of an open point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct IssueOptionDoc {
    /// The value of the decision.
    pub id: String,
    /// For people, in Simplified Chinese.
    pub zh: String,
    /// For people, in English.
    pub en: String,
}

/// A condition that transitions have to meet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CheckDoc {
    /// Stable name.
    pub id: String,
    /// The rule sheet's id.
    pub rule: String,
    /// The transitions it refuses.
    pub on: Vec<String>,
    /// CEL: false refuses; no answer for lack of a fact refuses nothing.
    pub holds: String,
    /// For people: what is wrong.
    pub message: Text,
}

/// Further facts that a transition of the definition demands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RequireDoc {
    /// The transition.
    pub transition: String,
    /// The facts.
    pub facts: Vec<String>,
    /// The rule sheet's id.
    pub rule: String,
}

/// A step that only this province has: a state and the transition out of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct StepDoc {
    /// The name of the state and of the transition.
    pub id: String,
    /// The rule sheet's id.
    pub rule: String,
    /// The extension point where it is inserted, after earlier steps of the same point.
    pub at: String,
    /// What is done, for people.
    pub title: Text,
    /// The state before it is done, for people.
    pub state: Text,
    /// Who may do it.
    pub roles: Vec<String>,
    /// Facts that have to be there.
    #[serde(default)]
    pub requires: Vec<String>,
    /// Further facts the command may carry.
    #[serde(default)]
    pub records: Vec<String>,
    /// CEL over facts, `state`, `today`.
    #[serde(default)]
    pub guard: Option<String>,
    /// Obligations that end the wait.
    #[serde(default)]
    pub bounded_by: Vec<String>,
    /// Why the wait has no limit.
    #[serde(default)]
    pub open_ended: Option<Text>,
    /// The component is asked to run it.
    #[serde(default)]
    pub run: bool,
}
