//! How the cost of a transition grows with what is stored.
//!
//! The same transitions, stage by stage in the same shares, in stores that differ in one thing: how
//! many projects they hold, or how long the histories of those are that are touched. Projects are
//! taken at random from all that there are, so that rows of different projects lie far apart.

use std::{sync::Arc, time::Duration};

use liucheng_engine::{Engine, ports::ProjectId};
use serde::Serialize;
use tokio::{task::JoinSet, time::Instant};

use crate::{
    BenchError,
    measure::{Random, Usage, Waits, per_second, rounded, written_bytes},
    work::{self, STAGES},
};

/// Tasks that fill a store.
const HANDS: usize = 256;
/// The most projects that are touched, taken at random: far more pages than SQLite keeps.
const TOUCHED: usize = 20_000;
/// So many of them fit into what the engine remembers.
const REMEMBERED: usize = 1_000;
/// Projects of each client, for a history of each length.
pub const HISTORIES_EACH: usize = 10;

/// Is told how far filling is.
pub type Progress = Arc<dyn Fn(u64) + Send + Sync>;

/// Where a command takes the project's state from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// The engine remembers it.
    Remembered,
    /// It is read from the store.
    Read,
}

/// Figures of one store.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// What grows: `projects` or `history`.
    pub what: &'static str,
    /// Projects in the store, or records of each project that is touched.
    pub count: u64,
    /// Where commands take the state from.
    pub state: State,
    /// Clients, each with one command under way.
    pub clients: usize,
    /// What the projects were chosen by.
    pub seed: u64,
    /// Projects that are touched.
    pub touched: usize,
    /// Transitions.
    pub transitions: usize,
    /// Durable transitions a second.
    pub transitions_per_second: f64,
    /// The median wait for a transition.
    pub p50_ms: f64,
    /// What one in a hundred transitions exceeds.
    pub p99_ms: f64,
    /// The median over that of the first size.
    pub of_first: f64,
    /// Processor time of this process for each transition, the clients' included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_ms_per_transition: Option<f64>,
    /// Written for each transition, to the log and from there to the database, in KiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub written_kib_per_transition: Option<f64>,
    /// The size of the database at the end, in MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store_mib: Option<f64>,
}

/// A project and how many transitions it has behind it.
#[derive(Debug, Clone, Copy)]
struct Touched {
    id: ProjectId,
    transitions: u64,
}

/// Projects that are touched, some for each client: two never work on the same one.
pub struct Crowd {
    engine: Engine,
    state: State,
    clients: Vec<(Vec<Touched>, Random)>,
    measured: Measured,
}

#[derive(Debug, Clone, Default)]
struct Measured {
    waits: Waits,
    elapsed: Duration,
    cpu_ms: Option<u64>,
    written_bytes: Option<u64>,
}

/// How a crowd is put together.
#[derive(Debug, Clone, Copy)]
pub struct Choice {
    /// Clients.
    pub clients: usize,
    /// What projects are chosen by.
    pub seed: u64,
    /// Where commands take the state from.
    pub state: State,
}

/// Opens projects through the engine; returns their ids.
///
/// # Errors
/// When the engine refuses.
pub async fn open_projects(
    engine: &Engine,
    count: u64,
    progress: Progress,
) -> Result<Vec<ProjectId>, BenchError> {
    let mut hands = JoinSet::new();
    for hand in 0..HANDS as u64 {
        let (engine, progress) = (engine.clone(), Arc::clone(&progress));
        hands.spawn(async move {
            let actor = work::actor();
            let mut ids = Vec::new();
            for number in (hand..count).step_by(HANDS) {
                let create = work::create(format!("GROWTH-{number:08}"));
                ids.push(engine.create(&actor, create, None).await?.id);
                progress(1);
            }
            Ok::<_, BenchError>(ids)
        });
    }
    let mut all = Vec::new();
    while let Some(opened) = hands.join_next().await {
        all.extend(opened??);
    }
    // The hands end in any order; the seed alone is to decide.
    all.sort_unstable();
    Ok(all)
}

