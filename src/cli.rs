//! What can be typed after `smsgw`.

use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand};
use shared::config::{ApiConfig, DatabaseConfig, SecretsConfig, SiteConfig};
use shared::lane::Lane;
use shared::provider::catalogue::ProviderEnv;
use shared::store::api_keys::Scope;
use shared::telemetry::LogFormat;
use worker::WorkerConfig;

/// A self-hosted SMS gateway. Without a command it runs `dev`.
#[derive(Debug, Parser)]
#[command(name = "smsgw", version, max_term_width = 100)]
pub(crate) struct Cli {
    /// What to do
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// How log lines look [default: text for dev, json else]
    #[arg(long, global = true, env = "SMSGW_LOG_FORMAT")]
    pub(crate) log_format: Option<LogFormat>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Everything on this machine, with a Postgres of its own: for trying out and developing
    Dev(Box<DevArgs>),
    /// The API and a worker in one process
    Serve(Box<ServeArgs>),
    /// The API alone
    Api(Box<ApiArgs>),
    /// A worker alone
    Worker(Box<WorkerArgs>),
    /// Bring the database's schema up to date
    Migrate(DatabaseConfig),
    /// API keys: who may call
    Keys(KeysArgs),
    /// Show finished messages
    Logs(LogsArgs),
    /// Stop sending: everything, one lane or one provider
    Pause(PauseArgs),
    /// Send again after a pause
    Resume(PauseArgs),
    /// A fake vendor that speaks Twilio's and 2Factor.in's formats, for tests
    MockProvider(Box<mock_provider::Options>),
}

/// Settings of `dev`.
#[derive(Debug, Args)]
pub(crate) struct DevArgs {
    /// Where the database and the keys of `dev` are kept, unless others are given
    #[arg(long, env = "SMSGW_DEV_DIR", default_value = ".smsgw")]
    pub(crate) dir: PathBuf,
    #[command(flatten)]
    pub(crate) serve: ServeArgs,
}

/// Settings of `serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    pub(crate) gateway: GatewayArgs,
    #[command(flatten)]
    pub(crate) api: ApiConfig,
    #[command(flatten)]
    pub(crate) sending: SendingArgs,
}

/// Settings of `api`.
#[derive(Debug, Args)]
pub(crate) struct ApiArgs {
    #[command(flatten)]
    pub(crate) gateway: GatewayArgs,
    #[command(flatten)]
    pub(crate) config: ApiConfig,
    /// Whose receipts are true; the API itself sends nothing
    #[command(flatten)]
    pub(crate) providers: ProviderEnv,
}

/// What API and worker have in common.
#[derive(Debug, Args)]
pub(crate) struct GatewayArgs {
    #[command(flatten)]
    pub(crate) database: DatabaseConfig,
    #[command(flatten)]
    pub(crate) secrets: SecretsConfig,
    #[command(flatten)]
    pub(crate) site: SiteConfig,
}

/// How messages are sent.
#[derive(Debug, Args)]
pub(crate) struct SendingArgs {
    #[command(flatten)]
    pub(crate) worker: WorkerConfig,
    #[command(flatten)]
    pub(crate) providers: ProviderEnv,
}

/// Settings of `worker`.
#[derive(Debug, Args)]
pub(crate) struct WorkerArgs {
    #[command(flatten)]
    pub(crate) gateway: GatewayArgs,
    #[command(flatten)]
    pub(crate) sending: SendingArgs,
    /// Pause all sending first: for starting on a restored backup
    #[arg(long)]
    pub(crate) paused: bool,
}

/// `keys …`.
#[derive(Debug, Args)]
pub(crate) struct KeysArgs {
    #[command(flatten)]
    pub(crate) database: DatabaseConfig,
    #[command(flatten)]
    pub(crate) secrets: SecretsConfig,
    /// What to do with keys
    #[command(subcommand)]
    pub(crate) action: KeysAction,
}

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeysAction {
    /// Make a key and print it; it is shown this once
    Create {
        /// A name to tell it by, up to 64 characters
        #[arg(value_parser = key_name)]
        name: String,
        /// What it may do: send, otp, read, admin
        #[arg(long, value_delimiter = ',', default_value = "send,otp,read")]
        scopes: Vec<Scope>,
    },
    /// List all keys
    List,
    /// Make a key useless within two seconds
    Revoke {
        /// Its name
        name: String,
    },
}

/// A name that a terminal shows as it is, as the table wants it.
fn key_name(text: &str) -> Result<String, &'static str> {
    let plain = text.trim() == text && !text.chars().any(char::is_control);
    if plain && (1..=64).contains(&text.chars().count()) {
        Ok(text.to_owned())
    } else {
        Err("must be 1 to 64 visible characters")
    }
}

/// Settings of `logs`.
#[derive(Debug, Args)]
pub(crate) struct LogsArgs {
    #[command(flatten)]
    pub(crate) database: DatabaseConfig,
    /// Go on with new ones until interrupted
    #[arg(long, short)]
    pub(crate) follow: bool,
    /// How many finished messages to begin with
    #[arg(long, default_value_t = 20)]
    pub(crate) limit: u16,
    /// One JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
}

/// What to pause or resume.
#[derive(Debug, Args)]
pub(crate) struct PauseArgs {
    #[command(flatten)]
    pub(crate) database: DatabaseConfig,
    /// Only this lane: otp, transactional or promo
    #[arg(long, conflicts_with = "provider")]
    pub(crate) lane: Option<Lane>,
    /// Only this provider
    #[arg(long)]
    pub(crate) provider: Option<String>,
}

/// Whether the command given reads `.env`: only `dev` does, and nothing given means `dev`.
pub(crate) fn reads_dot_env() -> bool {
    // A flag's value may stand before the command, so the other commands are looked for.
    let known = Cli::command();
    let named = |argument: String| known.find_subcommand(&argument).map(|found| found.get_name().to_owned());
    std::env::args().skip(1).find_map(named).is_none_or(|command| command == "dev")
}
