//! A key set as its issuer publishes it (RFC 7517): fetched, and read as far as it can be used here.

use std::time::Duration;

use axum::http::{Method, StatusCode, Uri};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use http_body_util::{BodyExt as _, Limited};
use serde::Deserialize;
use serde_json::Value;
use shared::provider::http::{ClientError, Content, client, request};

use crate::auth::jws::Key;

/// How long a fetch may take, and how much may come.
const PATIENCE: Duration = Duration::from_secs(5);
const MAX_BYTES: usize = 64 * 1024;
const MAX_KEYS: usize = 32;

/// A key by its name.
pub(super) struct Named {
    pub(super) id: Option<String>,
    pub(super) key: Key,
}

/// Why keys were not fetched; the address is in the settings.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("TLS cannot be set up")]
    Client(#[from] ClientError),
    #[error("no answer within {} seconds", PATIENCE.as_secs())]
    Slow(#[from] tokio::time::error::Elapsed),
    #[error("nobody answers")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the answer has the status {0}, not 200")]
    Status(StatusCode),
    #[error("the answer breaks off or has over {MAX_BYTES} bytes")]
    Body(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the answer is no key set")]
    NoKeySet(#[from] serde_json::Error),
}

/// Asks for the keys at `url`, without following it elsewhere.
pub(super) async fn fetch(url: Uri) -> Result<Vec<Named>, FetchError> {
    let client = client()?;
    let fetched = async {
        let asked = client.request(request(Method::GET, url, Content::None));
        let answer = asked.await.map_err(|error| FetchError::Unreachable(error.into()))?;
        if answer.status() != StatusCode::OK {
            return Err(FetchError::Status(answer.status()));
        }
        let body = Limited::new(answer.into_body(), MAX_BYTES).collect().await.map_err(FetchError::Body)?;
        Ok(body.to_bytes())
    };
    Ok(parse(&tokio::time::timeout(PATIENCE, fetched).await??)?)
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Value>,
}

/// One key (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2), as far as it matters here.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    r#use: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// The keys of a set that can be used here; others are passed over (RFC 7517 §5).
fn parse(body: &[u8]) -> Result<Vec<Named>, serde_json::Error> {
    let set: KeySet = serde_json::from_slice(body)?;
    let usable = set.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).filter_map(named);
    Ok(usable.take(MAX_KEYS).collect())
}

fn named(jwk: Jwk) -> Option<Named> {
    let bytes = |field: &Option<String>| BASE64_URL_SAFE_NO_PAD.decode(field.as_deref()?).ok();
    let point = |field| bytes(field).filter(|bytes| bytes.len() == 32);
    let (key, names): (_, &[&str]) = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
        ("RSA", None) => (Key::rsa(bytes(&jwk.n)?, bytes(&jwk.e)?), &["RS256"]),
        ("EC", Some("P-256")) => (Key::p256(&point(&jwk.x)?, &point(&jwk.y)?), &["ES256"]),
        ("OKP", Some("Ed25519")) => (Key::ed25519(point(&jwk.x)?), &["EdDSA", "Ed25519"]),
        // Also `oct`: a secret that is published is none.
        _ => return None,
    };
    let fits = jwk.alg.is_none_or(|alg| names.contains(&alg.as_str()));
    let signs = jwk.r#use.is_none_or(|purpose| purpose == "sig");
    (fits && signs).then_some(Named { id: jwk.kid, key })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_other_kinds_and_for_other_uses_are_passed_over() {
        let point = BASE64_URL_SAFE_NO_PAD.encode([7; 32]);
        let set = serde_json::json!({ "keys": [
            { "kty": "OKP", "crv": "Ed25519", "x": point, "kid": "a" },
            { "kty": "EC", "crv": "P-256", "x": point, "y": point, "kid": "b", "alg": "ES256", "use": "sig" },
            { "kty": "RSA", "n": point, "e": "AQAB", "kid": "c", "key_ops": ["verify"], "x5t": "x" },
            { "kty": "oct", "k": point, "kid": "d" },
            { "kty": "EC", "crv": "P-384", "x": point, "y": point },
            { "kty": "EC", "crv": "P-256", "x": point },
            { "kty": "EC", "crv": "P-256", "x": "AQAB", "y": point },
            { "kty": "RSA", "n": point, "e": "AQAB", "alg": "PS256" },
            { "kty": "RSA", "n": point, "e": "AQAB", "use": "enc" },
            { "kty": "RSA", "n": "not base64!", "e": "AQAB" },
            { "kid": 7 }, "key", null,
        ] });
        let keys = parse(set.to_string().as_bytes()).expect("a key set");
        let ids: Vec<_> = keys.iter().filter_map(|named| named.id.as_deref()).collect();
        assert_eq!((ids, keys.len()), (vec!["a", "b", "c"], 3));
        for body in ["", "[]", "{}", r#"{"keys": {}}"#, "<html>"] {
            assert!(parse(body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn a_set_is_bounded() {
        let key = serde_json::json!({ "kty": "OKP", "crv": "Ed25519", "x": BASE64_URL_SAFE_NO_PAD.encode([7; 32]) });
        let set = serde_json::json!({ "keys": vec![key; 100] });
        assert_eq!(parse(set.to_string().as_bytes()).expect("a key set").len(), MAX_KEYS);
    }
}
