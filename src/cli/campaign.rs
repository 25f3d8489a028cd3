//! `campaign`: one text for many people, asked of a running gateway over HTTP.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use shared::ids::CampaignId;

use super::ApiCallArgs;

/// A campaign from its list to its results.
pub(super) const EXAMPLE: &str = "\
Example:
  smsgw campaign create autumn 'Hi {{ name }}, 20 % off until Sunday.'   prints the ID for what follows
  smsgw campaign add ID people.csv           columns: phone, name
  smsgw campaign preview ID                  whom it reaches, what it costs
  smsgw campaign test ID +41790000001 --var name=Ada
  smsgw campaign start ID
  smsgw campaign watch ID
  smsgw campaign results ID --output results.csv";

/// `campaign …`.
#[derive(Debug, Args)]
pub(crate) struct CampaignArgs {
    #[command(flatten)]
    pub(crate) api: ApiCallArgs,
    /// What to do with campaigns
    #[command(subcommand)]
    pub(crate) action: CampaignAction,
}

/// What to do with campaigns.
#[derive(Debug, Subcommand)]
pub(crate) enum CampaignAction {
    /// Make a draft and print its ID; nothing is sent before `start`
    #[command(after_help = "\
Examples:
  smsgw campaign create autumn 'Hi {{ name }}, 20 % off until Sunday.'
  smsgw campaign create autumn --template autumn --max-per-second 50 --start-at 2026-12-01T09:00:00Z
  smsgw campaign create autumn - --budget 12.50EUR --dedupe-key autumn --dedupe-window-hours 72 < text.txt")]
    Create(Box<CreateArgs>),
    /// Add the people of a list; the same list again goes on where the last try stopped
    #[command(after_help = "\
The list is CSV (or with ; or tabs) with a line of names first, or a JSON object a line. One column holds the phone \
numbers; those that the text names are filled in.

  phone,name
  +41790000001,Ada

Rows that cannot be used are told on standard error, with line and reason; the others are added. Nobody is added twice, \
however the number is written.

Examples:
  smsgw campaign add ID people.csv
  smsgw campaign add ID people.csv --default-region CH --phone-column Mobile --rejects rejects.csv
  zcat people.csv.gz | smsgw campaign add ID -")]
    Add(AddArgs),
    /// List campaigns, newest first
    #[command(after_help = "Example:\n  smsgw campaign list --status running")]
    List(ListArgs),
    /// Show one, and how far it is
    #[command(after_help = "Example:\n  smsgw campaign show ID")]
    Show(OneCampaign),
    /// Say whom it reaches, what it costs and how long it takes, before anything is sent
    #[command(after_help = "Example:\n  smsgw campaign preview ID")]
    Preview(OneCampaign),
    /// Send its text to one number, outside of the campaign
    #[command(after_help = "Example:\n  smsgw campaign test ID +41790000001 --var name=Ada")]
    Test(TestArgs),
    /// Let it begin, at once or at its --start-at
    #[command(after_help = "Example:\n  smsgw campaign start ID && smsgw campaign watch ID")]
    Start(OneCampaign),
    /// Follow it to its end, with rate and time left; Ctrl-C ends the watching, not the campaign
    #[command(after_help = "\
On a terminal a bar; else a line whenever something has changed, at most one a second. Ends with 1 if the campaign is \
cancelled.

Example:
  smsgw campaign watch ID")]
    Watch(OneCampaign),
    /// Stop it for now: once this returns, none of its messages is taken up
    #[command(after_help = "Example:\n  smsgw campaign pause ID")]
    Pause(OneCampaign),
    /// Let it go on after a pause
    #[command(after_help = "Example:\n  smsgw campaign resume ID")]
    Resume(OneCampaign),
    /// Set what it may cost, with what it has spent; then resume it, if it is paused for that
    #[command(after_help = "Example:\n  smsgw campaign budget ID 25.00EUR && smsgw campaign resume ID")]
    Budget(BudgetArgs),
    /// Withdraw it for ever: once this returns, none of its messages is taken up
    #[command(after_help = "Example:\n  smsgw campaign cancel ID")]
    Cancel(OneCampaign),
    /// What became of each recipient, as CSV; with --json a JSON object a line
    #[command(after_help = "\
Examples:
  smsgw campaign results ID --output results.csv
  smsgw campaign results ID --json | grep '\"failed\"'")]
    Results(ResultsArgs),
}

