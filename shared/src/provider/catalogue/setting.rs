//! One setting at a time: what was given, and what is wrong with it.

use secrecy::{ExposeSecret, SecretString};

/// A setting that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct InvalidSetting {
    /// Where it stands in a row, for example `credentials.auth_token`.
    pub field: &'static str,
    /// What is wrong, and what to do.
    pub problem: String,
}

impl InvalidSetting {
    /// `field` is at fault because of `problem`.
    pub(crate) fn new(field: &'static str, problem: impl Into<String>) -> Self {
        Self { field, problem: problem.into() }
    }
}

/// The text without white space around it; a blank one was not given.
pub(crate) fn given(text: Option<&str>) -> Option<String> {
    text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// As [`given`], for secrets.
pub(crate) fn given_secret(secret: Option<&SecretString>) -> Option<SecretString> {
    given(secret.map(ExposeSecret::expose_secret)).map(SecretString::from)
}

/// Whether `text` is one of Twilio's ids: two letters, then 32 hexadecimal digits.
pub(crate) fn is_sid(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix)
        .is_some_and(|rest| rest.len() == 32 && rest.bytes().all(|b| b.is_ascii_hexdigit()))
}
