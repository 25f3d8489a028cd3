//! One lane: its threads, and the pipeline claim → queue → deliver → ack on it.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use apalis::layers::WorkerBuilderExt;
use apalis::prelude::WorkerBuilder;
use apalis_core::error::WorkerError;
use apalis_core::worker::ext::parallelize::ParallelizeExt;
use futures::future::BoxFuture;
use shared::clock::DbClock;
use shared::config::ReachConfig;
use shared::congestion::Congestion;
use shared::db::{Database, Use, within};
use shared::handoff::Handoff;
use shared::lane::Lane;
use shared::seal::Keyring;
use shared::store::workers;
use shared::wake::Wake;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::ack::{Acker, Acks};
use crate::claim::{Claimer, hand_back_lost};
use crate::deliver::deliver;
use crate::dispatch::Dispatch;
use crate::handoff::LaneTaker;
use crate::held::Held;
use crate::measures::LaneMeasures;
use crate::presence::Presence;
use crate::queue::Queue;
use crate::roster::Roster;
use crate::sweep::Mark;
use crate::unsent::UnsentCodes;

/// Threads of promo: one alone is always ready to run while a campaign drains, and the other processor idles.
const PROMO_THREADS: usize = 2;
/// They step back for the others by this much.
const PROMO_NICE: i32 = 5;
/// A lane that stops waits for the database no longer than this.
const CONNECT_PATIENCE: Duration = Duration::from_secs(2);

/// What everything in a lane needs.
#[derive(Clone)]
pub(crate) struct LaneParts {
    pub(crate) lane: Lane,
    pub(crate) slots: usize,
    pub(crate) database: Database,
    pub(crate) clock: DbClock,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) reach: ReachConfig,
    pub(crate) wake: Wake,
    pub(crate) handoff: Handoff,
    pub(crate) presence: Arc<Presence>,
    pub(crate) roster: Arc<Roster>,
    pub(crate) mark: Arc<Mark>,
    pub(crate) congestion: Arc<Congestion>,
    pub(crate) unsent: Arc<UnsentCodes>,
    pub(crate) measures: Arc<LaneMeasures>,
}

/// Starts a lane on threads of its own; it ends, drained, after `stop`. If it ends otherwise, it
/// says so by `broken`.
pub(crate) fn spawn(
    parts: LaneParts,
    stop: CancellationToken,
    broken: CancellationToken,
) -> std::io::Result<JoinHandle<()>> {
    let name = format!("smsgw-{}", parts.lane);
    let runtime = runtime(parts.lane, &name)?;
    std::thread::Builder::new().name(name).spawn(move || {
        let alarm = broken.drop_guard();
        // Spawned, since what is blocked on stays on this thread, beside those of the runtime.
        let ended = runtime.block_on(async { tokio::spawn(run(parts, stop)).await });
        if ended.unwrap_or(false) {
            alarm.disarm();
        }
    })
}

fn runtime(lane: Lane, name: &str) -> std::io::Result<Runtime> {
    match lane {
        Lane::Otp | Lane::Transactional => Builder::new_current_thread().enable_all().build(),
        Lane::Promo => Builder::new_multi_thread()
            .worker_threads(PROMO_THREADS)
            .thread_name(name)
            .on_thread_start(step_back)
            .enable_all()
            .build(),
    }
}

/// Lets this thread yield the processor to codes and to the database.
fn step_back() {
    if let Err(error) = rustix::process::setpriority_process(None, PROMO_NICE) {
        tracing::debug!(%error, "promo runs at normal priority");
    }
}

/// Runs until drained after `stop`; `false` if a part broke off before.
async fn run(parts: LaneParts, stop: CancellationToken) -> bool {
    let held = Arc::new(Held::default());
    let (acks, verdicts) = Acks::channel(parts.slots);
    let (jobs, claimed) = mpsc::channel(parts.slots);
    let acker = Acker::new(&parts, held.clone());
    let mut acker = tokio::spawn(acker.run(verdicts));
    let dispatch = Arc::new(Dispatch::new(parts.clone(), held.clone(), jobs, acks.clone()));
    if parts.lane != Lane::Promo {
        parts.handoff.offer(parts.lane, Box::new(LaneTaker::new(&dispatch, stop.clone())));
    }
    let claimer = tokio::spawn(Claimer::new(parts.clone(), dispatch).run(stop.clone()));
    tokio::select! {
        // The queue ends when the claimer has stopped and everything claimed has its verdict.
        () = serve(parts.clone(), Queue::new(claimed, acks)) => (),
        _ = &mut acker => return false,
    }
    let is_drained = stop.is_cancelled() && claimer.await.is_ok() && acker.await.is_ok();
    if is_drained && let Err(error) = look_behind(&parts, &held).await {
        tracing::debug!(%error, "what may be left of lost claims is taken over by others");
    }
    is_drained
}

/// Hands back what was claimed without our knowing: others would have to take it for sent, perhaps.
async fn look_behind(parts: &LaneParts, held: &Held) -> sqlx::Result<()> {
    let Some(worker) = parts.presence.standing() else { return Ok(()) };
    let mut db = within(CONNECT_PATIENCE, parts.database.connect(Use::Queue("smsgw claim"))).await?;
    within(CONNECT_PATIENCE, workers::outwait_stores(&mut db, worker)).await?;
    hand_back_lost(&mut db, worker, parts.lane, held).await
}

/// Runs the handler over the queue until the queue ends.
async fn serve(parts: LaneParts, queue: Queue) {
    let (lane, slots) = (parts.lane, parts.slots);
    let worker = WorkerBuilder::new(format!("smsgw-{lane}"))
        .backend(queue)
        .data(Arc::new(parts))
        .concurrency(slots)
        .catch_panic()
        .parallelize(tokio::spawn)
        .build(deliver);
    // Boxed, because the compiler cannot name the plain future's bounds.
    let running: BoxFuture<'static, Result<(), WorkerError>> = Box::pin(worker.run());
    if let Err(error) = running.await {
        tracing::error!(%error, %lane, "a lane's queue ended");
    }
}
