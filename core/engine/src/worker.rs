//! The worker: fires timers and sends mail when their time has come.
//!
//! It sleeps until the next due instant and is woken when a command sets an earlier one. There
//! is no polling while nothing is due.

use std::{collections::HashMap, time::Duration};

use liucheng_model::decide::{Fired, fire_timer};
use tokio::{
    sync::watch,
    task::{JoinError, JoinSet},
};

use crate::{
    Engine,
    cache::Snapshot,
    commands::{Loaded, SYSTEM, Step, local},
    error::{CommandError, ErrorKind},
    ports::{CommitError, Instant, ProjectId, SimulatedClock, TimerRow},
    record::Cause,
};

/// Timers fired between two looks at other work.
const BATCH: u32 = 1_024;
/// Projects read at a time; the next are read while these fire.
const LOADED: usize = 256;
/// Projects whose timers fire at a time: as many as fill the writer's largest group.
const FIRING: usize = 512;
/// A timer that cannot be fired, for example because its definition is missing, waits this long.
pub(crate) const FAULT_DELAY_MICROS: i64 = 5 * 60 * 1_000_000;
/// The longest sleep: the clock of the machine may have been set in the meantime.
const SLEEP_MAX: Duration = Duration::from_secs(60);
/// How often timers are looked at while mail is being delivered.
const DELIVERY_LOOK: Duration = Duration::from_millis(100);
/// The pause after the store could not be read.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

impl Engine {
    /// Runs until `stop` becomes true.
    ///
    /// Mail is sent beside the timers: a slow mail server holds up no date.
    pub async fn run_worker(&self, mut stop: watch::Receiver<bool>) {
        let mut delivery = JoinSet::new();
        let (engine, stopped) = (self.clone(), stop.clone());
        let mut forgetting = JoinSet::new();
        forgetting.spawn(async move { engine.run_forgetting(stopped).await });
        while !*stop.borrow() {
            self.figures.seen(self.clock.now());
            let pause = match self.work_once(&mut delivery).await {
                Ok(wait) => {
                    if self.figures.is_news(None) {
                        tracing::info!("the worker goes on");
                    }
                    wait
                }
                Err(error) => {
                    if self.figures.is_news(Some(error.code())) {
                        tracing::error!(error.code = error.code(), error = %error, "worker cannot go on, retrying");
                    }
                    RETRY_PAUSE
                }
            };
            if pause.is_zero() {
                tokio::task::yield_now().await;
                continue;
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.wake.notified() => {}
                Some(_) = delivery.join_next() => {}
                changed = stop.changed() => if changed.is_err() {
                    // Nobody is left who could ask for a stop: the process is ending.
                    return;
                }
            }
        }
        // A mail that is under way is finished and recorded.
        while delivery.join_next().await.is_some() {}
        while forgetting.join_next().await.is_some() {}
    }

    /// Does what is due now; returns how long there is nothing to do.
    async fn work_once(&self, delivery: &mut JoinSet<()>) -> Result<Duration, CommandError> {
        if self.fire_due().await? > 0 {
            return Ok(Duration::ZERO);
        }
        while delivery.try_join_next().is_some() {}
        let now = self.clock.now();
        if delivery.is_empty() && !self.store.due_mail(now, 1).await?.is_empty() {
            let engine = self.clone();
            delivery.spawn(async move {
                if let Err(error) = engine.deliver_due().await {
                    tracing::error!(error.code = error.code(), error = %error, "mail cannot be delivered, retrying");
                    tokio::time::sleep(RETRY_PAUSE).await;
                }
            });
        }
        let next = self.store.next_wake().await?;
        let micros = next.map_or(i64::MAX, |at| at.0.saturating_sub(now.0));
        let wait = Duration::from_micros(u64::try_from(micros).unwrap_or_default());
        // While mail is being delivered it counts as due: look at timers from time to time.
        let least = if delivery.is_empty() {
            Duration::ZERO
        } else {
            DELIVERY_LOOK
        };
        Ok(wait.clamp(least, SLEEP_MAX))
    }

