//! `people`: who asks to be forgotten.

use clap::{Args, Subcommand};
use shared::config::{DatabaseConfig, SecretsConfig};
use shared::ids::ErasureId;
use shared::phone::PhoneNumber;

/// `people …`.
#[derive(Debug, Args)]
pub(crate) struct PeopleArgs {
    #[command(flatten)]
    pub(crate) database: DatabaseConfig,
    #[command(flatten)]
    pub(crate) secrets: SecretsConfig,
    /// What to do with people
    #[command(subcommand)]
    pub(crate) action: PeopleAction,
}

/// What to do with people.
#[derive(Debug, Subcommand)]
pub(crate) enum PeopleAction {
    /// Erase somebody: number, texts and name leave all tables, what they stopped stays stopped
    #[command(after_help = "\
What waits for them is withdrawn at once; a running worker erases the rest and `people show` says how far it is.

Example:
  smsgw people erase +41790000009")]
    Erase {
        /// Who, in E.164
        #[arg(value_parser = number)]
        phone: PhoneNumber,
    },
    /// Show how far an erasure is
    #[command(after_help = "Example:\n  smsgw people show 8d0c61d4-7d4c-4d2a-9d7e-2f0b3f0c9a11")]
    Show {
        /// What `people erase` printed
        id: ErasureId,
    },
    /// Print who was erased and what they had stopped, by hashes alone: to be kept apart from the backups
    #[command(after_help = "Example:\n  smsgw people export > erased.ndjson")]
    Export,
    /// On a restored backup: erase again whoever was erased since it was made
    #[command(after_help = "Example:\n  smsgw people replay erased.ndjson")]
    Replay {
        /// What `people export` printed, - for standard input
        file: String,
    },
}

fn number(text: &str) -> Result<PhoneNumber, String> {
    PhoneNumber::parse(text, None).map_err(|error| error.to_string())
}
