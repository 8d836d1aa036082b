//! Engines over real stores, clients that give commands, and the judgement at the end.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
};

use async_trait::async_trait;
use chrono::NaiveTime;
use liucheng_engine::{
    CommandError, Engine,
    commands::Answer,
    library::Entry,
    ports::{Clock, Instant, Mail, MailError, Mailer, Store},
    testing::SilentRules,
};
use liucheng_faults::{
    check::invariants,
    oracle::{Attempted, Command, Oracle},
    random::Random,
    scene::{self, Law},
};
use liucheng_model::project::Project;
use liucheng_store::{Options, connect};

use crate::server;

/// A day in microseconds.
pub const DAY: i64 = 86_400_000_000;

/// A clock that goes wherever it is told.
pub struct Clockwork(AtomicI64);

impl Clockwork {
    pub fn set(&self, at: Instant) {
        self.0.store(at.0, Ordering::SeqCst);
    }

    pub fn forward(&self, micros: i64) {
        self.0.fetch_add(micros, Ordering::SeqCst);
    }
}

impl Clock for Clockwork {
    fn now(&self) -> Instant {
        Instant(self.0.load(Ordering::SeqCst))
    }
}

/// A mail server that counts what it accepts.
#[derive(Default)]
pub struct Letterbox(pub Mutex<BTreeMap<String, u32>>);

#[async_trait]
impl Mailer for Letterbox {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        tokio::task::yield_now().await;
        *self
            .0
            .lock()
            .unwrap()
            .entry(mail.message_id.clone())
            .or_default() += 1;
        Ok(())
    }
}

/// A database of a test.
pub struct Place {
    pub location: String,
    _folder: Option<tempfile::TempDir>,
}

impl Place {
    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            location: folder.path().join("f.db").to_str().unwrap().to_owned(),
            _folder: Some(folder),
        }
    }

    /// A database on the shared server; `None`, loudly, where there is none.
    pub async fn postgres() -> Option<Self> {
        let location = server::shared()?.database().await;
        Some(Self {
            location,
            _folder: None,
        })
    }

    /// Both kinds, as far as they are to be had.
    pub async fn both() -> Vec<Self> {
        [Some(Self::sqlite()), Self::postgres().await]
            .into_iter()
            .flatten()
            .collect()
    }

    pub async fn open(&self) -> Arc<dyn Store> {
        connect(&self.location, Options::DEFAULT).await.unwrap()
    }
}

/// What the engines of a test share.
pub struct Rig {
    pub law: Law,
    pub entry: Entry,
    pub clock: Arc<Clockwork>,
    pub letters: Arc<Letterbox>,
    pub oracle: Mutex<Oracle>,
}

impl Rig {
    pub fn new(law: Law) -> Arc<Self> {
        let date = "2026-01-05".parse().unwrap();
        let begun = Instant::at(date, NaiveTime::from_hms_opt(9, 0, 0).unwrap());
        Arc::new(Self {
            law,
            entry: law.entry().unwrap(),
            clock: Arc::new(Clockwork(AtomicI64::new(begun.0))),
            letters: Arc::default(),
            oracle: Mutex::default(),
        })
    }

    pub fn engine(&self, store: Arc<dyn Store>) -> Engine {
        Engine {
            store,
            rules: Arc::new(SilentRules),
            mailer: Arc::<Letterbox>::clone(&self.letters),
            clock: Arc::<Clockwork>::clone(&self.clock),
            library: scene::library(self.law, &self.entry, 0).unwrap(),
            cache: Arc::default(),
            figures: Arc::default(),
            wake: Arc::default(),
            mail_domain: "test.example".into(),
        }
    }

    /// A client's next command for one of the projects.
    async fn next(&self, engine: &Engine, random: &mut Random) -> Option<Command> {
        // Projects come to their end; there are always new ones.
        let given = self.oracle.lock().unwrap().commands.len();
        let projects = 4 + given / 8;
        let code = format!("P-{}", random.index(projects));
        let Ok(found) = engine.store.find_code(&code).await else {
            return None;
        };
        let Some(id) = found else {
            let mut create = scene::opening(self.law, &code);
            // So that there is something to be reminded of.
            let today = self.clock.now().date().to_string();
            create
                .facts
                .insert("award.notice_issued".to_owned(), today.into());
            return Some(Command::Create(create));
        };
        let row = engine.store.load(id).await.ok()??;
        let project: Project = serde_json::from_str(&row.state).unwrap();
        let today = self.clock.now().date();
        let mut fire = scene::command(&self.entry.definition, &project, today, random);
        if random.chance(100) {
            fire.expected_version = Some(row.version.saturating_sub(random.below(2)));
        }
        Some(Command::Fire(code, fire))
    }

