//! What 2Factor.in's answers mean: the HTTP status says little, `Status` says yes or no, `Details` says why in words.

use serde::Deserialize;

use crate::phone::PhoneNumber;
use crate::provider::http::Answer;
use crate::provider::{ProviderReference, SendError};

const LONGEST_ID: usize = 100;

/// The one shape of all answers.
#[derive(Deserialize)]
struct Verdict {
    #[serde(rename = "Status")]
    status: String,
    #[serde(rename = "Details")]
    details: String,
}

/// What one answer asks for.
pub(super) fn read(answer: &Answer, to: &PhoneNumber) -> Result<ProviderReference, SendError> {
    let verdict = answer.json::<Verdict>();
    let verdict = verdict.as_ref().map(|verdict| (verdict.status.as_str(), verdict.details.as_str()));
    match (answer.status().as_u16(), verdict) {
        (200..=299, Some(("Success", id))) if is_id(id) => Ok(answer.accepted(id.to_owned())),
        (200..=299, Some(("Error", why))) => Err(by_text(answer, why, to)),
        (408 | 429 | 401..=403, _) => Err(answer.by_status(None)),
        // A "no" that says yes: one of the two is wrong.
        (200..=499, Some(("Success", _))) => Err(answer.garbage()),
        (400..=499, Some(("Error", why))) => Err(by_text(answer, why, to)),
        (500..=599, Some(("Error", _))) if answer.is_own_failure() => {
            Err(SendError::Unavailable { answer: answer.because("server_error", None) })
        }
        _ => Err(answer.by_status(None)),
    }
}

/// Ids look like ids: no sentence ever passes for one.
fn is_id(text: &str) -> bool {
    (1..=LONGEST_ID).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

/// Known words of the vendor's sentences; the first that occurs decides. An unknown sentence is still a "no".
fn by_text(answer: &Answer, details: &str, to: &PhoneNumber) -> SendError {
    let details = details.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| details.contains(word));
    let because = |reason| answer.because(reason, None);
    if says(&["api key", "apikey", "api_key"]) {
        SendError::Unusable { answer: because("credentials") }
    } else if says(&["balance", "credit"]) {
        SendError::Unusable { answer: because("credit") }
    } else if says(&["phone number", "length mismatch"]) {
        // An Indian vendor calls every foreign number invalid; other vendors may still reach it.
        if to.digits().starts_with("91") {
            SendError::Rejected { answer: because("bad_number") }
        } else {
            SendError::Refused { answer: because("country") }
        }
    } else if says(&["template"]) {
        SendError::Refused { answer: because("template") }
    } else if says(&["sender"]) {
        SendError::Refused { answer: because("sender") }
    } else if says(&["temporar", "try again"]) {
        SendError::Unavailable { answer: because("server_error") }
    } else {
        SendError::Refused { answer: because("refused") }
    }
}

#[cfg(test)]
mod tests;
