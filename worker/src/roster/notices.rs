//! What the other workers are told of a provider's pauses: the latest, however often it changes. When
//! many calls under way hear "slow down" one after the other, each may prolong the pause a little.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use shared::store::provider_state;
use sqlx::PgPool;
use tokio::sync::Notify;

/// How long news gather after some were written. Others look several times a second only.
const GATHER: Duration = Duration::from_millis(100);

/// News that nobody was told yet, by provider.
#[derive(Debug, Default)]
pub(super) struct Notices {
    unwritten: Mutex<HashMap<String, Notice>>,
    wake: Notify,
}

/// News of one provider: perhaps that a row of pauses is over, then perhaps that it pauses.
#[derive(Debug, Default)]
struct Notice {
    recovered: bool,
    pause: Option<(DateTime<Utc>, i16)>,
}

impl Notices {
    pub(super) fn paused(&self, provider: &str, until: DateTime<Utc>, pauses: i16) {
        self.change(provider, |notice| notice.pause = notice.pause.max(Some((until, pauses))));
    }

    pub(super) fn recovered(&self, provider: &str) {
        self.change(provider, |notice| *notice = Notice { recovered: true, pause: None });
    }

    fn change(&self, provider: &str, change: impl FnOnce(&mut Notice)) {
        let mut unwritten = self.unwritten.lock().unwrap_or_else(PoisonError::into_inner);
        change(unwritten.entry(provider.to_owned()).or_default());
        drop(unwritten);
        self.wake.notify_one();
    }

    /// Writes them down until dropped.
    pub(super) async fn write(&self, pool: &PgPool) {
        loop {
            self.wake.notified().await;
            let news = std::mem::take(&mut *self.unwritten.lock().unwrap_or_else(PoisonError::into_inner));
            for (provider, notice) in news {
                if let Err(error) = notice.write(pool, &provider).await {
                    tracing::debug!(%error, provider.id = provider, "only this worker knows of a pause or its end");
                }
            }
            tokio::time::sleep(GATHER).await;
        }
    }
}

impl Notice {
    async fn write(&self, pool: &PgPool, provider: &str) -> sqlx::Result<()> {
        if self.recovered {
            provider_state::clear(pool, provider).await?;
        }
        if let Some((until, pauses)) = self.pause {
            provider_state::pause(pool, provider, until, pauses).await?;
        }
        Ok(())
    }
}
