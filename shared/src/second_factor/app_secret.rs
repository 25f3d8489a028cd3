//! Authenticator apps (TOTP, RFC 6238) as all of them know it: SHA-1, six digits, thirty seconds.

use std::fmt;

use chrono::{DateTime, Utc};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret as _, SecretBox};
use totp_rs::{Algorithm, Builder, Secret, Totp};

use crate::otp_code::OtpCode;
use crate::seal::fill_random;

/// Digits of a code.
pub const APP_CODE_DIGITS: u8 = 6;
/// How long a code is shown.
const STEP_SECONDS: u64 = 30;
/// A code is right for so many steps before and after its own: clocks differ, and people type.
const SKEW_STEPS: u16 = 1;
/// As long as the hash, as RFC 4226 §4 recommends.
const SECRET_BYTES: usize = 20;
/// RFC 4648 §6.
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// What an app and the gateway make codes of; `Debug` does not show it.
pub struct AppSecret(SecretBox<[u8; SECRET_BYTES]>);

impl AppSecret {
    /// Makes a new one.
    pub fn generate() -> Self {
        Self(SecretBox::init_with_mut(|bytes: &mut [u8; SECRET_BYTES]| fill_random(bytes)))
    }

    /// One that was stored; `None` if it is as long as none of ours.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.try_into().ok()?;
        Some(Self(SecretBox::new(Box::new(bytes))))
    }

    /// The bytes, for the line that seals them.
    pub fn expose(&self) -> &[u8] {
        self.0.expose_secret()
    }

    /// As people type it who cannot scan: base32 without padding.
    pub fn base32(&self) -> String {
        base32(self.expose())
    }

    /// As an app reads it from a picture, with what it calls the account.
    pub fn otpauth_url(&self, issuer: &str, account: &str) -> String {
        let [issuer, account] =
            [issuer, account].map(|text| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string());
        format!(
            "otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}&algorithm=SHA1&digits={APP_CODE_DIGITS}\
             &period={STEP_SECONDS}",
            self.base32()
        )
    }

    /// The step whose code this is, if it is right `now`, which is the database's time; in constant time for each step.
    pub fn step_of(&self, code: &OtpCode, now: DateTime<Utc>) -> Option<i64> {
        let now = u64::try_from(now.timestamp()).ok()?;
        let step = self.totp().check(code.expose(), now)?;
        i64::try_from(step).ok()
    }

    fn totp(&self) -> Totp {
        Builder::new()
            .with_algorithm(Algorithm::SHA1)
            .with_digits(APP_CODE_DIGITS)
            .with_skew(SKEW_STEPS)
            .with_step_duration(STEP_SECONDS)
            .with_secret(Secret::from(*self.0.expose_secret()))
            .build()
            .expect("a secret of 20 bytes is long enough")
    }
}

impl fmt::Debug for AppSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AppSecret([REDACTED])")
    }
}

fn base32(bytes: &[u8]) -> String {
    let bits = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1));
    let bits: Vec<u8> = bits.collect();
    let five =
        |bits: &[u8]| bits.iter().chain(&[0; 4]).take(5).fold(0, |value, bit| value << 1 | usize::from(*bit));
    bits.chunks(5).map(|bits| char::from(BASE32[five(bits)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of RFC 6238, appendix B, whose codes have eight digits: the last six are those of six.
    const SECRET: &[u8] = b"12345678901234567890";
    const VECTORS: [(i64, &str); 6] = [
        (59, "287082"),
        (1_111_111_109, "081804"),
        (1_111_111_111, "050471"),
        (1_234_567_890, "005924"),
        (2_000_000_000, "279037"),
        (20_000_000_000, "353130"),
    ];

    fn secret() -> AppSecret {
        AppSecret::from_bytes(SECRET).expect("20 bytes")
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).expect("a time")
    }

    fn step(code: &str, seconds: i64) -> Option<i64> {
        secret().step_of(&OtpCode::parse(code).expect("digits"), at(seconds))
    }

    #[test]
    fn codes_are_those_of_the_rfc() {
        for (seconds, code) in VECTORS {
            assert_eq!(step(code, seconds), Some(seconds / 30), "{code}");
        }
    }

    #[test]
    fn a_code_is_right_in_its_step_and_the_two_beside_it() {
        let (seconds, code) = VECTORS[3];
        let begin = seconds / 30 * 30;
        for (offset, right) in [(-31, false), (-30, true), (-1, true), (0, true), (59, true), (60, false)] {
            let expected = right.then_some(seconds / 30);
            assert_eq!(step(code, begin + offset), expected, "{offset}");
        }
        for other in ["005925", "5924", "0059240", "00592400"] {
            assert_eq!(step(other, seconds), None, "{other}");
        }
    }

    #[test]
    fn secrets_are_written_as_rfc_4648_has_it() {
        for (bytes, text) in
            [("", ""), ("f", "MY"), ("fo", "MZXQ"), ("foob", "MZXW6YQ"), ("foobar", "MZXW6YTBOI")]
        {
            assert_eq!(base32(bytes.as_bytes()), text);
        }
        let secret = AppSecret::generate();
        assert_eq!(secret.base32().len(), 32);
        assert_ne!(secret.base32(), AppSecret::generate().base32());
        assert!(!format!("{secret:?}").contains(&secret.base32()));
    }

    #[test]
    fn an_address_names_the_account_safely() {
        let url = secret().otpauth_url("id.example", "ann & co?");
        assert_eq!(
            url,
            "otpauth://totp/id%2Eexample:ann%20%26%20co%3F?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=id%2Eexample\
             &algorithm=SHA1&digits=6&period=30"
        );
    }
}
