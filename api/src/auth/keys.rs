//! API keys: looked up by their keyed hash, and the origins that publishable ones name.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};

use shared::seal::Keyring;
use shared::store::api_keys::{self, ApiKey};
use sqlx::PgPool;

use crate::cache::Cache;

/// Known keys, by their hash under the current master key.
#[derive(Debug)]
pub(crate) struct Keys(Cache<Vec<u8>, Arc<ApiKey>>);

impl Keys {
    pub(crate) fn new() -> Self {
        Self(Cache::new())
    }

    /// The live key, if there is one.
    ///
    /// # Errors
    /// When the database is away.
    pub(super) async fn find(
        &self,
        pool: &PgPool,
        keyring: &Keyring,
        key: &str,
    ) -> sqlx::Result<Option<Arc<ApiKey>>> {
        let mac = keyring.api_keys();
        self.0
            .get(&mac.tag(&[key.as_bytes()]), || {
                // Keys made before the master key changed are found by their old hash.
                let (pool, tags) = (pool.clone(), mac.tags(&[key.as_bytes()]));
                async move { Ok(api_keys::find_live(&pool, &tags).await?.map(Arc::new)) }
            })
            .await
    }
}

/// Origins that some live key names. Asked for by whoever knocks, so all are looked up at once and made-up ones cost no
/// look.
#[derive(Debug)]
pub(crate) struct KeyOrigins {
    live: Cache<(), Arc<HashSet<String>>>,
    /// With the database away these are as good as any: without them a page could not read that it should come back.
    last: Arc<RwLock<Arc<HashSet<String>>>>,
}

impl KeyOrigins {
    pub(crate) fn new() -> Self {
        Self { live: Cache::new(), last: Arc::default() }
    }

    /// Whether pages of `origin` may call with some key.
    pub(super) async fn contains(&self, pool: &PgPool, origin: &str) -> bool {
        let load = || {
            let (pool, last) = (pool.clone(), Arc::clone(&self.last));
            async move {
                let found = Arc::new(api_keys::list_origins(&pool).await?.into_iter().collect());
                *last.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&found);
                Ok(Some(found))
            }
        };
        match self.live.get(&(), load).await {
            Ok(found) => found.is_some_and(|origins| origins.contains(origin)),
            Err(_) => self.last.read().unwrap_or_else(PoisonError::into_inner).contains(origin),
        }
    }
}
