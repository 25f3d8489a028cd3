//! Answers of the aliases: their own bodies, also for what is refused.

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

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
        response.extensions_mut().insert(OwnBody);
        response
    }

    /// A refusal that our own doors do not know.
    pub(super) fn fail(
        self,
        status: StatusCode,
        word: &str,
        message: &str,
        status_code: Option<i32>,
    ) -> Response {
        let mut body = self.error(word, message);
        if let Some(code) = status_code {
            body["provider_status"] = code.into();
        }
        let mut response = (status, axum::Json(body)).into_response();
        response.extensions_mut().insert(OwnBody);
        response
    }

    fn error(self, word: &str, message: &str) -> Value {
        match self {
            Self::Words => json!({ "error": word, "status": "Error", "message": message }),
            Self::Check => json!({ "error": word, "verified": false, "status": "Error", "message": message }),
            Self::Success => json!({ "success": false, "error": message, "code": word }),
        }
    }
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
