//! One call of a provider: what it asks for, when it began, and the span it is exported as.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use shared::message::OutboxMessage;
use shared::provider::{Outcome, OutgoingSms, Provider, ProviderReference, SendError};
use shared::store::acks::CODE_MADE;
use shared::trace;
use tracing::field::Empty;
use tracing::{Span, info_span};

/// What a provider is asked to do.
#[derive(Clone, Copy, Debug)]
pub(super) enum Request {
    /// Send what we wrote.
    Send,
    /// Make a code and send that; ours stays unused unless another provider gets its turn.
    StartOtp,
}

impl Request {
    /// Makes the call.
    pub(super) async fn of(
        self,
        provider: &dyn Provider,
        sms: &OutgoingSms,
    ) -> Result<ProviderReference, SendError> {
        match self {
            Self::Send => provider.send(sms).await,
            Self::StartOtp => provider.start_otp(sms).await,
        }
    }

    /// What the log says of it if the provider says yes.
    pub(super) const fn accepted(self) -> Option<&'static str> {
        match self {
            Self::Send => None,
            Self::StartOtp => Some(CODE_MADE),
        }
    }
}

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
