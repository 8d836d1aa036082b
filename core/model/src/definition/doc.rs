//! The shape of definition and overlay files, exactly as they are written.
//!
//! Plain data without behaviour. [`super::Definition`] is what the engine works with; what only overlays
//! have is in [`super::overlay`].

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::overlay::{CheckDoc, ClauseDoc, IssueDoc};
use crate::{
    deadline::{MonthDay, Period, RollPolicy},
    fact::FactType,
    finding::{FindingCode, Severity},
    text::Text,
    verdict::Hook,
};

/// A lifecycle with the obligations that the law attaches to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DefinitionDoc {
    /// The version of this file format; 1.
    pub schema: u32,
    /// Stable name, such as `social-work-station`.
    pub id: String,
    /// Version; a definition never changes once it is used.
    pub version: String,
    /// For people.
    pub title: Text,
    /// The national calendar's id.
    pub calendar: String,
    /// Who may open a project; anybody if empty.
    #[serde(default)]
    pub create_roles: Vec<String>,
    /// Who may decide what the text leaves open; anybody if empty.
    #[serde(default)]
    pub decide_roles: Vec<String>,
    /// Who acts.
    #[serde(default)]
    pub roles: BTreeMap<String, RoleDoc>,
    /// The vocabulary.
    #[serde(default)]
    pub facts: BTreeMap<String, FactDoc>,
    /// Orthogonal regions: a project is in one state of each at the same time.
    #[serde(default, rename = "region")]
    pub regions: Vec<RegionDoc>,
    /// The ways between states.
    #[serde(default, rename = "transition")]
    pub transitions: Vec<TransitionDoc>,
    /// What has to be done, and by when.
    #[serde(default, rename = "obligation")]
    pub obligations: Vec<ObligationDoc>,
    /// What has to be done every month, quarter, half-year or year.
    #[serde(default, rename = "recurring")]
    pub recurring: Vec<RecurringDoc>,
    /// What stops the clock, told by facts alone: for a plan, which has no states.
    #[serde(default, rename = "suspension", skip_serializing_if = "Vec::is_empty")]
    pub suspensions: Vec<SuspensionDoc>,
    /// How the price is paid in parts.
    #[serde(default, rename = "tranche")]
    pub tranches: Vec<TrancheDoc>,
    /// Texts that ask a person for something.
    #[serde(default, rename = "notice")]
    pub notices: Vec<NoticeDoc>,
    /// Points that the text leaves open.
    #[serde(default, rename = "issue")]
    pub issues: Vec<IssueDoc>,
    /// Conditions that transitions have to meet.
    #[serde(default, rename = "check")]
    pub checks: Vec<CheckDoc>,
    /// Pairs of dates that have to fit together.
    #[serde(default, rename = "feasibility")]
    pub feasibility: Vec<FeasibilityDoc>,
    /// The rules as they are written, one by one.
    #[serde(default, rename = "clause")]
    pub clauses: Vec<ClauseDoc>,
    /// When reminders go out, and to whom.
    #[serde(default, rename = "ladder")]
    pub ladders: BTreeMap<String, LadderDoc>,
    /// What happens by the calendar rather than by a command.
    #[serde(default, rename = "schedule")]
    pub schedules: Vec<ScheduleDoc>,
    /// Where a province may add steps of its own.
    #[serde(default, rename = "extension-point")]
    pub extension_points: Vec<ExtensionPointDoc>,
    /// Numbers handed to the province's component.
    #[serde(default, rename = "parameter")]
    pub parameters: BTreeMap<String, ParameterDoc>,
}

/// A role (岗位).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RoleDoc {
    /// For people.
    pub title: Text,
    /// The rule that names it.
    #[serde(default)]
    pub rule: Option<String>,
}

