//! Verdicts to the database, in groups.
//!
//! Whatever waits is written together: at once for codes, after at most 5 ms for the others. With
//! Postgres away or out of disk the groups are held and tried again; ids make every repetition
//! harmless. A group that the database refuses is halved until the bad row stands alone.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use shared::db::{Database, Use, is_rows_fault, within};
use shared::ids::{MessageId, SessionId};
use shared::lane::Lane;
use shared::message::Status;
use shared::phone::PhoneNumber;
use shared::provider::Outcome;
use shared::routing::{self, Doubt, PROVIDERS_EXHAUSTED};
use shared::store::acks::{self, Attempt, Finished, Rescheduled, Write};
use shared::store::consents;
use shared::store::guard::Unsent;
use sqlx::PgConnection;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use crate::deliver::traveller;
use crate::held::Held;
use crate::lane::LaneParts;
use crate::measures::LaneMeasures;
use crate::queue::Claim;
use crate::unsent::UnsentCodes;

/// At most this many verdicts are written together.
const GROUP: usize = 500;
/// Bulk verdicts wait this long for company …
const LINGER: Duration = Duration::from_millis(5);
/// … or until they are so many: a statement's own cost is spread over them then, and their slots should not idle.
const COMPANY: usize = 256;
/// A group that takes longer is lost with its connection, and repeated.
const WRITE_PATIENCE: Duration = Duration::from_secs(5);
/// How long to leave an absent database alone.
const PATIENCE: Duration = Duration::from_millis(200);

/// What became of a claimed message.
#[derive(Clone, Debug)]
pub(crate) enum Verdict {
    /// It leaves the outbox.
    Finish(Finished),
    /// It goes on waiting.
    Reschedule(Rescheduled),
}

impl Verdict {
    /// For a delivery that panicked: a call may have been under way.
    pub(crate) fn broken_off(claim: &Claim) -> Self {
        doubtful(claim, claim.message.due_at, "broken_off", Vec::new(), Vec::new())
    }

    fn id(&self) -> MessageId {
        match self {
            Self::Finish(one) => one.id,
            Self::Reschedule(one) => one.id,
        }
    }

    fn attempts(&self) -> &[Attempt] {
        match self {
            Self::Finish(one) => &one.attempts,
            Self::Reschedule(one) => &one.attempts,
        }
    }

    /// The same verdict without anything a vendor told; `None` if there is nothing of that kind.
    fn bare(&self) -> Option<Self> {
        let mut bare = self.clone();
        let attempts = match &mut bare {
            Self::Finish(one) => &mut one.attempts,
            Self::Reschedule(one) => &mut one.attempts,
        };
        let mut found = false;
        for attempt in attempts {
            found |= attempt.code.take().is_some() | attempt.provider_message_id.take().is_some();
            found |= !std::mem::take(&mut attempt.stops).is_empty();
        }
        found.then_some(bare)
    }
}

/// The verdict on a message that may have been sent by a call without a clear answer.
pub(crate) fn doubtful(
    claim: &Claim,
    now: DateTime<Utc>,
    reason: &'static str,
    tried: Vec<String>,
    attempts: Vec<Attempt>,
) -> Verdict {
    let id = claim.message.id;
    match routing::in_doubt(&traveller(&claim.message, &claim.message.tried), now) {
        Doubt::SendAgain(due_at) => Verdict::Reschedule(Rescheduled {
            id,
            claimed_due_at: claim.message.due_at,
            due_at,
            reason,
            tried,
            copies: 1,
            taken_over: false,
            to: None,
            attempts,
        }),
        Doubt::End(status) => Verdict::Finish(Finished {
            id,
            status,
            reason: Some(reason),
            masked_text: None,
            copies: 1,
            attempts,
            is_refused: false,
        }),
    }
}

/// A verdict on its way to the database. It keeps its claim, and so the send slot: a worker that dies leaves no more
/// messages in doubt than it has slots, and a database that is slow to write is not given more to do.
#[derive(Debug)]
pub(crate) struct Ack {
    claim: Arc<Claim>,
    verdict: Verdict,
}

