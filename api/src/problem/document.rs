//! A problem as an answer: its status, its headers and its document.

use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, Response, StatusCode};
use axum::response::IntoResponse;
use serde::Serialize;
use shared::message::Status;

use super::{FieldError, Problem};
use crate::rate_limit;

#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    code: &'static str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts_remaining: Option<i16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_status: Option<Status>,
    request_id: &'a str,
}

impl Problem {
    /// The document.
    pub(crate) fn document(&self, request_id: &str) -> Vec<u8> {
        let document = Document {
            r#type: format!("/problems/{}", self.kind.code),
            title: self.kind.title,
            status: self.status.as_u16(),
            detail: &self.detail,
            code: self.kind.code,
            errors: &self.errors,
            attempts_remaining: self.attempts_remaining,
            message_status: self.message_status,
            request_id,
        };
        serde_json::to_vec(&document).unwrap_or_default()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        if let Some(wait) = self.retry_after {
            // Rounded up: whoever comes back at that second is not early.
            let seconds = wait.as_millis().div_ceil(1000).max(1);
            headers.insert(RETRY_AFTER, HeaderValue::from(u64::try_from(seconds).unwrap_or(u64::MAX)));
        }
        if let Some(standing) = &self.standing {
            rate_limit::tell(headers, std::slice::from_ref(standing));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// Marks a refusal whose body is for callers who know no problem documents.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OwnBody;

/// Turns a refusal into its document; other answers pass.
pub(crate) fn render(response: Response<Body>, request_id: &str) -> (Response<Body>, Option<Problem>) {
    if response.status().as_u16() < 400 || response.extensions().get::<OwnBody>().is_some() {
        return (response, None);
    }
    let (mut parts, _) = response.into_parts();
    let problem = parts.extensions.remove::<Problem>().unwrap_or_else(|| Problem::from_status(parts.status));
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    let body = Body::from(problem.document(request_id));
    (Response::from_parts(parts, body), Some(problem))
}
