//! The pumping guard as requests use it: what it goes by, what it said, and what is still to be counted.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use metrics::Counter;
use shared::config::Environment;
use shared::cost::Price;
use shared::guard::{Outcome, Rule};
use shared::lane::Lane;
use shared::phone::Region;
use shared::provider::catalogue::{Catalogue, ProviderSettings, prices_of_first};
use shared::seal::Keyring;
use shared::store::guard::{self, Outlook, Verdict};
use shared::store::integrations;
use sqlx::PgPool;

use crate::auth::Who;
use crate::cache::Cache;
use crate::measures;

/// What the guard goes by, for all requests; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Guard(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    outlook: Cache<(), Arc<Outlook>>,
    /// Codes sent to countries with plenty of credits, not yet counted for them.
    uncounted: Mutex<BTreeMap<String, u32>>,
    decisions: HashMap<Rule, Counter>,
    /// Providers of the environment, and what opens those of the settings: whose prices count.
    providers: Vec<ProviderSettings>,
    keyring: Arc<Keyring>,
    environment: Environment,
}

impl Guard {
    pub(crate) fn new(
        providers: Vec<ProviderSettings>,
        keyring: Arc<Keyring>,
        environment: Environment,
    ) -> Self {
        Self(Arc::new(Inner {
            outlook: Cache::new(),
            uncounted: Mutex::default(),
            decisions: measures::guard_decisions(),
            providers,
            keyring,
            environment,
        }))
    }

    /// What it goes by now. Not to be asked for within a transaction.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn outlook(&self, pool: &PgPool) -> sqlx::Result<Arc<Outlook>> {
        let load = || {
            let (this, pool) = (self.clone(), pool.clone());
            async move {
                let mut outlook = guard::outlook(&pool).await?;
                if outlook.is_capped {
                    outlook.prices = this.prices(&pool).await?;
                }
                Ok(Some(Arc::new(outlook)))
            }
        };
        self.0.outlook.get(&(), load).await?.ok_or(sqlx::Error::RowNotFound)
    }

    /// What a segment costs in each country, by the provider that codes are tried with first there.
    async fn prices(&self, pool: &PgPool) -> sqlx::Result<BTreeMap<Region, Price>> {
        let rows = integrations::list(pool).await?;
        let sealer = self.0.keyring.credentials();
        let catalogue = Catalogue::load(&self.0.providers, &rows, sealer, self.0.environment);
        prices_of_first(pool, &catalogue.providers, Lane::Otp).await
    }

    /// Forgets what it went by: it was changed here.
    pub(crate) fn forget(&self) {
        self.0.outlook.forget(&());
    }

    /// Counts what it said, once that is committed.
    pub(crate) fn note(&self, verdict: &Verdict) {
        if let Some(counter) = self.0.decisions.get(&verdict.decision.rule) {
            counter.increment(1);
        }
        if let Some(country) = &verdict.uncounted {
            *self.uncounted().entry(country.clone()).or_default() += 1;
        }
    }

    /// Takes what is still to be counted for countries.
    pub(crate) fn take_uncounted(&self) -> BTreeMap<String, u32> {
        std::mem::take(&mut *self.uncounted())
    }

    fn uncounted(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, u32>> {
        self.0.uncounted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the caller is told to challenge its user. Only servers are: of others no challenge is believed, and they would learn
/// which numbers have verified a code before, which are sent one whatever the credits.
pub(crate) fn asks_for_challenge(who: &Who, verdict: Option<&Verdict>) -> bool {
    let refused = verdict.filter(|verdict| *who == Who::Server && !verdict.decision.is_sent());
    refused.is_some_and(|verdict| verdict.decision.outcome() == Outcome::Challenge)
}
