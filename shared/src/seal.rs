//! Keys and what they protect: sealed bodies and credentials, keyed hashes of codes and API keys, signed tokens.
//!
//! Every working key is derived from one master key (HKDF-SHA-256, RFC 5869), so a code's pepper or a
//! body's key is never in the database. Whatever a key produced starts with that key's id; data under a
//! previous key stays readable as long as the key is listed.

mod keys;
mod mac;
mod signing;

use std::fmt;

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};

pub use self::keys::{
    InvalidMasterKey, MasterKey, SECRET_CHARACTERS, UnknownKey, fill_random, random_secret,
};
use self::keys::{KeyId, Keys};
pub use self::mac::Mac;
pub use self::signing::{PublicKey, Signing};

const NONCE_BYTES: usize = 24;

/// Why sealed data does not open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The operator must list the key.
    #[error("sealed data cannot be opened")]
    UnknownKey(#[from] UnknownKey),
    /// The data is lost: altered, cut short, or taken from another row.
    #[error("sealed data is damaged or belongs to another row")]
    Damaged,
}

/// All working keys, derived once.
pub struct Keyring {
    bodies: Sealer,
    credentials: Sealer,
    otp_pepper: Mac,
    api_keys: Mac,
    operators: Mac,
    links: Mac,
    people: Mac,
    resets: Mac,
    numbers: Sealer,
    tokens: Signing,
    backup_codes: Mac,
    devices: Mac,
    apps: Sealer,
}

impl Keyring {
    /// Derives the working keys; new data uses `current`, data made under `previous` stays readable.
    pub fn new(current: &MasterKey, previous: &[MasterKey]) -> Self {
        let masters: Vec<&MasterKey> = std::iter::once(current).chain(previous).collect();
        Self {
            bodies: Sealer::new(&masters, "smsgw body"),
            credentials: Sealer::new(&masters, "smsgw credentials"),
            otp_pepper: Mac::new(&masters, "smsgw otp pepper"),
            api_keys: Mac::new(&masters, "smsgw api key"),
            operators: Mac::new(&masters, "smsgw operator session"),
            links: Mac::new(&masters, "smsgw unsubscribe link"),
            people: Mac::new(&masters, "smsgw erased person"),
            resets: Mac::new(&masters, "smsgw password reset"),
            numbers: Sealer::new(&masters, "smsgw number to erase"),
            tokens: Signing::new(&masters, "smsgw token key"),
            backup_codes: Mac::new(&masters, "smsgw backup code"),
            devices: Mac::new(&masters, "smsgw remembered device"),
            apps: Sealer::new(&masters, "smsgw authenticator app"),
        }
    }

    /// Seals message bodies that carry a code.
    pub fn bodies(&self) -> &Sealer {
        &self.bodies
    }

    /// Seals providers' credentials.
    pub fn credentials(&self) -> &Sealer {
        &self.credentials
    }

    /// Hashes one-time codes.
    pub fn otp_pepper(&self) -> &Mac {
        &self.otp_pepper
    }

    /// Hashes our callers' API keys.
    pub fn api_keys(&self) -> &Mac {
        &self.api_keys
    }

    /// Hashes what signs operators in: their cookies and links.
    pub fn operators(&self) -> &Mac {
        &self.operators
    }

    /// Makes the tokens of unsubscribe links.
    pub fn links(&self) -> &Mac {
        &self.links
    }

    /// Recognises people whose number is not kept any more.
    pub fn people(&self) -> &Mac {
        &self.people
    }

    /// Hashes the tokens that are exchanged for a new password.
    pub fn resets(&self) -> &Mac {
        &self.resets
    }

    /// Seals the numbers of people until all is erased that is theirs.
    pub fn numbers(&self) -> &Sealer {
        &self.numbers
    }

    /// Signs what we tell others of verified numbers.
    pub fn tokens(&self) -> &Signing {
        &self.tokens
    }

    /// Hashes backup codes.
    pub fn backup_codes(&self) -> &Mac {
        &self.backup_codes
    }

    /// Makes the tokens of remembered devices.
    pub fn devices(&self) -> &Mac {
        &self.devices
    }

