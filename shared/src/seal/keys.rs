//! The master key and what is derived from it.

use std::fmt;
use std::str::FromStr;

use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine as _};
use hkdf::Hkdf;
use secrecy::{ExposeSecret as _, SecretBox, SecretSlice, SecretString};
use sha2::Sha256;

/// Length of the master key and of every key derived from it.
pub(super) const KEY_BYTES: usize = 32;
const ID_BYTES: usize = 4;

/// The secret all working keys come from: 32 random bytes, written in base64.
#[derive(Debug)]
pub struct MasterKey(SecretBox<[u8; KEY_BYTES]>);

/// Why a text is no master key; never shows the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMasterKey {
    /// Not base64 at all.
    #[error("not base64: make a key with `openssl rand -base64 32`")]
    NotBase64,
    /// Too weak or not a key.
    #[error("{bytes} bytes long instead of {KEY_BYTES}: make a key with `openssl rand -base64 32`")]
    WrongLength {
        /// Bytes it decodes to.
        bytes: usize,
    },
}

impl FromStr for MasterKey {
    type Err = InvalidMasterKey;

    /// Reads base64 of 32 bytes; white space around it is ignored.
    fn from_str(text: &str) -> Result<Self, InvalidMasterKey> {
        let bytes: SecretSlice<u8> = match BASE64_STANDARD.decode(text.trim()) {
            Ok(bytes) => bytes.into(),
            Err(_) => return Err(InvalidMasterKey::NotBase64),
        };
        let bytes = bytes.expose_secret();
        match <[u8; KEY_BYTES]>::try_from(bytes) {
            Ok(key) => Ok(Self(SecretBox::new(Box::new(key)))),
            Err(_) => Err(InvalidMasterKey::WrongLength { bytes: bytes.len() }),
        }
    }
}

impl MasterKey {
    /// Makes a new key.
    pub fn generate() -> Self {
        Self(SecretBox::init_with_mut(|key: &mut [u8; KEY_BYTES]| {
            fill_random(key);
        }))
    }

    /// The key as text, to be kept outside the database.
    pub fn to_base64(&self) -> SecretString {
        BASE64_STANDARD.encode(self.0.expose_secret()).into()
    }

    fn derive<const N: usize>(&self, label: &str) -> [u8; N] {
        let mut key = [0; N];
        Hkdf::<Sha256>::new(None, self.0.expose_secret())
            .expand(label.as_bytes(), &mut key)
            .expect("32 bytes are far below HKDF's limit of 255 blocks");
        key
    }

    pub(super) fn id(&self) -> KeyId {
        KeyId(self.derive("smsgw key id"))
    }
}

/// Tells keys apart; says nothing about the key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct KeyId(pub(super) [u8; ID_BYTES]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", u32::from_be_bytes(self.0))
    }
}

/// The data was made with a master key that is not configured.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("made with master key {0}, which is not configured: add that key to SMSGW_MASTER_KEY_PREVIOUS")]
pub struct UnknownKey(String);

/// A set of keys of one purpose, by id; the first is the current one.
pub(super) struct Keys<K>(Vec<(KeyId, K)>);

impl<K> Keys<K> {
    pub(super) fn new(masters: &[&MasterKey], label: &str, working_key: fn([u8; KEY_BYTES]) -> K) -> Self {
        let derived = masters.iter().map(|master| (master.id(), working_key(master.derive(label))));
        Self(derived.collect())
    }

    pub(super) fn current(&self) -> &(KeyId, K) {
        self.0.first().expect("a keyring is made with a current key")
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &(KeyId, K)> {
        self.0.iter()
    }

    pub(super) fn find(&self, id: KeyId) -> Result<&K, UnknownKey> {
        let found = self.0.iter().find(|(known, _)| *known == id);
        found.map(|(_, key)| key).ok_or_else(|| UnknownKey(id.to_string()))
    }
}

/// Fills `bytes` from the operating system's random source.
///
/// # Panics
/// If that source fails, which no caller could answer in a safe way.
pub fn fill_random(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("the operating system has a random source");
}

/// Characters of a [`random_secret`]: base64 for addresses, without padding.
pub const SECRET_CHARACTERS: usize = (KEY_BYTES * 4).div_ceil(3);

/// Makes a secret that nobody guesses, for an address, a cookie or a header.
pub fn random_secret() -> SecretString {
    let mut secret = [0; KEY_BYTES];
    fill_random(&mut secret);
    BASE64_URL_SAFE_NO_PAD.encode(secret).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_master_key_survives_being_written_and_read() {
        let key = MasterKey::generate();
        let text = key.to_base64();
        let read: MasterKey = format!(" {}\n", text.expose_secret()).parse().expect("just written");
        assert_eq!(read.0.expose_secret(), key.0.expose_secret());
        assert_ne!(MasterKey::generate().0.expose_secret(), key.0.expose_secret());
    }

    #[test]
    fn a_bad_master_key_is_refused_without_showing_it() {
        let refused = |text: &str| text.parse::<MasterKey>().expect_err(text);
        assert_eq!(refused("not/a*key"), InvalidMasterKey::NotBase64);
        assert_eq!(refused(""), InvalidMasterKey::WrongLength { bytes: 0 });
        assert_eq!(refused("c2hvcnQ="), InvalidMasterKey::WrongLength { bytes: 5 });
        assert!(!refused("not/a*key").to_string().contains("not/a*key"));
    }
}
