//! Alerts for other programs: posted as JSON and signed as Standard Webhooks has it
//! (<https://www.standardwebhooks.com>, 2026-11), so that its libraries can check them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::header::{HeaderName, HeaderValue};
use http::{Method, StatusCode};
use secrecy::{ExposeSecret as _, SecretSlice};
use sha2::Sha256;

use crate::provider::http::{BaseUrl, Client, ClientError, Content, Guard, guarded_client, request};

/// What takes longer counts as not taken.
const PATIENCE: Duration = Duration::from_secs(10);

const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// Where alerts go, and how they are signed.
#[derive(Clone)]
pub struct AlertTarget {
    url: BaseUrl,
    key: Arc<SecretSlice<u8>>,
    guard: Guard,
}

impl AlertTarget {
    /// Alerts go to `url`, if `guard` allows where its name leads, signed with `key`.
    pub fn new(url: BaseUrl, key: SecretSlice<u8>, guard: Guard) -> Self {
        Self { url, key: Arc::new(key), guard }
    }
}

/// Without the address: many have a secret in their path.
impl fmt::Debug for AlertTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AlertTarget").finish_non_exhaustive()
    }
}

/// Why an alert was not taken. What the other side wrote is nobody's business here.
#[derive(Debug, thiserror::Error)]
pub enum NotTaken {
    /// The address is too long to be called.
    #[error("the address of alerts cannot be called")]
    Address(#[from] http::uri::InvalidUri),
    /// No answer in time.
    #[error("no answer within {} seconds", PATIENCE.as_secs())]
    Slow(#[from] tokio::time::error::Elapsed),
    /// No connection, or it broke.
    #[error("nobody answers")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Another status than a success; redirects are not followed.
    #[error("the answer has the status {0}")]
    Status(StatusCode),
}

/// Posts alerts.
#[derive(Clone, Debug)]
pub struct Alerter {
    client: Client,
    target: AlertTarget,
}

impl Alerter {
    /// An alerter with connections of its own, for the runtime that it is used on.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(target: AlertTarget) -> Result<Self, ClientError> {
        Ok(Self { client: guarded_client(target.guard.clone())?, target })
    }

    /// Posts `body`, which is JSON. One that is posted again has the same `id`.
    ///
    /// # Errors
    /// [`NotTaken`], unless it was answered with a success.
    pub async fn post(&self, id: &str, now: DateTime<Utc>, body: String) -> Result<(), NotTaken> {
        let signature = sign(self.target.key.expose_secret(), id, now, &body);
        let uri = self.target.url.uri(std::iter::empty())?;
        let mut post = request(Method::POST, uri, Content::Json(body));
        let value = |text: &str| HeaderValue::try_from(text).expect("visible ASCII");
        let headers = post.headers_mut();
        headers.insert(ID, value(id));
        headers.insert(TIMESTAMP, value(&now.timestamp().to_string()));
        headers.insert(SIGNATURE, value(&signature));
        let answer = tokio::time::timeout(PATIENCE, self.client.request(post)).await?;
        let status = answer.map_err(|error| NotTaken::Unreachable(error.into()))?.status();
        if status.is_success() { Ok(()) } else { Err(NotTaken::Status(status)) }
    }
}

/// `v1,` and base64 of HMAC-SHA-256 over id, time in seconds and body, with points between.
fn sign(key: &[u8], id: &str, now: DateTime<Utc>, body: &str) -> String {
    let mut mac: Hmac<Sha256> = Hmac::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(format!("{id}.{}.{body}", now.timestamp()).as_bytes());
    format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's own tests (libraries/python, `test_sign_function`, 2026-11).
    #[test]
    fn it_is_signed_as_the_specification_says() {
        let key = BASE64_STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("base64");
        let now = DateTime::from_timestamp(1_614_265_330, 0).expect("a time");
        let signed = sign(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", now, r#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
