//! `guard`: the pumping guard.

use clap::{Args, Subcommand};
use shared::guard::{Key, Mode, Outcome, parse_client, parse_released};
use shared::phone::PhoneNumber;
use shared::provider::catalogue::ProviderEnv;

use super::GatewayArgs;

/// `guard …`.
#[derive(Debug, Args)]
pub(crate) struct GuardArgs {
    #[command(flatten)]
    pub(crate) gateway: GatewayArgs,
    /// What to do with the guard
    #[command(subcommand)]
    pub(crate) action: GuardAction,
}

/// What to do with the guard.
#[derive(Debug, Subcommand)]
pub(crate) enum GuardAction {
    /// Say what would become of a code to a number, and why; nothing is counted
    #[command(after_help = "Example:\n  smsgw guard explain +41790000001 --client-ip 203.0.113.9")]
    Explain {
        /// The number, in E.164
        #[arg(value_parser = number)]
        phone: PhoneNumber,
        /// The address of who asks
        #[arg(long, value_parser = client)]
        client_ip: Option<String>,
        #[command(flatten)]
        environment: Box<ProviderEnv>,
    },
    /// List what it said of codes, newest first
    #[command(after_help = "Example:\n  smsgw guard decisions --outcome block")]
    Decisions {
        /// Only these: allow, challenge or block
        #[arg(long)]
        outcome: Option<Outcome>,
        /// Only of this prefix: a number without its last four digits
        #[arg(long)]
        prefix: Option<String>,
        /// So many
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(i64).range(1..=1000))]
        limit: i64,
    },
    /// End the blocks of prefixes, of a country or of an address, and fill their credits
    #[command(
        after_help = "Examples:\n  smsgw guard release +4179123\n  smsgw guard release CH\n  smsgw guard release 2001:db8:1:2::/64"
    )]
    Release {
        /// What numbers begin with, a country's ISO 3166 code, or a client's address: IPv4, or IPv6, which stands for its /64
        #[arg(value_parser = released)]
        prefix: Key,
    },
    /// Show or set whether codes are withheld (enforce) or only watched (observe); running gateways go by it within two
    /// seconds
    #[command(after_help = "Examples:\n  smsgw guard mode\n  smsgw guard mode enforce")]
    Mode {
        /// observe or enforce; left out, it is shown
        mode: Option<Mode>,
    },
}

fn number(text: &str) -> Result<PhoneNumber, String> {
    PhoneNumber::parse(text, None).map_err(|error| error.to_string())
}

fn client(text: &str) -> Result<String, String> {
    parse_client(text).map_err(str::to_owned)
}

fn released(text: &str) -> Result<Key, String> {
    parse_released(text).map_err(str::to_owned)
}
