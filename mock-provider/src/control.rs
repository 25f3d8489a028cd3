//! The control API under `/_mock/`: faults, arrivals, counts, settings.

use std::sync::Arc;

use bytes::Bytes;
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use serde::Serialize;
use serde_json::json;

use crate::arrivals::ArrivalFilter;
use crate::counts::ArrivalCounts;
use crate::faults::FaultRule;
use crate::fields::Fields;
use crate::pace::SettingsChange;
use crate::reply::{self, Reply};
use crate::state::State;
use crate::vendor::Vendor;

/// Arrivals of a page when `limit` is not given.
const DEFAULT_LIMIT: usize = 1000;
/// The largest `limit`: a page of this size is about 30 MB.
const MAX_LIMIT: usize = 100_000;

const ROUTES: &str = "routes: GET POST DELETE /_mock/faults, GET DELETE /_mock/arrivals, GET /_mock/arrivals/counts, \
     GET /_mock/requests/counts, GET PATCH /_mock/settings";

/// Whether a path belongs to the control API.
pub(crate) fn owns(path: &str) -> bool {
    path.starts_with("/_mock/")
}

/// Answers a control request.
pub(crate) async fn answer(state: &Arc<State>, head: &Parts, body: &Bytes) -> Reply {
    match (&head.method, head.uri.path()) {
        (&Method::GET, "/_mock/faults") => ok(&state.faults.list()),
        (&Method::POST, "/_mock/faults") => add_faults(state, body),
        (&Method::DELETE, "/_mock/faults") => cleared(|| state.faults.clear()),
        (&Method::GET, "/_mock/arrivals") => list_arrivals(state, head),
        (&Method::DELETE, "/_mock/arrivals") => cleared(|| state.arrivals.clear()),
        (&Method::GET, "/_mock/arrivals/counts") => count_arrivals(Arc::clone(state)).await,
        (&Method::GET, "/_mock/requests/counts") => ok(&state.requests.read()),
        (&Method::GET, "/_mock/settings") => settings(state),
        (&Method::PATCH, "/_mock/settings") => change_settings(state, body),
        _ => problem(StatusCode::NOT_FOUND, ROUTES),
    }
}

fn ok(body: &impl Serialize) -> Reply {
    reply::json(StatusCode::OK, body)
}

fn cleared(clear: impl FnOnce()) -> Reply {
    clear();
    reply::empty(StatusCode::NO_CONTENT)
}

fn problem(status: StatusCode, text: &str) -> Reply {
    reply::json(status, &json!({ "error": text }))
}

fn refused(text: &str) -> Reply {
    problem(StatusCode::BAD_REQUEST, text)
}

/// Takes a list of rules, all or none.
fn add_faults(state: &State, body: &Bytes) -> Reply {
    let rules: Vec<FaultRule> = match serde_json::from_slice(body) {
        Ok(rules) => rules,
        Err(error) => return refused(&format!("the body is not a list of fault rules: {error}")),
    };
    if let Some(error) = rules.iter().find_map(|rule| rule.check().err()) {
        return refused(&error.to_string());
    }
    state.faults.add(rules);
    reply::json(StatusCode::CREATED, &state.faults.list())
}

fn list_arrivals(state: &State, head: &Parts) -> Reply {
    let query = Fields::from_query(head);
    let number = |name: &str| query.get(name).map_or(Ok(None), |text| text.parse::<u64>().map(Some));
    let (Ok(since), Ok(limit)) = (number("since"), number("limit")) else {
        return refused("`since` and `limit` are numbers");
    };
    let limit =
        limit.map_or(DEFAULT_LIMIT, |limit| usize::try_from(limit).unwrap_or(MAX_LIMIT).min(MAX_LIMIT));
    let filter = ArrivalFilter {
        to: query.get("to").map(as_e164),
        reference: query.get("reference").map(str::to_owned),
    };
    ok(&state.arrivals.page(&filter, since.unwrap_or(0), limit))
}

/// A `+` that nobody escaped comes out of a query string as a space.
fn as_e164(to: &str) -> String {
    format!("+{}", to.trim().trim_start_matches('+'))
}

/// Counting a million arrivals takes a while, so it leaves the thread that serves connections.
async fn count_arrivals(state: Arc<State>) -> Reply {
    match tokio::task::spawn_blocking(move || ArrivalCounts::of(&state.arrivals.all())).await {
        Ok(counts) => ok(&counts),
        Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

fn settings(state: &State) -> Reply {
    ok(&json!({
        "twilio": state.pace(Vendor::Twilio).current(),
        "twofactor": state.pace(Vendor::TwoFactor).current(),
    }))
}

fn change_settings(state: &State, body: &Bytes) -> Reply {
    let change: SettingsChange = match serde_json::from_slice(body) {
        Ok(change) => change,
        Err(error) => return refused(&format!("the body is no change of settings: {error}")),
    };
    state.pace(Vendor::Twilio).change(change.twilio);
    state.pace(Vendor::TwoFactor).change(change.twofactor);
    settings(state)
}