impl Crowd {
    /// Chooses projects at random and takes each to a stage of its own, so that all kinds of
    /// transitions are measured.
    ///
    /// # Errors
    /// When the engine refuses.
    pub async fn choose(
        engine: &Engine,
        projects: &[ProjectId],
        choice: Choice,
    ) -> Result<Self, BenchError> {
        let mut random = Random::new(choice.seed, 0);
        let mut chosen = projects.to_vec();
        random.shuffle(&mut chosen);
        let (most, from_the_end) = match choice.state {
            State::Remembered => (REMEMBERED, true),
            State::Read => (TOUCHED, false),
        };
        let most = most.min(chosen.len());
        // The two kinds take different projects where there are enough.
        let chosen = if from_the_end {
            chosen.split_off(chosen.len() - most)
        } else {
            chosen.truncate(most);
            chosen
        };
        let aged = chosen.into_iter().map(|id| {
            let stage = random.below(STAGES.len()) as u64;
            (id, stage)
        });
        Self::aged(engine, aged.collect(), choice, Arc::new(|_| {})).await
    }

    /// Opens projects and takes each through so many transitions that its history has as many
    /// records as it is asked to; `what` distinguishes their codes.
    ///
    /// # Errors
    /// When the engine refuses.
    pub async fn with_histories(
        engine: &Engine,
        records: u64,
        choice: Choice,
        progress: Progress,
    ) -> Result<Self, BenchError> {
        let mut new = Vec::new();
        for number in 0..choice.clients * HISTORIES_EACH {
            let create = work::create(format!("HISTORY-{records}-{number:04}"));
            let id = engine.create(&work::actor(), create, None).await?.id;
            new.push((id, records.saturating_sub(1)));
        }
        Self::aged(engine, new, choice, progress).await
    }

    /// Takes projects as many transitions further as stands beside each.
    async fn aged(
        engine: &Engine,
        projects: Vec<(ProjectId, u64)>,
        choice: Choice,
        progress: Progress,
    ) -> Result<Self, BenchError> {
        let mut hands = JoinSet::new();
        for client in 0..choice.clients {
            let share = projects.iter().skip(client).step_by(choice.clients);
            let share: Vec<_> = share.copied().collect();
            let (engine, progress) = (engine.clone(), Arc::clone(&progress));
            hands.spawn(async move {
                let (actor, mut touched) = (work::actor(), Vec::new());
                for (id, transitions) in share {
                    let done = engine.load(id).await?.version - 1;
                    for n in done..done + transitions {
                        let today = engine.clock.now().date();
                        let command = work::forever(n, today);
                        engine.fire(&actor, id, command, None).await?;
                        progress(1);
                    }
                    let transitions = done + transitions;
                    touched.push(Touched { id, transitions });
                }
                Ok::<_, BenchError>((client, touched))
            });
        }
        let mut clients = Vec::new();
        while let Some(aged) = hands.join_next().await {
            clients.push(aged??);
        }
        clients.sort_unstable_by_key(|(client, _)| *client);
        let own = |(client, touched)| (touched, Random::new(choice.seed, 1 + client as u64));
        Ok(Self {
            engine: engine.clone(),
            state: choice.state,
            clients: clients.into_iter().map(own).collect(),
            measured: Measured::default(),
        })
    }

    /// Lets every client fire the next transition of projects of its own, taken at random, for a
    /// while.
    ///
    /// # Errors
    /// When the engine refuses.
    pub async fn work_for(&mut self, time: Duration) -> Result<(), BenchError> {
        let end = Instant::now() + time;
        self.work(|_| usize::MAX, Some(end)).await
    }

    /// Lets every client fire one transition of each of its projects, in random order.
    ///
    /// # Errors
    /// When the engine refuses.
    pub async fn work_once(&mut self) -> Result<(), BenchError> {
        for (touched, random) in &mut self.clients {
            random.shuffle(touched);
        }
        self.work(<[Touched]>::len, None).await
    }

