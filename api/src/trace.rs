//! W3C Trace Context: the caller's `traceparent`, and the span that a request for messages is exported as.

use std::convert::Infallible;

use axum::extract::{FromRequestParts, MatchedPath};
use axum::http::request::Parts;
use shared::ids::MessageId;
use shared::lane::Lane;
use shared::trace;
use tracing::field::{Empty, display};
use tracing::{Span, info_span};

use crate::app::App;

/// One request's place in its caller's trace.
#[derive(Debug)]
pub(crate) struct Trace {
    span: Span,
    parent: Option<String>,
}

impl Trace {
    fn start(parts: &Parts) -> Self {
        let header = parts.headers.get("traceparent").and_then(|header| header.to_str().ok());
        let caller = header.filter(|text| is_well_formed(text));
        let span = info_span!(
            target: trace::TARGET,
            parent: None,
            "accept",
            otel.kind = "server",
            traceparent = caller,
            http.route = parts.extensions.get::<MatchedPath>().map(MatchedPath::as_str),
            lane = Empty,
            messages = Empty,
            message.id = Empty,
        );
        let parent = trace::name_of(&span).or_else(|| caller.map(str::to_owned));
        Self { span, parent }
    }

    /// The `traceparent` that goes with the messages: of our span where it is exported, else the caller's.
    pub(crate) fn parent(&self) -> Option<&str> {
        self.parent.as_deref()
    }

    /// The one message of the request.
    pub(crate) fn message(&self, id: MessageId) {
        self.span.record("message.id", display(id));
    }

    /// What was committed; a span without it is of a request that was refused, or answered as before.
    pub(crate) fn accepted(&self, lane: Lane, count: usize) {
        self.span.record("lane", lane.as_str()).record("messages", count);
    }
}

impl FromRequestParts<App> for Trace {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Infallible> {
        Ok(Self::start(parts))
    }
}

/// Version 00 (W3C Recommendation of 2021-11-23, section 3.2.2): `00-<trace id>-<parent id>-<flags>`,
/// lower-case hexadecimal, neither id all zero.
fn is_well_formed(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [version, trace, parent, flags] = parts.as_slice() else { return false };
    let is_hex = |part: &str, length| {
        part.len() == length && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_id = |part: &str, length| is_hex(part, length) && part.bytes().any(|b| b != b'0');
    *version == "00" && is_id(trace, 32) && is_id(parent, 16) && is_hex(flags, 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_well_formed_traceparent_is_kept() {
        assert!(is_well_formed("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
        for text in [
            "",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
        ] {
            assert!(!is_well_formed(text), "{text}");
        }
    }
}
