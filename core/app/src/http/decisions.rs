//! What a jurisdiction's texts leave open, and what it has decided.

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use liucheng_engine::{CommandError, decisions::Ruling};
use liucheng_model::{finding::Choice, text::Text};
use serde::{Deserialize, Serialize};

use super::{AppState, auth::Caller, input::JsonBody, problem::Problem};

/// An open point.
#[derive(Debug, Serialize)]
struct IssueView {
    issue: String,
    /// What is open, as the rule sheet says.
    text: String,
    message: Text,
    options: Vec<Choice>,
    /// The decision that holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    decided: Option<DecidedView>,
}

#[derive(Debug, Serialize)]
struct DecidedView {
    option: String,
    reason: String,
    actor: String,
    at: String,
}

/// A decision.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decide {
    issue: String,
    /// The reading; absent takes an earlier decision back.
    #[serde(default)]
    option: Option<String>,
    reason: String,
}

fn decided(ruling: &Ruling) -> Option<DecidedView> {
    Some(DecidedView {
        option: ruling.option.clone()?,
        reason: ruling.reason.clone(),
        actor: ruling.actor.clone(),
        at: ruling.at.rfc3339(),
    })
}

/// `GET /api/v1/provinces/{province}/decisions`
pub async fn list(
    State(state): State<AppState>,
    _: Caller,
    Path(province): Path<String>,
) -> Result<Response, Problem> {
    let entry = state.engine.library.entry(&province)?;
    let rulings = state.engine.rulings(&province).await?;
    let issues = entry.definition.doc.issues.iter().map(|issue| IssueView {
        issue: issue.id.clone(),
        text: issue.text.clone(),
        message: issue.message.clone(),
        options: issue.choices(),
        decided: rulings.get(&issue.id).and_then(decided),
    });
    let issues: Vec<IssueView> = issues.collect();
    Ok(Json(serde_json::json!({"province": province, "issues": issues})).into_response())
}

/// `POST /api/v1/provinces/{province}/decisions`
pub async fn make(
    State(state): State<AppState>,
    Caller(actor): Caller,
    Path(province): Path<String>,
    JsonBody(decide): JsonBody<Decide>,
) -> Result<Response, Problem> {
    let engine = state.engine.clone();
    // Carried out to its end even if the client goes away.
    let work = tokio::spawn(async move {
        let choice = (decide.issue.as_str(), decide.option.as_deref());
        engine.rule(&actor, &province, choice, &decide.reason).await
    });
    let changed = work
        .await
        .map_err(|e| CommandError::Internal(e.to_string()))??;
    Ok(Json(serde_json::json!({"projects_changed": changed})).into_response())
}
