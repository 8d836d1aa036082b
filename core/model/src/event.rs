//! Events: what happened, as it is kept for ever.
//!
//! The stored form is part of the product's contract: names of variants and fields never change
//! their meaning, new ones are added with defaults.

use std::collections::BTreeMap;

use chrono::{NaiveDate, NaiveDateTime};
use serde::{Deserialize, Serialize};

use crate::{
    fact::Facts,
    money::Fen,
    project::{Obligation, Payment, Pin, Timer},
    verdict::{Hook, PackagePin, Verdict},
};

/// One thing that happened to a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// The project began. Always the first event, and only there.
    Opened(Box<Opening>),
    /// Facts became known or were corrected.
    FactsSet {
        /// The new values.
        facts: Facts,
    },
    /// Facts belong to the past, such as last year's contract.
    FactsCleared {
        /// Their keys.
        keys: Vec<String>,
    },
    /// A region changed its state.
    Moved {
        /// The region.
        region: String,
        /// The transition.
        transition: String,
        /// The state it left.
        from: String,
        /// The state it entered.
        to: String,
    },
    /// A province's component answered.
    VerdictGiven(Box<Verdict>),
    /// The payment plan of this contract.
    PaymentsPlanned {
        /// Its tranches, with those that were released before the plan was made anew.
        payments: Vec<Payment>,
    },
    /// A tranche was released.
    PaymentReleased {
        /// Its number.
        no: u32,
        /// The day.
        on: NaiveDate,
        /// The amount.
        amount: Fen,
    },
    /// Something has to be done.
    ObligationOpened {
        /// Its key, such as `sign-contract` or `monthly-report@2021-09`.
        key: String,
        /// What is known about it.
        obligation: Obligation,
    },
    /// The date of an obligation changed.
    ObligationMoved {
        /// Its key.
        key: String,
        /// The obligation as it is now.
        obligation: Obligation,
        /// What changed it.
        cause: MoveCause,
    },
    /// An obligation was discharged.
    ObligationMet {
        /// Its key.
        key: String,
        /// The day it was done.
        on: NaiveDate,
        /// The last day there would have been.
        due: Option<NaiveDate>,
    },
    /// An obligation is no longer one.
    ObligationDropped {
        /// Its key.
        key: String,
    },
    /// A step of a reminder ladder was reached: mails go out.
    ReminderDue {
        /// The obligation's key.
        key: String,
        /// The step.
        step: usize,
        /// The roles it is addressed to.
        roles: Vec<String>,
        /// It goes a level up because the date has passed.
        escalation: bool,
    },
    /// Whoever is responsible is told that an obligation is theirs now: a mail goes out.
    ObligationAnnounced {
        /// The obligation's key.
        key: String,
        /// The roles it is addressed to.
        roles: Vec<String>,
    },
    /// The report of a period was handed in.
    ReportSubmitted {
        /// The recurring obligation.
        id: String,
        /// The period.
        period: String,
    },
    /// The project goes by another calendar from here on.
    CalendarAdopted {
        /// The calendar's id and version.
        version: String,
    },
    /// Somebody decided what the text leaves open.
    IssueDecided {
        /// The open point, such as `YZ-A2`.
        issue: String,
        /// The reading; `None` when an earlier decision was taken back.
        option: Option<String>,
        /// Why.
        reason: String,
        /// For what it was decided.
        scope: DecisionScope,
    },
    /// The project goes by another version of its package from here on.
    PackageAdopted(Box<PackageAdoption>),
    /// The component could not answer.
    IncidentOpened(Box<Incident>),
    /// It answered again.
    IncidentClosed {
        /// What it was asked.
        hook: Hook,
    },
    /// Somebody went on without the component's answer; its incident is over with that.
    VerdictWaived {
        /// What it was not asked.
        hook: Hook,
        /// Why.
        reason: String,
    },
    /// A component was asked again, because what it had found need not hold any more; only its findings are
    /// taken.
    VerdictRenewed {
        /// The answer.
        verdict: Box<Verdict>,
        /// Places of its findings that are not taken: they ask for facts that nobody has to give now.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        left_out: Vec<usize>,
    },
    /// What a component found is about something that is over.
    FindingsDropped {
        /// What it was asked.
        hook: Hook,
    },
    /// A timer was set.
    TimerSet {
        /// Its name.
        key: String,
        /// When it fires.
        timer: Timer,
    },
    /// A timer was removed.
    TimerCleared {
        /// Its name.
        key: String,
    },
    /// A schedule raised its event.
    ScheduleFired {
        /// The schedule.
        id: String,
        /// The time it stands for.
        slot: NaiveDateTime,
    },
}

/// For what an open point was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DecisionScope {
    /// For this project alone.
    Project,
    /// For all projects of the jurisdiction that have no decision of their own.
    Jurisdiction,
}

/// Another version of a project's package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageAdoption {
    /// The definition, with its overlay.
    pub definition: Pin,
    /// The province's package.
    pub package: Option<PackagePin>,
    /// Region → initial state, of regions that the project did not have.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub states: BTreeMap<String, String>,
    /// What made the project change.
    pub cause: AdoptionCause,
    /// Why.
    pub reason: String,
}

/// What makes a project go by another version of its package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AdoptionCause {
    /// It entered a stage of its life.
    StageEntry,
    /// Somebody decided it.
    Command,
    /// Somebody took it back.
    Rollback,
}

/// A component that could not answer (异常).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// What it was asked.
    pub hook: Hook,
    /// The package.
    pub package: PackagePin,
    /// The stable code, such as `E-PLUGIN-FUEL`.
    pub code: String,
    /// What happened.
    pub reason: String,
    /// The day.
    pub on: NaiveDate,
}

impl Incident {
    /// The code of a package that failed too often of late, whatever it was asked, and is not asked for a
    /// while: it passes by itself and says nothing about the project.
    pub const RESTING: &str = "E-PLUGIN-RESTING";
}

/// Why a date changed. No statutory date changes without a cause in the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MoveCause {
    /// A fact was recorded or corrected, or a condition changed with it.
    Facts,
    /// Another calendar was adopted.
    Calendar,
    /// Another version of the package was adopted.
    Package,
    /// The clock stands still (中止).
    Suspended,
    /// The clock runs again.
    Resumed,
}

/// How a project began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// The readable number.
    pub code: String,
    /// The name.
    pub name: String,
    /// The definition, with its overlay.
    pub definition: Pin,
    /// The province's package.
    pub package: Option<PackagePin>,
    /// The calendar's id and version.
    pub calendar: String,
    /// Role → mail addresses.
    pub contacts: BTreeMap<String, Vec<String>>,
    /// Region → initial state.
    pub states: BTreeMap<String, String>,
}
