//! Places at which a test lets the process die (crash points).
//!
//! `LIUCHENG_CRASH_AT=label:n` aborts the process the n-th time it passes the place of that label.
//! Only debug builds have them; in a release build nothing is left.

/// All places, in the order in which a change passes them.
pub const POINTS: [&str; 14] = [
    "engine.decided",
    "sqlite.taken",
    "sqlite.looked-up",
    "sqlite.written",
    "sqlite.committed",
    "sqlite.answered",
    "postgres.taken",
    "postgres.begun",
    "postgres.written",
    "postgres.answered",
    "engine.stored",
    "worker.claimed",
    "outbox.claimed",
    "outbox.accepted",
];

/// The variable that says where to die: a label and how many passes it takes.
pub const VARIABLE: &str = "LIUCHENG_CRASH_AT";

/// Marks a place at which a test may let the process die.
#[macro_export]
macro_rules! crash_point {
    ($label:literal) => {
        #[cfg(debug_assertions)]
        $crate::crash::pass($label);
    };
}

/// Passes a place; does not return when it is the one at which to die.
#[cfg(debug_assertions)]
pub fn pass(label: &str) {
    use std::sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    };
    static PLAN: OnceLock<Option<(String, u64)>> = OnceLock::new();
    static PASSED: AtomicU64 = AtomicU64::new(0);
    let plan = PLAN.get_or_init(|| {
        let text = std::env::var(VARIABLE).ok()?;
        let (label, passes) = text.split_once(':')?;
        Some((label.to_owned(), passes.parse().ok()?))
    });
    let Some((planned, passes)) = plan else {
        return;
    };
    if planned == label && PASSED.fetch_add(1, Ordering::SeqCst) + 1 == *passes {
        std::process::abort();
    }
}
