//! One-time codes: made evenly at random, read as people type them, stored only as a keyed hash.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};

use crate::ids::SessionId;
use crate::phone::PhoneNumber;
use crate::seal::{Mac, UnknownKey, fill_random};
use crate::text::decimal_digit;

/// How many digits a code has: 4 to 10.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeLength(u8);

/// A length no code may have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a code has 4 to 10 digits, not {0}")]
pub struct InvalidCodeLength(u8);

impl CodeLength {
    /// The usual length.
    pub const SIX: Self = Self(6);

    /// Of codes that are guessed at by the thousand.
    pub const EIGHT: Self = Self(8);

    /// The number of digits.
    pub const fn get(self) -> usize {
        self.0 as usize
    }

    /// The longer of two.
    pub fn max(self, other: Self) -> Self {
        Self(self.0.max(other.0))
    }
}

impl From<CodeLength> for i16 {
    fn from(length: CodeLength) -> Self {
        length.0.into()
    }
}

impl TryFrom<u8> for CodeLength {
    type Error = InvalidCodeLength;

    fn try_from(digits: u8) -> Result<Self, InvalidCodeLength> {
        (4..=10).contains(&digits).then_some(Self(digits)).ok_or(InvalidCodeLength(digits))
    }
}

/// A one-time code in clear; neither `Debug` nor `Display` shows it.
#[derive(Clone)]
pub struct OtpCode(SecretString);

/// What was typed cannot be a code; never shows what was typed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a code has 4 to 10 digits and nothing else")]
pub struct InvalidOtpCode;

/// What a code was made for: it is right there and nowhere else.
#[derive(Clone, Copy, Debug)]
pub struct Challenge<'a> {
    /// The session that asked.
    pub session: SessionId,
    /// The phone it is sent to.
    pub phone: &'a PhoneNumber,
    /// What it lets its holder do, such as `login`.
    pub purpose: &'a str,
}

impl OtpCode {
    /// Makes a code of which every one, leading zeros included, is equally likely.
    pub fn generate(length: CodeLength) -> Self {
        Self(random_digits(length.get(), fill_random).into())
    }

    /// Reads what a person typed or pasted: digits of any script, with spaces and dashes between them.
    ///
    /// # Errors
    /// [`InvalidOtpCode`] unless that leaves 4 to 10 digits; how many are right is the session's business.
    pub fn parse(typed: &str) -> Result<Self, InvalidOtpCode> {
        if typed.len() > 64 {
            return Err(InvalidOtpCode);
        }
        let kept =
            typed.trim().chars().filter(|c| !matches!(c, ' ' | '-' | '\u{a0}' | '\u{2010}'..='\u{2015}'));
        match kept.map(decimal_digit).collect::<Option<String>>() {
            Some(digits) if (4..=10).contains(&digits.len()) => Ok(Self(digits.into())),
            Some(_) | None => Err(InvalidOtpCode),
        }
    }

    /// How many digits it has.
    pub fn length(&self) -> usize {
        self.expose().len()
    }

    /// The digits, for the line that puts them into the text or hands them to a provider.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// The only form a code is stored in.
    pub fn mac(&self, pepper: &Mac, challenge: Challenge<'_>) -> Vec<u8> {
        pepper.tag(&self.parts(&challenge))
    }

    /// Whether this is the code whose [`OtpCode::mac`] was stored for `challenge`; in constant time.
    ///
    /// # Errors
    /// [`UnknownKey`] if the key it was hashed with is not configured.
    pub fn verify(&self, pepper: &Mac, challenge: Challenge<'_>, stored: &[u8]) -> Result<bool, UnknownKey> {
        pepper.verify(&self.parts(&challenge), stored)
    }

    fn parts<'a>(&'a self, challenge: &'a Challenge<'_>) -> [&'a [u8]; 4] {
        [
            challenge.session.0.as_bytes(),
            challenge.phone.as_str().as_bytes(),
            challenge.purpose.as_bytes(),
            self.expose().as_bytes(),
        ]
    }
}

impl fmt::Debug for OtpCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OtpCode([REDACTED])")
    }
}

