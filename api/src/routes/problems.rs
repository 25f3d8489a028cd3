//! `GET /problems`, `/problems/{code}`: what a problem document's `type` points to. For anyone who asks.

use axum::response::Html;

use crate::extract::Path;
use crate::problem::{Problem, pages};

/// Lists all problems.
pub(super) async fn list() -> Html<String> {
    Html(pages::index())
}

/// Explains one.
pub(super) async fn show(Path(code): Path<String>) -> Result<Html<String>, Problem> {
    let page = pages::page(&code);
    page.map(Html).ok_or_else(|| Problem::not_found("there is no such problem; /problems lists them"))
}
