//! The handoff: messages that a worker of the same process holds from the moment they are stored.
//!
//! What is stored by a process that also sends may leave at once. Its insert then carries the worker's name, so that one
//! commit is both: what was accepted, and the intent to send it. Whoever stores reserves places with the lane before,
//! and hands over what was committed. Where there are no places, or the database does not give the worker's name, a
//! message waits to be claimed like any other.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwapOption;

use crate::ids::{MessageId, WorkerId};
use crate::lane::Lane;
use crate::store::outbox::Claimed;

/// A lane that takes over what is stored under its worker's name.
pub trait Taker: Send + Sync {
    /// Send slots for all of these messages, which are about to be stored; `None` if not so many may leave at once, or
    /// others wait already.
    fn reserve(&self, messages: &[MessageId]) -> Option<Box<dyn Places>>;
}

/// Send slots that are kept for messages. If they are dropped, nobody knows what was stored: the worker looks, gives back to
/// the queue what carries its name, and only then uses their slots again.
pub trait Places: Send {
    /// Whose name to store them under.
    fn worker(&self) -> WorkerId;

    /// Takes over what was committed under that name; the slots of the others are free again.
    fn take(self: Box<Self>, claimed: Vec<Claimed>);
}

/// The lanes of this process that take messages over. Cheap to clone.
#[derive(Clone, Default)]
pub struct Handoff {
    takers: Arc<[ArcSwapOption<Box<dyn Taker>>; 3]>,
}

impl Handoff {
    /// From now on `taker` is asked for `lane`.
    pub fn offer(&self, lane: Lane, taker: Box<dyn Taker>) {
        self.takers[lane as usize].store(Some(Arc::new(taker)));
    }

    /// Places for all of `messages` in `lane`; `None` if there are no messages, not so many places, or nobody here sends.
    pub fn reserve(&self, lane: Lane, messages: &[MessageId]) -> Option<Box<dyn Places>> {
        if messages.is_empty() {
            return None;
        }
        self.takers[lane as usize].load().as_ref()?.reserve(messages)
    }
}

impl fmt::Debug for Handoff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lanes = Lane::ALL.into_iter().filter(|lane| self.takers[*lane as usize].load().is_some());
        f.debug_set().entries(lanes).finish()
    }
}
