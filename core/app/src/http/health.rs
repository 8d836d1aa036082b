//! Health: is the process there, and can it do its work?

use std::time::Duration;

use axum::{Json, extract::State, http::StatusCode};
use chrono::Days;
use liucheng_engine::{
    Engine,
    ports::{Backlog, Instant, ReadError, Schema, StoreHealth},
};
use serde::Serialize;

use super::{AppState, node::Node};
use crate::{compose::NODE_TAKEN, config::CalendarReadiness};

/// How far ahead the calendar has to reach.
const CALENDAR_DAYS: u64 = 90;
/// How long the database may take to answer.
const ANSWER_MAX: Duration = Duration::from_secs(3);
/// A node whose clock differs more than this from the database's gets no work.
const SKEW_MAX_MICROS: i64 = 60 * 1_000_000;
/// The worker begins a round once a minute at least.
const WORKER_SILENT_MICROS: i64 = 150 * 1_000_000;

/// The answer to a probe.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Health {
    status: &'static str,
    /// Why the server cannot do its work.
    pub reasons: Vec<Reason>,
    /// What somebody has to see to soon.
    pub warnings: Vec<Reason>,
}

/// One thing that is not as it should be.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// The stable code.
    pub code: &'static str,
    /// What it is.
    detail: String,
    /// Since when, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
}

impl Reason {
    fn new(code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            since: None,
        }
    }
}

/// The process is there.
pub async fn live() -> Json<Health> {
    Json(Health {
        status: "alive",
        reasons: Vec::new(),
        warnings: Vec::new(),
    })
}

/// 200 while the node can do its work, 503 with the reasons otherwise.
pub async fn ready(State(state): State<AppState>) -> (StatusCode, Json<Health>) {
    let health = look(&state.engine, &state.node).await;
    let status = if health.reasons.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(health))
}

/// Looks at everything the node needs.
pub async fn look(engine: &Engine, node: &Node) -> Health {
    let now = engine.clock.now();
    let mut reasons = store(&engine.store.health());
    let mut warnings = Vec::new();
    match within(engine.store.schema()).await {
        Ok(schema) => reasons.extend(migrations(schema)),
        Err(error) => reasons.push(Reason::new(error.code(), error.to_string())),
    }
    // One silence of the database is one reason, and nobody waits for it twice.
    let unread = |reason: &Reason| matches!(reason.code, "E-UNAVAILABLE" | "E-STORE-DAMAGED");
    if !reasons.iter().any(unread) {
        match within(engine.store.backlog()).await {
            Ok(backlog) => {
                let late = behind(&backlog, now, node.ready.worker_late_seconds);
                if node.roles.worker {
                    reasons.extend(late);
                } else {
                    warnings.extend(late);
                }
            }
            Err(error) => reasons.push(Reason::new(error.code(), error.to_string())),
        }
    }
    if node.roles.worker {
        reasons.extend(worker(engine.figures.last_seen(), now));
    }
    if let Some((covered_today, reason)) = calendar(engine, now) {
        let accepted = node.ready.calendar == CalendarReadiness::Warn;
        if covered_today && accepted {
            warnings.push(reason);
        } else {
            reasons.push(reason);
        }
    }
    Health {
        status: if reasons.is_empty() {
            "ready"
        } else {
            "not-ready"
        },
        reasons,
        warnings,
    }
}

async fn within<T>(question: impl Future<Output = Result<T, ReadError>>) -> Result<T, ReadError> {
    tokio::time::timeout(ANSWER_MAX, question)
        .await
        .unwrap_or_else(|_| {
            let seconds = ANSWER_MAX.as_secs();
            Err(ReadError::Unavailable(format!(
                "the database does not answer within {seconds} s"
            )))
        })
}

/// What keeps the store from writing, and the clocks.
fn store(health: &StoreHealth) -> Vec<Reason> {
    let mut reasons = Vec::new();
    for (code, trouble) in [
        (NODE_TAKEN, &health.taken),
        ("E-STORE-STOPPED", &health.stopped),
        ("E-STORE-FULL", &health.full),
        ("E-STORE-UNWRITABLE", &health.unwritable),
        ("E-STORE-DAMAGED", &health.damaged),
    ] {
        if let Some(trouble) = trouble {
            reasons.push(Reason {
                since: Some(trouble.since.rfc3339()),
                ..Reason::new(code, trouble.reason.clone())
            });
        }
    }
    let skew = health.clock_skew_micros.unwrap_or_default();
    if skew.abs() > SKEW_MAX_MICROS {
        let seconds = skew / 1_000_000;
        let detail = format!("this machine's clock differs from the database's by {seconds} s");
        reasons.push(Reason::new("E-CLOCK-SKEW", detail));
    }
    reasons
}

