//! Extractors whose refusals are problem documents that name the field.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Path as AxumPath, Request};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use tokio::sync::OwnedSemaphorePermit;

use crate::app::App;
use crate::intake::IntakeError;
use crate::problem::{FieldError, Problem};

/// Bodies of single requests.
pub(crate) const SINGLE_LIMIT_BYTES: usize = 1 << 20;
/// Bodies of batches: 10,000 messages of 1.6 kB.
pub(crate) const BATCH_LIMIT_BYTES: usize = 16 << 20;
/// A single body must have arrived after this time, a batch after three times as long.
const SINGLE_TIMEOUT: Duration = Duration::from_secs(10);
const BATCH_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a large body waits for its place.
const PLACE_PATIENCE: Duration = Duration::from_secs(2);
/// Longest name of a field that an answer repeats; callers can make them up.
const MAX_SHOWN_CHARS: usize = 100;

/// How serde begins what it says of a field that it names.
const FIELD_FAULTS: [&str; 3] = ["missing field ", "unknown field ", "duplicate field "];

/// A JSON body, with the bytes it was read from.
pub(crate) struct Json<T> {
    /// What it says.
    pub(crate) value: T,
    /// As it arrived.
    pub(crate) raw: Bytes,
}

impl<T: DeserializeOwned> FromRequest<App> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &App) -> Result<Self, Problem> {
        let raw = read_json(request, SINGLE_LIMIT_BYTES, SINGLE_TIMEOUT).await?;
        Ok(Self { value: parse(&raw)?, raw })
    }
}

/// The bytes of a large JSON body; reading what they say takes long enough to be done elsewhere. Only so many are held
/// at a time.
pub(crate) struct LargeJson {
    /// As it arrived.
    pub(crate) raw: Bytes,
    /// Its place among those that are held.
    pub(crate) place: OwnedSemaphorePermit,
}

impl FromRequest<App> for LargeJson {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let place = tokio::time::timeout(PLACE_PATIENCE, app.batch_bodies.clone().acquire_owned()).await;
        let place = place.map_err(|_| IntakeError::Full)?.map_err(|error| Problem::internal(&error))?;
        Ok(Self { raw: read_large(request).await?, place })
    }
}

/// Reads a large JSON body, for whom has a place.
pub(crate) async fn read_large(request: Request) -> Result<Bytes, Problem> {
    read_json(request, BATCH_LIMIT_BYTES, BATCH_TIMEOUT).await
}

/// Reads JSON; a fault names its field.
///
/// # Errors
/// A problem that names the place in the text or the field.
pub(crate) fn parse<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T, Problem> {
    // serde would also take an array of the fields in their order.
    if !text.trim_ascii_start().starts_with(b"{") {
        check_json(text)?;
        return Err(Problem::field("body", "must be an object"));
    }
    // Nearly all requests are right, so the way to the fault is only kept track of when there is one.
    serde_json::from_slice(text).or_else(|_| {
        check_json(text)?;
        let mut reader = serde_json::Deserializer::from_slice(text);
        serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            let path = error.path().to_string();
            fault(&path, &error.into_inner())
        })
    })
}

/// Tells what is no JSON from JSON that is not what was asked for, some of which serde_json calls a
/// syntax error as well: a number in place of a word, for one.
fn check_json(text: &[u8]) -> Result<(), Problem> {
    let text = std::str::from_utf8(text)
        .map_err(|error| Problem::malformed_json(format!("not valid UTF-8: {error}")))?;
    match serde_json::from_str::<IgnoredAny>(text) {
        Ok(IgnoredAny) => Ok(()),
        Err(error) => Err(Problem::malformed_json(format!("not valid JSON: {error}"))),
    }
}

fn fault(path: &str, error: &serde_json::Error) -> Problem {
    let text = error.to_string();
    let message = text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message);
    let (name, message) = match quoted_after(message, &FIELD_FAULTS) {
        Some((name, "missing field ", _)) => (Some(name), "is required".to_owned()),
        Some((name, "duplicate field ", _)) => (Some(name), "is given twice".to_owned()),
        Some((name, _, rest)) => (Some(name), format!("is unknown{rest}")),
        None => (None, expectation(message)),
    };
    let field = match (path, name) {
        (".", None) => "body".to_owned(),
        (".", Some(name)) => name.to_owned(),
        (path, None) => path.to_owned(),
        // The path of an unknown field ends with its name already.
        (path, Some(name)) if path == name || path.ends_with(&format!(".{name}")) => path.to_owned(),
        (path, Some(name)) => format!("{path}.{name}"),
    };
    let shown = field.char_indices().nth(MAX_SHOWN_CHARS).map_or(field.as_str(), |(end, _)| &field[..end]);
    Problem::field(shown, message)
}

