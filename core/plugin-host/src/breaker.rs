//! A package that fails again and again is not asked for a while.
//!
//! Each call of such a package would cost up to its whole budget of time, and the people who wait for it
//! learn nothing new. After a pause one call is let through; when it is answered, all are.
//!
//! Each host has a breaker of its own and forgets it when it ends: what it spares is this process's time, and
//! a fault may well be this node's alone.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use liucheng_model::verdict::PackagePin;

use crate::error::Problem;

/// When a package is no longer asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakerLimits {
    /// Faults in a row.
    pub faults: u32,
    /// How long it is not asked.
    pub pause: Duration,
}

impl Default for BreakerLimits {
    fn default() -> Self {
        Self {
            faults: 5,
            pause: Duration::from_secs(60),
        }
    }
}

/// Counts faults in a row for each package.
#[derive(Debug)]
pub(crate) struct Breaker {
    limits: BreakerLimits,
    packages: Mutex<BTreeMap<PackagePin, Row>>,
}

#[derive(Debug)]
struct Row {
    faults: u32,
    /// The code of the last one.
    code: &'static str,
    last: Instant,
}

impl Breaker {
    pub(crate) fn new(limits: BreakerLimits) -> Self {
        Self {
            limits,
            packages: Mutex::default(),
        }
    }

    /// Refuses to ask a package that failed too often of late.
    pub(crate) fn refuse(&self, package: &PackagePin) -> Result<(), Problem> {
        let mut packages = self.packages.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(row) = packages.get_mut(package) else {
            return Ok(());
        };
        if row.faults < self.limits.faults {
            return Ok(());
        }
        let waited = row.last.elapsed();
        if waited >= self.limits.pause {
            // The others wait until it is known how this one went.
            row.last = Instant::now();
            return Ok(());
        }
        Err(Problem::Resting {
            faults: row.faults,
            code: row.code,
            seconds: (self.limits.pause - waited).as_secs() + 1,
        })
    }

    /// Notes how a call went; what is not the package's fault does not count.
    pub(crate) fn note(&self, package: &PackagePin, fault: Option<&Problem>) {
        let mut packages = self.packages.lock().unwrap_or_else(PoisonError::into_inner);
        match fault {
            None => drop(packages.remove(package)),
            Some(problem) if problem.is_of_the_package() => {
                let row = packages.entry(package.clone()).or_insert_with(|| Row {
                    faults: 0,
                    code: problem.code(),
                    last: Instant::now(),
                });
                row.faults = row.faults.saturating_add(1);
                row.code = problem.code();
                row.last = Instant::now();
            }
            Some(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pin(id: &str) -> PackagePin {
        PackagePin {
            id: id.to_owned(),
            version: "1.0.0".to_owned(),
            component: String::new(),
        }
    }

    fn breaker(pause: Duration) -> Breaker {
        Breaker::new(BreakerLimits { faults: 3, pause })
    }

    #[test]
    fn faults_in_a_row_stop_a_package_and_no_other() {
        let breaker = breaker(Duration::from_secs(3_600));
        let (bad, good) = (pin("bad"), pin("good"));
        let fault = Problem::Trap("unreachable".to_owned());
        for _ in 0..2 {
            breaker.note(&bad, Some(&fault));
        }
        // An answer in between begins anew.
        breaker.note(&bad, None);
        for _ in 0..2 {
            breaker.note(&bad, Some(&fault));
            assert_eq!(breaker.refuse(&bad), Ok(()));
        }
        breaker.note(&bad, Some(&fault));
        let refused = breaker.refuse(&bad).map_err(|problem| problem.code());
        assert_eq!(refused, Err("E-PLUGIN-RESTING"));
        assert_eq!(breaker.refuse(&good), Ok(()));
    }

    #[test]
    fn what_the_question_or_the_host_did_wrong_does_not_count() {
        let breaker = breaker(Duration::from_secs(3_600));
        let pin = pin("p");
        for _ in 0..5 {
            breaker.note(&pin, Some(&Problem::Host("no thread".to_owned())));
            let what = "the request";
            let (found, limit) = (2, 1);
            breaker.note(&pin, Some(&Problem::Input { what, found, limit }));
        }
        assert_eq!(breaker.refuse(&pin), Ok(()));
    }

    #[test]
    fn after_the_pause_one_call_is_let_through() {
        let breaker = breaker(Duration::ZERO);
        let pin = pin("p");
        for _ in 0..3 {
            breaker.note(&pin, Some(&Problem::Fuel(1)));
        }
        assert_eq!(breaker.refuse(&pin), Ok(()));
        breaker.note(&pin, None);
        assert_eq!(breaker.refuse(&pin), Ok(()));
    }
}
