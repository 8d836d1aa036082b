//! The work that is measured: nine durable transitions of a project.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use async_trait::async_trait;
use liucheng_engine::{
    CommandError, Engine,
    commands::{Actor, Create, FireEvent},
    library::{Entry, Library, Sources},
    ports::{
        Clock, Instant, Mail, MailError, Mailer, OutboxRow, ProjectId, ProjectRow, ProvinceRules,
        RecordRow, Store, TimerRow,
    },
};
use liucheng_model::{
    calendar::Calendar,
    definition::{Definition, Source},
    verdict::PackagePin,
};

use crate::BenchError;

/// The definition, in a file of its own.
pub const DEFINITION: &str = include_str!("../../../workflows/benchmark.toml");
const NAME: &str = "workflows/benchmark.toml";

/// The stages that a transition leaves, in order.
pub const STAGES: [&str; 9] = [
    "survey",
    "plan",
    "budget",
    "procurement",
    "award",
    "contract",
    "staffing",
    "service",
    "evaluation",
];

/// What lets a project begin again instead of going to the archive, so that it never ends: beside
/// [`DEFINITION`], for histories of any length.
const RENEWAL: &str = r#"
[[transition]]
id = "renew"
region = "lifecycle"
from = ["evaluation"]
to = "survey"
title = { zh = "续期", en = "Renew" }
roles = ["officer"]
requires = ["evaluation.done"]
guard = "has(evaluation.done) && days_between(service.done, evaluation.done) >= 0"
clears = [
    "survey.done", "plan.done", "budget.done", "procurement.done", "award.done", "contract.done",
    "staffing.done", "service.done", "evaluation.done",
]
"#;

/// Nobody receives the mails of a benchmark.
struct Void;

#[async_trait]
impl Mailer for Void {
    async fn send(&self, _: &Mail) -> Result<(), MailError> {
        Ok(())
    }
}

/// What an engine for the benchmark is made of.
pub struct Parts {
    /// Keeps the projects.
    pub store: Arc<dyn Store>,
    /// Answers where `package` is asked.
    pub rules: Arc<dyn ProvinceRules>,
    /// A package that is asked at each transition.
    pub package: Option<PackagePin>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Wakes the worker.
    pub wake: Arc<tokio::sync::Notify>,
}

/// An engine whose only definition is the benchmark's.
///
/// # Errors
/// When the definition or the calendar does not read, or the store does not keep it.
pub async fn engine(parts: Parts) -> Result<Engine, BenchError> {
    let text = match parts.package {
        Some(_) => DEFINITION.replace("\nguard = ", "\nhooks = [\"check\"]\nguard = "),
        None => DEFINITION.to_owned(),
    };
    with_definition(parts, text).await
}

/// As [`engine`], without packages, and a project that was evaluated begins again: see [`forever`].
///
/// # Errors
/// As [`engine`].
pub async fn renewing_engine(parts: Parts) -> Result<Engine, BenchError> {
    with_definition(parts, format!("{DEFINITION}{RENEWAL}")).await
}

async fn with_definition(parts: Parts, text: String) -> Result<Engine, BenchError> {
    let source = Source {
        name: NAME,
        text: &text,
    };
    let definition = Definition::load(source, None).map_err(|errors| {
        let first = errors.first().map(ToString::to_string);
        BenchError::Definition(first.unwrap_or_default())
    })?;
    let entry = Entry {
        definition: Arc::new(definition),
        sources: Sources {
            base: text,
            overlay: None,
        },
        package: parts.package,
        document: None,
    };
    let calendar = Calendar::national();
    let calendar = calendar.map_err(|error| BenchError::Definition(error.problem.to_string()))?;
    let entries = BTreeMap::from([(String::new(), entry)]);
    let library = Library::new(Arc::new(calendar.clone()), entries);
    library.keep_in(&*parts.store).await?;
    Ok(Engine {
        store: parts.store,
        rules: parts.rules,
        mailer: Arc::new(Void),
        clock: parts.clock,
        library: Arc::new(library),
        cache: Arc::default(),
        figures: Arc::default(),
        wake: parts.wake,
        mail_domain: "bench.example".into(),
    })
}

/// Who works.
#[must_use]
pub fn actor() -> Actor {
    Actor {
        name: "bench".to_owned(),
        roles: BTreeSet::from(["officer".to_owned()]),
    }
}

