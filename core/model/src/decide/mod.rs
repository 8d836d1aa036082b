//! Deciding: the only place where a project changes.
//!
//! Pure functions from a project and a command, a timer or a verdict to events. The same code
//! serves the server, the demo, simulation and the check of histories.

mod effects;
mod fire;
mod ladder;
mod periods;
mod reconcile;
mod timer;

use std::collections::BTreeMap;

use chrono::{NaiveDate, NaiveDateTime};

use crate::{
    calendar::Calendar,
    definition::Definition,
    event::{Event, Opening},
    fact::Facts,
    project::Project,
    rejection::Rejection,
};

pub use fire::{Fire, Needs, fire, needs, possible};
pub use periods::{period_containing, period_label};
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

/// A project being changed: every event is applied at once.
struct Draft<'a> {
    context: Context<'a>,
    project: Project,
    events: Vec<Event>,
}

impl<'a> Draft<'a> {
    fn new(context: Context<'a>, project: Project) -> Self {
        Self {
            context,
            project,
            events: Vec::new(),
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

/// Opens a project.
///
/// # Errors
/// [`Rejection`] when code or name is empty or too long.
pub fn open(context: Context<'_>, opening: Opening, facts: Facts) -> Result<Decision, Rejection> {
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
    let mut draft = Draft::new(context, Project::opened(&opening));
    draft.events.push(Event::Opened(Box::new(opening)));
    if !facts.is_empty() {
        draft.emit(Event::FactsSet { facts });
    }
    draft.reconcile();
    Ok(draft.finish())
}

/// The initial state of every region.
#[must_use]
pub fn initial_states(definition: &Definition) -> BTreeMap<String, String> {
    let regions = definition.doc.regions.iter();
    regions.map(|r| (r.id.clone(), r.initial.clone())).collect()
}
