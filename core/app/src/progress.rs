//! How far a long command has come, on a terminal.

use std::time::Duration;

use crate::compose::transfer::{Progress, Step};
use indicatif::{ProgressBar, ProgressStyle};

/// A bar on stderr; nothing where that is no terminal.
pub struct Bar(ProgressBar);

impl Bar {
    /// A bar, or none for programs.
    #[must_use]
    pub fn new(as_json: bool) -> Self {
        if as_json {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::no_length();
        if let Ok(style) =
            ProgressStyle::with_template("{msg:12} {wide_bar} {human_pos}/{human_len} {eta}")
        {
            bar.set_style(style);
        }
        Self(bar)
    }

    /// Shows how far a copy has come.
    pub fn show(&self, progress: Progress) {
        self.0.set_message(match progress.step {
            Step::Copy => "copying",
            Step::Compare => "comparing",
        });
        self.0.set_length(progress.total);
        self.0.set_position(progress.done);
    }

    /// Takes it off the screen.
    pub fn clear(&self) {
        self.0.finish_and_clear();
    }
}

/// What a command is at, on stderr; nothing where that is no terminal.
pub struct Spinner(ProgressBar);

impl Spinner {
    /// A spinner, or none for programs.
    #[must_use]
    pub fn new(as_json: bool, doing: &str) -> Self {
        if as_json {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg} {elapsed}") {
            bar.set_style(style);
        }
        bar.set_message(doing.to_owned());
        bar.enable_steady_tick(Duration::from_millis(120));
        Self(bar)
    }

    /// Says what is being done now.
    pub fn say(&self, doing: &str) {
        self.0.set_message(doing.to_owned());
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
