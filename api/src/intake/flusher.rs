//! A flusher: takes what waits, stores it, answers. Lives through the database's absence.

use std::sync::Arc;
use std::time::{Duration, Instant};

use metrics::Gauge;
use shared::db::{is_away, is_rows_fault};
use shared::lane::Lane;
use sqlx::PgConnection;
use tokio::sync::{Mutex, mpsc};
use tokio::time::timeout;

use crate::measures;

use super::group::Storable;
use super::idle::Idle;
use super::{IntakeError, PATIENCE, PATIENCE_IN_DOUBT, Shared, Ticket};

/// Rows in one statement, at most. All are answered at once, and a code that comes in then is read after their callers'
/// next requests: larger groups would cost less and delay codes.
const GROUP: usize = 64;
/// From this many rows on, a group lets those join whose requests are just being read.
const LOADED: usize = 8;
/// How often it lets them.
const LINGER_ROUNDS: usize = 3;
/// A statement that takes longer is lost.
const STATEMENT_TIMEOUT: Duration = Duration::from_millis(2500);
/// First and longest wait between tries to reach the database.
const FIRST_BACKOFF: Duration = Duration::from_millis(20);
const LONGEST_BACKOFF: Duration = Duration::from_millis(500);
/// An idle flusher looks at the database's clock this often. That also tells it that a connection
/// is gone before a request does.
pub(super) const LOOK: Duration = Duration::from_secs(5);

type Queue<T> = Arc<Mutex<mpsc::Receiver<Ticket<T>>>>;

pub(super) struct Flusher<T: Storable> {
    queue: Queue<T>,
    shared: Shared,
    idle: Arc<Idle>,
    backoff: Duration,
    is_away: bool,
    away: Gauge,
}

/// What became of one try to store a group.
enum Try<A> {
    /// All rows are committed, or answered why not.
    Stored(Vec<A>),
    /// Nothing is stored, and a row is at fault.
    Refused(sqlx::Error),
    /// Nothing is stored, and the database is at fault.
    Failed(sqlx::Error),
    /// The answer to the commit was lost.
    Lost(sqlx::Error),
}

impl<T: Storable> Flusher<T> {
    pub(super) fn new(queue: Queue<T>, idle: Arc<Idle>, shared: Shared) -> Self {
        let (backoff, away) = (FIRST_BACKOFF, measures::database_away());
        Self { queue, idle, shared, backoff, is_away: false, away }
    }

    /// Works until all senders are gone and the queue is empty.
    pub(super) async fn run(mut self) {
        let queue = Arc::clone(&self.queue);
        let mut group = Vec::with_capacity(GROUP);
        loop {
            self.look().await;
            while let Ok(mut waiting) = timeout(LOOK, queue.lock()).await {
                match timeout(LOOK, waiting.recv_many(&mut group, GROUP)).await {
                    Ok(0) => return,
                    Ok(_) => linger(&mut waiting, &mut group).await,
                    Err(_) => break,
                }
                drop(waiting);
                self.flush(std::mem::replace(&mut group, Vec::with_capacity(GROUP))).await;
            }
        }
    }

    /// Stores `group` and answers every ticket in it.
    async fn flush(&mut self, group: Vec<Ticket<T>>) {
        // Halves of a group that failed wait here. Doubt about a group is doubt about its halves.
        let mut waiting = vec![(group, false)];
        while let Some((mut group, mut in_doubt)) = waiting.pop() {
            loop {
                give_up_late_ones(&mut group, in_doubt);
                if group.is_empty() {
                    break;
                }
                match self.try_to_store(&group, in_doubt).await {
                    Try::Stored(answers) => self.answer(&mut group, answers),
                    Try::Refused(error) => {
                        if let Some(half) = refuse_or_halve(&mut group, error) {
                            waiting.push((half, in_doubt));
                        }
                    }
                    Try::Failed(error) => self.back_off(&error).await,
                    Try::Lost(error) => {
                        in_doubt = true;
                        self.back_off(&error).await;
                    }
                }
            }
        }
    }

