//! The vendors this server plays, and which module answers for each.

use std::sync::Arc;

use bytes::Bytes;
use hyper::http::request::Parts;
use serde::{Deserialize, Serialize};

use crate::arrival::Arrival;
use crate::check::CodeCheck;
use crate::reply::Reply;
use crate::state::State;
use crate::submission::Reading;
use crate::{twilio, twofactor};

/// A vendor the mock plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Vendor {
    /// Twilio: Messages under `/2010-04-01/`, Verify under `/v2/`.
    Twilio,
    /// 2Factor.in, under `/API/`.
    TwoFactor,
}

impl Vendor {
    /// The vendor whose paths begin like this one.
    pub(crate) fn of_path(path: &str) -> Option<Self> {
        if path.starts_with("/2010-04-01/") || path.starts_with("/v2/") {
            Some(Self::Twilio)
        } else if path.starts_with("/API/") {
            Some(Self::TwoFactor)
        } else {
            None
        }
    }

    /// Reads a request as this vendor would: a refusal, a look-up's answer, or a valid submission or check.
    pub(crate) fn read(self, state: &State, head: &Parts, body: &Bytes) -> Reading {
        match self {
            Self::Twilio => twilio::read(state, head, body),
            Self::TwoFactor => twofactor::read(state, head, body),
        }
    }

    /// The answer to a submission that was taken.
    pub(crate) fn accepted(self, state: &State, arrival: &Arc<Arrival>) -> Reply {
        match self {
            Self::Twilio => twilio::accepted(state, arrival),
            Self::TwoFactor => twofactor::accepted(arrival),
        }
    }

    /// The answer to too many requests, without `Retry-After`.
    pub(crate) fn throttled(self) -> Reply {
        match self {
            Self::Twilio => twilio::throttled(),
            Self::TwoFactor => twofactor::throttled(),
        }
    }

    /// The vendor's own error body for any status.
    pub(crate) fn broken(self, status: u16) -> Reply {
        match self {
            Self::Twilio => twilio::broken(status),
            Self::TwoFactor => twofactor::broken(status),
        }
    }

    /// Checks a code, and the answer to that.
    pub(crate) fn checked(self, state: &State, check: &CodeCheck) -> Reply {
        match self {
            Self::Twilio => twilio::checked(state, check),
            Self::TwoFactor => twofactor::checked(state, check),
        }
    }

    /// The refusal by the vendor's own code of what was sent to this recipient from this sender.
    pub(crate) fn rejected(self, code: &str, to: &str, from: &str) -> Reply {
        match self {
            Self::Twilio => twilio::rejected(code, to, from),
            Self::TwoFactor => twofactor::rejected(code),
        }
    }
}
