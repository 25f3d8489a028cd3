//! `/api/…`: the addresses, fields and answers that applications were written for before there was this gateway.
//!
//! Each is a thin form of a door of ours: what it asks for is done by the same code, with the same limits. It waits up
//! to eight seconds for what becomes of the message, then says `Queued`. Where an application would do what is not
//! safe (bring the code itself, take any code in development), the safe thing is done instead; docs/api.md says which.

use std::time::Duration;

use axum::Router;
use axum::routing::post;
use shared::phone::{PhoneNumber, Region};
use shared::store::log::Outcome;

use crate::app::App;
use crate::auth::Who;

mod checks;
mod codes;
mod reply;
mod templates;

/// How long an answer waits for the message's outcome.
const PATIENCE: Duration = Duration::from_secs(8);

/// Those of codes, open to pages and users too.
pub(super) fn for_codes() -> Router<App> {
    Router::new()
        .route("/api/sms/sendOtp", post(codes::send_otp))
        .route("/api/sms/verifyOtp", post(checks::verify_otp))
        .route("/api/sms/send-verification", post(codes::send_verification))
        .route("/api/sms/send-2fa", post(codes::send_second_factor))
        .route("/api/send-otp", post(codes::send))
        .route("/api/verify-otp", post(checks::verify))
}

/// The one of texts, for servers.
pub(super) fn for_servers() -> Router<App> {
    Router::new().route("/api/sms/sendTemplate", post(templates::send))
}

/// What an answer says of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fate {
    /// Nothing is known yet.
    Queued,
    /// A provider took it, or the caller is told no more than that.
    Sent,
    /// No provider is set up for it.
    NoProvider,
    /// Nobody took it.
    Failed {
        /// Why, for people.
        message: String,
        /// What the provider answered by HTTP.
        status_code: Option<i32>,
    },
}

impl Fate {
    /// What `who` is told of `outcome`: that a number cannot be reached is for servers alone.
    fn of(outcome: Option<&Outcome>, who: &Who) -> Self {
        use shared::message::Status;
        let Some(outcome) = outcome else { return Self::Queued };
        match outcome.status {
            Status::Sent | Status::Delivered | Status::Unknown => Self::Sent,
            Status::Queued | Status::Sending => Self::Queued,
            Status::Undelivered
            | Status::Failed
            | Status::Expired
            | Status::Suppressed
            | Status::Cancelled => match outcome.reason.as_deref() {
                Some("no_route") => Self::NoProvider,
                _ if *who != Who::Server => Self::Sent,
                reason => {
                    Self::Failed { message: in_words(reason).to_owned(), status_code: outcome.status_code }
                }
            },
        }
    }
}

/// A reason for people who do not know our words.
fn in_words(reason: Option<&str>) -> &'static str {
    match reason {
        Some("bad_number") => "the number is not valid or receives no texts",
        Some("opted_out") => "the person has asked for no more texts",
        Some("country") => "the provider does not serve this country",
        Some("credentials" | "credit") => "the SMS provider's account is at fault",
        Some("needs_template" | "template") => "the text needs a template that the provider knows",
        Some("expired") => "no provider took the message in time",
        _ => "no provider took the message",
    }
}

/// A number as applications for India write it: ten digits are an Indian number, also where they begin with 91.
fn indian(text: &str) -> String {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let bare = !text.trim().starts_with(['+', '0'])
        && text.chars().all(|c| c.is_ascii_digit() || matches!(c, ' ' | '-' | '.' | '(' | ')'));
    let india: Option<Region> = "IN".parse().ok();
    match digits.len() {
        10 if bare => format!("+91{digits}"),
        _ => PhoneNumber::parse(text, india)
            .map_or_else(|_| text.to_owned(), |phone| phone.as_str().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_digits_are_an_indian_number_whatever_they_begin_with() {
        for (written, read) in [
            ("9876543210", "+919876543210"),
            ("9123456789", "+919123456789"),
            ("91234 56789", "+919123456789"),
            ("919123456789", "+919123456789"),
            ("+919123456789", "+919123456789"),
            ("09876543210", "+919876543210"),
            ("0091 98765 43210", "+919876543210"),
            ("+41 79 123 45 67", "+41791234567"),
        ] {
            assert_eq!(indian(written), read, "{written}");
        }
        for nonsense in ["12", "call 98765 43210 now"] {
            assert_eq!(indian(nonsense), nonsense, "what is no number is refused as it is");
        }
    }
}