    /// Seals the secrets that authenticator apps share with us.
    pub fn apps(&self) -> &Sealer {
        &self.apps
    }
}

/// Shows nothing of the keys.
impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyring([REDACTED])")
    }
}

/// Encrypts data for one place and opens it there only: key id ‖ nonce ‖ XChaCha20-Poly1305 ciphertext.
pub struct Sealer(Keys<XChaCha20Poly1305>);

impl Sealer {
    fn new(masters: &[&MasterKey], label: &str) -> Self {
        Self(Keys::new(masters, label, |key| XChaCha20Poly1305::new(&key.into())))
    }

    /// Encrypts `plaintext`; it opens only with the same `place`, see [`place`].
    pub fn seal(&self, place: &[u8], plaintext: &[u8]) -> Vec<u8> {
        let (id, cipher) = self.0.current();
        let mut nonce = [0; NONCE_BYTES];
        fill_random(&mut nonce);
        let aad = bound(place, *id);
        let sealed = cipher
            .encrypt(&XNonce::from(nonce), Payload { msg: plaintext, aad: &aad })
            .expect("only a plaintext of 256 GiB is too long for the cipher");
        [&id.0, nonce.as_slice(), &sealed].concat()
    }

    /// Decrypts what [`Sealer::seal`] made for the same `place`.
    ///
    /// # Errors
    /// [`OpenError`] says whether a key is missing or the data is lost.
    pub fn open(&self, place: &[u8], blob: &[u8]) -> Result<SecretSlice<u8>, OpenError> {
        let (id, rest) = blob.split_first_chunk().ok_or(OpenError::Damaged)?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(OpenError::Damaged)?;
        let id = KeyId(*id);
        let aad = bound(place, id);
        let opened = self.0.find(id)?.decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: &aad });
        opened.map(SecretSlice::from).map_err(|_| OpenError::Damaged)
    }

    /// Whether what [`Sealer::seal`] made is under the key it uses now.
    pub fn is_current(&self, blob: &[u8]) -> bool {
        blob.starts_with(&self.0.current().0.0)
    }

    /// As [`Sealer::open`], for data that was text.
    ///
    /// # Errors
    /// As [`Sealer::open`]; bytes that are not UTF-8 count as damaged.
    pub fn open_text(&self, place: &[u8], blob: &[u8]) -> Result<SecretString, OpenError> {
        let opened = self.open(place, blob)?;
        let text = std::str::from_utf8(opened.expose_secret()).map_err(|_| OpenError::Damaged)?;
        Ok(text.into())
    }
}

/// Names the place sealed data belongs to, so that a blob copied to another row does not open there.
pub fn place(table: &str, row: impl AsRef<[u8]>) -> Vec<u8> {
    [table.as_bytes(), &[0], row.as_ref()].concat()
}

