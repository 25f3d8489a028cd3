//! Twilio Messages (`/2010-04-01/Accounts/{sid}/Messages…`): reads requests as strictly as Twilio does.
//!
//! Field rules and error codes follow Twilio's API reference and error dictionary (2026). Unknown parameters are
//! accepted, as there.

mod errors;
mod login;
mod params;
mod resource;

use std::sync::Arc;

use bytes::Bytes;
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};

use crate::arrival::Arrival;
use crate::fields::{Fields, media_type};
use crate::reply::{self, Reply};
use crate::state::State;
use crate::submission::{Reading, Submission};
use crate::vendor::Vendor;

pub(crate) use errors::{broken, not_found, throttled};
pub(crate) use login::TwilioLogins;
pub(crate) use params::is_service_sid;

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
    // A request without a body needs no type; its fields are missing, and that is what Twilio says then.
    let form = media_type(head).is_none_or(|media_type| media_type == "application/x-www-form-urlencoded");
    if !form && !body.is_empty() {
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

fn fetch(state: &State, sid: &str, path: &str) -> Reply {
    let arrival = sid.strip_prefix("SM").and_then(|id| state.arrivals.find(Vendor::Twilio, id));
    match arrival {
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
            && query.get("To").is_none_or(|to| arrival.to == to)
            && query.get("From").is_none_or(|from| arrival.from.as_deref() == Some(from))
    };
    let newest: Vec<Arc<Arrival>> =
        state.arrivals.all().into_iter().rev().filter(|arrival| matches(arrival)).take(page_size).collect();
    reply::json(StatusCode::OK, &resource::page(state, &newest, page_size))
}

/// The answer to a message that was taken.
pub(crate) fn accepted(state: &State, arrival: &Arc<Arrival>) -> Reply {
    reply::json(StatusCode::CREATED, &resource::created(state, arrival))
}

/// A refusal with any Twilio code.
pub(crate) fn rejected(code: &str, submission: &Submission) -> Reply {
    let to = submission.recipients.first().map_or("", String::as_str);
    let from = submission.from.as_deref().unwrap_or_default();
    errors::refusal(code.parse().unwrap_or(20500), to, from)
}
