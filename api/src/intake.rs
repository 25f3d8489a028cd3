//! The coalescer: single requests that arrive together share one insert and one commit.
//!
//! A commit waits for the disk, and the wait is the same for one row and for 500. So a request puts
//! its message into a queue and waits; a flusher takes all that wait, stores them in one statement
//! and answers each after the commit. Codes have a queue and a flusher of their own: a burst of
//! texts is not in their way. If it makes codes wait nevertheless, fewer texts may wait at once, and
//! those beyond are refused until later.

use std::sync::Arc;
use std::time::{Duration, Instant};

use metrics::Gauge;
use shared::clock::DbClock;
use shared::congestion::Congestion;
use shared::db::Database;
use shared::handoff::Handoff;
use shared::message::NewMessage;
use shared::seal::Keyring;
use shared::store::intake::{NewOtp, Started};
use shared::store::otp_sessions::{AttemptClaim, ClaimedAttempt, RightCode};
use shared::wake::Wake;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Mutex, mpsc, oneshot};

use self::checks::Consumed;
use self::flusher::Flusher;
use self::group::{Storable, UnderWay};
use self::idle::Idle;
use crate::app::Parts;
use crate::measures;

mod checks;
mod flusher;
mod group;
mod idle;

/// Requests that may wait; more than can be stored within a fraction of a second are refused.
const QUEUE_LENGTH: usize = 4096;
/// When codes begin to wait, a part of so many texts may …
const MANY: usize = 512;
/// … but always so many: they are not in the way.
const HANDFUL: usize = 32;
/// One: while it waits for its commit the next group grows. Two would store groups of half the size, and a statement
/// costs Postgres as much as twenty of its rows.
const MESSAGE_FLUSHERS: usize = 1;
/// While one waits for its commit, the other takes the next codes: they are few and should not wait.
const CODE_FLUSHERS: usize = 2;
/// Of checks that are taken, and of those that end their session.
const CHECK_FLUSHERS: usize = 1;

/// How long a request that was surely not stored waits for the database to come back.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long one that may be stored waits to be made sure of.
const PATIENCE_IN_DOUBT: Duration = Duration::from_secs(5);

/// Why a message was not stored, or not for certain.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IntakeError {
    /// The caller should come back later.
    #[error("the intake queue is full")]
    Full,
    /// Surely not stored, because the database is away.
    #[error("the database is away")]
    Away,
    /// The database went away during the commit.
    #[error("the database went away during the commit")]
    OutcomeUnknown,
    /// This message and no other made the statement fail: one of our checks has a hole.
    #[error("the database refuses the row")]
    Refused(#[source] sqlx::Error),
}

/// The queues; cheap to clone. The flushers end when the last clone is gone.
#[derive(Clone, Debug)]
pub(crate) struct Intake {
    messages: mpsc::Sender<Ticket<NewMessage>>,
    codes: mpsc::Sender<Ticket<NewOtp>>,
    claims: mpsc::Sender<Ticket<AttemptClaim>>,
    right_codes: mpsc::Sender<Ticket<RightCode>>,
    congestion: Arc<Congestion>,
}

/// What all flushers use.
#[derive(Clone)]
struct Shared {
    database: Database,
    clock: DbClock,
    wake: Wake,
    /// The worker of this process, if there is one.
    handoff: Handoff,
    keyring: Arc<Keyring>,
    /// How long codes wait to be stored.
    congestion: Arc<Congestion>,
    /// Groups of codes that are being stored.
    under_way: Arc<UnderWay>,
}

/// A row that waits, and who waits for it.
#[derive(Debug)]
struct Ticket<T: Storable> {
    row: T,
    since: Instant,
    answer: oneshot::Sender<Result<T::Answer, IntakeError>>,
}

impl Intake {
    /// Starts the flushers, with a connection for each.
    pub(crate) fn start(parts: &Parts<'_>) -> Self {
        let congestion = Arc::new(Congestion::new(measures::intake_share()));
        let shared = Shared {
            database: parts.database.clone(),
            clock: parts.clock.clone(),
            wake: parts.wake.clone(),
            handoff: parts.handoff.clone(),
            keyring: Arc::clone(&parts.keyring),
            congestion: Arc::clone(&congestion),
            under_way: Arc::default(),
        };
        Self {
            messages: start_flushers(&shared, MESSAGE_FLUSHERS),
            codes: start_flushers(&shared, CODE_FLUSHERS),
            claims: start_flushers(&shared, CHECK_FLUSHERS),
            right_codes: start_flushers(&shared, CHECK_FLUSHERS),
            congestion,
        }
    }

