//! Waiting for what becomes of a message.
//!
//! The first outcome is what ends a message: it leaves the outbox for the log, be it sent or not. A failed try that is
//! followed by another is none; whoever waits longer than their patience for the end learns nothing.
//!
//! Whoever waits is looked for by one task together with all others, in one statement. It begins with the first of them
//! and ends with the last. It asks the database and not the worker, which may be another process.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use shared::db::within;
use shared::ids::MessageId;
use shared::store::log::{self, Outcome};
use sqlx::PgPool;
use tokio::sync::{Notify, Semaphore, oneshot};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use self::typical::Typical;

mod typical;
mod waited;

pub(crate) use waited::{Waited, time_waited};

/// Who may wait at the same time; each keeps a connection. Who comes beyond is answered as if the time were over.
const PLACES: usize = 4096;
/// Time between two looks, while somebody has only just begun to wait …
const SOON: Duration = Duration::from_millis(20);
/// … and when all have waited for long.
const LATER: Duration = Duration::from_millis(100);
/// A database that takes longer for a look is away.
const LOOK: Duration = Duration::from_secs(2);

/// Who waits for which message; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Outcomes(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    pool: PgPool,
    places: Semaphore,
    waiting: Mutex<Waiting>,
    /// Somebody came while the next look was far away.
    arrived: Notify,
    closed: CancellationToken,
    typical: Typical,
}

#[derive(Debug, Default)]
struct Waiting {
    tickets: HashMap<u64, Ticket>,
    next: u64,
    /// Whether the task runs.
    looking: bool,
}

#[derive(Debug)]
struct Ticket {
    id: MessageId,
    since: Instant,
    answer: oneshot::Sender<Outcome>,
}

impl Outcomes {
    pub(crate) fn new(pool: PgPool) -> Self {
        Self(Arc::new(Shared {
            pool,
            places: Semaphore::new(PLACES),
            waiting: Mutex::default(),
            arrived: Notify::new(),
            closed: CancellationToken::new(),
            typical: Typical::default(),
        }))
    }

    /// How the message ended, if it does within `patience`.
    pub(crate) async fn first(&self, id: MessageId, patience: Duration) -> Option<Outcome> {
        let shared = &self.0;
        let _place = shared.places.try_acquire().ok()?;
        let (_ticket, answer) = self.draw_ticket(id);
        tokio::select! {
            outcome = answer => outcome.ok(),
            () = sleep(patience) => None,
            () = shared.closed.cancelled() => None,
        }
    }

    /// As [`Outcomes::first`], for the message of a code. `None` says that there is none, and nobody shall notice: then it
    /// takes as long as codes have taken of late, and the code counts as sent.
    pub(crate) async fn first_of_code(&self, id: Option<MessageId>, patience: Duration) -> Option<Outcome> {
        let Some(id) = id else { return self.withheld(patience).await };
        let began = Instant::now();
        let outcome = self.first(id, patience).await;
        self.0.typical.note(began.elapsed(), patience, outcome.as_ref());
        outcome
    }

    async fn withheld(&self, patience: Duration) -> Option<Outcome> {
        let _place = self.0.places.try_acquire().ok()?;
        let (time, outcome) = self.0.typical.pick(patience);
        tokio::select! {
            () = sleep(time.min(patience)) => outcome.filter(|_| time < patience),
            () = self.0.closed.cancelled() => None,
        }
    }

    /// Ends all waits as if their time were over, and later ones at once: the server stops.
    pub(crate) fn close(&self) {
        self.0.closed.cancel();
    }

    fn draw_ticket(&self, id: MessageId) -> (Held<'_>, oneshot::Receiver<Outcome>) {
        let (answer, answered) = oneshot::channel();
        let mut waiting = self.0.waiting();
        let number = waiting.next;
        waiting.next += 1;
        waiting.tickets.insert(number, Ticket { id, since: Instant::now(), answer });
        if std::mem::replace(&mut waiting.looking, true) {
            self.0.arrived.notify_one();
        } else {
            tokio::spawn(look_until_none_waits(Arc::clone(&self.0)));
        }
        (Held { shared: &self.0, number }, answered)
    }
}

/// A ticket of somebody who still waits; given back when they go.
struct Held<'a> {
    shared: &'a Shared,
    number: u64,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.shared.waiting().tickets.remove(&self.number);
    }
}

async fn look_until_none_waits(shared: Arc<Shared>) {
    let mut next = Instant::now() + SOON;
    loop {
        tokio::select! {
            () = sleep_until(next) => shared.look().await,
            () = shared.arrived.notified() => {
                next = next.min(Instant::now() + SOON);
                continue;
            }
        }
        match shared.pause() {
            Some(pause) => next = Instant::now() + pause,
            None => return,
        }
    }
}

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks for all who wait.
    async fn look(&self) {
        let ids: HashSet<MessageId> = self.waiting().tickets.values().map(|ticket| ticket.id).collect();
        let ids: Vec<MessageId> = ids.into_iter().collect();
        match within(LOOK, log::list_outcomes(&self.pool, &ids)).await {
            Ok(found) => self.tell(&found.into_iter().collect()),
            // Whoever waits has been told "accepted" already or is about to be; that the database is away is told by
            // those who cannot do without.
            Err(error) => tracing::debug!(%error, "outcomes could not be looked for"),
        }
    }

    fn tell(&self, found: &HashMap<MessageId, Outcome>) {
        let mut waiting = self.waiting();
        for (_, ticket) in waiting.tickets.extract_if(|_, ticket| found.contains_key(&ticket.id)) {
            if let Some(outcome) = found.get(&ticket.id) {
                // Whoever does not want it any more has just gone.
                let _ = ticket.answer.send(outcome.clone());
            }
        }
    }

    /// Time until the next look; with nobody left there is none, and the next who comes begins anew.
    fn pause(&self) -> Option<Duration> {
        let mut waiting = self.waiting();
        let youngest = waiting.tickets.values().map(|ticket| ticket.since.elapsed()).min();
        waiting.looking = youngest.is_some();
        youngest.map(pause_after)
    }
}

/// A tenth of the time that the youngest has waited: nobody waits much longer than they have to.
fn pause_after(waited: Duration) -> Duration {
    (waited / 10).clamp(SOON, LATER)
}

#[cfg(test)]
mod tests;
