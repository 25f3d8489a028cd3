//! Tokens as another reads them: by a library that is none of ours, with the published keys alone.

use base64::prelude::BASE64_STANDARD;
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Value, json};
use shared::seal::MasterKey;

use super::*;

const PHONE: &str = "+41790000001";

fn master(byte: u8) -> MasterKey {
    BASE64_STANDARD.encode([byte; 32]).parse().expect("32 bytes")
}

fn tokens(current: u8, previous: &[u8]) -> Tokens {
    let previous: Vec<MasterKey> = previous.iter().map(|&byte| master(byte)).collect();
    Tokens::new(Arc::new(Keyring::new(&master(current), &previous)), None)
}

fn verification(user_id: Option<&str>) -> Verification<'_> {
    Verification { user_id, phone: PHONE, purpose: "login", session: SessionId::random() }
}

/// Reads a token with what `/.well-known/jwks.json` says.
fn read(token: &str, published: &KeySet, issuer: &str) -> Result<Value, Error> {
    let published = serde_json::to_value(published).expect("JSON");
    let keys: JwkSet = serde_json::from_value(published).expect("a key set");
    let kid = decode_header(token)?.kid.expect("a key id");
    let Some(key) = keys.find(&kid) else { return Err(ErrorKind::InvalidKeyFormat.into()) };
    let mut rules = Validation::new(Algorithm::ES256);
    rules.set_issuer(&[issuer]);
    rules.set_required_spec_claims(&["exp", "iss", "sub"]);
    rules.leeway = 0;
    Ok(decode::<Value>(token, &DecodingKey::from_jwk(key)?, &rules)?.claims)
}

#[test]
fn a_token_says_who_verified_what_and_until_when() {
    let tokens = tokens(1, &[]);
    let (verification, now) = (verification(Some("ann")), Utc::now());
    let claims = read(&tokens.issue(&verification, now), &tokens.keys(), "smsgw").expect("a token");
    let expected = json!({
        "iss": "smsgw", "sub": "ann", "phone_number": PHONE, "phone_number_verified": true, "purpose": "login",
        "sid": verification.session, "iat": now.timestamp(), "exp": now.timestamp() + 300, "jti": claims["jti"],
    });
    assert_eq!(claims, expected);
    let again = read(&tokens.issue(&verification, now), &tokens.keys(), "smsgw").expect("a token");
    assert_ne!(again["jti"], claims["jti"], "each has an id of its own");
}

#[test]
fn without_a_user_the_number_is_the_subject() {
    let tokens = tokens(1, &[]);
    let claims =
        read(&tokens.issue(&verification(None), Utc::now()), &tokens.keys(), "smsgw").expect("a token");
    assert_eq!(claims["sub"], PHONE);
}

#[test]
fn the_issuer_is_the_public_url() {
    for (url, issuer) in [
        ("https://sms.example.com", "https://sms.example.com"),
        ("https://example.com/sms/", "https://example.com/sms"),
    ] {
        let url: BaseUrl = url.parse().expect("a URL");
        let tokens = Tokens::new(Arc::new(Keyring::new(&master(1), &[])), Some(&url));
        let token = tokens.issue(&verification(None), Utc::now());
        assert_eq!(read(&token, &tokens.keys(), issuer).expect("a token")["iss"], issuer);
        assert!(read(&token, &tokens.keys(), "smsgw").is_err());
    }
}

#[test]
fn an_altered_token_is_refused() {
    let tokens = tokens(1, &[]);
    let token = tokens.issue(&verification(Some("ann")), Utc::now());
    let parts: Vec<&str> = token.split('.').collect();
    let [header, claims, signature] = parts.as_slice() else { panic!("{token}") };
    let plain = BASE64_URL_SAFE_NO_PAD.decode(claims).expect("base64");
    let forged = String::from_utf8(plain).expect("JSON").replace("\"ann\"", "\"bob\"");
    let forged = BASE64_URL_SAFE_NO_PAD.encode(forged);
    assert_ne!(&forged, claims);
    let other = self::tokens(2, &[]).issue(&verification(Some("ann")), Utc::now());
    let others_signature = other.rsplit('.').next().expect("three parts");
    for altered in [
        format!("{header}.{forged}.{signature}"),
        format!("{header}.{claims}.{others_signature}"),
        format!("{header}.{claims}."),
        format!("{}.{claims}.", encoded(&json!({ "alg": "none", "kid": tokens.keyring.tokens().key_id() }))),
        other,
    ] {
        assert!(read(&altered, &tokens.keys(), "smsgw").is_err(), "{altered}");
    }
    assert!(read(&token, &tokens.keys(), "smsgw").is_ok());
}

#[test]
fn a_token_is_good_for_five_minutes() {
    let tokens = tokens(1, &[]);
    let read_after = |seconds| {
        let issued = Utc::now() - chrono::TimeDelta::seconds(seconds);
        read(&tokens.issue(&verification(None), issued), &tokens.keys(), "smsgw")
    };
    assert!(read_after(LIFETIME_SECONDS - 10).is_ok());
    assert_eq!(read_after(LIFETIME_SECONDS + 1).unwrap_err().kind(), &ErrorKind::ExpiredSignature);
}

/// As docs/operations.md changes it: processes of two steps that follow each other run at the same time.
#[test]
fn while_the_master_key_is_changed_each_process_publishes_what_the_others_sign_with() {
    let steps = [tokens(1, &[]), tokens(1, &[2]), tokens(2, &[1])];
    for pair in steps.windows(2) {
        for (signs, publishes) in [(&pair[0], &pair[1]), (&pair[1], &pair[0])] {
            let token = signs.issue(&verification(None), Utc::now());
            read(&token, &publishes.keys(), "smsgw").expect("a token");
        }
    }
    let token = steps[0].issue(&verification(None), Utc::now());
    assert!(read(&token, &tokens(2, &[]).keys(), "smsgw").is_err(), "the key is no longer published");
}

#[test]
fn what_is_published_is_public() {
    let published = serde_json::to_value(tokens(1, &[2]).keys()).expect("JSON");
    for key in published["keys"].as_array().expect("a list") {
        let members: Vec<_> = key.as_object().expect("an object").keys().collect();
        assert_eq!(members, ["alg", "crv", "kid", "kty", "use", "x", "y"], "no private part");
    }
    let known = &published["keys"][0];
    assert_eq!(known["kid"], tokens(1, &[]).keyring.tokens().key_id());
}
