//! Providers from the environment: one Twilio account and one 2Factor.in account, as most installations have.

use clap::Args;
use clap::builder::FalseyValueParser;
use secrecy::SecretString;

use super::setting::{InvalidSetting, given, given_secret};
use super::{ProviderKind, ProviderSettings, VendorConfig};
use crate::config::{ConfigError, secret, variable};
use crate::provider::twilio::{TwilioConfig, TwilioFields};
use crate::provider::twofactor::{TwoFactorConfig, TwoFactorFields};
use crate::provider::{CodeMode, UnknownCodeMode};
use crate::text::SenderId;

/// Providers, without a row in `api_integrations`. A blank variable counts as unset.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Providers")]
pub struct ProviderEnv {
    /// Twilio account: AC and 32 hexadecimal digits; setting it makes the provider `twilio`
    #[arg(long, env = "TWILIO_ACCOUNT_SID")]
    pub twilio_account_sid: Option<String>,
    /// The account's own secret.
    #[arg(skip = variable("TWILIO_AUTH_TOKEN"))]
    pub twilio_auth_token: Option<SecretString>,
    /// File that holds TWILIO_AUTH_TOKEN, unless that variable is set
    #[arg(long, env = "TWILIO_AUTH_TOKEN_FILE")]
    pub twilio_auth_token_file: Option<String>,
    /// Twilio API key, used instead of the auth token: SK and 32 hexadecimal digits
    #[arg(long, env = "TWILIO_API_KEY_SID")]
    pub twilio_api_key_sid: Option<String>,
    /// Secret of the API key.
    #[arg(skip = variable("TWILIO_API_KEY_SECRET"))]
    pub twilio_api_key_secret: Option<SecretString>,
    /// File that holds TWILIO_API_KEY_SECRET, unless that variable is set
    #[arg(long, env = "TWILIO_API_KEY_SECRET_FILE")]
    pub twilio_api_key_secret_file: Option<String>,
    /// Number, short code or name that Twilio's messages come from
    #[arg(long, env = "TWILIO_PHONE_NUMBER")]
    pub twilio_phone_number: Option<String>,
    /// Twilio Messaging Service that picks the sender: MG and 32 hexadecimal digits
    #[arg(long, env = "TWILIO_MESSAGING_SERVICE_SID")]
    pub twilio_messaging_service_sid: Option<String>,
    /// Twilio Verify service that makes the codes if SMS_MODE is autogen: VA and 32 hexadecimal digits
    #[arg(long, env = "TWILIO_VERIFY_SERVICE_SID")]
    pub twilio_verify_service_sid: Option<String>,
    /// Where Twilio's APIs are, Verify too, unless at Twilio
    #[arg(long, env = "TWILIO_BASE_URL")]
    pub twilio_base_url: Option<String>,
    /// The account's only secret; setting it makes the provider `2factor`.
    #[arg(skip = variable("TWO_FACTOR_API_KEY"))]
    pub two_factor_api_key: Option<SecretString>,
    /// File that holds TWO_FACTOR_API_KEY, unless that variable is set
    #[arg(long, env = "TWO_FACTOR_API_KEY_FILE")]
    pub two_factor_api_key_file: Option<String>,
    /// Where 2Factor.in's API is, unless at 2Factor.in
    #[arg(long, env = "TWO_FACTOR_BASE_URL")]
    pub two_factor_base_url: Option<String>,
    /// Let 2Factor.in send texts without a registered template; India's operators block most of them
    #[arg(long, env = "TWO_FACTOR_PLAIN_TEXT", value_parser = FalseyValueParser::new())]
    pub two_factor_plain_text: bool,
    /// Registered six-letter sender of 2Factor.in's texts
    #[arg(long, env = "SMS_SENDER_ID")]
    pub sms_sender_id: Option<String>,
    /// Registered 2Factor.in template that codes are sent with, unless ours names another
    #[arg(long, env = "SMS_TEMPLATE")]
    pub sms_template: Option<String>,
    /// Who makes the codes: we, for a `template` of the provider, or the provider (`autogen`: 2Factor.in, Twilio Verify)
    /// [default: template]
    #[arg(long, env = "SMS_MODE")]
    pub sms_mode: Option<String>,
    /// Order in which these providers are tried [default: twilio,2factor]
    #[arg(long, env = "SMSGW_PROVIDER_ORDER", value_delimiter = ',')]
    pub provider_order: Vec<String>,
}

