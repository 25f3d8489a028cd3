//! Form bodies, as vendors post them.

use std::time::Duration;

use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;

use super::{announced, media_type, read};
use crate::app::App;
use crate::problem::Problem;

/// Vendors' forms have a few hundred bytes.
const LIMIT_BYTES: usize = 64 << 10;
const TIMEOUT: Duration = Duration::from_secs(10);

/// The fields of a form, decoded, in their order.
pub(crate) struct Form(pub(crate) Vec<(String, String)>);

impl FromRequest<App> for Form {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &App) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        if !is_form(&parts.headers) {
            return Err(Problem::not_a_form());
        }
        if announced(&parts.headers).is_some_and(|length| length > LIMIT_BYTES) {
            return Err(Problem::body_too_large(LIMIT_BYTES));
        }
        let raw = tokio::time::timeout(TIMEOUT, read(body, LIMIT_BYTES)).await;
        let raw = raw.unwrap_or_else(|_| Err(Problem::request_timeout(TIMEOUT)))?;
        Ok(Self(form_urlencoded::parse(&raw).into_owned().collect()))
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    media_type(headers) == "application/x-www-form-urlencoded"
}
