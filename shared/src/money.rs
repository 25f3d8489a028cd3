//! Money, exactly: whole millionths of a currency's unit, never a floating point number.

use std::fmt;
use std::iter::Sum;
use std::ops::Add;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// Millionths in a unit.
const UNIT: u128 = 1_000_000;
/// Digits before the point, and after it, that a price may have: as `numeric(12, 6)`.
const DIGITS: usize = 6;

/// An amount of some currency, never negative. Programs read it as a text, `"12.50"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(u128);

/// A text that is no amount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not an amount: write digits, a point and digits, such as 0.0079; at most six on either side"
)]
pub struct InvalidAmount(String);

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// From millionths of the unit.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros as u128)
    }

    /// In millionths of the unit.
    pub const fn micros(self) -> u128 {
        self.0
    }

    /// So many times this. It ends at 3 × 10^32 units, where nobody is.
    pub const fn times(self, n: u64) -> Self {
        Self(self.0.saturating_mul(n as u128))
    }
}

impl FromStr for Amount {
    type Err = InvalidAmount;

    fn from_str(text: &str) -> Result<Self, InvalidAmount> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let fits =
            |digits: &str| (1..=DIGITS).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        if !fits(whole) || !fits(fraction) {
            return Err(InvalidAmount(text.chars().take(20).collect()));
        }
        // Twelve digits at most.
        let micros = format!("{whole}{fraction:0<DIGITS$}").parse();
        micros.map(Self).map_err(|_| InvalidAmount(text.to_owned()))
    }
}

/// With two digits after the point, or as many as it takes.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fraction = format!("{:0DIGITS$}", self.0 % UNIT);
        let shown = fraction.trim_end_matches('0').len().max(2);
        f.pad(&format!("{}.{}", self.0 / UNIT, &fraction[..shown]))
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Add for Amount {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sum for Amount {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

/// A currency by its ISO 4217 code, upper case. Which codes are in use changes too often for a list of ours.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

/// A text that is no currency code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a currency: write its three-letter ISO 4217 code, such as USD or EUR")]
pub struct InvalidCurrency(String);

impl Currency {
    /// The three letters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("FromStr lets only ASCII letters in")
    }
}

impl FromStr for Currency {
    type Err = InvalidCurrency;

    /// Takes either case.
    fn from_str(text: &str) -> Result<Self, InvalidCurrency> {
        let letters: Option<[u8; 3]> = text.as_bytes().try_into().ok();
        let letters = letters.filter(|letters| letters.iter().all(u8::is_ascii_alphabetic));
        let letters = letters.ok_or_else(|| InvalidCurrency(text.chars().take(8).collect()))?;
        Ok(Self(letters.map(|b| b.to_ascii_uppercase())))
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Currency({self})")
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn amount(text: &str) -> Amount {
        text.parse().expect(text)
    }

    #[test]
    fn amounts_are_read_and_shown_exactly() {
        for (text, micros, shown) in [
            ("0.0079", 7_900, "0.0079"),
            ("0", 0, "0.00"),
            ("12.5", 12_500_000, "12.50"),
            ("007", 7_000_000, "7.00"),
            ("0.000001", 1, "0.000001"),
            ("999999.999999", 999_999_999_999, "999999.999999"),
        ] {
            assert_eq!(amount(text), Amount::from_micros(micros), "{text}");
            assert_eq!(amount(text).to_string(), shown);
        }
        assert_eq!(amount("0.0079").times(1_000_000), amount("7900"));
        assert_eq!([amount("0.1"), amount("0.2")].into_iter().sum::<Amount>(), amount("0.3"));
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in
            ["", ".", "1.", ".5", "-1", "+1", "1e3", "0,0079", "1.2.3", "1 000", "1234567", "0.0000001", "٣"]
        {
            assert!(text.parse::<Amount>().is_err(), "{text}");
        }
    }

    #[test]
    fn currencies_are_three_letters_in_either_case() {
        assert_eq!("usd".parse::<Currency>().expect("dollar").as_str(), "USD");
        for text in ["", "US", "USDT", "U5D", "€", "$"] {
            assert!(text.parse::<Currency>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn an_amount_reads_as_it_is_shown(micros in 0..1_000_000_000_000_u64) {
            let amount = Amount::from_micros(micros);
            prop_assert_eq!(amount.to_string().parse(), Ok(amount));
        }
    }
}
