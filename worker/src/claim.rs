//! Claiming: takes due messages for one lane, no more than can leave at once.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use shared::db::{Use, within};
use shared::ids::{MessageId, WorkerId};
use shared::lane::Lane;
use shared::store::outbox::{self, Claimed, Watermark};
use shared::store::workers;
use sqlx::PgConnection;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

use crate::dispatch::Dispatch;
use crate::held::Held;
use crate::lane::LaneParts;

mod closed;

/// A statement that takes longer is lost with its connection; `recover` finds what it claimed.
const PATIENCE: Duration = Duration::from_secs(3);
/// An idle lane asks this often, should a wake-up be lost.
const POLL: Duration = Duration::from_millis(25);
/// A closed lane, or a worker without standing, looks again this often.
const CLOSED_POLL: Duration = Duration::from_millis(50);
/// A claim's own cost is that of twenty rows, so bulk waits this long after one of many, for slots and for rows …
const CLAIM_PATIENCE: Duration = Duration::from_millis(4);
/// … unless so many slots are free …
const USEFUL: usize = 64;
/// … and only this long for slots after one of few: a slow vendor frees them seldom, and they should not idle.
const SHORT_PATIENCE: Duration = Duration::from_millis(2);
const FEW: usize = 16;
/// At most this many rows a claim …
const LARGEST: usize = 500;
/// … and while codes come: a code's commit waits for what promo has handed to the disk before it.
const LARGEST_BESIDE_CODES: usize = 100;
/// When the oldest code has waited this long, half of the claims begin at the newest.
const STALE_CODE: Duration = Duration::from_secs(5);
/// How often claimed rows that nobody here holds are handed back.
const RECOVER_EVERY: Duration = Duration::from_secs(5);
/// How often an empty lane's mark is moved on.
const PASS_EVERY: Duration = Duration::from_secs(1);

/// Fills one lane's queue.
pub(crate) struct Claimer {
    parts: LaneParts,
    dispatch: Arc<Dispatch>,
    newest_next: bool,
    /// When bulk should no longer wait for more slots.
    due: Instant,
    recover_due: Instant,
    expire_due: Instant,
    pass_due: Instant,
}

/// Whether there may be more to claim at once.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    /// As many as asked for.
    Plenty,
    /// Fewer, but so many come that the next claim finds more if it waits a little.
    Several,
    /// The lane is empty for now.
    Few,
}

impl Claimer {
    pub(crate) fn new(parts: LaneParts, dispatch: Arc<Dispatch>) -> Self {
        let now = Instant::now();
        Self {
            parts,
            dispatch,
            newest_next: false,
            due: now,
            recover_due: now,
            expire_due: now,
            pass_due: now,
        }
    }

