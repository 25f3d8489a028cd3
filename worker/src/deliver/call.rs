//! One call of a provider: when it began, and the span it is exported as.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use shared::message::OutboxMessage;
use shared::provider::Outcome;
use shared::trace;
use tracing::field::Empty;
use tracing::{Span, info_span};

/// A call under way.
pub(super) struct Call {
    started_at: DateTime<Utc>,
    began: Instant,
    span: Span,
}

impl Call {
    pub(super) fn start(message: &OutboxMessage, provider: &str, now: DateTime<Utc>) -> Self {
        let span = info_span!(
            target: trace::TARGET,
            parent: None,
            "send",
            otel.kind = "client",
            traceparent = message.trace.as_deref(),
            message.id = %message.id,
            lane = message.lane.as_str(),
            provider.id = provider,
            outcome = Empty,
            error = Empty,
        );
        Self { started_at: now, began: Instant::now(), span }
    }

    /// Ends it; gives its beginning and the time it took.
    pub(super) fn end(self, outcome: Outcome, reason: Option<&'static str>) -> (DateTime<Utc>, Duration) {
        self.span.record("outcome", outcome.as_str());
        if let Some(reason) = reason {
            self.span.record("error", reason);
        }
        (self.started_at, self.began.elapsed())
    }
}
