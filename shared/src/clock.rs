//! The database's time, carried on between looks by the monotonic clock.
//!
//! Every time that is stored or compared with a stored one comes from here, so hosts whose own
//! clocks are wrong agree on what is due and what has expired.

use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use sqlx::PgExecutor;

/// An answer that took longer leaves too much doubt about the moment it was made.
const QUICK: Duration = Duration::from_millis(50);
/// After this time even a doubtful answer is better than what the monotonic clock has drifted to.
const STALE: Duration = Duration::from_secs(60);

/// Shared by everything in a process; cheap to clone and to read.
#[derive(Clone, Debug)]
pub struct DbClock {
    seen: Arc<RwLock<Seen>>,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    time: DateTime<Utc>,
    at: Instant,
}

impl DbClock {
    /// Asks the database once.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn start(db: impl PgExecutor<'_>) -> sqlx::Result<Self> {
        let (time, at) = ask(db).await?;
        Ok(Self::seen_at(time, at))
    }

    /// A clock that stood at `time` at the moment `at`.
    pub fn seen_at(time: DateTime<Utc>, at: Instant) -> Self {
        Self { seen: Arc::new(RwLock::new(Seen { time, at })) }
    }

    /// The database's time now.
    pub fn now(&self) -> DateTime<Utc> {
        let seen = *self.seen.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        seen.time + seen.at.elapsed()
    }

    /// Takes a time the database gave in passing, between `asked` and now. A slow answer says little, and counts only if
    /// there was no better one for a while.
    pub fn observe(&self, time: DateTime<Utc>, asked: Instant) {
        let took = asked.elapsed();
        let mut seen = self.seen.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        if took <= QUICK || seen.at.elapsed() >= STALE {
            *seen = Seen { time, at: asked + took / 2 };
        }
    }

    /// Looks at the database's clock again.
    ///
    /// # Errors
    /// When the database does not answer; the clock then runs on by the monotonic one.
    pub async fn sync(&self, db: impl PgExecutor<'_>) -> sqlx::Result<()> {
        let asked = Instant::now();
        let (time, _) = ask(db).await?;
        self.observe(time, asked);
        Ok(())
    }
}

async fn ask(db: impl PgExecutor<'_>) -> sqlx::Result<(DateTime<Utc>, Instant)> {
    let asked = Instant::now();
    let time = sqlx::query_scalar!(r#"select clock_timestamp() as "now!""#).fetch_one(db).await?;
    Ok((time, asked + asked.elapsed() / 2))
}
