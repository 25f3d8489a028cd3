//! The coalescer: single requests that arrive together share one insert and one commit.
//!
//! A commit waits for the disk, and the wait is the same for one row and for 500. So a request puts
//! its message into a queue and waits; a flusher takes all that wait, stores them in one statement
//! and answers each after the commit. Codes have a queue and a flusher of their own: a burst of
//! texts is not in their way.

use std::sync::Arc;
use std::time::{Duration, Instant};

use shared::clock::DbClock;
use shared::db::Database;
use shared::message::NewMessage;
use shared::store::intake::NewOtp;
use shared::wake::Wake;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Mutex, mpsc, oneshot};

use self::flusher::Flusher;
use self::group::Storable;

mod flusher;
mod group;

/// Requests that may wait; more than can be stored within a fraction of a second are refused.
const QUEUE_LENGTH: usize = 4096;
/// One: while it waits for its commit the next group grows. Two would store groups of half the size, and a statement
/// costs Postgres as much as twenty of its rows.
const MESSAGE_FLUSHERS: usize = 1;
/// While one waits for its commit, the other takes the next codes: they are few and should not wait.
const CODE_FLUSHERS: usize = 2;

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
}

/// A row that waits, and who waits for it.
#[derive(Debug)]
struct Ticket<T> {
    row: T,
    since: Instant,
    answer: oneshot::Sender<Result<(), IntakeError>>,
}

impl Intake {
    /// Starts the flushers, each with a connection of its own.
    pub(crate) fn start(database: &Database, clock: &DbClock, wake: &Wake) -> Self {
        Self {
            messages: start_flushers(database, clock, wake, MESSAGE_FLUSHERS),
            codes: start_flushers(database, clock, wake, CODE_FLUSHERS),
        }
    }

    /// An intake that takes nothing, for a process that has no doors for messages.
    pub(crate) fn closed() -> Self {
        Self { messages: mpsc::channel(1).0, codes: mpsc::channel(1).0 }
    }

    /// Stores a message; when this returns `Ok` it is committed.
    pub(crate) async fn store(&self, message: NewMessage) -> Result<(), IntakeError> {
        submit(&self.messages, message).await
    }

    /// Stores an OTP session with its message.
    pub(crate) async fn start_session(&self, start: NewOtp) -> Result<(), IntakeError> {
        submit(&self.codes, start).await
    }
}

async fn submit<T>(queue: &mpsc::Sender<Ticket<T>>, row: T) -> Result<(), IntakeError> {
    let (answer, answered) = oneshot::channel();
    queue.try_send(Ticket { row, since: Instant::now(), answer }).map_err(|error| match error {
        TrySendError::Full(_) => IntakeError::Full,
        TrySendError::Closed(_) => IntakeError::Away,
    })?;
    // A flusher that is gone had perhaps begun.
    answered.await.unwrap_or(Err(IntakeError::OutcomeUnknown))
}

fn start_flushers<T: Storable>(
    database: &Database,
    clock: &DbClock,
    wake: &Wake,
    count: usize,
) -> mpsc::Sender<Ticket<T>> {
    let (sender, receiver) = mpsc::channel(QUEUE_LENGTH);
    let queue = Arc::new(Mutex::new(receiver));
    for _ in 0..count {
        let flusher = Flusher::new(Arc::clone(&queue), database.clone(), clock.clone(), wake.clone());
        tokio::spawn(flusher.run());
    }
    sender
}
