//! The database of a simulation: what is durable, what is on its way there, and what goes wrong.
//!
//! Changes wait in a queue until the scheduler lets the disk catch up ([`Database::sync`]); only then
//! are they visible, durable and answered, or none of it. A power cut or the end of a process in
//! between leaves them written as a whole or lost as a whole, and nobody hears which.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use liucheng_engine::{
    ports::{
        AnswerPlace, AuditStore, Commit, CommitError, Document, Epoch, Instant, MailOutcome,
        MailState, ProjectId, ReadError, Seal, Store, TimerRow, TokenAct,
    },
    testing::MemoryStore,
};

use super::options::{Broken, Rates};
use crate::random::Random;

/// How long a process's right to work lasts, in microseconds of the database's clock.
pub const LEASE_MICROS: i64 = 20_000_000;
/// A process whose clock differs more than this from the database's gets no work.
const SKEW_MAX_MICROS: i64 = 60_000_000;

/// Something to write.
#[derive(Debug, Clone)]
pub enum Operation {
    /// A change of a project.
    Commit(Box<Commit>),
    /// A timer moved without a record.
    Postpone(TimerRow),
    /// The fate of a mail.
    Finish(ProjectId, String, MailOutcome),
    /// A document.
    Document(Document),
    /// A token.
    Token(TokenAct),
    /// Answers to remove.
    Forget(Vec<AnswerPlace>),
    /// An epoch to seal, and where it is put.
    Seal(Seal, Arc<Mutex<Option<Epoch>>>),
}

/// Where the answer to a change is put.
pub type Slot = Arc<Mutex<Option<Result<(), CommitError>>>>;

/// A change on its way.
struct Waiting {
    process: u64,
    operation: Operation,
    slot: Slot,
}

/// A living process as the database sees it.
#[derive(Debug, Clone, Copy)]
struct Process {
    /// Until when its claims hold.
    alive_until: i64,
    epoch: u64,
    /// An fsync failed: nothing is written any more before a restart.
    stopped: bool,
}

/// What the scheduler and the stores of all processes share.
pub struct Database {
    /// What is durable and visible.
    pub memory: Arc<MemoryStore>,
    state: Mutex<State>,
    /// Several processes share it, as on PostgreSQL; otherwise one has it for itself.
    clustered: bool,
    broken: Option<Broken>,
}

/// The part that changes.
pub struct State {
    /// Everybody's dice.
    pub random: Random,
    /// How often what goes wrong; all zero while everything heals.
    pub rates: Rates,
    /// The time by the database's clock, in microseconds.
    pub now: Instant,
    /// The disk is full.
    pub full: bool,
    /// Processes that stand still.
    pub paused: BTreeSet<u64>,
    /// What happened so far that matters to the checker.
    pub notes: Notes,
    queue: VecDeque<Waiting>,
    processes: BTreeMap<u64, Process>,
    epochs: u64,
    timer_claims: BTreeMap<(ProjectId, String), u64>,
    mail_claims: BTreeMap<(ProjectId, String), u64>,
    /// A group of which nobody knows whether the disk has it, until a restart.
    limbo: Vec<Operation>,
    mischief: u32,
}

/// What the checker has to know beside the tables.
#[derive(Debug, Default)]
pub struct Notes {
    /// The last postponement of a timer: key and generation → instant.
    pub postponed: BTreeMap<(ProjectId, String, u64), Instant>,
    /// Mails whose sending is recorded, by project and key.
    pub recorded: BTreeMap<(ProjectId, String), u64>,
    /// Attempts to record a sending that came too late, because the mail was another's by then.
    pub late: BTreeMap<(ProjectId, String), u64>,
    /// What went wrong on purpose, by kind.
    pub faults: BTreeMap<&'static str, u64>,
    /// How many changes are durable.
    pub durable: u64,
}

impl Notes {
    /// Counts a fault.
    pub fn fault(&mut self, kind: &'static str) {
        *self.faults.entry(kind).or_default() += 1;
    }
}

impl Database {
    /// An empty database.
    #[must_use]
    pub fn new(
        random: Random,
        rates: Rates,
        now: Instant,
        clustered: bool,
        broken: Option<Broken>,
    ) -> Self {
        let state = State {
            random,
            rates,
            now,
            full: false,
            paused: BTreeSet::new(),
            notes: Notes::default(),
            queue: VecDeque::new(),
            processes: BTreeMap::new(),
            epochs: 0,
            timer_claims: BTreeMap::new(),
            mail_claims: BTreeMap::new(),
            limbo: Vec::new(),
            mischief: 0,
        };
        Self {
            memory: Arc::default(),
            state: Mutex::new(state),
            clustered,
            broken,
        }
    }

