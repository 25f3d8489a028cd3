//! Phone numbers: any common spelling in, E.164 out. The only module that knows the numbering-plan library.
//!
//! A number must be *possible* (its country has numbers of that length), not *assigned*: plans grow
//! faster than any copy of them. A whole parse takes about a microsecond (release build), so clean E.164
//! has no short cut of its own and every spelling of a number ends as the same text.

mod dialled;
mod invalid;
mod region;

use std::fmt;

use rlibphonenumber::{self as plan, NumberLengthType, PHONE_NUMBER_UTIL};
use serde::Serialize;

use self::dialled::dialled;
pub use self::invalid::InvalidPhoneNumber;
use self::invalid::{NO_AREA_CODE, TOO_MANY, WRONG_LENGTH};
pub use self::region::{InvalidRegion, Region};

/// Most digits ITU-T E.164 allows, country code included.
const MAX_DIGITS: usize = 15;
/// Prefixes taken off one number before it is given up.
const MAX_ROUNDS: usize = 5;

/// A phone number as ITU-T E.164 writes it: `+`, country code, national number, digits only.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct PhoneNumber(String);

impl PhoneNumber {
    /// Reads a number in any common spelling; one without country code is read as dialled in
    /// `default_region`.
    ///
    /// # Errors
    /// [`InvalidPhoneNumber`] says why it cannot be one.
    pub fn parse(text: &str, default_region: Option<Region>) -> Result<Self, InvalidPhoneNumber> {
        let dialled = dialled(text)?;
        if dialled.starts_with('+') {
            return Self::read(&dialled, None);
        }
        let abroad = dialled.strip_prefix("00").map(|rest| format!("+{rest}"));
        match (default_region, abroad) {
            (None, None) => Err(InvalidPhoneNumber::MissingCountryCode),
            (None, Some(abroad)) => Self::read(&abroad, None),
            (Some(region), None) => Self::read(&dialled, Some(region)),
            // Some countries dial abroad by another prefix, so the plan speaks first; a national number
            // that still starts with 0 after its prefix was taken off is 00 misread.
            (Some(region), Some(abroad)) => match Self::read(&dialled, Some(region)) {
                Ok(number) if !number.national().starts_with('0') => Ok(number),
                misread => Self::read(&abroad, None).or(misread),
            },
        }
    }

    /// A number that [`parse`](Self::parse) has given before, as it was stored.
    pub fn stored(e164: String) -> Self {
        Self(e164)
    }

    /// The number with its `+`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number without its `+`, as some providers want it.
    pub fn digits(&self) -> &str {
        self.0.trim_start_matches('+')
    }

    /// The number without its country code: 10 digits for an Indian mobile.
    pub fn national(&self) -> &str {
        let digits = self.digits();
        digits.get(country_code_length(digits)..).unwrap_or_default()
    }

    /// The country the number belongs to; `None` for international networks, and where countries share a
    /// code and the plan knows no owner of this range.
    pub fn region(&self) -> Option<Region> {
        let (country, national) = self.digits().split_at_checked(country_code_length(self.digits()))?;
        let zeros = national.len() - national.trim_start_matches('0').len();
        let number = plan::PhoneNumber {
            country_code: country.parse().ok()?,
            national_number: national.parse().ok()?,
            italian_leading_zero: (zeros > 0).then_some(true),
            number_of_leading_zeros: i32::try_from(zeros).ok().filter(|&n| n > 1),
            ..Default::default()
        };
        PHONE_NUMBER_UTIL.get_region_for_number(&number)?.as_region_str().parse().ok()
    }

    /// The number for logs: country code and last two digits, the rest starred (`+41*******01`).
    pub fn masked(&self) -> String {
        let national = self.national();
        let shown = national.len().saturating_sub(2);
        format!("{}{}{}", self.country(), "*".repeat(shown), national.get(shown..).unwrap_or_default())
    }

    /// What may stay of the number when its owner is forgotten: its country code (`+41***`).
    pub fn forgotten(&self) -> String {
        format!("{}***", self.country())
    }

    /// Every way tables may hold the number: as E.164 has it, and with the 0 too much of `+44 (0)79…`, which stays in what
    /// came by SQL until a worker has read it.
    pub fn stored_spellings(&self) -> [String; 2] {
        [self.0.clone(), format!("{}0{}", self.country(), self.national())]
    }

    /// The country code with its `+`.
    fn country(&self) -> &str {
        self.0.get(..self.0.len() - self.national().len()).unwrap_or_default()
    }

    /// Reads until the number reads as itself: a plan may take one prefix off and leave another. Clean
    /// E.164 and most national numbers are settled after one or two rounds.
    fn read(dialled: &str, mut region: Option<Region>) -> Result<Self, InvalidPhoneNumber> {
        let mut spelling = dialled.to_owned();
        for _ in 0..MAX_ROUNDS {
            let e164 = read_once(&spelling, region.take())?;
            if e164 == spelling {
                return Ok(Self(e164));
            }
            spelling = e164;
        }
        Err(WRONG_LENGTH)
    }
}

fn read_once(dialled: &str, region: Option<Region>) -> Result<String, InvalidPhoneNumber> {
    let number = PHONE_NUMBER_UTIL.parse(dialled, region.and_then(Region::in_plan))?;
    match PHONE_NUMBER_UTIL.is_possible_number_with_reason(&number)? {
        NumberLengthType::IsPossible => {}
        NumberLengthType::IsPossibleLocalOnly => return Err(NO_AREA_CODE),
    }
    let e164 = number.to_string();
    if e164.len() > 1 + MAX_DIGITS {
        return Err(TOO_MANY);
    }
    Ok(e164)
}

impl TryFrom<String> for PhoneNumber {
    type Error = InvalidPhoneNumber;

    /// Reads a number that carries its country code.
    fn try_from(text: String) -> Result<Self, InvalidPhoneNumber> {
        Self::parse(&text, None)
    }
}

/// Shows the masked number only.
impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PhoneNumber({})", self.masked())
    }
}

/// Digits in the country code that starts `digits` (ITU-T E.164 Annex D: the codes are prefix-free).
fn country_code_length(digits: &str) -> usize {
    match digits.as_bytes() {
        [b'1' | b'7', ..] => 1,
        [b'2', b'0' | b'7', ..] | [b'3', b'0'..=b'4' | b'6' | b'9', ..] => 2,
        [b'4', b'0' | b'1' | b'3'..=b'9', ..] | [b'5', b'1'..=b'8', ..] => 2,
        [b'6', b'0'..=b'6', ..] | [b'8', b'1' | b'2' | b'4' | b'6', ..] => 2,
        [b'9', b'0'..=b'5' | b'8', ..] => 2,
        _ => 3,
    }
}

#[cfg(test)]
mod tests;
