//! Settings of a Twilio account, from a row or from the environment.

use http::Uri;
use secrecy::SecretString;

use super::verify::Verify;
use crate::provider::CodeMode;
use crate::provider::catalogue::InvalidSetting;
use crate::provider::catalogue::setting::{given, given_secret, is_sid};
use crate::provider::http::{BaseUrl, InvalidBaseUrl};
use crate::text::SenderId;

const BASE_URL: &str = "https://api.twilio.com";
const API_VERSION: &str = "2010-04-01";
const VERIFY_BASE_URL: &str = "https://verify.twilio.com";
const VERIFY_VERSION: &str = "v2";

/// One Twilio account, checked.
#[derive(Clone, Debug)]
pub struct TwilioConfig {
    /// Where messages are posted to.
    pub(super) messages: Uri,
    pub(super) login: Login,
    auth_token: Option<SecretString>,
    pub(super) messaging_service_sid: Option<String>,
    pub(super) verify: Option<Box<Verify>>,
}

/// A user name and password for Basic authentication.
#[derive(Clone, Debug)]
pub(super) struct Login {
    pub(super) user: String,
    pub(super) password: SecretString,
}

/// A Twilio account as it was given.
#[derive(Clone, Debug, Default)]
pub struct TwilioFields {
    /// `AC…`
    pub account_sid: Option<String>,
    /// The account's own secret; also signs receipts.
    pub auth_token: Option<SecretString>,
    /// `SK…`; used instead of the auth token for sending.
    pub api_key_sid: Option<String>,
    /// The API key's secret.
    pub api_key_secret: Option<SecretString>,
    /// `MG…`; picks the sender of messages that name none.
    pub messaging_service_sid: Option<String>,
    /// `VA…`; the Verify service that makes codes.
    pub verify_service_sid: Option<String>,
    /// Who makes the codes.
    pub mode: CodeMode,
    /// Unless it is Twilio itself: then of both its hosts, api and verify.
    pub base_url: Option<String>,
}

impl TwilioConfig {
    /// The pool of senders that Twilio picks from for messages that name none.
    pub fn messaging_service_sid(&self) -> Option<&str> {
        self.messaging_service_sid.as_deref()
    }

    /// Checks an account whose messages come from `sender` if they do not say.
    ///
    /// # Errors
    /// [`InvalidSetting`] names the field.
    pub fn parse(fields: &TwilioFields, sender: Option<&SenderId>) -> Result<Self, InvalidSetting> {
        let account_sid =
            sid("credentials.account_sid", "AC", fields.account_sid.as_deref())?.ok_or_else(|| {
                InvalidSetting::new(
                    "credentials.account_sid",
                    "is missing: Twilio's console shows it, AC and 32 digits",
                )
            })?;
        let messaging_service_sid =
            sid("settings.messaging_service_sid", "MG", fields.messaging_service_sid.as_deref())?;
        if messaging_service_sid.is_none() && sender.is_none() {
            return Err(InvalidSetting::new(
                "sender",
                "is missing: give a number, or a messaging service SID",
            ));
        }
        Ok(Self {
            messages: messages(&account_sid, fields.base_url.as_deref())?,
            login: Login::parse(&account_sid, fields)?,
            auth_token: given_secret(fields.auth_token.as_ref()),
            messaging_service_sid,
            verify: verify(fields)?,
        })
    }

    /// What Twilio signs its requests to us with; an account that is used by an API key may have none here.
    pub const fn auth_token(&self) -> Option<&SecretString> {
        self.auth_token.as_ref()
    }
}

impl Login {
    fn parse(account_sid: &str, fields: &TwilioFields) -> Result<Self, InvalidSetting> {
        let key_sid = sid("credentials.api_key_sid", "SK", fields.api_key_sid.as_deref())?;
        let key_secret = given_secret(fields.api_key_secret.as_ref());
        let auth_token = given_secret(fields.auth_token.as_ref());
        match (key_sid, key_secret, auth_token) {
            (Some(user), Some(password), _) => Ok(Self { user, password }),
            (Some(_), None, _) => Err(InvalidSetting::new(
                "credentials.api_key_secret",
                "is missing, though an API key SID is set",
            )),
            (None, Some(_), _) => Err(InvalidSetting::new(
                "credentials.api_key_sid",
                "is missing, though an API key secret is set",
            )),
            (None, None, Some(password)) => Ok(Self { user: account_sid.to_owned(), password }),
            (None, None, None) => Err(InvalidSetting::new(
                "credentials.auth_token",
                "is missing: give the auth token, or an API key's SID and secret",
            )),
        }
    }
}

fn messages(account_sid: &str, base_url: Option<&str>) -> Result<Uri, InvalidSetting> {
    below(base_url, BASE_URL, [API_VERSION, "Accounts", account_sid, "Messages.json"])
}

/// The Verify service, if one is set; it makes codes only where the mode says so.
fn verify(fields: &TwilioFields) -> Result<Option<Box<Verify>>, InvalidSetting> {
    const FIELD: &str = "settings.verify_service_sid";
    let makes_codes = fields.mode == CodeMode::Autogen;
    let Some(service) = sid(FIELD, "VA", fields.verify_service_sid.as_deref())? else {
        let missing = || InvalidSetting::new(FIELD, "is missing, though the mode is autogen");
        return if makes_codes { Err(missing()) } else { Ok(None) };
    };
    let resource = |name| {
        below(fields.base_url.as_deref(), VERIFY_BASE_URL, [VERIFY_VERSION, "Services", &service, name])
    };
    Ok(Some(Box::new(Verify {
        verifications: resource("Verifications")?,
        checks: resource("VerificationCheck")?,
        makes_codes,
    })))
}

/// A path below the account's own base URL, else below the `usual` one.
fn below<'a>(
    base_url: Option<&str>,
    usual: &str,
    path: impl IntoIterator<Item = &'a str>,
) -> Result<Uri, InvalidSetting> {
    let wrong = |error: &dyn std::fmt::Display| InvalidSetting::new("settings.base_url", error.to_string());
    let base_url = given(base_url).unwrap_or_else(|| usual.to_owned());
    let base_url: BaseUrl = base_url.parse().map_err(|error: InvalidBaseUrl| wrong(&error))?;
    base_url.uri(path).map_err(|error| wrong(&error))
}

fn sid(field: &'static str, prefix: &str, text: Option<&str>) -> Result<Option<String>, InvalidSetting> {
    let text = given(text);
    match &text {
        Some(text) if !is_sid(text, prefix) => {
            Err(InvalidSetting::new(field, format!("is not {prefix} followed by 32 hexadecimal digits")))
        }
        _ => Ok(text),
    }
}
