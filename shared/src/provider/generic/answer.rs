//! What answers mean: by the vendor's code, by the status as the settings say, else as
//! [`http`](crate::provider::http) says for all vendors.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::provider::http::Answer;
use crate::provider::{ProviderReference, SendError};

/// Longest id or code that is taken for one.
const MOST_CHARS: usize = 128;

/// What an answer asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Accepted,
    Throttled,
    Rejected,
    OptedOut,
    NotSent,
    InDoubt,
}

/// How to read one vendor's answers.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    /// JSON pointer to the vendor's id of the message.
    pub(super) id: String,
    /// JSON pointer to the vendor's code of what is wrong.
    pub(super) code: Option<String>,
    pub(super) statuses: BTreeMap<u16, Meaning>,
    pub(super) codes: BTreeMap<String, Meaning>,
}

impl Rules {
    /// What one answer asks for.
    pub(super) fn read(&self, answer: &Answer) -> Result<ProviderReference, SendError> {
        let document = answer.document();
        let find = |pointer| document.as_ref().and_then(|document| word(document, pointer));
        let code = self.code.as_deref().and_then(find);
        match self.meaning(answer, code.as_deref()) {
            Some(Meaning::Accepted) => {
                find(&self.id).map(|id| answer.accepted(id)).ok_or_else(|| answer.garbage())
            }
            Some(Meaning::Throttled) => Err(answer.throttled("rate_limited", code)),
            Some(Meaning::Rejected) => Err(SendError::Rejected { answer: answer.because("rejected", code) }),
            Some(Meaning::OptedOut) => Err(SendError::OptedOut { answer: answer.because("opted_out", code) }),
            Some(Meaning::NotSent) => {
                Err(SendError::Unavailable { answer: answer.because("not_sent", code) })
            }
            Some(Meaning::InDoubt) => Err(SendError::InDoubt { answer: answer.because("in_doubt", code) }),
            None => Err(answer.by_status(code)),
        }
    }

    fn meaning(&self, answer: &Answer, code: Option<&str>) -> Option<Meaning> {
        let status = answer.status();
        let by_status = self.statuses.get(&status.as_u16()).copied();
        match by_status {
            Some(Meaning::Throttled | Meaning::InDoubt) => return by_status,
            // Whoever says "slow down", or a gateway that gave up waiting, does not speak of this message.
            None if matches!(status.as_u16(), 408 | 429) => return None,
            _ => {}
        }
        let spoken = status.is_success() || status.is_client_error() || answer.is_own_failure();
        let by_code = code.filter(|_| spoken).and_then(|code| self.codes.get(code).copied());
        let names_accepted = self.statuses.values().any(|meaning| *meaning == Meaning::Accepted);
        let usual = (status.is_success() && !names_accepted).then_some(Meaning::Accepted);
        by_code.or(by_status).or(usual)
    }
}

/// The text or number that `pointer` names.
fn word(document: &Value, pointer: &str) -> Option<String> {
    let word = match document.pointer(pointer)? {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let fits = !word.is_empty() && word.chars().nth(MOST_CHARS).is_none();
    (fits && !word.chars().any(char::is_control)).then_some(word)
}
