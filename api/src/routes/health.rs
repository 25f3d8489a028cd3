//! `GET /healthz`, `/readyz`, `/metrics`.

use std::time::Duration;

use axum::Extension;
use axum::extract::{FromRequestParts, State};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_TYPE, FORWARDED};
use axum::http::request::Parts;
use axum::response::IntoResponse;
use serde::Serialize;
use shared::store::schema;

use crate::app::App;
use crate::auth::{Caller, MayRead};
use crate::edge::Peer;
use crate::problem::Problem;

/// A database that takes longer is not ready for requests either.
const PATIENCE: Duration = Duration::from_secs(1);

#[derive(Serialize)]
pub(super) struct Health {
    status: &'static str,
}

/// The process runs. Says nothing of the database: restarting us does not cure that.
pub(super) async fn alive() -> axum::Json<Health> {
    axum::Json(Health { status: "ok" })
}

/// The database answers and has our schema.
pub(super) async fn ready(State(app): State<App>) -> Result<axum::Json<Health>, Problem> {
    match tokio::time::timeout(PATIENCE, schema::count_missing(&app.pool)).await {
        Ok(Ok(0)) => Ok(axum::Json(Health { status: "ready" })),
        Ok(Ok(missing)) => {
            Err(Problem::not_ready(format!("{missing} migrations are missing: run smsgw migrate")))
        }
        Ok(Err(error)) if shared::db::is_away(&error) => {
            Err(Problem::not_ready("the database does not answer"))
        }
        Ok(Err(_)) => Err(Problem::not_ready("the database is not migrated: run smsgw migrate")),
        Err(_) => Err(Problem::not_ready("the database does not answer in time")),
    }
}

/// Whoever may see metrics: this machine, and keys with the scope `read`.
pub(super) struct Observer;

impl FromRequestParts<App> for Observer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let Ok(Extension(Peer(peer))) = Extension::<Peer>::from_request_parts(parts, app).await else {
            return Err(Problem::unauthorized("the address of the caller is unknown"));
        };
        if peer.ip().to_canonical().is_loopback() && !is_forwarded(&parts.headers) {
            return Ok(Self);
        }
        Caller::<MayRead>::from_request_parts(parts, app).await.map(|_| Self)
    }
}

/// A proxy on this machine asks for somebody elsewhere.
fn is_forwarded(headers: &HeaderMap) -> bool {
    headers.contains_key("x-forwarded-for") || headers.contains_key(FORWARDED)
}

/// Metrics in the text format of Prometheus.
pub(super) async fn metrics(State(app): State<App>, _: Observer) -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], app.metrics.render())
}