const ORDER: &str = "SMSGW_PROVIDER_ORDER";
const MODE: &str = "SMS_MODE";
/// Room between priorities, for rows to go between.
const STEP: i32 = 10;

impl ProviderEnv {
    /// The providers that are set.
    ///
    /// # Errors
    /// [`ConfigError`] names the variable that is missing or wrong.
    pub fn providers(&self) -> Result<Vec<ProviderSettings>, ConfigError> {
        let order = self.order()?;
        self.check_mode()?;
        let found = [(ProviderKind::Twilio, self.twilio()?), (ProviderKind::TwoFactor, self.two_factor()?)];
        let with_priority = |(kind, settings): (ProviderKind, Option<ProviderSettings>)| {
            let place = order.iter().position(|&named| named == kind).unwrap_or(order.len());
            let priority = i32::try_from(place + 1).unwrap_or(i32::MAX).saturating_mul(STEP);
            settings.map(|settings| ProviderSettings { priority, ..settings })
        };
        Ok(found.into_iter().filter_map(with_priority).collect())
    }

    /// Providers that are not named come after those that are.
    fn order(&self) -> Result<Vec<ProviderKind>, ConfigError> {
        let mut order = Vec::new();
        for name in self.provider_order.iter().filter_map(|name| given(Some(name))) {
            let kind = match name.parse() {
                Ok(kind @ (ProviderKind::Twilio | ProviderKind::TwoFactor)) => kind,
                Ok(ProviderKind::Http | ProviderKind::Sandbox) | Err(_) => {
                    let problem =
                        format!("names {name:?}: use twilio and 2factor; rows have their own priority");
                    return Err(ConfigError::new(ORDER, problem));
                }
            };
            if order.contains(&kind) {
                return Err(ConfigError::new(ORDER, format!("names {name} twice")));
            }
            order.push(kind);
        }
        if order.is_empty() {
            order = vec![ProviderKind::Twilio, ProviderKind::TwoFactor];
        }
        Ok(order)
    }

    fn mode(&self) -> Result<CodeMode, ConfigError> {
        let mode = given(self.sms_mode.as_deref()).map(|word| word.parse()).transpose();
        Ok(mode
            .map_err(|error: UnknownCodeMode| ConfigError::new(MODE, error.to_string()))?
            .unwrap_or_default())
    }

    /// Refuses a mode that would change nothing.
    fn check_mode(&self) -> Result<(), ConfigError> {
        let account_sid = given(self.twilio_account_sid.as_deref());
        let by_verify = given(self.twilio_verify_service_sid.as_deref()).is_some();
        let by_two_factor = self.two_factor_key()?.is_some();
        if self.mode()? == CodeMode::Autogen && account_sid.is_some() && !by_verify && !by_two_factor {
            let problem = "is autogen, but no provider here makes codes: set TWILIO_VERIFY_SERVICE_SID or \
                           TWO_FACTOR_API_KEY, or leave SMS_MODE out";
            return Err(ConfigError::new(MODE, problem));
        }
        Ok(())
    }

