//! Backup codes: ten that a user writes down, each good for once.
//!
//! A code is 50 random bits in Crockford's base32, written `xxxxx-xxxxx`. It is stored as an HMAC bound to its user, and not
//! by a slow hash: those make up for what people choose, while these bits are random and the key is not in the database, so
//! that a stolen table gives nothing to guess at; and a slow hash of ten codes a try would be a lever against our processor.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};

use crate::seal::{Mac, fill_random};

/// How many a user has.
pub const BACKUP_CODES: usize = 10;

/// Crockford's: without i, l, o and u, which are misread or spell words.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Five bits each.
const CHARACTERS: usize = 10;
/// Longer than any way to write one.
const MOST_TYPED_BYTES: usize = 64;

/// A backup code in clear; neither `Debug` nor `Display` shows it.
#[derive(Clone)]
pub struct BackupCode(SecretString);

/// What was typed cannot be a backup code; never shows what was typed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a backup code has {CHARACTERS} letters and digits")]
pub struct InvalidBackupCode;

impl BackupCode {
    /// Makes a code of which every one is equally likely.
    pub fn generate() -> Self {
        let mut bytes = [0; CHARACTERS];
        fill_random(&mut bytes);
        // 32 divides 256, so no character comes up more often.
        let characters = bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
        Self(characters.collect::<String>().into())
    }

    /// A user's new codes.
    pub fn generate_all() -> [Self; BACKUP_CODES] {
        std::array::from_fn(|_| Self::generate())
    }

    /// Reads what a person typed: in any case, with any spaces and dashes, `O` for `0`, `I` and `L` for `1`.
    ///
    /// # Errors
    /// [`InvalidBackupCode`] unless that leaves ten characters of the alphabet.
    pub fn parse(typed: &str) -> Result<Self, InvalidBackupCode> {
        if typed.len() > MOST_TYPED_BYTES {
            return Err(InvalidBackupCode);
        }
        let kept =
            typed.chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '\u{2010}'..='\u{2015}'));
        let meant = kept.map(|c| match c.to_ascii_lowercase() {
            'o' => '0',
            'i' | 'l' => '1',
            other => other,
        });
        let known = |c: char| u8::try_from(c).is_ok_and(|byte| ALPHABET.contains(&byte));
        let code: String =
            meant.map(|c| known(c).then_some(c)).collect::<Option<_>>().ok_or(InvalidBackupCode)?;
        if code.len() == CHARACTERS { Ok(Self(code.into())) } else { Err(InvalidBackupCode) }
    }

    /// As it is shown, once: `xxxxx-xxxxx`.
    pub fn shown(&self) -> String {
        let (first, last) = self.0.expose_secret().split_at(CHARACTERS / 2);
        format!("{first}-{last}")
    }

    /// The only form it is stored in.
    pub fn mac(&self, codes: &Mac, user_id: &str) -> Vec<u8> {
        codes.tag(&self.parts(user_id))
    }

    /// What it may be stored as, under every configured key.
    pub fn macs(&self, codes: &Mac, user_id: &str) -> Vec<Vec<u8>> {
        codes.tags(&self.parts(user_id))
    }

    fn parts<'a>(&'a self, user_id: &'a str) -> [&'a [u8]; 2] {
        [user_id.as_bytes(), self.0.expose_secret().as_bytes()]
    }
}

impl fmt::Debug for BackupCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BackupCode([REDACTED])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::{Keyring, MasterKey};
    use proptest::prelude::*;

    fn typed(text: &str) -> Result<String, InvalidBackupCode> {
        BackupCode::parse(text).map(|code| code.shown())
    }

    #[test]
    fn codes_are_read_as_people_type_them() {
        for text in
            ["0a1bc-d2e3f", "0A1BCD2E3F", " oaibc d2e3f ", "OALBC\u{2013}D2E3F", "0a1bc-\u{a0}d2e3f\n"]
        {
            assert_eq!(typed(text).as_deref(), Ok("0a1bc-d2e3f"), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_code_is_refused() {
        for text in
            ["", "0a1bc-d2e3", "0a1bc-d2e3f0", "0a1bc-d2e3u", "0a1bc_d2e3f", "0a1bcéd2e3", &"0".repeat(65)]
        {
            assert_eq!(typed(text), Err(InvalidBackupCode), "{text:?}");
        }
    }

    #[test]
    fn a_code_is_known_by_its_user_alone() {
        let keyring = Keyring::new(&MasterKey::generate(), &[]);
        let (codes, code) = (keyring.backup_codes(), BackupCode::generate());
        assert_eq!(code.macs(codes, "ann"), [code.mac(codes, "ann")]);
        assert_ne!(code.mac(codes, "ann"), code.mac(codes, "ben"));
        assert_ne!(code.mac(codes, "ann"), BackupCode::generate().mac(codes, "ann"));
        assert!(!format!("{code:?}").contains(&code.shown()[..5]));
    }

    #[test]
    fn every_character_comes_up() {
        let all: String =
            (0..100).flat_map(|_| BackupCode::generate_all()).map(|code| code.shown()).collect();
        assert!(ALPHABET.iter().all(|&byte| all.contains(char::from(byte))));
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read_again(upper: bool) {
            let shown = BackupCode::generate().shown();
            prop_assert_eq!(shown.len(), 11);
            let text = if upper { shown.to_uppercase() } else { shown.replace('-', "") };
            prop_assert_eq!(typed(&text), Ok(shown));
        }

        #[test]
        fn no_text_makes_it_panic(text: String) {
            let _ = BackupCode::parse(&text);
        }
    }
}
