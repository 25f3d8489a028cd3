//! The connections that a queue's flushers share while they have nothing to store.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use sqlx::PgConnection;

use super::flusher::LOOK;

/// Connections that nobody uses now, in the order of their last use.
///
/// Whoever stores takes the one that was used last: its process of Postgres has what it needs in the processor's
/// caches, where by turns a lone code would always meet a cold one. But none is left alone for much longer than
/// [`LOOK`]: a connection that is found broken only when it is needed costs a request its time.
pub(super) struct Idle<C = PgConnection>(Mutex<VecDeque<(Instant, C)>>);

impl<C> Idle<C> {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::default()))
    }

    pub(super) fn take(&self, now: Instant) -> Option<C> {
        let mut idle = self.lock();
        let is_due = idle.front().is_some_and(|(since, _)| now - *since > LOOK);
        let taken = if is_due { idle.pop_front() } else { idle.pop_back() };
        taken.map(|(_, connection)| connection)
    }

    /// Puts back one that works.
    pub(super) fn put(&self, connection: C, now: Instant) {
        self.lock().push_back((now, connection));
    }

    /// Drops all: the database was lost, and they with it.
    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(Instant, C)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_last_used_goes_first_and_none_is_forgotten() {
        let (idle, began) = (Idle::new(), Instant::now());
        idle.put("first", began);
        idle.put("second", began);
        let use_one = |second| {
            let now = began + Duration::from_secs(second);
            let one = idle.take(now).unwrap();
            idle.put(one, now);
            one
        };
        let used: Vec<_> = (0..12).map(use_one).collect();
        assert_eq!(used, [&["second"; 6][..], &["first"; 5], &["second"]].concat());
    }
}
