//! Problem documents (RFC 9457): what a refused request is told. This module alone knows the status
//! codes of refusals.
//!
//! A handler returns a [`Problem`]; it travels as an extension of the response and becomes a
//! document in [`crate::edge`], where the request's id is known.

use std::error::Error;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, Response, StatusCode};
use axum::response::IntoResponse;
use serde::Serialize;
use shared::message::Status;
use shared::store::api_keys::Scope;

mod errors;
pub(crate) mod kinds;
pub(crate) mod pages;

use self::kinds::*;

/// Why a request was refused.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    kind: &'static Kind,
    status: StatusCode,
    detail: String,
    errors: Vec<FieldError>,
    attempts_remaining: Option<i16>,
    message_status: Option<Status>,
    retry_after: Option<Duration>,
    /// For our log, never for the caller.
    cause: Option<String>,
}

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct FieldError {
    /// The field, with its path: `messages[3].to`.
    pub(crate) field: String,
    /// What is wrong with it.
    pub(crate) message: String,
}

impl Problem {
    fn new(kind: &'static Kind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            status: kind.status,
            detail: detail.into(),
            errors: Vec::new(),
            attempts_remaining: None,
            message_status: None,
            retry_after: None,
            cause: None,
        }
    }

    /// Fields that cannot be used; at least one.
    pub(crate) fn fields(errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [one] => format!("{}: {}", one.field, one.message),
            several => format!("{} fields cannot be used, see errors", several.len()),
        };
        Self { errors, ..Self::new(&INVALID_REQUEST, detail) }
    }

    /// One field that cannot be used.
    pub(crate) fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::fields(vec![FieldError { field: field.into(), message: message.into() }])
    }

    /// Text that is no JSON.
    pub(crate) fn malformed_json(detail: impl Into<String>) -> Self {
        let detail = detail.into();
        let errors = vec![FieldError { field: "body".into(), message: detail.clone() }];
        Self { errors, ..Self::new(&MALFORMED_JSON, detail) }
    }

    /// The body ended in the middle, or its chunks are not as HTTP writes them.
    pub(crate) fn incomplete_body() -> Self {
        let message = "ended too early or is badly framed";
        let errors = vec![FieldError { field: "body".into(), message: message.into() }];
        Self { errors, ..Self::new(&INCOMPLETE_BODY, format!("the body {message}")) }
    }

    /// The body did not arrive in time.
    pub(crate) fn request_timeout(limit: Duration) -> Self {
        let message = format!("did not arrive within {} seconds", limit.as_secs());
        let detail = format!("the body {message}");
        Self {
            errors: vec![FieldError { field: "body".into(), message }],
            ..Self::new(&REQUEST_TIMEOUT, detail)
        }
    }

    /// More bytes than this address takes.
    pub(crate) fn body_too_large(limit_bytes: usize) -> Self {
        let message = format!("is larger than {limit_bytes} bytes");
        let detail = format!("the body {message}");
        Self {
            errors: vec![FieldError { field: "body".into(), message }],
            ..Self::new(&BODY_TOO_LARGE, detail)
        }
    }

    /// A body of another kind.
    pub(crate) fn unsupported_media_type() -> Self {
        Self {
            errors: vec![FieldError {
                field: "content-type".into(),
                message: "must be application/json".into(),
            }],
            ..Self::new(&UNSUPPORTED_MEDIA_TYPE, "send the body with Content-Type: application/json")
        }
    }

    /// A body that is no form, where a form is needed.
    pub(crate) fn not_a_form() -> Self {
        let message = "must be application/x-www-form-urlencoded";
        Self {
            errors: vec![FieldError { field: "content-type".into(), message: message.into() }],
            ..Self::new(&UNSUPPORTED_MEDIA_TYPE, format!("the content type {message}"))
        }
    }

    /// A webhook whose signature is wrong, missing, or cannot be checked.
    pub(crate) fn invalid_signature(detail: &'static str) -> Self {
        Self::new(&INVALID_SIGNATURE, detail)
    }

    /// Nothing by this name.
    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(&NOT_FOUND, detail)
    }

    /// No key, or none that we know.
    pub(crate) fn unauthorized(detail: &'static str) -> Self {
        Self::new(&UNAUTHORIZED, detail)
    }

    /// A key without the scope for this.
    pub(crate) fn insufficient_scope(needed: Scope) -> Self {
        Self::new(&FORBIDDEN, format!("this needs a key with the scope {}", needed.as_str()))
    }

    /// The message has left the queue.
    pub(crate) fn not_cancellable(status: Status) -> Self {
        Self {
            message_status: Some(status),
            ..Self::new(
                &NOT_CANCELLABLE,
                format!("the message is {status}; only a queued one can be cancelled"),
            )
        }
    }

    /// Not to be sent requests yet.
    pub(crate) fn not_ready(detail: impl Into<String>) -> Self {
        Self::new(&NOT_READY, detail).retry_after(Duration::from_secs(1))
    }

    /// A fault of ours: the whole chain of causes goes to the log, nothing of it to the caller.
    pub(crate) fn internal(error: &dyn Error) -> Self {
        Self {
            cause: Some(chain(error)),
            ..Self::new(
                &INTERNAL,
                "see the gateway's log under this request id; the request was not accepted",
            )
        }
    }

    /// The work took longer than any caller waits for.
    pub(crate) fn too_slow() -> Self {
        Self::new(&UNAVAILABLE, "outcome unknown: the database did not answer in time")
            .retry_after(Duration::from_secs(1))
    }

    /// A handler that panicked.
    pub(crate) fn panicked() -> Self {
        Self {
            cause: Some("a handler panicked".into()),
            ..Self::new(&INTERNAL, "see the gateway's log under this request id")
        }
    }

    fn unavailable(detail: &str, error: &dyn Error) -> Self {
        Self {
            cause: Some(chain(error)),
            ..Self::new(&UNAVAILABLE, detail).retry_after(Duration::from_secs(1))
        }
    }

    /// What a refusal of axum or hyper says, whose body is none of ours.
    pub(crate) fn from_status(status: StatusCode) -> Self {
        let (kind, detail) = match status {
            StatusCode::NOT_FOUND => (&NOT_FOUND, "no such address"),
            StatusCode::METHOD_NOT_ALLOWED => (&METHOD_NOT_ALLOWED, "see the Allow header"),
            StatusCode::BAD_REQUEST => (&BAD_REQUEST, "the request line or a header is not valid HTTP"),
            StatusCode::URI_TOO_LONG | StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => {
                (&HEAD_TOO_LARGE, "shorten the address or the headers")
            }
            StatusCode::REQUEST_TIMEOUT => {
                (&REQUEST_TIMEOUT, "the head of the request did not arrive in time")
            }
            status if status.is_server_error() => (&INTERNAL, "see the gateway's log under this request id"),
            _ => (&OTHER, "see the status code"),
        };
        Self { status, ..Self::new(kind, detail) }
    }

    fn retry_after(self, wait: Duration) -> Self {
        Self { retry_after: Some(wait), ..self }
    }

    fn attempts_remaining(self, attempts: i16) -> Self {
        Self { attempts_remaining: Some(attempts), ..self }
    }

    /// The stable word for this problem.
    pub(crate) const fn code(&self) -> &'static str {
        self.kind.code
    }

    /// The status of the answer.
    pub(crate) const fn status(&self) -> StatusCode {
        self.status
    }

    /// What is wrong, for people.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// The fields at fault.
    pub(crate) fn errors(&self) -> &[FieldError] {
        &self.errors
    }

    /// What to log and not to tell.
    pub(crate) fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

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
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// Turns a refusal into its document; other answers pass.
pub(crate) fn render(response: Response<Body>, request_id: &str) -> (Response<Body>, Option<Problem>) {
    if response.status().as_u16() < 400 {
        return (response, None);
    }
    let (mut parts, _) = response.into_parts();
    let problem = parts.extensions.remove::<Problem>().unwrap_or_else(|| Problem::from_status(parts.status));
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    let body = Body::from(problem.document(request_id));
    (Response::from_parts(parts, body), Some(problem))
}

/// A document that an address would refuse; says what is wrong with which field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidDocument(String);

impl From<Problem> for InvalidDocument {
    fn from(problem: Problem) -> Self {
        let faults: Vec<_> =
            problem.errors.iter().map(|error| format!("{}: {}", error.field, error.message)).collect();
        Self(if faults.is_empty() { problem.detail } else { faults.join("; ") })
    }
}

impl From<serde_json::Error> for InvalidDocument {
    fn from(error: serde_json::Error) -> Self {
        Self(error.to_string())
    }
}

fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
