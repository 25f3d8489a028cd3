//! Verdicts to the database, in groups.
//!
//! Whatever waits is written together: at once for codes, after at most 5 ms for the others. With
//! Postgres away or out of disk the groups are held and tried again; ids make every repetition
//! harmless. A group that the database refuses is halved until the bad row stands alone.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use shared::db::{Database, Use, is_rows_fault, within};
use shared::ids::{MessageId, WorkerId};
use shared::lane::Lane;
use shared::message::Status;
use shared::provider::Outcome;
use shared::routing::{self, Doubt};
use shared::store::acks::{self, Attempt, Finished, Rescheduled};
use sqlx::PgConnection;
use tokio::sync::mpsc;

use crate::deliver::traveller;
use crate::held::Held;
use crate::measures::LaneMeasures;
use crate::queue::Claim;

/// At most this many verdicts are written together.
const GROUP: usize = 500;
/// Bulk verdicts wait this long for company.
const LINGER: Duration = Duration::from_millis(2);
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

    /// The same verdict without anything a vendor wrote; `None` if there is nothing of that kind.
    fn bare(&self) -> Option<Self> {
        let mut bare = self.clone();
        let attempts = match &mut bare {
            Self::Finish(one) => &mut one.attempts,
            Self::Reschedule(one) => &mut one.attempts,
        };
        let mut found = false;
        for attempt in attempts {
            found |= attempt.code.take().is_some() | attempt.provider_message_id.take().is_some();
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
            attempts,
        }),
        Doubt::End(status) => Verdict::Finish(Finished {
            id,
            status,
            reason: Some(reason),
            masked_text: None,
            copies: 1,
            attempts,
        }),
    }
}

/// A verdict on its way to the database, without the message: its send slot is free already.
#[derive(Debug)]
pub(crate) struct Ack {
    worker: WorkerId,
    claim: u64,
    verdict: Verdict,
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

    /// Hands a verdict over. The acker outlives all senders, so it is never lost here.
    pub(crate) async fn send(&self, claim: &Claim, verdict: Verdict) {
        let ack = Ack { worker: claim.worker, claim: claim.number, verdict };
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
    measures: Arc<LaneMeasures>,
    /// Whether the database's absence was told already.
    trouble: bool,
}

impl Acker {
    /// An acker that connects when it has something to write.
    pub(crate) fn new(lane: Lane, database: Database, held: Arc<Held>, measures: Arc<LaneMeasures>) -> Self {
        Self { lane, database, connection: None, held, measures, trouble: false }
    }

    /// Writes until every sender is gone and everything is written.
    pub(crate) async fn run(mut self, mut acks: mpsc::Receiver<Ack>) {
        let mut group = Vec::with_capacity(GROUP);
        while acks.recv_many(&mut group, GROUP).await > 0 {
            self.linger(&mut group, &mut acks).await;
            let mut refused = Vec::new();
            for (worker, verdicts) in by_worker(&group) {
                refused.extend(self.write(worker, &verdicts).await);
            }
            for ack in group.drain(..) {
                if !refused.contains(&ack.verdict.id()) {
                    self.held.remove(ack.verdict.id(), ack.claim);
                    count(&self.measures, &ack.verdict);
                }
            }
        }
    }

    async fn linger(&self, group: &mut Vec<Ack>, acks: &mut mpsc::Receiver<Ack>) {
        if self.lane == Lane::Otp || group.len() >= GROUP {
            return;
        }
        tokio::time::sleep(LINGER).await;
        while group.len() < GROUP {
            let Ok(ack) = acks.try_recv() else { break };
            group.push(ack);
        }
    }

    /// Writes one worker's verdicts, again and again until the database has taken or refused each.
    ///
    /// Returns the messages whose verdict was refused: they stay held, so that nobody sends them
    /// again, and are in doubt once this process ends.
    async fn write(&mut self, worker: WorkerId, verdicts: &[Verdict]) -> Vec<MessageId> {
        let mut refused = Vec::new();
        let mut todo = vec![verdicts.to_vec()];
        while let Some(mut part) = todo.pop() {
            let Err(error) = within(WRITE_PATIENCE, self.write_once(worker, &part)).await else {
                self.trouble = false;
                continue;
            };
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
            } else if let Some(bare) = part[0].bare() {
                tracing::warn!(%error, message.id = %bare.id(), "a result is written without the vendor's words");
                todo.push(vec![bare]);
            } else {
                tracing::error!(%error, message.id = %part[0].id(), "the database refuses a result");
                self.measures.results_refused.increment(1);
                refused.push(part[0].id());
            }
        }
        refused
    }

    async fn write_once(&mut self, worker: WorkerId, part: &[Verdict]) -> sqlx::Result<()> {
        let (mut finished, mut rescheduled) = (Vec::new(), Vec::new());
        for verdict in part {
            match verdict {
                Verdict::Finish(one) => finished.push(one.clone()),
                Verdict::Reschedule(one) => rescheduled.push(one.clone()),
            }
        }
        let measures = self.measures.clone();
        let db = self.connected().await?;
        let mut ours = Vec::new();
        if !finished.is_empty() {
            ours.extend(acks::finish(&mut *db, worker, &finished).await?);
            let in_doubt: Vec<_> =
                finished.iter().filter(|one| one.status == Status::Unknown).map(|one| one.id).collect();
            if !in_doubt.is_empty() {
                acks::settle_known(&mut *db, &in_doubt).await?;
            }
        }
        if !rescheduled.is_empty() {
            ours.extend(acks::reschedule(&mut *db, worker, &rescheduled).await?);
        }
        if ours.len() == part.len() {
            return Ok(());
        }
        for verdict in part {
            let accepted = verdict.attempts().iter().find(|attempt| attempt.outcome == Outcome::Accepted);
            if let Some(accepted) = accepted.filter(|attempt| !ours.contains(&attempt.message_id)) {
                let masked = match verdict {
                    Verdict::Finish(one) => one.masked_text.as_deref(),
                    Verdict::Reschedule(_) => None,
                };
                acks::settle(&mut *db, accepted, masked).await?;
                measures.settled_late.increment(1);
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

/// Verdicts by the identity under which their messages were claimed: nearly always one.
fn by_worker(group: &[Ack]) -> Vec<(WorkerId, Vec<Verdict>)> {
    let mut parts: Vec<(WorkerId, Vec<Verdict>)> = Vec::with_capacity(1);
    for ack in group {
        match parts.iter_mut().find(|(worker, _)| *worker == ack.worker) {
            Some((_, verdicts)) => verdicts.push(ack.verdict.clone()),
            None => parts.push((ack.worker, vec![ack.verdict.clone()])),
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
