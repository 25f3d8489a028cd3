//! `rules`: what countries ask of texts.

use clap::{Args, Subcommand};
use shared::config::DatabaseConfig;
use shared::country_rules::SenderType;
use shared::phone::Region;
use shared::quiet_hours::Hours;

/// `rules …`.
#[derive(Debug, Args)]
pub(crate) struct RulesArgs {
    #[command(flatten)]
    pub(crate) database: DatabaseConfig,
    /// What to do with rules
    #[command(subcommand)]
    pub(crate) action: RulesAction,
}

/// What to do with rules.
#[derive(Debug, Subcommand)]
pub(crate) enum RulesAction {
    /// List the rules of all countries that have some
    #[command(after_help = "Example:\n  smsgw rules list")]
    List,
    /// Show one country's rules and all their versions: refusals name the one they were made by
    #[command(after_help = "Example:\n  smsgw rules show IN")]
    Show {
        /// Its ISO 3166 code
        country: Region,
    },
    /// Put one country's rules in force; running workers take them up at once
    #[command(after_help = "\
Hours are those of a week by the clock of whoever gets the text; promo outside them waits until they open.

Examples:
  smsgw rules enable IN
  smsgw rules enable DE --hours 'mon-fri 08:00-20:00; sat 09:00-18:00'
  smsgw rules enable IN --dlt false")]
    Enable {
        /// Its ISO 3166 code
        country: Region,
        /// When promo may arrive, other than now
        #[arg(long, value_name = "HOURS")]
        hours: Option<Hours>,
        /// Let promo arrive at any hour
        #[arg(long, conflicts_with = "hours")]
        any_hour: bool,
        /// Kinds of senders that are carried: alphanumeric, number, short_code
        #[arg(long, value_delimiter = ',')]
        senders: Option<Vec<SenderType>>,
        /// Let messages come from senders of any kind
        #[arg(long, conflicts_with = "senders")]
        any_sender: bool,
        /// India: whether texts must be registered ones (DLT)
        #[arg(long)]
        dlt: Option<bool>,
    },
    /// Ask nothing more of texts to one country
    #[command(after_help = "Example:\n  smsgw rules disable IN")]
    Disable {
        /// Its ISO 3166 code
        country: Region,
    },
}
