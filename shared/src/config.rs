//! Settings, one struct per concern. `clap` reads them from flags and from the environment, so
//! `--help`, the variables and the documents cannot disagree. Read once in `main`, passed down.
//!
//! A secret has no flag, since others on the machine can read a command line: clap skips its field, which takes the
//! value of its [`variable`], and the flag beside it names a file.

use std::net::SocketAddr;
use std::path::Path;
use std::str::FromStr;

use clap::{Args, ValueEnum};
use secrecy::{ExposeSecret, SecretString};

use crate::phone::Region;
use crate::provider::http::{BaseUrl, InvalidBaseUrl};
use crate::seal::{Keyring, MasterKey};
use crate::text::MessageText;

mod alerts;
mod callers;

pub use alerts::AlertConfig;
pub use callers::{CallersConfig, UserTokens};

/// A setting that cannot be used; names the variable and the cure.
#[derive(Debug, thiserror::Error)]
#[error("{variable}: {problem}")]
pub struct ConfigError {
    /// The environment variable.
    pub variable: &'static str,
    /// What is wrong, and what to do.
    pub problem: String,
}

impl ConfigError {
    /// `variable` is at fault because of `problem`.
    pub fn new(variable: &'static str, problem: impl Into<String>) -> Self {
        Self { variable, problem: problem.into() }
    }
}

/// Where the program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Environment {
    /// Real messages; the sandbox and its inbox do not exist.
    Production,
    /// A developer's machine.
    Development,
}

/// Where the messages are kept.
#[derive(Clone, Debug, Args)]
pub struct DatabaseConfig {
    /// Where Postgres is, and usually a password.
    #[arg(skip = variable("DATABASE_URL"))]
    pub database_url: Option<SecretString>,
    /// File that holds DATABASE_URL, for example postgres://user:password@host/smsgw, unless that variable is set
    #[arg(long, env = "DATABASE_URL_FILE")]
    pub database_url_file: Option<String>,
}

impl DatabaseConfig {
    /// The URL, wherever it was given.
    ///
    /// # Errors
    /// When neither variable is set, or the file cannot be read.
    pub fn url(&self) -> Result<SecretString, ConfigError> {
        secret("DATABASE_URL", self.database_url.as_ref(), self.database_url_file.as_deref())?
            .ok_or_else(|| ConfigError::new("DATABASE_URL", "is not set; give a postgres:// URL"))
    }
}

/// The key that guards codes, API keys and provider credentials.
#[derive(Clone, Debug, Args)]
pub struct SecretsConfig {
    /// base64 of 32 random bytes, kept outside the database.
    #[arg(skip = variable("SMSGW_MASTER_KEY"))]
    pub master_key: Option<SecretString>,
    /// File that holds SMSGW_MASTER_KEY, base64 of 32 random bytes, unless that variable is set
    #[arg(long, env = "SMSGW_MASTER_KEY_FILE")]
    pub master_key_file: Option<String>,
    /// The key before the last change; still opens what it sealed.
    #[arg(skip = variable("SMSGW_MASTER_KEY_PREVIOUS"))]
    pub master_key_previous: Option<SecretString>,
    /// File that holds SMSGW_MASTER_KEY_PREVIOUS, the key before the last change, unless that variable is set
    #[arg(long, env = "SMSGW_MASTER_KEY_PREVIOUS_FILE")]
    pub master_key_previous_file: Option<String>,
}

impl SecretsConfig {
    /// Whether there is a key, be it usable or not.
    pub fn is_given(&self) -> bool {
        self.master_key.is_some() || named(self.master_key_file.as_deref()).is_some()
    }

    /// The keys derived from the master key.
    ///
    /// # Errors
    /// When the key is missing or is not base64 of 32 bytes.
    pub fn keyring(&self) -> Result<Keyring, ConfigError> {
        const CURRENT: &str = "SMSGW_MASTER_KEY";
        let current = master_key(CURRENT, self.master_key.as_ref(), self.master_key_file.as_deref())?
            .ok_or_else(|| ConfigError::new(CURRENT, "is not set; make one with: openssl rand -base64 32"))?;
        let previous = master_key(
            "SMSGW_MASTER_KEY_PREVIOUS",
            self.master_key_previous.as_ref(),
            self.master_key_previous_file.as_deref(),
        )?;
        Ok(Keyring::new(&current, previous.as_slice()))
    }
}

