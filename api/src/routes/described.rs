//! `GET /openapi.json`, `/docs`: the API described, for programs and for people. For anyone who asks.

use axum::response::Html;
use serde_json::Value;

use crate::openapi;

/// The description as OpenAPI has it.
pub(super) async fn openapi() -> axum::Json<&'static Value> {
    axum::Json(openapi::document())
}

/// The same as a page.
pub(super) async fn docs() -> Html<&'static str> {
    Html(openapi::page())
}
