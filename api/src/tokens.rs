//! Verification tokens: a right code, told in a form that a third party can check by itself.
//!
//! A JWT (RFC 7519), signed with ES256 under a key derived from the master key. It tells what was so at one moment, so it
//! lives five minutes and cannot be renewed or taken back; whoever checks it exchanges it for a session of their own.

use std::sync::Arc;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use chrono::{DateTime, Utc};
use serde::Serialize;
use shared::ids::SessionId;
use shared::provider::http::BaseUrl;
use shared::seal::{Keyring, PublicKey};
use shared::second_factor::Proof;
use uuid::Uuid;

/// Seconds for which a token is good.
pub(crate) const LIFETIME_SECONDS: i64 = 300;
/// The issuer, unless the gateway has a public URL.
const ISSUER: &str = "smsgw";
const ALGORITHM: &str = "ES256";

/// Makes tokens, and tells what is needed to check them.
#[derive(Debug)]
pub(crate) struct Tokens {
    issuer: String,
    keyring: Arc<Keyring>,
}

/// What a right code has shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Verification<'a> {
    /// Whose number it is, as far as a server or a token of the user's own said so. A browser that may name any user
    /// proves none: then `None`, and the number itself is the subject.
    pub(crate) user_id: Option<&'a str>,
    /// E.164.
    pub(crate) phone: &'a str,
    /// What the code was for.
    pub(crate) purpose: &'a str,
    /// Its session.
    pub(crate) session: SessionId,
}

#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    typ: &'static str,
    kid: &'a str,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    phone_number: &'a str,
    phone_number_verified: bool,
    purpose: &'a str,
    sid: SessionId,
    iat: i64,
    exp: i64,
    jti: Uuid,
}

/// What a code of an app, or a backup code, has shown: who it is, and nothing of a number.
#[derive(Serialize)]
struct FactorClaims<'a> {
    iss: &'a str,
    sub: &'a str,
    purpose: &'static str,
    method: Proof,
    iat: i64,
    exp: i64,
    jti: Uuid,
}

/// Public keys (RFC 7517 §5).
#[derive(Debug, Serialize)]
pub(crate) struct KeySet {
    keys: Vec<Key>,
}

#[derive(Debug, Serialize)]
struct Key {
    kty: &'static str,
    crv: &'static str,
    r#use: &'static str,
    alg: &'static str,
    kid: String,
    x: String,
    y: String,
}

impl Tokens {
    pub(crate) fn new(keyring: Arc<Keyring>, public_url: Option<&BaseUrl>) -> Self {
        // An issuer is compared as text: without the slash that a URL parser adds.
        let issuer = public_url.map(|url| url.to_string().trim_end_matches('/').to_owned());
        Self { issuer: issuer.unwrap_or_else(|| ISSUER.to_owned()), keyring }
    }

    /// Signs what a right code has shown `now`, which is the database's time.
    pub(crate) fn issue(&self, verification: &Verification<'_>, now: DateTime<Utc>) -> String {
        let iat = now.timestamp();
        let claims = Claims {
            iss: &self.issuer,
            sub: verification.user_id.unwrap_or(verification.phone),
            phone_number: verification.phone,
            phone_number_verified: true,
            purpose: verification.purpose,
            sid: verification.session,
            iat,
            exp: iat + LIFETIME_SECONDS,
            jti: Uuid::new_v4(),
        };
        self.sign(&claims)
    }

    /// Signs that a user has shown another factor than a number `now`, which is the database's time.
    pub(crate) fn issue_for_factor(&self, user_id: &str, method: Proof, now: DateTime<Utc>) -> String {
        let iat = now.timestamp();
        let (exp, jti) = (iat + LIFETIME_SECONDS, Uuid::new_v4());
        self.sign(&FactorClaims {
            iss: &self.issuer,
            sub: user_id,
            purpose: "two_factor",
            method,
            iat,
            exp,
            jti,
        })
    }

    fn sign(&self, claims: &impl Serialize) -> String {
        let signing = self.keyring.tokens();
        let header = Header { alg: ALGORITHM, typ: "JWT", kid: &signing.key_id() };
        let signed = format!("{}.{}", encoded(&header), encoded(claims));
        let signature = BASE64_URL_SAFE_NO_PAD.encode(signing.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    /// The keys that tokens may be signed with: the present one, and those before it.
    pub(crate) fn keys(&self) -> KeySet {
        KeySet { keys: self.keyring.tokens().public_keys().into_iter().map(Key::from).collect() }
    }
}

impl From<PublicKey> for Key {
    fn from(key: PublicKey) -> Self {
        let [x, y] = [key.x, key.y].map(|coordinate| BASE64_URL_SAFE_NO_PAD.encode(coordinate));
        Self { kty: "EC", crv: "P-256", r#use: "sig", alg: ALGORITHM, kid: key.id, x, y }
    }
}

fn encoded(part: &impl Serialize) -> String {
    let json = serde_json::to_vec(part).expect("texts and numbers are always valid JSON");
    BASE64_URL_SAFE_NO_PAD.encode(json)
}

#[cfg(test)]
mod tests;
