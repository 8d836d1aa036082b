//! Why a command was refused: one coded reason for each thing a user can meet.

use chrono::NaiveDate;
use thiserror::Error;

use crate::fact::FactError;

/// A refusal. Nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Rejection {
    /// No transition listens to this event.
    #[error("unknown event {event:?}")]
    EventUnknown {
        /// What was asked for.
        event: String,
        /// One that is spelled alike.
        near: Option<String>,
    },
    /// The event exists, but not in the present state.
    #[error("{event:?} is not possible in {state}")]
    EventNotNow {
        /// What was asked for.
        event: String,
        /// The present states.
        state: String,
        /// What is possible instead.
        possible: Vec<String>,
    },
    /// The actor's roles do not allow it.
    #[error("{event:?} needs the role {}", .needs.join(" or "))]
    Role {
        /// What was asked for.
        event: String,
        /// Roles that may do it.
        needs: Vec<String>,
    },
    /// Facts are missing.
    #[error("{event:?} needs {}", .missing.join(", "))]
    FactMissing {
        /// What was asked for.
        event: String,
        /// Keys.
        missing: Vec<String>,
    },
    /// A fact does not belong to this event.
    #[error("{key}: {event:?} does not record this fact")]
    FactNotHere {
        /// What was asked for.
        event: String,
        /// The key.
        key: String,
        /// Keys that it records.
        accepts: Vec<String>,
    },
    /// A fact has the wrong form.
    #[error(transparent)]
    Fact(#[from] FactError),
    /// A duty cannot be discharged by a day to come.
    #[error("{key}: {date} lies in the future")]
    FactFuture {
        /// The key.
        key: String,
        /// The date given.
        date: NaiveDate,
    },
    /// The condition of the transition does not hold.
    #[error("{event:?} needs the condition {guard}")]
    Guard {
        /// What was asked for.
        event: String,
        /// The condition that failed.
        guard: String,
        /// Why there was no answer, if there was none.
        reason: String,
    },
    /// The law sets a minimum period that the facts break.
    #[error("{title}: {given} is before {earliest}, the earliest day by {citation}")]
    LawMinimum {
        /// What is limited.
        title: String,
        /// The date given.
        given: NaiveDate,
        /// The earliest lawful day.
        earliest: NaiveDate,
        /// The law and its article.
        citation: String,
        /// The rule's id.
        rule: String,
    },
    /// A province's rule is broken.
    #[error("{}{message}", prefix(rule))]
    Rule {
        /// The rule's id; empty where no single rule forbids it.
        rule: String,
        /// What the component says.
        message: String,
    },
    /// The component proposes a fact that it may not set, or in another form.
    #[error("plugin {package} proposes {key}: {reason}")]
    Proposal {
        /// The package.
        package: String,
        /// The fact.
        key: String,
        /// Why that cannot be.
        reason: String,
    },
    /// The component's payment plan does not add up.
    #[error("the payment plan is refused: {0}")]
    PlanSum(String),
    /// No such tranche.
    #[error("there is no tranche {0}")]
    PaymentUnknown(i64),
    /// The tranche was paid before.
    #[error("tranche {no} was released on {on}")]
    PaymentReleased {
        /// Its number.
        no: u32,
        /// The day.
        on: NaiveDate,
    },
    /// What the tranche waits for has not happened.
    #[error("tranche {no} is not due: {waits_for} is missing")]
    PaymentNotDue {
        /// Its number.
        no: u32,
        /// The fact it waits for.
        waits_for: String,
    },
    /// The amount is not known.
    #[error("tranche {0} has no amount")]
    PaymentAmount(u32),
    /// No such open report.
    #[error("no open report {kind} for {period}")]
    ReportUnknown {
        /// The recurring obligation.
        kind: String,
        /// The period.
        period: String,
        /// Those that are open.
        open: Vec<String>,
    },
    /// The period of the report has not ended.
    #[error("{key}: the period ends on {ends}")]
    ReportEarly {
        /// The report.
        key: String,
        /// The last day of its period.
        ends: NaiveDate,
    },
    /// A fact that cannot be given when a project is opened.
    #[error("{key}: {reason}")]
    FactNotAtOpening {
        /// The key.
        key: String,
        /// Why.
        reason: &'static str,
    },
    /// A contact that nobody could be reached by.
    #[error("contacts.{role}: {reason}")]
    Contact {
        /// The role.
        role: String,
        /// What is wrong.
        reason: String,
    },
    /// No such open point.
    #[error("there is no open point {issue:?}")]
    IssueUnknown {
        /// What was asked for.
        issue: String,
        /// One that is spelled alike.
        near: Option<String>,
        /// Those that there are.
        known: Vec<String>,
    },
    /// No such reading of an open point.
    #[error("{issue}: {option:?} is none of the options")]
    IssueOption {
        /// The open point.
        issue: String,
        /// What was asked for.
        option: String,
        /// Those that there are.
        options: Vec<String>,
    },
    /// Nothing to take back.
    #[error("{0} is not decided")]
    NotDecided(String),
    /// A decision without a usable reason.
    #[error("reason: {reason}")]
    Reason {
        /// What is wrong.
        reason: &'static str,
    },
    /// The new version of a package lacks the state that a project is in.
    #[error("the project is in {state}, which version {version} does not have")]
    StateGone {
        /// `region.state`.
        state: String,
        /// The definition's version.
        version: String,
    },
    /// Nothing to go on from without the component.
    #[error("there is no incident to go on from: no component failed to answer this command")]
    NoIncident {
        /// Where there are incidents.
        open: Vec<String>,
    },
    /// A rule of law cannot be passed over.
    #[error("{rule}: the component speaks for a rule of law, which nobody can pass over")]
    WaiveLaw {
        /// The rule.
        rule: String,
        /// The clause.
        clause: String,
    },
    /// The component proposes a transition that does not lead on from its step.
    #[error("plugin {package} proposes {next:?}, which does not lead on from the step {step:?}")]
    StepNext {
        /// The package.
        package: String,
        /// The step.
        step: String,
        /// What it proposes.
        next: String,
    },
    /// Transitions raise each other without end.
    #[error("more than {0} transitions in one step")]
    Loop(usize),
    /// A project text is empty or too long.
    #[error("{field}: {reason}")]
    Text {
        /// The field.
        field: &'static str,
        /// What is wrong.
        reason: &'static str,
    },
}

