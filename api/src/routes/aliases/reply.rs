//! Answers of the aliases: their own bodies, also for what is refused.

use std::time::Instant;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::Fate;
use crate::problem::{OwnBody, Problem};

/// The words for errors that an application knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// `{error: "invalid_phone", status: "Error", message}`.
    Words,
    /// The same, of a check: `verified: false` as well.
    Check,
    /// `{success: false, error}`.
    Success,
}

impl Dialect {
    /// What was refused, in this dialect, with the status and the headers of our own refusal.
    pub(super) fn refuse(self, problem: Problem) -> Response {
        let (word, message) = (word(&problem), problem.detail().to_owned());
        let mut body = self.error(word, &message);
        if let Some(left) = problem.attempts_left() {
            body["attempts_remaining"] = left.into();
        }
        let mut response = problem.into_response();
        let _ = response.extensions_mut().remove::<Problem>();
        *response.body_mut() = Body::from(body.to_string());
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        own(response)
    }

    /// What is told of a message: `body` with `Success` or `Queued`, or that it was not sent, which our own doors do not
    /// refuse.
    pub(super) fn tell(self, fate: Fate, body: impl FnOnce(&'static str) -> Value) -> Response {
        match fate {
            Fate::Queued => axum::Json(body("Queued")).into_response(),
            Fate::Sent => axum::Json(body("Success")).into_response(),
            Fate::NoProvider => {
                let body = self.error("missing_api_key", "no SMS provider is set up for this number");
                own((StatusCode::INTERNAL_SERVER_ERROR, axum::Json(body)).into_response())
            }
            Fate::Failed { message, status_code } => {
                let mut body = self.error("send_failed", &message);
                if let Some(code) = status_code {
                    body["provider_status"] = code.into();
                }
                own((StatusCode::BAD_REQUEST, axum::Json(body)).into_response())
            }
        }
    }

    fn error(self, word: &str, message: &str) -> Value {
        match self {
            Self::Words => json!({ "error": word, "status": "Error", "message": message }),
            Self::Check => json!({ "error": word, "verified": false, "status": "Error", "message": message }),
            Self::Success => json!({ "success": false, "error": message, "code": word }),
        }
    }
}

/// A refusal whose body stays as it is.
fn own(mut response: Response) -> Response {
    response.extensions_mut().insert(OwnBody);
    response
}

/// Whole milliseconds since `began`.
pub(super) fn millis_since(began: Instant) -> i32 {
    i32::try_from(began.elapsed().as_millis()).unwrap_or(i32::MAX)
}

/// The word that applications know a problem by.
fn word(problem: &Problem) -> &'static str {
    let is_of = |field: &str| problem.errors().iter().any(|error| error.field == field);
    match problem.code() {
        "invalid-request" if is_of("phone") || is_of("to") => "invalid_phone",
        "country-blocked" => "country_blocked",
        "otp-wrong" => "otp_mismatch",
        "otp-expired" | "otp-used" => "otp_expired",
        "otp-locked" => "otp_locked",
        "rate-limited" | "otp-cool-down" | "otp-send-limit" => "rate_limited",
        _ if problem.status().is_server_error() => "server_error",
        _ => "invalid_input",
    }
}
