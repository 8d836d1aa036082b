//! What a province implements, and what it is given.

use crate::{Answer, Date, Facts, Finding, Parameters, Problem, Value};

/// What a component says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Description {
    /// The package's id, as in `plugin.toml`.
    pub id: &'static str,
    /// The package's version, as in `plugin.toml`: `env!("CARGO_PKG_VERSION")`.
    pub version: &'static str,
    /// The hooks it answers: `check`, `cap`, `allocation`, `tranche-plan`, `staffing`, `grade`, `renewal`,
    /// `step`.
    pub hooks: &'static [&'static str],
    /// The ids of all rules and recorded ambiguities that its findings may name.
    pub rules: &'static [&'static str],
}

/// One question.
pub struct Call<'a> {
    /// The civil date of the question; there is no other clock.
    pub today: Date,
    /// The transition that asks; empty when a plan is computed without a project.
    pub transition: &'a str,
    /// The facts as they would stand.
    pub facts: &'a Facts,
    /// The overlay's numbers.
    pub parameters: &'a Parameters,
    /// Calendar and log.
    pub host: &'a dyn Host,
}

/// How important a log line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// For the author while developing.
    Debug,
    /// Normal.
    Info,
    /// Odd.
    Warn,
    /// Wrong.
    Error,
}

/// Why the calendar cannot answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CalendarError {
    /// Not a day of the calendar; carries what was given.
    InvalidDate(String),
    /// Too far away, or too many days; carries the limit.
    OutOfRange(String),
}

/// A counted day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CountedDay {
    /// The date.
    pub date: Date,
    /// Whether a year was crossed whose holidays are not published yet.
    pub provisional: bool,
}

/// All that a province may ask its host: the work calendar and the log. Nothing else exists.
pub trait Host {
    /// Writes one line to the operator's log; the host drops what is too much.
    fn log(&self, level: Level, text: &str);

    /// Whether a date is a working day (工作日).
    ///
    /// # Errors
    /// [`CalendarError`] for a date that is too far away.
    fn is_working_day(&self, date: Date) -> Result<bool, CalendarError>;

    /// The n-th working day after a date, before it if n is negative; the date itself is not counted.
    ///
    /// # Errors
    /// [`CalendarError`] for too many days.
    fn add_working_days(&self, date: Date, n: i32) -> Result<CountedDay, CalendarError>;

    /// The date itself if it is a working day, else the next one.
    ///
    /// # Errors
    /// [`CalendarError`] for a date that is too far away.
    fn next_working_day(&self, date: Date) -> Result<CountedDay, CalendarError>;
}

/// The outcome of a step that only this province has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StepOutcome {
    /// What the step found and which facts it sets.
    pub answer: Answer,
    /// The transition it proposes; `None` while somebody has to act first.
    pub next: Option<String>,
}

/// How facts recorded under an older version of the package are carried over.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Migration {
    /// Facts to set.
    pub set: Vec<(String, Value)>,
    /// Keys of facts to drop.
    pub drop: Vec<String>,
    /// What a person should know or decide.
    pub findings: Vec<Finding>,
}

/// A province's computed rules.
///
/// Everything has a default, so that a package implements only what its documents ask for. The hooks
/// implemented are those to list in [`Description::hooks`].
pub trait Province {
    /// Says who it is.
    fn describe() -> Description;

    /// Judges the facts as they would stand after a transition.
    ///
    /// # Errors
    /// [`Problem`] when the request or the overlay is wrong.
    fn check(call: &Call<'_>) -> Result<Answer, Problem> {
        let _ = call;
        Ok(Answer::new())
    }

    /// Judges a budget against its cap (上限) or floor (下限).
    ///
    /// # Errors
    /// [`Problem`] when the request or the overlay is wrong.
    fn cap(call: &Call<'_>) -> Result<Answer, Problem> {
        let _ = call;
        Err(Problem::unsupported("cap"))
    }

    /// Divides money between levels, funds, classes and towns (经费分配).
    ///
    /// # Errors
    /// [`Problem`] when the request or the overlay is wrong.
    fn allocation(call: &Call<'_>) -> Result<Answer, Problem> {
        let _ = call;
        Err(Problem::unsupported("allocation"))
    }

    /// Plans the payments (分期拨付).
    ///
    /// # Errors
    /// [`Problem`] when the request or the overlay is wrong.
    fn tranche_plan(call: &Call<'_>) -> Result<Answer, Problem> {
        let _ = call;
        Err(Problem::unsupported("tranche-plan"))
    }

    /// Checks staffing (人员配备).
    ///
    /// # Errors
    /// [`Problem`] when the request or the overlay is wrong.
    fn staffing(call: &Call<'_>) -> Result<Answer, Problem> {
        let _ = call;
        Err(Problem::unsupported("staffing"))
    }

    /// Says what the results of evaluations mean (评估等级).
    ///
    /// # Errors
    /// [`Problem`] when the request or the overlay is wrong.
    fn grade(call: &Call<'_>) -> Result<Answer, Problem> {
        let _ = call;
        Err(Problem::unsupported("grade"))
    }

    /// Decides on renewal (续签): sets `renewal.decision` and `renewal.reason`.
    ///
    /// # Errors
    /// [`Problem`] when the request or the overlay is wrong.
    fn renewal(call: &Call<'_>) -> Result<Answer, Problem> {
        let _ = call;
        Err(Problem::unsupported("renewal"))
    }

    /// Computes a topic that this version of the SDK has no function for.
    ///
    /// # Errors
    /// [`Problem`] when the topic is unknown.
    fn other(topic: &str, call: &Call<'_>) -> Result<Answer, Problem> {
        let _ = call;
        Err(Problem::unsupported(topic))
    }

    /// Runs a step that only this province has; by default there is none.
    ///
    /// # Errors
    /// [`Problem`] when the step is unknown.
    fn run_step(step: &str, call: &Call<'_>) -> Result<StepOutcome, Problem> {
        let _ = (step, call);
        Ok(StepOutcome::default())
    }

    /// Carries over facts recorded under an older version; by default nothing changes.
    ///
    /// # Errors
    /// [`Problem`] when the facts cannot be carried over.
    fn migrate_facts(from_version: &str, facts: &Facts) -> Result<Migration, Problem> {
        let _ = (from_version, facts);
        Ok(Migration::default())
    }
}

/// Calls the function that answers a topic of `compute`.
///
/// # Errors
/// What the function answers.
#[doc(hidden)]
pub fn compute<P: Province>(topic: &str, call: &Call<'_>) -> Result<Answer, Problem> {
    match topic {
        "cap" => P::cap(call),
        "allocation" => P::allocation(call),
        "tranche-plan" => P::tranche_plan(call),
        "staffing" => P::staffing(call),
        "grade" => P::grade(call),
        "renewal" => P::renewal(call),
        other => P::other(other, call),
    }
}
