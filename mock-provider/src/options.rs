//! What one mock provider is told when it starts: address, credentials, pace, log file.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use crate::pace::Pace;

/// A fake SMS vendor for tests and demonstrations: Twilio and 2Factor wire formats, faults on command.
///
/// As command line flags it listens on port 9090, by `Default` on a free port.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:9090")]
    pub listen: SocketAddr,

    /// Which credentials the vendors accept.
    #[command(flatten)]
    pub credentials: Credentials,

    /// Milliseconds from a delivery on the Twilio side to its answer.
    #[arg(long, default_value_t = 0, value_name = "MS")]
    pub twilio_latency_ms: u64,

    /// Requests the Twilio side takes per second; above it answers 429. 0 is no limit.
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub twilio_rate_limit: u32,

    /// Milliseconds from a delivery on the 2Factor side to its answer.
    #[arg(long, default_value_t = 0, value_name = "MS")]
    pub two_factor_latency_ms: u64,

    /// Requests the 2Factor side takes per second; above it answers 429. 0 is no limit.
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub two_factor_rate_limit: u32,

    /// Send `Retry-After` with the 429 of a rate limit.
    #[arg(long)]
    pub rate_limit_retry_after: bool,

    /// Seconds a Twilio verification is pending.
    #[arg(long, default_value_t = 600, value_name = "S")]
    pub twilio_code_lifetime_s: u32,

    /// Seconds a 2Factor code can be verified.
    #[arg(long, default_value_t = 600, value_name = "S")]
    pub two_factor_code_lifetime_s: u32,

    /// Treat magic numbers as ordinary recipients.
    #[arg(long)]
    pub ignore_magic_numbers: bool,

    /// Post signed Twilio status callbacks to the `StatusCallback` URL of each message (plain http only).
    #[arg(long)]
    pub receipts: bool,

    /// Append each arrival to this file, one JSON object per line.
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
}

/// The credentials both vendors accept. The defaults are obviously fake.
#[derive(Debug, Clone, clap::Args)]
pub struct Credentials {
    /// Twilio account SID.
    #[arg(long, default_value = Credentials::ACCOUNT_SID, value_name = "SID")]
    pub twilio_account_sid: String,

    /// Twilio auth token; status callbacks are signed with it.
    #[arg(long, default_value = Credentials::AUTH_TOKEN, value_name = "TOKEN")]
    pub twilio_auth_token: String,

    /// Twilio API key SID, accepted beside the account's own credentials.
    #[arg(long, default_value = Credentials::API_KEY_SID, value_name = "SID")]
    pub twilio_api_key_sid: String,

    /// Secret of the Twilio API key.
    #[arg(long, default_value = Credentials::API_KEY_SECRET, value_name = "SECRET")]
    pub twilio_api_key_secret: String,

    /// Twilio Verify service SID.
    #[arg(long, default_value = Credentials::VERIFY_SERVICE_SID, value_name = "SID")]
    pub twilio_verify_service_sid: String,

    /// 2Factor API key.
    #[arg(long, default_value = Credentials::TWO_FACTOR_KEY, value_name = "KEY")]
    pub two_factor_api_key: String,
}

impl Credentials {
    /// Default Twilio account SID.
    pub const ACCOUNT_SID: &str = "AC00000000000000000000000000000000";
    /// Default Twilio auth token.
    pub const AUTH_TOKEN: &str = "mock-token";
    /// Default Twilio API key SID.
    pub const API_KEY_SID: &str = "SK00000000000000000000000000000000";
    /// Default secret of the Twilio API key.
    pub const API_KEY_SECRET: &str = "mock-secret";
    /// Default Twilio Verify service SID.
    pub const VERIFY_SERVICE_SID: &str = "VA00000000000000000000000000000000";
    /// Default 2Factor API key.
    pub const TWO_FACTOR_KEY: &str = "mock-2factor-key";
}

impl Default for Credentials {
    fn default() -> Self {
        Self {
            twilio_account_sid: Self::ACCOUNT_SID.to_owned(),
            twilio_auth_token: Self::AUTH_TOKEN.to_owned(),
            twilio_api_key_sid: Self::API_KEY_SID.to_owned(),
            twilio_api_key_secret: Self::API_KEY_SECRET.to_owned(),
            twilio_verify_service_sid: Self::VERIFY_SERVICE_SID.to_owned(),
            two_factor_api_key: Self::TWO_FACTOR_KEY.to_owned(),
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            credentials: Credentials::default(),
            twilio_latency_ms: 0,
            twilio_rate_limit: 0,
            two_factor_latency_ms: 0,
            two_factor_rate_limit: 0,
            rate_limit_retry_after: false,
            twilio_code_lifetime_s: 600,
            two_factor_code_lifetime_s: 600,
            ignore_magic_numbers: false,
            receipts: false,
            log: None,
        }
    }
}

impl Options {
    /// The pace the Twilio side starts with.
    pub(crate) fn twilio_pace(&self) -> Pace {
        Pace {
            latency_ms: self.twilio_latency_ms,
            rate_limit_per_second: self.twilio_rate_limit,
            rate_limit_retry_after: self.rate_limit_retry_after,
        }
    }

    /// The pace the 2Factor side starts with.
    pub(crate) fn two_factor_pace(&self) -> Pace {
        Pace {
            latency_ms: self.two_factor_latency_ms,
            rate_limit_per_second: self.two_factor_rate_limit,
            rate_limit_retry_after: self.rate_limit_retry_after,
        }
    }
}
