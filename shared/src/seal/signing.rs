//! Signatures that others check: ECDSA on P-256 with SHA-256, `ES256` of RFC 7518, which every JWT library knows.

use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use sha2::{Digest as _, Sha256};

use super::keys::{KEY_BYTES, KeyId, Keys, MasterKey};

/// Signs under the current master key's key; those of previous ones are still told, for what they signed.
pub struct Signing(Keys<SigningKey>);

/// What others need in order to check a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    /// Tells keys apart, as the signer does.
    pub id: String,
    /// The point's coordinates, big-endian.
    pub x: [u8; KEY_BYTES],
    /// See `x`.
    pub y: [u8; KEY_BYTES],
}

impl Signing {
    pub(super) fn new(masters: &[&MasterKey], label: &str) -> Self {
        Self(Keys::new(masters, label, signing_key))
    }

    /// The id of the key that signs.
    pub fn key_id(&self) -> String {
        self.0.current().0.to_string()
    }

    /// Signs `message`: r ‖ s (RFC 7518 §3.4).
    pub fn sign(&self, message: &[u8]) -> [u8; 2 * KEY_BYTES] {
        let (_, key) = self.0.current();
        let signature: Signature = key.sign(message);
        signature.to_bytes().into()
    }

    /// The keys whose signatures are to be believed, that of [`Signing::sign`] first.
    pub fn public_keys(&self) -> Vec<PublicKey> {
        self.0.all().map(|(id, key)| public_key(*id, key)).collect()
    }
}

/// The key that 32 random bytes stand for. One in four thousand million is no scalar of the curve; then its hash is taken.
fn signing_key(mut bytes: [u8; KEY_BYTES]) -> SigningKey {
    loop {
        if let Ok(key) = SigningKey::from_slice(&bytes) {
            return key;
        }
        bytes = Sha256::digest(bytes).into();
    }
}

fn public_key(id: KeyId, key: &SigningKey) -> PublicKey {
    let point = key.verifying_key().to_sec1_point(false);
    let [x, y] = [point.x(), point.y()].map(|coordinate| {
        let coordinate =
            coordinate.expect("a public key is not the point at infinity, and was asked for uncompressed");
        (*coordinate).into()
    });
    PublicKey { id: id.to_string(), x, y }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::prelude::{BASE64_STANDARD, Engine as _};

    fn master(byte: u8) -> MasterKey {
        BASE64_STANDARD.encode([byte; KEY_BYTES]).parse().expect("32 bytes")
    }

    #[test]
    fn a_number_that_is_no_scalar_of_the_curve_makes_a_key_too() {
        for bytes in [[0; KEY_BYTES], [0xff; KEY_BYTES]] {
            assert!(SigningKey::from_slice(&bytes).is_err());
            signing_key(bytes);
        }
    }

    #[test]
    fn the_current_key_signs_and_all_are_told() {
        let (old, new) = (master(1), master(2));
        let before = Signing::new(&[&old], "a test");
        let after = Signing::new(&[&new, &old], "a test");
        let told = after.public_keys();
        assert_eq!(told.len(), 2);
        assert_eq!(told[0].id, after.key_id());
        assert_eq!(told[1], before.public_keys()[0]);
        assert_ne!(before.sign(b"m"), after.sign(b"m"));
        assert_ne!(Signing::new(&[&old], "another").public_keys()[0].x, told[1].x);
    }
}
