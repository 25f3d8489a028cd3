//! `GET /sandbox/inbox`: what the sandbox provider delivered. Does not exist in production.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use shared::config::Environment;
use shared::store::sandbox_inbox::{self, InboxMessage};

use crate::app::App;
use crate::auth::{Caller, MayRead};
use crate::extract::Query;
use crate::problem::Problem;

const USUAL_LIMIT: i64 = 50;
const MAX_LIMIT: i64 = 1000;
pub(super) const LIMITS: (i64, i64) = (USUAL_LIMIT, MAX_LIMIT);

/// Which messages to show.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    before: Option<i64>,
    limit: Option<i64>,
}

/// Messages, newest first.
#[derive(Serialize)]
pub(super) struct Inbox {
    messages: Vec<InboxMessage>,
}

/// Shows the inbox, codes included.
pub(super) async fn inbox(
    State(app): State<App>,
    _: Caller<MayRead>,
    Query(which): Query<Which>,
) -> Result<axum::Json<Inbox>, Problem> {
    match app.environment {
        Environment::Development => {}
        Environment::Production => return Err(Problem::not_found("no such address")),
    }
    let limit = which.limit.unwrap_or(USUAL_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Problem::field("limit", format!("must be 1 to {MAX_LIMIT}")));
    }
    let messages = sandbox_inbox::list(&app.pool, which.before, limit).await?;
    Ok(axum::Json(Inbox { messages }))
}
