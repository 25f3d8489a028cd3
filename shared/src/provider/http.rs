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
use std::sync::Once;
use std::time::{Duration, SystemTime};

use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde::de::DeserializeOwned;

use super::{OutgoingSms, ProviderReference, SendError, VendorAnswer};

mod base_url;
mod retry_after;

pub use base_url::{BaseUrl, InvalidBaseUrl};

/// How long DNS, TCP and TLS may take together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long an unused connection is kept: below the 60 s after which common load balancers drop it.
const IDLE_TIMEOUT: Duration = Duration::from_secs(50);
/// How often the system probes a quiet connection, so that a dead peer is noticed.
const KEEPALIVE: Duration = Duration::from_secs(15);
/// The most of an answer's body that is read; documented ones are below 2 KiB.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// Chooses ring for TLS, once per process. [`client`] does this itself.
pub fn install_crypto() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        // An error means that somebody has already chosen: as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

/// A client for provider calls; one for each runtime, since its connections live on the runtime that opened them.
///
/// # Errors
/// When TLS cannot be set up, for example without any root certificate on the machine.
pub fn client() -> reqwest::Result<Client> {
    install_crypto();
    Client::builder()
        .user_agent(concat!("smsgw/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .pool_max_idle_per_host(usize::MAX)
        .tcp_nodelay(true)
        .tcp_keepalive(KEEPALIVE)
        .redirect(reqwest::redirect::Policy::none())
        // Repeating a call is the worker's decision.
        .retry(reqwest::retry::never())
        // One call a connection: a broken one puts one message in doubt, not all that share it.
        .http1_only()
        // HTTP_PROXY and its kin are meant for other programs. Obeyed here, they would send codes through a third
        // party and turn its failures into the vendor's.
        .no_proxy()
        .build()
}

/// What a vendor answered.
#[derive(Debug)]
pub(super) struct Answer {
    status: StatusCode,
    retry_after: Option<Duration>,
    /// The whole body, or the reason why it could not be read.
    body: Result<Vec<u8>, &'static str>,
}

/// Makes the request for `sms` and reads the answer, both within its timeout. The message's id goes along as a header,
/// for vendors without a field for it: their support can find the request by it.
///
/// # Errors
/// When no answer came; the module's table says which error means what.
pub(super) async fn call(request: RequestBuilder, sms: &OutgoingSms) -> Result<Answer, SendError> {
    let request = request.header("x-request-id", sms.message_id.to_string()).timeout(sms.timeout);
    let response = request.send().await.map_err(without_answer)?;
    Ok(Answer {
        status: response.status(),
        retry_after: retry_after(response.headers()),
        body: read_body(response).await,
    })
}

fn without_answer(error: reqwest::Error) -> SendError {
    let (certainly_unsent, reason) = what_failed(&error);
    // The URL may hold a key.
    let error = error.without_url();
    tracing::debug!(error = &error as &(dyn StdError + 'static), reason, "a provider call got no answer");
    let answer = VendorAnswer { reason, ..VendorAnswer::default() };
    if certainly_unsent { SendError::Unavailable { answer } } else { SendError::InDoubt { answer } }
}

/// Whether the request surely never left, and a word for the failure.
fn what_failed(error: &reqwest::Error) -> (bool, &'static str) {
    if error.is_builder() {
        return (true, "request_not_built");
    }
    // Before the timeout: one while connecting is both.
    if error.is_connect() {
        return (true, if error.is_timeout() { "connect_timeout" } else { "connect" });
    }
    match cause::<hyper::Error>(error) {
        Some(cause) if cause.is_canceled() || cause.is_closed() => (true, "connection_closed"),
        Some(cause) if cause.is_parse() => (false, "garbage_answer"),
        _ => (false, why_lost(error)),
    }
}

fn why_lost(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() { "timeout" } else { "reset" }
}

fn cause<E: StdError + 'static>(error: &reqwest::Error) -> Option<&E> {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        source = error.source();
    }
    None
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    retry_after::parse(text(RETRY_AFTER)?, text(DATE), SystemTime::now())
}

async fn read_body(mut response: Response) -> Result<Vec<u8>, &'static str> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| why_lost(&error))? {
        if body.len() + chunk.len() > MAX_BODY_BYTES {
            return Err("garbage_answer");
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

impl Answer {
    /// The HTTP status.
    pub(super) fn status(&self) -> StatusCode {
        self.status
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
        Self { status, retry_after: None, body: Ok(body.into()) }
    }
}
