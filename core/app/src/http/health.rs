//! Health: is the process there, and can it do its work?

use axum::{Json, extract::State, http::StatusCode};
use chrono::Days;
use serde::Serialize;

use super::AppState;

/// How far ahead the calendar should reach.
const CALENDAR_DAYS: u64 = 90;

/// The answer to a probe.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Health {
    status: &'static str,
    /// Why the server cannot do its work.
    reasons: Vec<Reason>,
    /// What somebody has to see to soon.
    warnings: Vec<Reason>,
}

/// One thing that is not as it should be.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Reason {
    code: &'static str,
    detail: String,
}

/// The process is there.
pub async fn live() -> Json<Health> {
    Json(Health {
        status: "alive",
        reasons: Vec::new(),
        warnings: Vec::new(),
    })
}

/// The store reads, and the calendar knows today.
///
/// A calendar that ends within 90 days is a warning only. Every autumn it does, until the State
/// Council's notice for the next year is entered; dates beyond it are provisional meanwhile, and
/// taking the server away would help nobody.
///
/// Migrations need no look: a database is opened for writing only after all of them were
/// applied, and its lock keeps everybody else from changing it.
pub async fn ready(State(state): State<AppState>) -> (StatusCode, Json<Health>) {
    let engine = &state.engine;
    let mut health = Health {
        status: "ready",
        reasons: Vec::new(),
        warnings: Vec::new(),
    };
    if let Err(error) = engine.store.next_wake().await {
        let detail = error.to_string();
        health.reasons.push(Reason {
            code: "E-UNAVAILABLE",
            detail,
        });
    }
    let today = engine.clock.now().date();
    let calendar = engine.library.calendar();
    let last = *calendar.coverage().end();
    let ahead = today.checked_add_days(Days::new(CALENDAR_DAYS));
    let ends = Reason {
        code: "E-CALENDAR-COVERAGE",
        detail: format!("the calendar {} ends on {last}", calendar.version()),
    };
    if !calendar.covers(today) {
        health.reasons.push(ends);
    } else if ahead.is_none_or(|ahead| last < ahead) {
        health.warnings.push(ends);
    }
    if health.reasons.is_empty() {
        (StatusCode::OK, Json(health))
    } else {
        health.status = "not-ready";
        (StatusCode::SERVICE_UNAVAILABLE, Json(health))
    }
}
