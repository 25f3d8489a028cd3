//! `/.well-known/jwks.json`: what a third party needs to check verification tokens.

use serde_json::json;
use tests::{Door, TestApp};

use super::stranger;

#[tokio::test]
async fn anybody_may_read_the_keys_of_tokens_and_nothing_more() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let answer = door.call(stranger().get(format!("{}/.well-known/jwks.json", door.url))).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.headers["content-type"]),
        (200, &"application/json".parse().unwrap())
    );
    let expected = app.keyring.tokens().public_keys();
    let keys = answer.body["keys"].as_array().unwrap();
    assert_eq!(keys.len(), expected.len());
    let key = &keys[0];
    assert_eq!(key["kid"], app.keyring.tokens().key_id());
    for (member, value) in [("kty", "EC"), ("crv", "P-256"), ("use", "sig"), ("alg", "ES256")] {
        assert_eq!(key[member], json!(value));
    }
    assert_eq!(key.as_object().unwrap().len(), 7, "no private part: {key}");
}
