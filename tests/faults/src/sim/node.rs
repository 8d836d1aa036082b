//! A process of a simulation: an engine, its clock, and what it is doing.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use async_trait::async_trait;
use liucheng_engine::{
    CommandError, Engine,
    commands::{Answer, FireEvent},
    ports::{Clock, Epoch, Instant, ProvinceRules, RuleCall, RuleFault},
};
use liucheng_model::verdict::{Answer as RuleAnswer, Verdict};

use super::database::Database;
use crate::{oracle::Command, scene::person};

/// A machine's clock: the database's, and how far it is off.
pub struct NodeClock {
    /// The true time.
    pub database: Arc<Database>,
    /// How far it is off, in microseconds.
    pub skew: AtomicI64,
}

impl NodeClock {
    /// Sets it that many microseconds off the true time.
    pub fn set(&self, skew: i64) {
        self.skew.store(skew, Ordering::SeqCst);
    }
}

impl Clock for NodeClock {
    fn now(&self) -> Instant {
        let now = self.database.state().now;
        now.plus_micros(self.skew.load(Ordering::SeqCst))
    }
}

/// Rules without an opinion that fail at times.
pub struct NodeRules(pub Arc<Database>);

#[async_trait]
impl ProvinceRules for NodeRules {
    async fn ask(&self, call: RuleCall) -> Result<Verdict, RuleFault> {
        super::store::give_way().await;
        let mut state = self.0.state();
        let rate = state.rates.rules;
        if state.random.chance(rate) {
            state.notes.fault("component failed");
            return Err(RuleFault {
                code: "E-PLUGIN-FUEL",
                package: call.package.id,
                reason: "injected".to_owned(),
                hint: "none".to_owned(),
            });
        }
        Ok(Verdict {
            hook: call.hook,
            package: call.package,
            input: String::new(),
            fuel: 0,
            answer: RuleAnswer::default(),
            arguments: Default::default(),
            next: None,
        })
    }
}

/// What a process has done.
pub enum Done {
    /// It is ready to work.
    Started(Result<(), CommandError>),
    /// A command was carried out or refused: its number, the attempt and the answer.
    Command(usize, usize, Result<Answer, CommandError>),
    /// Timers were fired.
    Fired(Result<usize, CommandError>),
    /// Epochs were sealed.
    Sealed(Result<Vec<Epoch>, CommandError>),
    /// Mails were sent.
    Delivered(Result<usize, CommandError>),
}

/// Something a process is doing.
pub struct Task {
    /// What, in one word.
    pub name: &'static str,
    /// The work.
    pub work: Pin<Box<dyn Future<Output = Done>>>,
}

/// A machine.
pub struct Node {
    /// Its clock, which outlives its processes.
    pub clock: Arc<NodeClock>,
    /// The process's number; a new one with each start.
    pub process: u64,
    /// The process; `None` while it is down.
    pub engine: Option<Arc<Engine>>,
    /// It answers commands and works.
    pub ready: bool,
    /// What it is doing.
    pub tasks: Vec<Task>,
    /// It stands still until this instant.
    pub paused_until: Option<Instant>,
}

impl Node {
    /// Whether it does something of that name.
    #[must_use]
    pub fn is_doing(&self, name: &str) -> bool {
        self.tasks.iter().any(|task| task.name == name)
    }

    /// Whether it takes part.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.engine.is_some() && self.paused_until.is_none()
    }
}

/// The work of a process that comes up, as `serve` does it.
pub fn start(engine: Arc<Engine>) -> Task {
    let work = async move {
        let kept = engine.library.keep_in(&*engine.store).await;
        let adopted = match kept {
            Ok(()) => engine.adopt_calendar().await.map(|_| ()),
            Err(error) => Err(error),
        };
        Done::Started(adopted)
    };
    Task {
        name: "start",
        work: Box::pin(work),
    }
}

/// The work for one attempt of a command.
pub fn command(
    engine: Arc<Engine>,
    number: (usize, usize),
    command: Command,
    key: Option<String>,
) -> Task {
    let work = async move {
        let (person, key) = (person(number.0), key.as_deref());
        let result = match command {
            Command::Create(create) => engine.create(&person, create, key).await,
            Command::Fire(code, event) => fire(&engine, &person, (&code, event), key).await,
        };
        Done::Command(number.0, number.1, result)
    };
    Task {
        name: "command",
        work: Box::pin(work),
    }
}

async fn fire(
    engine: &Engine,
    actor: &liucheng_engine::commands::Actor,
    (code, event): (&str, FireEvent),
    key: Option<&str>,
) -> Result<Answer, CommandError> {
    let id = engine.find(code).await?;
    engine.fire(actor, id, event, key).await
}

/// The worker's look at timers.
pub fn fire_due(engine: Arc<Engine>) -> Task {
    let work = async move { Done::Fired(engine.fire_due().await) };
    Task {
        name: "timers",
        work: Box::pin(work),
    }
}

/// The audit's look at what is not sealed yet.
pub fn seal_due(engine: Arc<Engine>) -> Task {
    let work = async move { Done::Sealed(engine.sealer(None).seal_due().await) };
    Task {
        name: "seal",
        work: Box::pin(work),
    }
}

/// The worker's delivery of mail.
pub fn deliver_due(engine: Arc<Engine>) -> Task {
    let work = async move { Done::Delivered(engine.deliver_due().await) };
    Task {
        name: "delivery",
        work: Box::pin(work),
    }
}
