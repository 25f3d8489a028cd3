//! From claim to queue: every way on which a message comes to this process ends here.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use shared::ids::WorkerId;
use shared::message::Status;
use shared::store::acks::{Finished, Rescheduled};
use shared::store::outbox::{Claimed, Halted};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc};

use crate::ack::{Acks, Verdict};
use crate::held::Held;
use crate::lane::LaneParts;
use crate::queue::{Claim, Job};

/// Messages of a paused campaign look again after this time, should nobody tell them that it goes on.
const CAMPAIGN_PAUSE: Duration = Duration::from_secs(15);
/// When the oldest of a lane has waited longer, nothing new is let past it.
const BEHIND: Duration = Duration::from_millis(50);

/// One lane's way into the queue. The queue ends when nobody has it any more.
pub(crate) struct Dispatch {
    pub(crate) parts: LaneParts,
    /// The lane's send slots.
    pub(crate) slots: Arc<Semaphore>,
    /// The messages that it holds.
    pub(crate) held: Arc<Held>,
    jobs: mpsc::Sender<Job>,
    acks: Acks,
    number: AtomicU64,
    is_behind: AtomicBool,
    /// Places that wait for messages which are being stored.
    promised: AtomicUsize,
    /// Slots of messages of which nobody knows whether they were stored.
    lost: Mutex<Vec<OwnedSemaphorePermit>>,
    has_lost: Notify,
}

impl Dispatch {
    pub(crate) fn new(parts: LaneParts, held: Arc<Held>, jobs: mpsc::Sender<Job>, acks: Acks) -> Self {
        let slots = Arc::new(Semaphore::new(parts.slots));
        let (number, is_behind) = (AtomicU64::new(0), AtomicBool::new(false));
        let (promised, lost, has_lost) = (AtomicUsize::new(0), Mutex::default(), Notify::new());
        Self { parts, slots, held, jobs, acks, number, is_behind, promised, lost, has_lost }
    }

    /// A number for a claim, of its own in this process.
    pub(crate) fn number(&self) -> u64 {
        self.number.fetch_add(1, Ordering::Relaxed)
    }

    /// Learns from a claim how long the oldest has waited; `None` if nobody waits.
    pub(crate) fn learn_wait(&self, oldest: Option<Duration>) {
        self.is_behind.store(oldest.is_some_and(|waited| waited > BEHIND), Ordering::Relaxed);
    }

    /// Whether messages have waited so long that nothing new should be let past them.
    pub(crate) fn is_behind(&self) -> bool {
        self.is_behind.load(Ordering::Relaxed)
    }

    /// Promises places to so many more; says to how many altogether.
    pub(crate) fn promise(&self, count: usize) -> usize {
        self.promised.fetch_add(count, Ordering::Relaxed) + count
    }

    /// So many have come, or never will.
    pub(crate) fn keep_promise(&self, count: usize) {
        self.promised.fetch_sub(count, Ordering::Relaxed);
    }

    /// How many places are promised.
    pub(crate) fn promised(&self) -> usize {
        self.promised.load(Ordering::Relaxed)
    }

    /// Keeps slots back until somebody has looked what was stored for them.
    pub(crate) fn lose(&self, slots: OwnedSemaphorePermit) {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner).push(slots);
        self.has_lost.notify_one();
    }

    /// Resolves when slots are kept back.
    pub(crate) async fn has_lost(&self) {
        self.has_lost.notified().await;
    }

    /// The slots that were kept back, for who looks now.
    pub(crate) fn lost(&self) -> Vec<OwnedSemaphorePermit> {
        std::mem::take(&mut *self.lost.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Sends them on their way, each with the slot it has; those that must not be sent find their end.
    pub(crate) fn hand_out(
        &self,
        rows: Vec<Claimed>,
        slots: impl IntoIterator<Item = OwnedSemaphorePermit>,
        worker: WorkerId,
        number: u64,
        began: Instant,
    ) {
        for (row, slot) in rows.into_iter().zip(slots) {
            let (id, now) = (row.message.id, row.now);
            self.held.insert(id, number);
            let is_opted_out = row.is_opted_out();
            let claim = Arc::new(Claim {
                message: row.message,
                worker,
                began,
                halted: row.halted,
                stopped: row.stopped,
                number,
                _slot: slot,
            });
            if let Some(halted) = row.campaign {
                let verdict = put_off(&claim, halted, now);
                self.acks.put(claim, verdict);
            } else if is_opted_out {
                let copies = claim.message.copies;
                let verdict = Verdict::Finish(Finished::unsent(id, copies, Status::Suppressed, "opted_out"));
                self.acks.put(claim, verdict);
            } else if self.jobs.try_send(claim).is_err() {
                // There is room for as many as there are slots.
                tracing::error!(message.id = %id, "the queue closed before those who fill it");
            }
        }
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
