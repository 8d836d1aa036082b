//! Counting without locks: what somebody reads while the work goes on.
//!
//! Numbers only: no names, no addresses, no facts. What becomes of them, such as a page for
//! Prometheus, is the application's business.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicI64, AtomicU64, Ordering},
};

use crate::ports::{Instant, MailOutcome};

/// Upper bounds for short times, in microseconds: 100 µs to 30 s.
pub const SHORT_MICROS: &[u64] = &[
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
    1_000_000, 2_500_000, 5_000_000, 10_000_000, 30_000_000,
];

/// Upper bounds for lateness, in microseconds: 1 ms to 30 days.
pub const LATE_MICROS: &[u64] = &[
    1_000,
    10_000,
    50_000,
    100_000,
    500_000,
    1_000_000,
    5_000_000,
    60_000_000,
    600_000_000,
    3_600_000_000,
    86_400_000_000,
    2_592_000_000_000,
];

/// Upper bounds for sizes of groups.
pub const SIZES: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128, 256, 512];

/// Counts values by their size.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [u64],
    /// One more than there are bounds.
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
}

impl Histogram {
    /// An empty one with ascending upper bounds, each belonging to its bucket.
    #[must_use]
    pub fn new(bounds: &'static [u64]) -> Self {
        Self {
            bounds,
            counts: (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect(),
            sum: AtomicU64::new(0),
        }
    }

    /// Counts a value.
    pub fn note(&self, value: u64) {
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.counts.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// What was counted so far.
    #[must_use]
    pub fn read(&self) -> Distribution {
        let counts = self.counts.iter();
        Distribution {
            bounds: self.bounds,
            counts: counts.map(|count| count.load(Ordering::Relaxed)).collect(),
            sum: self.sum.load(Ordering::Relaxed),
        }
    }
}

/// Values counted by their size.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Distribution {
    /// Upper bounds, ascending.
    pub bounds: &'static [u64],
    /// How many values each bucket has; the last one is without a bound.
    pub counts: Vec<u64>,
    /// The sum of all values.
    pub sum: u64,
}

impl Distribution {
    /// How many values were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }
}

/// What the worker of this process has done.
#[derive(Debug)]
pub struct Figures {
    lateness: Histogram,
    sent: AtomicU64,
    retried: AtomicU64,
    given_up: AtomicU64,
    /// Microseconds; 0 before the worker's first round.
    seen: AtomicI64,
    trouble: Mutex<Option<&'static str>>,
}

impl Default for Figures {
    fn default() -> Self {
        Self {
            lateness: Histogram::new(LATE_MICROS),
            sent: AtomicU64::new(0),
            retried: AtomicU64::new(0),
            given_up: AtomicU64::new(0),
            seen: AtomicI64::new(0),
            trouble: Mutex::new(None),
        }
    }
}

impl Figures {
    /// Notes a timer that has had its effect.
    pub fn fired(&self, due: Instant, now: Instant) {
        let late = now.0.saturating_sub(due.0);
        self.lateness.note(u64::try_from(late).unwrap_or_default());
    }

    /// Notes an attempt to send a mail.
    pub fn mailed(&self, outcome: &MailOutcome) {
        let counter = match outcome {
            MailOutcome::Sent(_) => &self.sent,
            MailOutcome::Retry { .. } => &self.retried,
            MailOutcome::Dead { .. } => &self.given_up,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes that the worker has begun a round.
    pub fn seen(&self, now: Instant) {
        self.seen.store(now.0, Ordering::Relaxed);
    }

    /// Notes how a round of the worker ended; whether that is news. The same trouble once a second
    /// is one line in the log, not a log full of lines.
    pub fn is_news(&self, trouble: Option<&'static str>) -> bool {
        let mut last = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *last, trouble) != trouble
    }

    /// How late timers had their effect, in microseconds; as many as were fired.
    #[must_use]
    pub fn lateness(&self) -> Distribution {
        self.lateness.read()
    }

    /// Attempts to send mail: accepted, to be tried again, given up.
    #[must_use]
    pub fn mails(&self) -> [u64; 3] {
        [&self.sent, &self.retried, &self.given_up].map(|counter| counter.load(Ordering::Relaxed))
    }

    /// When the worker began its last round; `None` before the first.
    #[must_use]
    pub fn last_seen(&self) -> Option<Instant> {
        Some(Instant(self.seen.load(Ordering::Relaxed))).filter(|at| at.0 != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_its_bucket() {
        let histogram = Histogram::new(&[10, 20]);
        for value in [0, 10, 11, 20, 21, 1_000] {
            histogram.note(value);
        }
        let read = histogram.read();
        assert_eq!(read.counts, [2, 2, 2]);
        assert_eq!((read.count(), read.sum), (6, 1_062));
    }

    #[test]
    fn an_early_clock_makes_no_negative_lateness() {
        let figures = Figures::default();
        figures.fired(Instant(5), Instant(3));
        figures.fired(Instant(5), Instant(2_000_005));
        let lateness = figures.lateness();
        assert_eq!((lateness.count(), lateness.sum), (2, 2_000_000));
    }

    #[test]
    fn the_same_trouble_is_news_once() {
        let figures = Figures::default();
        let news: Vec<bool> = [None, Some("a"), Some("a"), Some("b"), None, Some("b")]
            .map(|trouble| figures.is_news(trouble))
            .into();
        assert_eq!(news, [false, true, false, true, true, true]);
    }
}
