//! Tells the pumping guard of codes that no provider took: nobody could type them in, and an outage must not look like fraud.
//!
//! What waits here when a process dies is not told: the guard takes those few for codes that did not come back.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use shared::db::{is_away, is_too_slow, within};
use shared::lane::Lane;
use shared::store::guard::{self, Unsent};
use sqlx::PgPool;

/// What may wait to be told; beyond, with the database away, it is not.
const MOST: usize = 20_000;
/// So much of that may be texts, few of which carry codes.
const MOST_TEXTS: usize = MOST / 2;
/// So many are told at once: their subjects are held until all of them are taken back, and starts wait for those.
const AT_ONCE: usize = 200;
const TICK: Duration = Duration::from_millis(500);
/// What takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(2);
/// So often the same codes are told, then the guard goes without them.
const TRIES: u32 = 5;
/// How long a worker that stops goes on telling.
const FAREWELL: Duration = Duration::from_secs(2);

/// What ended unsent and is still to be told.
#[derive(Debug, Default)]
pub(crate) struct UnsentCodes(Mutex<VecDeque<Unsent>>);

impl UnsentCodes {
    /// Takes what of `lane` has ended unsent; no promo carries a code.
    pub(crate) fn note(&self, lane: Lane, unsent: impl Iterator<Item = Unsent>) {
        let most = match lane {
            Lane::Otp => MOST,
            Lane::Transactional => MOST_TEXTS,
            Lane::Promo => return,
        };
        let mut unsent = unsent.peekable();
        if unsent.peek().is_some() {
            let mut waiting = self.lock();
            let room = most.saturating_sub(waiting.len());
            waiting.extend(unsent.take(room));
        }
    }

    /// The oldest of them.
    fn some(&self) -> Vec<Unsent> {
        self.lock().iter().take(AT_ONCE).cloned().collect()
    }

    fn forget(&self, many: usize) {
        self.lock().drain(..many);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Unsent>> {
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
        if let Err(error) = within(PATIENCE, take_back(pool, &some)).await {
            // Kept until it is back, as far as there is room.
            failures += u32::from(!is_away(&error) || is_too_slow(&error));
            if failures < TRIES {
                tracing::debug!(%error, "the pumping guard cannot be told which codes were not sent");
                tokio::time::sleep(TICK).await;
                continue;
            }
            tracing::error!(%error, codes = some.len(), "the pumping guard was not told which codes were not sent");
        }
        failures = 0;
        codes.forget(some.len());
    }
}

/// Tells the rest, of a worker that stops, as far as there is time.
pub(crate) async fn finish(pool: &PgPool, codes: &UnsentCodes) {
    let rest = async {
        loop {
            let some = codes.some();
            if some.is_empty() {
                return Ok(());
            }
            take_back(pool, &some).await?;
            codes.forget(some.len());
        }
    };
    if let Err(error) = within(FAREWELL, rest).await {
        tracing::warn!(%error, "the pumping guard was not told of all codes that were not sent");
    }
}

async fn take_back(pool: &PgPool, some: &[Unsent]) -> sqlx::Result<()> {
    let settings = guard::find_settings(pool).await?;
    let mut tx = pool.begin().await?;
    guard::take_back(&mut tx, &settings, some).await?;
    tx.commit().await
}
