//! What a code is for, and what that allows.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::limits::{Kind, Limit};
use crate::otp_code::CodeLength;

/// What a code lets its holder do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Sign in.
    #[default]
    Login,
    /// Show that a number is theirs.
    VerifyPhone,
    /// Confirm a sign-in or a payment.
    TwoFactor,
    /// Choose another password.
    PasswordReset,
    /// Take another number.
    ChangePhone,
}

/// A word that is no purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be login, verify_phone, two_factor, password_reset or change_phone")]
pub struct UnknownPurpose;

impl Purpose {
    /// All purposes.
    pub const ALL: [Self; 5] =
        [Self::Login, Self::VerifyPhone, Self::TwoFactor, Self::PasswordReset, Self::ChangePhone];

    /// The word in requests and tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::VerifyPhone => "verify_phone",
            Self::TwoFactor => "two_factor",
            Self::PasswordReset => "password_reset",
            Self::ChangePhone => "change_phone",
        }
    }
}

impl std::str::FromStr for Purpose {
    type Err = UnknownPurpose;

    fn from_str(word: &str) -> Result<Self, UnknownPurpose> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == word).ok_or(UnknownPurpose)
    }
}

/// What a resend sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Resend {
    /// Another code, which replaces the one before and lives anew.
    New,
    /// The same code, which does not live longer for it.
    Same,
}

/// What one purpose allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Which purpose.
    pub purpose: Purpose,
    /// How long codes are.
    pub code_length: CodeLength,
    /// How long a code is good.
    pub lifetime: Duration,
    /// Checks one session allows, over all its codes.
    pub max_attempts: i16,
    /// Time before a session's second code; it doubles with every further one.
    pub cool_down: Duration,
    /// Codes one session may send, and one phone may be sent for this purpose within `send_window`.
    pub max_sends: i16,
    /// See `max_sends`.
    pub send_window: Duration,
    /// What a resend sends.
    pub resend: Resend,
    /// Name of the template its texts come from, if an operator has made it.
    pub template: String,
    /// Host that codes are bound to by the last line of their text.
    pub origin: Option<String>,
}

impl Policy {
    /// How long to wait after the `sends`-th code.
    pub fn cool_down_after(&self, sends: i16) -> Duration {
        let doublings = u32::try_from(sends - 1).unwrap_or_default().min(16);
        self.cool_down * 2_u32.pow(doublings)
    }

    /// How many codes of this purpose one phone may be sent.
    pub fn send_limit(&self) -> Limit {
        Limit {
            name: format!("purpose-{}", self.purpose.as_str().replace('_', "-")),
            kind: Kind::Purpose,
            per: self.send_window,
            most: self.max_sends.unsigned_abs().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(cool_down: u64) -> Policy {
        Policy {
            purpose: Purpose::Login,
            code_length: CodeLength::SIX,
            lifetime: Duration::from_secs(600),
            max_attempts: 5,
            cool_down: Duration::from_secs(cool_down),
            max_sends: 5,
            send_window: Duration::from_secs(600),
            resend: Resend::New,
            template: "otp".into(),
            origin: None,
        }
    }

    #[test]
    fn the_cool_down_doubles_with_every_code() {
        let waits = [1, 2, 3, 4].map(|sends| policy(30).cool_down_after(sends).as_secs());
        assert_eq!(waits, [30, 60, 120, 240]);
        assert_eq!(policy(60).cool_down_after(1).as_secs(), 60);
    }

    #[test]
    fn a_purpose_reads_as_it_is_written() {
        for purpose in Purpose::ALL {
            assert_eq!(purpose.as_str().parse(), Ok(purpose));
            assert_eq!(serde_json::to_value(purpose).expect("a word"), purpose.as_str());
        }
        assert_eq!("logout".parse::<Purpose>(), Err(UnknownPurpose));
    }
}
