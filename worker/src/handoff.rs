//! What this process stores it may take on at once, without a claim of its own (see [`shared::handoff`]).

use std::sync::{Arc, Weak};
use std::time::Instant;

use shared::handoff::{Places, Taker};
use shared::ids::{MessageId, WorkerId};
use shared::lane::Lane;
use shared::store::outbox::Claimed;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

use crate::dispatch::Dispatch;

/// Takes messages over for one lane until it stops.
pub(crate) struct LaneTaker {
    dispatch: Weak<Dispatch>,
    stop: CancellationToken,
}

impl LaneTaker {
    pub(crate) fn new(dispatch: &Arc<Dispatch>, stop: CancellationToken) -> Self {
        Self { dispatch: Arc::downgrade(dispatch), stop }
    }
}

impl Taker for LaneTaker {
    fn reserve(&self, messages: &[MessageId]) -> Option<Box<dyn Places>> {
        let dispatch = self.dispatch.upgrade().filter(|_| !self.stop.is_cancelled())?;
        let worker = dispatch.parts.presence.standing()?;
        let (roster, lane) = (dispatch.parts.roster.clone(), dispatch.parts.lane);
        if dispatch.is_behind() || !roster.is_open(lane) {
            return None;
        }
        let count = u32::try_from(messages.len()).ok()?;
        let promised = dispatch.promise(messages.len());
        let slots = dispatch.slots.clone().try_acquire_many_owned(count);
        let places = LanePlaces {
            slots: slots.ok(),
            messages: messages.to_vec(),
            worker,
            number: dispatch.number(),
            began: Instant::now(),
            dispatch,
        };
        if places.slots.is_none() || promised > roster.releasable(lane) {
            places.give_up();
            return None;
        }
        // Before they are stored: else they would be given back as those of a claim whose answer was lost.
        for id in messages {
            places.dispatch.held.insert(*id, places.number);
        }
        Some(Box::new(places))
    }
}

/// Slots of one lane that wait for messages.
struct LanePlaces {
    dispatch: Arc<Dispatch>,
    /// `None` once they are used.
    slots: Option<OwnedSemaphorePermit>,
    messages: Vec<MessageId>,
    worker: WorkerId,
    number: u64,
    began: Instant,
}

impl LanePlaces {
    /// Nothing was or will be stored for them.
    fn give_up(mut self) {
        self.slots = None;
    }
}

impl Places for LanePlaces {
    fn worker(&self) -> WorkerId {
        self.worker
    }

    fn take(mut self: Box<Self>, claimed: Vec<Claimed>) {
        let parts = &self.dispatch.parts;
        if let (Lane::Otp, Some(first)) = (parts.lane, claimed.first()) {
            let waited = (parts.clock.now() - first.message.due_at).to_std().unwrap_or_default();
            parts.congestion.observe(waited, Instant::now());
        }
        parts.measures.handed_over.increment(claimed.len() as u64);
        let Some(mut slots) = self.slots.take() else { return };
        for id in self.messages.iter().filter(|id| !claimed.iter().any(|one| one.message.id == **id)) {
            self.dispatch.held.remove(*id, self.number);
        }
        let slots: Vec<_> = claimed.iter().map_while(|_| slots.split(1)).collect();
        self.dispatch.hand_out(claimed, slots, self.worker, self.number, self.began);
    }
}

impl Drop for LanePlaces {
    fn drop(&mut self) {
        self.dispatch.keep_promise(self.messages.len());
        if let Some(slots) = self.slots.take() {
            for id in &self.messages {
                self.dispatch.held.remove(*id, self.number);
            }
            self.dispatch.lose(slots);
        }
    }
}
