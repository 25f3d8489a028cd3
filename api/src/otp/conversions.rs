//! Tells the pumping guard of codes that came back, off the callers' way. Whatever happens to it here, the log of checks and
//! the brake do not wait for it.

use std::collections::VecDeque;
use std::time::Duration;

use shared::db::{is_away, is_too_slow, within};
use shared::phone::PhoneNumber;
use shared::store::guard::{self, Conversion};
use shared::store::otp_checks::{Check, CheckOutcome};
use sqlx::PgPool;

use super::guard::Guard;

/// Codes that may wait to be told; beyond, with the database away, the guard takes them for codes that did not come back.
const QUEUE_LENGTH: usize = 20_000;
/// So many are told at once: their subjects are held until all of them are counted.
const AT_ONCE: usize = 500;
/// What takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(2);
/// So often the same codes are told, a tenth of a second apart, then the guard goes without them.
const TRIES: u32 = 100;

/// Codes that came back and are still to be told. Told twice they count once.
#[derive(Debug)]
pub(super) struct Conversions {
    pool: PgPool,
    guard: Guard,
    waiting: VecDeque<Conversion>,
    /// How often the first of them could not be told.
    failures: u32,
}

impl Conversions {
    pub(super) fn new(pool: PgPool, guard: Guard) -> Self {
        Self { pool, guard, waiting: VecDeque::new(), failures: 0 }
    }

    /// Takes the right ones of `checks`.
    pub(super) fn take(&mut self, checks: &[Check]) {
        let right = checks.iter().filter(|check| check.outcome == CheckOutcome::Right);
        let room = QUEUE_LENGTH.saturating_sub(self.waiting.len());
        self.waiting.extend(right.take(room).map(conversion));
    }

    /// Tells the guard a little of what waits; of the rest the next time, or at once if this is the last.
    pub(super) async fn tell(&mut self, is_last: bool) {
        if let Err(error) = within(PATIENCE, self.count_sends()).await {
            tracing::warn!(%error, "sends of codes cannot be counted for their countries");
        }
        while self.tell_some().await && is_last {}
    }

    /// Whether some were told and others wait.
    async fn tell_some(&mut self) -> bool {
        let many = self.waiting.len().min(AT_ONCE);
        if many == 0 {
            return false;
        }
        let some: Vec<Conversion> = self.waiting.iter().take(many).cloned().collect();
        match within(PATIENCE, self.convert(&some)).await {
            Ok(()) => (),
            // Kept until it is back, as far as there is room.
            Err(error) if is_away(&error) && !is_too_slow(&error) => return false,
            Err(error) => {
                self.failures += 1;
                if self.failures == 1 {
                    tracing::warn!(%error, "the pumping guard cannot be told which codes came back");
                }
                if self.failures < TRIES {
                    return false;
                }
                tracing::error!(%error, codes = many, "the pumping guard was not told which codes came back");
            }
        }
        self.failures = 0;
        self.waiting.drain(..many);
        !self.waiting.is_empty()
    }

    async fn convert(&self, some: &[Conversion]) -> sqlx::Result<()> {
        let outlook = self.guard.outlook(&self.pool).await?;
        let mut tx = self.pool.begin().await?;
        guard::convert(&mut tx, &outlook, some).await?;
        tx.commit().await
    }

    /// Counts what was sent to countries with plenty of credits. What cannot be counted now is not counted at all.
    async fn count_sends(&self) -> sqlx::Result<()> {
        let sends = self.guard.take_uncounted();
        if sends.is_empty() {
            return Ok(());
        }
        let outlook = self.guard.outlook(&self.pool).await?;
        let mut tx = self.pool.begin().await?;
        guard::count_sends(&mut tx, &outlook, &sends).await?;
        tx.commit().await
    }
}

/// What the pumping guard is told of a right code.
fn conversion(check: &Check) -> Conversion {
    Conversion { session: check.session, phone: PhoneNumber::stored(check.phone.clone()) }
}
