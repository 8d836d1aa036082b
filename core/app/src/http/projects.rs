//! Projects: list, show, open, fire, history.

use std::{collections::BTreeMap, time::Instant};

use axum::{
    Json,
    extract::State,
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{ETAG, LOCATION},
    },
    response::{IntoResponse, Response},
};
use liucheng_engine::{
    CommandError,
    commands::{Answer, Create, DecideIssue, FireEvent},
    ports::Page,
};
use serde::{Deserialize, Serialize};

use super::{
    AppState,
    auth::Caller,
    input::{Filter, JsonBody, ProjectName, bad_query, expected_version, idempotency_key},
    problem::{Problem, etag},
};
use crate::view::{self, ProjectSummary, RecordView};

/// The most entries of one page.
const PAGE_MAX: u32 = 200;
/// Entries of a page when nobody says how many.
const PAGE_DEFAULT: u32 = 50;

/// Which projects.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    after: Option<String>,
    limit: Option<u32>,
}

/// Which records.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HistoryQuery {
    after: Option<u64>,
    limit: Option<u32>,
}

#[derive(Debug, Serialize)]
struct ProjectPage {
    projects: Vec<ProjectSummary>,
    /// `after` of the next page.
    next: Option<String>,
}

#[derive(Debug, Serialize)]
struct HistoryPage {
    project: String,
    records: Vec<RecordView>,
    /// `after` of the next page.
    next: Option<u64>,
}

/// `GET /api/v1/projects`
pub async fn list(
    State(state): State<AppState>,
    _: Caller,
    Filter(query): Filter<ListQuery>,
) -> Result<Response, Problem> {
    let limit = page_size(query.limit)?;
    let page = Page {
        after: query.after,
        limit: limit + 1,
    };
    let mut rows = state
        .engine
        .store
        .list(page)
        .await
        .map_err(CommandError::from)?;
    let next = one_more(&mut rows, limit)
        .then(|| rows.last().map(|row| row.code.clone()))
        .flatten();
    let projects = rows.iter().map(view::summary).collect();
    Ok(Json(ProjectPage { projects, next }).into_response())
}

/// `GET /api/v1/projects/{id or code}`
pub async fn show(
    State(state): State<AppState>,
    _: Caller,
    ProjectName(name): ProjectName,
) -> Result<Response, Problem> {
    let id = state.engine.find(&name).await?;
    let row = state.engine.load(id).await?;
    let view = view::project(&state.engine, &row).await?;
    Ok(([(ETAG, etag(row.version))], Json(view)).into_response())
}

/// `GET /api/v1/projects/{id or code}/history`
pub async fn history(
    State(state): State<AppState>,
    _: Caller,
    ProjectName(name): ProjectName,
    Filter(query): Filter<HistoryQuery>,
) -> Result<Response, Problem> {
    let limit = page_size(query.limit)?;
    // The store counts in signed numbers; there is nothing beyond them.
    let after = query.after.unwrap_or_default().min(i64::MAX.unsigned_abs());
    let id = state.engine.find(&name).await?;
    let code = state.engine.load(id).await?.code;
    let rows = state.engine.store.history(id, after, limit + 1).await;
    let mut rows = rows.map_err(CommandError::from)?;
    let next = one_more(&mut rows, limit)
        .then(|| rows.last().map(|row| row.seq))
        .flatten();
    let records = rows
        .iter()
        .map(view::record)
        .collect::<Result<Vec<_>, _>>()?;
    let page = HistoryPage {
        project: code,
        records,
        next,
    };
    Ok(Json(page).into_response())
}

/// `POST /api/v1/projects`
pub async fn create(
    State(state): State<AppState>,
    Caller(actor): Caller,
    headers: HeaderMap,
    JsonBody(create): JsonBody<Create>,
) -> Result<Response, Problem> {
    let key = idempotency_key(&headers)?.map(str::to_owned);
    let facts = create.facts.clone();
    let engine = state.engine.clone();
    let work = async move { engine.create(&actor, create, key.as_deref()).await };
    let answer = carried_out(&state, "create", work)
        .await
        .map_err(|error| Problem::of_command(&error, &facts))?;
    let mut response = answered(StatusCode::CREATED, &answer);
    if let Ok(location) = HeaderValue::from_str(&format!("/api/v1/projects/{}", answer.id)) {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

/// `POST /api/v1/projects/{id or code}/fire`
pub async fn fire(
    State(state): State<AppState>,
    Caller(actor): Caller,
    ProjectName(name): ProjectName,
    headers: HeaderMap,
    JsonBody(mut command): JsonBody<FireEvent>,
) -> Result<Response, Problem> {
    let key = idempotency_key(&headers)?.map(str::to_owned);
    command.expected_version = expected_version(&headers, command.expected_version)?;
    let id = state.engine.find(&name).await?;
    let facts: BTreeMap<_, _> = command.facts.clone();
    let engine = state.engine.clone();
    let work = async move { engine.fire(&actor, id, command, key.as_deref()).await };
    let answer = carried_out(&state, "fire", work)
        .await
        .map_err(|error| Problem::of_command(&error, &facts))?;
    Ok(answered(StatusCode::OK, &answer))
}

/// `POST /api/v1/projects/{id or code}/decisions`
pub async fn decide(
    State(state): State<AppState>,
    Caller(actor): Caller,
    ProjectName(name): ProjectName,
    headers: HeaderMap,
    JsonBody(mut command): JsonBody<DecideIssue>,
) -> Result<Response, Problem> {
    let key = idempotency_key(&headers)?.map(str::to_owned);
    command.expected_version = expected_version(&headers, command.expected_version)?;
    let id = state.engine.find(&name).await?;
    let engine = state.engine.clone();
    let work = async move { engine.decide(&actor, id, command, key.as_deref()).await };
    let answer = carried_out(&state, "decide", work)
        .await
        .map_err(|error| Problem::of_command(&error, &BTreeMap::new()))?;
    Ok(answered(StatusCode::OK, &answer))
}

/// Carries a command out even if the client goes away meanwhile: otherwise it could be cut off
/// between the store and the worker, who would then sleep past an earlier timer.
async fn carried_out<W>(
    state: &AppState,
    command: &'static str,
    work: W,
) -> Result<Answer, CommandError>
where
    W: Future<Output = Result<Answer, CommandError>> + Send + 'static,
{
    let started = Instant::now();
    let done = tokio::spawn(work).await;
    let result = done.unwrap_or_else(|error| Err(CommandError::Internal(error.to_string())));
    state.node.commands.note(command, started, &result);
    result
}

fn answered(status: StatusCode, answer: &Answer) -> Response {
    (status, [(ETAG, etag(answer.version))], Json(answer)).into_response()
}

fn page_size(limit: Option<u32>) -> Result<u32, Problem> {
    match limit {
        None => Ok(PAGE_DEFAULT),
        Some(limit) if (1..=PAGE_MAX).contains(&limit) => Ok(limit),
        Some(limit) => Err(bad_query(format!(
            "limit {limit} is not between 1 and {PAGE_MAX}"
        ))),
    }
}

/// Cuts off the row that was read only to know whether there is a next page.
fn one_more<T>(rows: &mut Vec<T>, limit: u32) -> bool {
    let full = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    full
}