impl Ack {
    /// What the pumping guard is told if no provider took it. One that was refused for what it is stays counted.
    fn unsent(&self) -> Option<Unsent> {
        let Verdict::Finish(one) = &self.verdict else { return None };
        let is_unsent = one.status == Status::Expired
            || one.status == Status::Failed && one.reason == Some(PROVIDERS_EXHAUSTED);
        let message = &self.claim.message;
        (is_unsent && !one.is_refused).then(|| Unsent {
            session: message.session_id.unwrap_or(SessionId(message.id.0)),
            phone: PhoneNumber::stored(message.to.clone()),
        })
    }
}

/// The way to a lane's acker; cheap to clone.
#[derive(Clone)]
pub(crate) struct Acks {
    sender: mpsc::Sender<Ack>,
}

impl Acks {
    /// A channel for as many verdicts as there are slots.
    pub(crate) fn channel(slots: usize) -> (Self, mpsc::Receiver<Ack>) {
        let (sender, received) = mpsc::channel(slots.max(GROUP));
        (Self { sender }, received)
    }

    /// As [`Acks::send`], for who cannot wait: there is room for as many as there are slots, and each verdict has one.
    pub(crate) fn put(&self, claim: Arc<Claim>, verdict: Verdict) {
        if self.sender.try_send(Ack { claim, verdict }).is_err() {
            tracing::error!("a verdict came after the acker had stopped; its message is in doubt");
        }
    }

    /// Hands a verdict over. The acker outlives all senders, so it is never lost here.
    pub(crate) async fn send(&self, claim: Arc<Claim>, verdict: Verdict) {
        let ack = Ack { claim, verdict };
        if self.sender.send(ack).await.is_err() {
            tracing::error!("a verdict came after the acker had stopped; its message is in doubt");
        }
    }
}

/// Writes the verdicts of one lane.
pub(crate) struct Acker {
    lane: Lane,
    database: Database,
    connection: Option<PgConnection>,
    held: Arc<Held>,
    unsent: Arc<UnsentCodes>,
    measures: Arc<LaneMeasures>,
    /// Whether the database's absence was told already.
    trouble: bool,
}

impl Acker {
    /// An acker that connects when it has something to write.
    pub(crate) fn new(parts: &LaneParts, held: Arc<Held>) -> Self {
        Self {
            lane: parts.lane,
            database: parts.database.clone(),
            connection: None,
            held,
            unsent: parts.unsent.clone(),
            measures: parts.measures.clone(),
            trouble: false,
        }
    }

    /// Writes until every sender is gone and everything is written.
    pub(crate) async fn run(mut self, mut acks: mpsc::Receiver<Ack>) {
        let mut group = Vec::with_capacity(GROUP);
        while acks.recv_many(&mut group, GROUP).await > 0 {
            self.linger(&mut group, &mut acks).await;
            for part in by_worker(&mut group) {
                self.write(part).await;
            }
        }
    }

    async fn linger(&self, group: &mut Vec<Ack>, acks: &mut mpsc::Receiver<Ack>) {
        if self.lane == Lane::Otp {
            return;
        }
        let until = Instant::now() + LINGER;
        while group.len() < COMPANY {
            let room = GROUP - group.len();
            if !matches!(timeout_at(until, acks.recv_many(group, room)).await, Ok(1..)) {
                break;
            }
        }
    }

    /// Writes one worker's verdicts, again and again until the database has taken or refused each. Messages whose verdict
    /// was refused stay held, so that nobody sends them again, and are in doubt once this process ends.
    async fn write(&mut self, acks: Vec<Ack>) {
        let (mut todo, mut write) = (vec![acks], Write::First);
        while let Some(mut part) = todo.pop() {
            let Err(error) = within(WRITE_PATIENCE, self.write_once(&part, write)).await else {
                self.trouble = false;
                self.let_go(&part);
                continue;
            };
            // Of several statements the first may have been committed.
            write = Write::Again;
            if self.connection.is_none() || !is_rows_fault(&error) {
                if !std::mem::replace(&mut self.trouble, true) {
                    tracing::warn!(%error, lane = %self.lane, "results are held until the database takes them");
                }
                self.connection = None;
                tokio::time::sleep(PATIENCE).await;
                todo.push(part);
            } else if part.len() > 1 {
                todo.push(part.split_off(part.len() / 2));
                todo.push(part);
            } else if let Some(bare) = part[0].verdict.bare() {
                tracing::warn!(%error, message.id = %bare.id(), "a result is written without the vendor's words");
                part[0].verdict = bare;
                todo.push(part);
            } else {
                tracing::error!(%error, message.id = %part[0].verdict.id(), "the database refuses a result");
                self.measures.results_refused.increment(1);
            }
        }
    }

