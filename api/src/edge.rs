//! The edge: what every request and every answer passes, whatever its door.
//!
//! Gives the request its id, turns refusals into documents, measures, and survives a handler's panic.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use axum::response::IntoResponse as _;
use futures::FutureExt as _;
use tower::Service as _;
use uuid::Uuid;

use crate::app::App;
use crate::measures::{Door, Measures};
use crate::outcomes::time_waited;
use crate::problem::{self, Problem};
use crate::routes;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const MAX_REQUEST_ID_BYTES: usize = 128;
/// Longer than any work takes, bodies that trickle in and the longest wait for an outcome included. What is hot has closer
/// bounds.
const DEADLINE: Duration = Duration::from_secs(60);

/// Who is at the other end of the connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// Answers requests; one for all connections.
#[derive(Clone)]
pub(crate) struct Edge {
    measures: Arc<Measures>,
    router: Router,
}

impl Edge {
    pub(crate) fn new(app: &App) -> Self {
        Self { router: app.router(), measures: app.measures.clone() }
    }

    /// Answers only how the process is.
    pub(crate) fn health(app: &App) -> Self {
        Self { router: app.health_router(), measures: app.measures.clone() }
    }

    /// Answers only that the process lives and waits for its database.
    pub(crate) fn waiting() -> Self {
        Self { router: routes::waiting(), measures: Arc::new(Measures::new()) }
    }

    /// Answers one request.
    pub(crate) async fn answer(&self, peer: Peer, mut request: Request) -> Response<Body> {
        let started = Instant::now();
        let door = Door::of(request.method(), request.uri().path());
        let request_id = request_id(request.headers());
        request.extensions_mut().insert(peer);
        let answer = AssertUnwindSafe(self.router.clone().call(request)).catch_unwind();
        let response = match tokio::time::timeout(DEADLINE, answer).await {
            Ok(Ok(Ok(response))) => response,
            Ok(Err(_)) => Problem::panicked().into_response(),
            Err(_) => Problem::too_slow().into_response(),
        };
        let id = request_id.to_str().unwrap_or_default();
        let (mut response, refused) = problem::render(response, id);
        if let Some(problem) = refused {
            note(&problem, id);
        }
        // What never changes under its address says so itself.
        response.headers_mut().entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        response.headers_mut().insert(REQUEST_ID, request_id);
        let took = started.elapsed().saturating_sub(time_waited(&response));
        self.measures.answered(door, response.status(), took);
        response
    }
}

fn note(problem: &Problem, id: &str) {
    Measures::refused(problem.code());
    match problem.cause() {
        Some(cause) if problem.status() == StatusCode::INTERNAL_SERVER_ERROR => {
            tracing::error!(request.id = id, cause, "a request failed");
        }
        // With the database away this is every request; that it is away is logged by the intake.
        Some(cause) => tracing::debug!(request.id = id, cause, "a request could not be served"),
        None => tracing::debug!(request.id = id, problem.code = problem.code(), "a request was refused"),
    }
}

/// The caller's id if it is harmless in logs, else one of ours.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    let given = headers.get(REQUEST_ID).filter(|id| {
        (1..=MAX_REQUEST_ID_BYTES).contains(&id.len())
            && id.as_bytes().iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
    });
    given.cloned().unwrap_or_else(new_request_id)
}

/// A start of its own for each process, then a count: unique, and cheap at any rate.
pub(crate) fn new_request_id() -> HeaderValue {
    static START: std::sync::LazyLock<String> =
        std::sync::LazyLock::new(|| Uuid::new_v4().simple().to_string().split_off(16));
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    HeaderValue::try_from(format!("{}-{count:x}", *START))
        .expect("hexadecimal digits and a dash are a header value")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(id: &'static str) -> HeaderValue {
        request_id(&HeaderMap::from_iter([(REQUEST_ID, HeaderValue::from_static(id))]))
    }

    #[test]
    fn a_harmless_request_id_is_kept_and_another_replaced() {
        assert_eq!(given("req-1.A_b"), "req-1.A_b");
        for id in ["", "two words", "a;b", "\"quoted\""] {
            assert_ne!(given(id), id);
        }
        assert_ne!(request_id(&HeaderMap::new()), request_id(&HeaderMap::new()));
    }
}
