//! The history for people and programs.
//!
//! Not the stored records themselves: those hold addresses and money in fen. The shape is tagged
//! with `type`, so that a program can skip what it does not know.

use std::collections::BTreeMap;

use chrono::{NaiveDate, NaiveDateTime};
use liucheng_engine::{
    CommandError,
    ports::RecordRow,
    record::{Cause, Record},
};
use liucheng_model::{
    event::{DecisionScope, Event, Incident, MoveCause, PackageAdoption},
    fact::Facts,
    finding::Finding,
    project::{Obligation, Payment, Pin},
    verdict::{Hook, PackagePin, PlannedPayment, Verdict},
};
use serde::Serialize;
use serde_json::Value as Json;

/// One record of the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RecordView {
    /// 1-based position.
    pub seq: u64,
    /// When.
    pub at: String,
    /// Who.
    pub actor: String,
    /// Why.
    pub cause: CauseView,
    /// What, in order.
    pub events: Vec<EventView>,
}

/// What made a project change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum CauseView {
    /// It was opened.
    Open,
    /// Somebody fired an event.
    Command {
        /// The event.
        event: String,
    },
    /// Somebody decided what the text leaves open.
    Decision {
        /// The open point.
        issue: String,
    },
    /// Another version of its package came into use.
    Package {
        /// The version.
        version: String,
    },
    /// A component could not answer.
    Incident,
    /// Another calendar came into use.
    Calendar,
    /// A timer fired.
    Timer {
        /// Its name.
        key: String,
    },
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum EventView {
    Opened {
        definition: Pin,
        package: Option<PackagePin>,
        calendar: String,
        contacts: Vec<String>,
        states: BTreeMap<String, String>,
    },
    FactsSet {
        facts: BTreeMap<String, Json>,
    },
    FactsCleared {
        keys: Vec<String>,
    },
    Moved {
        region: String,
        transition: String,
        from: String,
        to: String,
    },
    VerdictGiven(VerdictView),
    PaymentsPlanned {
        payments: Vec<PlannedPaymentView>,
    },
    PaymentReleased {
        no: u32,
        on: NaiveDate,
        amount: String,
    },
    ObligationOpened {
        key: String,
        obligation: DateView,
    },
    ObligationMoved {
        key: String,
        obligation: DateView,
        cause: MoveCause,
    },
    ObligationMet {
        key: String,
        on: NaiveDate,
        due: Option<NaiveDate>,
    },
    ObligationDropped {
        key: String,
    },
    ReminderDue {
        key: String,
        step: usize,
        roles: Vec<String>,
        escalation: bool,
    },
    ObligationAnnounced {
        key: String,
        roles: Vec<String>,
    },
    ReportSubmitted {
        id: String,
        period: String,
    },
    IssueDecided {
        issue: String,
        option: Option<String>,
        reason: String,
        scope: DecisionScope,
    },
    PackageAdopted(Box<PackageAdoption>),
    IncidentOpened(Box<Incident>),
    IncidentClosed {
        hook: Hook,
    },
    VerdictWaived {
        hook: Hook,
        reason: String,
    },
    VerdictRenewed {
        #[serde(flatten)]
        verdict: VerdictView,
        left_out: Vec<usize>,
    },
    FindingsDropped {
        hook: Hook,
    },
    CalendarAdopted {
        version: String,
    },
    TimerSet {
        key: String,
        at: NaiveDateTime,
    },
    TimerCleared {
        key: String,
    },
    ScheduleFired {
        id: String,
        slot: NaiveDateTime,
    },
}

/// What a province's component answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerdictView {
    /// What was asked.
    pub hook: Hook,
    /// Who answered.
    pub package: PackagePin,
    /// SHA-256 over the input.
    pub input: String,
    /// Instructions consumed.
    pub fuel: u64,
    /// What the rules say.
    pub findings: Vec<Finding>,
    /// Facts that follow.
    pub facts: BTreeMap<String, Json>,
    /// The payment plan.
    pub payments: Vec<PlannedPaymentView>,
}

/// One tranche of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedPaymentView {
    /// 1-based number.
    pub no: u32,
    /// The share, a decimal string.
    pub percent: String,
    /// Yuan.
    pub amount: Option<String>,
    /// The obligation that says when it is due.
    pub obligation: String,
    /// The rule sheet's id.
    pub rule: String,
}

/// The date of an obligation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DateView {
    /// The day the period runs from.
    pub anchor_date: Option<NaiveDate>,
    /// The last day.
    pub due: Option<NaiveDate>,
    /// The last day before rolling.
    pub unrolled: Option<NaiveDate>,
    /// The date may still change.
    pub provisional: bool,
    /// Its clock stands still.
    pub paused: bool,
}

