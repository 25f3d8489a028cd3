//! Where alerts of spending are posted.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use clap::Args;
use ipnet::IpNet;
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};

use super::callers::{given, network};
use super::{ConfigError, secret, variable};
use crate::alert::AlertTarget;
use crate::provider::http::{BaseUrl, Guard, InvalidBaseUrl};

/// As Standard Webhooks has it.
const SECRET_PREFIX: &str = "whsec_";
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// Where it is told that much is spent.
#[derive(Clone, Debug, Default, Args)]
pub struct AlertConfig {
    /// Where it is posted that a threshold of a spending cap is reached (unset: nowhere)
    #[arg(long, env = "SMSGW_ALERT_URL")]
    pub alert_url: Option<String>,
    /// What alerts are signed with, `whsec_` and base64 of 24 to 64 bytes.
    #[arg(skip = variable("SMSGW_ALERT_SECRET"))]
    pub alert_secret: Option<SecretString>,
    /// File that holds SMSGW_ALERT_SECRET, which alerts are signed with, unless that variable is set
    #[arg(long, env = "SMSGW_ALERT_SECRET_FILE")]
    pub alert_secret_file: Option<String>,
    /// Networks beside the public internet that alerts may go to, for example 10.0.0.0/8 (unset: none)
    #[arg(long, env = "SMSGW_ALERT_NETWORKS", value_delimiter = ',', value_parser = network)]
    pub alert_networks: Vec<IpNet>,
}

impl AlertConfig {
    /// Where alerts go, if anywhere.
    ///
    /// # Errors
    /// When the URL cannot be used, or there is no secret to sign with.
    pub fn target(&self) -> Result<Option<AlertTarget>, ConfigError> {
        const URL: &str = "SMSGW_ALERT_URL";
        const SECRET: &str = "SMSGW_ALERT_SECRET";
        let Some(url) = given(self.alert_url.as_ref()) else { return Ok(None) };
        let url: BaseUrl =
            url.parse().map_err(|error: InvalidBaseUrl| ConfigError::new(URL, error.to_string()))?;
        let guard = Guard::new(&self.alert_networks);
        // A name is looked at when it is connected to.
        if url.address().is_some_and(|address| !guard.allows(address)) {
            let problem = "names an address that is not public: if it is yours, name its network in SMSGW_ALERT_NETWORKS";
            return Err(ConfigError::new(URL, problem));
        }
        let cure = "make one with: echo whsec_$(openssl rand -base64 32)";
        let secret = secret(SECRET, self.alert_secret.as_ref(), self.alert_secret_file.as_deref())?
            .ok_or_else(|| {
                ConfigError::new(SECRET, format!("is not set, so alerts cannot be signed; {cure}"))
            })?;
        let key = key(&secret).ok_or_else(|| {
            ConfigError::new(SECRET, format!("is not whsec_ and base64 of 24 to 64 bytes; {cure}"))
        })?;
        Ok(Some(AlertTarget::new(url, key, guard)))
    }
}

fn key(secret: &SecretString) -> Option<SecretSlice<u8>> {
    let bytes = BASE64_STANDARD.decode(secret.expose_secret().strip_prefix(SECRET_PREFIX)?).ok()?;
    SECRET_BYTES.contains(&bytes.len()).then(|| bytes.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(url: &str, secret: Option<String>) -> AlertConfig {
        AlertConfig {
            alert_url: Some(url.to_owned()),
            alert_secret: secret.map(SecretString::from),
            ..AlertConfig::default()
        }
    }

    fn a_secret() -> Option<String> {
        Some(format!("whsec_{}", BASE64_STANDARD.encode([7; 32])))
    }

    #[test]
    fn alerts_go_nowhere_unless_told() {
        assert!(AlertConfig::default().target().expect("nothing is wrong").is_none());
        assert!(config(" ", None).target().expect("blank is unset").is_none());
        assert!(config("https://alerts.example.com/sms", a_secret()).target().expect("usable").is_some());
    }

    #[test]
    fn neither_the_address_nor_the_secret_shows() {
        let target = config("https://alerts.example.com/hooks/T0KEN", a_secret()).target();
        let shown = format!("{target:?}");
        assert!(!shown.contains("T0KEN") && !shown.contains("BwcH"), "{shown}");
        let guess = Some("whsec_T0KEN".to_owned());
        let refused = config("https://alerts.example.com/hooks/T0KEN", guess).target();
        assert!(!refused.expect_err("too short").to_string().contains("T0KEN"));
    }

    #[test]
    fn what_cannot_be_used_names_its_variable_and_the_cure() {
        let short = Some(format!("whsec_{}", BASE64_STANDARD.encode([7; 16])));
        for (url, secret, told) in [
            ("ftp://alerts.example.com", a_secret(), "SMSGW_ALERT_URL"),
            ("https://user@alerts.example.com", a_secret(), "SMSGW_ALERT_URL"),
            ("http://169.254.169.254/latest", a_secret(), "SMSGW_ALERT_NETWORKS"),
            ("http://0x7f000001/", a_secret(), "SMSGW_ALERT_NETWORKS"),
            ("https://alerts.example.com", None, "SMSGW_ALERT_SECRET: is not set"),
            ("https://alerts.example.com", Some("guess".to_owned()), "openssl rand"),
            ("https://alerts.example.com", short, "24 to 64 bytes"),
        ] {
            let Err(refused) = config(url, secret).target() else { panic!("{url} is taken") };
            assert!(refused.to_string().contains(told), "{url}: {refused}");
        }
    }
}
