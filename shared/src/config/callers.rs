//! Who may call besides servers: pages of the origins named here, and end users with tokens of their own.

use std::net::IpAddr;

use clap::Args;
use ipnet::IpNet;
use secrecy::{ExposeSecret as _, SecretString};

use super::{ConfigError, secret, variable};
use crate::origin::Origin;
use crate::provider::http::{BaseUrl, InvalidBaseUrl};

/// RFC 7518 §3.2: the key of HS256 has at least as many bytes as its hash. A shorter one can be guessed from any token.
const MIN_SECRET_BYTES: usize = 32;

/// Who may call besides servers, and how the address of a caller is known.
#[derive(Clone, Debug, Default, Args)]
pub struct CallersConfig {
    /// Origins whose pages may call with their users' tokens, for example `https://app.example.com` (publishable keys
    /// name their own)
    #[arg(long, env = "SMSGW_CORS_ORIGINS", value_delimiter = ',')]
    pub cors_origins: Vec<Origin>,
    /// Proxies whose X-Forwarded-For is believed, for example 10.0.0.0/8,::1 (unset: none)
    #[arg(long, env = "SMSGW_TRUSTED_PROXIES", value_delimiter = ',', value_parser = network)]
    pub trusted_proxies: Vec<IpNet>,
    /// What end users' tokens are signed with (HS256), at least 32 bytes.
    #[arg(skip = variable("SMSGW_JWT_SECRET"))]
    pub jwt_secret: Option<SecretString>,
    /// File that holds SMSGW_JWT_SECRET, which end users' tokens are signed with (HS256), unless that variable is set
    #[arg(long, env = "SMSGW_JWT_SECRET_FILE")]
    pub jwt_secret_file: Option<String>,
    /// Where the public keys of end users' tokens are (RS256, ES256, EdDSA), for example
    /// `https://project.supabase.co/auth/v1/.well-known/jwks.json`
    #[arg(long, env = "SMSGW_JWKS_URL")]
    pub jwks_url: Option<String>,
    /// Issuer that end users' tokens must name, `iss` (unset: any)
    #[arg(long, env = "SMSGW_JWT_ISSUER")]
    pub jwt_issuer: Option<String>,
    /// Audience that end users' tokens must name, `aud`, for example authenticated (unset: any)
    #[arg(long, env = "SMSGW_JWT_AUDIENCE")]
    pub jwt_audience: Option<String>,
}

/// Which tokens of end users are believed. Without a secret and without an address of keys: none.
#[derive(Clone, Debug, Default)]
pub struct UserTokens {
    /// Key of HS256.
    pub secret: Option<SecretString>,
    /// Where public keys are fetched.
    pub jwks: Option<BaseUrl>,
    /// What `iss` must be.
    pub issuer: Option<String>,
    /// What `aud` must be or contain.
    pub audience: Option<String>,
}

impl CallersConfig {
    /// Which tokens of end users are believed.
    ///
    /// # Errors
    /// When the secret cannot be read or is short, or the address is no URL.
    pub fn users(&self) -> Result<UserTokens, ConfigError> {
        const SECRET: &str = "SMSGW_JWT_SECRET";
        let secret = secret(SECRET, self.jwt_secret.as_ref(), self.jwt_secret_file.as_deref())?;
        if secret.as_ref().is_some_and(|secret| secret.expose_secret().len() < MIN_SECRET_BYTES) {
            let problem =
                format!("has fewer than {MIN_SECRET_BYTES} bytes; make one with: openssl rand -base64 32");
            return Err(ConfigError::new(SECRET, problem));
        }
        let jwks = given(self.jwks_url.as_ref()).map(|url| {
            url.parse().map_err(|error: InvalidBaseUrl| ConfigError::new("SMSGW_JWKS_URL", error.to_string()))
        });
        let (issuer, audience) = (given(self.jwt_issuer.as_ref()), given(self.jwt_audience.as_ref()));
        Ok(UserTokens {
            secret,
            jwks: jwks.transpose()?,
            issuer: issuer.map(str::to_owned),
            audience: audience.map(str::to_owned),
        })
    }
}

/// A blank setting counts as unset: a check against nothing would refuse everybody.
pub(super) fn given(setting: Option<&String>) -> Option<&str> {
    setting.map(|text| text.trim()).filter(|text| !text.is_empty())
}

/// A network, or one address.
pub(super) fn network(text: &str) -> Result<IpNet, &'static str> {
    let text = text.trim();
    let network = match text.parse::<IpAddr>() {
        Ok(address) => IpNet::from(address.to_canonical()),
        Err(_) => text.parse().map_err(|_| "must be addresses or networks such as 10.0.0.0/8 or ::1")?,
    };
    if network.prefix_len() == 0 {
        return Err("means every address: name those that you mean");
    }
    Ok(network)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_and_single_addresses_are_taken_but_not_everybody() {
        assert_eq!(network("10.0.0.0/8").unwrap().to_string(), "10.0.0.0/8");
        assert_eq!(network(" 192.0.2.1 ").unwrap().to_string(), "192.0.2.1/32");
        assert_eq!(network("::ffff:192.0.2.1").unwrap().to_string(), "192.0.2.1/32");
        for text in ["", "proxy", "10.0.0.0/33", "0.0.0.0/0", "::/0"] {
            assert!(network(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_setting_that_cannot_be_used_names_its_variable() {
        let short =
            CallersConfig { jwt_secret: Some(SecretString::from("short")), ..CallersConfig::default() };
        assert!(
            short.users().unwrap_err().to_string().starts_with("SMSGW_JWT_SECRET: has fewer than 32 bytes")
        );
        let wrong = CallersConfig { jwks_url: Some("jwks.json".to_owned()), ..CallersConfig::default() };
        assert!(wrong.users().unwrap_err().to_string().starts_with("SMSGW_JWKS_URL: is not a URL"));
        let blank = CallersConfig { jwt_audience: Some(" ".to_owned()), ..CallersConfig::default() };
        assert_eq!(blank.users().unwrap().audience, None);
    }
}
