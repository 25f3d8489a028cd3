//! Countries, as numbers and settings name them.

use std::fmt;
use std::str::FromStr;

use rlibphonenumber::{self as plan, PHONE_NUMBER_UTIL};
use serde::Serialize;

/// A country by its ISO 3166-1 alpha-2 code, upper case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Region([u8; 2]);

/// A text that is no country code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a country: write its two-letter ISO 3166 code, such as IN or US")]
pub struct InvalidRegion(String);

impl Region {
    /// The two letters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("FromStr lets only ASCII letters in")
    }

    pub(super) fn in_plan(self) -> Option<plan::Region> {
        plan::Region::from_code(self.as_str()).ok()
    }
}

impl FromStr for Region {
    type Err = InvalidRegion;

    /// Takes either case, of countries that have a calling code.
    fn from_str(text: &str) -> Result<Self, InvalidRegion> {
        let invalid = || InvalidRegion(text.chars().take(8).collect());
        let letters: [u8; 2] = text.as_bytes().try_into().map_err(|_| invalid())?;
        if !letters.iter().all(u8::is_ascii_alphabetic) {
            return Err(invalid());
        }
        let region = Self(letters.map(|b| b.to_ascii_uppercase()));
        let known = region.in_plan().and_then(|r| PHONE_NUMBER_UTIL.get_country_code_for_region(r));
        known.map(|_| region).ok_or_else(invalid)
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Region({self})")
    }
}

impl Serialize for Region {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_are_iso_codes_in_either_case() {
        assert_eq!("in".parse::<Region>().expect("India").as_str(), "IN");
        for text in ["", "I", "IND", "XX", "1N", "001", "é"] {
            assert!(text.parse::<Region>().is_err(), "{text}");
        }
    }
}
