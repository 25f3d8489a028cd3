//! Who calls: `Authorization: Bearer sk_…`, looked up by its keyed hash.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use shared::ids::ApiKeyId;
use shared::seal::Keyring;
use shared::store::api_keys::{self, ApiKey, KEY_PREFIX, Scope};
use sqlx::PgPool;
use tokio::time::timeout;

use crate::app::App;
use crate::cache::Cache;
use crate::problem::Problem;

/// Longer than any key of ours.
const MAX_KEY_BYTES: usize = 128;

/// A database that takes longer is away.
const PATIENCE: Duration = Duration::from_secs(3);

/// Known keys, by their hash under the current master key.
#[derive(Debug)]
pub(crate) struct Keys(Cache<Vec<u8>, Arc<ApiKey>>);

impl Keys {
    pub(crate) fn new() -> Self {
        Self(Cache::new())
    }

    async fn find(&self, pool: &PgPool, keyring: &Keyring, key: &str) -> sqlx::Result<Option<Arc<ApiKey>>> {
        let mac = keyring.api_keys();
        self.0
            .get(&mac.tag(&[key.as_bytes()]), async || {
                // Keys made before the master key changed are found by their old hash.
                let tags = mac.tags(&[key.as_bytes()]);
                let found = timeout(PATIENCE, api_keys::find_live(pool, &tags)).await;
                Ok(found.map_err(|_| sqlx::Error::PoolTimedOut)??.map(Arc::new))
            })
            .await
    }
}

/// What a door asks of its callers.
pub(crate) trait Needs {
    /// The scope; `admin` opens every door.
    const SCOPE: Scope;
}

macro_rules! needs {
    ($($(#[$doc:meta])* $name:ident = $scope:ident;)*) => {
        $($(#[$doc])* #[derive(Debug)] pub(crate) struct $name;
        impl Needs for $name { const SCOPE: Scope = Scope::$scope; })*
    };
}

needs! {
    /// Scope `send`.
    MaySend = Send;
    /// Scope `otp`.
    MayOtp = Otp;
    /// Scope `read`.
    MayRead = Read;
    /// Scope `admin`.
    MayAdmin = Admin;
}

/// A caller whose key opens this door. Taking it as an argument is what closes the door to others.
#[derive(Debug)]
pub(crate) struct Caller<N> {
    /// The key.
    pub(crate) key: ApiKeyId,
    needs: PhantomData<N>,
}

impl<N: Needs> FromRequestParts<App> for Caller<N> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let key = bearer(parts)?;
        let found = app.keys.find(&app.pool, &app.keyring, key).await?;
        let key = found.ok_or_else(|| Problem::unauthorized("this API key is unknown or revoked"))?;
        let allowed = key.scopes.iter().any(|scope| *scope == N::SCOPE || *scope == Scope::Admin);
        if !allowed {
            return Err(Problem::insufficient_scope(N::SCOPE));
        }
        Ok(Self { key: key.id, needs: PhantomData })
    }
}

fn bearer(parts: &Parts) -> Result<&str, Problem> {
    let header = parts
        .headers
        .get(AUTHORIZATION)
        .ok_or_else(|| Problem::unauthorized("send the header Authorization: Bearer sk_…"))?;
    header
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, key)| key.trim())
        .filter(|key| key.starts_with(KEY_PREFIX) && key.len() <= MAX_KEY_BYTES)
        .ok_or_else(|| {
            Problem::unauthorized("the Authorization header is not Bearer and a key that starts with sk_")
        })
}
