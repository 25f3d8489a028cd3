//! Whose webhooks are true: the secrets that vendors sign with, by provider.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use shared::config::Environment;
use shared::provider::catalogue::{Catalogue, ProviderSettings, VendorConfig};
use shared::provider::http::BaseUrl;
use shared::provider::twilio::webhook;
use shared::seal::Keyring;
use shared::store::integrations;
use sqlx::PgPool;

use crate::cache::Cache;
use crate::problem::Problem;

/// A database that takes longer is away.
const PATIENCE: Duration = Duration::from_secs(3);

/// The signing secrets of all providers.
pub(crate) struct Signers {
    environment: Vec<ProviderSettings>,
    public_url: Option<BaseUrl>,
    known: Cache<String, Signer>,
}

/// What is known of one provider that posts to us.
#[derive(Clone)]
pub(crate) struct Signer(Option<Arc<SecretString>>);

/// A request as its signature covers it.
pub(crate) struct Signed<'a> {
    /// The provider of its address.
    pub(crate) provider: &'a str,
    /// The last part of its address.
    pub(crate) door: &'static str,
    /// Its query, as it stands.
    pub(crate) query: Option<&'a str>,
    /// The fields of its form.
    pub(crate) fields: &'a [(String, String)],
    /// What it brings as a signature.
    pub(crate) signature: Option<&'a [u8]>,
}

impl Signers {
    pub(crate) fn new(environment: Vec<ProviderSettings>, public_url: Option<BaseUrl>) -> Self {
        Self { environment, public_url, known: Cache::new() }
    }

    /// Refuses a request that its provider did not sign.
    ///
    /// # Errors
    /// A problem that says what is missing, if something is missing on our side.
    pub(crate) async fn check(
        &self,
        pool: &PgPool,
        keyring: &Keyring,
        request: &Signed<'_>,
    ) -> Result<(), Problem> {
        let Signer(token) = self
            .known
            .get(&request.provider.to_owned(), async || {
                let found = tokio::time::timeout(PATIENCE, self.load(pool, keyring, request.provider)).await;
                found.map_err(|_| sqlx::Error::PoolTimedOut)?
            })
            .await?
            .ok_or_else(|| Problem::not_found("no provider by this name posts to this gateway"))?;
        let public_url = self.public_url.as_ref().ok_or_else(|| {
            Problem::invalid_signature(
                "signatures cannot be checked: this gateway does not know its public URL (SMSGW_PUBLIC_URL)",
            )
        })?;
        let token = token.ok_or_else(|| {
            Problem::invalid_signature(
                "signatures cannot be checked: the provider is set up without auth token",
            )
        })?;
        let url = public_url.join(["webhooks", request.provider, request.door]);
        let genuine = request.signature.is_some_and(|signature| {
            webhook::is_signed(&token, &url, request.query, request.fields, signature)
        });
        if genuine {
            Ok(())
        } else {
            Err(Problem::invalid_signature("X-Twilio-Signature is missing or does not match this request"))
        }
    }

    /// Forgets a provider: it was changed here.
    pub(crate) fn forget(&self, provider: &str) {
        self.known.forget(&provider.to_owned());
    }

    /// Looks a provider up as workers do: a row hides the environment's provider of the same name. One that is
    /// disabled still has receipts to come.
    async fn load(&self, pool: &PgPool, keyring: &Keyring, name: &str) -> sqlx::Result<Option<Signer>> {
        let row = integrations::find(pool, name).await?;
        let catalogue = Catalogue::load(
            &self.environment,
            row.as_slice(),
            keyring.credentials(),
            // No sandbox may stand in.
            Environment::Production,
        );
        let found = catalogue.providers.into_iter().find(|provider| provider.name == name);
        Ok(found.and_then(|provider| match provider.vendor {
            VendorConfig::Twilio(config) => Some(Signer(config.auth_token().cloned().map(Arc::new))),
            VendorConfig::TwoFactor(_)
            | VendorConfig::Generic(_)
            | VendorConfig::Sandbox
            | VendorConfig::Given(_) => None,
        }))
    }
}
