//! Who is believed: nobody without the provider's own signature for exactly this request.

use mock_provider::Credentials;
use reqwest::{Method, RequestBuilder};
use serde_json::json;
use tests::builders::a_transactional;
use tests::door::Answer;
use tests::{Door, TestApp, http};

use super::{SID, gateway, kept, logged, post, sign, signed, status_path};

#[track_caller]
fn assert_refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.refusal(), (status, code), "{}", answer.body);
    assert_eq!(answer.headers["content-type"], "application/problem+json");
}

const FIELDS: [(&str, &str); 2] = [("MessageSid", SID), ("MessageStatus", "delivered")];

fn bare(door: &Door, path: &str, fields: &[(&str, &str)]) -> RequestBuilder {
    http::client().request(Method::POST, format!("{}{path}", door.url)).form(fields)
}

#[tokio::test]
async fn a_forged_receipt_is_refused_and_changes_nothing() {
    let (app, door) = gateway().await;
    let (id, other) =
        (app.accept(a_transactional(app.now())).await, app.accept(a_transactional(app.now())).await);
    app.end_of(id).await;
    app.end_of(other).await;
    let path = status_path(id);
    let url = format!("{}{path}", door.url);
    let good = sign(Credentials::AUTH_TOKEN, &url, &FIELDS);
    let with = |request: RequestBuilder, signature: &str| request.header("x-twilio-signature", signature);
    let changed = [("MessageSid", SID), ("MessageStatus", "failed")];
    let forged = [
        bare(&door, &path, &FIELDS),
        with(bare(&door, &path, &FIELDS), ""),
        with(bare(&door, &path, &FIELDS), "AAAAAAAAAAAAAAAAAAAAAAAAAAA="),
        with(bare(&door, &path, &FIELDS), &sign("another-token", &url, &FIELDS)),
        with(bare(&door, &path, &changed), &good),
        with(bare(&door, &status_path(other), &FIELDS), &good),
        with(
            bare(&door, &path, &FIELDS),
            &sign(Credentials::AUTH_TOKEN, &url.replace("http:", "https:"), &FIELDS),
        ),
        with(bare(&door, &format!("{path}&x=1"), &FIELDS), &good),
        // An API key is no signature.
        door.request(Method::POST, &path).form(&FIELDS),
    ];
    for (n, request) in forged.into_iter().enumerate() {
        let answer = door.call(request).await;
        assert_eq!(answer.refusal(), (403, "invalid-signature"), "forgery {n}: {}", answer.body);
    }
    assert_eq!(
        (logged(&app, id).await.0, logged(&app, other).await.0),
        ("sent".to_owned(), "sent".to_owned())
    );
    assert_eq!(kept(&app).await, 0);
    let genuine = with(bare(&door, &path, &FIELDS), &good);
    assert_eq!(door.call(genuine).await.status, 204);
    assert_eq!(logged(&app, id).await.0, "delivered");
    app.stop().await;
}

#[tokio::test]
async fn a_provider_of_the_settings_signs_with_its_own_token() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let row = |token: &str| {
        json!({ "kind": "twilio", "sender": "ACME", "enabled": false,
            "credentials": { "account_sid": Credentials::ACCOUNT_SID, "auth_token": token } })
    };
    let path = "/webhooks/eu/status";
    assert_refused(&door.call(signed(&door, "eu-token", path, &FIELDS)).await, 404, "not-found");
    assert_eq!(door.put("/settings/api/eu", &row("eu-token")).await.status, 200);
    assert_eq!(door.call(signed(&door, "eu-token", path, &FIELDS)).await.status, 204);
    assert_refused(&post(&door, path, &FIELDS).await, 403, "invalid-signature");
    // A row hides the environment's provider of the same name, and its token.
    assert_eq!(door.put("/settings/api/twilio", &row("new-token")).await.status, 200);
    let path = "/webhooks/twilio/status";
    assert_refused(&post(&door, path, &FIELDS).await, 403, "invalid-signature");
    assert_eq!(door.call(signed(&door, "new-token", path, &FIELDS)).await.status, 204);
    let by_key = json!({ "kind": "twilio", "sender": "ACME", "credentials": { "account_sid": Credentials::ACCOUNT_SID,
        "auth_token": "", "api_key_sid": Credentials::API_KEY_SID, "api_key_secret": "key-secret" } });
    assert_eq!(door.put("/settings/api/eu", &by_key).await.status, 200);
    let answer = door.call(signed(&door, "", "/webhooks/eu/status", &FIELDS)).await;
    assert_refused(&answer, 403, "invalid-signature");
}

#[tokio::test]
async fn a_provider_that_posts_nothing_has_no_webhooks() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    for provider in ["2factor", "sandbox", "nobody", "A", "%00", "x'"] {
        for door_name in ["status", "inbound"] {
            let path = format!("/webhooks/{provider}/{door_name}");
            assert_refused(&post(&door, &path, &FIELDS).await, 404, "not-found");
        }
    }
    let get = door.get("/webhooks/twilio/status").await;
    assert_refused(&get, 405, "method-not-allowed");
}

#[tokio::test]
async fn bodies_that_are_no_small_form_are_refused() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    for path in ["/webhooks/twilio/status", "/webhooks/twilio/inbound"] {
        let json = http::client().post(format!("{}{path}", door.url)).json(&json!({ "MessageSid": SID }));
        assert_refused(&door.call(json).await, 415, "unsupported-media-type");
        let large = "x".repeat(64 * 1024);
        assert_refused(&post(&door, path, &[("Body", &large)]).await, 413, "body-too-large");
        let fits = "x".repeat(60 * 1024);
        assert!(post(&door, path, &[("Body", &fits)]).await.status.is_success());
    }
}