fn master_key(
    variable: &'static str,
    value: Option<&SecretString>,
    file: Option<&str>,
) -> Result<Option<MasterKey>, ConfigError> {
    let parse = |key: SecretString| MasterKey::from_str(key.expose_secret());
    let key = secret(variable, value, file)?.map(parse).transpose();
    key.map_err(|error| ConfigError::new(variable, error.to_string()))
}

/// What every part of a gateway knows of it.
#[derive(Clone, Debug, Args)]
pub struct SiteConfig {
    /// production or development
    #[arg(long = "env", env = "SMSGW_ENV", default_value = "production")]
    pub environment: Environment,
    /// Public URL of this gateway; providers send receipts there
    #[arg(long, env = "SMSGW_PUBLIC_URL")]
    pub public_url: Option<String>,
}

impl SiteConfig {
    /// The public URL, read.
    ///
    /// # Errors
    /// When it is no URL that a provider could call.
    pub fn public_url(&self) -> Result<Option<BaseUrl>, ConfigError> {
        let parse = |url: &String| {
            url.parse()
                .map_err(|error: InvalidBaseUrl| ConfigError::new("SMSGW_PUBLIC_URL", error.to_string()))
        };
        self.public_url.as_ref().map(parse).transpose()
    }
}

/// How requests are taken.
#[derive(Clone, Debug, Args)]
pub struct ApiConfig {
    /// Address the API listens on
    #[arg(long, env = "SMSGW_LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Country whose numbers may be written without country code, for example IN
    #[arg(long, env = "SMSGW_DEFAULT_REGION")]
    pub default_region: Option<Region>,
    /// Text that confirms a STOP, once, to whoever sent it (unset: none)
    #[arg(long, env = "SMSGW_STOP_REPLY", value_parser = message_text)]
    pub stop_reply: Option<MessageText>,
    #[command(flatten)]
    #[allow(missing_docs, reason = "clap would take it for help")]
    pub reach: ReachConfig,
    #[command(flatten)]
    #[allow(missing_docs, reason = "clap would take it for help")]
    pub callers: CallersConfig,
}

fn message_text(text: &str) -> Result<MessageText, String> {
    MessageText::parse(text).map_err(|error| error.to_string())
}

/// Whom this gateway texts.
#[derive(Clone, Debug, Default, Args)]
pub struct ReachConfig {
    /// Countries that may be texted, for example IN,US (unset: all)
    #[arg(long, env = "SMSGW_COUNTRIES", value_delimiter = ',')]
    pub countries: Option<Vec<Region>>,
}

impl ReachConfig {
    /// Whether a number of `region` may be texted; one of no country only if all are.
    pub fn allows(&self, region: Option<Region>) -> bool {
        let Some(countries) = &self.countries else { return true };
        region.is_some_and(|region| countries.contains(&region))
    }
}

/// The value of a variable that is not blank, which counts as unset.
pub fn variable(name: &str) -> Option<SecretString> {
    let value = std::env::var_os(name)?;
    // What is not UTF-8 is no key either, and is refused as a malformed one.
    let value = value.to_string_lossy();
    (!value.trim().is_empty()).then(|| SecretString::from(value.trim()))
}

/// A secret from its variable or from the file that the `…_FILE` variable names.
///
/// # Errors
/// When the file cannot be read.
pub fn secret(
    variable: &'static str,
    value: Option<&SecretString>,
    file: Option<&str>,
) -> Result<Option<SecretString>, ConfigError> {
    if let Some(value) = value {
        return Ok(Some(value.clone()));
    }
    let Some(file) = named(file) else { return Ok(None) };
    let text = std::fs::read_to_string(Path::new(file))
        .map_err(|error| ConfigError::new(variable, format!("cannot read {file}: {error}")))?;
    Ok(Some(SecretString::from(text.trim())))
}

/// The name of a file; a blank one names none.
fn named(file: Option<&str>) -> Option<&str> {
    file.filter(|file| !file.trim().is_empty())
}
