//! Publishable keys: what pages may do with a key that anybody can read.

use reqwest::Method;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use shared::origin::Origin;
use shared::store::api_keys::{self, CreateError};
use tests::builders::a_number;
use tests::door::Answer;
use tests::{Door, TestApp};
use uuid::Uuid;

use super::{OTP_RESEND, OTP_SEND, OTP_VERIFY, assert_refused, stored, stranger};

pub(super) const PAGE: &str = "https://app.example.com";

pub(super) async fn make(app: &TestApp, name: &str, origins: &[&str]) -> SecretString {
    let origins: Vec<Origin> = origins.iter().map(|origin| origin.parse().unwrap()).collect();
    api_keys::create_publishable(&app.pool, app.keyring.api_keys(), name, &origins).await.unwrap()
}

/// Every door that asks who is there, with an address that fits it and the ways to come in.
pub(super) async fn closed_doors(door: &Door) -> Vec<(Method, String, Vec<String>)> {
    let description = door.get("/openapi.json").await.body;
    let mut doors = Vec::new();
    for (path, methods) in description["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let ways: Vec<&Value> = operation["security"].as_array().unwrap().iter().collect();
            let schemes = ways.iter().filter_map(|way| way.as_object()?.keys().next().cloned()).collect();
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let id = if path.starts_with("/users/") { "ann".to_owned() } else { Uuid::new_v4().to_string() };
            let path =
                path.replace("{id}", &id).replace("{name}", "booked").replace("{phone}", "+919876543210");
            if !ways.is_empty() {
                doors.push((method, path, schemes));
            }
        }
    }
    assert!(doors.len() >= 27, "{doors:?}");
    doors
}

pub(super) fn asking(door: &Door, method: Method, path: &str, key: &SecretString) -> reqwest::RequestBuilder {
    stranger().request(method, format!("{}{path}", door.url)).bearer_auth(key.expose_secret())
}

async fn send(door: &Door, key: &SecretString, origins: &[&[u8]]) -> Answer {
    let mut request = asking(door, Method::POST, OTP_SEND, key).json(&json!({ "phone": a_number() }));
    for origin in origins {
        request = request.header("origin", *origin);
    }
    door.call(request).await
}

#[tokio::test]
async fn a_page_signs_somebody_in_with_a_publishable_key() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    let key = make(&app, "web", &[PAGE, "http://localhost:5173"]).await;
    assert!(key.expose_secret().starts_with("pk_"));
    let phone = a_number();
    let ask = async |path: &str, body: Value| {
        let request = asking(&door, Method::POST, path, &key).header("origin", "http://localhost:5173");
        door.call(request.json(&body)).await
    };
    let sent = ask(OTP_SEND, json!({ "phone": phone })).await;
    assert_eq!(sent.status, 202, "{}", sent.body);
    let session = sent.body["session_id"].clone();
    let code = super::codes::arrived(&app, &phone, 1).await;
    let looked =
        asking(&door, Method::GET, &format!("/otp/sessions/{}", session.as_str().unwrap()), &key).send();
    assert_eq!(looked.await.unwrap().status(), 200);
    assert_refused(&ask(OTP_RESEND, json!({ "session_id": session })).await, 429, "otp-cool-down");
    assert_eq!(ask(OTP_VERIFY, json!({ "session_id": session, "otp": code })).await.status, 200);
    app.stop().await;
}

