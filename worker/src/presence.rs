//! "I live": a worker's standing among the others.
//!
//! One dedicated connection holds the worker's advisory lock and beats all the time. A worker that
//! loses it has no standing: it starts no send, since others may be taking its messages over.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use metrics::Gauge;
use shared::db::{Database, Use, within};
use shared::ids::WorkerId;
use shared::store::workers;
use sqlx::{Connection, PgConnection};
use tokio_util::sync::CancellationToken;

use crate::measures;

/// Often enough that a broken connection is noticed, and replaced, within the second after which others
/// take its lock's being free for death.
const BEAT: Duration = Duration::from_millis(300);
/// Others call a worker dead after 5 s of silence; it must have stopped sending before.
const STANDING: Duration = Duration::from_secs(4);
/// How long to leave an absent database alone.
const RECONNECT: Duration = Duration::from_millis(100);
/// A beat that takes longer is no beat.
const BEAT_PATIENCE: Duration = Duration::from_secs(3);

#[derive(Clone, Copy, Debug)]
struct Standing {
    worker: WorkerId,
    confirmed: Instant,
}

/// This process's standing; shared by all lanes.
#[derive(Debug)]
pub(crate) struct Presence {
    standing: ArcSwapOption<Standing>,
    away: Gauge,
}

impl Presence {
    /// No standing yet.
    pub(crate) fn new() -> Self {
        let away = measures::database_away();
        away.set(1.0);
        Self { standing: ArcSwapOption::empty(), away }
    }

    /// Our identity, while we are known to live.
    pub(crate) fn standing(&self) -> Option<WorkerId> {
        let standing = self.standing.load();
        standing.as_deref().filter(|one| one.confirmed.elapsed() < STANDING).map(|one| one.worker)
    }

    /// Whether a message claimed as `worker` may still be sent.
    pub(crate) fn may_send(&self, worker: WorkerId) -> bool {
        self.standing() == Some(worker)
    }

    fn confirm(&self, worker: WorkerId, confirmed: Instant) {
        self.away.set(0.0);
        self.standing.store(Some(Arc::new(Standing { worker, confirmed })));
    }

    /// Gives the standing up; says whether there was one.
    fn lose(&self) -> bool {
        self.away.set(1.0);
        self.standing.swap(None).is_some()
    }
}

/// Keeps the standing until stopped; then, if `stop` came in good order, strikes the worker off.
pub(crate) async fn run(presence: &Presence, database: &Database, stop: CancellationToken) {
    let mut identity = None;
    // The absence of the database is told once.
    let mut trouble = false;
    loop {
        let ended = stand(presence, database, &mut identity, &stop).await;
        let had_standing = presence.lose();
        match ended {
            Ok(()) => return,
            Err(error) if !trouble || had_standing => {
                trouble = true;
                tracing::warn!(%error, "no connection of standing: nothing is sent until it is back");
            }
            Err(_) => (),
        }
        tokio::select! {
            () = tokio::time::sleep(RECONNECT) => (),
            () = stop.cancelled() => return,
        }
    }
}

async fn stand(
    presence: &Presence,
    database: &Database,
    identity: &mut Option<WorkerId>,
    stop: &CancellationToken,
) -> sqlx::Result<()> {
    let mut db = database.connect(Use::Service("smsgw worker")).await?;
    let worker = within(BEAT_PATIENCE, take_identity(&mut db, identity)).await?;
    loop {
        let asked = Instant::now();
        match within(BEAT_PATIENCE, workers::beat(&mut db, worker)).await? {
            Some(_) => presence.confirm(worker, asked),
            None => {
                // Declared dead, so the rows are gone to others: begin anew.
                *identity = None;
                return Err(sqlx::Error::RowNotFound);
            }
        }
        tokio::select! {
            () = tokio::time::sleep(BEAT) => (),
            () = stop.cancelled() => {
                presence.lose();
                within(BEAT_PATIENCE, workers::remove(&mut db, worker)).await?;
                return within(BEAT_PATIENCE, db.close()).await;
            }
        }
    }
}

/// Comes back under the old identity if nobody has taken it over, else as a new worker.
async fn take_identity(db: &mut PgConnection, identity: &mut Option<WorkerId>) -> sqlx::Result<WorkerId> {
    if let Some(worker) = *identity
        && workers::resume(db, worker).await?
    {
        return Ok(worker);
    }
    let pid = i32::try_from(std::process::id()).unwrap_or_default();
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let worker = workers::register(db, &host, pid).await?;
    tracing::info!(worker.id = %worker, "worker registered");
    *identity = Some(worker);
    Ok(worker)
}
