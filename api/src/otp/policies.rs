//! What purposes allow and how often codes may be sent, as requests use it.

use std::sync::Arc;

use shared::limits::Limit;
use shared::otp_policy::{Policy, Purpose};
use shared::store::otp_policies::{self, LimitRow, PolicyRow};
use sqlx::PgPool;

use crate::cache::Cache;

/// The policy of one purpose, and the limits of its sends.
#[derive(Debug)]
pub(crate) struct Rules {
    /// What it allows.
    pub(crate) policy: Policy,
    /// How often its codes may be sent.
    pub(crate) limits: Arc<[Limit]>,
}

/// The rules of all purposes.
#[derive(Clone, Debug)]
pub(crate) struct RuleBook {
    purposes: Arc<[Rules]>,
    limits: Arc<[Limit]>,
}

impl RuleBook {
    /// The limits that an operator has set, for whatever purpose.
    pub(crate) fn limits(&self) -> &[Limit] {
        &self.limits
    }

    /// The rules of `purpose`.
    ///
    /// # Errors
    /// Somebody has deleted the row of that purpose.
    pub(crate) fn of(&self, purpose: Purpose) -> sqlx::Result<&Rules> {
        self.purposes.iter().find(|rules| rules.policy.purpose == purpose).ok_or(sqlx::Error::RowNotFound)
    }
}

/// Rules in use.
#[derive(Debug)]
pub(crate) struct Policies(Cache<(), RuleBook>);

impl Policies {
    pub(crate) fn new() -> Self {
        Self(Cache::new())
    }

    /// All rules. Not to be asked for within a transaction: with every connection of the pool in one, nobody would have
    /// one left to look.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn all(&self, pool: &PgPool) -> sqlx::Result<RuleBook> {
        let known = self.0.get(&(), || load(pool.clone())).await?;
        known.ok_or(sqlx::Error::RowNotFound)
    }

    /// Forgets all rules: some were changed here.
    pub(crate) fn forget(&self) {
        self.0.forget(&());
    }
}

async fn load(pool: PgPool) -> sqlx::Result<Option<RuleBook>> {
    let policies = otp_policies::list_policies(&pool).await?;
    let limits = otp_policies::list_limits(&pool).await?;
    let limits: Arc<[Limit]> = limits.iter().filter_map(LimitRow::limit).collect();
    let rules = policies.iter().filter_map(PolicyRow::policy).map(|policy| {
        let limits = limits.iter().cloned().chain([policy.send_limit()]).collect();
        Rules { policy, limits }
    });
    Ok(Some(RuleBook { purposes: rules.collect(), limits: Arc::clone(&limits) }))
}
