//! What was asked for, and what the askers were told.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tests::builders::a_number;

use crate::client::Answer;

/// What kind of message, by the number of copies it may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Otp,
    Transactional,
    AtMostOnce,
    Promo,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Otp, Self::Transactional, Self::AtMostOnce, Self::Promo];

    /// What a handset may show at most (ARCHITECTURE.md, "Doubt").
    pub(crate) const fn most_copies(self) -> usize {
        match self {
            Self::Otp | Self::Transactional => 2,
            Self::AtMostOnce | Self::Promo => 1,
        }
    }

    const fn path(self) -> &'static str {
        match self {
            Self::Otp => "/otp/send",
            Self::Transactional | Self::AtMostOnce => "/sms/send-transactional",
            Self::Promo => "/sms/send-batch",
        }
    }
}

/// One request: the same bytes however often it is repeated.
pub(crate) struct Request {
    pub(crate) kind: Kind,
    pub(crate) key: Option<String>,
    /// A number of its own for each message.
    pub(crate) to: Vec<String>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// For `size` messages (one, but for promo) by the provider `hint`.
    pub(crate) fn new(kind: Kind, key: Option<String>, size: usize, hint: &str) -> Self {
        let to: Vec<_> = std::iter::repeat_with(a_number).take(size).collect();
        let body = match kind {
            Kind::Otp => json!({"phone": to[0], "provider_hint": hint}),
            Kind::Transactional | Kind::AtMostOnce => json!({
                "to": to[0], "text": "Your table is booked.", "provider_hint": hint,
                "at_most_once": kind == Kind::AtMostOnce,
            }),
            Kind::Promo => {
                let message = |to| json!({"to": to, "text": "Two for one on Sunday.", "provider_hint": hint});
                json!({"lane": "promo", "messages": to.iter().map(message).collect::<Vec<_>>()})
            }
        };
        Self { kind, key, to, body: body.to_string().into_bytes() }
    }

    pub(crate) fn path(&self) -> &'static str {
        self.kind.path()
    }

    /// The ids in a 202, in the order of `to`; a code's message has none that its caller sees.
    pub(crate) fn ids(&self, body: &Value) -> Vec<String> {
        let id = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        match self.kind {
            Kind::Otp => vec![id(&body["session_id"])],
            Kind::Transactional | Kind::AtMostOnce => vec![id(&body["message_id"])],
            Kind::Promo => {
                let results = body["results"].as_array().map(Vec::as_slice).unwrap_or_default();
                results.iter().map(|result| id(&result["message_id"])).collect()
            }
        }
    }
}

/// How a request ended for its asker.
pub(crate) enum Fate {
    /// A 2xx: from here on it is a promise.
    Accepted { ids: Vec<String>, at: DateTime<Utc>, replayed: bool },
    /// A request without a key that got no clear answer, so that it cannot be repeated: stored or not.
    Unclear,
    /// A 4xx, or no answer in all the time it was asked.
    Refused(String),
}

/// A request with its fate.
pub(crate) struct Asked {
    pub(crate) request: Request,
    pub(crate) fate: Fate,
}

/// Everything that was asked and answered.
#[derive(Default)]
pub(crate) struct Ledger {
    pub(crate) asked: Vec<Asked>,
    pub(crate) answers: Vec<Answer>,
}