    /// The part that changes.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A process opens the database.
    pub async fn begin(&self, process: u64) {
        let limbo = {
            let mut state = self.state();
            state.epochs += 1;
            let alive_until = state.now.0 + LEASE_MICROS;
            let epoch = state.epochs;
            state.processes.insert(
                process,
                Process {
                    alive_until,
                    epoch,
                    stopped: false,
                },
            );
            let limbo = std::mem::take(&mut state.limbo);
            // What an fsync that failed left behind is there after the restart, or it is not.
            if state.random.chance(500) {
                limbo
            } else {
                Vec::new()
            }
        };
        for operation in limbo {
            self.apply(&operation, None).await.ok();
        }
    }

    /// A process is gone; what it had on its way is written or not, and nobody hears.
    pub async fn end(&self, process: u64, orderly: bool) {
        let written = {
            let mut state = self.state();
            state.paused.remove(&process);
            let waiting = std::mem::take(&mut state.queue);
            let (its, others): (VecDeque<_>, VecDeque<_>) =
                waiting.into_iter().partition(|w| w.process == process);
            state.queue = others;
            let stopped = state.processes.get(&process).is_some_and(|p| p.stopped);
            if orderly || !self.clustered {
                state.processes.remove(&process);
            }
            let written = !stopped && state.random.chance(500);
            if written { its } else { VecDeque::new() }
        };
        for waiting in written {
            self.apply(&waiting.operation, Some(process)).await.ok();
        }
    }

    /// The power fails: all that waits is lost, or all of it was written just in time.
    pub async fn power_cut(&self) {
        let (queue, just_in_time) = {
            let mut state = self.state();
            let just_in_time = state.random.chance(500);
            (std::mem::take(&mut state.queue), just_in_time)
        };
        for waiting in queue {
            if just_in_time {
                self.apply(&waiting.operation, Some(waiting.process))
                    .await
                    .ok();
            }
            answer(
                &waiting.slot,
                Err(CommitError::Unavailable("connection lost".to_owned())),
            );
        }
    }

    /// A living process shows that it lives; `false` when its right had ended and begins anew.
    pub fn renew(&self, process: u64) -> bool {
        let mut state = self.state();
        let now = state.now.0;
        let next = state.epochs + 1;
        let Some(known) = state.processes.get_mut(&process) else {
            return false;
        };
        let lived = known.alive_until > now;
        known.alive_until = now + LEASE_MICROS;
        if !lived {
            known.epoch = next;
            state.epochs = next;
        }
        lived
    }

    /// The clock moves; those who were awake all the while have shown that they live.
    pub fn advance(&self, to: Instant, awake: &[u64]) {
        let mut state = self.state();
        state.now = state.now.max(to);
        let until = state.now.0 + LEASE_MICROS;
        for process in awake {
            if let Some(known) = state.processes.get_mut(process) {
                known.alive_until = until;
            }
        }
    }

    /// Puts a change in the queue.
    pub fn submit(&self, process: u64, operation: Operation) -> Slot {
        let slot = Slot::default();
        let mut state = self.state();
        if state.processes.get(&process).is_some_and(|p| p.stopped) {
            answer(
                &slot,
                Err(CommitError::Unavailable(
                    "stopped after a failed commit".to_owned(),
                )),
            );
            return slot;
        }
        // A broken store answers before the disk has it.
        if self.broken == Some(Broken::AnswersEarly) && matches!(operation, Operation::Commit(_)) {
            answer(&slot, Ok(()));
        }
        state.queue.push_back(Waiting {
            process,
            operation,
            slot: Arc::clone(&slot),
        });
        slot
    }

    /// Whether something waits for the disk.
    pub fn has_waiting(&self) -> bool {
        !self.state().queue.is_empty()
    }

