//! API keys: who may knock at which door.

use std::time::{Duration, Instant};

use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use shared::store::api_keys::{self, Scope};
use tests::door::Answer;
use tests::wait::eventually;
use tests::{Door, TestApp};
use uuid::Uuid;

use super::{
    BATCH, MESSAGES, OTP_RESEND, OTP_SEND, OTP_VERIFY, SEND, a_message, assert_refused, stored, stranger,
};

async fn make_key(app: &TestApp, name: &str, scopes: &[Scope]) -> SecretString {
    api_keys::create(&app.pool, app.keyring.api_keys(), name, scopes).await.unwrap()
}

/// Every door that wants a key, and the scope it wants.
fn doors() -> Vec<(Method, String, Scope)> {
    let id = Uuid::new_v4();
    let (get, post, put, delete) = (Method::GET, Method::POST, Method::PUT, Method::DELETE);
    let doors = [
        (&post, SEND, Scope::Send),
        (&post, BATCH, Scope::Send),
        (&post, &format!("{MESSAGES}/{id}/cancel"), Scope::Send),
        (&put, "/sms/opt-outs/+919876543210", Scope::Send),
        (&delete, "/sms/opt-outs/+919876543210", Scope::Send),
        (&put, "/users/ann/contact-settings", Scope::Send),
        (&post, OTP_SEND, Scope::Otp),
        (&post, OTP_VERIFY, Scope::Otp),
        (&post, OTP_RESEND, Scope::Otp),
        (&get, &format!("/otp/sessions/{id}"), Scope::Otp),
        (&get, "/users/ann/otp-requirement", Scope::Otp),
        (&get, MESSAGES, Scope::Read),
        (&get, &format!("{MESSAGES}/{id}"), Scope::Read),
        (&get, "/sms/opt-outs/+919876543210", Scope::Read),
        (&get, "/sms/templates", Scope::Read),
        (&get, "/sms/templates/booked", Scope::Read),
        (&get, "/users/ann/contact-settings", Scope::Read),
        (&get, "/settings/pauses", Scope::Read),
        (&get, "/sandbox/inbox", Scope::Read),
        (&put, "/sms/templates/booked", Scope::Admin),
        (&delete, "/sms/templates/booked", Scope::Admin),
        (&post, "/settings/pauses", Scope::Admin),
        (&delete, "/settings/pauses", Scope::Admin),
        (&delete, "/people/+919876543210", Scope::Admin),
        (&get, &format!("/people/erasures/{id}"), Scope::Admin),
        (&get, "/settings/api", Scope::Admin),
        (&get, "/settings/api/vendor", Scope::Admin),
        (&put, "/settings/api/vendor", Scope::Admin),
        (&delete, "/settings/api/vendor", Scope::Admin),
    ];
    doors.into_iter().map(|(method, path, scope)| (method.clone(), path.to_owned(), scope)).collect()
}

/// Knocks with an `Authorization` of one's own, and a body without any content type.
async fn knock(door: &Door, method: &Method, path: &str, authorization: Option<&[u8]>) -> Answer {
    let mut request = stranger().request(method.clone(), format!("{}{path}", door.url));
    if let Some(value) = authorization {
        request = request.header("authorization", value);
    }
    door.call(request).await
}

#[tokio::test]
async fn without_a_key_that_is_known_no_door_opens() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let key = door.key.expose_secret();
    let upper = key.to_uppercase();
    let shorter = &key[..key.len() - 1];
    let malformed: Vec<Vec<u8>> = [
        "",
        "Bearer",
        "Bearer ",
        key,
        &format!("Basic {key}"),
        &format!("Bearer {}", key.trim_start_matches("sk_")),
        &format!("Bearer pk_{}", key.trim_start_matches("sk_")),
        "Bearer sk_",
        "Bearer sk_unknown",
        &format!("Bearer {upper}"),
        &format!("Bearer {shorter}"),
        &format!("Bearer {key}a"),
        &format!("Bearer {key} {key}"),
        &format!("Bearer sk_{}", "a".repeat(10_000)),
        "Bearer sk_' or 1=1 --",
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .chain([b"Bearer sk_\xff\xfe".to_vec()])
    .collect();
    for (method, path, _) in doors() {
        let answer = knock(&door, &method, &path, None).await;
        assert_refused(&answer, 401, "unauthorized");
        assert_eq!(answer.headers["www-authenticate"], "Bearer");
    }
    for authorization in &malformed {
        let answer = knock(&door, &Method::GET, MESSAGES, Some(authorization)).await;
        assert_refused(&answer, 401, "unauthorized");
        assert!(!answer.body.to_string().contains(shorter), "an answer repeats no key");
    }
    for authorization in [format!("Bearer {key}"), format!("bearer {key}"), format!("BEARER  {key} ")] {
        assert_eq!(knock(&door, &Method::GET, MESSAGES, Some(authorization.as_bytes())).await.status, 200);
    }
    assert_eq!(stored(&app).await, [0; 10]);
}

