//! Starting and stopping a worker.

use std::sync::Arc;
use std::thread::JoinHandle;

use futures::future::BoxFuture;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use shared::alert::{AlertTarget, Alerter};
use shared::campaign::Links;
use shared::clock::DbClock;
use shared::config::{Environment, ReachConfig};
use shared::congestion::Congestion;
use shared::db::Database;
use shared::handoff::Handoff;
use shared::lane::Lane;
use shared::provider::catalogue::ProviderSettings;
use shared::provider::http::{self, BaseUrl, ClientError};
use shared::seal::Keyring;
use shared::wake::Wake;
use sqlx::PgPool;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config::WorkerConfig;
use crate::feeder::Feeder;
use crate::lane::{self, LaneParts};
use crate::measures::{self, LaneMeasures, SpendMeasures};
use crate::presence::{self, Presence};
use crate::roster::{Roster, Sources};
use crate::sweep::{self, Mark};
use crate::unsent::{self, UnsentCodes};
use crate::{erasure, lease, receipts, spending, takeover, upkeep};

/// What a worker is made of.
#[derive(Clone)]
pub struct Parts {
    /// For the lanes' own connections.
    pub database: Database,
    /// For everything that is not on a message's way.
    pub pool: PgPool,
    /// The database's time.
    pub clock: DbClock,
    /// Opens codes and credentials.
    pub keyring: Arc<Keyring>,
    /// Says when something is due.
    pub wake: Wake,
    /// Takes what is stored here at once.
    pub handoff: Handoff,
    /// How much to do at once.
    pub config: WorkerConfig,
    /// Whom to text.
    pub reach: ReachConfig,
    /// Providers of the environment.
    pub providers: Vec<ProviderSettings>,
    /// Whether the sandbox may stand in.
    pub environment: Environment,
    /// Where providers send receipts.
    pub public_url: Option<BaseUrl>,
    /// Where alerts of spending go.
    pub alerts: Option<AlertTarget>,
}

/// A running worker.
pub struct Worker {
    stop: CancellationToken,
    stand_down: CancellationToken,
    presence: tokio::task::JoinHandle<()>,
    lanes: Vec<JoinHandle<()>>,
    duties: JoinSet<()>,
    pool: PgPool,
    unsent: Arc<UnsentCodes>,
    broken: CancellationToken,
}

/// A part of the worker ended by itself. What it held is in doubt once the process has ended, so
/// the process should end, and start anew.
#[derive(Debug, thiserror::Error)]
#[error("a part of the worker broke off")]
pub struct BrokenOff;

/// Why a worker cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No thread for a lane.
    #[error("cannot start a thread")]
    Thread(#[from] std::io::Error),
    /// No HTTP client.
    #[error("cannot set up the HTTP client")]
    Http(#[from] ClientError),
}

impl Worker {
    /// Starts all lanes and duties. Needs no database yet: it is waited for. A recorder of metrics must
    /// be set before.
    ///
    /// # Errors
    /// When the machine gives no threads or no TLS roots.
    pub fn start(parts: Parts) -> Result<Self, StartError> {
        http::install_crypto();
        raise_open_files();
        measures::describe();
        let (stop, stand_down) = (CancellationToken::new(), CancellationToken::new());
        let presence = Arc::new(Presence::new());
        let marks: [Arc<Mark>; 3] = Default::default();
        let congestion = Arc::new(Congestion::stepping_back(measures::promo_share()));
        let roster = Arc::new(Roster::new(sources(&parts)?, parts.clock.clone()));
        let broken = CancellationToken::new();
        let alerter = parts.alerts.clone().map(Alerter::new).transpose()?;
        let unsent = Arc::new(UnsentCodes::default());
        let duties = duties(&parts, &roster, &marks, &unsent, alerter, &broken);
        let lanes = Lane::ALL.map(|lane| LaneParts {
            lane,
            slots: parts.config.slots(lane),
            database: parts.database.clone(),
            clock: parts.clock.clone(),
            keyring: parts.keyring.clone(),
            reach: parts.reach.clone(),
            wake: parts.wake.clone(),
            handoff: parts.handoff.clone(),
            presence: presence.clone(),
            roster: roster.clone(),
            mark: marks[lane as usize].clone(),
            congestion: congestion.clone(),
            unsent: unsent.clone(),
            measures: Arc::new(LaneMeasures::new(lane)),
        });
        let lanes = lanes
            .into_iter()
            .map(|lane| lane::spawn(lane, stop.clone(), broken.clone()))
            .collect::<Result<_, _>>()?;
        let (database, pool, token) = (parts.database, parts.pool, stand_down.clone());
        let alarm = broken.clone().drop_guard();
        let presence = tokio::spawn(async move {
            presence::run(&presence, &database, token).await;
            alarm.disarm();
        });
        Ok(Self { stop, stand_down, presence, lanes, duties, pool, unsent, broken })
    }

    /// Is cancelled when a part ends by itself: then the worker should be stopped.
    pub fn broken(&self) -> CancellationToken {
        self.broken.clone()
    }

    /// Stops in good order: claims nothing more, lets what is under way end, writes the results,
    /// and strikes the worker off.
    ///
    /// # Errors
    /// When a part had broken off before.
    pub async fn stop(mut self) -> Result<(), BrokenOff> {
        self.stop.cancel();
        let lanes = std::mem::take(&mut self.lanes);
        let joined =
            tokio::task::spawn_blocking(move || lanes.into_iter().all(|lane| lane.join().is_ok())).await;
        let mut whole = matches!(joined, Ok(true));
        self.stand_down.cancel();
        whole &= self.presence.await.is_ok() && !self.broken.is_cancelled();
        self.duties.shutdown().await;
        unsent::finish(&self.pool, &self.unsent).await;
        if whole { Ok(()) } else { Err(BrokenOff) }
    }
}

/// Lets this process have as many connections as the machine allows: each message under way may need one, and the usual
/// limit of 1,024 is there for programs that use `select`.
fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        tracing::debug!(%error, "the limit of open files stays as it is");
    }
}

