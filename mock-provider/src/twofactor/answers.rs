//! 2Factor's answers: `{"Status": …, "Details": …}` under 200 or 400.

use hyper::StatusCode;
use serde::Serialize;

use crate::reply::{self, Reply};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Body<'a> {
    status: &'static str,
    details: &'a str,
}

fn answer(http: StatusCode, status: &'static str, details: &str) -> Reply {
    reply::json(http, &Body { status, details })
}

pub(super) fn success(details: &str) -> Reply {
    answer(StatusCode::OK, "Success", details)
}

pub(super) fn error(details: &str) -> Reply {
    answer(StatusCode::BAD_REQUEST, "Error", details)
}

pub(super) fn wrong_method() -> Reply {
    answer(StatusCode::METHOD_NOT_ALLOWED, "Error", "Method Not Allowed")
}

pub(super) fn no_such_path() -> Reply {
    answer(StatusCode::NOT_FOUND, "Error", "Invalid API Endpoint")
}

/// 429; 2Factor documents no code for it.
pub(crate) fn throttled() -> Reply {
    answer(StatusCode::TOO_MANY_REQUESTS, "Error", "Too Many Requests")
}

/// 2Factor's error object under any status.
pub(crate) fn broken(status: u16) -> Reply {
    answer(reply::status(status), "Error", "Internal Server Error")
}

/// A refusal with any text.
pub(crate) fn rejected(details: &str) -> Reply {
    error(details)
}