    async fn try_to_store(&mut self, group: &[Ticket<T>], in_doubt: bool) -> Try<T::Answer> {
        // Kept only if all goes well: whatever fails, the next try has a fresh connection.
        let mut connection = match self.connect().await {
            Ok(connection) => connection,
            Err(error) => return Try::Failed(error),
        };
        let rows: Vec<&T> = group.iter().map(|ticket| &ticket.row).collect();
        let stored = timeout(STATEMENT_TIMEOUT, async {
            match in_doubt {
                false => T::store(&mut connection, &rows, &self.shared).await,
                true => T::store_again(&mut connection, &rows).await,
            }
        });
        match stored.await {
            Ok(Ok(answers)) => {
                self.keep(connection);
                Try::Stored(answers)
            }
            Ok(Err(error)) if is_rows_fault(&error) => {
                self.keep(connection);
                Try::Refused(error)
            }
            Ok(Err(error)) if is_away(&error) => Try::Lost(error),
            Ok(Err(error)) => Try::Failed(error),
            Err(_) => Try::Lost(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())),
        }
    }

    async fn connect(&self) -> sqlx::Result<PgConnection> {
        match self.idle.take(Instant::now()) {
            Some(connection) => Ok(connection),
            None => self.shared.database.connect(T::USE).await,
        }
    }

    /// Wakes the workers and answers all.
    fn answer(&self, group: &mut Vec<Ticket<T>>, answers: Vec<T::Answer>) {
        let wakes: Vec<Lane> =
            group.iter().zip(&answers).filter_map(|(ticket, answer)| ticket.row.wakes(answer)).collect();
        for lane in Lane::ALL.into_iter().filter(|lane| wakes.contains(lane)) {
            self.shared.wake.notify(lane);
        }
        for (ticket, answer) in group.drain(..).zip(answers) {
            if ticket.row.is_code(&answer) {
                self.shared.congestion.observe(ticket.since.elapsed(), Instant::now());
            }
            // Whoever has gone away asks for the message later, or does not care.
            let _ = ticket.answer.send(Ok(answer));
        }
    }

    async fn back_off(&mut self, error: &sqlx::Error) {
        self.note_absence(error);
        tokio::time::sleep(self.backoff).await;
        self.backoff = (self.backoff * 2).min(LONGEST_BACKOFF);
    }

    /// Reads the database's clock, on a connection that is then ready for the next request.
    async fn look(&mut self) {
        let looked = timeout(STATEMENT_TIMEOUT, async {
            let mut connection = self.connect().await?;
            self.shared.clock.sync(&mut connection).await?;
            Ok::<_, sqlx::Error>(connection)
        });
        match looked.await {
            Ok(Ok(connection)) => self.keep(connection),
            Ok(Err(error)) => self.note_absence(&error),
            Err(_) => self.note_absence(&sqlx::Error::PoolTimedOut),
        }
    }

    /// Keeps a connection that works.
    fn keep(&mut self, connection: PgConnection) {
        self.idle.put(connection, Instant::now());
        self.backoff = FIRST_BACKOFF;
        if std::mem::take(&mut self.is_away) {
            self.away.decrement(1.0);
            tracing::info!("the intake has its database again");
        }
    }

    fn note_absence(&mut self, error: &sqlx::Error) {
        if is_away(error) {
            self.idle.clear();
        }
        if !std::mem::replace(&mut self.is_away, true) {
            self.away.increment(1.0);
            tracing::warn!(%error, "the intake has lost its database; requests get 503 until it is back");
        }
    }
}

/// Under load, lets the requests that are being read at this moment join the group.
async fn linger<T: Storable>(queue: &mut mpsc::Receiver<Ticket<T>>, group: &mut Vec<Ticket<T>>) {
    for _ in 0..LINGER_ROUNDS {
        if !(LOADED..GROUP).contains(&group.len()) {
            return;
        }
        tokio::task::yield_now().await;
        while group.len() < GROUP {
            match queue.try_recv() {
                Ok(ticket) => group.push(ticket),
                Err(_) => break,
            }
        }
    }
}

/// Answers those who have waited long enough, and forgets those who no longer wait.
fn give_up_late_ones<T: Storable>(group: &mut Vec<Ticket<T>>, in_doubt: bool) {
    let patience = if in_doubt { PATIENCE_IN_DOUBT } else { PATIENCE };
    for ticket in
        group.extract_if(.., |ticket| ticket.since.elapsed() > patience || ticket.answer.is_closed())
    {
        let error = if in_doubt { IntakeError::OutcomeUnknown } else { IntakeError::Away };
        let _ = ticket.answer.send(Err(error));
    }
}

/// A single row is refused; of several, one half is taken out to be tried by itself.
fn refuse_or_halve<T: Storable>(group: &mut Vec<Ticket<T>>, error: sqlx::Error) -> Option<Vec<Ticket<T>>> {
    if group.len() > 1 {
        return Some(group.split_off(group.len() / 2));
    }
    if let Some(ticket) = group.pop() {
        let _ = ticket.answer.send(Err(IntakeError::Refused(error)));
    }
    None
}
