//! A lane that no provider is open for: what of it cannot wait.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use shared::db::within;
use shared::ids::{MessageId, WorkerId};
use shared::lane::Lane;
use shared::store::outbox;
use sqlx::PgConnection;

use super::{Claimer, LARGEST, PATIENCE, USEFUL};

/// Looking through a deep backlog for what has expired may take so long.
const EXPIRE_PATIENCE: Duration = Duration::from_secs(20);
/// How long after the last time the expired of a closed lane are ended at the earliest …
const EXPIRE_EVERY: Duration = Duration::from_secs(1);
/// … and how many times the cost of the last time.
const EXPIRE_COST: u32 = 20;

impl Claimer {
    /// Ends what expires while the lane is closed, and lets promo go that would expire before its
    /// provider is back.
    pub(super) async fn look_while_closed(
        &mut self,
        db: &mut PgConnection,
        worker: WorkerId,
    ) -> sqlx::Result<()> {
        let began = Instant::now();
        if self.expire_due > began {
            return Ok(());
        }
        // Also for a look that fails.
        self.expire_due = began + EXPIRE_EVERY;
        let most = i64::try_from(LARGEST).unwrap_or(i64::MAX);
        let ended = within(EXPIRE_PATIENCE, outbox::end_expired(db, worker, self.parts.lane, most)).await?;
        self.parts.unsent.note(self.parts.lane, ended.iter().cloned());
        if self.parts.lane == Lane::Promo
            && let Some(before) = self.parts.roster.promo_moves_on_before()
        {
            self.claim_expiring(db, worker, before).await?;
        }
        // A deep backlog is walked for this: not too often.
        self.expire_due = Instant::now() + EXPIRE_EVERY.max(began.elapsed() * EXPIRE_COST);
        if !ended.is_empty() {
            tracing::info!(messages = ended.len(), lane = %self.parts.lane, "messages expired while no provider was open");
        }
        Ok(())
    }

    /// Looks first and claims then: from a claim a message must leave within a second.
    async fn claim_expiring(
        &mut self,
        db: &mut PgConnection,
        worker: WorkerId,
        before: DateTime<Utc>,
    ) -> sqlx::Result<()> {
        let (lane, most) = (self.parts.lane, i64::try_from(USEFUL).unwrap_or(i64::MAX));
        let found = within(EXPIRE_PATIENCE, outbox::list_expiring(&mut *db, lane, before, most)).await?;
        let began = Instant::now();
        let free = |_: &MessageId| self.dispatch.slots.clone().try_acquire_owned().ok();
        let slots: Vec<_> = found.iter().map_while(free).collect();
        if slots.is_empty() {
            return Ok(());
        }
        let people = self.parts.keyring.people();
        let claim = outbox::claim_these(db, people, worker, lane, &found[..slots.len()]);
        let rows = within(PATIENCE, claim).await?;
        self.hand_out(rows, worker, began, slots);
        Ok(())
    }
}
