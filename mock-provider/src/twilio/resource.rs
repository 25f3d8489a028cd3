//! The Message resource as Twilio writes it: every field present, counts as text, dates as RFC 2822.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::params::is_service_sid;
use crate::arrival::Arrival;
use crate::segments;
use crate::state::State;

/// A message in an answer.
#[derive(Serialize)]
pub(super) struct Message<'a> {
    account_sid: &'a str,
    api_version: &'static str,
    body: &'a str,
    date_created: String,
    date_sent: Option<String>,
    date_updated: String,
    direction: &'static str,
    error_code: Option<u32>,
    error_message: Option<&'static str>,
    from: Option<&'a str>,
    messaging_service_sid: Option<&'a str>,
    num_media: &'static str,
    num_segments: String,
    price: Option<&'static str>,
    price_unit: Option<&'static str>,
    sid: &'a str,
    status: &'static str,
    subresource_uris: Subresources,
    to: &'a str,
    uri: String,
}

#[derive(Serialize)]
struct Subresources {
    media: String,
}

/// A page of messages.
#[derive(Serialize)]
pub(super) struct Page<'a> {
    messages: Vec<Message<'a>>,
    end: usize,
    first_page_uri: String,
    next_page_uri: Option<String>,
    page: usize,
    page_size: usize,
    previous_page_uri: Option<String>,
    start: usize,
    uri: String,
}

/// The message as the answer to its creation shows it: queued, or accepted by a messaging service.
pub(super) fn created<'a>(state: &'a State, arrival: &'a Arrival) -> Message<'a> {
    let account = state.credentials.twilio_account_sid.as_str();
    let sender = arrival.from.as_deref();
    let service = sender.filter(|sender| is_service_sid(sender));
    let date = date_of(arrival);
    let path = format!("/2010-04-01/Accounts/{account}/Messages/{}", arrival.provider_id);
    Message {
        account_sid: account,
        api_version: "2010-04-01",
        body: &arrival.body,
        date_sent: None,
        date_updated: date.clone(),
        date_created: date,
        direction: "outbound-api",
        error_code: None,
        error_message: None,
        from: sender.filter(|_| service.is_none()),
        messaging_service_sid: service,
        num_media: "0",
        // Nobody knows the segments before a service has chosen the sender.
        num_segments: if service.is_some() {
            "0".to_owned()
        } else {
            segments::count(&arrival.body).to_string()
        },
        price: None,
        price_unit: Some("USD"),
        sid: &arrival.provider_id,
        status: if service.is_some() { "accepted" } else { "queued" },
        subresource_uris: Subresources { media: format!("{path}/Media.json") },
        to: &arrival.to,
        uri: format!("{path}.json"),
    }
}

/// The message as a later look shows it: delivered, unless its recipient is a magic number for undelivered.
pub(super) fn fetched<'a>(state: &'a State, arrival: &'a Arrival) -> Message<'a> {
    let undelivered = state.undelivered_code(&arrival.to);
    Message {
        status: if undelivered.is_some() { "undelivered" } else { "delivered" },
        error_code: undelivered,
        error_message: undelivered.map(|_| "The message could not be delivered"),
        date_sent: Some(date_of(arrival)),
        num_segments: segments::count(&arrival.body).to_string(),
        ..created(state, arrival)
    }
}

/// The first page of a list.
pub(super) fn page<'a>(state: &'a State, arrivals: &'a [Arc<Arrival>], page_size: usize) -> Page<'a> {
    let account = &state.credentials.twilio_account_sid;
    let uri = format!("/2010-04-01/Accounts/{account}/Messages.json?PageSize={page_size}&Page=0");
    Page {
        messages: arrivals.iter().map(|arrival| fetched(state, arrival)).collect(),
        end: arrivals.len().saturating_sub(1),
        first_page_uri: uri.clone(),
        next_page_uri: None,
        page: 0,
        page_size,
        previous_page_uri: None,
        start: 0,
        uri,
    }
}

fn date_of(arrival: &Arrival) -> String {
    DateTime::<Utc>::from_timestamp_micros(arrival.at_micros).unwrap_or_default().to_rfc2822()
}
