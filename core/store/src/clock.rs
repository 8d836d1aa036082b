//! This machine's clock, where no time was handed in: health, leases, and what a migration notes.

use std::time::SystemTime;

/// Now, in microseconds UTC; 0 before 1970.
pub(crate) fn micros() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
    })
}
