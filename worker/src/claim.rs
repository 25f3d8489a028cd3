//! Claiming: takes due messages for one lane, no more than can leave at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use shared::db::{Use, within};
use shared::ids::WorkerId;
use shared::lane::Lane;
use shared::message::Status;
use shared::store::acks::{Finished, Rescheduled};
use shared::store::outbox::{self, Claimed, Halted, Watermark};
use sqlx::PgConnection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use crate::ack::{Acks, Verdict};
use crate::held::Held;
use crate::lane::LaneParts;
use crate::queue::{Claim, Job};

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
/// Messages of a paused campaign look again after this time, should nobody tell them that it goes on.
const CAMPAIGN_PAUSE: Duration = Duration::from_secs(15);
/// How often an empty lane's mark is moved on.
const PASS_EVERY: Duration = Duration::from_secs(1);

/// Fills one lane's queue.
pub(crate) struct Claimer {
    parts: LaneParts,
    jobs: mpsc::Sender<Job>,
    acks: Acks,
    slots: Arc<Semaphore>,
    held: Arc<Held>,
    number: u64,
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
    pub(crate) fn new(
        parts: LaneParts,
        jobs: mpsc::Sender<Job>,
        acks: Acks,
        slots: Arc<Semaphore>,
        held: Arc<Held>,
    ) -> Self {
        let now = Instant::now();
        Self {
            parts,
            jobs,
            acks,
            slots,
            held,
            number: 0,
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
            let slots = tokio::select! { slots = self.free_slots() => slots, () = stop.cancelled() => break };
            if slots.is_empty() {
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
        let releasable = self.parts.roster.releasable(self.parts.lane).min(self.allowance());
        if releasable == 0 {
            return slots;
        }
        if let Ok(first) = self.slots.clone().acquire_owned().await {
            slots.push(first);
        }
        if self.parts.lane != Lane::Otp && self.slots.available_permits() + 1 < USEFUL.min(releasable) {
            tokio::time::sleep_until(self.due.into()).await;
        }
        while slots.len() < releasable {
            let Ok(slot) = self.slots.clone().try_acquire_owned() else { break };
            slots.push(slot);
        }
        slots
    }

    /// What the lane may take on at once, besides what it has under way; only promo ever steps back.
    fn allowance(&self) -> usize {
        if self.parts.lane != Lane::Promo {
            return LARGEST;
        }
        let (congestion, now) = (&self.parts.congestion, Instant::now());
        let under_way = self.parts.slots - self.slots.available_permits();
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
        if let Some(head) = rows.first() {
            self.parts.clock.observe(head.now, began);
            self.learn_from_wait(head, newest_first);
        }
        let is_few = rows.len() < FEW;
        self.due = Instant::now() + if is_few { SHORT_PATIENCE } else { CLAIM_PATIENCE };
        let found = match self.parts.lane {
            _ if rows.len() == slots.len() => Found::Plenty,
            Lane::Transactional | Lane::Promo if !is_few => Found::Several,
            _ => Found::Few,
        };
        self.hand_out(rows, worker, began, slots).await;
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
    fn learn_from_wait(&mut self, head: &Claimed, newest_first: bool) {
        if self.parts.lane == Lane::Otp {
            let waited = (head.now - head.message.due_at).to_std().unwrap_or_default();
            // A later try has no wake-up and waits for a poll: that is not congestion.
            if head.message.attempts == 0 {
                self.parts.congestion.observe(waited, Instant::now());
            }
            self.newest_next = !newest_first && waited > STALE_CODE;
        }
    }

    async fn hand_out(
        &mut self,
        rows: Vec<Claimed>,
        worker: WorkerId,
        began: Instant,
        slots: Vec<OwnedSemaphorePermit>,
    ) {
        self.number += 1;
        if !rows.is_empty() {
            self.parts.measures.claim_size.record(rows.len() as f64);
        }
        for (row, slot) in rows.into_iter().zip(slots) {
            let (id, now) = (row.message.id, row.now);
            self.held.insert(id, self.number);
            let is_opted_out = row.is_opted_out();
            let claim = Arc::new(Claim {
                message: row.message,
                worker,
                began,
                halted: row.halted,
                stopped: row.stopped,
                number: self.number,
                _slot: slot,
            });
            if let Some(halted) = row.campaign {
                let verdict = put_off(&claim, halted, now);
                self.acks.send(claim, verdict).await;
            } else if is_opted_out {
                let copies = claim.message.copies;
                let verdict = Verdict::Finish(Finished::unsent(id, copies, Status::Suppressed, "opted_out"));
                self.acks.send(claim, verdict).await;
            } else if self.jobs.send(claim).await.is_err() {
                tracing::error!(message.id = %id, "the queue closed before its claimer");
            }
        }
    }

    /// Hands back rows that carry our name but are not held here: a claim whose answer was lost.
    async fn recover(&mut self, db: &mut PgConnection, worker: WorkerId) -> sqlx::Result<()> {
        if self.recover_due > Instant::now() {
            return Ok(());
        }
        self.recover_due = Instant::now() + RECOVER_EVERY;
        let known = self.held.ids();
        let back = within(PATIENCE, outbox::hand_back_unknown(db, worker, self.parts.lane, &known)).await?;
        if back > 0 {
            tracing::warn!(messages = back, "messages of a lost claim were handed back unsent");
        }
        Ok(())
    }
}

/// What becomes of a message whose campaign does not run: it waits, or has ended.
fn put_off(claim: &Claim, halted: Halted, now: DateTime<Utc>) -> Verdict {
    let message = &claim.message;
    match halted {
        Halted::Paused => Verdict::Reschedule(Rescheduled::without_call(
            message.id,
            message.due_at,
            now + CAMPAIGN_PAUSE,
            "campaign_paused",
        )),
        Halted::Cancelled => Verdict::Finish(Finished::unsent(
            message.id,
            message.copies,
            Status::Cancelled,
            "campaign_cancelled",
        )),
    }
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
