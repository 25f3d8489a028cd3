//! `send`, `otp`: what is asked of a running gateway over HTTP.

use clap::{Args, Subcommand};
use shared::config::DatabaseConfig;
use shared::phone::{InvalidPhoneNumber, PhoneNumber};

/// Where the gateway is, and the key to it.
#[derive(Debug, Args)]
pub(crate) struct ApiCallArgs {
    /// Where the gateway is
    #[arg(long, env = "SMSGW_URL", default_value = "http://127.0.0.1:8080")]
    pub(crate) url: String,
    /// File that holds SMSGW_API_KEY; without both, the key of `dev` in this folder
    #[arg(long, env = "SMSGW_API_KEY_FILE")]
    pub(crate) api_key_file: Option<String>,
}

/// One message.
#[derive(Debug, Args)]
pub(crate) struct SendArgs {
    #[command(flatten)]
    pub(crate) api: ApiCallArgs,
    /// Who gets it
    pub(crate) to: String,
    /// What to send, - for standard input
    #[arg(required_unless_present = "template", conflicts_with = "template")]
    pub(crate) text: Option<String>,
    /// Template to send instead
    #[arg(long)]
    pub(crate) template: Option<String>,
    /// A value for the template
    #[arg(long = "var", value_name = "NAME=VALUE", conflicts_with = "text")]
    pub(crate) vars: Vec<String>,
    /// Whose message it is
    #[arg(long)]
    pub(crate) user_id: Option<String>,
    /// Provider to try first
    #[arg(long)]
    pub(crate) provider_hint: Option<String>,
    /// Not before this time, for example 2026-12-24T18:00:00Z
    #[arg(long)]
    pub(crate) send_at: Option<String>,
    /// Seconds after which it is not worth sending any more
    #[arg(long)]
    pub(crate) expires_in: Option<u32>,
    /// Rather lost than doubled
    #[arg(long)]
    pub(crate) at_most_once: bool,
    /// Repeating the command with the same key sends nothing twice
    #[arg(long)]
    pub(crate) idempotency_key: Option<String>,
}

/// `otp …`.
#[derive(Debug, Args)]
pub(crate) struct OtpArgs {
    /// What to do with codes
    #[command(subcommand)]
    pub(crate) action: OtpAction,
}

/// What to do with codes.
#[derive(Debug, Subcommand)]
pub(crate) enum OtpAction {
    /// Send a code and print the session it belongs to
    #[command(after_help = "Example:\n  smsgw otp send +41790000001 --purpose login")]
    Send(OtpSendArgs),
    /// Check the code that standard input says
    #[command(after_help = "Example:\n  echo 123456 | smsgw otp verify 0b9f6a52-…")]
    Verify(OtpVerifyArgs),
    /// List sessions, newest first, with why a code was not sent
    #[command(after_help = "Example:\n  smsgw otp sessions --phone +41790000001")]
    Sessions(OtpSessionsArgs),
    /// Forget the wrong codes that locked a phone, or a user's second factor
    #[command(after_help = "Examples:\n  smsgw otp unlock +41790000001\n  smsgw otp unlock --user ann")]
    Unlock(OtpUnlockArgs),
}

/// Which sessions to list.
#[derive(Debug, Args)]
pub(crate) struct OtpSessionsArgs {
    #[command(flatten)]
    pub(crate) database: DatabaseConfig,
    /// Only of this phone, with its country code
    #[arg(long, value_parser = phone)]
    pub(crate) phone: Option<PhoneNumber>,
    /// Only of this user
    #[arg(long)]
    pub(crate) user_id: Option<String>,
    /// So many at most
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) limit: u16,
}

/// What to unlock.
#[derive(Debug, Args)]
pub(crate) struct OtpUnlockArgs {
    #[command(flatten)]
    pub(crate) database: DatabaseConfig,
    /// The phone, with its country code
    #[arg(value_parser = phone, required_unless_present = "user", conflicts_with = "user")]
    pub(crate) phone: Option<PhoneNumber>,
    /// The user whose codes of an app and backup codes were wrong
    #[arg(long, value_name = "ID")]
    pub(crate) user: Option<String>,
}

fn phone(text: &str) -> Result<PhoneNumber, InvalidPhoneNumber> {
    PhoneNumber::parse(text, None)
}

/// A code to send.
#[derive(Debug, Args)]
pub(crate) struct OtpSendArgs {
    #[command(flatten)]
    pub(crate) api: ApiCallArgs,
    /// Who gets it
    pub(crate) phone: String,
    /// What it is for [default: login]
    #[arg(long)]
    pub(crate) purpose: Option<String>,
    /// Whose code it is
    #[arg(long)]
    pub(crate) user_id: Option<String>,
    /// Language of its text, such as en or pt-BR
    #[arg(long)]
    pub(crate) locale: Option<String>,
    /// Provider to try first
    #[arg(long)]
    pub(crate) provider_hint: Option<String>,
}

/// A code to check.
#[derive(Debug, Args)]
pub(crate) struct OtpVerifyArgs {
    #[command(flatten)]
    pub(crate) api: ApiCallArgs,
    /// The session that `otp send` printed
    pub(crate) session_id: String,
}
