//! Problem documents (RFC 9457): what a refused request is told. The one file that knows the status
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

use crate::accept::Refusal;
use crate::idempotency::IdempotencyError;
use crate::intake::IntakeError;
use crate::otp::resend::ResendError;
use crate::otp::verify::VerifyError;

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

/// A kind of problem: stable, documented, meant for programs.
#[derive(Debug)]
struct Kind {
    code: &'static str,
    title: &'static str,
    status: StatusCode,
}

macro_rules! kinds {
    ($($name:ident = $code:literal, $status:ident, $title:literal;)*) => {
        $(static $name: Kind = Kind { code: $code, title: $title, status: StatusCode::$status };)*
    };
}

kinds! {
    // The request itself.
    INVALID_REQUEST = "invalid-request", BAD_REQUEST, "The request has fields that cannot be used";
    MALFORMED_JSON = "malformed-json", BAD_REQUEST, "The body is not valid JSON";
    INCOMPLETE_BODY = "incomplete-body", BAD_REQUEST, "The body ended too early";
    BAD_REQUEST = "bad-request", BAD_REQUEST, "The request cannot be read";
    REQUEST_TIMEOUT = "request-timeout", REQUEST_TIMEOUT, "The request took too long to arrive";
    BODY_TOO_LARGE = "body-too-large", PAYLOAD_TOO_LARGE, "The body is too large";
    UNSUPPORTED_MEDIA_TYPE = "unsupported-media-type", UNSUPPORTED_MEDIA_TYPE, "The body must be JSON";
    NOT_FOUND = "not-found", NOT_FOUND, "There is nothing here";
    METHOD_NOT_ALLOWED = "method-not-allowed", METHOD_NOT_ALLOWED, "This address does not take that method";
    // Who asks.
    UNAUTHORIZED = "unauthorized", UNAUTHORIZED, "A valid API key is needed";
    FORBIDDEN = "insufficient-scope", FORBIDDEN, "The API key may not do this";
    // What is asked for.
    COUNTRY_BLOCKED = "country-blocked", FORBIDDEN, "This country is not allowed";
    NOT_CANCELLABLE = "not-cancellable", CONFLICT, "The message can no longer be cancelled";
    IDEMPOTENCY_MISMATCH = "idempotency-key-reused", UNPROCESSABLE_ENTITY, "The Idempotency-Key belongs to another request";
    IDEMPOTENCY_RUNNING = "idempotency-key-running", CONFLICT, "A request with this Idempotency-Key is still running";
    // Codes.
    OTP_WRONG = "otp-wrong", BAD_REQUEST, "The code is wrong";
    OTP_EXPIRED = "otp-expired", GONE, "The code has expired";
    OTP_USED = "otp-used", GONE, "The code was already used";
    OTP_LOCKED = "otp-locked", TOO_MANY_REQUESTS, "Too many wrong codes";
    OTP_COOL_DOWN = "otp-cool-down", TOO_MANY_REQUESTS, "It is too early for another code";
    OTP_SEND_LIMIT = "otp-send-limit", TOO_MANY_REQUESTS, "No more codes for this session";
    // Us.
    OVERLOADED = "overloaded", SERVICE_UNAVAILABLE, "The gateway is overloaded";
    UNAVAILABLE = "unavailable", SERVICE_UNAVAILABLE, "The gateway cannot store anything at the moment";
    NOT_READY = "not-ready", SERVICE_UNAVAILABLE, "The gateway is not ready";
    INTERNAL = "internal", INTERNAL_SERVER_ERROR, "The gateway failed";
    OTHER = "refused", BAD_REQUEST, "The request was refused";
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

    /// The connection ended in the middle of the body.
    pub(crate) fn incomplete_body() -> Self {
        let message = "ended before its announced length";
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

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        if shared::db::is_away(&error) {
            Self::unavailable(
                "the database does not answer; nothing was changed for certain, so ask again",
                &error,
            )
        } else {
            Self::internal(&error)
        }
    }
}

impl From<serde_json::Error> for Problem {
    fn from(error: serde_json::Error) -> Self {
        Self::internal(&error)
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Fields(errors) => Self::fields(errors),
            Refusal::CountryBlocked { field, country } => {
                let message = match country {
                    Some(country) => format!("numbers of {country} are not allowed (SMSGW_COUNTRIES)"),
                    None => "belongs to no country that is allowed (SMSGW_COUNTRIES)".to_owned(),
                };
                Self {
                    errors: vec![FieldError { field: field.into(), message: message.clone() }],
                    ..Self::new(&COUNTRY_BLOCKED, message)
                }
            }
        }
    }
}

impl From<IntakeError> for Problem {
    fn from(error: IntakeError) -> Self {
        match &error {
            IntakeError::Full => {
                Self::new(&OVERLOADED, "more requests wait than can be stored in time; nothing was stored")
                    .retry_after(Duration::from_secs(1))
            }
            IntakeError::Away => {
                Self::unavailable("the database does not answer; nothing was stored", &error)
            }
            IntakeError::OutcomeUnknown => Self::unavailable(
                "outcome unknown: the database went away during the commit, so the message may be stored. \
                 Requests with an Idempotency-Key can be repeated without sending twice",
                &error,
            ),
            IntakeError::Refused(_) => Self::internal(&error),
        }
    }
}

impl From<IdempotencyError> for Problem {
    fn from(error: IdempotencyError) -> Self {
        match error {
            IdempotencyError::OtherRequest => {
                let message = "was used for a request with another method, path or body";
                Self {
                    errors: vec![FieldError { field: "idempotency-key".into(), message: message.into() }],
                    ..Self::new(&IDEMPOTENCY_MISMATCH, format!("the key {message}"))
                }
            }
            IdempotencyError::Running => Self::new(&IDEMPOTENCY_RUNNING, "wait for its answer, then repeat")
                .retry_after(Duration::from_secs(1)),
            IdempotencyError::CommitUnknown(source) => Self::unavailable(
                "outcome unknown: the database went away during the commit, so the work may be done. \
                 A request with an Idempotency-Key can be repeated without doing it twice",
                &source,
            ),
            IdempotencyError::Store(source) => source.into(),
        }
    }
}

impl From<VerifyError> for Problem {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::Wrong { attempts_remaining } => {
                Self::new(&OTP_WRONG, "the code does not match").attempts_remaining(attempts_remaining)
            }
            VerifyError::Expired => {
                Self::new(&OTP_EXPIRED, "the session has ended or never was; start another")
                    .attempts_remaining(0)
            }
            VerifyError::Used => Self::new(&OTP_USED, "a code is good for one sign-in").attempts_remaining(0),
            VerifyError::Locked => {
                Self::new(&OTP_LOCKED, "the session is locked; start another").attempts_remaining(0)
            }
            VerifyError::UnknownKey(error) => Self::internal(&error),
            VerifyError::Store(error) => error.into(),
        }
    }
}

impl From<ResendError> for Problem {
    fn from(error: ResendError) -> Self {
        match error {
            ResendError::Ended(error) => error.into(),
            ResendError::CoolDown { wait, attempts_remaining } => {
                Self::new(&OTP_COOL_DOWN, "see Retry-After for when another code can be asked for")
                    .retry_after(wait)
                    .attempts_remaining(attempts_remaining)
            }
            ResendError::SendLimit { wait, attempts_remaining } => {
                Self::new(&OTP_SEND_LIMIT, "start another session once this one has ended")
                    .retry_after(wait)
                    .attempts_remaining(attempts_remaining)
            }
            ResendError::Refused(refusal) => refusal.into(),
            ResendError::Store(error) => error.into(),
        }
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
