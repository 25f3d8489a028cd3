//! Credentials of a provider as `api_integrations` keeps them: named secrets, sealed as one JSON object.

use std::collections::BTreeMap;
use std::error::Error as _;

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::setting::InvalidSetting;
use crate::seal::{self, OpenError, Sealer};

/// Shorter secrets show nothing of themselves when masked.
const SHORTEST_SHOWN: usize = 12;

/// Secrets by name, for example `auth_token`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(from = "BTreeMap<String, SecretString>")]
pub struct Credentials(BTreeMap<String, SecretString>);

/// Why stored credentials cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableCredentials {
    /// Not sealed by us for this row.
    #[error("the credentials cannot be opened")]
    Sealed(#[from] OpenError),
    /// Sealed by us, but not credentials.
    #[error("the credentials are not a JSON object of texts")]
    NotAnObject,
}

impl UnreadableCredentials {
    /// The error with all its causes, of which the last names the cure.
    pub fn with_causes(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        text
    }
}

impl Credentials {
    /// Opens the credentials of the row `name`.
    ///
    /// # Errors
    /// When the key is not configured, or the blob is not this row's.
    pub fn open(sealer: &Sealer, name: &str, sealed: &[u8]) -> Result<Self, UnreadableCredentials> {
        let json = sealer.open(&place(name), sealed)?;
        // The parser's own error could quote a secret.
        serde_json::from_slice(json.expose_secret()).map_err(|_| UnreadableCredentials::NotAnObject)
    }

    /// Seals the credentials for the row `name`; they open nowhere else.
    pub fn seal(&self, sealer: &Sealer, name: &str) -> Vec<u8> {
        let exposed: BTreeMap<&str, &str> =
            self.0.iter().map(|(field, secret)| (field.as_str(), secret.expose_secret())).collect();
        let json = SecretString::from(serde_json::json!(exposed).to_string());
        sealer.seal(&place(name), json.expose_secret().as_bytes())
    }

    /// These credentials over `stored` ones: keys are write-only, so a change brings only what is new. An empty text
    /// removes a secret.
    #[must_use]
    pub fn over(self, stored: Self) -> Self {
        let mut all = stored.0;
        all.extend(self.0);
        all.retain(|_, secret| !secret.expose_secret().is_empty());
        Self(all)
    }

    /// The name of a secret in `stored` that is neither replaced nor removed here.
    pub fn kept_of<'a>(&self, stored: &'a Self) -> Option<&'a str> {
        stored.0.keys().find(|name| !self.0.contains_key(*name)).map(String::as_str)
    }

    /// Which secrets are set, each as an ellipsis and its last four characters.
    pub fn masked(&self) -> BTreeMap<String, String> {
        self.0.iter().map(|(field, secret)| (field.clone(), masked(secret.expose_secret()))).collect()
    }

    /// All secrets.
    pub(in crate::provider) fn all(&self) -> BTreeMap<String, SecretString> {
        self.0.clone()
    }

    /// The names of all secrets.
    pub(in crate::provider) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// One secret.
    pub(in crate::provider) fn get(&self, field: &str) -> Option<&SecretString> {
        self.0.get(field)
    }

    /// Refuses secrets the vendor has no use for: most likely misspelt.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), InvalidSetting> {
        match self.0.keys().find(|field| !known.contains(&field.as_str())) {
            None => Ok(()),
            Some(field) => {
                let problem = format!("has no field {field:?}: use {}", known.join(", "));
                Err(InvalidSetting::new("credentials", problem))
            }
        }
    }
}

/// Without white space around them: what was copied or read from a file easily has a line end too many.
impl From<BTreeMap<String, SecretString>> for Credentials {
    fn from(secrets: BTreeMap<String, SecretString>) -> Self {
        Self(secrets.into_iter().map(|(name, secret)| (name, secret.expose_secret().trim().into())).collect())
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Credentials {
    fn from(secrets: [(&str, &str); N]) -> Self {
        BTreeMap::from(secrets.map(|(field, secret)| (field.to_owned(), secret.into()))).into()
    }
}

fn place(name: &str) -> Vec<u8> {
    seal::place("api_integrations", name)
}

fn masked(secret: &str) -> String {
    let count = secret.chars().count();
    let shown = if count < SHORTEST_SHOWN { 0 } else { 4 };
    std::iter::once('…').chain(secret.chars().skip(count - shown)).collect()
}
