//! Settings of a 2Factor.in account, from a row or from the environment.

use secrecy::SecretString;

use crate::provider::CodeMode;
use crate::provider::catalogue::InvalidSetting;
use crate::provider::catalogue::setting::{given, given_secret};
use crate::provider::http::BaseUrl;
use crate::text::SenderId;

const BASE_URL: &str = "https://2factor.in";

/// One 2Factor.in account, checked.
#[derive(Clone, Debug)]
pub struct TwoFactorConfig {
    pub(super) api_key: SecretString,
    pub(super) template: Option<String>,
    pub(super) plain_text: bool,
    pub(super) mode: CodeMode,
    pub(super) base_url: BaseUrl,
}

/// A 2Factor.in account as it was given.
#[derive(Clone, Debug, Default)]
pub struct TwoFactorFields {
    /// The account's only secret.
    pub api_key: Option<SecretString>,
    /// Registered template that codes are sent with, unless the message has one of its own.
    pub template: Option<String>,
    /// Whether texts without a registered template are sent at all. Off, since India's operators (DLT) drop a text that
    /// matches no registered template, after it was accepted and paid for.
    pub plain_text: bool,
    /// Who makes the codes.
    pub mode: CodeMode,
    /// Unless it is 2Factor.in itself.
    pub base_url: Option<String>,
}

impl TwoFactorConfig {
    /// Checks an account whose texts come from `sender` if they do not say; codes need no sender.
    ///
    /// # Errors
    /// [`InvalidSetting`] names the field.
    pub fn parse(fields: &TwoFactorFields, sender: Option<&SenderId>) -> Result<Self, InvalidSetting> {
        let api_key = given_secret(fields.api_key.as_ref()).ok_or_else(|| {
            InvalidSetting::new("credentials.api_key", "is missing: 2Factor.in's dashboard shows it")
        })?;
        match sender {
            Some(sender) if !is_header(sender.as_str()) => {
                return Err(InvalidSetting::new("sender", "is not six letters, as 2Factor.in wants it"));
            }
            None if fields.plain_text => {
                return Err(InvalidSetting::new("sender", "is missing: plain texts need one, six letters"));
            }
            _ => {}
        }
        let base_url = given(fields.base_url.as_deref()).unwrap_or_else(|| BASE_URL.to_owned());
        Ok(Self {
            api_key,
            template: given(fields.template.as_deref()),
            plain_text: fields.plain_text,
            mode: fields.mode,
            base_url: base_url
                .parse()
                .map_err(|error| InvalidSetting::new("settings.base_url", format!("{error}")))?,
        })
    }
}

/// Whether a sender is one of those registered in India for texts ("header"): six letters.
pub(super) fn is_header(sender: &str) -> bool {
    sender.len() == 6 && sender.bytes().all(|b| b.is_ascii_alphabetic())
}
