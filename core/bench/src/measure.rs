//! Reading clocks, processors and memory.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::Path,
    time::{Duration, Instant},
};

/// Waits, for percentiles.
#[derive(Debug, Default, Clone)]
pub struct Waits(Vec<Duration>);

impl Waits {
    /// Adds one.
    pub fn push(&mut self, wait: Duration) {
        self.0.push(wait);
    }

    /// Adds all of another.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Each of them, in no order.
    pub fn iter(&self) -> impl Iterator<Item = Duration> + '_ {
        self.0.iter().copied()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Are there none?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The wait that so many in a hundred do not exceed, in milliseconds; zero without any.
    #[must_use]
    pub fn percentile_ms(&mut self, percent: usize) -> f64 {
        self.0.sort_unstable();
        let last = self.0.len().saturating_sub(1);
        let at = (self.0.len() * percent / 100).min(last);
        self.0.get(at).map_or(0.0, |wait| wait.as_secs_f64() * 1e3)
    }
}

/// Numbers that are the same for the same seed.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// From a seed, and a number for those who share one.
    #[must_use]
    pub const fn new(seed: u64, part: u64) -> Self {
        Self(seed ^ part.wrapping_mul(0xD1B5_4A32_D192_ED03))
    }

    /// A number below `end`; 0 where there is none.
    pub fn below(&mut self, end: usize) -> usize {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % (end as u64).max(1)) as usize
    }

    /// Puts a list in another order.
    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for last in (1..list.len()).rev() {
            list.swap(last, self.below(last + 1));
        }
    }
}

/// How many a second.
#[must_use]
pub fn per_second(count: usize, elapsed: Duration) -> f64 {
    count as f64 / elapsed.as_secs_f64().max(1e-9)
}

/// Rounded for people, so that a figure does not look surer than it is.
#[must_use]
pub fn rounded(value: f64) -> f64 {
    let digits = if value >= 100.0 { 1.0 } else { 1e4 };
    (value * digits).round() / digits
}

/// What a process has used so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Processor time, user and system, in milliseconds.
    pub cpu_ms: u64,
    /// Memory in use (RSS), in KiB.
    pub rss_kib: u64,
    /// Most memory ever in use, in KiB.
    pub peak_rss_kib: u64,
}

impl Usage {
    /// Of a process; `None` where the system does not say (only Linux does).
    #[must_use]
    pub fn of(pid: u32) -> Option<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name in brackets may hold spaces; the fields after it are numbers.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks = |at: usize| fields.get(at)?.parse::<u64>().ok();
        // Linux counts in hundredths of a second for all programs, whatever its own clock.
        let cpu_ms = (ticks(11)? + ticks(12)?) * 10;
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let size = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse().ok()
        };
        Some(Self {
            cpu_ms,
            rss_kib: size("VmRSS:")?,
            peak_rss_kib: size("VmHWM:")?,
        })
    }

    /// Of this process.
    #[must_use]
    pub fn own() -> Option<Self> {
        Self::of(std::process::id())
    }
}

/// Bytes that this process has handed to the system for writing so far; `None` where it does not say
/// (only Linux does).
#[must_use]
pub fn written_bytes() -> Option<u64> {
    let said = std::fs::read_to_string("/proc/self/io").ok()?;
    let line = said.lines().find_map(|line| line.strip_prefix("wchar:"))?;
    line.trim().parse().ok()
}

/// How long the disk takes to make 4 KiB durable, at the median, in milliseconds.
///
/// # Errors
/// When the folder cannot be written.
pub fn fdatasync_ms(folder: &Path) -> io::Result<f64> {
    const ROUNDS: usize = 200;
    let path = folder.join(format!("fdatasync-{}", std::process::id()));
    let mut file: File = OpenOptions::new()
        .create_new(true)
        .append(true)
        .open(&path)?;
    let mut waits = Waits::default();
    let block = [7_u8; 4096];
    let measured = (0..ROUNDS).try_for_each(|_| {
        let started = Instant::now();
        file.write_all(&block)?;
        file.sync_data()?;
        waits.push(started.elapsed());
        Ok(())
    });
    std::fs::remove_file(&path)?;
    measured.map(|()| waits.percentile_ms(50))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_of_few_and_many() {
        let mut none = Waits::default();
        assert_eq!(none.percentile_ms(50).to_bits(), 0_f64.to_bits());
        let mut waits = Waits::default();
        for ms in (1..=100).rev() {
            waits.push(Duration::from_millis(ms));
        }
        assert!((waits.percentile_ms(50) - 51.0).abs() < 1e-9);
        assert!((waits.percentile_ms(99) - 100.0).abs() < 1e-9);
    }

    #[test]
    fn a_seed_gives_an_order() {
        let order = |seed| {
            let mut list: Vec<usize> = (0..100).collect();
            Random::new(seed, 1).shuffle(&mut list);
            list
        };
        assert_eq!(order(7), order(7));
        assert_ne!(order(7), order(8));
        let mut sorted = order(7);
        sorted.sort_unstable();
        assert_eq!(sorted, (0..100).collect::<Vec<_>>());
        assert_eq!(Random::new(7, 1).below(0), 0);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_own_process_uses_something() {
        let usage = Usage::own().unwrap_or_default();
        assert!(usage.rss_kib > 500 && usage.peak_rss_kib >= usage.rss_kib);
    }
}
