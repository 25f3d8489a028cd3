//! Tells the pumping guard of codes that no provider took: nobody could type them in, and an outage must not look like fraud.
//!
//! What waits here when a process ends is not told: the guard takes those few for codes that did not come back.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use shared::db::{is_away, within};
use shared::message::{OutboxMessage, Status};
use shared::phone::PhoneNumber;
use shared::store::guard::{self, Unsent};
use sqlx::PgPool;

/// Codes that may wait to be told; beyond, with the database away, they are not.
const MOST: usize = 20_000;
/// So many are told at once: their subjects are held until all of them are taken back.
const AT_ONCE: usize = 500;
const TICK: Duration = Duration::from_millis(500);
/// What takes longer is lost with its connection.
const PATIENCE: Duration = Duration::from_secs(5);
/// So often the same codes are told, then the guard goes without them.
const TRIES: u32 = 20;

/// Codes that ended unsent and are still to be told.
#[derive(Debug, Default)]
pub(crate) struct UnsentCodes(Mutex<Vec<Unsent>>);

impl UnsentCodes {
    /// Takes a message whose end is written, if it may have carried a code and was not sent.
    pub(crate) fn note(&self, message: &OutboxMessage, status: Status) {
        if !matches!(status, Status::Failed | Status::Expired | Status::Suppressed) {
            return;
        }
        let mut waiting = self.lock();
        if waiting.len() < MOST {
            let phone = PhoneNumber::stored(message.to.clone());
            waiting.push(Unsent { message: message.id, session: message.session_id, phone });
        }
    }

    /// The oldest of them.
    fn some(&self) -> Vec<Unsent> {
        self.lock().iter().take(AT_ONCE).cloned().collect()
    }

    fn forget(&self, many: usize) {
        self.lock().drain(..many);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Unsent>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells until dropped.
pub(crate) async fn run(pool: &PgPool, codes: &UnsentCodes) {
    let mut failures = 0;
    loop {
        let some = codes.some();
        if some.is_empty() {
            tokio::time::sleep(TICK).await;
            continue;
        }
        match within(PATIENCE, take_back(pool, &some)).await {
            Ok(()) => (),
            Err(error) => {
                failures += u32::from(!is_away(&error));
                if failures < TRIES {
                    tracing::debug!(%error, "the pumping guard cannot be told which codes were not sent");
                    tokio::time::sleep(TICK).await;
                    continue;
                }
                tracing::error!(%error, codes = some.len(), "the pumping guard was not told which codes were not sent");
            }
        }
        failures = 0;
        codes.forget(some.len());
    }
}

async fn take_back(pool: &PgPool, some: &[Unsent]) -> sqlx::Result<()> {
    let outlook = guard::outlook(pool).await?;
    let mut tx = pool.begin().await?;
    guard::take_back(&mut tx, &outlook, some).await?;
    tx.commit().await
}
