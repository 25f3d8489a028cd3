//! A wait as a part of the answer: what it brought, and the header that says it was granted.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::http::Response;
use axum::response::{IntoResponseParts, ResponseParts};
use shared::ids::MessageId;
use shared::store::log::Outcome;
use tokio::time::Instant;

use super::Outcomes;
use crate::prefer::{APPLIED, Prefer};

/// What came of a preference to wait; given beside the answer it adds `Preference-Applied`.
#[derive(Debug, Default)]
pub(crate) struct Waited {
    /// How the message ended, if it did in time.
    pub(crate) outcome: Option<Outcome>,
    prefer: Prefer,
    took: Duration,
}

impl Waited {
    /// Waits as long as `prefer` says for the end of a message.
    pub(crate) async fn for_message(outcomes: &Outcomes, prefer: Prefer, id: MessageId) -> Self {
        Self::granted(prefer, async |patience| outcomes.first(id, patience).await).await
    }

    /// As [`Waited::for_message`], for the message of a code; `None` if there is none and nobody shall notice.
    pub(crate) async fn for_code(outcomes: &Outcomes, prefer: Prefer, id: Option<MessageId>) -> Self {
        Self::granted(prefer, async |patience| outcomes.first_of_code(id, patience).await).await
    }

    async fn granted(prefer: Prefer, wait: impl AsyncFnOnce(Duration) -> Option<Outcome>) -> Self {
        let began = Instant::now();
        let outcome = match prefer.wait() {
            Some(patience) => wait(patience).await,
            None => None,
        };
        Self { outcome, prefer, took: began.elapsed() }
    }

    /// A preference that there is nothing to wait for.
    pub(crate) fn in_vain(prefer: Prefer) -> Self {
        Self { prefer, ..Self::default() }
    }
}

/// How much of its time an answer was held back on the caller's wish.
#[derive(Clone, Copy, Debug)]
struct HeldBack(Duration);

impl IntoResponseParts for Waited {
    type Error = Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Infallible> {
        if let Some(applied) = self.prefer.applied() {
            parts.headers_mut().insert(APPLIED, applied);
            parts.extensions_mut().insert(HeldBack(self.took));
        }
        Ok(parts)
    }
}

/// Time that an answer took because its caller preferred so: the gateway was not slow.
pub(crate) fn time_waited(response: &Response<Body>) -> Duration {
    response.extensions().get::<HeldBack>().map_or(Duration::ZERO, |held| held.0)
}