/// A stored record as it is shown.
///
/// # Errors
/// When the stored bytes are not a record.
pub fn record(row: &RecordRow) -> Result<RecordView, CommandError> {
    let record = Record::open(row)?;
    Ok(RecordView {
        seq: record.seq,
        at: record.at.rfc3339(),
        actor: record.actor,
        cause: match record.cause {
            Cause::Open => CauseView::Open,
            Cause::Command { event } => CauseView::Command { event },
            Cause::Decision { issue } => CauseView::Decision { issue },
            Cause::Package { version } => CauseView::Package { version },
            Cause::Incident => CauseView::Incident,
            Cause::Calendar => CauseView::Calendar,
            Cause::Timer { key } => CauseView::Timer { key },
        },
        events: record.events.into_iter().map(EventView::from).collect(),
    })
}

impl From<Event> for EventView {
    fn from(event: Event) -> Self {
        match event {
            Event::Opened(opening) => Self::Opened {
                definition: opening.definition,
                package: opening.package,
                calendar: opening.calendar,
                contacts: super::roles_with_address(&opening.contacts),
                states: opening.states,
            },
            Event::FactsSet { facts } => Self::FactsSet {
                facts: canonical(&facts),
            },
            Event::FactsCleared { keys } => Self::FactsCleared { keys },
            Event::Moved {
                region,
                transition,
                from,
                to,
            } => Self::Moved {
                region,
                transition,
                from,
                to,
            },
            Event::VerdictGiven(verdict) => Self::VerdictGiven(VerdictView::from(*verdict)),
            Event::PaymentsPlanned { payments } => Self::PaymentsPlanned {
                payments: payments.into_iter().map(tranche).collect(),
            },
            Event::PaymentReleased { no, on, amount } => Self::PaymentReleased {
                no,
                on,
                amount: amount.to_string(),
            },
            Event::ObligationOpened { key, obligation } => Self::ObligationOpened {
                key,
                obligation: DateView::from(&obligation),
            },
            Event::ObligationMoved {
                key,
                obligation,
                cause,
            } => Self::ObligationMoved {
                key,
                obligation: DateView::from(&obligation),
                cause,
            },
            Event::ObligationMet { key, on, due } => Self::ObligationMet { key, on, due },
            Event::ObligationDropped { key } => Self::ObligationDropped { key },
            Event::ReminderDue {
                key,
                step,
                roles,
                escalation,
            } => Self::ReminderDue {
                key,
                step,
                roles,
                escalation,
            },
            Event::ObligationAnnounced { key, roles } => Self::ObligationAnnounced { key, roles },
            Event::ReportSubmitted { id, period } => Self::ReportSubmitted { id, period },
            Event::IssueDecided {
                issue,
                option,
                reason,
                scope,
            } => Self::IssueDecided {
                issue,
                option,
                reason,
                scope,
            },
            Event::PackageAdopted(adoption) => Self::PackageAdopted(adoption),
            Event::IncidentOpened(incident) => Self::IncidentOpened(incident),
            Event::IncidentClosed { hook } => Self::IncidentClosed { hook },
            Event::VerdictWaived { hook, reason } => Self::VerdictWaived { hook, reason },
            Event::VerdictRenewed { verdict, left_out } => Self::VerdictRenewed {
                verdict: VerdictView::from(*verdict),
                left_out,
            },
            Event::FindingsDropped { hook } => Self::FindingsDropped { hook },
            Event::CalendarAdopted { version } => Self::CalendarAdopted { version },
            Event::TimerSet { key, timer } => Self::TimerSet { key, at: timer.at },
            Event::TimerCleared { key } => Self::TimerCleared { key },
            Event::ScheduleFired { id, slot } => Self::ScheduleFired { id, slot },
        }
    }
}

impl From<Verdict> for VerdictView {
    fn from(verdict: Verdict) -> Self {
        Self {
            hook: verdict.hook,
            package: verdict.package,
            input: verdict.input,
            fuel: verdict.fuel,
            findings: verdict.answer.findings,
            facts: canonical(&verdict.answer.facts),
            payments: planned(verdict.answer.payments),
        }
    }
}

impl From<&Obligation> for DateView {
    fn from(obligation: &Obligation) -> Self {
        Self {
            anchor_date: obligation.anchor_date,
            due: obligation.due,
            unrolled: obligation.unrolled,
            provisional: obligation.provisional,
            paused: obligation.is_paused(),
        }
    }
}

fn canonical(facts: &Facts) -> BTreeMap<String, Json> {
    facts
        .iter()
        .map(|(key, value)| (key.clone(), value.to_json()))
        .collect()
}

fn tranche(payment: Payment) -> PlannedPaymentView {
    PlannedPaymentView {
        no: payment.no,
        percent: payment.percent,
        amount: payment.amount.map(|fen| fen.to_string()),
        obligation: payment.obligation,
        rule: payment.rule,
    }
}

fn planned(payments: Vec<PlannedPayment>) -> Vec<PlannedPaymentView> {
    let view = |p: PlannedPayment| PlannedPaymentView {
        no: p.no,
        percent: p.percent,
        amount: p.amount.map(|fen| fen.to_string()),
        obligation: p.obligation,
        rule: p.rule,
    };
    payments.into_iter().map(view).collect()
}