/// Which campaign.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct OneCampaign {
    /// The ID that `campaign create` printed; `campaign list` shows them
    pub(crate) id: CampaignId,
}

/// A new campaign.
#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// What to call it
    pub(crate) name: String,
    /// What to send, with {{ name }} where something is filled in; - for standard input
    #[arg(required_unless_present = "template", conflicts_with = "template")]
    pub(crate) text: Option<String>,
    /// Template to send instead
    #[arg(long)]
    pub(crate) template: Option<String>,
    /// Which of the template's variants, such as hi or pt-BR
    #[arg(long, requires = "template")]
    pub(crate) locale: Option<String>,
    /// Whom it comes from
    #[arg(long)]
    pub(crate) sender: Option<String>,
    /// promo, or transactional for what is no marketing [default: the template's, else promo]
    #[arg(long)]
    pub(crate) lane: Option<String>,
    /// Not before this time, for example 2026-12-24T18:00:00Z
    #[arg(long)]
    pub(crate) start_at: Option<String>,
    /// Nobody is texted after this time
    #[arg(long)]
    pub(crate) expires_at: Option<String>,
    /// Seconds after which a message that waits is not worth sending any more
    #[arg(long)]
    pub(crate) message_expires_in: Option<u32>,
    /// Messages a second at most
    #[arg(long)]
    pub(crate) max_per_second: Option<u32>,
    /// Its share beside other campaigns, 1 to 100 [default: 10]
    #[arg(long)]
    pub(crate) weight: Option<u16>,
    /// What it may cost, with the currency: 12.50EUR
    #[arg(long, value_name = "AMOUNT")]
    pub(crate) budget: Option<String>,
    /// Provider to try first
    #[arg(long)]
    pub(crate) provider_hint: Option<String>,
    /// Leave out whom a campaign of the same key has texted not long ago
    #[arg(long)]
    pub(crate) dedupe_key: Option<String>,
    /// How long that is [default: 24]
    #[arg(long, requires = "dedupe_key")]
    pub(crate) dedupe_window_hours: Option<u32>,
    /// Repeating the command with the same key makes no second campaign
    #[arg(long)]
    pub(crate) idempotency_key: Option<String>,
}

/// A list to add.
#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    #[command(flatten)]
    pub(crate) of: OneCampaign,
    /// The list, - for standard input
    pub(crate) file: String,
    /// How it is written [default: as it begins, { for ndjson]
    #[arg(long, value_enum)]
    pub(crate) format: Option<ListKind>,
    /// Where numbers without a country code are, such as CH [default: the gateway's]
    #[arg(long)]
    pub(crate) default_region: Option<String>,
    /// The column with the phone numbers [default: the one whose name says so]
    #[arg(long)]
    pub(crate) phone_column: Option<String>,
    /// Write rows that cannot be used here, as CSV, rather than to standard error
    #[arg(long, value_name = "FILE")]
    pub(crate) rejects: Option<PathBuf>,
    /// What the list is known by, so that it goes on when it comes again [default: made of what is in it]
    #[arg(long)]
    pub(crate) idempotency_key: Option<String>,
}

/// How a list is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListKind {
    /// Columns separated by , ; or tabs
    Csv,
    /// A JSON object a line
    Ndjson,
}

/// Which campaigns to list.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Only these: draft, scheduled, running, paused, finished or cancelled
    #[arg(long)]
    pub(crate) status: Option<String>,
    /// So many at most
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=200))]
    pub(crate) limit: u16,
    /// Only those older than this one
    #[arg(long, value_name = "ID")]
    pub(crate) before: Option<CampaignId>,
}

/// A test of the text.
#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    #[command(flatten)]
    pub(crate) of: OneCampaign,
    /// Who gets it
    pub(crate) to: String,
    /// A value for the text
    #[arg(long = "var", value_name = "NAME=VALUE")]
    pub(crate) vars: Vec<String>,
}

/// Another budget.
#[derive(Debug, Args)]
pub(crate) struct BudgetArgs {
    #[command(flatten)]
    pub(crate) of: OneCampaign,
    /// What it may cost, with the currency: 12.50EUR
    pub(crate) amount: String,
}

/// Where the results go.
#[derive(Debug, Args)]
pub(crate) struct ResultsArgs {
    #[command(flatten)]
    pub(crate) of: OneCampaign,
    /// Write them to this file, rather than to standard output
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}
