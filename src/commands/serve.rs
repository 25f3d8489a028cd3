//! `smsgw serve`, `api` and `worker`: the programs for production.

use anyhow::{Context, Result};
use secrecy::ExposeSecret;
use shared::store::pauses::{self, PauseScope};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::cli::{ApiArgs, GatewayArgs, ServeArgs, WorkerArgs};
use crate::gateway::{self, Gateway, stop_on_signal};

/// API and worker in one process.
pub(crate) async fn serve(args: ServeArgs) -> Result<()> {
    let (listener, stop) = (gateway::listen(&args.api).await?, stop_on_signal()?);
    let gateway = connect(args.gateway, Some(&listener), &stop).await?;
    let worker = gateway.start_worker(&args.sending, &args.api.reach, &stop)?;
    tracing::info!(address = %listener.local_addr()?, "smsgw serves");
    let served = gateway.serve_api(listener, &args.api, &args.sending.providers, stop).await;
    worker.stop().await?;
    served
}

/// The API alone.
pub(crate) async fn api(args: ApiArgs) -> Result<()> {
    let (listener, stop) = (gateway::listen(&args.config).await?, stop_on_signal()?);
    let gateway = connect(args.gateway, Some(&listener), &stop).await?;
    tracing::info!(address = %listener.local_addr()?, "smsgw api serves");
    gateway.serve_api(listener, &args.config, &args.providers, stop).await
}

/// A worker alone.
pub(crate) async fn worker(args: WorkerArgs) -> Result<()> {
    let stop = stop_on_signal()?;
    let listener = match args.worker_listen {
        Some(address) => Some(gateway::listen_at("SMSGW_WORKER_LISTEN", address).await?),
        None => None,
    };
    let gateway = connect(args.gateway, listener.as_ref(), &stop).await?;
    if args.paused {
        let mut db = gateway.pool().acquire().await.context("the database does not answer")?;
        pauses::pause(&mut db, PauseScope::All, "").await?;
        tracing::warn!("all sending is paused until `smsgw resume`");
    }
    let observed = match listener {
        Some(listener) => {
            tracing::info!(address = %listener.local_addr()?, "/healthz and /metrics are served");
            Some(gateway.serve_health(listener, stop.clone()))
        }
        None => None,
    };
    let worker = gateway.start_worker(&args.sending, &args.reach, &stop)?;
    tracing::info!("smsgw worker works");
    stop.cancelled().await;
    if let Some(observed) = observed {
        observed.await.context("the health address broke off")?;
    }
    Ok(worker.stop().await?)
}

async fn connect(
    args: GatewayArgs,
    listener: Option<&TcpListener>,
    stop: &CancellationToken,
) -> Result<Gateway> {
    let (url, keyring) = (args.database.url()?, args.secrets.keyring()?);
    Gateway::connect(url.expose_secret(), keyring, args.site, listener, stop).await
}
