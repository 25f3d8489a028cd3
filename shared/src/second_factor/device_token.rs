//! Tokens of remembered devices: which device, which of its tokens, until when, all under an HMAC that also binds the user.
//!
//! A token that is not ours, of another user or expired is told without asking the database, in constant time. Whether it is
//! the device's newest one, only the database knows.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use uuid::Uuid;

use crate::ids::DeviceId;
use crate::seal::Mac;

const ID_BYTES: usize = 16;
const GENERATION_BYTES: usize = 4;
const EXPIRY_BYTES: usize = 8;
const BODY_BYTES: usize = ID_BYTES + GENERATION_BYTES + EXPIRY_BYTES;
/// More than any token of ours has.
const MOST_CHARACTERS: usize = 128;

/// What a device holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceToken {
    /// Which device.
    pub device: DeviceId,
    /// Which of its tokens: each use makes the next one.
    pub generation: i32,
    /// After this it is worth nothing; to the second.
    pub expires_at: DateTime<Utc>,
}

impl DeviceToken {
    /// Signs it for `user_id`.
    pub fn sign(&self, devices: &Mac, user_id: &str) -> SecretString {
        let body = self.body();
        let tag = devices.tag(&[user_id.as_bytes(), &body]);
        BASE64_URL_SAFE_NO_PAD.encode([&body[..], &tag].concat()).into()
    }

    /// Reads a token that was signed for `user_id` under any configured key; `None` for whatever is not one.
    pub fn read(devices: &Mac, user_id: &str, text: &str) -> Option<Self> {
        if text.len() > MOST_CHARACTERS {
            return None;
        }
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        let (body, tag) = bytes.split_first_chunk::<BODY_BYTES>()?;
        // Under a key that is gone it cannot be told from somebody's own.
        let is_ours = devices.verify(&[user_id.as_bytes(), body], tag).unwrap_or(false);
        if is_ours { Self::parse(body) } else { None }
    }

    fn body(&self) -> [u8; BODY_BYTES] {
        let mut body = [0; BODY_BYTES];
        let (device, rest) = body.split_at_mut(ID_BYTES);
        let (generation, expiry) = rest.split_at_mut(GENERATION_BYTES);
        device.copy_from_slice(self.device.0.as_bytes());
        generation.copy_from_slice(&self.generation.to_be_bytes());
        expiry.copy_from_slice(&self.expires_at.timestamp().to_be_bytes());
        body
    }

    fn parse(body: &[u8; BODY_BYTES]) -> Option<Self> {
        let (device, rest) = body.split_first_chunk::<ID_BYTES>()?;
        let (generation, rest) = rest.split_first_chunk::<GENERATION_BYTES>()?;
        let (expiry, _) = rest.split_first_chunk::<EXPIRY_BYTES>()?;
        Some(Self {
            device: DeviceId(Uuid::from_bytes(*device)),
            generation: i32::from_be_bytes(*generation),
            expires_at: DateTime::from_timestamp(i64::from_be_bytes(*expiry), 0)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::{Keyring, MasterKey};
    use proptest::prelude::*;
    use secrecy::ExposeSecret as _;

    fn keyring() -> Keyring {
        Keyring::new(&MasterKey::generate(), &[])
    }

    fn a_token() -> DeviceToken {
        let expires_at = DateTime::from_timestamp(2_000_000_000, 0).expect("a time");
        DeviceToken { device: DeviceId::random(), generation: 7, expires_at }
    }

    #[test]
    fn a_token_is_read_for_its_user_alone() {
        let (keyring, token) = (keyring(), a_token());
        let text = token.sign(keyring.devices(), "ann");
        let read = |user: &str, text: &str| DeviceToken::read(keyring.devices(), user, text);
        assert_eq!(read("ann", text.expose_secret()), Some(token));
        assert_eq!(read("ben", text.expose_secret()), None);
        assert_eq!(read("", text.expose_secret()), None);
        for other in ["", "AAAA", "é", &format!("{}A", text.expose_secret()), &"A".repeat(1000)] {
            assert_eq!(read("ann", other), None, "{other}");
        }
    }

    #[test]
    fn tokens_of_a_previous_key_are_read_and_those_of_another_are_not() {
        let (old, new) = (MasterKey::generate(), MasterKey::generate());
        let text = a_token().sign(Keyring::new(&old, &[]).devices(), "ann");
        let read = |keyring: &Keyring| DeviceToken::read(keyring.devices(), "ann", text.expose_secret());
        assert!(read(&Keyring::new(&new, &[old])).is_some());
        assert!(read(&Keyring::new(&new, &[])).is_none());
    }

    proptest! {
        #[test]
        fn an_altered_token_is_none(at in 0..64_usize, bit in 0..8_u8) {
            let keyring = keyring();
            let text = a_token().sign(keyring.devices(), "ann");
            let mut bytes = BASE64_URL_SAFE_NO_PAD.decode(text.expose_secret()).expect("just written");
            prop_assert_eq!(bytes.len(), 64);
            bytes[at] ^= 1 << bit;
            let altered = BASE64_URL_SAFE_NO_PAD.encode(bytes);
            prop_assert_eq!(DeviceToken::read(keyring.devices(), "ann", &altered), None);
        }

        #[test]
        fn no_text_makes_it_panic(text: String) {
            prop_assert_eq!(DeviceToken::read(keyring().devices(), "ann", &text), None);
        }
    }
}
