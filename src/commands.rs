//! The commands, one a file.

mod campaign;
mod completions;
mod config;
mod dev;
mod doctor;
mod guard;
mod healthcheck;
mod keys;
mod logs;
mod mock_provider;
mod openapi;
mod operators;
mod opt_outs;
mod otp;
mod outbox;
mod pause;
mod people;
mod providers;
mod rules;
mod send;
mod serve;
mod spend;
mod templates;
mod users;

use anyhow::{Context, Result, bail};
use secrecy::ExposeSecret;
use shared::config::DatabaseConfig;
use shared::db::Database;
use shared::store::roles;
use shared::telemetry::{self, LogFormat};
use sqlx::ConnectOptions as _;

use crate::cli::{Cli, Command};
use crate::home::database_url;
use crate::print::Printer;
use crate::traces::Traces;

/// Runs the command that was given.
pub(crate) async fn run(cli: Cli) -> Result<()> {
    let format = log_format(&cli);
    let command = cli.command.expect("cli::parse makes it dev");
    let filter = match command {
        Command::Dev(_) => "warn,smsgw=info,worker=info,api=info,sqlx_core::pool=off",
        Command::Serve(_) | Command::Api(_) | Command::Worker(_) => "info,sqlx_core::pool=off",
        _ => "warn,sqlx_core::pool=off",
    };
    let traces = is_gateway(&command).then(Traces::start).transpose();
    let listener = traces.as_ref().ok().and_then(|traces| traces.as_ref()?.listener());
    telemetry::start(format, filter, listener);
    // Not before: what is wrong is told as a line of the log.
    let traces = traces?;
    if let Some(traces) = &traces {
        traces.check();
    }
    let ended = dispatch(command, Printer::new(cli.json)).await;
    if let Some(traces) = traces {
        traces.flush();
    }
    ended
}

async fn dispatch(command: Command, printer: Printer) -> Result<()> {
    match command {
        Command::Dev(args) => dev::run(*args, printer).await,
        Command::Serve(args) => serve::serve(*args).await,
        Command::Api(args) => serve::api(*args).await,
        Command::Worker(args) => serve::worker(*args).await,
        Command::Migrate(database) => migrate(&database, printer).await,
        Command::Keys(args) => keys::run(args, printer).await,
        Command::Operators(args) => operators::run(args, printer).await,
        Command::Providers(args) => providers::run(*args, printer).await,
        Command::Templates(args) => templates::run(args, printer).await,
        Command::Rules(args) => rules::run(args, printer).await,
        Command::Spend(args) => spend::run(args, printer).await,
        Command::Guard(args) => guard::run(args, printer).await,
        Command::OptOuts(args) => opt_outs::run(args, printer).await,
        Command::People(args) => people::run(args, printer).await,
        Command::Users(args) => users::run(args, printer).await,
        Command::Send(args) => send::run(args, printer).await,
        Command::Otp(args) => otp::run(args, printer).await,
        Command::Campaign(args) => campaign::run(*args, printer).await,
        Command::Logs(args) => logs::run(args, printer).await,
        Command::Pause(args) => pause::pause(args, printer).await,
        Command::Resume(args) => pause::resume(args, printer).await,
        Command::Outbox(args) => outbox::run(args, printer).await,
        Command::Doctor(args) => doctor::run(*args, printer).await,
        Command::Healthcheck(args) => healthcheck::run(&args).await,
        Command::MockProvider(options) => mock_provider::run(*options, printer).await,
        Command::Completions { shell } => completions::run(shell),
        Command::Config => config::run(printer),
        Command::OpenApi => openapi::run(),
    }
}

/// Whether messages pass through it, rather than it being a look or a call at those that do.
fn is_gateway(command: &Command) -> bool {
    matches!(command, Command::Dev(_) | Command::Serve(_) | Command::Api(_) | Command::Worker(_))
}

/// How log lines look: those of the programs for production are read by machines.
pub(crate) fn log_format(cli: &Cli) -> LogFormat {
    let usual = match cli.command {
        Some(Command::Serve(_) | Command::Api(_) | Command::Worker(_)) => LogFormat::Json,
        _ => LogFormat::Text,
    };
    cli.log_format.unwrap_or(usual)
}

async fn migrate(database: &DatabaseConfig, printer: Printer) -> Result<()> {
    let database = open(database)?;
    database.migrate().await.context("the schema could not be brought up to date")?;
    let deprived = roles::list_deprived(&mut database.options().connect().await?).await?;
    if !deprived.is_empty() {
        bail!("{}: {RESTORE_AGAIN}", deprived_of(&deprived));
    }
    let migrations = shared::db::MIGRATIONS.iter().count();
    printer.show(&serde_json::json!({ "migrations": migrations }), || "the schema is up to date".to_owned())
}

/// What a restore on a server without the gateway's roles leaves behind.
fn deprived_of(roles: &[String]) -> String {
    format!("this database gives nothing to {}: it was restored without them", roles.join(", "))
}

/// The cure: grants and policies are in the backup, and nowhere else.
const RESTORE_AGAIN: &str = "restore the backup once more, now that the roles are there";

/// The database that was given, or that of the `dev` gateway in this folder.
fn open(database: &DatabaseConfig) -> Result<Database> {
    let url = database_url(database)?;
    Database::new(url.expose_secret()).context("DATABASE_URL cannot be read")
}
