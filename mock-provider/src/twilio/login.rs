//! HTTP Basic with the account's own credentials or with an API key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::AUTHORIZATION;
use hyper::http::request::Parts;

use crate::options::Credentials;

/// The accepted values of `Authorization`, encoded once: checking a request is comparing bytes.
#[derive(Debug)]
pub(crate) struct TwilioLogins([String; 2]);

impl TwilioLogins {
    pub(crate) fn of(credentials: &Credentials) -> Self {
        let encoded = |user: &str, password: &str| STANDARD.encode(format!("{user}:{password}"));
        Self([
            encoded(&credentials.twilio_account_sid, &credentials.twilio_auth_token),
            encoded(&credentials.twilio_api_key_sid, &credentials.twilio_api_key_secret),
        ])
    }

    /// Whether a request carries one of them.
    pub(crate) fn admit(&self, head: &Parts) -> bool {
        let given = head.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let Some((scheme, given)) = given.and_then(|value| value.split_once(' ')) else {
            return false;
        };
        scheme.eq_ignore_ascii_case("basic") && self.0.iter().any(|login| login == given.trim())
    }
}
