//! Spans for a collector: where they are told apart from log lines, and how one is named to whoever continues its trace.
//!
//! Where nobody exports them their callsites are off for good: no field is read, nothing is allocated.

use tracing::Span;
use tracing_subscriber::Registry;
use tracing_subscriber::registry::LookupSpan as _;

/// The target of spans that are exported and never logged. Their field `traceparent` names the parent. No path of ours
/// begins like it: filters go by prefixes.
pub const TARGET: &str = "smsgw::span";

/// A span's own W3C `traceparent`. An exporter leaves it among the span's extensions.
#[derive(Debug)]
pub struct TraceParent(pub String);

/// The `traceparent` that names `span`, if it is exported.
pub fn name_of(span: &Span) -> Option<String> {
    span.with_subscriber(|(id, subscriber)| {
        let span = subscriber.downcast_ref::<Registry>()?.span(id)?;
        span.extensions().get::<TraceParent>().map(|name| name.0.clone())
    })?
}