    /// Their verdicts are written.
    fn let_go(&self, acks: &[Ack]) {
        self.unsent.note(self.lane, acks.iter().filter_map(Ack::unsent));
        for ack in acks {
            self.held.remove(ack.verdict.id(), ack.claim.number);
            count(&self.measures, &ack.verdict);
        }
    }

    async fn write_once(&mut self, part: &[Ack], write: Write) -> sqlx::Result<()> {
        let Some(worker) = part.first().map(|ack| ack.claim.worker) else { return Ok(()) };
        let (mut finished, mut rescheduled) = (Vec::with_capacity(part.len()), Vec::new());
        for ack in part {
            match &ack.verdict {
                Verdict::Finish(one) => finished.push(one),
                Verdict::Reschedule(one) => rescheduled.push(one),
            }
        }
        let measures = self.measures.clone();
        let attempts = part.iter().flat_map(|ack| ack.verdict.attempts());
        let stops: Vec<_> = attempts.flat_map(|attempt| attempt.stops.iter().cloned()).collect();
        let db = self.connected().await?;
        if !stops.is_empty() {
            // First: a message that is known to be suppressed is one whose stop is known.
            consents::record(&mut *db, &stops).await?;
        }
        let mut ours = Vec::new();
        if !finished.is_empty() {
            ours.extend(acks::finish(&mut *db, write, worker, &finished).await?);
            let in_doubt: Vec<_> =
                finished.iter().filter(|one| one.status == Status::Unknown).map(|one| one.id).collect();
            if !in_doubt.is_empty() {
                acks::settle_known(&mut *db, &in_doubt).await?;
            }
        }
        if !rescheduled.is_empty() {
            ours.extend(acks::reschedule(&mut *db, write, worker, &rescheduled).await?);
        }
        if ours.len() == part.len() {
            return Ok(());
        }
        for Ack { verdict, .. } in part {
            let accepted = verdict.attempts().iter().find(|attempt| attempt.outcome == Outcome::Accepted);
            if let Some(accepted) = accepted.filter(|attempt| !ours.contains(&attempt.message_id)) {
                let masked = match verdict {
                    Verdict::Finish(one) => one.masked_text.as_deref(),
                    Verdict::Reschedule(_) => None,
                };
                // None if it was only the answer to an earlier write that was lost.
                if acks::settle(&mut *db, accepted, masked).await? {
                    measures.settled_late.increment(1);
                }
            }
        }
        Ok(())
    }

    async fn connected(&mut self) -> sqlx::Result<&mut PgConnection> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.database.connect(Use::Ack("smsgw ack")).await?,
        };
        Ok(self.connection.insert(connection))
    }
}

/// Empties `group`, by the identity under which its messages were claimed: nearly always one.
fn by_worker(group: &mut Vec<Ack>) -> Vec<Vec<Ack>> {
    let mut parts: Vec<Vec<Ack>> = Vec::with_capacity(1);
    let size = group.len();
    for ack in group.drain(..) {
        match parts.iter_mut().find(|part| part[0].claim.worker == ack.claim.worker) {
            Some(part) => part.push(ack),
            None => {
                let mut part = Vec::with_capacity(size);
                part.push(ack);
                parts.push(part);
            }
        }
    }
    parts
}

/// Counts a message's end or return for the operator.
fn count(measures: &LaneMeasures, verdict: &Verdict) {
    match verdict {
        Verdict::Finish(one) => measures.ended(one.status, one.copies),
        Verdict::Reschedule(one) => measures.ended(Status::Queued, one.copies),
    }
}
