//! One call of a component: a new instance, its limits, and what went wrong in words.

use std::{sync::Arc, time::Duration};

use wasmtime::{Error, Store, Trap};

use crate::{
    error::Problem,
    limits::{Denied, Limits},
    sandbox::Sandbox,
    v1::{Province, ProvincePre, State},
    work_days::WorkDays,
};

/// What one call may take: its limits, or less where it is only tried.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    /// Instructions.
    pub(crate) fuel: u64,
    /// Wall-clock time.
    pub(crate) wall: Duration,
}

impl Budget {
    /// All that the limits give.
    pub(crate) fn whole(limits: &Limits) -> Self {
        Self {
            fuel: limits.fuel,
            wall: limits.wall,
        }
    }

    /// Whether a call ended because of this budget and not because of the limits.
    pub(crate) fn cut_short(self, limits: &Limits, problem: &Problem) -> bool {
        match problem {
            Problem::Fuel(_) => self.fuel < limits.fuel,
            Problem::Time(_) => self.wall < limits.wall,
            _ => false,
        }
    }
}

/// Where calls run.
pub(crate) struct Calls<'a> {
    pub(crate) sandbox: &'a Sandbox,
    pub(crate) limits: &'a Limits,
    pub(crate) package: &'a Arc<str>,
    pub(crate) budget: Budget,
}

impl Calls<'_> {
    /// Runs `ask` on a new instance and says how many instructions it took.
    ///
    /// The same input takes the same number on every machine: it counts instructions, the start included.
    pub(crate) fn run<T>(
        &self,
        component: &ProvincePre<State>,
        work_days: WorkDays,
        ask: impl FnOnce(&Province, &mut Store<State>) -> wasmtime::Result<T>,
    ) -> Result<(T, u64), Problem> {
        let state = State::new(self.package, work_days, self.limits);
        let mut store = Store::new(&self.sandbox.engine, state);
        store.limiter(|state| &mut state.limiter);
        store.set_hostcall_fuel(self.limits.output_bytes);
        store
            .set_fuel(self.budget.fuel)
            .map_err(|e| Problem::Host(e.to_string()))?;
        let ticking = self.sandbox.tick();
        store.set_epoch_deadline(Sandbox::deadline(self.budget.wall));
        // The types of the exports are compared while starting, so that a misfit shows here and not in a call.
        let misfit = |error: &Error| Problem::World(detail(error));
        let no_abi =
            |_: &Error| Problem::Trap("it breaks the calling convention of components".to_owned());
        let result = match component.instantiate(&mut store) {
            Err(error) => Err(self.explain(&error, store.data(), misfit)),
            Ok(province) => ask(&province, &mut store)
                .map_err(|error| self.explain(&error, store.data(), no_abi)),
        };
        drop(ticking);
        // A call that is made once more says it then.
        if !matches!(&result, Err(problem) if self.budget.cut_short(self.limits, problem)) {
            store.data().close_log();
        }
        let answer = result?;
        let left = store.get_fuel().map_err(|e| Problem::Host(e.to_string()))?;
        Ok((answer, self.budget.fuel.saturating_sub(left)))
    }

    /// Says what happened in our words; the runtime's own are for its developers.
    fn explain(
        &self,
        error: &Error,
        state: &State,
        other: impl FnOnce(&Error) -> Problem,
    ) -> Problem {
        match state.limiter.denied {
            Some(Denied::Memory) => return Problem::Memory(self.limits.memory_bytes >> 20),
            Some(Denied::Table) => return Problem::Table(self.limits.table_entries),
            None => {}
        }
        tracing::debug!(plugin.id = %self.package, ?error, "a plugin call failed");
        match error.downcast_ref::<Trap>() {
            Some(Trap::OutOfFuel) => Problem::Fuel(self.limits.fuel),
            Some(Trap::Interrupt) => Problem::Time(self.limits.wall.as_millis()),
            Some(Trap::StackOverflow) => Problem::Trap(format!(
                "its stack limit of {} KiB is reached",
                self.limits.stack_bytes >> 10
            )),
            Some(trap) => Problem::Trap(reason(*trap).to_owned()),
            // The type of this error is private to wasmtime; a test holds its wording.
            None if error
                .chain()
                .any(|cause| cause.to_string().contains("fuel allocated for hostcalls")) =>
            {
                Problem::Output {
                    limit: self.limits.output_bytes,
                    unit: "bytes",
                }
            }
            None => other(error),
        }
    }
}

/// The runtime's own words, for the author of a package that does not fit; one line, shortened.
pub(crate) fn detail(error: &Error) -> String {
    let words: Vec<String> = error.chain().map(|cause| cause.to_string()).collect();
    words
        .join(": ")
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(300)
        .collect()
}

fn reason(trap: Trap) -> &'static str {
    match trap {
        Trap::UnreachableCodeReached => "it gave up (panic or unreachable code)",
        Trap::MemoryOutOfBounds | Trap::HeapMisaligned => "it reached outside its memory",
        Trap::IntegerDivisionByZero => "it divided by zero",
        Trap::IntegerOverflow | Trap::BadConversionToInteger => "a number left its range",
        Trap::TableOutOfBounds | Trap::IndirectCallToNull | Trap::BadSignature => {
            "it called a function that is none"
        }
        _ => "it did something that components must not do",
    }
}