/// A key of the vocabulary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FactDoc {
    /// What values it takes.
    #[serde(rename = "type")]
    pub kind: FactType,
    /// For people.
    pub title: Text,
    /// The fact it is taken from while absent; the output says so.
    #[serde(default)]
    pub default_from: Option<String>,
    /// An argument of a command, not kept with the project.
    #[serde(default)]
    pub transient: bool,
    /// The rule that asks for it.
    #[serde(default)]
    pub rule: Option<String>,
    /// Transitions that record it beside those that say so themselves; for a fact of an overlay that
    /// names none, `record-facts`.
    #[serde(default)]
    pub recorded_by: Vec<String>,
    /// Transitions that forget it beside those that say so themselves, because it speaks of a contract or
    /// a supplier that is no longer there.
    #[serde(default)]
    pub cleared_by: Vec<String>,
    /// Only the province's component sets it.
    #[serde(default)]
    pub computed: bool,
}

/// An orthogonal region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RegionDoc {
    /// Stable name.
    pub id: String,
    /// For people.
    pub title: Text,
    /// The state a new project is in.
    pub initial: String,
    /// The states, in the order people think of them.
    #[serde(rename = "state")]
    pub states: Vec<StateDoc>,
}

/// A state of a region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct StateDoc {
    /// Stable name, unique in its region.
    pub id: String,
    /// For people.
    pub title: Text,
    /// Nothing leads out of it.
    #[serde(default, rename = "final")]
    pub is_final: bool,
    /// Obligations, recurring obligations or schedules that end the wait.
    #[serde(default)]
    pub bounded_by: Vec<String>,
    /// Why the wait has no limit.
    #[serde(default)]
    pub open_ended: Option<Text>,
}

/// A way from one state to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TransitionDoc {
    /// Stable name, unique in the definition.
    pub id: String,
    /// The event that takes this way; the id where absent. `auto` means at once when the guard holds.
    #[serde(default)]
    pub on: Option<String>,
    /// The region.
    pub region: String,
    /// States it leads out of; `*` for all that are not final.
    pub from: Vec<String>,
    /// The state it leads to; `.` stays where it is.
    pub to: String,
    /// For people.
    pub title: Text,
    /// Who may take it; empty means only the engine itself.
    #[serde(default)]
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
    /// What the province's component is asked first.
    #[serde(default)]
    pub hooks: Vec<String>,
    /// Facts that are forgotten (the history keeps them).
    #[serde(default)]
    pub clears: Vec<String>,
    /// Facts computed by CEL.
    #[serde(default)]
    pub set: BTreeMap<String, String>,
    /// Events raised for the other regions.
    #[serde(default)]
    pub raises: Vec<String>,
    /// A built-in effect.
    #[serde(default)]
    pub effect: Option<Effect>,
}

impl TransitionDoc {
    /// The event that takes this way.
    #[must_use]
    pub fn event(&self) -> &str {
        self.on.as_deref().unwrap_or(&self.id)
    }

    /// Does it happen by itself as soon as its guard holds?
    #[must_use]
    pub fn is_automatic(&self) -> bool {
        self.event() == AUTO
    }
}

/// The name of the event of transitions that happen by themselves.
pub const AUTO: &str = "auto";
/// `from = ["*"]`: all states that are not final.
pub const ANY: &str = "*";
/// `to = "."`: stay in the state.
pub const STAY: &str = ".";

/// What the engine does beside changing state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Takes the component's tranche plan as this contract's payments.
    PlanPayments,
    /// Forgets the payments of the contract that has ended; the history keeps them.
    ResetPayments,
    /// Releases the tranche `payment.no`.
    ReleasePayment,
    /// Discharges the recurring obligation `report.kind` for `report.period`.
    SubmitReport,
}

/// How binding a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Force {
    /// Statute.
    Law,
    /// Binding in its jurisdiction.
    Mandatory,
    /// Something to aim at (力争、目标).
    Target,
    /// A preference among equals (优先).
    Preference,
    /// Background.
    Informative,
}

/// Where a rule is written.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Basis {
    /// The law or document; empty in an overlay means the overlay's own.
    #[serde(default)]
    pub source: String,
    /// The article, as the source numbers it; empty where it does not.
    #[serde(default)]
    pub article: String,
    /// The clause, verbatim.
    pub text: String,
}

