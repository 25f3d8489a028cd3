//! Lanes: the three kinds of traffic, which never wait for each other.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Which queue a message takes. Most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Lane {
    /// A code somebody is waiting for. Stale ones are dropped, never sent late.
    Otp,
    /// A text one person's action caused: a booking, a payment.
    Transactional,
    /// A text many get. Opt-outs apply.
    Promo,
}

impl Lane {
    /// All lanes, most urgent first.
    pub const ALL: [Self; 3] = [Self::Otp, Self::Transactional, Self::Promo];

    /// The word used in JSON, tables, logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Otp => "otp",
            Self::Transactional => "transactional",
            Self::Promo => "promo",
        }
    }

    /// How long a message stays worth sending when its caller does not say.
    /// An otp ends with its session instead; this is the longest a session may last.
    pub const fn lifetime(self) -> Duration {
        match self {
            Self::Otp => Duration::from_secs(10 * 60),
            Self::Transactional => Duration::from_secs(4 * 3600),
            Self::Promo => Duration::from_secs(24 * 3600),
        }
    }

    /// How long one provider call may take.
    pub const fn call_timeout(self) -> Duration {
        match self {
            Self::Otp => Duration::from_secs(5),
            Self::Transactional | Self::Promo => Duration::from_secs(15),
        }
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is no lane.
#[derive(Debug, thiserror::Error)]
#[error("unknown lane: use otp, transactional or promo")]
pub struct UnknownLane;

impl FromStr for Lane {
    type Err = UnknownLane;

    fn from_str(text: &str) -> Result<Self, UnknownLane> {
        Self::ALL.into_iter().find(|lane| lane.as_str() == text).ok_or(UnknownLane)
    }
}
