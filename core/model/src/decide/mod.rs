//! Deciding: the only place where a project changes.
//!
//! Pure functions from a project and a command, a timer or a verdict to events. The same code
//! serves the server, the demo, simulation and the check of histories.

mod effects;
mod fire;
mod fresh;
mod issue;
mod ladder;
mod package;
mod periods;
mod reconcile;
mod timer;

use std::collections::BTreeMap;

use chrono::{NaiveDate, NaiveDateTime};

use crate::{
    calendar::Calendar,
    definition::{DECISION, Definition},
    event::{Event, MoveCause, Opening},
    fact::Facts,
    project::Project,
    rejection::Rejection,
};

pub use fire::{Fire, Needs, check_verdict, fire, needs, possible};
pub use fresh::{Stale, renew, stale};
pub use issue::{Choose, REASON_MAX_CHARS, asked_again, check_choice, check_reason, choose};
pub use package::{Adopt, adopt_package, open_incident};
pub use periods::{Report, period_containing, period_label, reports};
pub use timer::{Fired, fire_timer};

/// What a decision depends on beside the project.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The project's definition.
    pub definition: &'a Definition,
    /// The project's calendar.
    pub calendar: &'a Calendar,
    /// The present time on the clocks of China.
    pub now: NaiveDateTime,
    /// Reads cron expressions.
    pub slots: &'a dyn Slots,
}

impl Context<'_> {
    /// The civil date.
    #[must_use]
    pub fn today(&self) -> NaiveDate {
        self.now.date()
    }
}

/// Reads cron expressions (port).
pub trait Slots: Send + Sync {
    /// The first time after `after`; `None` when there is none or the expression is wrong.
    fn next(&self, cron: &str, after: NaiveDateTime) -> Option<NaiveDateTime>;
}

/// What was decided: the events and the project after them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// In the order they happened.
    pub events: Vec<Event>,
    /// The project after them.
    pub project: Project,
}

/// What is known before a project is opened.
static NO_FACTS: Facts = Facts::new();

/// A project being changed: every event is applied at once.
struct Draft<'a> {
    context: Context<'a>,
    project: Project,
    /// The facts before the step.
    before: &'a Facts,
    events: Vec<Event>,
    /// Why dates move.
    cause: MoveCause,
}

impl<'a> Draft<'a> {
    fn new(context: Context<'a>, project: Project, before: &'a Facts) -> Self {
        Self {
            context,
            before,
            project,
            events: Vec::new(),
            cause: MoveCause::Facts,
        }
    }

    fn emit(&mut self, event: Event) {
        self.project.apply(&event);
        self.events.push(event);
    }

    fn next_generation(&self) -> u64 {
        self.project.generation + 1
    }

    fn finish(self) -> Decision {
        Decision {
            events: self.events,
            project: self.project,
        }
    }
}

/// The longest name or code of a project, in characters.
pub const NAME_MAX_CHARS: usize = 200;

/// Opens a project; what its jurisdiction has decided is decided for it as well.
///
/// # Errors
/// [`Rejection`] when code or name is empty or too long.
pub fn open(
    context: Context<'_>,
    opening: Opening,
    facts: Facts,
    decisions: &[Choose],
) -> Result<Decision, Rejection> {
    for (field, text) in [("code", &opening.code), ("name", &opening.name)] {
        let reason = if text.trim().is_empty() {
            Some("is empty")
        } else if text.chars().count() > NAME_MAX_CHARS {
            Some("is longer than 200 characters")
        } else if text.chars().any(char::is_control) {
            Some("has control characters")
        } else {
            None
        };
        if let Some(reason) = reason {
            return Err(Rejection::Text { field, reason });
        }
    }
    for (role, addresses) in &opening.contacts {
        check_contact(context.definition, role, addresses)?;
    }
    for key in facts.keys() {
        let field = context.definition.doc.facts.get(key);
        let reason = if field.is_some_and(|f| f.transient) {
            "it is an argument of a command"
        } else if context.definition.is_computed(key) {
            "it is computed by the province's component"
        } else if key.starts_with(DECISION) {
            "it is decided with a reason, by `liucheng project decide`"
        } else {
            continue;
        };
        return Err(Rejection::FactNotAtOpening {
            key: key.clone(),
            reason,
        });
    }
    let mut draft = Draft::new(context, Project::opened(&opening), &NO_FACTS);
    draft.events.push(Event::Opened(Box::new(opening)));
    if !facts.is_empty() {
        draft.emit(Event::FactsSet { facts });
    }
    for decision in decisions {
        draft.choose(decision)?;
    }
    draft.respect_minimums(|_| true)?;
    draft.reconcile();
    Ok(draft.finish())
}

/// The most addresses of one role.
const ADDRESSES_MAX: usize = 20;
/// The longest address, by RFC 5321.
const ADDRESS_MAX_BYTES: usize = 254;

/// A contact that cannot be reached would be a reminder lost without a word.
fn check_contact(
    definition: &Definition,
    role: &str,
    addresses: &[String],
) -> Result<(), Rejection> {
    let refuse = |reason: String| {
        Err(Rejection::Contact {
            role: role.chars().take(40).collect(),
            reason,
        })
    };
    if !definition.doc.roles.contains_key(role) {
        let known: Vec<&str> = definition.doc.roles.keys().map(String::as_str).collect();
        return refuse(format!(
            "there is no such role; roles: {}",
            known.join(", ")
        ));
    }
    if addresses.is_empty() || addresses.len() > ADDRESSES_MAX {
        return refuse(format!("needs 1 to {ADDRESSES_MAX} addresses"));
    }
    for address in addresses {
        let parts = address.split_once('@');
        let whole = parts.is_some_and(|(user, host)| {
            !user.is_empty() && !host.is_empty() && !host.contains('@')
        });
        let clean = address
            .chars()
            .all(|c| !c.is_control() && !c.is_whitespace() && c != '<' && c != '>');
        if !whole || !clean || address.len() > ADDRESS_MAX_BYTES {
            return refuse(format!(
                "{:?} is not a mail address",
                address.chars().take(60).collect::<String>()
            ));
        }
    }
    Ok(())
}

/// Takes over another calendar: every date that changes with it has that cause in the history.
///
/// `None` when the project goes by this calendar already.
#[must_use]
pub fn adopt_calendar(context: Context<'_>, project: &Project) -> Option<Decision> {
    if project.calendar == context.calendar.version() {
        return None;
    }
    let mut draft = Draft::new(context, project.clone(), &project.facts);
    draft.reconcile();
    Some(draft.finish())
}

/// Is the main line, the first region, in a final state?
#[must_use]
pub fn has_ended(definition: &Definition, project: &Project) -> bool {
    let Some(region) = definition.doc.regions.first() else {
        return false;
    };
    let state = project.states.get(&region.id);
    let mut states = region.states.iter();
    states.any(|s| Some(&s.id) == state && s.is_final)
}

/// The initial state of every region.
#[must_use]
pub fn initial_states(definition: &Definition) -> BTreeMap<String, String> {
    let regions = definition.doc.regions.iter();
    regions.map(|r| (r.id.clone(), r.initial.clone())).collect()
}