    /// Fires the timers that are due; returns how many.
    ///
    /// Projects wait for each other only where they share a transaction: the timers of one project
    /// fire one after the other, those of different projects together.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn fire_due(&self) -> Result<usize, CommandError> {
        let due = self.store.due_timers(self.clock.now(), BATCH).await?;
        if !due.is_empty() {
            crate::crash_point!("worker.claimed");
        }
        let count = due.len();
        let mut result = Ok(count);
        let mut firing = JoinSet::new();
        // While some fire the next are read: the writer does not wait for all of a batch to be read.
        for projects in by_project(due).chunks(LOADED) {
            let ids = projects.iter().map(|(id, _)| *id);
            if let Err(error) = self.remember(ids).await {
                result = Err(error);
                break;
            }
            for (_, timers) in projects {
                let (engine, timers) = (self.clone(), timers.clone());
                firing.spawn(async move { engine.fire_all(timers).await });
            }
            while firing.len() > FIRING
                && let Some(fired) = firing.join_next().await
            {
                keep_error(&mut result, fired);
            }
        }
        while let Some(fired) = firing.join_next().await {
            keep_error(&mut result, fired);
        }
        result
    }

    /// Reads projects that are not remembered, all at once.
    async fn remember(&self, ids: impl Iterator<Item = ProjectId>) -> Result<(), CommandError> {
        let unknown: Vec<ProjectId> = ids.filter(|id| self.cache.get(*id).is_none()).collect();
        if unknown.len() < 2 {
            return Ok(());
        }
        for row in self.store.load_all(&unknown).await? {
            let id = row.id;
            // A state that does not read is reported with the timer that needs it.
            if let Ok(snapshot) = Snapshot::read(row) {
                self.cache.put(id, snapshot);
            }
        }
        Ok(())
    }

    /// Fires timers of one project, in order.
    async fn fire_all(&self, timers: Vec<TimerRow>) -> Result<(), CommandError> {
        for timer in timers {
            if let Err(error) = self.fire_one(&timer).await {
                // Not the timer's fault, and postponing it could not be written either.
                if error.kind() == ErrorKind::Full {
                    return Err(error);
                }
                let project = timer.project.to_string();
                tracing::error!(project.id = %project, timer = %timer.key, error.code = error.code(), error = %error, "timer postponed");
                let at = self.clock.now().plus_micros(FAULT_DELAY_MICROS);
                self.store.postpone_timer(TimerRow { at, ..timer }).await?;
            }
        }
        Ok(())
    }

    async fn fire_one(&self, timer: &TimerRow) -> Result<(), CommandError> {
        let mut loaded = self.loaded(timer.project).await?;
        let mut fired = decide(&loaded, timer)?;
        if matches!(fired, Fired::Stale | Fired::Idle { .. }) {
            // What is remembered may be behind what is stored: another process wrote, or a change
            // of ours is written and its caller not yet answered, or gone. A timer that is put out
            // of the way for such a mistake would be lost.
            self.cache.forget(timer.project);
            let row = self.load(timer.project).await?;
            loaded = self
                .loaded_from(timer.project, Snapshot::read(row)?)
                .await?;
            fired = decide(&loaded, timer)?;
        }
        let next = match fired {
            Fired::Decided(decision) => {
                let step = Step {
                    id: timer.project,
                    before: Some(loaded.before),
                    decision: *decision,
                    cause: Cause::Timer {
                        key: timer.key.clone(),
                    },
                    actor: SYSTEM.to_owned(),
                    now: loaded.at,
                    answer: None,
                };
                return match self.write(step).await {
                    // A command was faster; the timer is looked at again.
                    Ok(()) => {
                        self.figures.fired(timer.at, self.clock.now());
                        Ok(())
                    }
                    Err(CommitError::Conflict { .. }) => Ok(()),
                    Err(error) => Err(error.into()),
                };
            }
            Fired::Idle { next } => next,
            // The clock stepped back after the row was read: it is looked at again in time.
            Fired::Early => return Ok(()),
            // Its row should be gone; put it out of the way rather than spin on it.
            Fired::Stale => None,
        };
        let at = match next {
            Some(next) => Instant::at(next.date(), next.time()),
            None => Instant(i64::MAX),
        };
        self.store
            .postpone_timer(TimerRow {
                at,
                ..timer.clone()
            })
            .await?;
        Ok(())
    }

    /// Lets simulated time pass up to an instant, doing everything that falls due on the way.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn advance(&self, clock: &SimulatedClock, to: Instant) -> Result<(), CommandError> {
        while let Some(next) = self.store.next_wake().await?.filter(|at| *at <= to) {
            clock.advance_to(next);
            self.fire_due().await?;
            self.deliver_due().await?;
        }
        clock.advance_to(to);
        Ok(())
    }
}

/// The timers of each project, whoever is due first first.
fn by_project(due: Vec<TimerRow>) -> Vec<(ProjectId, Vec<TimerRow>)> {
    let mut places = HashMap::new();
    let mut projects: Vec<(ProjectId, Vec<TimerRow>)> = Vec::new();
    for timer in due {
        let place = *places.entry(timer.project).or_insert(projects.len());
        match projects.get_mut(place) {
            Some((_, timers)) => timers.push(timer),
            None => projects.push((timer.project, vec![timer])),
        }
    }
    projects
}

fn keep_error(
    result: &mut Result<usize, CommandError>,
    fired: Result<Result<(), CommandError>, JoinError>,
) {
    let fired = fired.map_err(|error| CommandError::Internal(error.to_string()));
    if let Err(error) = fired.and_then(|fired| fired) {
        *result = Err(error);
    }
}

fn decide(loaded: &Loaded, timer: &TimerRow) -> Result<Fired, CommandError> {
    let (context, project) = (loaded.context(), &loaded.before.project);
    let at = local(timer.at)?;
    Ok(fire_timer(
        context,
        project,
        &timer.key,
        at,
        timer.generation,
    )?)
}
