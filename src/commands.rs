//! The commands, one a file.

mod dev;
mod keys;
mod logs;
mod mock_provider;
mod pause;
mod serve;

use anyhow::{Context, Result};
use secrecy::ExposeSecret;
use shared::config::DatabaseConfig;
use shared::db::Database;
use shared::telemetry::{self, LogFormat};

use crate::cli::{Cli, Command};
use crate::home::database_url;

/// Runs the command that was given.
pub(crate) async fn run(cli: Cli) -> Result<()> {
    let command = match cli.command {
        Some(command) => command,
        None => Command::Dev(Box::new(dev::default_args())),
    };
    let (format, filter) = match command {
        Command::Dev(_) => (LogFormat::Text, "warn,smsgw=info,worker=info,api=info,sqlx_core::pool=off"),
        Command::Serve(_) | Command::Api(_) | Command::Worker(_) => {
            (LogFormat::Json, "info,sqlx_core::pool=off")
        }
        _ => (LogFormat::Text, "warn"),
    };
    telemetry::start(cli.log_format.unwrap_or(format), filter);
    match command {
        Command::Dev(args) => dev::run(*args).await,
        Command::Serve(args) => serve::serve(*args).await,
        Command::Api(args) => serve::api(*args).await,
        Command::Worker(args) => serve::worker(*args).await,
        Command::Migrate(database) => migrate(&database).await,
        Command::Keys(args) => keys::run(args).await,
        Command::Logs(args) => logs::run(args).await,
        Command::Pause(args) => pause::pause(args).await,
        Command::Resume(args) => pause::resume(args).await,
        Command::MockProvider(options) => mock_provider::run(*options).await,
    }
}

async fn migrate(database: &DatabaseConfig) -> Result<()> {
    open(database)?.migrate().await.context("the schema could not be brought up to date")
}

/// The database that was given, or that of the `dev` gateway in this folder.
fn open(database: &DatabaseConfig) -> Result<Database> {
    let url = database_url(database)?;
    Database::new(url.expose_secret()).context("DATABASE_URL cannot be read")
}
