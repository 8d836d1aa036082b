//! Time as a port, so that a year can pass in a test.

use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveTime, TimeZone};
use serde::{Deserialize, Serialize};

/// Seconds east of UTC in China, which has had no daylight-saving time since 1991.
const SHANGHAI_OFFSET_SECONDS: i32 = 8 * 3_600;

/// A point in time: microseconds since 1970-01-01T00:00:00Z.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Instant(pub i64);

impl Instant {
    /// The given time of day in China on that date.
    #[must_use]
    pub fn at(date: NaiveDate, time: NaiveTime) -> Self {
        let utc = date.and_time(time).and_utc().timestamp_micros();
        Self(utc - i64::from(SHANGHAI_OFFSET_SECONDS) * 1_000_000)
    }

    /// The civil date in China at this instant.
    #[must_use]
    pub fn date(self) -> NaiveDate {
        civil_date(self)
    }

    /// RFC 3339 with China's offset, to the second.
    #[must_use]
    pub fn rfc3339(self) -> String {
        self.local()
            .map(|t| t.to_rfc3339_opts(chrono::SecondsFormat::Secs, false))
            .unwrap_or_default()
    }

    /// This instant on the clocks of China; `None` beyond the range of dates.
    #[must_use]
    pub fn local(self) -> Option<DateTime<FixedOffset>> {
        let zone = FixedOffset::east_opt(SHANGHAI_OFFSET_SECONDS)?;
        zone.timestamp_micros(self.0).single()
    }

    /// This instant moved by microseconds, clamped to the range.
    #[must_use]
    pub fn plus_micros(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }
}

/// The civil date in China at an instant.
#[must_use]
pub fn civil_date(at: Instant) -> NaiveDate {
    at.local().map_or(NaiveDate::MIN, |t| t.date_naive())
}

/// Tells the time (port).
pub trait Clock: Send + Sync {
    /// The current instant.
    fn now(&self) -> Instant;
}

/// A clock that moves only when it is told to.
#[derive(Debug, Default)]
pub struct SimulatedClock(AtomicI64);

impl SimulatedClock {
    /// A clock standing at an instant.
    #[must_use]
    pub fn new(at: Instant) -> Self {
        Self(AtomicI64::new(at.0))
    }

    /// Moves forward to an instant; an earlier one leaves the clock where it is.
    pub fn advance_to(&self, at: Instant) {
        self.0.fetch_max(at.0, Ordering::SeqCst);
    }
}

impl Clock for SimulatedClock {
    fn now(&self) -> Instant {
        Instant(self.0.load(Ordering::SeqCst))
    }
}
