//! Whose webhooks are true: the secrets that vendors sign with, by provider.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use secrecy::SecretString;
use shared::config::Environment;
use shared::provider::catalogue::{Catalogue, ProviderSettings, VendorConfig};
use shared::provider::http::BaseUrl;
use shared::provider::twilio::webhook;
use shared::seal::Keyring;
use shared::store::integrations;
use sqlx::PgPool;

use crate::cache::Cache;
use crate::measures::WebhookMeasures;
use crate::problem::Problem;
const NO_URL: &str =
    "signatures cannot be checked: this gateway does not know its public URL (SMSGW_PUBLIC_URL)";
const NO_TOKEN: &str = "signatures cannot be checked: the provider is set up without auth token";

/// The signing secrets of all providers.
pub(crate) struct Signers {
    environment: Arc<[ProviderSettings]>,
    public_url: Option<BaseUrl>,
    known: Cache<String, Signer>,
    /// Providers whose webhooks cannot be checked, once that was logged.
    told: Mutex<BTreeSet<String>>,
}

/// What is known of one provider that posts to us.
#[derive(Clone)]
struct Signer {
    token: Option<Arc<SecretString>>,
    measures: WebhookMeasures,
}

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
        for provider in environment.iter().filter(|one| matches!(one.vendor, VendorConfig::Twilio(_))) {
            // Shown before the first webhook.
            let _ = WebhookMeasures::new(&provider.name);
        }
        Self { environment: environment.into(), public_url, known: Cache::new(), told: Mutex::default() }
    }

    /// Refuses a request that its provider did not sign; gives the provider's metrics.
    ///
    /// # Errors
    /// A problem that says what is missing, if something is missing on our side.
    pub(crate) async fn check(
        &self,
        pool: &PgPool,
        keyring: &Arc<Keyring>,
        request: &Signed<'_>,
    ) -> Result<WebhookMeasures, Problem> {
        let Signer { token, measures } = self
            .known
            .get(&request.provider.to_owned(), || {
                let (environment, pool) = (Arc::clone(&self.environment), pool.clone());
                let (keyring, name) = (Arc::clone(keyring), request.provider.to_owned());
                async move { load(&environment, &pool, &keyring, &name).await }
            })
            .await?
            .ok_or_else(|| Problem::not_found("no provider by this name posts to this gateway"))?;
        let unchecked = |problem| self.unchecked(request.provider, problem);
        let public_url = self.public_url.as_ref().ok_or_else(|| unchecked(NO_URL))?;
        let token = token.ok_or_else(|| unchecked(NO_TOKEN))?;
        let url = public_url.join(["webhooks", request.provider, request.door]);
        let genuine = request.signature.is_some_and(|signature| {
            webhook::is_signed(&token, &url, request.query, request.fields, signature)
        });
        if genuine {
            Ok(measures)
        } else {
            Err(Problem::invalid_signature("X-Twilio-Signature is missing or does not match this request"))
        }
    }

    /// Forgets a provider: it was changed here.
    pub(crate) fn forget(&self, provider: &str) {
        self.known.forget(&provider.to_owned());
        self.told.lock().unwrap_or_else(PoisonError::into_inner).remove(provider);
    }

    /// Refuses what cannot be checked. Who posts it is a machine that tells nobody, so our log does, once a provider.
    fn unchecked(&self, provider: &str, problem: &'static str) -> Problem {
        if self.told.lock().unwrap_or_else(PoisonError::into_inner).insert(provider.to_owned()) {
            tracing::warn!(provider.id = provider, problem, "receipts and inbound texts are refused");
        }
        Problem::invalid_signature(problem)
    }
}

/// Looks a provider up as workers do: a row hides the environment's provider of the same name. One that is
/// disabled still has receipts to come.
async fn load(
    environment: &[ProviderSettings],
    pool: &PgPool,
    keyring: &Keyring,
    name: &str,
) -> sqlx::Result<Option<Signer>> {
    let row = integrations::find(pool, name).await?;
    let catalogue = Catalogue::load(
        environment,
        row.as_slice(),
        keyring.credentials(),
        // No sandbox may stand in.
        Environment::Production,
    );
    let found = catalogue.providers.into_iter().find(|provider| provider.name == name);
    Ok(found.and_then(|provider| match provider.vendor {
        VendorConfig::Twilio(config) => Some(Signer {
            token: config.auth_token().cloned().map(Arc::new),
            measures: WebhookMeasures::new(name),
        }),
        VendorConfig::TwoFactor(_)
        | VendorConfig::Generic(_)
        | VendorConfig::Sandbox
        | VendorConfig::Given(_) => None,
    }))
}
