//! HTTP calls to providers: the client, and what a failed call or an unfriendly status means.
//!
//! The question is always whether the message may have left. *Certainly not sent* lets another provider try at once;
//! *in doubt* allows a second copy only where the lane does. Hence "certainly" is said only where it is:
//!
//! | What happened | Outcome | Why |
//! |---|---|---|
//! | DNS, TCP connect or TLS handshake failed, or took over 2 s | `Unavailable` | no request byte can have left |
//! | connection closed before our request was started on it | `Unavailable` | hyper says so (`is_canceled`, `is_closed`); if it was an idle one, hyper has already used another |
//! | timeout, whatever it waited for but a connection | in doubt, `timeout` | the request may be with the vendor |
//! | reset, close or write error after the request was started | in doubt, `reset` | also on a reused connection: bytes were written |
//! | the answer is not HTTP | in doubt, `garbage_answer` | somebody read the request |
//! | 2xx head, then the body breaks off or stays away | in doubt, `reset` or `timeout` | most likely sent, but its id is lost |
//! | 2xx with a body that is over 64 KiB or not the vendor's | in doubt, `garbage_answer` | the same |
//! | 301, 302, 307, 308 | `Unusable` | not processed; a wrong base URL serves nobody (redirects are never followed: they would carry credentials elsewhere) |
//! | 401, 402, 403 | `Unusable` | credentials, credit, account |
//! | 408, 429 | `Throttled` | not processed; `Retry-After` goes along |
//! | other 4xx | `Refused`, unless the adapter knows the vendor's code | not processed, body or no body |
//! | 5xx with the vendor's own error document, but 504 | `Unavailable`, said by the adapter | the application itself says it failed |
//! | other 5xx | in doubt, `server_error` | a gateway speaks; what is behind it may have sent |
//! | any other status | in doubt, `garbage_answer` | no vendor documents one |
//!
//! A timeout shorter than the 2 s for connecting may strike while connecting and still count as in doubt: the error on
//! the safe side.

use std::error::Error as StdError;
use std::io;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{DATE, HeaderMap, HeaderValue, RETRY_AFTER};
use http::{HeaderName, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, error::Elapsed, timeout_at};

use super::{OutgoingSms, ProviderReference, SendError, VendorAnswer};

mod base_url;
mod client;
mod connect_timeout;
mod guard;
mod request;
mod retry_after;

pub use base_url::{BaseUrl, InvalidBaseUrl};
pub use client::{Client, ClientError, client, guarded_client, install_crypto};
use connect_timeout::ConnectTimedOut;
pub use guard::Guard;
#[cfg(test)]
pub(super) use request::body;
pub use request::{Content, Request, basic_auth, request};

/// The most of an answer's body that is read; documented ones are below 2 KiB.
const MAX_BODY_BYTES: usize = 64 * 1024;
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What a vendor answered.
#[derive(Debug)]
pub(super) struct Answer {
    status: StatusCode,
    retry_after: Option<Duration>,
    /// The whole body, or the reason why it could not be read.
    body: Result<Bytes, &'static str>,
}

/// Makes the request for `sms` and reads the answer, both within its timeout. The message's id goes along as a header,
/// for vendors without a field for it: their support can find the request by it.
///
/// # Errors
/// When no answer came; the module's table says which error means what.
pub(super) async fn call(
    client: &Client,
    mut request: Request,
    sms: &OutgoingSms,
) -> Result<Answer, SendError> {
    let id = HeaderValue::try_from(sms.message_id.to_string()).expect("a UUID is visible ASCII");
    request.headers_mut().insert(REQUEST_ID, id);
    exchange(client, request, sms.timeout).await
}

/// As [`call`], about no message of ours.
pub(super) async fn exchange(
    client: &Client,
    request: Request,
    timeout: Duration,
) -> Result<Answer, SendError> {
    let deadline = Instant::now() + timeout;
    let response = match timeout_at(deadline, client.request(request)).await {
        Ok(response) => response.map_err(|error| without_answer(&error))?,
        Err(elapsed) => return Err(without_answer(&elapsed)),
    };
    let (head, body) = response.into_parts();
    Ok(Answer {
        status: head.status,
        retry_after: retry_after(&head.headers),
        body: timeout_at(deadline, read_body(body)).await.unwrap_or(Err("timeout")),
    })
}

