//! What can be stored in groups: messages, and OTP sessions with theirs; checks of codes are in [`super::checks`].

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use shared::db::Use;
use shared::ids::{MessageId, WorkerId};
use shared::lane::Lane;
use shared::message::NewMessage;
use shared::store::intake::{self, NewOtp, Started};
use shared::store::outbox::Claimed;
use sqlx::{Connection as _, PgConnection};

use super::Shared;

/// Rows of one kind, stored many in one transaction.
pub(super) trait Storable: Sized + Send + Sync + 'static {
    /// What each row's caller is told.
    type Answer: Send + 'static;

    /// What its flushers' connections are for.
    const USE: Use = Use::Intake("smsgw intake");

    /// Stores all rows or none, and answers each in their order.
    fn store(
        db: &mut PgConnection,
        rows: &[&Self],
        shared: &Shared,
    ) -> impl Future<Output = sqlx::Result<Vec<Self::Answer>>> + Send;

    /// Stores those rows that an earlier try, whose answer was lost, has not stored.
    fn store_again(
        db: &mut PgConnection,
        rows: &[&Self],
    ) -> impl Future<Output = sqlx::Result<Vec<Self::Answer>>> + Send;

    /// Whom to wake for a row with this answer; nobody unless something waits to be sent.
    fn wakes(&self, _: &Self::Answer) -> Option<Lane> {
        None
    }

    /// Whether a code was stored, of which it matters how long it has waited for that.
    fn is_code(&self, _: &Self::Answer) -> bool {
        false
    }
}

/// Where a stored text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    /// In the outbox, where a worker has to claim it.
    Waits,
    /// In the hands of this process's worker.
    HandedOver,
}

impl Stored {
    fn of(id: MessageId, claimed: &[Claimed]) -> Self {
        if claimed.iter().any(|one| one.message.id == id) { Self::HandedOver } else { Self::Waits }
    }
}

impl Storable for NewMessage {
    type Answer = Stored;

    async fn store(db: &mut PgConnection, rows: &[&Self], shared: &Shared) -> sqlx::Result<Vec<Stored>> {
        let ids: Vec<_> = rows.iter().filter(|row| intake::is_claimable(row)).map(|row| row.id).collect();
        let Some(places) = shared.handoff.reserve(Lane::Transactional, &ids) else {
            intake::insert(db, rows).await?;
            return Ok(vec![Stored::Waits; rows.len()]);
        };
        let people = shared.keyring.people();
        let claimed = intake::insert_claimed(db, people, places.worker(), &ids, rows).await?;
        let stored = rows.iter().map(|row| Stored::of(row.id, &claimed)).collect();
        places.take(claimed);
        Ok(stored)
    }

    async fn store_again(db: &mut PgConnection, rows: &[&Self]) -> sqlx::Result<Vec<Stored>> {
        intake::insert_again(db, rows).await?;
        Ok(vec![Stored::Waits; rows.len()])
    }

    fn wakes(&self, stored: &Stored) -> Option<Lane> {
        (*stored == Stored::Waits).then_some(self.lane)
    }
}

/// How many groups of codes this process is storing, and when one that seemed to be alone was in another process's way.
#[derive(Debug, Default)]
pub(super) struct UnderWay {
    groups: AtomicUsize,
    last_met: Mutex<Option<Instant>>,
}

/// After it was in another's way, a process takes none for alone for so long: each that is not costs the database more than
/// one that waits, and a line in its log.
const WARY: Duration = Duration::from_secs(1);

/// One of the groups, until it is dropped.
struct Group<'a> {
    under_way: &'a UnderWay,
    is_alone: bool,
}

impl UnderWay {
    fn begin(&self) -> Group<'_> {
        let is_first = self.groups.fetch_add(1, Ordering::Relaxed) == 0;
        let is_wary = || self.last_met().is_some_and(|at| at.elapsed() < WARY);
        Group { is_alone: is_first && !is_wary(), under_way: self }
    }

    fn last_met(&self) -> MutexGuard<'_, Option<Instant>> {
        self.last_met.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Group<'_> {
    fn drop(&mut self) {
        self.under_way.groups.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Whoever holds what it has read waits for whom it must.
const BEGIN_TO_HOLD: &str = "begin; set local lock_timeout = 0";

/// Starts sessions. One that comes while no other is under way is not likely to be in the way of another.
async fn start(
    db: &mut PgConnection,
    rows: &[&NewOtp],
    worker: Option<WorkerId>,
    under_way: &UnderWay,
) -> sqlx::Result<(Vec<Started>, Vec<Claimed>)> {
    let group = under_way.begin();
    if let (true, [row]) = (group.is_alone, rows)
        && row.is_decided_by_rows()
    {
        if let Some((started, claimed)) = intake::start_session_at_once(db, row, worker).await? {
            return Ok((vec![started], Vec::from_iter(claimed)));
        }
        *under_way.last_met() = Some(Instant::now());
    }
    let mut tx = db.begin_with(BEGIN_TO_HOLD).await?;
    let stored = intake::start_sessions_claimed(&mut tx, rows, worker).await?;
    tx.commit().await?;
    Ok(stored)
}

impl Storable for NewOtp {
    type Answer = (Started, Stored);

    const USE: Use = Use::Codes("smsgw intake");

    async fn store(
        db: &mut PgConnection,
        rows: &[&Self],
        shared: &Shared,
    ) -> sqlx::Result<Vec<Self::Answer>> {
        let ids: Vec<_> = rows.iter().map(|row| row.message.id).collect();
        let places = shared.handoff.reserve(Lane::Otp, &ids);
        let worker = places.as_ref().map(|places| places.worker());
        let (started, claimed) = start(db, rows, worker, &shared.under_way).await?;
        let stored: Vec<_> = ids.iter().map(|id| Stored::of(*id, &claimed)).collect();
        // Not before: what is committed is the intent to send.
        if let Some(places) = places {
            places.take(claimed);
        }
        Ok(started.into_iter().zip(stored).collect())
    }

    async fn store_again(db: &mut PgConnection, rows: &[&Self]) -> sqlx::Result<Vec<Self::Answer>> {
        let mut tx = db.begin_with(BEGIN_TO_HOLD).await?;
        let started = intake::start_sessions_again(&mut tx, rows).await?;
        tx.commit().await?;
        Ok(started.into_iter().map(|started| (started, Stored::Waits)).collect())
    }

    fn wakes(&self, (started, stored): &Self::Answer) -> Option<Lane> {
        (started.is_ok() && *stored == Stored::Waits).then_some(Lane::Otp)
    }

    fn is_code(&self, (started, _): &Self::Answer) -> bool {
        started.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_alone_if_no_other_is_stored_and_none_was_met_of_late() {
        let under_way = UnderWay::default();
        let first = under_way.begin();
        assert_eq!((first.is_alone, under_way.begin().is_alone), (true, false));
        drop(first);
        assert!(under_way.begin().is_alone);
        *under_way.last_met() = Some(Instant::now());
        assert!(!under_way.begin().is_alone);
        *under_way.last_met() = Instant::now().checked_sub(WARY);
        assert!(under_way.begin().is_alone);
    }
}
