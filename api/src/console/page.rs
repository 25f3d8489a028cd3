//! What every page has: its frame, and the headers that keep it to itself.

use askama::Template;
use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode};
use axum::response::IntoResponse as _;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;
use shared::config::Environment;
use shared::operator::Role;

use super::operator::{Least, Operator};
use super::refusal::Refusal;
use super::settings;
use crate::app::App;
use crate::html;
use crate::problem::Problem;

/// Scripts and styles are ours and in files, forms go nowhere else, and nobody frames a page.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; \
     base-uri 'none'; frame-ancestors 'none'",
);

/// What stands around a page.
pub(super) struct Frame {
    /// Who is signed in.
    pub(super) name: String,
    pub(super) role: Role,
    /// The address of the part of the console that this is.
    pub(super) here: &'static str,
    has_inbox: bool,
}

impl Frame {
    /// For a page of the part at `here`.
    pub(super) fn new<L: Least>(app: &App, operator: &Operator<L>, here: &'static str) -> Self {
        Self {
            name: operator.who.name.clone(),
            role: operator.who.role,
            here,
            has_inbox: app.environment == Environment::Development,
        }
    }

    /// The parts of the console that are open to this operator: address and name.
    pub(super) fn parts(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let inbox = self.has_inbox.then_some(("/console/inbox", "Sandbox inbox"));
        let audit = (self.role >= Role::SuperAdmin).then_some(("/console/audit", "Audit log"));
        let settings = (self.role >= Role::Admin).then_some((settings::HERE, "SMS & OTP"));
        let guard = Some(("/console/guard", "Pumping guard"));
        [Some(("/console/messages", "Messages")), inbox, guard, settings, audit].into_iter().flatten()
    }
}

/// A part of a page by itself.
pub(super) fn fragment(part: &impl Template) -> Result<String, Refusal> {
    part.render().map_err(|error| Problem::internal(&error).into())
}

/// An answer with a page.
pub(super) fn respond(status: StatusCode, page: &impl Template) -> Response<Body> {
    match page.render() {
        Ok(html) => html::page(status, html, POLICY),
        // Writing to a text cannot fail, nor do our filters.
        Err(error) => Problem::internal(&error).into_response(),
    }
}

/// Rows on a page of a list.
pub(super) const ROWS: i64 = 50;

/// Which page of a list is wanted: the newest, or the one before a row.
#[derive(Debug, Deserialize)]
pub(super) struct Place {
    pub(super) before: Option<i64>,
}

/// Where the page after these rows begins, if they filled theirs.
pub(super) fn older<T>(rows: &[T], id: impl Fn(&T) -> i64) -> Option<i64> {
    let is_full = i64::try_from(rows.len()).is_ok_and(|count| count == ROWS);
    rows.last().filter(|_| is_full).map(id)
}

/// A moment for pages: as machines read it, and as people do who have no script to see it in their own zone.
pub(super) struct Moment(DateTime<Utc>);

impl From<DateTime<Utc>> for Moment {
    fn from(at: DateTime<Utc>) -> Self {
        Self(at)
    }
}

impl Moment {
    pub(super) fn machine(&self) -> String {
        self.0.to_rfc3339_opts(SecondsFormat::Millis, true)
    }

    pub(super) fn people(&self) -> String {
        self.0.format("%Y-%m-%d %H:%M:%S UTC").to_string()
    }
}
