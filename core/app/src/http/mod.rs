//! The HTTP door: health for machines, `/api/v1` for programs.
//!
//! `projects` holds the handlers, `input` reads what a request brings, `auth` knows who asks,
//! `problem` says what went wrong (RFC 9457), `limits` wraps every request; `health` and `metrics` are for
//! machines that watch.

mod auth;
mod decisions;
mod health;
mod input;
mod limits;
mod metrics;
mod node;
mod problem;
mod projects;

#[cfg(test)]
mod tests;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{DefaultBodyLimit, State},
    http::StatusCode,
    middleware::{from_fn, from_fn_with_state},
    routing::{get, post},
};
use liucheng_engine::Engine;
use tokio::{
    net::TcpListener,
    sync::{Semaphore, watch},
};

pub use metrics::ROLE as METRICS_ROLE;
pub use node::{Node, Roles};
use problem::Problem;

/// The largest body, in bytes.
const BODY_MAX_BYTES: usize = 1_000_000;
/// Requests worked on at the same time. The store writes one group after the other, so more
/// would only wait further inside.
const REQUESTS_MAX: usize = 64;
/// The longest a request may take, waiting included.
const REQUEST_MAX: Duration = Duration::from_secs(30);
/// How long requests under way may take after the stop.
const DRAIN_MAX: Duration = Duration::from_secs(10);

/// What the handlers share.
#[derive(Clone)]
pub struct AppState {
    engine: Engine,
    node: Arc<Node>,
    permits: Arc<Semaphore>,
    request_max: Duration,
}

impl AppState {
    /// The state for an engine on a node.
    #[must_use]
    pub fn new(engine: Engine, node: Node) -> Self {
        Self {
            engine,
            node: Arc::new(node),
            permits: Arc::new(Semaphore::new(REQUESTS_MAX)),
            request_max: REQUEST_MAX,
        }
    }
}

/// All routes.
pub fn router(state: AppState) -> Router {
    let api = Router::new()
        .route(
            "/api/v1/projects",
            get(projects::list).post(projects::create),
        )
        .route("/api/v1/projects/{project}", get(projects::show))
        .route("/api/v1/projects/{project}/fire", post(projects::fire))
        .route(
            "/api/v1/projects/{project}/decisions",
            post(projects::decide),
        )
        .route(
            "/api/v1/provinces/{province}/decisions",
            get(decisions::list).post(decisions::make),
        )
        .route("/api/v1/projects/{project}/history", get(projects::history))
        .layer(DefaultBodyLimit::max(BODY_MAX_BYTES))
        .layer(from_fn_with_state(state.clone(), limits::limit));
    // Health stays outside of the limits: it has to answer when everything else is busy.
    let watched = Router::new()
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::metrics));
    let all = if state.node.roles.web {
        watched.merge(api)
    } else {
        watched
    };
    all.fallback(no_route)
        .method_not_allowed_fallback(no_method)
        .layer(from_fn(limits::dress))
        .with_state(state)
}

async fn no_route(State(state): State<AppState>) -> Problem {
    let hint = if state.node.roles.web {
        "the API begins at /api/v1/projects"
    } else {
        "this node has not the role web; ask one that has"
    };
    Problem::new(
        StatusCode::NOT_FOUND,
        "E-ROUTE",
        "there is nothing at this address",
    )
    .hint(hint)
}

async fn no_method() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "E-METHOD",
        "this address does not take this method",
    )
    .hint("the header Allow lists the methods")
}

/// Serves until `stop` becomes true, then lets requests under way finish.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: TcpListener,
    state: AppState,
    mut stop: watch::Receiver<bool>,
) -> io::Result<()> {
    let mut stopped = stop.clone();
    let service = router(state).into_make_service_with_connect_info::<SocketAddr>();
    let serving = axum::serve(listener, service).with_graceful_shutdown(async move {
        // An error means that the sender is gone, which is a stop as well.
        let _ = stop.wait_for(|stop| *stop).await;
    });
    let drained = async move {
        let _ = stopped.wait_for(|stop| *stop).await;
        tokio::time::sleep(DRAIN_MAX).await;
    };
    tokio::select! {
        result = serving => result,
        // A client that never finishes its request must not keep the server alive.
        () = drained => Ok(()),
    }
}
