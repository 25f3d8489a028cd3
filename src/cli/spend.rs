//! `spend`: what campaigns spend and may spend.

use clap::{Args, Subcommand};
use shared::config::DatabaseConfig;
use shared::money::{Amount, Currency};
use shared::phone::Region;
use shared::spend::{InvalidCapName, check_cap_name};

/// `spend …`.
#[derive(Debug, Args)]
pub(crate) struct SpendArgs {
    #[command(flatten)]
    pub(crate) database: DatabaseConfig,
    /// What to do with spending
    #[command(subcommand)]
    pub(crate) action: SpendAction,
}

/// What to do with spending.
#[derive(Debug, Subcommand)]
pub(crate) enum SpendAction {
    /// Show what campaigns have spent, and how much of each cap is used today
    #[command(after_help = "Examples:\n  smsgw spend show\n  smsgw spend show --days 30 --json")]
    Show {
        /// Days in UTC, today among them
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=366))]
        days: u16,
    },
    /// Limits of what campaigns may spend
    #[command(after_help = "Example:\n  smsgw spend cap set all 500.00 EUR")]
    Cap {
        /// What to do with caps
        #[command(subcommand)]
        action: CapAction,
    },
}

/// What to do with caps.
#[derive(Debug, Subcommand)]
pub(crate) enum CapAction {
    /// Set a cap: of what all campaigns spend in a day (UTC), unless told otherwise
    #[command(after_help = "\
A campaign that meets a cap is paused, with the reason spend_cap_day, spend_cap_country or spend_cap_campaign; what was \
paid for leaves. A cap counts its own currency alone, and nothing without a known price.

Examples:
  smsgw spend cap set all 500.00 EUR
  smsgw spend cap set india 20000 INR --country IN --tell-at 50,90,100
  smsgw spend cap set each 250.00 EUR --each-campaign
  smsgw spend cap set codes 100.00 EUR --codes")]
    Set {
        /// What it is called: a-z, 0-9, _ and -, beginning with a letter
        #[arg(value_parser = name)]
        name: String,
        /// How much may be spent
        #[arg(value_parser = amount)]
        amount: Amount,
        /// Of what, by its ISO 4217 code
        currency: Currency,
        /// Count one country alone, by its ISO 3166 code
        #[arg(long)]
        country: Option<Region>,
        /// Count each campaign by itself
        #[arg(long, conflicts_with = "country")]
        each_campaign: bool,
        /// Count codes instead of campaigns: those of a day, with --country to that country. One that would exceed it is
        /// withheld
        #[arg(long, conflicts_with = "each_campaign")]
        codes: bool,
        /// Count the codes of an hour
        #[arg(long, conflicts_with_all = ["each_campaign", "codes", "country"])]
        codes_an_hour: bool,
        /// Shares in percent that are told of
        #[arg(long, value_delimiter = ',', value_parser = clap::value_parser!(i16).range(1..=100),
              default_value = "50,80,100")]
        tell_at: Vec<i16>,
    },
    /// Remove a cap
    #[command(after_help = "Example:\n  smsgw spend cap remove india")]
    Remove {
        /// What it is called
        name: String,
    },
}

fn name(text: &str) -> Result<String, InvalidCapName> {
    check_cap_name(text).map(|()| text.to_owned())
}

fn amount(text: &str) -> Result<Amount, String> {
    match text.parse::<Amount>() {
        Ok(Amount::ZERO) => {
            Err("must be more than nothing; `smsgw pause --lane promo` stops campaigns".to_owned())
        }
        Ok(amount) => Ok(amount),
        Err(error) => Err(error.to_string()),
    }
}
