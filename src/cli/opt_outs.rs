//! `opt-outs`: who said stop, and lists of them.

use clap::{Args, Subcommand};
use shared::config::{DatabaseConfig, SecretsConfig};
use shared::consent::{Evidence, OptOutScope};
use shared::phone::{PhoneNumber, Region};

/// `opt-outs …`.
#[derive(Debug, Args)]
pub(crate) struct OptOutsArgs {
    #[command(flatten)]
    pub(crate) database: DatabaseConfig,
    /// Only where people were erased who had stopped something
    #[command(flatten)]
    pub(crate) secrets: SecretsConfig,
    /// What to do with them
    #[command(subcommand)]
    pub(crate) action: OptOutsAction,
}

/// What to do with opt-outs.
#[derive(Debug, Subcommand)]
pub(crate) enum OptOutsAction {
    /// Record a stop; once it is done nothing that it stops is taken up
    #[command(
        after_help = "Examples:\n  smsgw opt-outs add +41790000009 --source letter --proof 'scan 1047'\n  \
        smsgw opt-outs add +41790000009 --scope sender --sender ACME"
    )]
    Add {
        /// Who, in E.164
        #[arg(value_parser = number)]
        phone: PhoneNumber,
        #[command(flatten)]
        what: StopArgs,
        #[command(flatten)]
        evidence: EvidenceArgs,
    },
    /// Let somebody be texted again: altogether, or what one scope stops
    #[command(after_help = "Example:\n  smsgw opt-outs lift +41790000009 --scope marketing --source call")]
    Lift {
        /// Who, in E.164
        #[arg(value_parser = number)]
        phone: PhoneNumber,
        /// Only this stop: marketing, all or sender
        #[arg(long)]
        scope: Option<OptOutScope>,
        /// With the scope sender: whom the messages come from
        #[arg(long)]
        sender: Option<String>,
        #[command(flatten)]
        evidence: EvidenceArgs,
    },
    /// Show what somebody has stopped, and every change of it
    #[command(after_help = "Example:\n  smsgw opt-outs show +41790000009")]
    Show {
        /// Who, in E.164
        #[arg(value_parser = number)]
        phone: PhoneNumber,
    },
    /// Read a list of stops, from another system or an export
    #[command(after_help = "\
The list is CSV with a line of column names, or NDJSON. One column is the phone; scope, sender, action (opt_out or \
opt_in), source, proof and created_at may be others. Rows that are wrong are told with their line and left out. A list \
may be read again: what is known already is not recorded twice.

Example:
  smsgw opt-outs import stops.csv --default-region IN --source 'old system'")]
    Import {
        /// The list, - for standard input
        file: String,
        /// Where its numbers without a country code are from, for example IN
        #[arg(long)]
        default_region: Option<Region>,
        /// The column that holds the numbers, if its name does not tell
        #[arg(long)]
        phone_column: Option<String>,
        #[command(flatten)]
        what: StopArgs,
        /// Who says so, where a row does not say
        #[arg(long, default_value = "import", value_parser = source)]
        source: String,
    },
    /// Print all stops as CSV, which spreadsheets open without harm; with --json a line for each
    #[command(after_help = "Example:\n  smsgw opt-outs export > stops.csv")]
    Export,
}

/// What is stopped.
#[derive(Debug, Args)]
pub(crate) struct StopArgs {
    /// marketing (promo), all (transactional, too) or sender (both, of one sender)
    #[arg(long, default_value = "marketing")]
    pub(crate) scope: OptOutScope,
    /// With the scope sender: whom the messages come from
    #[arg(long)]
    pub(crate) sender: Option<String>,
}

/// How that is known.
#[derive(Debug, Args)]
pub(crate) struct EvidenceArgs {
    /// Who says so
    #[arg(long, default_value = "operator", value_parser = source)]
    pub(crate) source: String,
    /// What shows it
    #[arg(long, value_parser = proof)]
    pub(crate) proof: Option<String>,
}

fn number(text: &str) -> Result<PhoneNumber, String> {
    PhoneNumber::parse(text, None).map_err(|error| error.to_string())
}

fn source(text: &str) -> Result<String, String> {
    Evidence::source(text.to_owned()).map_err(|error| error.to_string())
}

fn proof(text: &str) -> Result<String, String> {
    Evidence::proof(text.to_owned()).map_err(|error| error.to_string())
}