    /// An intake that takes nothing, for a process that has no doors for messages.
    pub(crate) fn closed() -> Self {
        let congestion = Arc::new(Congestion::new(Gauge::noop()));
        Self {
            messages: mpsc::channel(1).0,
            codes: mpsc::channel(1).0,
            claims: mpsc::channel(1).0,
            right_codes: mpsc::channel(1).0,
            congestion,
        }
    }

    /// Stores a message; when this returns `Ok` it is committed.
    pub(crate) async fn store(&self, message: NewMessage) -> Result<(), IntakeError> {
        let waiting = self.messages.max_capacity() - self.messages.capacity();
        if !has_room(waiting, &self.congestion, Instant::now()) {
            return Err(IntakeError::Full);
        }
        submit(&self.messages, message).await?;
        Ok(())
    }

    /// Stores an OTP session with its message, unless a limit forbids it.
    pub(crate) async fn start_session(&self, start: NewOtp) -> Result<Started, IntakeError> {
        let (started, _) = submit(&self.codes, start).await?;
        Ok(started)
    }

    /// Takes a check from a session's allowance; when this returns it is committed. `None` if the session takes none,
    /// or not in a group.
    pub(crate) async fn claim_attempt(
        &self,
        claim: AttemptClaim,
    ) -> Result<Option<ClaimedAttempt>, IntakeError> {
        submit(&self.claims, claim).await
    }

    /// Ends a session by its right code; `false` if this was another's, or cannot be done in a group.
    pub(crate) async fn consume(&self, code: RightCode) -> Result<bool, IntakeError> {
        match submit(&self.right_codes, code).await? {
            Consumed::Yes => Ok(true),
            Consumed::No => Ok(false),
            Consumed::Unknown => Err(IntakeError::OutcomeUnknown),
        }
    }
}

/// Whether one more text may wait beside those that do.
fn has_room(waiting: usize, congestion: &Congestion, now: Instant) -> bool {
    waiting < HANDFUL
        || match congestion.allowed(MANY, now) {
            // No code waits: the queue itself is the bound.
            MANY => true,
            fewer => waiting < fewer,
        }
}

async fn submit<T: Storable>(queue: &mpsc::Sender<Ticket<T>>, row: T) -> Result<T::Answer, IntakeError> {
    let (answer, answered) = oneshot::channel();
    queue.try_send(Ticket { row, since: Instant::now(), answer }).map_err(|error| match error {
        TrySendError::Full(_) => IntakeError::Full,
        TrySendError::Closed(_) => IntakeError::Away,
    })?;
    // A flusher that is gone had perhaps begun.
    answered.await.unwrap_or(Err(IntakeError::OutcomeUnknown))
}

fn start_flushers<T: Storable>(shared: &Shared, count: usize) -> mpsc::Sender<Ticket<T>> {
    let (sender, receiver) = mpsc::channel(QUEUE_LENGTH);
    let (queue, idle) = (Arc::new(Mutex::new(receiver)), Idle::new());
    for _ in 0..count {
        tokio::spawn(Flusher::new(Arc::clone(&queue), Arc::clone(&idle), shared.clone()).run());
    }
    sender
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_that_wait_leave_room_for_a_handful_of_texts() {
        let congestion = Congestion::new(Gauge::noop());
        let mut now = Instant::now() + Duration::from_secs(1);
        congestion.observe(Duration::from_millis(1), now);
        assert!(has_room(1000, &congestion, now));
        for _ in 0..10 {
            now += Duration::from_millis(100);
            congestion.observe(Duration::from_millis(50), now);
        }
        assert!(!has_room(1000, &congestion, now));
        assert!(has_room(HANDFUL - 1, &congestion, now));
        now += Duration::from_secs(20);
        assert!(has_room(1000, &congestion, now));
    }
}
