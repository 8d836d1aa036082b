//! What surrounds every request: a name, limits, the log, and the form of errors.

use std::time::Instant;

use axum::{
    extract::{Request, State},
    http::{
        HeaderName, HeaderValue, StatusCode,
        header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS},
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use tracing::Instrument;
use uuid::Uuid;

use super::{AppState, problem::Problem};

/// Names the request in the answer and in the log.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Limits the time of a request, and how many are worked on at once.
pub async fn limit(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let work = async {
        // The semaphore is never closed; without a permit there is only more to do at once.
        let _permit = state.permits.acquire().await;
        next.run(request).await
    };
    match tokio::time::timeout(state.request_max, work).await {
        Ok(response) => response,
        Err(_) => {
            let detail = format!(
                "no answer within {} ms; a command may still be carried out",
                state.request_max.as_millis()
            );
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "E-TIMEOUT", detail)
                .hint("repeat a command with the same Idempotency-Key: it has no second effect")
                .into_response()
        }
    }
}

/// Gives the request a name, writes problems out, and logs a failure once.
pub async fn dress(request: Request, next: Next) -> Response {
    let id = Uuid::now_v7().to_string();
    let path = request.uri().path().to_owned();
    let span = tracing::info_span!("request", request.id = %id, http.method = %request.method(), http.path = %path);
    let mut response = run(request, next, path).instrument(span).await;
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    // Answers depend on today's date and on who asks; nobody else may keep them.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

async fn run(request: Request, next: Next, path: String) -> Response {
    let started = Instant::now();
    let mut response = next.run(request).await;
    let status = response.status().as_u16();
    let duration_ms = started.elapsed().as_millis();
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        // A full disk refuses every change; the store has said so once.
        if response.status().is_server_error()
            && response.status() != StatusCode::INSUFFICIENT_STORAGE
        {
            tracing::error!(
                http.status = status,
                error.code = problem.code(),
                error = problem.detail(),
                "request failed"
            );
        }
        problem.write(&path, &mut response);
    }
    tracing::debug!(http.status = status, duration_ms, "request answered");
    response
}
