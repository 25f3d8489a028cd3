//! `providers prices`: what providers charge.

use clap::{Args, Subcommand};

/// `providers prices …`.
#[derive(Debug, Args)]
pub(crate) struct PricesArgs {
    /// What to do with prices
    #[command(subcommand)]
    pub(crate) action: PricesAction,
}

/// What to do with prices.
#[derive(Debug, Subcommand)]
pub(crate) enum PricesAction {
    /// Read a price list; it replaces all prices of the providers that it names
    #[command(after_help = "\
The list is CSV with this first line, and a line for each provider and country:

  provider,country,price,currency
  main,US,0.0079,USD
  india,IN,0.15,INR

A price is for one segment, with a point and at most six digits after it; countries are ISO 3166 codes, currencies ISO \
4217. Columns may be separated by ; or tabs, too. Prices of providers that the list does not name stay as they are. If \
a line is wrong, nothing is imported.

Example:
  smsgw providers prices import prices.csv")]
    Import {
        /// The list, - for standard input
        file: String,
    },
    /// List all prices
    #[command(after_help = "Example:\n  smsgw providers prices list --json")]
    List,
}
