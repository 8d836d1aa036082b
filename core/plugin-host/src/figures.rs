//! Counting what packages were asked.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use liucheng_engine::{
    figures::{Histogram, SHORT_MICROS},
    ports::PackageFigures,
};
use liucheng_model::verdict::Verdict;

use crate::error::PluginError;

/// Counts for each package.
#[derive(Debug, Default)]
pub(crate) struct Figures(Mutex<BTreeMap<String, Count>>);

#[derive(Debug)]
struct Count {
    micros: Histogram,
    fuel: u64,
    faults: BTreeMap<&'static str, u64>,
}

impl Figures {
    /// Notes a call.
    pub(crate) fn note(
        &self,
        package: &str,
        took: Duration,
        result: &Result<Verdict, PluginError>,
    ) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(package.to_owned()).or_insert_with(|| Count {
            micros: Histogram::new(SHORT_MICROS),
            fuel: 0,
            faults: BTreeMap::new(),
        });
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        count.micros.note(micros);
        match result {
            Ok(verdict) => count.fuel = count.fuel.saturating_add(verdict.fuel),
            Err(error) => *count.faults.entry(error.code()).or_default() += 1,
        }
    }

    /// What was counted so far.
    pub(crate) fn read(&self) -> Vec<PackageFigures> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let one = |(package, count): (&String, &Count)| PackageFigures {
            package: package.clone(),
            call_micros: count.micros.read(),
            fuel: count.fuel,
            faults: count.faults.clone(),
        };
        counts.iter().map(one).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Problem;

    #[test]
    fn failed_calls_are_counted_by_their_code() {
        let figures = Figures::default();
        let failed = || Err(Problem::Fuel(1).of("x"));
        figures.note("x", Duration::from_millis(3), &failed());
        figures.note("x", Duration::from_millis(4), &failed());
        let read = figures.read();
        assert_eq!(read.len(), 1);
        assert_eq!((read[0].package.as_str(), read[0].fuel), ("x", 0));
        assert_eq!(read[0].faults, BTreeMap::from([("E-PLUGIN-FUEL", 2)]));
        assert_eq!(
            (read[0].call_micros.count(), read[0].call_micros.sum),
            (2, 7_000)
        );
    }
}
