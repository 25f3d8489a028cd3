//! Kinds of senders, by which countries tell whom they carry.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a text comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SenderType {
    /// A name of letters and digits.
    Alphanumeric,
    /// A telephone number.
    Number,
    /// A number of three to eight digits that only texts know.
    ShortCode,
}

/// A word that is no kind of sender.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown kind of sender: use alphanumeric, number or short_code")]
pub struct UnknownSenderType;

impl SenderType {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Alphanumeric, Self::Number, Self::ShortCode];
    /// Most digits of a short code, as senders are read.
    const LONGEST_SHORT_CODE: usize = 8;

    /// The kind of a sender as messages and providers have it.
    pub fn of(sender: &str) -> Self {
        let digits = sender.strip_prefix('+').unwrap_or(sender);
        let is_numeric = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        match is_numeric {
            false => Self::Alphanumeric,
            true if digits.len() == sender.len() && digits.len() <= Self::LONGEST_SHORT_CODE => {
                Self::ShortCode
            }
            true => Self::Number,
        }
    }

    /// The word used in JSON and tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Alphanumeric => "alphanumeric",
            Self::Number => "number",
            Self::ShortCode => "short_code",
        }
    }
}

impl FromStr for SenderType {
    type Err = UnknownSenderType;

    fn from_str(text: &str) -> Result<Self, UnknownSenderType> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(UnknownSenderType)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn senders_are_told_apart() {
        for (sender, kind) in [
            ("SMSGWX", SenderType::Alphanumeric),
            ("Shop 24", SenderType::Alphanumeric),
            ("56161", SenderType::ShortCode),
            ("12345678", SenderType::ShortCode),
            ("+15005550006", SenderType::Number),
            ("15005550006", SenderType::Number),
            ("+", SenderType::Alphanumeric),
        ] {
            assert_eq!(SenderType::of(sender), kind, "{sender}");
        }
    }
}
