//! Twilio Verify, version 2: codes that Twilio makes (contract: twilio-oai, spec/json/twilio_verify_v2.json, 2026-04;
//! codes by twilio.com/docs/verify/api/error-codes, 2026-11).
//!
//! A number has one verification at a time and service: asked again within its ten minutes, Twilio sends the same code
//! under the same id. So a start in doubt may be repeated without spoiling the code that perhaps arrived.

use hyper::{Method, Uri};
use serde::Deserialize;

use super::answer::{self, Failure};
use crate::provider::catalogue::setting::is_sid;
use crate::provider::http::{self, Answer, Content, Request};
use crate::provider::{CheckError, Checked, OtpCheck, OutgoingSms, ProviderReference, SendError};

/// A Verify service, and whether codes are to come from it.
#[derive(Clone, Debug)]
pub(super) struct Verify {
    /// Where verifications are started.
    pub(super) verifications: Uri,
    /// Where typed codes are checked.
    pub(super) checks: Uri,
    /// Whether it makes the codes; if not, it still checks those it made.
    pub(super) makes_codes: bool,
}

impl Verify {
    /// Asks for a code to be made and sent. Our id goes along as a tag.
    pub(super) fn start_request(&self, sms: &OutgoingSms) -> Request {
        let tags = serde_json::json!({ "message_id": sms.message_id.to_string() });
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("To", sms.to.as_str()).append_pair("Channel", "sms");
        form.append_pair("Tags", &tags.to_string());
        http::request(Method::POST, self.verifications.clone(), Content::Form(form.finish()))
    }

    /// Asks about a typed code. By the verification's id: by the number alone, another session's code would do.
    pub(super) fn check_request(&self, check: &OtpCheck<'_>) -> Request {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("VerificationSid", check.session).append_pair("Code", check.code);
        http::request(Method::POST, self.checks.clone(), Content::Form(form.finish()))
    }
}

/// The part of a verification, or of its check, that we need.
#[derive(Deserialize)]
struct Verification {
    sid: String,
    status: String,
    valid: Option<bool>,
}

/// What the answer to a start asks for.
pub(super) fn read_start(answer: &Answer) -> Result<ProviderReference, SendError> {
    if !answer.status().is_success() {
        return Err(start_failure(answer));
    }
    match answer.json::<Verification>() {
        Some(Verification { sid, status, .. }) if is_sid(&sid, "VE") => match status.as_str() {
            "pending" => Ok(answer.accepted(sid)),
            _ => Err(SendError::Refused { answer: answer.because("failed", None) }),
        },
        _ => Err(answer.garbage()),
    }
}

/// Verify's own codes first: several come under 429 and are about one number, not about the account's speed.
fn start_failure(answer: &Answer) -> SendError {
    let status = answer.status().as_u16();
    let known = answer.json::<Failure>().filter(|_| matches!(status, 400..=499)).and_then(|failure| {
        let because = |reason| answer.because(reason, Some(failure.code.to_string()));
        let names_the_number = failure.message.as_ref().is_some_and(|message| message.contains("`To`"));
        match failure.code {
            60200 if names_the_number => Some(SendError::Rejected { answer: because("bad_number") }),
            60205 => Some(SendError::Rejected { answer: because("landline") }),
            // Five sends or five wrong codes within ten minutes, and the verification is still open.
            60202 | 60203 => Some(SendError::Refused { answer: because("max_sends") }),
            60212 => Some(SendError::Unavailable { answer: because("busy") }),
            // No such service. Texts do not need it, so it is not the account's fault.
            20404 => Some(SendError::Refused { answer: because("verify_service") }),
            _ => None,
        }
    });
    known.unwrap_or_else(|| answer::failure(answer))
}

/// What the answer to a check of `session` says. Yes is said by three things at once: the verification that was asked
/// for, its status, and `valid`.
pub(super) fn read_check(answer: &Answer, session: &str) -> Result<Checked, CheckError> {
    if !answer.status().is_success() {
        return check_failure(answer);
    }
    match answer.json::<Verification>() {
        Some(Verification { sid, status, valid }) if sid == session => match (status.as_str(), valid) {
            ("approved", Some(true)) => Ok(Checked::Right),
            ("pending", Some(false) | None) => Ok(Checked::Wrong),
            ("canceled" | "max_attempts_reached" | "deleted" | "failed" | "expired", Some(false) | None) => {
                Ok(Checked::Ended)
            }
            _ => Err(answer.garbage().into()),
        },
        _ => Err(answer.garbage().into()),
    }
}

fn check_failure(answer: &Answer) -> Result<Checked, CheckError> {
    let code = answer.json::<Failure>().map(|failure| failure.code);
    match (answer.status().as_u16(), code) {
        // Twilio forgets a verification that is approved, too old, or was guessed at too often.
        (404, Some(20404)) | (429, Some(60202)) => Ok(Checked::Ended),
        // The id is Twilio's own, so what it cannot be is the code: one of another length.
        (400, Some(60200)) => Ok(Checked::Wrong),
        (400..=499, Some(60212)) => {
            Err(CheckError::Away { retry_after: answer.retry_after(), reason: "busy" })
        }
        _ => Err(answer::failure(answer).into()),
    }
}

#[cfg(test)]
mod tests;
