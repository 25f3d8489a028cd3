//! What can be typed after `smsgw`. The arguments of each group of commands have a file of their own.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand};
use shared::config::{AlertConfig, ApiConfig, DatabaseConfig, ReachConfig, SecretsConfig, SiteConfig};
use shared::provider::catalogue::ProviderEnv;
use shared::telemetry::LogFormat;
use worker::WorkerConfig;

use crate::print::WrongUse;

mod calls;
mod campaign;
mod guard;
mod operation;
mod operators;
mod opt_outs;
mod people;
mod prices;
mod rules;
mod settings;
mod spend;
mod users;

pub(crate) use calls::{
    ApiCallArgs, OtpAction, OtpArgs, OtpSendArgs, OtpSessionsArgs, OtpUnlockArgs, OtpVerifyArgs, SendArgs,
};
pub(crate) use campaign::{
    AddArgs, CampaignAction, CampaignArgs, CreateArgs, ListArgs, ListKind, OneCampaign, ResultsArgs, TestArgs,
};
pub(crate) use guard::{GuardAction, GuardArgs};
pub(crate) use operation::{
    DoctorArgs, LogsArgs, OutboxAction, OutboxArgs, PauseArgs, ReviewArgs, check_review,
};
pub(crate) use operators::{OperatorsAction, OperatorsArgs};
pub(crate) use opt_outs::{EvidenceArgs, OptOutsAction, OptOutsArgs, StopArgs};
pub(crate) use people::{PeopleAction, PeopleArgs};
pub(crate) use prices::{PricesAction, PricesArgs};
pub(crate) use rules::{RulesAction, RulesArgs};
pub(crate) use settings::{
    AddProvider, KeysAction, KeysArgs, ProvidersAction, ProvidersArgs, SetTemplate, TemplatesAction,
    TemplatesArgs, TestProvider,
};
pub(crate) use spend::{CapAction, SpendAction, SpendArgs};
pub(crate) use users::{UsersAction, UsersArgs};

/// What every command's end means, and how its output is read by programs.
const EXIT_CODES: &str = "\
Exit codes: 0 done, 1 failed, 2 wrong use. With --json every command prints one JSON document, or one a \
line where it lists, on standard output; an error is {\"error\": …} on standard error, with the API's own \
answer as \"problem\" where that refused.";

