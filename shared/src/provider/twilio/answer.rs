//! What Twilio's answers mean.
//!
//! Codes as documented in Twilio's error dictionary; Twilio splits them over time, so one we do not know only counts as
//! "not this message, not here".

use serde::Deserialize;

use crate::provider::catalogue::setting::is_sid;
use crate::provider::http::Answer;
use crate::provider::{ProviderReference, SendError};

/// "Attempt to send to unsubscribed recipient": they texted STOP to this sender.
pub(super) const OPTED_OUT: u32 = 21610;

/// The part of a message resource that we need.
#[derive(Deserialize)]
struct Message {
    sid: String,
    status: Option<String>,
    error_code: Option<u32>,
}

/// Twilio's error document.
#[derive(Deserialize)]
pub(super) struct Failure {
    pub(super) code: u32,
    pub(super) message: Option<String>,
    status: Option<u16>,
}

/// What one answer asks for.
pub(super) fn read(answer: &Answer) -> Result<ProviderReference, SendError> {
    if answer.status().is_success() { message(answer) } else { Err(failure(answer)) }
}

/// Accepted only with a message's id; the id of anything else, or none, leaves us in doubt.
fn message(answer: &Answer) -> Result<ProviderReference, SendError> {
    let Some(Message { sid, status, error_code }) = answer.json() else { return Err(answer.garbage()) };
    if !is_sid(&sid, "SM") && !is_sid(&sid, "MM") {
        return Err(answer.garbage());
    }
    match status.as_deref() {
        // Created and given up in one go.
        Some("failed" | "undelivered" | "canceled") => {
            let code = error_code.map(|code| code.to_string());
            Err(match error_code {
                Some(OPTED_OUT) => SendError::OptedOut { answer: answer.because("opted_out", code) },
                _ => SendError::Refused { answer: answer.because("failed", code) },
            })
        }
        _ => Ok(answer.accepted(sid)),
    }
}

/// What a "no" asks for.
pub(super) fn failure(answer: &Answer) -> SendError {
    let Some(failure) = answer.json::<Failure>() else { return answer.by_status(None) };
    let code = Some(failure.code.to_string());
    let http_status = answer.status().as_u16();
    match http_status {
        408 | 429 => answer.by_status(code),
        400..=499 => by_code(answer, failure.code).unwrap_or_else(|| answer.by_status(code)),
        // The application's own error document, complete and about this answer: nothing was created.
        500..=599
            if answer.is_own_failure()
                && failure.status == Some(http_status)
                && failure.message.is_some() =>
        {
            SendError::Unavailable { answer: answer.because("server_error", code) }
        }
        _ => answer.by_status(code),
    }
}

fn by_code(answer: &Answer, number: u32) -> Option<SendError> {
    let because = |reason| answer.because(reason, Some(number.to_string()));
    let rejected = |reason| Some(SendError::Rejected { answer: because(reason) });
    let refused = |reason| Some(SendError::Refused { answer: because(reason) });
    let unusable = |reason| Some(SendError::Unusable { answer: because(reason) });
    let throttled = |reason| Some(answer.throttled(reason, Some(number.to_string())));
    match number {
        21211 => rejected("bad_number"),
        21602 => rejected("no_text"),
        OPTED_OUT => Some(SendError::OptedOut { answer: because("opted_out") }),
        21614 => rejected("not_mobile"),
        21617 => rejected("too_long"),
        21635 => rejected("landline"),
        20003 => unusable("credentials"),
        // 20404 not found: the path names nothing but the account.
        20005 | 20404 => unusable("account"),
        21408 => refused("country"),
        21606 => refused("sender"),
        21608 => refused("unverified_number"),
        21612 => refused("route"),
        20429 | 63017 => throttled("rate_limited"),
        21611 => throttled("queue_full"),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
