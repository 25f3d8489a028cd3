//! Twilio Messages (`/2010-04-01/Accounts/{sid}/Messages…`) and Verify (`/v2/Services/{sid}/…`): reads requests as
//! strictly as Twilio does.
//!
//! Field rules and error codes follow Twilio's API reference and error dictionary (2026). Unknown parameters are
//! accepted, as there.

mod errors;
mod login;
mod params;
mod resource;
mod verification;
mod verify;

use std::sync::Arc;

use bytes::Bytes;
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};

use crate::arrival::{Arrival, ArrivalKind};
use crate::fields::{Fields, media_type};
use crate::reply::{self, Reply};
use crate::state::State;
use crate::submission::Reading;
use crate::vendor::Vendor;

pub(crate) use errors::{broken, not_found, throttled};
pub(crate) use login::TwilioLogins;
pub(crate) use params::is_service_sid;
pub(crate) use verify::{Verifications, checked};

/// What a path names within the account.
enum Target<'a> {
    Messages,
    Message(&'a str),
}

/// Reads a request: credentials first, then the path, then the method, then the fields.
pub(crate) fn read(state: &State, head: &Parts, body: &Bytes) -> Reading {
    if !state.twilio_logins.admit(head) {
        return Reading::Answer(errors::unauthorized());
    }
    let path = head.uri.path();
    if path.starts_with("/v2/") {
        return verify::read(state, head, body);
    }
    let Some(target) = target(path, &state.credentials.twilio_account_sid) else {
        return Reading::Answer(not_found(path));
    };
    match (target, &head.method) {
        (Target::Messages, &Method::POST) => create(head, body),
        (Target::Messages, &Method::GET) => Reading::Answer(list(state, head)),
        (Target::Message(sid), &Method::GET) => Reading::Answer(fetch(state, sid, path)),
        (Target::Messages | Target::Message(_), _) => Reading::Answer(errors::refusal(20004, "", "")),
    }
}

fn target<'a>(path: &'a str, account: &str) -> Option<Target<'a>> {
    let within = path.strip_prefix("/2010-04-01/Accounts/")?.strip_prefix(account)?;
    if within == "/Messages.json" {
        return Some(Target::Messages);
    }
    within.strip_prefix("/Messages/")?.strip_suffix(".json").map(Target::Message)
}

fn create(head: &Parts, body: &Bytes) -> Reading {
    if !is_form(head, body) {
        return Reading::Answer(errors::refusal(20415, "", ""));
    }
    let fields = Fields::from_form(body);
    match params::parse(&fields) {
        Ok(submission) => Reading::Submission(Box::new(submission)),
        Err(refused) => {
            let given = |name| fields.get(name).unwrap_or_default();
            Reading::Answer(errors::refusal(refused.0, given("To"), given("From")))
        }
    }
}

/// A request without a body needs no type; its fields are missing, and that is what Twilio says then.
fn is_form(head: &Parts, body: &Bytes) -> bool {
    let form = media_type(head).is_none_or(|media_type| media_type == "application/x-www-form-urlencoded");
    form || body.is_empty()
}

fn fetch(state: &State, sid: &str, path: &str) -> Reply {
    let arrival = sid.strip_prefix("SM").and_then(|id| state.arrivals.find(Vendor::Twilio, id));
    match arrival.filter(|arrival| arrival.kind == ArrivalKind::Text) {
        Some(arrival) => reply::json(StatusCode::OK, &resource::fetched(state, &arrival)),
        None => not_found(path),
    }
}

/// The newest messages, at most one page of them; `To` and `From` filter.
fn list(state: &State, head: &Parts) -> Reply {
    let query = Fields::from_query(head);
    let page_size = query.get("PageSize").and_then(|size| size.parse().ok()).unwrap_or(50).clamp(1, 1000);
    let matches = |arrival: &Arrival| {
        arrival.vendor == Vendor::Twilio
            && arrival.kind == ArrivalKind::Text
            && query.get("To").is_none_or(|to| arrival.to == to)
            && query.get("From").is_none_or(|from| arrival.from.as_deref() == Some(from))
    };
    let newest: Vec<Arc<Arrival>> =
        state.arrivals.all().into_iter().rev().filter(|arrival| matches(arrival)).take(page_size).collect();
    reply::json(StatusCode::OK, &resource::page(state, &newest, page_size))
}

/// The answer to a message that was taken, or to a verification that was started.
pub(crate) fn accepted(state: &State, arrival: &Arc<Arrival>) -> Reply {
    match arrival.kind {
        ArrivalKind::Text => reply::json(StatusCode::CREATED, &resource::created(state, arrival)),
        ArrivalKind::Code => verify::started(state, arrival),
    }
}

/// A refusal with any Twilio code, about this recipient and sender.
pub(crate) fn rejected(code: &str, to: &str, from: &str) -> Reply {
    errors::refusal(code.parse().unwrap_or(20500), to, from)
}
