//! What purposes allow and how often codes may be sent, as requests use it.

use std::sync::Arc;

use shared::limits::Limit;
use shared::otp_policy::{Policy, Purpose};
use shared::store::otp_policies::{self, LimitRow, PolicyRow};
use sqlx::PgPool;

use crate::cache::Cache;

/// The policy of one purpose, and the limits of its sends.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    /// What it allows.
    pub(crate) policy: Arc<Policy>,
    /// How often its codes may be sent.
    pub(crate) limits: Arc<[Limit]>,
}

/// Rules in use, by purpose.
#[derive(Debug)]
pub(crate) struct Policies(Cache<Purpose, Rules>);

impl Policies {
    pub(crate) fn new() -> Self {
        Self(Cache::new())
    }

    /// The rules of `purpose`.
    ///
    /// # Errors
    /// Those of the database; a purpose whose row was deleted is one too.
    pub(crate) async fn find(&self, pool: &PgPool, purpose: Purpose) -> sqlx::Result<Rules> {
        self.0.get(&purpose, async || load(pool, purpose).await).await?.ok_or(sqlx::Error::RowNotFound)
    }

    /// Forgets all rules: some were changed here.
    pub(crate) fn forget(&self) {
        for purpose in Purpose::ALL {
            self.0.forget(&purpose);
        }
    }
}

async fn load(pool: &PgPool, purpose: Purpose) -> sqlx::Result<Option<Rules>> {
    let policies = otp_policies::list_policies(pool).await?;
    let policy = policies.iter().filter_map(PolicyRow::policy).find(|policy| policy.purpose == purpose);
    let Some(policy) = policy else { return Ok(None) };
    let limits = otp_policies::list_limits(pool).await?;
    let limits = limits.iter().filter_map(LimitRow::limit).chain([policy.send_limit()]).collect();
    Ok(Some(Rules { policy: Arc::new(policy), limits }))
}