/// Opens a project.
#[must_use]
pub fn create(code: String) -> Create {
    Create {
        name: "原州区乡镇（街道）社会工作服务站项目".to_owned(),
        code,
        province: String::new(),
        facts: BTreeMap::new(),
        contacts: BTreeMap::from([(
            "officer".to_owned(),
            vec!["office@county.example".to_owned()],
        )]),
    }
}

/// Finishes a stage today.
#[must_use]
pub fn finish(stage: &str, today: chrono::NaiveDate) -> FireEvent {
    FireEvent {
        event: format!("finish-{stage}"),
        facts: BTreeMap::from([(format!("{stage}.done"), today.to_string().into())]),
        expected_version: None,
        waive: None,
    }
}

/// Finishes today the stage that a project is in after so many transitions, if its last one is
/// renewed for ever; needs a [`renewing_engine`].
#[must_use]
pub fn forever(transitions: u64, today: chrono::NaiveDate) -> FireEvent {
    let at = usize::try_from(transitions % STAGES.len() as u64).unwrap_or_default();
    let mut command = finish(STAGES[at], today);
    if at == STAGES.len() - 1 {
        "renew".clone_into(&mut command.event);
    }
    command
}

/// The rows of one step, as the engine wrote them.
#[derive(Debug, Clone)]
pub struct Step {
    /// The state row after it.
    pub row: ProjectRow,
    /// Its record.
    pub record: RecordRow,
    /// Timers it set.
    pub set: Vec<TimerRow>,
    /// Timers it removed.
    pub clear: Vec<String>,
    /// Mails it planned, with their JSON.
    pub mails: Vec<(OutboxRow, String)>,
}

/// Walks one project through its life and notes what was written at each step: the raw limits
/// write the same rows.
///
/// # Errors
/// When the engine refuses a step or the store does not read.
pub async fn captured(engine: &Engine) -> Result<Vec<Step>, BenchError> {
    let (actor, today) = (actor(), engine.clock.now().date());
    let code = format!("CAPTURED-{}", engine.clock.now().0);
    let id = engine.create(&actor, create(code), None).await?.id;
    let mut steps = Vec::new();
    let mut before = Before::default();
    steps.push(before.step(engine, id).await?);
    for stage in STAGES {
        engine.fire(&actor, id, finish(stage, today), None).await?;
        steps.push(before.step(engine, id).await?);
    }
    Ok(steps)
}

#[derive(Default)]
struct Before {
    version: u64,
    timers: Vec<TimerRow>,
    mails: usize,
}

impl Before {
    async fn step(&mut self, engine: &Engine, id: ProjectId) -> Result<Step, BenchError> {
        let store = &engine.store;
        let row = engine.load(id).await?;
        let record = store.history(id, self.version, 1).await?.pop();
        let record =
            record.ok_or_else(|| CommandError::Internal("a record is missing".to_owned()))?;
        let timers = store.timers(id).await?;
        let known = |list: &[TimerRow], timer: &TimerRow| list.contains(timer);
        let set = timers.iter().filter(|t| !known(&self.timers, t)).cloned();
        let gone = |t: &&TimerRow| !timers.iter().any(|now| now.key == t.key);
        let clear = self.timers.iter().filter(gone).map(|t| t.key.clone());
        let mails = store.mail(id).await?.split_off(self.mails);
        let step = Step {
            record,
            set: set.collect(),
            clear: clear.collect(),
            mails: mails
                .into_iter()
                .map(|mail| Ok((mail.row.clone(), serde_json::to_string(&mail.row.mail)?)))
                .collect::<Result<_, serde_json::Error>>()?,
            row,
        };
        *self = Self {
            version: step.row.version,
            timers,
            mails: self.mails + step.mails.len(),
        };
        Ok(step)
    }
}

/// A clock that runs as the machine's does, from an instant of the benchmark's choice.
#[derive(Debug)]
pub struct ShiftedClock {
    origin: Instant,
    started: std::time::Instant,
}

impl ShiftedClock {
    /// A clock that says `origin` now.
    #[must_use]
    pub fn new(origin: Instant) -> Self {
        Self {
            origin,
            started: std::time::Instant::now(),
        }
    }
}

impl Clock for ShiftedClock {
    fn now(&self) -> Instant {
        let micros = i64::try_from(self.started.elapsed().as_micros()).unwrap_or(i64::MAX);
        self.origin.plus_micros(micros)
    }
}