impl Basis {
    /// `中华人民共和国政府采购法(2014修正) 第46条`.
    ///
    /// An article that is no number is given as the source gives it; one that could not be
    /// verified (`?`) is left out rather than guessed.
    #[must_use]
    pub fn citation(&self) -> String {
        let numbered = self.article.starts_with(|c: char| c.is_ascii_digit());
        match self.article.as_str() {
            "" | "?" => self.source.clone(),
            article if numbered => match article.split_once('(') {
                Some((number, part)) => format!("{} 第{number}条({part}", self.source),
                None => format!("{} 第{article}条", self.source),
            },
            article => format!("{} {article}", self.source),
        }
    }
}

/// What has to be done, and by when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ObligationDoc {
    /// Stable name.
    pub id: String,
    /// The rule sheet's id, such as `CN-CONTRACT-30D`.
    pub rule: String,
    /// For people.
    pub title: Text,
    /// How binding it is.
    pub force: Force,
    /// Where it is written; the clause of its rule where absent.
    #[serde(default)]
    pub basis: Basis,
    /// Facts the period runs from; the first that is there counts.
    #[serde(default)]
    pub anchor: Vec<String>,
    /// The period runs from the due date of this obligation.
    #[serde(default)]
    pub after_due_of: Option<String>,
    /// With no anchor yet, show what would follow from the due date of this obligation.
    #[serde(default)]
    pub projected_from: Option<String>,
    /// The period.
    #[serde(default)]
    pub period: Option<Period>,
    /// A day of the year instead of a period: the first one on or after the anchor (每年年底前).
    #[serde(default)]
    pub month_day: Option<MonthDay>,
    /// A date fixed in the text, instead of anchor and period.
    #[serde(default)]
    pub date: Option<NaiveDate>,
    /// What happens when the last day is a rest day.
    #[serde(default)]
    pub roll: RollPolicy,
    /// CEL: the rule applies only then.
    #[serde(default)]
    pub when: Option<String>,
    /// Facts that discharge it: any one of them.
    #[serde(default)]
    pub met_by: Vec<String>,
    /// The tranche whose release discharges it.
    #[serde(default)]
    pub met_by_tranche: Option<u32>,
    /// Who has to do it; empty where it is nobody's task but a limit.
    #[serde(default)]
    pub responsible: Option<String>,
    /// When reminders go out.
    #[serde(default)]
    pub ladder: Option<String>,
    /// `region.state`: the clock stands still while the project is in it.
    #[serde(default)]
    pub suspended_while: Option<String>,
    /// Facts that say since when, where the command that enters the state brings one; else today.
    #[serde(default)]
    pub suspended_from: Vec<String>,
    /// Facts that say from when on the clock runs again; else today.
    #[serde(default)]
    pub suspended_until: Vec<String>,
    /// It has to be done even after the project has ended.
    #[serde(default)]
    pub survives_end: bool,
    /// Refuse a command that breaks it, where the text allows no exception.
    #[serde(default)]
    pub enforce: bool,
    /// `belief` or `secondary` where the wording could not be read at its source. On a mere
    /// belief nobody is reminded of anything.
    #[serde(default)]
    pub confidence: Option<Confidence>,
    /// The day the source came into force; earlier anchors are marked.
    #[serde(default)]
    pub in_force_from: Option<NaiveDate>,
}

/// How well the wording of a source is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// The text was read.
    Read,
    /// Seen quoted elsewhere.
    Secondary,
    /// General knowledge; not read.
    Belief,
}

/// How often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Every {
    /// Calendar month.
    Month,
    /// Calendar quarter.
    Quarter,
    /// Calendar half-year.
    HalfYear,
    /// Calendar year.
    Year,
}

/// What has to be done again and again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RecurringDoc {
    /// Stable name.
    pub id: String,
    /// The rule sheet's id.
    pub rule: String,
    /// For people.
    pub title: Text,
    /// How binding it is.
    pub force: Force,
    /// Where it is written; the clause of its rule where absent.
    #[serde(default)]
    pub basis: Basis,
    /// How often.
    pub every: Every,
    /// Facts the first period begins with.
    pub anchor: Vec<String>,
    /// Facts the last period ends with.
    pub until: Vec<String>,
    /// Counted from the last day of the period; absent where the text names no date.
    #[serde(default)]
    pub period: Option<Period>,
    /// CEL: the rule applies only then.
    #[serde(default)]
    pub when: Option<String>,
    /// Who has to do it.
    pub responsible: String,
    /// Who receives it.
    #[serde(default)]
    pub to: Vec<Text>,
    /// When reminders go out.
    #[serde(default)]
    pub ladder: Option<String>,
}