fn bound(place: &[u8], id: KeyId) -> Vec<u8> {
    [place, &id.0].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::prelude::{BASE64_STANDARD, Engine as _};
    use proptest::prelude::*;

    fn master(byte: u8) -> MasterKey {
        let text = BASE64_STANDARD.encode([byte; 32]);
        text.parse().expect("32 bytes")
    }

    fn keyring(current: u8, previous: &[u8]) -> Keyring {
        let previous: Vec<MasterKey> = previous.iter().map(|&byte| master(byte)).collect();
        Keyring::new(&master(current), &previous)
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|b| format!("{b:02x}")).collect()
    }

    // The figures are from another HKDF and HMAC, Python's.
    #[test]
    fn derived_keys_stay_the_same_from_release_to_release() {
        assert_eq!(master(7).id().to_string(), "549758dc");
        let tag = hex(&keyring(7, &[]).otp_pepper().tag(&[b"123456"]));
        assert_eq!(
            tag,
            "549758dc\
            ced5560828cc8da874aae8ccc65157c6bb63e3cdc7c58fe38afc91f3faa99195"
        );
    }

    #[test]
    fn each_purpose_has_its_own_key() {
        let keyring = keyring(1, &[]);
        let blob = keyring.bodies().seal(b"here", b"secret");
        assert_eq!(keyring.credentials().open(b"here", &blob).err(), Some(OpenError::Damaged));
        assert_ne!(keyring.otp_pepper().tag(&[b"x"]), keyring.api_keys().tag(&[b"x"]));
    }

    #[test]
    fn data_under_a_previous_key_opens_and_new_data_uses_the_current_one() {
        let (old, new) = (keyring(1, &[]), keyring(2, &[1]));
        let blob = old.bodies().seal(b"here", b"secret");
        let tag = old.api_keys().tag(&[b"key"]);
        assert_eq!(new.bodies().open_text(b"here", &blob).expect("known key").expose_secret(), "secret");
        assert!(old.bodies().is_current(&blob) && !new.bodies().is_current(&blob));
        assert!(!old.bodies().is_current(b"") && new.bodies().is_current(&new.bodies().seal(b"here", b"")));
        assert_eq!(new.api_keys().verify(&[b"key"], &tag), Ok(true));
        assert_eq!(new.api_keys().tags(&[b"key"]), [new.api_keys().tag(&[b"key"]), tag]);
        assert_eq!(
            keyring(2, &[]).bodies().open(b"here", &new.bodies().seal(b"here", b"x")).map(|_| ()),
            Ok(())
        );
    }

    /// As docs/operations.md changes it: processes of two steps that follow each other run at the same time.
    #[test]
    fn while_the_key_is_changed_each_process_opens_what_the_others_seal() {
        let steps = [keyring(1, &[]), keyring(1, &[2]), keyring(2, &[1])];
        for pair in steps.windows(2) {
            for (one, other) in [(&pair[0], &pair[1]), (&pair[1], &pair[0])] {
                let blob = one.bodies().seal(b"here", b"code");
                assert_eq!(other.bodies().open(b"here", &blob).map(|_| ()), Ok(()));
                let tag = one.api_keys().tag(&[b"key"]);
                assert_eq!(other.api_keys().verify(&[b"key"], &tag), Ok(true));
                assert!(other.api_keys().tags(&[b"key"]).contains(&tag), "it is found");
            }
        }
        let blob = steps[2].bodies().seal(b"here", b"code");
        assert!(steps[0].bodies().open(b"here", &blob).is_err(), "a step left out loses codes");
    }

    #[test]
    fn an_unknown_key_names_the_variable_that_cures_it() {
        let blob = keyring(1, &[]).bodies().seal(b"here", b"secret");
        let tag = keyring(1, &[]).api_keys().tag(&[b"key"]);
        let Err(OpenError::UnknownKey(error)) = keyring(2, &[]).bodies().open(b"here", &blob) else {
            panic!("the key is not configured");
        };
        assert!(error.to_string().contains("SMSGW_MASTER_KEY_PREVIOUS"));
        assert_eq!(keyring(2, &[]).api_keys().verify(&[b"key"], &tag), Err(error));
    }

    #[test]
    fn sealing_twice_gives_two_blobs() {
        let keyring = keyring(1, &[]);
        assert_ne!(keyring.bodies().seal(b"", b"same"), keyring.bodies().seal(b"", b"same"));
    }

    proptest! {
        #[test]
        fn what_was_sealed_opens_at_its_place_only(text in ".{0,200}", row in ".{0,9}", other in ".{0,9}") {
            let keyring = keyring(1, &[]);
            let blob = keyring.bodies().seal(&place("t", &row), text.as_bytes());
            let opened = keyring.bodies().open_text(&place("t", &row), &blob).expect("same place");
            prop_assert_eq!(opened.expose_secret(), &text);
            if other != row {
                let moved = keyring.bodies().open(&place("t", &other), &blob);
                prop_assert_eq!(moved.err(), Some(OpenError::Damaged));
            }
        }

        #[test]
        fn altered_or_cut_data_never_opens(at in 0..50_usize, bit in 0..8_u8, length in 0..50_usize) {
            let keyring = keyring(1, &[]);
            let blob = keyring.bodies().seal(b"here", b"secret");
            prop_assert_eq!(blob.len(), 50);
            let mut altered = blob.clone();
            altered[at] ^= 1 << bit;
            prop_assert!(keyring.bodies().open(b"here", &altered).is_err());
            prop_assert!(keyring.bodies().open(b"here", &blob[..length]).is_err());
        }
    }
}
