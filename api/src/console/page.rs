//! What every page has: its frame, and the headers that keep it to itself.

use askama::Template;
use axum::body::Body;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY};
use axum::http::{HeaderValue, Response, StatusCode};
use axum::response::IntoResponse as _;
use chrono::{DateTime, SecondsFormat, Utc};
use shared::config::Environment;
use shared::operator::Role;

use super::assets;
use super::operator::{Least, Operator};
use crate::app::App;
use crate::problem::{OwnBody, Problem};

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
        [Some(("/console/messages", "Messages")), inbox, audit].into_iter().flatten()
    }

    /// Where a style or script is found.
    pub(super) fn asset(&self, name: &str) -> String {
        assets::address(name)
    }
}

/// An answer with a page.
pub(super) fn respond(status: StatusCode, page: &impl Template) -> Response<Body> {
    let html = match page.render() {
        Ok(html) => html,
        // Writing to a text cannot fail, nor do our filters.
        Err(error) => return Problem::internal(&error).into_response(),
    };
    let mut response = (status, html).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    // Addresses of the console hold filters and ids.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response.extensions_mut().insert(OwnBody);
    response
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