/// Another node may have migrated the database since this one was started.
fn migrations(schema: Schema) -> Option<Reason> {
    let Schema { found, known } = schema;
    let code = match found.cmp(&known) {
        std::cmp::Ordering::Equal => return None,
        std::cmp::Ordering::Less => "E-STORE-MIGRATIONS-BEHIND",
        std::cmp::Ordering::Greater => "E-STORE-NEWER",
    };
    let detail = format!("the database has schema {found}, this program was built for {known}");
    Some(Reason::new(code, detail))
}

/// Timers that should have had their effect.
fn behind(backlog: &Backlog, now: Instant, late_seconds: u32) -> Option<Reason> {
    let earliest = backlog.timer_earliest?;
    let late = now.0.saturating_sub(earliest.0) / 1_000_000;
    (late > i64::from(late_seconds)).then(|| {
        let detail = format!("the oldest due timer is {late} s late");
        Reason {
            since: Some(earliest.rfc3339()),
            ..Reason::new("E-WORKER-BEHIND", detail)
        }
    })
}

/// The worker itself.
fn worker(seen: Option<Instant>, now: Instant) -> Option<Reason> {
    match seen {
        None => Some(Reason::new("E-WORKER", "the worker has not begun")),
        Some(seen) if now.0.saturating_sub(seen.0) > WORKER_SILENT_MICROS => Some(Reason {
            since: Some(seen.rfc3339()),
            ..Reason::new("E-WORKER", "the worker gives no sign of life")
        }),
        Some(_) => None,
    }
}

/// Whether the calendar covers today, and where it ends, if that is too soon.
///
/// Every autumn it is, until the State Council's notice for the next year is entered; dates beyond
/// its end are provisional meanwhile. Who accepts that says so in the configuration.
fn calendar(engine: &Engine, now: Instant) -> Option<(bool, Reason)> {
    let today = now.date();
    let calendar = engine.library.calendar();
    let last = *calendar.coverage().end();
    let ahead = today.checked_add_days(Days::new(CALENDAR_DAYS));
    let covered_today = calendar.covers(today);
    let short = !covered_today || ahead.is_none_or(|ahead| last < ahead);
    short.then(|| {
        let version = calendar.version();
        let detail =
            format!("the calendar {version} ends on {last}, less than {CALENDAR_DAYS} days ahead");
        (covered_today, Reason::new("E-CALENDAR-COVERAGE", detail))
    })
}

#[cfg(test)]
mod tests {
    use liucheng_engine::ports::Trouble;

    use super::*;

    const SECOND: i64 = 1_000_000;

    #[test]
    fn a_full_disk_says_since_when() {
        let full = Trouble {
            since: Instant(0),
            reason: "disk full".to_owned(),
        };
        let health = StoreHealth {
            full: Some(full),
            clock_skew_micros: Some(-61 * SECOND),
            ..StoreHealth::default()
        };
        let reasons = store(&health);
        let codes: Vec<_> = reasons.iter().map(|r| r.code).collect();
        assert_eq!(codes, ["E-STORE-FULL", "E-CLOCK-SKEW"]);
        assert_eq!(
            reasons[0].since.as_deref(),
            Some("1970-01-01T08:00:00+08:00")
        );
        assert!(store(&StoreHealth::default()).is_empty());
    }

    #[test]
    fn a_schema_is_behind_or_newer() {
        let code = |found, known| migrations(Schema { found, known }).map(|r| r.code);
        assert_eq!(code(3, 3), None);
        assert_eq!(code(2, 3), Some("E-STORE-MIGRATIONS-BEHIND"));
        assert_eq!(code(4, 3), Some("E-STORE-NEWER"));
    }

    #[test]
    fn late_timers_and_a_silent_worker_are_told() {
        let now = Instant(1_000 * SECOND);
        let due = |seconds: i64| Backlog {
            timer_earliest: Some(Instant(now.0 - seconds * SECOND)),
            ..Backlog::default()
        };
        assert_eq!(behind(&due(300), now, 300), None);
        assert_eq!(behind(&due(-5), now, 300), None);
        assert!(behind(&due(302), now, 300).is_some());
        assert_eq!(behind(&Backlog::default(), now, 300), None);
        assert!(worker(None, now).is_some());
        assert_eq!(worker(Some(Instant(now.0 - 149 * SECOND)), now), None);
        assert!(worker(Some(Instant(now.0 - 151 * SECOND)), now).is_some());
    }
}
