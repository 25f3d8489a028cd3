//! `keys`, `providers`, `templates`: what is set once and looked at often.

use clap::{Args, Subcommand};
use shared::config::{DatabaseConfig, SecretsConfig};
use shared::lane::Lane;
use shared::origin::Origin;
use shared::phone::PhoneNumber;
use shared::provider::catalogue::ProviderEnv;
use shared::store::api_keys::Scope;

use super::{GatewayArgs, PricesArgs};

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
    /// Make a key and print it, alone on its line; it is shown this once
    #[command(after_help = "\
A key sk_… is for servers, which keep it secret. One with --origins is publishable, pk_…: pages of these origins may \
have it, and it opens the doors of one-time codes only.

Examples:
  smsgw keys create shop --scopes send,otp,read > shop.key
  smsgw keys create shop-web --origins https://shop.example.com,http://localhost:5173")]
    Create {
        /// A name to tell it by, up to 64 characters
        #[arg(value_parser = key_name)]
        name: String,
        /// What it may do: send, otp, read, admin
        #[arg(long, value_delimiter = ',', default_value = "send,otp,read", conflicts_with = "origins")]
        scopes: Vec<Scope>,
        /// Make it publishable, for pages of these origins alone: `https://shop.example.com`
        #[arg(long, value_delimiter = ',')]
        origins: Vec<Origin>,
    },
    /// List all keys
    #[command(after_help = "Example:\n  smsgw keys list")]
    List,
    /// Make a key useless within two seconds
    #[command(after_help = "Example:\n  smsgw keys revoke shop")]
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

/// `providers …`.
#[derive(Debug, Args)]
pub(crate) struct ProvidersArgs {
    #[command(flatten)]
    pub(crate) gateway: GatewayArgs,
    /// What to do with providers
    #[command(subcommand)]
    pub(crate) action: ProvidersAction,
}

/// What to do with providers.
#[derive(Debug, Subcommand)]
pub(crate) enum ProvidersAction {
    /// List all: those set here, those of the environment, and those that cannot be used
    #[command(after_help = "Example:\n  smsgw providers list --json")]
    List {
        #[command(flatten)]
        environment: Box<ProviderEnv>,
    },
    /// Set a provider; running workers take it up at once
    #[command(after_help = "\
Its secrets come from a file, from standard input or from the environment, never from the command line: a JSON \
object, or a line name=value for each. What each kind needs is in docs/api.md.

Examples:
  smsgw providers add india --kind 2factor --sender GATEWY --countries IN --credentials-file india.credentials
  printf 'account_sid=%s\\nauth_token=%s\\n' \"$SID\" \"$TOKEN\" |
    smsgw providers add main --kind twilio --sender +15005550006 --credentials-file -")]
    Add(Box<AddProvider>),
    /// Send one real SMS through exactly one provider and print what it says
    #[command(after_help = "Example:\n  smsgw providers test twilio --to +41790000001 --yes")]
    Test(Box<TestProvider>),
    /// What providers charge, for knowing a bill beforehand
    #[command(after_help = "Example:\n  smsgw providers prices import prices.csv")]
    Prices(PricesArgs),
}

/// A provider as it is set.
#[derive(Debug, Args)]
pub(crate) struct AddProvider {
    /// Names it in hints, logs and tables
    pub(crate) name: String,
    /// Which vendor, for example twilio, 2factor or sandbox
    #[arg(long)]
    pub(crate) kind: String,
    /// The lowest is tried first [default: 100]
    #[arg(long)]
    pub(crate) priority: Option<i32>,
    /// What it may carry [default: all lanes]
    #[arg(long, value_delimiter = ',')]
    pub(crate) lanes: Option<Vec<Lane>>,
    /// Where it may send, for example IN,US [default: everywhere]
    #[arg(long, value_delimiter = ',')]
    pub(crate) countries: Option<Vec<String>>,
    /// Calls a second that the vendor allows
    #[arg(long)]
    pub(crate) max_per_second: Option<i32>,
    /// Calls at the same time that the vendor allows
    #[arg(long)]
    pub(crate) max_in_flight: Option<i32>,
    /// Whom its messages come from when they do not say
    #[arg(long)]
    pub(crate) sender: Option<String>,
    /// What its adapter needs besides secrets: name=value, or name:=JSON where it is no text
    #[arg(long = "setting", value_name = "NAME=VALUE")]
    pub(crate) settings: Vec<String>,
    /// File with its secrets, - for standard input; else SMSGW_CREDENTIALS in the environment
    #[arg(long, value_name = "FILE")]
    pub(crate) credentials_file: Option<String>,
    /// Put it on record without using it
    #[arg(long)]
    pub(crate) disabled: bool,
    /// Replace the provider of this name; secrets that are not given stay
    #[arg(long)]
    pub(crate) replace: bool,
}

