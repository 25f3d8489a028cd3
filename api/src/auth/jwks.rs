//! Public keys of users' tokens: fetched when first needed, kept for as long as their address is away, looked at again
//! now and then, and when a token names a key that is not known.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use axum::http::Uri;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::sync::Mutex;

use super::jws::{Algorithm, Key};

mod key_set;

use key_set::{FetchError, Named, fetch};

/// When keys are fetched again.
struct Pace {
    /// The age at which they are: for so long a key that was withdrawn may still count.
    lifetime: Duration,
    /// Anybody can name a key that does not exist; the issuer hears of it this often at most.
    pause: Duration,
    /// As long as nothing was ever fetched, nobody is let in.
    first_pause: Duration,
}

const PACE: Pace = Pace {
    lifetime: Duration::from_secs(5 * 60),
    pause: Duration::from_secs(30),
    first_pause: Duration::from_secs(2),
};

/// What was fetched last.
#[derive(Clone, Default)]
struct Known {
    keys: Arc<Vec<Named>>,
    at: Option<Instant>,
}

type Fetch = dyn Fn() -> BoxFuture<'static, Result<Vec<Named>, FetchError>> + Send + Sync;

/// The keys behind one address.
pub(super) struct Jwks {
    fetch: Box<Fetch>,
    pace: Pace,
    known: RwLock<Known>,
    /// Held while fetching; says when that was last tried.
    tried: Mutex<Option<Instant>>,
}

/// The keys were never fetched, so no token can be checked.
#[derive(Debug, thiserror::Error)]
#[error("the keys of users' tokens cannot be fetched")]
pub(crate) struct KeysAway;

impl Jwks {
    pub(super) fn new(url: Uri) -> Arc<Self> {
        Self::with(PACE, move || fetch(url.clone()).boxed())
    }

    fn with(
        pace: Pace,
        fetch: impl Fn() -> BoxFuture<'static, Result<Vec<Named>, FetchError>> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self { fetch: Box::new(fetch), pace, known: RwLock::default(), tried: Mutex::default() })
    }

    /// Whether `check` likes one of the keys for `algorithm`, of those called `id` if a name is given.
    ///
    /// # Errors
    /// When no keys were ever fetched.
    pub(super) async fn any(
        self: &Arc<Self>,
        algorithm: Algorithm,
        id: Option<&str>,
        check: impl Fn(&Key) -> bool,
    ) -> Result<bool, KeysAway> {
        let fits = |named: &&Named| {
            named.key.algorithm() == algorithm && (id.is_none() || named.id.as_deref() == id)
        };
        let mut known = self.known();
        if known.keys.iter().any(|named| fits(&named)) {
            if known.at.is_none_or(|at| at.elapsed() >= self.pace.lifetime) {
                // What is known will do for this one.
                let this = Arc::clone(self);
                tokio::spawn(async move { this.look_again().await });
            }
        } else {
            self.look_again().await;
            known = self.known();
        }
        known.at.ok_or(KeysAway)?;
        Ok(known.keys.iter().filter(fits).any(|named| check(&named.key)))
    }

    fn known(&self) -> Known {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Fetches the keys unless that was just tried; whoever comes meanwhile waits for it.
    async fn look_again(&self) {
        let mut tried = self.tried.lock().await;
        let pause = if self.known().at.is_some() { self.pace.pause } else { self.pace.first_pause };
        if tried.is_some_and(|at| at.elapsed() < pause) {
            return;
        }
        *tried = Some(Instant::now());
        match (self.fetch)().await {
            Ok(keys) => {
                tracing::debug!(keys = keys.len(), "the keys of users' tokens were fetched");
                let known = Known { keys: Arc::new(keys), at: Some(Instant::now()) };
                *self.known.write().unwrap_or_else(PoisonError::into_inner) = known;
            }
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "SMSGW_JWKS_URL: the keys of users' tokens were not fetched");
            }
        }
    }
}

#[cfg(test)]
mod tests;
