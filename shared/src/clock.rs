//! The database's time, carried on between looks by the monotonic clock.
//!
//! Every time that is stored or compared with a stored one comes from here, so hosts whose own
//! clocks are wrong agree on what is due and what has expired.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use sqlx::PgExecutor;

/// After this time even a slow answer is better than what the monotonic clock has drifted to.
const STALE: Duration = Duration::from_secs(60);
/// Two answers that differ by this much more than they took: the database's clock was set.
const DRIFT: Duration = Duration::from_millis(5);

/// Shared by everything in a process; cheap to clone and to read.
#[derive(Clone, Debug)]
pub struct DbClock {
    seen: Arc<RwLock<Seen>>,
    /// The last time that was told, in microseconds since 1970.
    told: Arc<AtomicI64>,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    time: DateTime<Utc>,
    at: Instant,
    /// How long the answer took: by half of this it may be wrong.
    took: Duration,
}

impl Seen {
    fn new(time: DateTime<Utc>, asked: Instant, took: Duration) -> Self {
        Self { time, at: asked + took / 2, took }
    }

    fn time_at(&self, moment: Instant) -> DateTime<Utc> {
        let after = moment.saturating_duration_since(self.at);
        self.time + after - self.at.saturating_duration_since(moment)
    }

    /// A slower answer would only move the clock to and fro, and what was begun later would seem to be earlier.
    fn is_better_than(&self, other: &Self) -> bool {
        self.took <= other.took
            || self.at.saturating_duration_since(other.at) >= STALE
            || self.contradicts(other)
    }

    /// Whether both cannot be right: somebody has set the database's clock.
    fn contradicts(&self, other: &Self) -> bool {
        let difference = (self.time_at(self.at) - other.time_at(self.at)).abs().to_std().unwrap_or_default();
        difference > (self.took + other.took) / 2 + DRIFT
    }
}

impl DbClock {
    /// Asks the database once.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn start(db: impl PgExecutor<'_>) -> sqlx::Result<Self> {
        Ok(Self::with(ask(db).await?))
    }

    /// A clock that stood at `time` at the moment `at`.
    pub fn seen_at(time: DateTime<Utc>, at: Instant) -> Self {
        Self::with(Seen::new(time, at, Duration::ZERO))
    }

    fn with(seen: Seen) -> Self {
        Self { seen: Arc::new(RwLock::new(seen)), told: Arc::new(AtomicI64::new(i64::MIN)) }
    }

    /// The database's time now, later each time it is asked for: what is learned of the clock moves it back by less than a
    /// call of a provider takes, and the second try of a message must not seem to be before the first.
    pub fn now(&self) -> DateTime<Utc> {
        // Held to the end: a clock that is set meanwhile must not be told a time of before.
        let seen = self.seen.read().unwrap_or_else(PoisonError::into_inner);
        let time = seen.time_at(Instant::now());
        let micros = time.timestamp_micros();
        let later = |told: i64| micros.max(told.saturating_add(1));
        let told = self.told.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |told| Some(later(told)));
        told.ok().and_then(|told| DateTime::from_timestamp_micros(later(told))).unwrap_or(time)
    }

    /// Takes a time the database gave in passing, between `asked` and now, if it says more than what is known.
    pub fn observe(&self, time: DateTime<Utc>, asked: Instant) {
        self.learn(Seen::new(time, asked, asked.elapsed()));
    }

    /// Looks at the database's clock again.
    ///
    /// # Errors
    /// When the database does not answer; the clock then runs on by the monotonic one.
    pub async fn sync(&self, db: impl PgExecutor<'_>) -> sqlx::Result<()> {
        self.learn(ask(db).await?);
        Ok(())
    }

    fn learn(&self, fresh: Seen) {
        let mut seen = self.seen.write().unwrap_or_else(PoisonError::into_inner);
        if fresh.is_better_than(&seen) {
            if fresh.contradicts(&seen) {
                self.told.store(i64::MIN, Ordering::Relaxed);
            }
            *seen = fresh;
        }
    }
}

async fn ask(db: impl PgExecutor<'_>) -> sqlx::Result<Seen> {
    let asked = Instant::now();
    let time = sqlx::query_scalar!(r#"select clock_timestamp() as "now!""#).fetch_one(db).await?;
    Ok(Seen::new(time, asked, asked.elapsed()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: Duration = Duration::from_millis(1);
    const SLOW: Duration = Duration::from_millis(40);

    fn time(milliseconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_790_000_000_000 + milliseconds).expect("a time")
    }

    #[test]
    fn a_slow_answer_does_not_move_what_a_quick_one_said() {
        let asked = Instant::now();
        let quick = Seen::new(time(0), asked, QUICK);
        assert!(!Seen::new(time(1020), asked + Duration::from_millis(1000), SLOW).is_better_than(&quick));
        assert!(Seen::new(time(1000), asked + Duration::from_millis(1000), QUICK).is_better_than(&quick));
        assert!(Seen::new(time(60_000), asked + STALE, SLOW).is_better_than(&quick));
    }

    #[test]
    fn time_goes_back_only_when_the_clock_was_set() {
        let asked = Instant::now();
        let clock = DbClock::with(Seen::new(time(20), asked, SLOW));
        let (first, second) = (clock.now(), clock.now());
        assert!(second > first);
        // A quicker answer: the clock was 20 ms too fast.
        clock.learn(Seen::new(time(0), asked, QUICK));
        let third = clock.now();
        assert!(third > second && third < second + Duration::from_millis(15), "{second} {third}");
        clock.learn(Seen::new(time(-3_600_000), asked, QUICK));
        assert!(clock.now() < first);
    }

    #[test]
    fn a_clock_that_was_set_is_noticed_at_once() {
        let asked = Instant::now();
        let quick = Seen::new(time(0), asked, QUICK);
        for jump in [-3_600_000, -100, 100, 3_600_000] {
            let later = asked + Duration::from_millis(1000);
            assert!(Seen::new(time(1000 + jump), later, SLOW).is_better_than(&quick), "{jump}");
        }
    }
}