/// One real message through one provider.
#[derive(Debug, Args)]
pub(crate) struct TestProvider {
    /// Which provider
    pub(crate) name: String,
    /// Who gets it, in E.164: a phone of yours
    #[arg(long, value_parser = number)]
    pub(crate) to: PhoneNumber,
    /// What to send [default: a text that says it is a test]
    #[arg(long)]
    pub(crate) text: Option<String>,
    /// As which kind of message: otp for providers that only carry codes
    #[arg(long, default_value = "transactional")]
    pub(crate) lane: Lane,
    /// Yes, send a real SMS
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) environment: ProviderEnv,
}

fn number(text: &str) -> Result<PhoneNumber, String> {
    PhoneNumber::parse(text, None).map_err(|error| error.to_string())
}

/// `templates …`.
#[derive(Debug, Args)]
pub(crate) struct TemplatesArgs {
    #[command(flatten)]
    pub(crate) database: DatabaseConfig,
    /// What to do with templates
    #[command(subcommand)]
    pub(crate) action: TemplatesAction,
}

/// What to do with templates.
#[derive(Debug, Subcommand)]
pub(crate) enum TemplatesAction {
    /// List all templates and their variants
    #[command(after_help = "Example:\n  smsgw templates list")]
    List,
    /// Show a template with all its variants
    #[command(after_help = "Example:\n  smsgw templates show booking")]
    Show {
        /// Its name
        name: String,
    },
    /// Set a template, or one variant of it
    #[command(after_help = "Examples:\n  \
        smsgw templates set booking --body 'Dear {{ name }}, your table is ready at {{ time }}.'\n  \
        smsgw templates set booking --body-file booking.txt --provider-template twilio=HX…:name,time")]
    Set(Box<SetTemplate>),
    /// Delete a template, or one variant of it
    #[command(after_help = "Example:\n  smsgw templates delete booking --locale hi")]
    Delete {
        /// Its name
        name: String,
        /// Only the variant for this language
        #[arg(long)]
        locale: Option<String>,
    },
}

/// A variant of a template as it is set.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("text").required(true))]
pub(crate) struct SetTemplate {
    /// What requests call it; `otp` is the text of codes
    pub(crate) name: String,
    /// The text, with {{ variables }}
    #[arg(long, group = "text")]
    pub(crate) body: Option<String>,
    /// File with the text, - for standard input
    #[arg(long, group = "text", value_name = "FILE")]
    pub(crate) body_file: Option<String>,
    /// Language of this variant, such as en or pt-BR [default: for all others]
    #[arg(long)]
    pub(crate) locale: Option<String>,
    /// Lane of its messages [default: transactional; otp for the template otp]
    #[arg(long)]
    pub(crate) lane: Option<Lane>,
    /// Whom its messages come from
    #[arg(long)]
    pub(crate) sender: Option<String>,
    /// India: the registered business
    #[arg(long)]
    pub(crate) dlt_entity_id: Option<String>,
    /// India: the registered text's number
    #[arg(long)]
    pub(crate) dlt_template_id: Option<String>,
    /// India: the registered text, with {#var#} for each variable
    #[arg(long)]
    pub(crate) dlt_text: Option<String>,
    /// What a provider calls it, and the order of our variables there
    #[arg(long = "provider-template", value_name = "PROVIDER=ID[:VAR,VAR]")]
    pub(crate) provider_templates: Vec<String>,
}
