//! Problem documents (RFC 9457): what a refused request is told. This module alone knows the status
//! codes of refusals.
//!
//! A handler returns a [`Problem`]; it travels as an extension of the response and becomes a
//! document in [`crate::edge`], where the request's id is known.

use std::time::Duration;

use axum::http::StatusCode;
use serde::Serialize;
use shared::limits::Standing;
use shared::message::Status;

mod callers;
mod document;
mod errors;
mod factors;
pub(crate) mod kinds;
pub(crate) mod pages;
mod refusals;

pub(crate) use self::document::{OwnBody, render};
use self::kinds::Kind;

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
    /// The limit that was reached.
    standing: Option<Box<Standing>>,
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
            standing: None,
            cause: None,
        }
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

    /// What every problem of this kind is called.
    pub(crate) const fn title(&self) -> &'static str {
        self.kind.title
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

    /// Checks that are left of a session, where the problem is one of its codes.
    pub(crate) const fn attempts_left(&self) -> Option<i16> {
        self.attempts_remaining
    }

    /// What to log and not to tell.
    pub(crate) fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }
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