    /// Claims until told to stop.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut trouble = false;
        while !stop.is_cancelled() {
            let connected = self.parts.database.connect(Use::Queue("smsgw claim")).await;
            let ended = match connected {
                Ok(mut db) => {
                    trouble = false;
                    self.claim_until(&mut db, &stop).await
                }
                Err(error) => Err(error),
            };
            if let Err(error) = ended {
                if !std::mem::replace(&mut trouble, true) {
                    tracing::warn!(%error, lane = %self.parts.lane, "claiming pauses until the database is back");
                }
                self.recover_due = Instant::now();
                let pause = tokio::time::sleep(Duration::from_millis(200));
                tokio::select! { () = pause => (), () = stop.cancelled() => () }
            }
        }
    }

    async fn claim_until(&mut self, db: &mut PgConnection, stop: &CancellationToken) -> sqlx::Result<()> {
        while !stop.is_cancelled() {
            let Some(worker) = self.parts.presence.standing() else {
                self.rest(CLOSED_POLL, stop).await;
                continue;
            };
            self.recover(db, worker).await?;
            if !self.parts.roster.is_open(self.parts.lane) {
                self.look_while_closed(db, worker).await?;
                self.rest(CLOSED_POLL, stop).await;
                continue;
            }
            let slots = tokio::select! {
                slots = self.free_slots() => slots,
                // Perhaps all that it waits for.
                () = self.dispatch.has_lost() => continue,
                () = stop.cancelled() => break,
            };
            if slots.is_empty() {
                // Until a claim says otherwise, others wait for what the providers let go.
                self.dispatch.learn_wait(Some(Duration::MAX));
                self.rest(Duration::from_millis(10), stop).await;
                continue;
            }
            match self.claim(db, worker, slots).await? {
                Found::Plenty => (),
                Found::Several => self.rest(self.due.saturating_duration_since(Instant::now()), stop).await,
                Found::Few => {
                    let woken = self.parts.wake.notified(self.parts.lane);
                    tokio::select! { () = woken => (), () = self.rest(POLL, stop) => () }
                }
            }
        }
        Ok(())
    }

    async fn rest(&self, time: Duration, stop: &CancellationToken) {
        tokio::select! { () = tokio::time::sleep(time) => (), () = stop.cancelled() => () }
    }

    /// Takes the slots that are free, waiting for the first one, and no more than the providers
    /// will let go soon.
    async fn free_slots(&self) -> Vec<OwnedSemaphorePermit> {
        let mut slots = Vec::with_capacity(USEFUL);
        let releasable = self.parts.roster.releasable(self.parts.lane);
        let releasable = releasable.saturating_sub(self.dispatch.promised()).min(self.allowance());
        if releasable == 0 {
            return slots;
        }
        if let Ok(first) = self.dispatch.slots.clone().acquire_owned().await {
            slots.push(first);
        }
        if self.parts.lane != Lane::Otp
            && self.dispatch.slots.available_permits() + 1 < USEFUL.min(releasable)
        {
            tokio::time::sleep_until(self.due.into()).await;
        }
        while slots.len() < releasable {
            let Ok(slot) = self.dispatch.slots.clone().try_acquire_owned() else { break };
            slots.push(slot);
        }
        slots
    }

    /// What the lane may take on at once, besides what it has under way; only promo steps back for codes.
    fn allowance(&self) -> usize {
        if self.parts.lane != Lane::Promo {
            // What a claim does not find, nobody else can use meanwhile: it leaves room for what is handed over.
            return if self.dispatch.is_behind() {
                LARGEST
            } else {
                self.parts.slots.div_ceil(4).min(LARGEST)
            };
        }
        let (congestion, now) = (&self.parts.congestion, Instant::now());
        let under_way = self.parts.slots - self.dispatch.slots.available_permits();
        let left = congestion.allowed(self.parts.slots, now).saturating_sub(under_way);
        left.min(if congestion.has_codes(now) { LARGEST_BESIDE_CODES } else { LARGEST })
    }

    async fn claim(
        &mut self,
        db: &mut PgConnection,
        worker: WorkerId,
        slots: Vec<OwnedSemaphorePermit>,
    ) -> sqlx::Result<Found> {
        let began = Instant::now();
        let limit = i64::try_from(slots.len()).unwrap_or(i64::MAX);
        let newest_first = std::mem::take(&mut self.newest_next);
        let rows = if newest_first {
            within(PATIENCE, outbox::claim_newest_codes(db, worker, limit)).await?
        } else {
            let (watermark, rewinds) = self.parts.mark.read();
            let after = looking_back(self.parts.lane, watermark);
            let people = self.parts.keyring.people();
            let claim = outbox::claim(db, people, worker, self.parts.lane, after, limit);
            let rows = within(PATIENCE, claim).await?;
            if let Some(last) = rows.last() {
                let last = Watermark { due_at: last.message.due_at, seq: last.message.seq };
                self.parts.mark.advance(rewinds, last);
            } else {
                self.pass_over_the_dead(db, watermark, rewinds).await?;
            }
            rows
        };
        let waited = rows.first().map(|head| (head.now - head.message.due_at).to_std().unwrap_or_default());
        if !newest_first {
            self.dispatch.learn_wait(waited);
        }
        if let (Some(head), Some(waited)) = (rows.first(), waited) {
            self.parts.clock.observe(head.now, began);
            self.learn_from_wait(head, waited, newest_first);
        }
        let is_few = rows.len() < FEW;
        self.due = Instant::now() + if is_few { SHORT_PATIENCE } else { CLAIM_PATIENCE };
        let found = match self.parts.lane {
            _ if rows.len() == slots.len() => Found::Plenty,
            Lane::Transactional | Lane::Promo if !is_few => Found::Several,
            _ => Found::Few,
        };
        self.hand_out(rows, worker, began, slots);
        Ok(found)
    }

    /// A claim that found nothing moves the mark on too, so that the next need not walk the same dead
    /// entries again. But only past what is not there: it also finds nothing while the lane is
    /// paused, while others hold every row, and when this worker is struck off.
    async fn pass_over_the_dead(
        &mut self,
        db: &mut PgConnection,
        mark: Watermark,
        rewinds: u64,
    ) -> sqlx::Result<()> {
        let to = Watermark::at(self.parts.clock.now() - Duration::from_secs(1));
        if self.pass_due > Instant::now() || to <= mark {
            return Ok(());
        }
        self.pass_due = Instant::now() + PASS_EVERY;
        let late = within(PATIENCE, outbox::find_late(db, self.parts.lane, mark, to)).await?;
        if late.first.is_none() {
            self.parts.mark.advance(rewinds, to);
        }
        Ok(())
    }

    /// Codes that wait make promo step back; if the oldest is probably useless already, every other
    /// claim takes the newest, which somebody is still looking at the screen for.
    fn learn_from_wait(&mut self, head: &Claimed, waited: Duration, newest_first: bool) {
        if self.parts.lane == Lane::Otp {
            // A later try has no wake-up and waits for a poll: that is not congestion.
            if head.message.attempts == 0 {
                self.parts.congestion.observe(waited, Instant::now());
            }
            self.newest_next = !newest_first && waited > STALE_CODE;
        }
    }

    fn hand_out(
        &self,
        rows: Vec<Claimed>,
        worker: WorkerId,
        began: Instant,
        slots: Vec<OwnedSemaphorePermit>,
    ) {
        if !rows.is_empty() {
            self.parts.measures.claim_size.record(rows.len() as f64);
        }
        self.dispatch.hand_out(rows, slots, worker, self.dispatch.number(), began);
    }

    /// Hands back rows that carry our name but are not held here: those of a claim or a handoff whose answer was lost.
    async fn recover(&mut self, db: &mut PgConnection, worker: WorkerId) -> sqlx::Result<()> {
        let lost = self.dispatch.lost();
        if lost.is_empty() && self.recover_due > Instant::now() {
            return Ok(());
        }
        self.recover_due = Instant::now() + RECOVER_EVERY;
        let looked = async {
            if !lost.is_empty() {
                within(PATIENCE, workers::outwait_stores(&mut *db, worker)).await?;
            }
            hand_back_lost(&mut *db, worker, self.parts.lane, &self.dispatch.held).await
        };
        let looked = looked.await;
        if looked.is_err() {
            // Nobody knows yet; the next connection begins with a look.
            lost.into_iter().for_each(|slots| self.dispatch.lose(slots));
        }
        looked
    }
}