/// A self-hosted SMS gateway. Without a command it runs `dev`.
#[derive(Debug, Parser)]
#[command(name = "smsgw", version, max_term_width = 100, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    /// What to do
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// How log lines look [default: text for dev, json else]
    #[arg(long, global = true, env = "SMSGW_LOG_FORMAT")]
    pub(crate) log_format: Option<LogFormat>,
    /// Print JSON for programs: one document, or one a line where the command lists
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Everything on this machine, with a Postgres of its own: for trying out and developing
    #[command(after_help = "Example:\n  smsgw dev --listen 127.0.0.1:8081")]
    Dev(Box<DevArgs>),
    /// The API and a worker in one process
    #[command(after_help = "Example:\n  \
        DATABASE_URL=postgres://… SMSGW_MASTER_KEY_FILE=/run/secrets/master.key smsgw serve")]
    Serve(Box<ServeArgs>),
    /// The API alone
    #[command(after_help = "Example:\n  smsgw api --listen 0.0.0.0:8080")]
    Api(Box<ApiArgs>),
    /// A worker alone
    #[command(after_help = "Examples:\n  \
        smsgw worker --worker-listen 127.0.0.1:9091   /healthz and /metrics there\n  \
        smsgw worker --paused                         on a restored backup: look with `smsgw outbox review`")]
    Worker(Box<WorkerArgs>),
    /// Bring the database's schema up to date
    #[command(after_help = "Example:\n  DATABASE_URL=postgres://… smsgw migrate")]
    Migrate(DatabaseConfig),
    /// API keys: who may call
    #[command(after_help = "Example:\n  smsgw keys create shop --scopes send,otp,read")]
    Keys(KeysArgs),
    /// Operators: who may sign in to the console
    #[command(after_help = "Example:\n  smsgw operators add ann --role super_admin")]
    Operators(OperatorsArgs),
    /// Providers: who sends
    #[command(after_help = "Example:\n  smsgw providers list")]
    Providers(Box<ProvidersArgs>),
    /// Templates: texts with variables, and what each provider calls them
    #[command(after_help = "Example:\n  smsgw templates list")]
    Templates(TemplatesArgs),
    /// What countries ask of texts: hours for promo, senders, India's registry; off until enabled
    #[command(after_help = "Example:\n  smsgw rules list")]
    Rules(RulesArgs),
    /// What campaigns spend, and the caps of it
    #[command(after_help = "Example:\n  smsgw spend show")]
    Spend(SpendArgs),
    /// The pumping guard: what it says of codes, release what it blocks, let it only observe or enforce
    #[command(after_help = "Example:\n  smsgw guard explain +41790000001")]
    Guard(GuardArgs),
    /// Who said stop: record it, lift it, show it, lists of it
    #[command(after_help = "Example:\n  smsgw opt-outs show +41790000009")]
    OptOuts(OptOutsArgs),
    /// Who asks to be forgotten: erase them, and keep them erased over a restore
    #[command(after_help = "Example:\n  smsgw people erase +41790000009")]
    People(PeopleArgs),
    /// What is known of a user: number, second factor, devices, latest codes
    #[command(after_help = "Example:\n  smsgw users show ann")]
    Users(UsersArgs),
    /// Send one message through a running gateway
    #[command(after_help = "Examples:\n  smsgw send +41790000001 'Your table is booked.'\n  \
        smsgw send +41790000001 --template booking --var name=Ada --var time=19:00\n  \
        echo 'Your table is booked.' | smsgw send +41790000001 -")]
    Send(SendArgs),
    /// One-time codes through a running gateway: send one, check one
    #[command(after_help = "Example:\n  smsgw otp send +41790000001")]
    Otp(OtpArgs),
    /// One text for many people, through a running gateway: from the list to the results
    #[command(after_help = campaign::EXAMPLE)]
    Campaign(Box<CampaignArgs>),
    /// Show finished messages
    #[command(after_help = "Example:\n  smsgw logs --follow --json")]
    Logs(LogsArgs),
    /// Stop sending: everything, one lane or one provider
    #[command(after_help = "Examples:\n  smsgw pause --lane promo\n  smsgw pause --list")]
    Pause(PauseArgs),
    /// Send again after a pause
    #[command(after_help = "Example:\n  smsgw resume --lane promo")]
    Resume(PauseArgs),
    /// What waits to be sent
    #[command(after_help = "Example:\n  smsgw outbox review")]
    Outbox(OutboxArgs),
    /// Find out what is wrong, and how to cure it
    #[command(after_help = "Example:\n  smsgw doctor\n\n\
        One line a check: ok, warn or fail. Ends with 1 if something fails. With --json one object a line: \
        check, result, detail, cure.")]
    Doctor(Box<DoctorArgs>),
    /// Ask /healthz of the gateway on this machine: for containers, whose images have no curl
    #[command(hide = true)]
    Healthcheck(HealthcheckArgs),
    /// A fake vendor that speaks Twilio's and 2Factor.in's formats, for tests
    #[command(after_help = "Example:\n  smsgw mock-provider --listen 127.0.0.1:9090")]
    MockProvider(Box<mock_provider::Options>),
    /// A script that lets a shell complete what is typed after `smsgw`
    #[command(
        after_help = "Example:\n  smsgw completions bash > ~/.local/share/bash-completion/completions/smsgw"
    )]
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Every setting there is, as docs/configuration.md has it
    #[command(after_help = "Example:\n  smsgw config")]
    Config,
    /// Print the description of the HTTP API (OpenAPI 3.1)
    #[command(name = "openapi", after_help = "Example:\n  smsgw openapi > openapi.json")]
    OpenApi,
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
    pub(crate) alerts: AlertConfig,
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
    #[command(flatten)]
    pub(crate) reach: ReachConfig,
    /// Address where a lone worker answers /healthz, /readyz and /metrics [default: none]
    #[arg(long, env = "SMSGW_WORKER_LISTEN")]
    pub(crate) worker_listen: Option<SocketAddr>,
    /// Pause all sending first: for starting on a restored backup
    #[arg(long)]
    pub(crate) paused: bool,
}

/// Whom `healthcheck` asks: a worker where one listens, else the API.
#[derive(Debug, Args)]
pub(crate) struct HealthcheckArgs {
    /// Address of the API
    #[arg(long, env = "SMSGW_LISTEN", default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,
    /// Address of a worker
    #[arg(long, env = "SMSGW_WORKER_LISTEN")]
    pub(crate) worker_listen: Option<SocketAddr>,
}

/// Whether the command given reads `.env`: only `dev` does, and nothing given means `dev`.
pub(crate) fn reads_dot_env() -> bool {
    // A flag's value may stand before the command, so the other commands are looked for.
    let known = Cli::command();
    let named = |argument: String| known.find_subcommand(&argument).map(|found| found.get_name().to_owned());
    std::env::args().skip(1).find_map(named).is_none_or(|command| command == "dev")
}

/// What was typed; without a command it is `dev`, as that is without flags.
///
/// # Errors
/// Also when a variable cannot be read, and for what clap prints instead: help, version.
pub(crate) fn parse() -> Result<Cli, clap::Error> {
    let cli = Cli::try_parse()?;
    let command = match cli.command {
        Some(command) => Some(command),
        None => Cli::try_parse_from(["smsgw", "dev"])?.command,
    };
    Ok(Cli { command, ..cli })
}

/// Whether programs read the output, of arguments that are not understood otherwise.
pub(crate) fn is_for_programs() -> bool {
    std::env::args_os().take_while(|argument| argument != "--").any(|argument| argument == "--json")
}

impl From<clap::Error> for WrongUse {
    /// In one line, without the usage.
    fn from(error: clap::Error) -> Self {
        if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
            return Self::new("something is missing; --help says what there is");
        }
        let text = error.render().to_string();
        let ends = ["\nUsage:", "\nFor more information"].into_iter().filter_map(|end| text.find(end));
        let told = &text[..ends.min().unwrap_or(text.len())];
        let told = told.trim_start_matches("error: ");
        let in_line = |part: &str| part.split_whitespace().collect::<Vec<_>>().join(" ");
        let parts: Vec<_> = told.split("\n\n").map(in_line).filter(|part| !part.is_empty()).collect();
        Self::new(parts.join("; "))
    }
}
