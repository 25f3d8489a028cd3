//! Rows of `api_integrations` become provider settings, each field checked; also what the API checks before it stores.

use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::credentials::Credentials;
use super::setting::InvalidSetting;
use super::{ProviderKind, ProviderSettings, VendorConfig};
use crate::lane::Lane;
use crate::provider::CodeMode;
use crate::provider::generic::{GenericConfig, GenericFields};
use crate::provider::twilio::{TwilioConfig, TwilioFields};
use crate::provider::twofactor::{TwoFactorConfig, TwoFactorFields};
use crate::seal::Sealer;
use crate::store::integrations::Integration;
use crate::text::SenderId;

/// A row that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("provider {name} is left out: {problem}")]
pub struct BrokenIntegration {
    /// Its name.
    pub name: String,
    /// What is wrong with it, and what to do.
    pub problem: String,
}

/// Opens a row's credentials and checks it.
pub(super) fn open(row: &Integration, sealer: &Sealer) -> Result<ProviderSettings, BrokenIntegration> {
    let credentials = row.credentials(sealer).map_err(|error| error.with_causes());
    credentials
        .and_then(|credentials| parse_integration(row, &credentials).map_err(|error| error.to_string()))
        .map_err(|problem| BrokenIntegration { name: row.name.clone(), problem })
}

/// Checks a row with its credentials, whose sealed form is not looked at.
///
/// # Errors
/// [`InvalidSetting`] names the first field that cannot be used.
pub fn parse_integration(
    row: &Integration,
    credentials: &Credentials,
) -> Result<ProviderSettings, InvalidSetting> {
    if !is_plain_name(&row.name) {
        return Err(InvalidSetting::new(
            "name",
            "is not 1 to 40 of a-z, 0-9, _ and -, the first a letter or digit",
        ));
    }
    let kind = row.kind.parse().map_err(|error| invalid("kind", error))?;
    let sender = optional("sender", row.sender.as_deref(), SenderId::parse)?;
    let lanes = list("lanes", &row.lanes)?;
    Ok(ProviderSettings {
        vendor: vendor(kind, row, credentials, sender.as_ref(), &lanes)?,
        name: row.name.clone(),
        priority: row.priority,
        enabled: row.enabled,
        lanes,
        countries: row.countries.as_deref().map(|codes| list("countries", codes)).transpose()?,
        max_per_second: optional("max_per_second", row.max_per_second, positive)?,
        max_in_flight: optional("max_in_flight", row.max_in_flight, positive)?,
        sender,
    })
}

fn vendor(
    kind: ProviderKind,
    row: &Integration,
    credentials: &Credentials,
    sender: Option<&SenderId>,
    lanes: &[Lane],
) -> Result<VendorConfig, InvalidSetting> {
    match kind {
        ProviderKind::Twilio => twilio(row, credentials, sender).map(VendorConfig::Twilio),
        ProviderKind::TwoFactor => two_factor(row, credentials, sender).map(VendorConfig::TwoFactor),
        ProviderKind::Http => {
            generic(row, credentials, sender, lanes).map(Box::new).map(VendorConfig::Generic)
        }
        ProviderKind::Sandbox => {
            credentials.only(&[])?;
            let NoSettings {} = settings(row)?;
            Ok(VendorConfig::Sandbox)
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoSettings {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TwilioSettings {
    messaging_service_sid: Option<String>,
    verify_service_sid: Option<String>,
    mode: Option<String>,
    base_url: Option<String>,
}

fn twilio(
    row: &Integration,
    credentials: &Credentials,
    sender: Option<&SenderId>,
) -> Result<TwilioConfig, InvalidSetting> {
    credentials.only(&["account_sid", "auth_token", "api_key_sid", "api_key_secret"])?;
    let settings: TwilioSettings = settings(row)?;
    let text = |field| credentials.get(field).map(|text| text.expose_secret().to_owned());
    TwilioConfig::parse(
        &TwilioFields {
            account_sid: text("account_sid"),
            auth_token: credentials.get("auth_token").cloned(),
            api_key_sid: text("api_key_sid"),
            api_key_secret: credentials.get("api_key_secret").cloned(),
            messaging_service_sid: settings.messaging_service_sid,
            verify_service_sid: settings.verify_service_sid,
            mode: mode(settings.mode.as_deref())?,
            base_url: settings.base_url,
        },
        sender,
    )
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TwoFactorSettings {
    template: Option<String>,
    #[serde(default)]
    plain_text: bool,
    mode: Option<String>,
    base_url: Option<String>,
}

fn two_factor(
    row: &Integration,
    credentials: &Credentials,
    sender: Option<&SenderId>,
) -> Result<TwoFactorConfig, InvalidSetting> {
    credentials.only(&["api_key"])?;
    let settings: TwoFactorSettings = settings(row)?;
    TwoFactorConfig::parse(
        &TwoFactorFields {
            api_key: credentials.get("api_key").cloned(),
            template: settings.template,
            plain_text: settings.plain_text,
            mode: mode(settings.mode.as_deref())?,
            base_url: settings.base_url,
        },
        sender,
    )
}

/// Who makes the codes: we do, unless it says otherwise.
fn mode(text: Option<&str>) -> Result<CodeMode, InvalidSetting> {
    Ok(optional("settings.mode", text, str::parse)?.unwrap_or_default())
}

/// More would be copied for every message.
const MOST_SETTINGS_BYTES: usize = 16 * 1024;

fn generic(
    row: &Integration,
    credentials: &Credentials,
    sender: Option<&SenderId>,
    lanes: &[Lane],
) -> Result<GenericConfig, InvalidSetting> {
    if row.settings.to_string().len() > MOST_SETTINGS_BYTES {
        return Err(InvalidSetting::new("settings", format!("is larger than {MOST_SETTINGS_BYTES} bytes")));
    }
    let settings: GenericFields = settings(row)?;
    GenericConfig::parse(&settings, credentials, sender, lanes)
}

fn settings<T: DeserializeOwned>(row: &Integration) -> Result<T, InvalidSetting> {
    T::deserialize(&row.settings).map_err(|error| invalid("settings", error))
}

fn list<S: AsRef<str>, T: std::str::FromStr>(
    field: &'static str,
    texts: &[S],
) -> Result<Vec<T>, InvalidSetting>
where
    T::Err: std::fmt::Display,
{
    if texts.is_empty() {
        return Err(InvalidSetting::new(field, "is empty: leave it out for all"));
    }
    texts.iter().map(|text| text.as_ref().parse().map_err(|error| invalid(field, error))).collect()
}

fn optional<S, T, E: std::fmt::Display>(
    field: &'static str,
    value: Option<S>,
    parse: impl FnOnce(S) -> Result<T, E>,
) -> Result<Option<T>, InvalidSetting> {
    value.map(parse).transpose().map_err(|error| invalid(field, error))
}

fn positive(number: i32) -> Result<u32, &'static str> {
    u32::try_from(number).ok().filter(|&n| n > 0).ok_or("is not a positive number")
}

// By value, to stand where `map_err` wants a function.
#[allow(clippy::needless_pass_by_value)]
fn invalid(field: &'static str, error: impl std::fmt::Display) -> InvalidSetting {
    InvalidSetting::new(field, error.to_string())
}

/// As the table's constraint `api_integrations_name_is_plain`.
fn is_plain_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    name.len() <= 40
        && name.bytes().next().is_some_and(plain)
        && name.bytes().all(|b| plain(b) || matches!(b, b'_' | b'-'))
}
