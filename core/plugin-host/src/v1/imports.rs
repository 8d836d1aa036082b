//! What a component may ask of its host: the log and the calendar.

use std::sync::Arc;

use wasmtime::{
    Engine,
    component::{HasSelf, Linker},
};

use super::bindings::{
    Province,
    liucheng::province::{
        calendar::{self, CalendarError, Day},
        logging::{self, Level},
        types,
    },
};
use crate::{
    limits::{Limiter, Limits},
    work_days::{Counted, NoAnswer, WorkDays},
};

/// All log lines of a call together, in bytes.
const LOG_BYTES: usize = 8 << 10;

/// What belongs to one call.
pub(crate) struct State {
    pub(crate) limiter: Limiter,
    package: Arc<str>,
    work_days: WorkDays,
    log_lines_left: u32,
    log_bytes_left: usize,
    dropped_lines: u32,
    lines: Vec<(Level, String)>,
}

impl State {
    pub(crate) fn new(package: &Arc<str>, work_days: WorkDays, limits: &Limits) -> Self {
        Self {
            limiter: Limiter::new(limits),
            package: Arc::clone(package),
            work_days,
            log_lines_left: limits.log_lines,
            log_bytes_left: LOG_BYTES,
            dropped_lines: 0,
            lines: Vec::new(),
        }
    }

    /// Writes what was said, and how much of it was dropped.
    pub(crate) fn close_log(&self) {
        for (level, text) in &self.lines {
            say(&self.package, level, text);
        }
        if self.dropped_lines > 0 {
            let (package, lines) = (&self.package, self.dropped_lines);
            tracing::warn!(plugin.id = %package, log.dropped_lines = lines, "the plugin logged too much, some lines were dropped");
        }
    }
}

/// The target of what components say.
const PLUGIN_TARGET: &str = "plugin";

/// The imports of a province: these and nothing else.
pub(crate) fn linker(engine: &Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    Province::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state)?;
    Ok(linker)
}

impl types::Host for State {}

impl logging::Host for State {
    fn log(&mut self, level: Level, text: String) {
        if self.log_lines_left == 0 || text.len() > self.log_bytes_left {
            self.dropped_lines = self.dropped_lines.saturating_add(1);
            return;
        }
        self.log_lines_left -= 1;
        self.log_bytes_left -= text.len();
        // A line stays a line: no control characters reach a terminal or a log parser.
        let text = text
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        self.lines.push((level, text));
    }
}

/// What a component says may repeat what it was asked: these lines are shown to whoever asks for their
/// target, and to nobody else.
fn say(package: &str, level: &Level, text: &str) {
    match level {
        Level::Debug => {
            tracing::debug!(target: PLUGIN_TARGET, { plugin.id = %package, plugin.text = %text }, "the plugin says")
        }
        Level::Info => {
            tracing::info!(target: PLUGIN_TARGET, { plugin.id = %package, plugin.text = %text }, "the plugin says")
        }
        Level::Warn => {
            tracing::warn!(target: PLUGIN_TARGET, { plugin.id = %package, plugin.text = %text }, "the plugin says")
        }
        Level::Error => {
            tracing::error!(target: PLUGIN_TARGET, { plugin.id = %package, plugin.text = %text }, "the plugin says")
        }
    }
}

impl calendar::Host for State {
    fn is_working_day(&mut self, date: String) -> Result<bool, CalendarError> {
        self.work_days.is_working_day(&date).map_err(refused)
    }

    fn add_working_days(&mut self, date: String, n: i32) -> Result<Day, CalendarError> {
        self.work_days.add(&date, n).map(counted).map_err(refused)
    }

    fn next_working_day(&mut self, date: String) -> Result<Day, CalendarError> {
        self.work_days.next(&date).map(counted).map_err(refused)
    }
}

fn counted((date, provisional): Counted) -> Day {
    Day {
        date: date.to_string(),
        provisional,
    }
}

fn refused(error: NoAnswer) -> CalendarError {
    match error {
        NoAnswer::InvalidDate(text) => CalendarError::InvalidDate(text),
        NoAnswer::OutOfRange(text) => CalendarError::OutOfRange(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_log_lines_is_dropped_and_counted() {
        let mut state = State::new(&"x".into(), WorkDays::Closed, &Limits::default());
        for _ in 0..150 {
            logging::Host::log(&mut state, Level::Debug, "line\n".to_owned());
        }
        assert_eq!(state.dropped_lines, 50);
        let mut state = State::new(&"x".into(), WorkDays::Closed, &Limits::default());
        logging::Host::log(&mut state, Level::Error, "x".repeat(LOG_BYTES + 1));
        assert_eq!((state.dropped_lines, state.log_bytes_left), (1, LOG_BYTES));
    }
}
