//! Keyed hashes, for what we must recognise and never need to read.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use super::keys::{KeyId, Keys, MasterKey, UnknownKey};

/// Keyed hashes (HMAC-SHA-256): key id ‖ 32 bytes.
pub struct Mac(Keys<Hmac<Sha256>>);

impl Mac {
    pub(super) fn new(masters: &[&MasterKey], label: &str) -> Self {
        Self(Keys::new(masters, label, |key| {
            Hmac::new_from_slice(&key).expect("HMAC takes keys of any length")
        }))
    }

    /// Hashes `parts` under the current key; where one part ends and the next begins counts too.
    pub fn tag(&self, parts: &[&[u8]]) -> Vec<u8> {
        let (id, key) = self.0.current();
        tagged(*id, key, parts)
    }

    /// The tags `parts` have under every configured key, the current first: for finding a row by its tag.
    pub fn tags(&self, parts: &[&[u8]]) -> Vec<Vec<u8>> {
        self.0.all().map(|(id, key)| tagged(*id, key, parts)).collect()
    }

    /// Whether `tag` was made of these `parts`, in constant time; a tag cut short was not.
    ///
    /// # Errors
    /// [`UnknownKey`] if the key it was made with is not configured.
    pub fn verify(&self, parts: &[&[u8]], tag: &[u8]) -> Result<bool, UnknownKey> {
        let Some((id, _)) = tag.split_first_chunk() else {
            return Ok(false);
        };
        let id = KeyId(*id);
        let expected = tagged(id, self.0.find(id)?, parts);
        Ok(expected.ct_eq(tag).into())
    }
}

fn tagged(id: KeyId, key: &Hmac<Sha256>, parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = key.clone();
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    [id.0.as_slice(), &mac.finalize().into_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mac() -> Mac {
        Mac::new(&[&MasterKey::generate()], "a test")
    }

    #[test]
    fn where_one_part_ends_counts() {
        let mac = mac();
        let tag = mac.tag(&[b"ab", b"c"]);
        assert_eq!(mac.verify(&[b"a", b"bc"], &tag), Ok(false));
        assert_eq!(mac.verify(&[b"abc"], &tag), Ok(false));
        assert_eq!(mac.verify(&[b"ab", b"c"], &tag[..35]), Ok(false));
        assert_eq!(mac.verify(&[b"ab", b"c"], b""), Ok(false));
    }

    proptest! {
        #[test]
        fn an_altered_tag_never_verifies(at in 0..36_usize, bit in 0..8_u8) {
            let mac = mac();
            let mut tag = mac.tag(&[b"code"]);
            tag[at] ^= 1 << bit;
            prop_assert!(mac.verify(&[b"code"], &tag) != Ok(true));
        }
    }
}
