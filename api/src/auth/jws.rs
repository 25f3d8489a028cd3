//! The signature of a token (RFC 7515, compact): one key, one algorithm.
//!
//! The key decides how it is used; what the token says of its algorithm is only compared with that. So there is no
//! `none`, and no public key is ever taken for a secret (RFC 8725 §3.1). The arithmetic is ring's.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use ring::{error::Unspecified, hmac};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

/// How a token is signed (RFC 7518 §3.1, RFC 8037 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(super) enum Algorithm {
    /// HMAC with SHA-256.
    #[serde(rename = "HS256")]
    Hs256,
    /// RSA PKCS #1 v1.5 with SHA-256.
    #[serde(rename = "RS256")]
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    #[serde(rename = "ES256")]
    Es256,
    /// Ed25519.
    #[serde(rename = "EdDSA", alias = "Ed25519")]
    EdDsa,
}

/// What signatures are checked with.
pub(super) enum Key {
    /// A secret that the signer has too.
    Secret(hmac::Key),
    /// Modulus and exponent.
    Rsa(RsaPublicKeyComponents<Vec<u8>>),
    /// A point on P-256, not compressed.
    P256(UnparsedPublicKey<Vec<u8>>),
    /// A point on edwards25519.
    Ed25519(UnparsedPublicKey<Vec<u8>>),
}

impl Key {
    /// The key of HS256.
    pub(super) fn secret(bytes: &[u8]) -> Self {
        Self::Secret(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// Modulus and exponent, big-endian.
    pub(super) fn rsa(n: Vec<u8>, e: Vec<u8>) -> Self {
        Self::Rsa(RsaPublicKeyComponents { n, e })
    }

    /// The coordinates of a point on P-256, 32 bytes each.
    pub(super) fn p256(x: &[u8], y: &[u8]) -> Self {
        Self::P256(UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, [&[4], x, y].concat()))
    }

    /// A public key of Ed25519, 32 bytes.
    pub(super) fn ed25519(x: Vec<u8>) -> Self {
        Self::Ed25519(UnparsedPublicKey::new(&ED25519, x))
    }

    /// The one algorithm this key is for.
    pub(super) const fn algorithm(&self) -> Algorithm {
        match self {
            Self::Secret(_) => Algorithm::Hs256,
            Self::Rsa(_) => Algorithm::Rs256,
            Self::P256(_) => Algorithm::Es256,
            Self::Ed25519(_) => Algorithm::EdDsa,
        }
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), Unspecified> {
        match self {
            Self::Secret(key) => hmac::verify(key, message, signature),
            Self::Rsa(key) => key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature),
            Self::P256(key) | Self::Ed25519(key) => key.verify(message, signature),
        }
    }
}

/// A token taken apart; nothing in it is believed before [`Token::claims`].
pub(super) struct Token<'a> {
    header: Header,
    signed: &'a str,
    signature: Vec<u8>,
}

#[derive(Deserialize)]
struct Header {
    alg: Algorithm,
    kid: Option<String>,
    /// Extensions that must be understood (RFC 7515 §4.1.11); we know none.
    crit: Option<IgnoredAny>,
}

impl<'a> Token<'a> {
    /// Takes a token apart; `None` if it is none, or of an algorithm that is not ours.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let (signed, signature) = text.rsplit_once('.')?;
        let (header, _) = signed.split_once('.')?;
        let header: Header = object(header)?;
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).ok()?;
        header.crit.is_none().then_some(Self { header, signed, signature })
    }

    /// How it says it is signed.
    pub(super) const fn algorithm(&self) -> Algorithm {
        self.header.alg
    }

    /// Which key it says to be signed with.
    pub(super) fn key_id(&self) -> Option<&str> {
        self.header.kid.as_deref()
    }

    /// Whether it is signed with `key`, by the key's own algorithm.
    pub(super) fn is_signed_with(&self, key: &Key) -> bool {
        key.algorithm() == self.header.alg && key.verify(self.signed.as_bytes(), &self.signature).is_ok()
    }

    /// What it says. To be asked of a token whose signature was found good.
    pub(super) fn claims<T: DeserializeOwned>(&self) -> Option<T> {
        object(self.signed.split_once('.')?.1)
    }
}

/// An object in base64url, as header and claims are written.
fn object<T: DeserializeOwned>(encoded: &str) -> Option<T> {
    let json = BASE64_URL_SAFE_NO_PAD.decode(encoded).ok()?;
    // serde would take an array for a struct, field by field.
    if json.trim_ascii_start().starts_with(b"{") { serde_json::from_slice(&json).ok() } else { None }
}

#[cfg(test)]
mod tests;
