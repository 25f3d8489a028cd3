//! How fast promo's calls of one provider begin.
//!
//! A fast vendor answers as many calls as keep it and this process busy; more would stand in line at its door, each with a
//! connection, its buffers and cold caches. A slow vendor is held up little by that: a call that it does not answer at once
//! makes room for the next.

use std::pin::pin;
use std::time::Duration;

use shared::lane::Lane;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

/// So many of promo's calls wait for their answer, …
const AT_ONCE: usize = 128;
/// … besides those that have waited this long, in the timer's whole milliseconds: some 22,000 a second begin at a slow vendor.
const AT_FIRST: Duration = Duration::from_millis(5);

/// One provider's pace.
#[derive(Debug)]
pub(crate) struct Pacing {
    turns: Semaphore,
}

/// Leave to begin one call.
#[derive(Debug)]
pub(crate) struct Turn<'a>(Option<SemaphorePermit<'a>>);

impl Default for Pacing {
    fn default() -> Self {
        Self { turns: Semaphore::new(AT_ONCE) }
    }
}

impl Pacing {
    /// Waits until one more call for `lane` may begin; whoever asks first is first. Only promo comes in such numbers, and
    /// nobody waits for it.
    pub(crate) async fn turn(&self, lane: Lane) -> Turn<'_> {
        if lane != Lane::Promo {
            return Turn(None);
        }
        // It is never closed.
        Turn(self.turns.acquire().await.ok())
    }
}

impl Turn<'_> {
    /// Makes the call. The next turn comes with its answer, or sooner if that takes long.
    pub(crate) async fn take<T>(self, call: impl Future<Output = T>) -> T {
        if self.0.is_none() {
            return call.await;
        }
        let mut call = pin!(call);
        if let Ok(answer) = timeout(AT_FIRST, &mut call).await {
            return answer;
        }
        drop(self);
        call.await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;
    use std::time::Instant;

    use futures::FutureExt;
    use futures::stream::{FuturesUnordered, StreamExt};

    #[tokio::test]
    async fn the_next_call_begins_when_one_is_answered() {
        let pacing = Pacing::default();
        let mut turns = Vec::new();
        for _ in 0..AT_ONCE {
            turns.push(pacing.turn(Lane::Promo).await);
        }
        // A task that has had many turns is asked to let others run.
        tokio::task::yield_now().await;
        assert!(pacing.turn(Lane::Promo).now_or_never().is_none());
        let first = turns.pop().expect("a turn");
        assert_eq!(first.take(async { "accepted" }).await, "accepted");
        assert!(pacing.turn(Lane::Promo).now_or_never().is_some());
    }

    #[tokio::test]
    async fn calls_without_an_answer_make_room_after_a_moment() {
        let (pacing, began) = (Pacing::default(), Instant::now());
        let mut calls = FuturesUnordered::new();
        for _ in 0..AT_ONCE {
            calls.push(pacing.turn(Lane::Promo).await.take(pending::<()>()));
        }
        tokio::select! {
            answer = calls.next() => unreachable!("{answer:?}"),
            turn = timeout(Duration::from_secs(5), pacing.turn(Lane::Promo)) => assert!(turn.is_ok()),
        }
        assert!(began.elapsed() >= AT_FIRST);
    }

    #[tokio::test]
    async fn an_answer_that_takes_long_is_an_answer() {
        let pacing = Pacing::default();
        let call = async {
            tokio::time::sleep(AT_FIRST * 3).await;
            "accepted"
        };
        assert_eq!(pacing.turn(Lane::Promo).await.take(call).await, "accepted");
    }

    #[test]
    fn codes_and_single_texts_begin_at_once() {
        let pacing = Pacing::default();
        let _promo: Vec<_> = (0..AT_ONCE).map(|_| pacing.turn(Lane::Promo).now_or_never()).collect();
        assert!(pacing.turn(Lane::Promo).now_or_never().is_none());
        for lane in [Lane::Otp, Lane::Transactional] {
            assert!(pacing.turn(lane).now_or_never().is_some());
        }
    }
}