/// One part of the price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TrancheDoc {
    /// 1-based number.
    pub no: u32,
    /// The share, a decimal string.
    pub percent: String,
    /// Takes what the others leave, so that the sum is exact.
    #[serde(default)]
    pub remainder: bool,
    /// The obligation that says when it is due.
    pub obligation: String,
    /// The rule sheet's id.
    pub rule: String,
}

/// A text that asks a person for something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct NoticeDoc {
    /// The rule or issue it speaks of.
    pub rule: String,
    /// What kind of finding it becomes.
    pub code: FindingCode,
    /// Its weight.
    pub severity: Severity,
    /// CEL: shown only then.
    #[serde(default)]
    pub when: Option<String>,
    /// For people.
    pub message: Text,
    /// The facts it asks for or speaks of.
    #[serde(default)]
    pub facts: Vec<String>,
}

/// Two dates that have to fit together: the earliest end of a period, and a latest day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FeasibilityDoc {
    /// The rule or issue that speaks of it.
    pub rule: String,
    /// Facts the period runs from; the first that is there counts.
    #[serde(default)]
    pub anchor: Vec<String>,
    /// Else it runs from the due date of this obligation.
    #[serde(default)]
    pub after_due_of: Option<String>,
    /// The shortest period.
    pub period: Period,
    /// The obligation whose due date must not be passed.
    pub not_after: String,
    /// CEL: checked only then.
    #[serde(default)]
    pub when: Option<String>,
    /// For people; `{earliest}` and `{latest}` are replaced.
    pub message: Text,
}

/// When reminders go out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LadderDoc {
    /// Whoever is responsible is told at once when the obligation becomes theirs.
    #[serde(default)]
    pub announce: bool,
    /// In the order they go out.
    pub steps: Vec<LadderStepDoc>,
}

/// One reminder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LadderStepDoc {
    /// `10 days before`, `3 working-days before`, `due`, `1 day after`.
    pub at: String,
    /// The roles that receive it.
    pub to: Vec<String>,
    /// It goes a level up because the date has passed.
    #[serde(default)]
    pub escalation: bool,
}

/// What to do about times that passed while nobody was running.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Missed {
    /// Nothing.
    Skip,
    /// Once, however many were missed.
    Once,
    /// Each of them, 100 at most.
    All,
}

/// An event raised by the calendar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ScheduleDoc {
    /// Stable name.
    pub id: String,
    /// For people.
    pub title: Text,
    /// Six fields, seconds first, weekdays by name: `0 30 8 * * MON-FRI`, time of China.
    pub cron: String,
    /// What to do about missed times.
    pub missed: Missed,
    /// `region.state` in which it runs.
    pub active_in: Vec<String>,
    /// The event.
    pub event: String,
}

/// Where a province may add steps of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ExtensionPointDoc {
    /// Stable name.
    pub id: String,
    /// `region.state` after which steps may be inserted.
    pub after: String,
    /// The transitions that lead to the next state; steps are inserted on their way.
    #[serde(default)]
    pub transitions: Vec<String>,
    /// For people.
    pub title: Text,
}

/// A time in which the clocks of all obligations with `suspended-while` stand still (中止), as facts tell it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SuspensionDoc {
    /// The fact whose date is its first day.
    pub from: String,
    /// The facts of which the first that is there, and not before `from`, says from when on the clock runs again.
    pub until: Vec<String>,
    /// Only where this holds; CEL.
    #[serde(default)]
    pub when: Option<String>,
}

/// A number for the component.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ParameterDoc {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: FactType,
    /// Its value, in the canonical form of that type.
    pub value: serde_json::Value,
    /// The rule it comes from.
    pub rule: String,
    /// The questions that it goes with; with all of them if none is named. A large table that one question reads
    /// would otherwise be turned into the component's types for each of the others as well.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hooks: Vec<Hook>,
}