/// Draws `count` digits; bytes from 250 up are thrown away, else 0 to 5 would come up more often.
fn random_digits(count: usize, mut fill: impl FnMut(&mut [u8])) -> String {
    let mut digits = String::with_capacity(count);
    while digits.len() < count {
        let mut bytes = [0; 16];
        fill(&mut bytes);
        let fair = bytes.iter().filter(|&&byte| byte < 250);
        let drawn = fair.map(|byte| char::from(b'0' + byte % 10));
        digits.extend(drawn.take(count - digits.len()));
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::{Keyring, MasterKey};
    use proptest::prelude::*;

    fn keyring() -> Keyring {
        Keyring::new(&MasterKey::generate(), &[])
    }

    fn phone(text: &str) -> PhoneNumber {
        PhoneNumber::parse(text, None).expect("valid")
    }

    fn typed(text: &str) -> Result<String, InvalidOtpCode> {
        OtpCode::parse(text).map(|code| code.expose().to_owned())
    }

    #[test]
    fn codes_are_read_as_people_type_them() {
        for text in
            ["012345", " 012345 ", "012 345", "012-345", "٠١٢٣٤٥", "०१२३४५", "０１２３４５", "012345\n"]
        {
            assert_eq!(typed(text).as_deref(), Ok("012345"), "{text:?}");
        }
    }

    #[test]
    fn anything_but_4_to_10_digits_is_refused() {
        for text in [
            "",
            "123",
            "12345678901",
            "12345a",
            "12345.6",
            "+12345",
            "½23456",
            &"1".repeat(1000),
            &" ".repeat(99),
        ] {
            assert_eq!(typed(text), Err(InvalidOtpCode), "{text:?}");
        }
    }

    #[test]
    fn a_code_has_4_to_10_digits() {
        let accepted: Vec<u8> = (0..=255).filter(|&n| CodeLength::try_from(n).is_ok()).collect();
        assert_eq!(accepted, [4, 5, 6, 7, 8, 9, 10]);
    }

    #[test]
    fn a_code_is_right_only_for_the_challenge_it_was_made_for() {
        let (keyring, to, other) = (keyring(), phone("+41790000001"), phone("+41790000002"));
        let pepper = keyring.otp_pepper();
        let code = OtpCode::generate(CodeLength::SIX);
        let asked = Challenge { session: SessionId::random(), phone: &to, purpose: "login" };
        let stored = code.mac(pepper, asked);
        assert_eq!(code.verify(pepper, asked, &stored), Ok(true));
        for elsewhere in [
            Challenge { session: SessionId::random(), ..asked },
            Challenge { phone: &other, ..asked },
            Challenge { purpose: "reset", ..asked },
        ] {
            assert_eq!(code.verify(pepper, elsewhere, &stored), Ok(false), "{elsewhere:?}");
        }
    }

    #[test]
    fn a_code_does_not_show_in_debug_output() {
        let code = OtpCode::parse("123456").expect("six digits");
        assert_eq!(format!("{code:?}"), "OtpCode([REDACTED])");
    }

    #[test]
    fn bytes_that_would_favour_low_digits_are_drawn_again() {
        let mut draws = [[255; 16], [250; 16], [249; 16], [17; 16]].into_iter();
        let digits =
            random_digits(20, |bytes| bytes.copy_from_slice(&draws.next().expect("four draws suffice")));
        assert_eq!(digits, "99999999999999997777");
    }

    /// Chi-square per position over a million digits each. With 9 degrees of freedom an even source
    /// exceeds 54 in about one of 50 million positions.
    #[test]
    fn every_digit_is_equally_likely_at_every_position() {
        const CODES: u32 = 1_000_000;
        let mut counts = [[0_u32; 10]; 6];
        for _ in 0..CODES {
            let code = OtpCode::generate(CodeLength::SIX);
            for (position, digit) in code.expose().bytes().enumerate() {
                counts[position][usize::from(digit - b'0')] += 1;
            }
        }
        let expected = f64::from(CODES) / 10.0;
        for (position, counts) in counts.iter().enumerate() {
            let chi_square: f64 = counts.iter().map(|&n| (f64::from(n) - expected).powi(2) / expected).sum();
            assert!(chi_square < 54.0, "position {position}: {chi_square}, {counts:?}");
        }
    }

    proptest! {
        #[test]
        fn a_generated_code_parses_to_itself_and_verifies(length in 4..=10_u8) {
            let length = CodeLength::try_from(length).expect("in range");
            let code = OtpCode::generate(length);
            let read = OtpCode::parse(code.expose()).expect("just made");
            prop_assert_eq!(read.expose(), code.expose());
        }

        #[test]
        fn another_code_is_wrong(right in "[0-9]{6}", wrong in "[0-9]{6}") {
            let (keyring, to) = (keyring(), phone("+41790000001"));
            let asked = Challenge { session: SessionId::random(), phone: &to, purpose: "login" };
            let code = |text: &str| OtpCode::parse(text).expect("six digits");
            let stored = code(&right).mac(keyring.otp_pepper(), asked);
            let verdict = code(&wrong).verify(keyring.otp_pepper(), asked, &stored);
            prop_assert_eq!(verdict, Ok(right == wrong));
        }
    }
}
