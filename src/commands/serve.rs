//! `smsgw serve`, `api` and `worker`: the programs for production.

use anyhow::{Context, Result};
use secrecy::ExposeSecret;
use shared::store::pauses::{self, PauseScope};

use crate::cli::{ApiArgs, ServeArgs, WorkerArgs};
use crate::gateway::{self, Gateway, stop_on_signal};

/// API and worker in one process.
pub(crate) async fn serve(args: ServeArgs) -> Result<()> {
    let (url, keyring) = (args.database.url()?, args.secrets.keyring()?);
    let (providers, public_url) = (args.providers.providers()?, gateway::public_url(&args.api)?);
    let listener = gateway::listen(&args.api).await?;
    let stop = stop_on_signal()?;
    let gateway = Gateway::connect(url.expose_secret(), keyring).await?;
    let worker = gateway.start_worker(args.worker, providers, args.api.environment, public_url)?;
    tracing::info!(address = %listener.local_addr()?, "smsgw serves");
    gateway.serve_api(listener, &args.api, stop).await;
    worker.stop().await;
    Ok(())
}

/// The API alone.
pub(crate) async fn api(args: ApiArgs) -> Result<()> {
    let (url, keyring) = (args.database.url()?, args.secrets.keyring()?);
    let listener = gateway::listen(&args.api).await?;
    let stop = stop_on_signal()?;
    let gateway = Gateway::connect(url.expose_secret(), keyring).await?;
    tracing::info!(address = %listener.local_addr()?, "smsgw api serves");
    gateway.serve_api(listener, &args.api, stop).await;
    Ok(())
}

/// A worker alone.
pub(crate) async fn worker(args: WorkerArgs) -> Result<()> {
    let WorkerArgs { serve: args, paused } = args;
    let (url, keyring) = (args.database.url()?, args.secrets.keyring()?);
    let (providers, public_url) = (args.providers.providers()?, gateway::public_url(&args.api)?);
    let stop = stop_on_signal()?;
    let gateway = Gateway::connect(url.expose_secret(), keyring).await?;
    if paused {
        let mut db = gateway.pool().acquire().await.context("the database does not answer")?;
        pauses::pause(&mut db, PauseScope::All, "").await?;
        tracing::warn!("all sending is paused until `smsgw resume`");
    }
    let worker = gateway.start_worker(args.worker, providers, args.api.environment, public_url)?;
    tracing::info!("smsgw worker works");
    stop.cancelled().await;
    worker.stop().await;
    Ok(())
}
