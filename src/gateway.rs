//! Wiring: API and worker from their settings, started together and stopped in good order.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use shared::clock::DbClock;
use shared::config::{ApiConfig, CallersConfig, ConfigError, ReachConfig, SiteConfig, UserTokens};
use shared::db::{Database, Use, is_away};
use shared::handoff::Handoff;
use shared::provider::catalogue::ProviderEnv;
use shared::provider::http;
use shared::seal::Keyring;
use shared::wake::Wake;
use sqlx::PgPool;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use worker::Worker;

use crate::cli::SendingArgs;

/// Connections for everything that is not on a message's way.
const POOL: u32 = 10;
/// An address that is not listened on.
const WHEREVER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
/// Those of a worker.
const WORKER_POOL: u32 = 4;

/// What API and worker have in common.
pub(crate) struct Gateway {
    database: Database,
    pool: PgPool,
    clock: DbClock,
    keyring: Arc<Keyring>,
    wake: Wake,
    handoff: Handoff,
    site: SiteConfig,
    client: http::Client,
    metrics: api::PrometheusHandle,
}

impl Gateway {
    /// Connects; waits, until `stop`, for a database that is not there yet, and says so on `listener`.
    ///
    /// # Errors
    /// When the URL is wrong, or the schema is not there.
    pub(crate) async fn connect(
        url: &str,
        keyring: Keyring,
        site: SiteConfig,
        listener: Option<&TcpListener>,
        stop: &CancellationToken,
    ) -> Result<Self> {
        // Before anything that keeps metrics.
        let metrics = api::install_metrics();
        let database = Database::new(url).context("DATABASE_URL cannot be read")?;
        let pool = database.pool(POOL);
        let waiting = async {
            match listener {
                Some(listener) => api::serve_waiting(listener).await,
                None => std::future::pending().await,
            }
        };
        let clock = tokio::select! {
            clock = wait_for_database(&database) => clock?,
            () = waiting => bail!("no longer heard while waiting for the database"),
            () = stop.cancelled() => bail!("stopped while waiting for the database"),
        };
        let client = http::client().context("no HTTP client")?;
        let (keyring, wake) = (Arc::new(keyring), Wake::default());
        let handoff = Handoff::default();
        Ok(Self { database, pool, clock, keyring, wake, handoff, site, client, metrics })
    }

    /// The pool.
    pub(crate) fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// The keys.
    pub(crate) fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// Serves the API until `stop`, then lets open requests end. `providers` of the environment say whose receipts
    /// are true.
    ///
    /// # Errors
    /// Before it serves: when a provider's variable, the public URL or a setting of users' tokens cannot be used.
    pub(crate) async fn serve_api(
        &self,
        listener: TcpListener,
        config: &ApiConfig,
        providers: &ProviderEnv,
        stop: CancellationToken,
    ) -> Result<()> {
        let public_url = self.site.public_url()?;
        let (providers, users) = (providers.providers()?, config.callers.users()?);
        let parts = api::Parts { providers, public_url, users, ..self.api_parts(config) };
        let app = api::App::start(parts);
        let telling = async {
            tokio::select! {
                () = self.wake.send_to_others(&self.database) => (),
                () = stop.cancelled() => (),
            }
        };
        tokio::join!(api::serve(listener, app, stop.clone().cancelled_owned()), telling);
        Ok(())
    }

    /// Says on `listener` how this process is, until `stop`: for a worker that runs alone.
    pub(crate) fn serve_health(&self, listener: TcpListener, stop: CancellationToken) -> JoinHandle<()> {
        // Nothing is taken here, so nothing of it matters.
        let config = ApiConfig {
            listen: WHEREVER,
            default_region: None,
            stop_reply: None,
            reach: ReachConfig::default(),
            callers: CallersConfig::default(),
        };
        let app = api::App::observer(self.api_parts(&config));
        tokio::spawn(async move { api::serve_health(listener, app, stop.cancelled_owned()).await })
    }

    /// What an API is made of, without what it needs for webhooks.
    fn api_parts<'a>(&'a self, config: &'a ApiConfig) -> api::Parts<'a> {
        api::Parts {
            database: &self.database,
            pool: self.pool.clone(),
            clock: self.clock.clone(),
            wake: self.wake.clone(),
            handoff: self.handoff.clone(),
            keyring: self.keyring.clone(),
            environment: self.site.environment,
            config,
            providers: Vec::new(),
            client: self.client.clone(),
            users: UserTokens::default(),
            public_url: None,
            metrics: self.metrics.clone(),
        }
    }

    /// Starts a worker with the providers of the environment. If a part of it breaks off, `stop` is
    /// cancelled.
    pub(crate) fn start_worker(
        &self,
        args: &SendingArgs,
        reach: &ReachConfig,
        stop: &CancellationToken,
    ) -> Result<Worker> {
        let parts = worker::Parts {
            database: self.database.clone(),
            // Its own, so that busy doors cannot keep it from its duties.
            pool: self.database.pool(WORKER_POOL),
            clock: self.clock.clone(),
            keyring: self.keyring.clone(),
            wake: self.wake.clone(),
            handoff: self.handoff.clone(),
            config: args.worker.clone(),
            reach: reach.clone(),
            providers: args.providers.providers()?,
            environment: self.site.environment,
            public_url: self.site.public_url()?,
            alerts: args.alerts.target()?,
        };
        let worker = Worker::start(parts).context("the worker cannot start")?;
        let (broken, stop) = (worker.broken(), stop.clone());
        tokio::spawn(async move {
            broken.cancelled().await;
            stop.cancel();
        });
        Ok(worker)
    }
}

/// Opens the API's address.
pub(crate) async fn listen(config: &ApiConfig) -> Result<TcpListener> {
    listen_at("SMSGW_LISTEN", config.listen).await
}

/// Opens the address that `variable` names.
pub(crate) async fn listen_at(variable: &'static str, address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        let flag = if variable == "SMSGW_LISTEN" { "--listen" } else { "--worker-listen" };
        let problem = format!("cannot listen on {address}: {error}; choose another address with {flag}");
        ConfigError::new(variable, problem).into()
    })
}

/// Is cancelled by Ctrl-C or SIGTERM; a second signal ends the process at once.
pub(crate) fn stop_on_signal() -> Result<CancellationToken> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let stop = CancellationToken::new();
    let stopping = stop.clone();
    tokio::spawn(async move {
        let mut either = async || tokio::select! { _ = interrupt.recv() => (), _ = terminate.recv() => () };
        either().await;
        tracing::info!("stopping: what is under way ends first; once more to stop at once");
        stopping.cancel();
        either().await;
        std::process::exit(130);
    });
    Ok(stop)
}

/// Asks until the database answers. With a connection of its own, whose error says what is wrong;
/// a pool would only say that it has none.
async fn wait_for_database(database: &Database) -> Result<DbClock> {
    let mut told = false;
    loop {
        let asked = match database.connect(Use::Service("smsgw start")).await {
            Ok(mut connection) => DbClock::start(&mut connection).await,
            Err(error) => Err(error),
        };
        match asked {
            Ok(clock) => return Ok(clock),
            Err(error) if is_away(&error) => {
                if !std::mem::replace(&mut told, true) {
                    tracing::warn!(%error, "waiting for the database");
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            Err(error) => return Err(error).context("the database refuses; has `smsgw migrate` been run?"),
        }
    }
}