fn without_answer(error: &(dyn StdError + 'static)) -> SendError {
    let (certainly_unsent, reason) = what_failed(error);
    tracing::debug!(error, reason, "a provider call got no answer");
    let answer = VendorAnswer { reason, ..VendorAnswer::default() };
    if certainly_unsent { SendError::Unavailable { answer } } else { SendError::InDoubt { answer } }
}

/// Whether the request surely never left, and a word for the failure.
fn what_failed(error: &(dyn StdError + 'static)) -> (bool, &'static str) {
    // Before the timeout: one while connecting is both.
    if cause::<legacy::Error>(error).is_some_and(legacy::Error::is_connect) {
        return (true, if is_timeout(error) { "connect_timeout" } else { "connect" });
    }
    match cause::<hyper::Error>(error) {
        Some(cause) if cause.is_canceled() || cause.is_closed() => (true, "connection_closed"),
        Some(cause) if cause.is_parse() => (false, "garbage_answer"),
        _ => (false, why_lost(error)),
    }
}

fn why_lost(error: &(dyn StdError + 'static)) -> &'static str {
    if is_timeout(error) { "timeout" } else { "reset" }
}

/// Whether our time was up, or the system's for a peer that is silent.
fn is_timeout(error: &(dyn StdError + 'static)) -> bool {
    let by_system = |error: &io::Error| error.kind() == io::ErrorKind::TimedOut;
    cause::<Elapsed>(error).is_some()
        || cause::<ConnectTimedOut>(error).is_some()
        || chain(error).filter_map(<dyn StdError>::downcast_ref).any(by_system)
}

fn cause<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    chain(error).find_map(<dyn StdError>::downcast_ref)
}

/// An error and what caused it.
fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    retry_after::parse(text(RETRY_AFTER)?, text(DATE), SystemTime::now())
}

async fn read_body(body: Incoming) -> Result<Bytes, &'static str> {
    match Limited::new(body, MAX_BODY_BYTES).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err("garbage_answer"),
        Err(error) => Err(why_lost(&*error)),
    }
}

impl Answer {
    /// The HTTP status.
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    /// How long the vendor asks us to stay away.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// The body, if it is whole and an object of the shape `T`.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Option<T> {
        let body = self.body.as_ref().ok()?.trim_ascii_start();
        // serde would take an array for a struct, field by field.
        if body.starts_with(b"{") { serde_json::from_slice(body).ok() } else { None }
    }

    /// The body, if it is whole and JSON of any shape.
    pub(super) fn document(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(self.body.as_ref().ok()?).ok()
    }

    /// The vendor took the message and calls it `id`.
    pub(super) fn accepted(&self, id: String) -> ProviderReference {
        ProviderReference { id, status_code: Some(self.status.as_u16()) }
    }

    /// What to log of this answer.
    pub(super) fn because(&self, reason: &'static str, code: Option<String>) -> VendorAnswer {
        VendorAnswer { status_code: Some(self.status.as_u16()), code, reason }
    }

    /// The vendor wants us slower.
    pub(super) fn throttled(&self, reason: &'static str, code: Option<String>) -> SendError {
        SendError::Throttled { retry_after: self.retry_after, answer: self.because(reason, code) }
    }

    /// A success that does not say which message it is about.
    pub(super) fn garbage(&self) -> SendError {
        let reason = self.body.as_ref().err().copied().unwrap_or("garbage_answer");
        SendError::InDoubt { answer: self.because(reason, None) }
    }

    /// What the status alone says, where the vendor's code says no more.
    pub(super) fn by_status(&self, code: Option<String>) -> SendError {
        match self.status.as_u16() {
            301 | 302 | 307 | 308 => SendError::Unusable { answer: self.because("redirected", code) },
            401 => SendError::Unusable { answer: self.because("credentials", code) },
            402 => SendError::Unusable { answer: self.because("credit", code) },
            403 => SendError::Unusable { answer: self.because("account", code) },
            408 => self.throttled("request_timeout", code),
            429 => self.throttled("rate_limited", code),
            400..=499 => SendError::Refused { answer: self.because("refused", code) },
            500..=599 => SendError::InDoubt { answer: self.because("server_error", code) },
            _ => self.garbage(),
        }
    }

    /// Whether the status is a server error that the vendor's application itself can have written. A gateway that gave
    /// up waiting (504) cannot know what became of the request.
    pub(super) fn is_own_failure(&self) -> bool {
        self.status.is_server_error() && self.status != StatusCode::GATEWAY_TIMEOUT
    }
}

#[cfg(test)]
impl Answer {
    /// An answer as it would have come over the wire.
    pub(super) fn with(status: u16, body: impl Into<Vec<u8>>) -> Self {
        let status = StatusCode::from_u16(status).expect("a status has three digits");
        Self { status, retry_after: None, body: Ok(Bytes::from(body.into())) }
    }
}
