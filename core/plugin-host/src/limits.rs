//! What a component may use.

use std::time::Duration;

use wasmtime::ResourceLimiter;

use crate::breaker::BreakerLimits;

/// The limits of one call, and of one package.
///
/// The defaults are the production limits; golden cases run under them too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Instructions of one call: the same for the same input on every machine, and recorded.
    pub fuel: u64,
    /// Wall-clock time of one call, the backstop where instructions are slow.
    pub wall: Duration,
    /// All memories of one call together, in bytes.
    pub memory_bytes: usize,
    /// Stack of one call, in bytes.
    pub stack_bytes: usize,
    /// Entries of all tables together.
    pub table_entries: usize,
    /// Core instances within a component.
    pub instances: usize,
    /// A request, in bytes.
    pub input_bytes: usize,
    /// An answer, in bytes.
    pub output_bytes: usize,
    /// Findings, facts, or payments in an answer; each list by itself.
    pub output_items: usize,
    /// A component, in bytes.
    pub component_bytes: usize,
    /// A manifest, in bytes.
    pub manifest_bytes: usize,
    /// Log lines of one call, together at most 8 KiB.
    pub log_lines: u32,
    /// Calls at the same time; more of them wait.
    pub parallel_calls: usize,
    /// When a package that fails again and again is no longer asked.
    pub breaker: BreakerLimits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            fuel: 100_000_000,
            wall: Duration::from_millis(1_000),
            memory_bytes: 64 << 20,
            stack_bytes: 512 << 10,
            table_entries: 20_000,
            instances: 32,
            input_bytes: 4 << 20,
            output_bytes: 1 << 20,
            output_items: 500,
            component_bytes: 32 << 20,
            manifest_bytes: 64 << 10,
            log_lines: 100,
            parallel_calls: std::thread::available_parallelism().map_or(2, usize::from),
            breaker: BreakerLimits::default(),
        }
    }
}

/// A limit that the host had to enforce while a component was growing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Denied {
    Memory,
    Table,
}

/// Refuses growth beyond the limits and remembers that it did.
///
/// A component that is refused memory aborts by itself with a meaningless trap, so the refusal has to be
/// recorded here; and it traps at once, so that none can go on asking.
#[derive(Debug)]
pub(crate) struct Limiter {
    memory_bytes_left: usize,
    table_entries_left: usize,
    instances: usize,
    pub(crate) denied: Option<Denied>,
}

impl Limiter {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            memory_bytes_left: limits.memory_bytes,
            table_entries_left: limits.table_entries,
            instances: limits.instances,
            denied: None,
        }
    }

    fn judge(&mut self, fits: bool, what: Denied) -> wasmtime::Result<bool> {
        if fits {
            return Ok(true);
        }
        self.denied = Some(what);
        Err(wasmtime::Error::msg("limit reached"))
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let left = self
            .memory_bytes_left
            .checked_sub(desired.saturating_sub(current));
        self.memory_bytes_left = left.unwrap_or(0);
        self.judge(left.is_some(), Denied::Memory)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let left = self
            .table_entries_left
            .checked_sub(desired.saturating_sub(current));
        self.table_entries_left = left.unwrap_or(0);
        self.judge(left.is_some(), Denied::Table)
    }

    fn instances(&self) -> usize {
        self.instances
    }

    fn tables(&self) -> usize {
        self.instances
    }

    fn memories(&self) -> usize {
        self.instances
    }
}
