//! What is watched.

use serde::{Deserialize, Serialize};

use super::DAY;
use super::settings::Settings;
use crate::address::parse_block;
use crate::phone::PhoneNumber;

/// What a subject is, in the order in which their rows are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A country.
    Country,
    /// A client's address: IPv4 whole, IPv6 its /64.
    Ip,
    /// A number without its last four digits.
    Prefix,
}

impl Kind {
    /// The word in the table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Country => "country",
            Self::Ip => "ip",
            Self::Prefix => "prefix",
        }
    }

    /// Credits it begins with.
    pub(super) const fn credits(self, settings: &Settings) -> f64 {
        match self {
            Self::Country => settings.credits_country as f64,
            Self::Ip => settings.credits_ip as f64,
            Self::Prefix => settings.credits_prefix as f64,
        }
    }

    /// How long its counts are kept: the share of a country is that of a week.
    pub(super) const fn keeps(self) -> i64 {
        match self {
            Self::Country => 8 * DAY,
            Self::Ip | Self::Prefix => DAY + 3600,
        }
    }
}

impl std::str::FromStr for Kind {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        [Self::Country, Self::Ip, Self::Prefix].into_iter().find(|kind| kind.as_str() == word).ok_or(())
    }
}

/// One that is watched.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// What it is.
    pub kind: Kind,
    /// Which one: `+4179123`, `2001:db8::/64`, `CH`.
    pub name: String,
}

/// Numbers of no country are watched together.
pub const NOWHERE: &str = "none";

/// A number as the guard sees it: its prefix, the four digits behind it, its country.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// E.164 without the last four digits.
    pub prefix: String,
    /// Those.
    pub suffix: u16,
    /// ISO 3166 code.
    pub country: String,
}

impl Place {
    /// Where `phone` is.
    pub fn of(phone: &PhoneNumber) -> Self {
        let number = phone.as_str();
        // A plus and a digit remain of the shortest numbers.
        let at = number.len().saturating_sub(4).max(2).min(number.len());
        let (prefix, suffix) = number.split_at_checked(at).unwrap_or((number, ""));
        let country = phone.region().map_or_else(|| NOWHERE.to_owned(), |region| region.to_string());
        Self { prefix: prefix.to_owned(), suffix: suffix.parse().unwrap_or_default(), country }
    }
}

/// Reads what an operator releases: what numbers begin with (`+4179`), a country's code (`CH`), or a client's address, which
/// becomes its block.
///
/// # Errors
/// What else it must be.
pub fn parse_released(text: &str) -> Result<Key, &'static str> {
    let text = text.trim();
    let is_country = text.len() == 2 && text.bytes().all(|b| b.is_ascii_alphabetic());
    let digits = text.strip_prefix('+').unwrap_or(text);
    let is_prefix = (1..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    match (is_country, is_prefix, parse_block(text)) {
        (true, ..) => Ok(Key { kind: Kind::Country, name: text.to_ascii_uppercase() }),
        (false, true, _) => Ok(Key { kind: Kind::Prefix, name: format!("+{digits}") }),
        (false, false, Some(block)) => Ok(Key { kind: Kind::Ip, name: block?.to_string() }),
        (false, false, None) => {
            Err("must be what numbers begin with, such as +4179123, a country, such as CH, or a \
                                     client's address, such as 203.0.113.9 or 2001:db8:1:2::/64")
        }
    }
}

/// Reads the address of a client that is asked about; it becomes its block.
///
/// # Errors
/// What it must be.
pub fn parse_client(text: &str) -> Result<String, &'static str> {
    let block = parse_block(text.trim()).ok_or("must be an IPv4 or IPv6 address")??;
    Ok(block.to_string())
}