#[tokio::test]
async fn at_every_other_door_a_publishable_key_is_refused() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let key = make(&app, "web", &[PAGE]).await;
    let before = stored(&app).await;
    let mut open = Vec::new();
    for (method, path, schemes) in closed_doors(&door).await {
        let request = asking(&door, method.clone(), &path, &key).header("origin", PAGE);
        // Whoever is forwarded needs a key for the metrics too.
        let answer = door.call(request.header("x-forwarded-for", "198.51.100.7")).await;
        if schemes.iter().any(|scheme| scheme == "publishable") {
            assert!(![401, 403].contains(&answer.status.as_u16()), "{method} {path}: {}", answer.body);
            open.push(format!("{method} {}", path.rsplit_once('/').unwrap().0));
        } else {
            assert_refused(&answer, 403, "insufficient-scope");
            assert!(
                answer.body["detail"].as_str().unwrap().contains("pk_"),
                "{method} {path}: {}",
                answer.body
            );
        }
    }
    open.sort_unstable();
    let (ours, others): (Vec<_>, Vec<_>) = open.iter().partition(|door| !door.contains("/api"));
    assert_eq!(ours, ["GET /otp/sessions", "POST /otp", "POST /otp", "POST /otp"]);
    assert_eq!(others.len(), 6, "{others:?}");
    assert_eq!(stored(&app).await, before);
}

#[tokio::test]
async fn a_publishable_key_is_good_on_its_own_pages_alone() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let key = make(&app, "web", &[PAGE]).await;
    make(&app, "other", &["https://other.example.com"]).await;
    let before = stored(&app).await;
    let strange: &[&[&[u8]]] = &[
        &[],
        &[b"null"],
        &[b""],
        &[b"*"],
        &[b"https://other.example.com"],
        &[b"http://app.example.com"],
        &[b"https://app.example.com/"],
        &[b"https://app.example.com:443"],
        &[b"https://app.example.com.evil.example"],
        &[b"https://evil.example/https://app.example.com"],
        &[b"https://app.example.com https://evil.example"],
        &[b"https://app.example.com", b"https://evil.example"],
        &[b"https://app.example.com", b"https://app.example.com"],
        &[b"HTTPS://APP.EXAMPLE.COM"],
        &[b"https://app.example.com\xff"],
    ];
    for origins in strange {
        assert_refused(&send(&door, &key, origins).await, 403, "origin-not-allowed");
    }
    let path = format!("/otp/sessions/{}", Uuid::new_v4());
    for (origin, status) in
        [(None, 404), (Some(PAGE), 404), (Some("null"), 403), (Some("https://evil.example"), 403)]
    {
        let request = asking(&door, Method::GET, &path, &key);
        let request = origin.into_iter().fold(request, |request, origin| request.header("origin", origin));
        assert_eq!(door.call(request).await.status, status, "{origin:?}");
    }
    assert_eq!(stored(&app).await, before);
    assert_eq!(send(&door, &key, &[PAGE.as_bytes()]).await.status, 202);
    let unknown = SecretString::from(key.expose_secret().replacen("pk_", "sk_", 1));
    assert_refused(&send(&door, &unknown, &[PAGE.as_bytes()]).await, 401, "unauthorized");
}

/// Whoever writes to the table past the program is held to the same.
#[tokio::test]
async fn the_database_refuses_a_publishable_key_that_is_good_for_more() {
    let app = TestApp::without_worker().await;
    for (scopes, origins, constraint) in [
        ("{admin}", "{https://a.example}", "api_keys_publishable_for_codes_only"),
        ("{otp,read}", "{https://a.example}", "api_keys_publishable_for_codes_only"),
        ("{otp}", "{}", "api_keys_origins_are_origins"),
        ("{otp}", "{*}", "api_keys_origins_are_origins"),
        ("{otp}", "{null}", "api_keys_origins_are_origins"),
        ("{otp}", "{https://a.example/}", "api_keys_origins_are_origins"),
        ("{otp}", "{https://a.example,evil}", "api_keys_origins_are_origins"),
    ] {
        let insert = "insert into smsgw.api_keys (name, prefix, mac, scopes, origins)
                      values ('x', 'pk_', '\\x00', $1::text[], $2::text[])";
        let refused = sqlx::query(insert).bind(scopes).bind(origins).execute(&app.pool).await.unwrap_err();
        let refused = refused.as_database_error().unwrap().constraint().unwrap_or_default().to_owned();
        assert_eq!(refused, constraint, "{scopes} {origins}");
    }
    let none = api_keys::create_publishable(&app.pool, app.keyring.api_keys(), "x", &[]).await;
    assert!(matches!(none, Err(CreateError::NoOrigin)));
}