/// What was expected, without what came instead: that may be long, or a secret.
fn expectation(message: &str) -> String {
    match message.rsplit_once(", expected ") {
        Some((_, "a map")) => "must be an object".to_owned(),
        Some((_, "a sequence")) => "must be a list".to_owned(),
        Some((_, number @ ("i16" | "i32" | "i64" | "u16"))) => format!("must be a whole number ({number})"),
        Some((_, kind)) if kind.starts_with("struct ") => "must be an object".to_owned(),
        Some((_, kind)) => format!("must be {kind}"),
        None if message == "expected value" => "must be a string".to_owned(),
        None => message.to_owned(),
    }
}

/// Takes `missing field `to`, rest` apart.
fn quoted_after<'a>(text: &'a str, starts: &[&'static str]) -> Option<(&'a str, &'static str, &'a str)> {
    let (start, rest) = starts.iter().find_map(|start| Some((*start, text.strip_prefix(start)?)))?;
    let (name, rest) = rest.strip_prefix('`')?.split_once('`')?;
    Some((name, start, rest))
}

async fn read_json(request: Request, limit: usize, timeout: Duration) -> Result<Bytes, Problem> {
    let (parts, body) = request.into_parts();
    if !is_json(&parts.headers) {
        return Err(Problem::unsupported_media_type());
    }
    if announced(&parts.headers).is_some_and(|length| length > limit) {
        return Err(Problem::body_too_large(limit));
    }
    let read = tokio::time::timeout(timeout, read(body, limit));
    read.await.unwrap_or_else(|_| Err(Problem::request_timeout(timeout)))
}

async fn read(mut body: Body, limit: usize) -> Result<Bytes, Problem> {
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Problem::incomplete_body())?.into_data() else { continue };
        if first.len() + rest.len() + data.len() > limit {
            return Err(Problem::body_too_large(limit));
        }
        // Most bodies are one frame, which is taken over as it is.
        match (first.is_empty(), rest.is_empty()) {
            (true, true) => first = data,
            (_, true) => {
                rest.extend_from_slice(&first);
                rest.extend_from_slice(&data);
                first = Bytes::new();
            }
            (_, false) => rest.extend_from_slice(&data),
        }
    }
    Ok(if rest.is_empty() { first } else { rest.freeze() })
}

/// What a body is said to be, without parameters, in lower case; empty if nothing is said.
pub(crate) fn media_type(headers: &HeaderMap) -> String {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(CONTENT_TYPE) else { return false };
    if kind == "application/json" {
        return true;
    }
    let kind = media_type(headers);
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

fn announced(headers: &HeaderMap<HeaderValue>) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The query string, with unknown parameters refused.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<App> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        let axum::extract::Query(value) =
            axum::extract::Query::try_from_uri(&parts.uri).map_err(|rejection| {
                let error = rejection.body_text();
                let message = error.split_once(": ").map_or(error.as_str(), |(_, message)| message);
                let (field, message) = match quoted_after(message, &FIELD_FAULTS) {
                    Some((name, "missing field ", _)) => (name.to_owned(), "is required".to_owned()),
                    Some((name, "duplicate field ", _)) => (name.to_owned(), "is given twice".to_owned()),
                    Some((name, _, rest)) => (name.to_owned(), format!("is unknown{rest}")),
                    None => match message.split_once(": ") {
                        Some((name, message)) if !name.contains(' ') => (name.to_owned(), message.to_owned()),
                        _ => ("query".to_owned(), message.to_owned()),
                    },
                };
                Problem::fields(vec![FieldError { field, message }])
            })?;
        Ok(Self(value))
    }
}

/// What stands in the address; an address that cannot name anything is not found.
pub(crate) struct Path<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match AxumPath::from_request_parts(parts, state).await {
            Ok(AxumPath(value)) => Ok(Self(value)),
            Err(_) => Err(Problem::not_found("nothing can have this name")),
        }
    }
}

mod form;

pub(crate) use form::Form;

#[cfg(test)]
mod tests;