    async fn work(
        &mut self,
        transitions: impl Fn(&[Touched]) -> usize,
        end: Option<Instant>,
    ) -> Result<(), BenchError> {
        let started = Instant::now();
        let (used, written) = (Usage::own(), written_bytes());
        let mut walkers = JoinSet::new();
        for (touched, random) in std::mem::take(&mut self.clients) {
            let walker = Walker {
                engine: self.engine.clone(),
                state: self.state,
                touched,
                random,
            };
            let transitions = transitions(&walker.touched);
            walkers.spawn(walker.walk(transitions, end));
        }
        while let Some(walked) = walkers.join_next().await {
            let (walker, waits) = walked??;
            self.measured.waits.extend(waits);
            self.clients.push((walker.touched, walker.random));
        }
        let measured = &mut self.measured;
        measured.elapsed += started.elapsed();
        let used = Usage::own().zip(used);
        add(
            &mut measured.cpu_ms,
            used.map(|(now, before)| now.cpu_ms - before.cpu_ms),
        );
        let written = written_bytes().zip(written);
        add(
            &mut measured.written_bytes,
            written.map(|(now, before)| now - before),
        );
        Ok(())
    }

    /// Forgets what was measured so far, as a warm-up.
    pub fn begin(&mut self) {
        self.measured = Measured::default();
    }

    /// The figures; `of_first` and `store_mib` are for the caller to say.
    #[must_use]
    pub fn report(&self, what: &'static str, count: u64, seed: u64) -> Report {
        let mut waits = self.measured.waits.clone();
        let transitions = waits.len().max(1) as f64;
        let each = |sum: Option<u64>| sum.map(|sum| sum as f64 / transitions);
        Report {
            what,
            count,
            state: self.state,
            clients: self.clients.len(),
            seed,
            touched: self.clients.iter().map(|(touched, _)| touched.len()).sum(),
            transitions: waits.len(),
            transitions_per_second: rounded(per_second(waits.len(), self.measured.elapsed)),
            p50_ms: rounded(waits.percentile_ms(50)),
            p99_ms: rounded(waits.percentile_ms(99)),
            of_first: 1.0,
            cpu_ms_per_transition: each(self.measured.cpu_ms).map(rounded),
            written_kib_per_transition: each(self.measured.written_bytes)
                .map(|bytes| rounded(bytes / 1024.0)),
            store_mib: None,
        }
    }
}

/// Adds a part, where there is one.
fn add(sum: &mut Option<u64>, part: Option<u64>) {
    *sum = part.map(|part| sum.unwrap_or_default() + part);
}

struct Walker {
    engine: Engine,
    state: State,
    touched: Vec<Touched>,
    random: Random,
}

impl Walker {
    async fn walk(
        mut self,
        transitions: usize,
        end: Option<Instant>,
    ) -> Result<(Self, Waits), BenchError> {
        let (actor, mut waits) = (work::actor(), Waits::default());
        for n in 0..transitions {
            let asked = Instant::now();
            if self.touched.is_empty() || end.is_some_and(|end| asked >= end) {
                break;
            }
            let at = match end {
                Some(_) => self.random.below(self.touched.len()),
                None => n,
            };
            let project = &mut self.touched[at];
            if self.state == State::Read {
                self.engine.cache.forget(project.id);
            }
            let today = self.engine.clock.now().date();
            let command = work::forever(project.transitions, today);
            self.engine.fire(&actor, project.id, command, None).await?;
            project.transitions += 1;
            waits.push(asked.elapsed());
        }
        Ok((self, waits))
    }
}

/// Puts the first size's median beside each.
pub fn compare(reports: &mut [Report]) {
    for at in 0..reports.len() {
        let first = reports
            .iter()
            .find(|first| first.state == reports[at].state)
            .map_or(0.0, |first| first.p50_ms);
        reports[at].of_first = rounded(reports[at].p50_ms / first.max(1e-9));
    }
}
