//! Answers that are pages.

use axum::body::Body;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY};
use axum::http::{HeaderValue, Response, StatusCode};
use axum::response::IntoResponse as _;

use crate::problem::OwnBody;

/// A page that may do what `policy` says, and whose address is nobody else's business.
pub(crate) fn page(status: StatusCode, html: String, policy: HeaderValue) -> Response<Body> {
    let mut response = (status, html).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response.extensions_mut().insert(OwnBody);
    response
}
