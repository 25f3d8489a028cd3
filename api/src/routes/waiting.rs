//! The doors of a process that has not seen its database yet: it lives, and says so of itself.

use axum::Router;
use axum::routing::get;

use super::{health, problems};
use crate::problem::Problem;

/// Addresses that need no database; all others say that there is none.
pub(crate) fn waiting() -> Router {
    Router::new()
        .route("/problems", get(problems::list))
        .route("/problems/{code}", get(problems::show))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(async || Problem::not_ready("the database does not answer")))
        .fallback(async || Problem::no_database())
}
