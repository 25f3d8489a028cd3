//! 2Factor.in (`/API/V1/{key}/…`): one-time codes, template texts, reports.
//!
//! 2Factor publishes little; what its public clients rely on is kept exactly (paths, `Status`, `Details`), and texts
//! no source confirms are listed in `docs/mock-provider.md`.

mod answers;
mod codes;
mod phone;
mod texts;

use std::sync::Arc;

use bytes::Bytes;
use hyper::Method;
use hyper::header::HeaderMap;
use hyper::http::request::Parts;
use percent_encoding::percent_decode_str;

use crate::arrival::Arrival;
use crate::fields::Fields;
use crate::reply::Reply;
use crate::state::State;
use crate::submission::{Reading, Submission};

pub(crate) use answers::{broken, rejected, throttled};
pub(crate) use codes::checked;

/// The `Details` of a refusal: all that 2Factor says.
type Refusal = &'static str;

/// Headers in which a caller may send its own message id, in the order they are looked at.
const REFERENCE_HEADERS: [&str; 3] = ["x-client-ref", "x-message-id", "x-request-id"];

/// Reads a request: the key first, then the path and method, then the fields.
pub(crate) fn read(state: &State, head: &Parts, body: &Bytes) -> Reading {
    let segments: Vec<String> = segments(head.uri.path());
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let ["API", "V1", key, rest @ ..] = segments.as_slice() else {
        return Reading::Answer(answers::no_such_path());
    };
    if *key != state.credentials.two_factor_api_key {
        return Reading::Answer(answers::error("Invalid API Key"));
    }
    route(state, rest, head, body)
}

fn route(state: &State, path: &[&str], head: &Parts, body: &Bytes) -> Reading {
    let get = head.method == Method::GET;
    let post = head.method == Method::POST;
    match path {
        ["SMS", "VERIFY", session, code] if get => codes::read_check(state, session, code),
        ["SMS", "VERIFY", ..] => Reading::Answer(answers::wrong_method()),
        ["SMS", phone, code] if get || post => read_as(codes::parse(phone, code, None, head)),
        ["SMS", phone, code, template] if get || post => {
            read_as(codes::parse(phone, code, Some(template), head))
        }
        ["ADDON_SERVICES", "SEND", "TSMS" | "PSMS"] if post => read_as(texts::parse(head, body)),
        ["ADDON_SERVICES", "RPT", "TSMS" | "PSMS", id] if get => Reading::Answer(texts::report(state, id)),
        ["BAL", "SMS"] | ["ADDON_SERVICES", "BAL", _] if get => Reading::Answer(answers::success("500")),
        ["SMS", _, _] | ["SMS", _, _, _] | ["ADDON_SERVICES", "SEND" | "RPT" | "BAL", ..] | ["BAL", ..] => {
            Reading::Answer(answers::wrong_method())
        }
        _ => Reading::Answer(answers::no_such_path()),
    }
}

fn read_as(parsed: Result<Submission, Refusal>) -> Reading {
    match parsed {
        Ok(submission) => Reading::Submission(Box::new(submission)),
        Err(details) => Reading::Answer(answers::error(details)),
    }
}

fn segments(path: &str) -> Vec<String> {
    let parts = path.trim_matches('/').split('/');
    parts.map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned()).collect()
}

/// The caller's own message id: a field `client_ref`, else a header.
fn reference(fields: &Fields, headers: &HeaderMap) -> Option<String> {
    let in_headers = || REFERENCE_HEADERS.into_iter().find_map(|name| headers.get(name)?.to_str().ok());
    fields.get("client_ref").or_else(in_headers).map(str::to_owned)
}

/// The answer to a message that was taken.
pub(crate) fn accepted(arrival: &Arc<Arrival>) -> Reply {
    answers::success(&arrival.provider_id)
}