    /// The disk catches up with some of what waits; returns a word about it.
    pub async fn sync(&self) -> &'static str {
        let (group, fate) = {
            let mut state = self.state();
            let count = state.queue.len().min(1 + state.random.index(8));
            let group: Vec<Waiting> = state.queue.drain(..count).collect();
            let fate = self.fate(&mut state);
            state.notes.fault(fate.name());
            (group, fate)
        };
        let lost = |text: &str| Err(CommitError::Unavailable(text.to_owned()));
        for waiting in group {
            let result = match fate {
                Fate::Written => self.apply(&waiting.operation, Some(waiting.process)).await,
                Fate::Refused => lost("injected: not written"),
                Fate::Full => Err(CommitError::Full("injected".to_owned())),
                Fate::AnswerLost => {
                    self.apply(&waiting.operation, Some(waiting.process))
                        .await
                        .ok();
                    lost("injected: it is not known whether the change was stored")
                }
                Fate::SyncFailed => {
                    let mut state = self.state();
                    state.limbo.push(waiting.operation.clone());
                    if let Some(process) = state.processes.get_mut(&waiting.process) {
                        process.stopped = true;
                    }
                    lost("injected: stopped after a failed commit")
                }
                Fate::Conflicts => match &waiting.operation {
                    Operation::Commit(commit) if commit.answer.is_none() || commit.expected > 0 => {
                        Err(CommitError::Conflict {
                            expected: commit.expected,
                            found: commit.expected + 1,
                            changed_by: "storm".to_owned(),
                            changed_at: commit.row.changed_at,
                        })
                    }
                    operation => self.apply(operation, Some(waiting.process)).await,
                },
            };
            answer(&waiting.slot, result);
        }
        fate.name()
    }

    fn fate(&self, state: &mut State) -> Fate {
        let rates = state.rates;
        if state.full {
            return Fate::Full;
        }
        let random = &mut state.random;
        if random.chance(rates.refused) {
            Fate::Refused
        } else if random.chance(rates.answer_lost) {
            Fate::AnswerLost
        } else if !self.clustered && random.chance(rates.sync_failed) {
            Fate::SyncFailed
        } else if random.chance(rates.conflicts) {
            Fate::Conflicts
        } else {
            Fate::Written
        }
    }

    /// Writes one change as a real store would; `None` for whatever is replayed after a restart.
    async fn apply(&self, operation: &Operation, process: Option<u64>) -> Result<(), CommitError> {
        // To look whether there is something to seal changes nothing.
        let looks = matches!(operation, Operation::Seal(..));
        self.state().notes.durable += u64::from(!looks);
        match operation {
            Operation::Commit(commit) => {
                let mut commit = commit.clone();
                if self.mischief(&mut commit) {
                    return Ok(());
                }
                let keys = commit.set_timers.iter().map(|t| t.key.clone());
                let keys: Vec<String> = keys.chain(commit.clear_timers.iter().cloned()).collect();
                let id = commit.row.id;
                self.memory.commit(*commit).await?;
                let mut state = self.state();
                for key in keys {
                    state.timer_claims.remove(&(id, key));
                }
                Ok(())
            }
            Operation::Postpone(timer) => {
                let claim = (timer.project, timer.key.clone());
                if !self.holds(process, |s| s.timer_claims.get(&claim).copied()) {
                    return Ok(());
                }
                self.memory.postpone_timer(timer.clone()).await?;
                let mut state = self.state();
                state.timer_claims.remove(&claim);
                state.notes.postponed.insert(
                    (timer.project, timer.key.clone(), timer.generation),
                    timer.at,
                );
                Ok(())
            }
            Operation::Finish(project, key, outcome) => {
                let claim = (*project, key.clone());
                if !self.holds(process, |s| s.mail_claims.get(&claim).copied()) {
                    if matches!(outcome, MailOutcome::Sent(_)) {
                        *self.state().notes.late.entry(claim).or_default() += 1;
                    }
                    return Ok(());
                }
                let mails = self.memory.mail(*project).await.unwrap_or_default();
                let pending = mails
                    .iter()
                    .any(|m| m.row.key == *key && m.state == MailState::Pending);
                self.memory
                    .finish_mail(*project, key, outcome.clone())
                    .await?;
                if !pending {
                    return Ok(());
                }
                let mut state = self.state();
                if matches!(outcome, MailOutcome::Sent(_)) {
                    *state.notes.recorded.entry(claim.clone()).or_default() += 1;
                } else {
                    state.mail_claims.remove(&claim);
                }
                Ok(())
            }
            Operation::Document(document) => self.memory.put_document(document.clone()).await,
            Operation::Forget(places) => self.memory.remove_answers(places.clone()).await,
            Operation::Token(act) => self.memory.change_token(act.clone()).await,
            Operation::Seal(seal, sealed) => {
                let epoch = self.memory.seal(seal.clone()).await?;
                *sealed.lock().unwrap_or_else(PoisonError::into_inner) = epoch;
                Ok(())
            }
        }
    }

    /// Spoils every fifth change as a broken store would; `true` when nothing is to be written.
    fn mischief(&self, commit: &mut Commit) -> bool {
        let Some(broken) = self.broken else {
            return false;
        };
        let mut state = self.state();
        let fits = match broken {
            Broken::DropsTimer => !commit.set_timers.is_empty(),
            Broken::DropsMail => !commit.outbox.is_empty(),
            Broken::ForgetsAnswers => commit.answer.is_some(),
            Broken::LosesCommit | Broken::AltersRecord => commit.expected > 0,
            Broken::AnswersEarly
            | Broken::SkipsRecord
            | Broken::RenamesMail
            | Broken::FiresEarly => false,
        };
        if !fits {
            return false;
        }
        state.mischief += 1;
        if !state.mischief.is_multiple_of(5) {
            return false;
        }
        match broken {
            Broken::DropsTimer => drop(commit.set_timers.pop()),
            Broken::DropsMail => drop(commit.outbox.pop()),
            Broken::ForgetsAnswers => commit.answer = None,
            Broken::AltersRecord => {
                commit.record.payload = commit.record.payload.replacen("person", "parson", 1)
            }
            _ => return true,
        }
        false
    }

    fn holds(&self, process: Option<u64>, claim: impl Fn(&State) -> Option<u64>) -> bool {
        let state = self.state();
        let Some(claim) = claim(&state) else {
            return true;
        };
        let Some(process) = process else { return true };
        let own = state
            .processes
            .get(&process)
            .is_some_and(|p| p.epoch == claim);
        own || !lives(&state, claim)
    }

    /// Which epoch a process claims with.
    fn epoch(&self, process: u64, clock: Instant) -> Result<u64, ReadError> {
        let state = self.state();
        if (clock.0 - state.now.0).abs() > SKEW_MAX_MICROS {
            return Err(ReadError::Unavailable(
                "this machine's clock differs from the database's".to_owned(),
            ));
        }
        let known = state.processes.get(&process);
        known
            .map(|p| p.epoch)
            .ok_or_else(|| ReadError::Unavailable("no epoch".to_owned()))
    }

    /// Leaves out what others have claimed, and claims the rest.
    pub fn claim<T>(
        &self,
        (process, clock): (u64, Instant),
        mail: bool,
        rows: Vec<T>,
        (limit, key): (u32, impl Fn(&T) -> (ProjectId, String)),
    ) -> Result<Vec<T>, ReadError> {
        if !self.clustered {
            return Ok(rows.into_iter().take(limit as usize).collect());
        }
        let epoch = self.epoch(process, clock)?;
        let mut state = self.state();
        let mut given = Vec::new();
        for row in rows {
            if given.len() >= limit as usize {
                break;
            }
            let name = key(&row);
            let claims = if mail {
                &state.mail_claims
            } else {
                &state.timer_claims
            };
            let others = claims
                .get(&name)
                .is_some_and(|claim| *claim != epoch && lives(&state, *claim));
            if others {
                continue;
            }
            let claims = if mail {
                &mut state.mail_claims
            } else {
                &mut state.timer_claims
            };
            claims.insert(name, epoch);
            given.push(row);
        }
        Ok(given)
    }

    /// Whether a mail is still a process's to send, and will be for a while.
    pub fn holds_mail(
        &self,
        process: u64,
        clock: Instant,
        name: &(ProjectId, String),
    ) -> Result<bool, ReadError> {
        if !self.clustered {
            return Ok(true);
        }
        let epoch = self.epoch(process, clock)?;
        let state = self.state();
        let lasts = state
            .processes
            .get(&process)
            .is_some_and(|p| p.alive_until > state.now.0 + LEASE_MICROS / 4);
        Ok(lasts && state.mail_claims.get(name) == Some(&epoch))
    }

    /// Whether one process has it for itself.
    #[must_use]
    pub fn has_one_process(&self) -> bool {
        !self.clustered
    }

    /// The broken store's choice, if this is one.
    #[must_use]
    pub fn broken(&self) -> Option<Broken> {
        self.broken
    }
}

fn lives(state: &State, epoch: u64) -> bool {
    state
        .processes
        .values()
        .any(|p| p.epoch == epoch && p.alive_until > state.now.0)
}

fn answer(slot: &Slot, result: Result<(), CommitError>) {
    let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
    slot.get_or_insert(result);
}

/// What becomes of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Written,
    Refused,
    Full,
    AnswerLost,
    SyncFailed,
    Conflicts,
}

impl Fate {
    fn name(self) -> &'static str {
        match self {
            Self::Written => "written",
            Self::Refused => "refused",
            Self::Full => "disk full",
            Self::AnswerLost => "answer lost",
            Self::SyncFailed => "sync failed",
            Self::Conflicts => "conflicts",
        }
    }
}