/// See [`Claimer::recover`].
pub(crate) async fn hand_back_lost(
    db: &mut PgConnection,
    worker: WorkerId,
    lane: Lane,
    held: &Held,
) -> sqlx::Result<()> {
    let stored = within(PATIENCE, outbox::list_held(&mut *db, worker, lane)).await?;
    // In this order: what is seen to be stored was held before, unless it has ended.
    let known: HashSet<MessageId> = held.ids().into_iter().collect();
    let lost: Vec<MessageId> = stored.into_iter().filter(|id| !known.contains(id)).collect();
    if !lost.is_empty() {
        let back = within(PATIENCE, outbox::hand_back(db, worker, &lost)).await?;
        if back > 0 {
            tracing::warn!(messages = back, %lane, "messages whose claim was not answered were handed back unsent");
        }
    }
    Ok(())
}

/// Where a claim begins: at the mark, or for codes a little before it, so that two that were
/// committed in the other order need not wait for the sweep. Bulk would walk too many dead rows.
fn looking_back(lane: Lane, watermark: Watermark) -> Watermark {
    match lane {
        Lane::Otp if watermark > Watermark::START => {
            Watermark::at(watermark.due_at - Duration::from_millis(100))
        }
        Lane::Otp | Lane::Transactional | Lane::Promo => watermark,
    }
}
