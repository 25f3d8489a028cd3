//! `guard`: the pumping guard.

use clap::{Args, Subcommand};
use shared::config::DatabaseConfig;
use shared::guard::{Mode, Outcome, parse_released};
use shared::phone::PhoneNumber;

/// `guard …`.
#[derive(Debug, Args)]
pub(crate) struct GuardArgs {
    #[command(flatten)]
    pub(crate) database: DatabaseConfig,
    /// What to do with the guard
    #[command(subcommand)]
    pub(crate) action: GuardAction,
}

/// What to do with the guard.
#[derive(Debug, Subcommand)]
pub(crate) enum GuardAction {
    /// Say what would become of a code to a number, and why; nothing is counted
    #[command(after_help = "Example:\n  smsgw guard explain +41790000001")]
    Explain {
        /// The number, in E.164
        #[arg(value_parser = number)]
        phone: PhoneNumber,
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
    /// End the blocks of prefixes or of a country, and fill their credits
    #[command(after_help = "Examples:\n  smsgw guard release +4179123\n  smsgw guard release CH")]
    Release {
        /// What numbers begin with, or a country's ISO 3166 code
        #[arg(value_parser = released)]
        prefix: String,
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

fn released(text: &str) -> Result<String, String> {
    parse_released(text).map_err(str::to_owned)
}
