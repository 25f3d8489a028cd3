//! The sandbox: takes every message and puts it into an inbox that developers read. Nothing leaves the machine.

use async_trait::async_trait;
use sqlx::PgPool;

use super::{OutgoingSms, Provider, ProviderReference, SendError, VendorAnswer};
use crate::lane::Lane;
use crate::store::sandbox_inbox;

/// How often the inbox is cut to its length: every so many messages.
const TRIM_EVERY: i64 = 100;

/// Delivers to `smsgw.sandbox_inbox`.
pub struct Sandbox {
    pool: PgPool,
}

impl Sandbox {
    /// An inbox in the database of `pool`.
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }
}

#[async_trait]
impl Provider for Sandbox {
    fn takes_plain_text(&self, _: Lane) -> bool {
        true
    }

    async fn send(&self, sms: &OutgoingSms) -> Result<ProviderReference, SendError> {
        let id = sandbox_inbox::insert(&self.pool, sms).await.map_err(|error| not_stored(&error))?;
        if id % TRIM_EVERY == 0
            && let Err(error) = sandbox_inbox::trim(&self.pool).await
        {
            tracing::warn!(%error, "the sandbox's inbox could not be trimmed");
        }
        Ok(ProviderReference { id: format!("sandbox-{id}"), status_code: None })
    }
}

fn not_stored(error: &sqlx::Error) -> SendError {
    tracing::debug!(%error, "the sandbox could not store a message");
    let answer = VendorAnswer { reason: "database", ..VendorAnswer::default() };
    match error {
        // No connection was had, or the database said no.
        sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Database(_) => {
            SendError::Unavailable { answer }
        }
        _ => SendError::InDoubt { answer },
    }
}
