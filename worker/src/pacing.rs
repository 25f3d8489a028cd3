//! How fast promo's calls begin.
//!
//! A fast vendor answers as many calls as keep it and this process busy; more would wait in line at its door, each with a
//! connection, its buffers and cold caches. A slow vendor is not held up by that: a call it does not answer at once makes
//! room for the next.

use std::pin::pin;
use std::time::Duration;

use shared::lane::Lane;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

/// So many of promo's calls wait for their answer, …
const AT_ONCE: usize = 64;
/// … besides those that have waited longer than this: 12,800 a second begin, however slow the vendors.
const AT_FIRST: Duration = Duration::from_millis(5);

/// One lane's pace.
#[derive(Debug)]
pub(crate) struct Pacing(Option<Semaphore>);

/// Leave to begin one call.
#[derive(Debug)]
pub(crate) struct Turn<'a>(Option<SemaphorePermit<'a>>);

impl Pacing {
    /// Only promo comes in such numbers; nobody waits for it.
    pub(crate) fn of(lane: Lane) -> Self {
        Self((lane == Lane::Promo).then(|| Semaphore::new(AT_ONCE)))
    }

    /// Waits until one more call may begin; whoever asks first is first.
    pub(crate) async fn turn(&self) -> Turn<'_> {
        let Some(turns) = &self.0 else { return Turn(None) };
        // Never closed.
        Turn(turns.acquire().await.ok())
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
        let pacing = Pacing::of(Lane::Promo);
        let mut turns: Vec<_> = (0..AT_ONCE).map(|_| pacing.turn().now_or_never().expect("a turn")).collect();
        assert!(pacing.turn().now_or_never().is_none());
        let first = turns.pop().expect("a turn");
        assert_eq!(first.take(async { "accepted" }).await, "accepted");
        assert!(pacing.turn().now_or_never().is_some());
    }

    #[tokio::test]
    async fn calls_without_an_answer_make_room_after_a_moment() {
        let (pacing, began) = (Pacing::of(Lane::Promo), Instant::now());
        let mut calls = FuturesUnordered::new();
        for _ in 0..AT_ONCE {
            calls.push(pacing.turn().await.take(pending::<()>()));
        }
        tokio::select! {
            answer = calls.next() => unreachable!("{answer:?}"),
            turn = timeout(Duration::from_secs(5), pacing.turn()) => assert!(turn.is_ok()),
        }
        assert!(began.elapsed() >= AT_FIRST);
    }

    #[tokio::test]
    async fn an_answer_that_takes_long_is_an_answer() {
        let pacing = Pacing::of(Lane::Promo);
        let call = async {
            tokio::time::sleep(AT_FIRST * 3).await;
            "accepted"
        };
        assert_eq!(pacing.turn().await.take(call).await, "accepted");
    }

    #[test]
    fn codes_and_single_texts_begin_at_once() {
        for lane in [Lane::Otp, Lane::Transactional] {
            let pacing = Pacing::of(lane);
            let turns: Vec<_> = (0..=AT_ONCE).map(|_| pacing.turn().now_or_never()).collect();
            assert!(turns.iter().all(Option::is_some));
        }
    }
}
