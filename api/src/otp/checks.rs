//! What became of checks: a row each for the log, and the brake that guesses at all over the place trip.
//!
//! All is written off the way of the callers, and a little at a time: a second's worth at once would keep the database
//! from checks for a tenth of it. What limits guesses at one code or phone is committed before each comparison, so nothing
//! depends on these rows but the log and the brake. Once they are written, the pumping guard is told of right codes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use metrics::{Counter, Gauge};
use shared::brake::{self, Checks};
use shared::db::{is_away, within};
use shared::store::otp_checks::{self, Check, CheckOutcome};
use sqlx::PgPool;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::conversions::Conversions;
use super::guard::Guard;
use crate::measures;

/// Checks that may wait to be written; beyond, with the database away, they go unlogged.
const QUEUE_LENGTH: usize = 20_000;
/// How often what waits is written.
const EVERY: Duration = Duration::from_millis(100);
/// How often the brake is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A write that takes longer is lost.
const PATIENCE: Duration = Duration::from_secs(5);

/// Takes checks, and says whether the brake holds; cheap to clone. Its task ends with the last clone.
#[derive(Clone, Debug)]
pub(crate) struct CheckLog {
    made: mpsc::Sender<Check>,
    brakes: Arc<AtomicBool>,
    counters: [Counter; 5],
}

impl CheckLog {
    /// Starts the task that writes.
    pub(crate) fn start(pool: PgPool, guard: Guard) -> Self {
        let (made, waiting) = mpsc::channel(QUEUE_LENGTH);
        let brakes = Arc::new(AtomicBool::new(false));
        let conversions = Conversions::new(pool.clone(), guard);
        let writer = Writer { pool, conversions, brakes: Arc::clone(&brakes), gauge: measures::brake() };
        tokio::spawn(writer.run(waiting));
        Self { made, brakes, counters: measures::checks() }
    }

    /// A log for a process that checks nothing.
    pub(crate) fn closed() -> Self {
        Self { made: mpsc::channel(1).0, brakes: Arc::default(), counters: measures::checks() }
    }

    /// Notes one check.
    pub(crate) fn note(&self, check: Check) {
        self.counters[check.outcome as usize].increment(1);
        if self.made.try_send(check).is_err() {
            tracing::debug!("a check of a code goes unlogged");
        }
    }

    /// Whether codes are guessed at so widely that new ones should be longer.
    pub(crate) fn brakes(&self) -> bool {
        self.brakes.load(Ordering::Relaxed)
    }
}

struct Writer {
    pool: PgPool,
    conversions: Conversions,
    brakes: Arc<AtomicBool>,
    gauge: Gauge,
}

impl Writer {
    async fn run(mut self, mut waiting: mpsc::Receiver<Check>) {
        let mut group = Vec::new();
        let (mut next, mut next_look) = (Instant::now(), Instant::now());
        loop {
            sleep_until(next).await;
            next = Instant::now() + EVERY;
            let kept = group.len();
            let ends = drain(&mut waiting, &mut group);
            // What was kept was taken before; a code came back whether or not its row can be written.
            self.conversions.take(&group[kept..]);
            let looks = ends || next_look <= Instant::now();
            if looks {
                next_look = Instant::now() + LOOK_EVERY;
            }
            match within(PATIENCE, self.write(&group, looks)).await {
                Ok(()) => group.clear(),
                // Kept for the next time, as far as there is room.
                Err(error) if is_away(&error) => group.truncate(QUEUE_LENGTH),
                Err(error) => {
                    tracing::warn!(%error, "checks of codes cannot be logged");
                    group.clear();
                }
            }
            self.conversions.tell(ends).await;
            if ends {
                return;
            }
        }
    }

    /// Writes what was made, and looks at the brake if it is time.
    async fn write(&self, group: &[Check], looks: bool) -> sqlx::Result<()> {
        if !group.is_empty() {
            let mut tx = self.pool.begin().await?;
            // After a commit whose answer was lost these are stored already, and counted.
            let fresh = otp_checks::insert(&mut *tx, group).await?;
            otp_checks::count(&mut *tx, made(group.iter().filter(|check| fresh.contains(&check.id)))).await?;
            tx.commit().await?;
        }
        if looks { self.look().await } else { Ok(()) }
    }

    /// Trips the brake if it must be, and learns whether it holds.
    async fn look(&self) -> sqlx::Result<()> {
        let look = otp_checks::look(&self.pool).await?;
        let trips = brake::trips(look.hour, look.week);
        if trips {
            otp_checks::trip(&self.pool, brake::HOLD).await?;
        }
        let holds = trips || look.holds;
        if holds != self.brakes.swap(holds, Ordering::Relaxed) {
            let (failures, checks) = (look.hour.failures, look.hour.checks);
            match holds {
                true => tracing::warn!(failures, checks, "codes are guessed at: new ones have eight digits"),
                false => tracing::info!("guesses at codes are as usual again"),
            }
            self.gauge.set(if holds { 1.0 } else { 0.0 });
        }
        Ok(())
    }
}

/// What the brake goes by: comparisons alone, or a flood of checks that compare nothing would hide the wrong ones.
fn made<'a>(checks: impl Iterator<Item = &'a Check>) -> Checks {
    checks.fold(Checks::default(), |made, check| match check.outcome {
        CheckOutcome::Right => Checks { checks: made.checks + 1, ..made },
        CheckOutcome::Wrong => Checks { checks: made.checks + 1, failures: made.failures + 1 },
        CheckOutcome::Ended | CheckOutcome::Locked | CheckOutcome::Away => made,
    })
}

/// Takes what waits; whether nothing will come any more.
fn drain(waiting: &mut mpsc::Receiver<Check>, group: &mut Vec<Check>) -> bool {
    loop {
        match waiting.try_recv() {
            Ok(check) => group.push(check),
            Err(mpsc::error::TryRecvError::Empty) => return false,
            Err(mpsc::error::TryRecvError::Disconnected) => return true,
        }
    }
}
