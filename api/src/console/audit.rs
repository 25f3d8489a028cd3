//! What operators changed, newest first. For super admins.

use askama::Template;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode};
use shared::store::audit_log::{self, ListedDeed};

use super::operator::{Operator, SuperAdmin};
use super::page::{self, Frame, Moment, Place, ROWS};
use super::refusal::Refusal;
use crate::app::App;
use crate::extract::Query;

#[derive(Template)]
#[template(path = "console/audit.html")]
struct AuditPage {
    frame: Frame,
    rows: Vec<Row>,
    older: Option<i64>,
}

struct Row {
    at: Moment,
    operator: String,
    role: &'static str,
    address: String,
    action: String,
    subject: String,
    detail: String,
}

impl From<ListedDeed> for Row {
    fn from(deed: ListedDeed) -> Self {
        Self {
            at: deed.at.into(),
            operator: deed.operator,
            role: deed.role.title(),
            address: deed.address.unwrap_or_default(),
            action: deed.action,
            subject: deed.subject.unwrap_or_default(),
            detail: deed.detail.map(|detail| detail.to_string()).unwrap_or_default(),
        }
    }
}

/// Shows a page of the log.
pub(super) async fn list(
    State(app): State<App>,
    operator: Operator<SuperAdmin>,
    Query(place): Query<Place>,
) -> Result<Response<Body>, Refusal> {
    let found = audit_log::list(&app.pool, place.before, ROWS).await?;
    let older = page::older(&found, |row| row.id);
    let rows = found.into_iter().map(Row::from).collect();
    let frame = Frame::new(&app, &operator, "/console/audit");
    Ok(page::respond(StatusCode::OK, &AuditPage { frame, rows, older }))
}