fn sources(parts: &Parts) -> Result<Sources, ClientError> {
    Ok(Sources {
        environment_providers: parts.providers.clone(),
        keyring: parts.keyring.clone(),
        environment: parts.environment,
        public_url: parts.public_url.clone(),
        pool: parts.pool.clone(),
        clients: [http::client()?, http::client()?, http::client()?],
    })
}

/// Starts the standing duties. None ends by itself; if one does, `broken` tells.
fn duties(
    parts: &Parts,
    roster: &Arc<Roster>,
    marks: &[Arc<Mark>; 3],
    unsent: &Arc<UnsentCodes>,
    alerter: Option<Alerter>,
    broken: &CancellationToken,
) -> JoinSet<()> {
    let mut duties = JoinSet::new();
    let mut start = |duty: BoxFuture<'static, ()>| {
        let alarm = broken.clone().drop_guard();
        duties.spawn(async move {
            let _alarm = alarm;
            duty.await;
        });
    };
    let reloading = roster.clone();
    start(Box::pin(async move { reloading.run().await }));
    let (leasing, pool, clock) = (roster.clone(), parts.pool.clone(), parts.clock.clone());
    start(Box::pin(async move { lease::run(&leasing, &pool, &clock).await }));
    let (database, sweeping) = (parts.database.clone(), marks.clone());
    start(Box::pin(async move { sweep::run(&database, &sweeping).await }));
    let (database, clock, rewinding) = (parts.database.clone(), parts.clock.clone(), marks.clone());
    start(Box::pin(async move { takeover::run(&database, &clock, &rewinding).await }));
    let (pool, clock, config) = (parts.pool.clone(), parts.clock.clone(), parts.config.clone());
    let counting_from = marks.clone();
    start(Box::pin(async move { upkeep::run(&pool, &clock, &counting_from, &config).await }));
    let (database, pool, keyring) = (parts.database.clone(), parts.pool.clone(), parts.keyring.clone());
    start(Box::pin(async move { erasure::run(&database, &pool, &keyring).await }));
    let database = parts.database.clone();
    start(Box::pin(async move { receipts::run(&database).await }));
    let (pool, unsent) = (parts.pool.clone(), unsent.clone());
    start(Box::pin(async move { unsent::run(&pool, &unsent).await }));
    let feeder = Feeder {
        database: parts.database.clone(),
        clock: parts.clock.clone(),
        reach: parts.reach.clone(),
        wake: parts.wake.clone(),
        roster: roster.clone(),
        links: Links { keyring: parts.keyring.clone(), public_url: parts.public_url.clone() },
        measures: SpendMeasures::new(),
    };
    start(Box::pin(feeder.run()));
    let (pool, clock) = (parts.pool.clone(), parts.clock.clone());
    start(Box::pin(async move { spending::run(&pool, &clock, alerter.as_ref()).await }));
    let (database, wake) = (parts.database.clone(), parts.wake.clone());
    start(Box::pin(async move { wake.hear_others(&database).await }));
    duties
}