/// What stands before a message about a rule.
fn prefix(rule: &str) -> String {
    if rule.is_empty() {
        String::new()
    } else {
        format!("{rule}: ")
    }
}

impl Rejection {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::EventUnknown { .. } => "E-EVENT-UNKNOWN",
            Self::EventNotNow { .. } => "E-EVENT-NOT-NOW",
            Self::Role { .. } => "E-ROLE",
            Self::FactMissing { .. } => "E-FACT-MISSING",
            Self::FactNotHere { .. } => "E-FACT-NOT-HERE",
            Self::Fact(error) => error.code(),
            Self::FactFuture { .. } => "E-FACT-FUTURE",
            Self::Guard { .. } => "E-GUARD",
            Self::LawMinimum { .. } => "E-LAW-MINIMUM",
            Self::Rule { .. } => "E-RULE",
            Self::Proposal { .. } => "E-PLUGIN-FACT",
            Self::PlanSum(_) => "E-PLAN-SUM",
            Self::PaymentUnknown(_) => "E-PAYMENT-UNKNOWN",
            Self::PaymentReleased { .. } => "E-PAYMENT-RELEASED",
            Self::PaymentNotDue { .. } => "E-PAYMENT-NOT-DUE",
            Self::PaymentAmount(_) => "E-PAYMENT-AMOUNT",
            Self::ReportUnknown { .. } => "E-REPORT-UNKNOWN",
            Self::ReportEarly { .. } => "E-REPORT-EARLY",
            Self::FactNotAtOpening { .. } => "E-FACT-NOT-HERE",
            Self::Contact { .. } => "E-CONTACT",
            Self::IssueUnknown { .. } => "E-ISSUE-UNKNOWN",
            Self::IssueOption { .. } => "E-ISSUE-OPTION",
            Self::NotDecided(_) => "E-NOT-DECIDED",
            Self::Reason { .. } => "E-REASON",
            Self::StateGone { .. } => "E-STATE-GONE",
            Self::NoIncident { .. } => "E-NO-INCIDENT",
            Self::WaiveLaw { .. } => "E-WAIVE-LAW",
            Self::StepNext { .. } => "E-PLUGIN-STEP",
            Self::Loop(_) => "E-LOOP",
            Self::Text { .. } => "E-TEXT",
        }
    }

    /// Where it is: a fact key, a field, or the event.
    #[must_use]
    pub fn place(&self) -> String {
        match self {
            Self::EventUnknown { event, .. }
            | Self::EventNotNow { event, .. }
            | Self::Role { event, .. }
            | Self::Guard { event, .. } => event.clone(),
            Self::FactMissing { missing, .. } => missing.join(","),
            Self::FactNotHere { key, .. } | Self::FactFuture { key, .. } => key.clone(),
            Self::Fact(error) => error.place.clone(),
            Self::LawMinimum { rule, .. } | Self::Rule { rule, .. } => rule.clone(),
            Self::Proposal { key, .. } => key.clone(),
            Self::PlanSum(_) => "payments".to_owned(),
            Self::PaymentUnknown(_)
            | Self::PaymentReleased { .. }
            | Self::PaymentNotDue { .. }
            | Self::PaymentAmount(_) => "payment.no".to_owned(),
            Self::ReportUnknown { .. } => "report.period".to_owned(),
            Self::ReportEarly { .. } => "report.period".to_owned(),
            Self::FactNotAtOpening { key, .. } => key.clone(),
            Self::Contact { role, .. } => format!("contacts.{role}"),
            Self::IssueUnknown { issue, .. } | Self::IssueOption { issue, .. } => issue.clone(),
            Self::NotDecided(issue) => issue.clone(),
            Self::Reason { .. } => "reason".to_owned(),
            Self::StateGone { state, .. } => state.clone(),
            Self::NoIncident { .. } => "waive".to_owned(),
            Self::WaiveLaw { rule, .. } => rule.clone(),
            Self::StepNext { step, .. } => step.clone(),
            Self::Loop(_) => "definition".to_owned(),
            Self::Text { field, .. } => (*field).to_owned(),
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::EventUnknown {
                near: Some(near), ..
            } => format!("did you mean {near:?}?"),
            Self::EventUnknown { near: None, .. } => {
                "`liucheng project show` lists what is possible".to_owned()
            }
            Self::EventNotNow { possible, .. } => format!("possible now: {}", list(possible)),
            Self::Role { .. } => "ask a colleague with that role".to_owned(),
            Self::FactMissing { missing, .. } => format!("add {} to --facts", list(missing)),
            Self::FactNotHere { accepts, .. } => {
                format!("it records {}; use record-facts for others", list(accepts))
            }
            Self::Fact(error) => error.hint(),
            Self::FactFuture { .. } => "check the year; record it when it has happened".to_owned(),
            Self::Guard { reason, .. } if reason.is_empty() => {
                "make the condition true first".to_owned()
            }
            Self::Guard { reason, .. } => reason.clone(),
            Self::LawMinimum { earliest, .. } => format!("choose {earliest} or later"),
            Self::Rule { .. } => {
                "mend the facts that the rule speaks of, then repeat the command".to_owned()
            }
            Self::Proposal { .. } => {
                "mend the package; it may set facts that no event records".to_owned()
            }
            Self::PlanSum(_) => "check contract.amount and the package's tranche table".to_owned(),
            Self::PaymentUnknown(_) | Self::PaymentReleased { .. } => {
                "`liucheng project show` lists the tranches".to_owned()
            }
            Self::PaymentNotDue { waits_for, .. } => format!("record {waits_for} first"),
            Self::PaymentAmount(_) => "record contract.amount first".to_owned(),
            Self::ReportUnknown { open, .. } => format!("open reports: {}", list(open)),
            Self::ReportEarly { ends, .. } => format!("hand it in on {ends} or later"),
            Self::FactNotAtOpening { .. } => "leave it out; it comes with its event".to_owned(),
            Self::Contact { .. } => {
                "give role and address, such as officer = office@county.example".to_owned()
            }
            Self::IssueUnknown {
                near: Some(near), ..
            } => format!("did you mean {near:?}?"),
            Self::IssueUnknown { known, .. } => format!("open points: {}", list(known)),
            Self::IssueOption { options, .. } => format!("options: {}", list(options)),
            Self::NotDecided(_) => "name the option that is decided".to_owned(),
            Self::Reason { .. } => "say in 1 to 1000 characters why".to_owned(),
            Self::StateGone { .. } => {
                "keep the version that it goes by, or wait until it has left that state".to_owned()
            }
            Self::NoIncident { open } if open.is_empty() => {
                "repeat the command without waiving anything".to_owned()
            }
            Self::NoIncident { open } => format!(
                "repeat the command without waiving anything; the incidents there are ({}) are of other questions",
                list(open)
            ),
            Self::WaiveLaw { clause, .. } => format!("mend the package first; it says: {clause}"),
            Self::StepNext { .. } => {
                "mend the package; a step proposes itself or another way out of its state"
                    .to_owned()
            }
            Self::Loop(_) => "run `liucheng workflow check` on the definition".to_owned(),
            Self::Text { .. } => "give 1 to 200 characters".to_owned(),
        }
    }
}

fn list(items: &[String]) -> String {
    if items.is_empty() {
        "nothing".to_owned()
    } else {
        items.join(", ")
    }
}
