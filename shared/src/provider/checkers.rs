//! Whoever can check a code that a provider made: the provider by its name, wherever it is set up.
//!
//! An API has no roster as workers have. It looks a provider up when a check needs it, in the environment and in
//! `api_integrations`, and believes what it found for a second, so that a changed row counts soon.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::catalogue::{self, BuildContext, ProviderSettings};
use super::{CheckError, Checked, OtpCheck, SharedProvider};
use crate::db::within;
use crate::seal::Keyring;

/// Age at which one check looks again, while the others go on with what is known.
const REFRESH: Duration = Duration::from_secs(1);
/// A database that takes longer is away.
const PATIENCE: Duration = Duration::from_secs(3);

/// The providers of this process, for checks alone.
pub struct Checkers {
    environment: Vec<ProviderSettings>,
    keyring: Arc<Keyring>,
    context: BuildContext,
    known: Mutex<HashMap<String, Known>>,
}

struct Known {
    provider: SharedProvider,
    since: Instant,
}

impl Checkers {
    /// Those of the environment and, by the pool of `context`, those of the table.
    pub fn new(environment: Vec<ProviderSettings>, keyring: Arc<Keyring>, context: BuildContext) -> Self {
        Self { environment, keyring, context, known: Mutex::default() }
    }

    /// Asks `provider` about a code it made. A disabled one is asked too: its codes are still out.
    ///
    /// # Errors
    /// As [`super::Provider::check_otp`]; unusable is also who is set up no more or wrongly, away also who cannot be
    /// looked up.
    pub async fn check(&self, provider: &str, check: &OtpCheck<'_>) -> Result<Checked, CheckError> {
        let found = match self.known(provider) {
            Some(found) => found,
            None => self.look(provider).await?,
        };
        found.check_otp(check).await
    }

    /// Forgets a provider: it was changed here.
    pub fn forget(&self, provider: &str) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(provider);
    }

    /// The provider as it was found lately. Of those who find it ageing one gets nothing, and looks.
    fn known(&self, name: &str) -> Option<SharedProvider> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let one = known.get_mut(name)?;
        if one.since.elapsed() < REFRESH {
            return Some(one.provider.clone());
        }
        one.since = Instant::now();
        None
    }

    async fn look(&self, name: &str) -> Result<SharedProvider, CheckError> {
        let sealer = self.keyring.credentials();
        let found =
            within(PATIENCE, catalogue::find(&self.context.pool, &self.environment, sealer, name)).await;
        let settings = found.map_err(|error| {
            tracing::warn!(%error, provider.id = name, "the provider of a code cannot be looked up");
            CheckError::Away { retry_after: None, reason: "database" }
        })?;
        let built = settings.and_then(|settings| catalogue::build(&settings, &self.context).ok());
        let Some(provider) = built else {
            self.forget(name);
            return Err(CheckError::Unusable { reason: "no_such_provider" });
        };
        let fresh = Known { provider: provider.clone(), since: Instant::now() };
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), fresh);
        Ok(provider)
    }
}