    fn twilio(&self) -> Result<Option<ProviderSettings>, ConfigError> {
        // Without a service it sends our codes, also those that another provider could not make.
        let verify_service_sid = given(self.twilio_verify_service_sid.as_deref());
        let fields = TwilioFields {
            account_sid: given(self.twilio_account_sid.as_deref()),
            auth_token: from_file(
                "TWILIO_AUTH_TOKEN",
                self.twilio_auth_token.as_ref(),
                self.twilio_auth_token_file.as_deref(),
            )?,
            api_key_sid: given(self.twilio_api_key_sid.as_deref()),
            api_key_secret: from_file(
                "TWILIO_API_KEY_SECRET",
                self.twilio_api_key_secret.as_ref(),
                self.twilio_api_key_secret_file.as_deref(),
            )?,
            messaging_service_sid: given(self.twilio_messaging_service_sid.as_deref()),
            mode: if verify_service_sid.is_some() { self.mode()? } else { CodeMode::Template },
            verify_service_sid,
            base_url: given(self.twilio_base_url.as_deref()),
        };
        let number = given(self.twilio_phone_number.as_deref());
        let is_set = fields.account_sid.is_some()
            || fields.auth_token.is_some()
            || fields.api_key_sid.is_some()
            || fields.api_key_secret.is_some()
            || fields.messaging_service_sid.is_some()
            || fields.verify_service_sid.is_some()
            || number.is_some();
        if !is_set {
            return Ok(None);
        }
        let sender = sender("TWILIO_PHONE_NUMBER", number)?;
        let config = TwilioConfig::parse(&fields, sender.as_ref()).map_err(twilio_variable)?;
        let vendor = VendorConfig::Twilio(config);
        Ok(Some(ProviderSettings { sender, ..ProviderSettings::unlimited("twilio", vendor) }))
    }

    fn two_factor(&self) -> Result<Option<ProviderSettings>, ConfigError> {
        let api_key = self.two_factor_key()?;
        if api_key.is_none() {
            return Ok(None);
        }
        let fields = TwoFactorFields {
            api_key,
            template: given(self.sms_template.as_deref()),
            plain_text: self.two_factor_plain_text,
            mode: self.mode()?,
            base_url: given(self.two_factor_base_url.as_deref()),
        };
        let sender = sender("SMS_SENDER_ID", given(self.sms_sender_id.as_deref()))?;
        let config = TwoFactorConfig::parse(&fields, sender.as_ref()).map_err(two_factor_variable)?;
        let vendor = VendorConfig::TwoFactor(config);
        Ok(Some(ProviderSettings { sender, ..ProviderSettings::unlimited("2factor", vendor) }))
    }

    fn two_factor_key(&self) -> Result<Option<SecretString>, ConfigError> {
        from_file(
            "TWO_FACTOR_API_KEY",
            self.two_factor_api_key.as_ref(),
            self.two_factor_api_key_file.as_deref(),
        )
    }
}

fn from_file(
    variable: &'static str,
    value: Option<&SecretString>,
    file: Option<&str>,
) -> Result<Option<SecretString>, ConfigError> {
    let found = secret(variable, given_secret(value).as_ref(), given(file).as_deref())?;
    Ok(given_secret(found.as_ref()))
}

fn sender(variable: &'static str, text: Option<String>) -> Result<Option<SenderId>, ConfigError> {
    let parsed = text.map(SenderId::try_from).transpose();
    parsed.map_err(|error| ConfigError::new(variable, error.to_string()))
}

fn twilio_variable(error: InvalidSetting) -> ConfigError {
    let variable = match error.field {
        "credentials.auth_token" => "TWILIO_AUTH_TOKEN",
        "credentials.api_key_sid" => "TWILIO_API_KEY_SID",
        "credentials.api_key_secret" => "TWILIO_API_KEY_SECRET",
        "settings.messaging_service_sid" => "TWILIO_MESSAGING_SERVICE_SID",
        "settings.verify_service_sid" => "TWILIO_VERIFY_SERVICE_SID",
        "settings.base_url" => "TWILIO_BASE_URL",
        "sender" => "TWILIO_PHONE_NUMBER",
        _ => "TWILIO_ACCOUNT_SID",
    };
    ConfigError::new(variable, error.problem)
}

fn two_factor_variable(error: InvalidSetting) -> ConfigError {
    let variable = match error.field {
        "settings.template" => "SMS_TEMPLATE",
        "settings.plain_text" => "TWO_FACTOR_PLAIN_TEXT",
        "settings.base_url" => "TWO_FACTOR_BASE_URL",
        "sender" => "SMS_SENDER_ID",
        _ => "TWO_FACTOR_API_KEY",
    };
    ConfigError::new(variable, error.problem)
}

#[cfg(test)]
pub(super) mod tests;