    async fn attempt(&self, engine: &Engine, number: usize) -> Result<Answer, CommandError> {
        let (attempt, command, key) = {
            let mut oracle = self.oracle.lock().unwrap();
            let command = &mut oracle.commands[number];
            (
                command.begin(),
                command.command.clone(),
                command.key.clone(),
            )
        };
        let (person, key) = (scene::person(number), key.as_deref());
        let heard = match command {
            Command::Create(create) => engine.create(&person, create, key).await,
            Command::Fire(code, event) => match engine.find(&code).await {
                Ok(id) => engine.fire(&person, id, event, key).await,
                Err(error) => Err(error),
            },
        };
        self.oracle.lock().unwrap().commands[number].attempts[attempt].heard = Some(heard.clone());
        heard
    }

    /// One client: gives commands, some of them ten times at once and in any order, and asks again with
    /// the same key where it heard nothing.
    pub async fn client(
        self: Arc<Self>,
        engines: Vec<Engine>,
        commands: usize,
        mut random: Random,
    ) {
        for _ in 0..commands {
            let engine = random.pick(&engines).unwrap().clone();
            let Some(command) = self.next(&engine, &mut random).await else {
                continue;
            };
            let keyed = random.chance(900);
            let number = {
                let mut oracle = self.oracle.lock().unwrap();
                let number = oracle.commands.len();
                let key = keyed.then(|| format!("key {number}"));
                oracle.commands.push(Attempted::new(command, key));
                number
            };
            let copies = if keyed && random.chance(100) { 10 } else { 1 };
            let mut sending = tokio::task::JoinSet::new();
            for _ in 0..copies {
                let (rig, engine) = (Arc::clone(&self), random.pick(&engines).unwrap().clone());
                sending.spawn(async move { rig.attempt(&engine, number).await });
            }
            while let Some(heard) = sending.join_next().await {
                drop(heard.unwrap());
            }
            for _ in 0..100 {
                if !self.oracle.lock().unwrap().commands[number].is_open() {
                    break;
                }
                let engine = random.pick(&engines).unwrap();
                drop(self.attempt(engine, number).await);
            }
        }
    }

    /// Many clients at once.
    pub async fn clients(
        self: &Arc<Self>,
        engines: &[Engine],
        (clients, commands): (usize, usize),
        random: &mut Random,
    ) {
        let mut running = tokio::task::JoinSet::new();
        for _ in 0..clients {
            let dice = Random::new(random.number());
            running.spawn(Arc::clone(self).client(engines.to_vec(), commands, dice));
        }
        while let Some(client) = running.join_next().await {
            client.unwrap();
        }
    }

    /// Does what is due on all engines at once, until nothing is.
    pub async fn work_off(&self, engines: &[Engine]) {
        for _ in 0..10_000 {
            let mut working = tokio::task::JoinSet::new();
            for engine in engines {
                let engine = engine.clone();
                working.spawn(async move {
                    let fired = engine.fire_due().await;
                    let sent = engine.deliver_due().await;
                    fired.is_err() || sent.is_err() || fired.unwrap_or(0) + sent.unwrap_or(0) > 0
                });
            }
            let mut busy = false;
            while let Some(worked) = working.join_next().await {
                busy |= worked.unwrap();
            }
            if !busy {
                return;
            }
        }
        panic!("what is due never ends");
    }

    /// Everything that must hold in the end.
    pub async fn judge(&self, store: &dyn Store) {
        let library = scene::library(self.law, &self.entry, 0).unwrap();
        let mut problems = invariants(store, &library, None).await.unwrap();
        let oracle = self.oracle.lock().unwrap().clone();
        problems.extend(oracle.problems(store).await.unwrap());
        let open = oracle.commands.iter().filter(|c| c.is_open()).count();
        assert_eq!(open, 0, "commands that were never answered");
        let due = store.due_timers(self.clock.now(), 999).await.unwrap();
        problems.extend(
            due.iter()
                .map(|t| format!("{} is due and did not fire", t.key)),
        );
        problems.truncate(20);
        assert!(problems.is_empty(), "{problems:#?}");
    }

    /// No mail went out twice; returns how many did.
    pub fn each_mail_once(&self) -> usize {
        let letters = self.letters.0.lock().unwrap();
        let twice: Vec<_> = letters.iter().filter(|(_, times)| **times > 1).collect();
        assert!(twice.is_empty(), "{twice:?}");
        letters.len()
    }
}