#[tokio::test]
async fn a_key_opens_the_doors_of_its_scopes_and_admin_opens_all() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    for scope in Scope::ALL {
        let key = make_key(&app, scope.as_str(), &[scope]).await;
        let authorization = format!("Bearer {}", key.expose_secret());
        for (method, path, needed) in doors() {
            let answer = knock(&door, &method, &path, Some(authorization.as_bytes())).await;
            if scope == needed || scope == Scope::Admin {
                assert!(![401, 403].contains(&answer.status.as_u16()), "{method} {path}: {}", answer.body);
            } else {
                assert_refused(&answer, 403, "insufficient-scope");
                let detail = answer.body["detail"].as_str().unwrap();
                assert!(
                    detail.ends_with(&format!("the scope {}", needed.as_str())),
                    "{method} {path}: {detail}"
                );
            }
        }
    }
    let both = make_key(&app, "both", &[Scope::Send, Scope::Read]).await;
    let authorization = format!("Bearer {}", both.expose_secret());
    assert_eq!(knock(&door, &Method::GET, MESSAGES, Some(authorization.as_bytes())).await.status, 200);
    let sent = knock(&door, &Method::POST, SEND, Some(authorization.as_bytes())).await;
    assert_refused(&sent, 415, "unsupported-media-type");
}

#[tokio::test]
async fn a_revoked_key_is_useless_within_three_seconds_however_busy_it_is() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let key = make_key(&app, "shop", &[Scope::Send]).await;
    let send = async || {
        let request = stranger().post(format!("{}{SEND}", door.url)).bearer_auth(key.expose_secret());
        door.call(request.json(&a_message())).await
    };
    assert_eq!(send().await.status, 202);
    assert!(api_keys::revoke(&app.pool, "shop").await.unwrap());
    let revoked = Instant::now();
    let refused = eventually("the key to be refused", async || {
        Some(send().await).filter(|answer| answer.status != 202)
    })
    .await;
    assert!(revoked.elapsed() < Duration::from_secs(3), "{:?}", revoked.elapsed());
    assert_refused(&refused, 401, "unauthorized");
    let before = stored(&app).await;
    for _ in 0..50 {
        assert_refused(&send().await, 401, "unauthorized");
    }
    assert_eq!(stored(&app).await, before);
    let another = make_key(&app, "shop", &[Scope::Read]).await;
    assert_ne!(another.expose_secret(), key.expose_secret(), "the name is free again, the key is another");
}

#[tokio::test]
async fn a_new_key_is_known_at_once_even_if_it_was_tried_before() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let key = SecretString::from("sk_made-elsewhere-and-tried-too-early");
    let authorization = format!("Bearer {}", key.expose_secret());
    let knock = async || knock(&door, &Method::GET, MESSAGES, Some(authorization.as_bytes())).await;
    assert_refused(&knock().await, 401, "unauthorized");
    api_keys::insert(&app.pool, app.keyring.api_keys(), "late", &[Scope::Read], &key).await.unwrap();
    let made = Instant::now();
    eventually("the key to be known", async || (knock().await.status == 200).then_some(())).await;
    assert!(made.elapsed() < Duration::from_secs(3), "{:?}", made.elapsed());
}

#[tokio::test]
async fn the_use_of_a_key_is_noted() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let key = make_key(&app, "shop", &[Scope::Read]).await;
    let used = async || {
        let keys = api_keys::list(&app.pool).await.unwrap();
        keys.into_iter().find(|key| key.name == "shop").unwrap().last_used_at
    };
    assert_eq!(used().await, None);
    let authorization = format!("Bearer {}", key.expose_secret());
    knock(&door, &Method::GET, MESSAGES, Some(authorization.as_bytes())).await;
    let age = app.now() - used().await.unwrap();
    assert!(age.num_seconds().abs() < 5, "{age}");
}

#[tokio::test]
async fn the_database_holds_no_key() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let key = make_key(&app, "shop", &[Scope::Send]).await;
    let request = stranger().post(format!("{}{SEND}", door.url)).bearer_auth(key.expose_secret());
    assert_eq!(door.call(request.header("idempotency-key", "k").json(&a_message())).await.status, 202);
    for key in [&key, &door.key] {
        // All but the few characters that tell keys apart in a list.
        let secret = &key.expose_secret()[9..];
        for (table, row) in super::secrets::dump(&app).await {
            assert!(!row.contains(secret), "{table} holds a key");
        }
    }
    let listed = json!(api_keys::list(&app.pool).await.unwrap()).to_string();
    assert!(!listed.contains(&key.expose_secret()[9..]));
}
