//! The engine that runs components, and the clock that stops them.

use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use wasmtime::{Config, Enabled, Engine, PoolingAllocationConfig};

use crate::{error::Problem, limits::Limits};

/// How exactly the wall-clock limit is kept.
const TICK: Duration = Duration::from_millis(10);

/// Instances at the same time at least; each takes address space, and memory only once it is used.
const PLACES: usize = 32;
/// Tables of one component: its own, and those that the component model's glue adds.
const TABLES: usize = 4;
/// Memories of one component.
const MEMORIES: usize = 2;
/// The largest memory that there is with 32-bit addresses, in bytes; a place reserves address space for it.
const MEMORY_MAX: usize = 4 << 30;
/// What a place keeps mapped of a memory or table, in bytes.
const KEPT_BYTES: usize = 256 << 10;

/// An engine for components, ticking while calls are under way.
pub(crate) struct Sandbox {
    pub(crate) engine: Engine,
    ticker: Arc<Ticker>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Ticker {
    state: Mutex<TickerState>,
    changed: Condvar,
}

#[derive(Default)]
struct TickerState {
    running_calls: usize,
    /// The ticker waits to be told that a call has begun.
    asleep: bool,
    stop: bool,
    /// Since when it ticks, and how often it has; `None` while it sleeps.
    since: Option<(Instant, u128)>,
}

impl TickerState {
    /// Advances the engine's epoch once for each tick that really passed.
    fn catch_up(&mut self, engine: &Engine) {
        let Some((started, ticks)) = &mut self.since else {
            return;
        };
        let passed = started.elapsed().as_millis() / TICK.as_millis();
        while *ticks < passed {
            engine.increment_epoch();
            *ticks += 1;
        }
    }
}

/// Keeps the ticker running for the length of a call.
pub(crate) struct Ticking<'a>(&'a Ticker);

impl Sandbox {
    pub(crate) fn new(limits: &Limits) -> Result<Self, Problem> {
        let failed = |e: &dyn std::fmt::Display| Problem::Host(format!("cannot start: {e}"));
        let engine = Engine::new(&config(limits)).map_err(|e| failed(&e))?;
        let ticker = Arc::new(Ticker::default());
        let (shared, clock) = (Arc::clone(&ticker), engine.clone());
        let thread = std::thread::Builder::new().name("plugin-ticker".to_owned());
        let thread = thread
            .spawn(move || shared.run(&clock))
            .map_err(|e| failed(&e))?;
        Ok(Self {
            engine,
            ticker,
            thread: Some(thread),
        })
    }

    /// Ticks that must pass before a call is stopped: never less than the limit, at most two ticks more.
    pub(crate) fn deadline(wall: Duration) -> u64 {
        let ticks = wall.as_millis().div_ceil(TICK.as_millis()) + 1;
        u64::try_from(ticks).unwrap_or(u64::MAX)
    }

    /// Ticks for the length of a call, which sets its deadline afterwards: ticks that a ticker made late has
    /// still to make up for belong to the time before it.
    pub(crate) fn tick(&self) -> Ticking<'_> {
        self.ticker.change(|state| {
            state.running_calls += 1;
            state.catch_up(&self.engine);
        });
        Ticking(&self.ticker)
    }
}

impl Drop for Ticking<'_> {
    fn drop(&mut self) {
        self.0.change(|state| state.running_calls -= 1);
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.ticker.change(|state| state.stop = true);
        if let Some(thread) = self.thread.take() {
            // A panic of the ticker would leave nothing to clean up.
            let _ = thread.join();
        }
    }
}

impl Ticker {
    fn change(&self, change: impl FnOnce(&mut TickerState)) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut state);
        // Waking the ticker at both ends of every call would cost more than a short call does.
        if state.stop || (state.asleep && state.running_calls > 0) {
            self.changed.notify_all();
        }
    }

    /// Ticks while calls are under way, and makes good what a late wake-up missed. Goes to sleep when a tick
    /// ends while no call is under way.
    fn run(&self, engine: &Engine) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while !state.stop {
            if state.running_calls == 0 {
                state.asleep = true;
                state = self
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
                state.asleep = false;
                continue;
            }
            state.since = Some((Instant::now(), 0));
            while state.running_calls > 0 && !state.stop {
                state.catch_up(engine);
                let wait = self
                    .changed
                    .wait_timeout(state, TICK)
                    .unwrap_or_else(PoisonError::into_inner);
                state = wait.0;
            }
            state.since = None;
        }
    }
}

/// Everything that could make the same input give another answer is off or pinned down.
fn config(limits: &Limits) -> Config {
    let mut config = Config::new();
    config.consume_fuel(true);
    config.epoch_interruption(true);
    config.cranelift_nan_canonicalization(true);
    config.relaxed_simd_deterministic(true);
    config.wasm_component_model(true);
    config.max_wasm_stack(limits.stack_bytes);
    // Bounds are compared, not caught as faults of the processor: a place whose pages had to be protected
    // anew for each call, before and after its memory grew, stopped the other threads twice for it.
    config.signals_based_traps(false);
    config.memory_guard_size(0);
    config.guard_before_linear_memory(false);
    config.allocation_strategy(slots(limits));
    // Frames of a guest's stack are of no use to the people who see our errors.
    config.wasm_backtrace_max_frames(None);
    config
}

/// Places for instances that are kept mapped between calls: mapping and unmapping one for each call
/// takes longer than a call.
///
/// A place is given back to the next instance with its memory as the component describes it; what the
/// one before wrote is gone. More calls than places would be refused, so there are more than the host
/// lets run at the same time; and none takes more than its share, so that no call is refused for another.
fn slots(limits: &Limits) -> PoolingAllocationConfig {
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let places = limits.parallel_calls.saturating_mul(2).max(PLACES);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(count(places));
    pool.total_core_instances(count(places.saturating_mul(limits.instances)));
    pool.max_core_instances_per_component(count(limits.instances));
    pool.total_memories(count(places.saturating_mul(MEMORIES)));
    pool.max_memories_per_component(count(MEMORIES));
    pool.max_memories_per_module(count(MEMORIES));
    pool.total_tables(count(places.saturating_mul(TABLES)));
    pool.max_tables_per_component(count(TABLES));
    pool.max_tables_per_module(count(TABLES));
    // The limits are kept by the limiter, whose refusals name them; a place has room for what it refuses.
    pool.table_elements(limits.table_entries.saturating_mul(TABLES * 8));
    pool.max_memory_size(MEMORY_MAX);
    pool.linear_memory_keep_resident(KEPT_BYTES);
    pool.table_keep_resident(KEPT_BYTES);
    // Where the kernel can tell which pages were written, only those are written again.
    pool.pagemap_scan(Enabled::Auto);
    pool
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ticker_ends_with_its_sandbox() -> Result<(), Problem> {
        let sandbox = Sandbox::new(&Limits::default())?;
        let ticker = Arc::downgrade(&sandbox.ticker);
        drop(sandbox.tick());
        drop(sandbox);
        assert!(
            ticker.upgrade().is_none(),
            "the thread still holds the ticker"
        );
        Ok(())
    }

    #[test]
    fn a_deadline_is_never_short() {
        assert_eq!(Sandbox::deadline(Duration::from_millis(1)), 2);
        assert_eq!(Sandbox::deadline(Duration::from_millis(50)), 6);
    }
}
