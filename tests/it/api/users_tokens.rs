//! End users with tokens of their own: which are believed, and what they open.

use reqwest::Method;
use secrecy::SecretString;
use serde_json::{Value, json};
use shared::ids::MessageId;
use sqlx::AssertSqlSafe;
use tests::door::Answer;
use tests::issuer::{Issuer, RSA_MODULUS, hs256, hs256_as, token};
use tests::wait::eventually;
use tests::{Door, TestApp};

use super::{MESSAGES, OTP_SEND, a_message, assert_names, assert_refused, stranger, with};

const SECRET: &str = "the secret of this test has over thirty-two bytes";
const SETTINGS: &str = "/users/ann/contact-settings";

/// Claims that are good for a minute.
fn claims(subject: &str) -> Value {
    json!({ "sub": subject, "exp": now() + 60, "iat": now(), "iss": "https://id.example", "aud": "authenticated",
        "role": "authenticated" })
}

fn now() -> i64 {
    chrono::Utc::now().timestamp()
}

fn ann() -> String {
    token_of("ann")
}

pub(super) fn token_of(user: &str) -> String {
    hs256(SECRET.as_bytes(), &claims(user))
}

/// A gateway that believes tokens of `SECRET` and of `issuer`.
pub(super) async fn open(app: &TestApp, issuer: Option<&Issuer>) -> Door {
    Door::open_with(app, |config| {
        config.callers.jwt_secret = Some(SecretString::from(SECRET));
        config.callers.jwks_url = issuer.map(|issuer| issuer.url.clone());
        config.callers.jwt_issuer = Some("https://id.example".to_owned());
        config.callers.jwt_audience = Some("authenticated".to_owned());
    })
    .await
}

pub(super) async fn get(door: &Door, path: &str, token: &str) -> Answer {
    door.call(stranger().get(format!("{}{path}", door.url)).bearer_auth(token)).await
}

pub(super) async fn post(door: &Door, path: &str, token: &str, key: &str, body: &Value) -> Answer {
    let request = stranger().post(format!("{}{path}", door.url)).bearer_auth(token);
    door.call(request.header("idempotency-key", key).json(body)).await
}

#[tokio::test]
async fn tokens_of_the_secret_and_of_published_keys_are_believed() {
    let app = TestApp::without_worker().await;
    let issuer = Issuer::start().await;
    let door = open(&app, Some(&issuer)).await;
    let ann = claims("ann");
    let without_name = json!({ "alg": "ES256" });
    let several = with(&ann, "aud", json!(["other", "authenticated"]));
    let fraction = with(&ann, "exp", json!(60.5 + f64::from(i32::try_from(now()).unwrap())));
    for token in [
        hs256(SECRET.as_bytes(), &ann),
        issuer.es256(&ann),
        issuer.eddsa(&ann),
        issuer.es256_as(&without_name, &ann),
        hs256(SECRET.as_bytes(), &several),
        hs256(SECRET.as_bytes(), &fraction),
        hs256(SECRET.as_bytes(), &with(&ann, "nbf", json!(now() + 5))),
        hs256(SECRET.as_bytes(), &with(&ann, "exp", json!(now() - 5))),
    ] {
        let answer = get(&door, SETTINGS, &token).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.body["user_id"]),
            (200, &json!("ann")),
            "{}",
            answer.body
        );
    }
    assert_eq!(issuer.asked(), 1, "keys are kept");
}

#[tokio::test]
async fn a_token_that_is_not_good_opens_nothing() {
    let app = TestApp::without_worker().await;
    let issuer = Issuer::start().await;
    let door = open(&app, Some(&issuer)).await;
    let ann = claims("ann");
    let secret = SECRET.as_bytes();
    let unsigned = |header: &Value| token(header, &ann, |_| Vec::new());
    let signed = |field: &str, value: Value| hs256(secret, &with(&ann, field, value));
    let lacking = |field: &str| hs256(secret, &super::without(&ann, field));
    let good = hs256(secret, &ann);
    let (head, rest) = good.split_once('.').unwrap();
    let (_, signature) = rest.split_once('.').unwrap();
    let for_ben = hs256(b"a secret of somebody else, long enough", &claims("ben"));
    let (_, other_rest) = for_ben.split_once('.').unwrap();
    let (other_claims, _) = other_rest.split_once('.').unwrap();
    let modulus = RSA_MODULUS.as_bytes();
    let bad = [
        // Signed by nobody, or by a key that everybody has.
        ("alg none", unsigned(&json!({ "alg": "none" }))),
        ("alg None", unsigned(&json!({ "alg": "nOnE", "kid": "p256" }))),
        ("no signature", unsigned(&json!({ "alg": "HS256" }))),
        ("no signature of a public key", unsigned(&json!({ "alg": "ES256", "kid": "p256" }))),
        ("HS256 with the RSA key", hs256_as(&json!({ "alg": "HS256", "kid": "rsa" }), modulus, &ann)),
        ("RS256 with an HMAC", hs256_as(&json!({ "alg": "RS256", "kid": "rsa" }), modulus, &ann)),
        ("an empty secret", hs256(b"", &ann)),
        ("another secret", for_ben.clone()),
        ("HS512", hs256_as(&json!({ "alg": "HS512" }), secret, &ann)),
        ("other claims", format!("{head}.{other_claims}.{signature}")),
        ("another algorithm", issuer.es256_as(&json!({ "alg": "EdDSA", "kid": "ed" }), &ann)),
        ("another key", issuer.es256_as(&json!({ "alg": "ES256", "kid": "ed" }), &ann)),
        ("an unknown key", issuer.es256_as(&json!({ "alg": "ES256", "kid": "p257" }), &ann)),
        (
            "a key brought along",
            issuer.es256_as(&json!({ "alg": "ES256", "kid": "x", "jku": issuer.url }), &ann),
        ),
        ("must understand", hs256_as(&json!({ "alg": "HS256", "crit": ["exp"] }), secret, &ann)),
        // For another time or place.
        ("expired", signed("exp", json!(now() - 60))),
        ("no expiry", lacking("exp")),
        ("expiry as text", signed("exp", json!("9999999999"))),
        ("expiry null", signed("exp", json!(null))),
        ("not yet", signed("nbf", json!(now() + 3600))),
        ("begin as text", signed("nbf", json!("soon"))),
        ("another issuer", signed("iss", json!("https://id.example.evil"))),
        ("no issuer", lacking("iss")),
        ("another audience", signed("aud", json!("anon"))),
        ("other audiences", signed("aud", json!(["anon", "authenticated "]))),
        ("no audience", lacking("aud")),
        // Nobody's.
        ("no subject", lacking("sub")),
        ("an empty subject", signed("sub", json!(""))),
        ("a number", signed("sub", json!(7))),
        ("two subjects", signed("sub", json!(["ann", "ben"]))),
        ("a line's end", signed("sub", json!("ann\nben"))),
        ("a long subject", signed("sub", json!("a".repeat(129)))),
        ("no object", hs256(secret, &json!(["ann", now() + 60]))),
        // No tokens.
        ("huge", signed("more", json!("x".repeat(9000)))),
        ("four parts", format!("{good}.{signature}")),
        ("two parts", format!("{head}.{other_claims}")),
        ("dots", "..".to_owned()),
        ("padding", format!("{good}=")),
    ];
    for (name, token) in &bad {
        for path in [SETTINGS, MESSAGES] {
            let answer = get(&door, path, token).await;
            assert_refused(&answer, 401, "unauthorized");
            assert!(!answer.body.to_string().contains(signature), "{name}: an answer repeats no token");
        }
    }
    assert_eq!(get(&door, SETTINGS, &good).await.status, 200);
    assert!(issuer.asked() <= 2, "made-up keys do not make us ask on and on: {}", issuer.asked());
}

#[tokio::test]
async fn without_a_secret_or_an_issuer_no_token_is_believed() {
    let app = TestApp::without_worker().await;
    let issuer = Issuer::start().await;
    let bad = issuer.es256(&claims("ann"));
    let only_secret = open(&app, None).await;
    assert_refused(&get(&only_secret, SETTINGS, &bad).await, 401, "unauthorized");
    app.pool.acquire().await.unwrap();
    shared::store::api_keys::revoke(&app.pool, "test").await.unwrap();
    let nobody = Door::open(&app).await;
    for token in [ann(), bad, hs256(b"", &claims("ann"))] {
        let answer = get(&nobody, SETTINGS, &token).await;
        assert_refused(&answer, 401, "unauthorized");
        assert!(answer.body["detail"].as_str().unwrap().contains("SMSGW_JWT_SECRET"), "{}", answer.body);
    }
}

#[tokio::test]
async fn an_issuer_that_is_away_is_waited_for_and_then_not_needed() {
    let app = TestApp::without_worker().await;
    let issuer = Issuer::start().await;
    let token = issuer.eddsa(&claims("ann"));
    for (status, body) in [(503, "{}"), (200, "<html>"), (302, "")] {
        issuer.answers(status, body);
        let door = open(&app, Some(&issuer)).await;
        let answer = get(&door, SETTINGS, &token).await;
        assert_refused(&answer, 503, "unavailable");
        assert!(answer.headers.contains_key("retry-after"));
        shared::store::api_keys::revoke(&app.pool, "test").await.unwrap();
    }
    let door = open(&app, Some(&issuer)).await;
    assert_eq!(get(&door, SETTINGS, &ann()).await.status, 200, "the secret needs no issuer");
    assert_refused(&get(&door, SETTINGS, &token).await, 503, "unavailable");
    issuer.publish();
    eventually("the keys to be fetched", async || {
        (get(&door, SETTINGS, &token).await.status == 200).then_some(())
    })
    .await;
    issuer.answers(500, "");
    assert_eq!(get(&door, SETTINGS, &token).await.status, 200);
}

#[tokio::test]
async fn a_user_is_shown_their_own_messages_alone_by_http_as_by_sql() {
    let app = TestApp::without_worker().await;
    let door = open(&app, None).await;
    let mut ids = Vec::new();
    for user in [json!("ann"), json!("ben"), json!(null), json!("ann"), json!("Ann")] {
        let answer = door.post(super::SEND, &with(&a_message(), "user_id", user)).await;
        ids.push(answer.body["message_id"].as_str().unwrap().to_owned());
    }
    // Cancelled ones stand in the log, which users read by SQL too.
    for id in &ids[..3] {
        assert_eq!(
            door.call(door.request(Method::POST, &format!("{MESSAGES}/{id}/cancel"))).await.status,
            200
        );
    }
    let token = ann();
    let seen = async |path: &str| {
        let page = get(&door, path, &token).await;
        let listed = page.body["messages"].as_array().unwrap_or_else(|| panic!("{}", page.body)).clone();
        listed.iter().map(|message| message["message_id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(seen(MESSAGES).await, [ids[3].clone(), ids[0].clone()]);
    assert_eq!(seen("/sms/messages?user_id=ann&limit=1").await, [ids[3].clone()]);
    assert_eq!(seen("/sms/messages?status=cancelled").await, [ids[0].clone()]);
    assert_names(&get(&door, "/sms/messages?user_id=ben", &token).await, &["user_id"]);
    for (id, own) in ids.iter().zip([true, false, false, true, false]) {
        let answer = get(&door, &format!("{MESSAGES}/{id}"), &token).await;
        if own {
            assert_eq!((answer.status.as_u16(), &answer.body["user_id"]), (200, &json!("ann")));
        } else {
            assert_refused(&answer, 404, "not-found");
        }
    }
    let mut db = app.owner().await;
    let as_user = format!("set role smsgw_user; set request.jwt.claims = '{}'", claims("ann"));
    sqlx::raw_sql(AssertSqlSafe(as_user)).execute(&mut db).await.unwrap();
    let rows: Vec<MessageId> =
        sqlx::query_scalar("select id from sms_messages_log").fetch_all(&mut db).await.unwrap();
    assert_eq!(rows, [ids[0].parse().unwrap()]);
}

#[tokio::test]
async fn a_user_is_shown_their_own_settings_alone_and_may_not_set_them() {
    let app = TestApp::without_worker().await;
    let door = open(&app, None).await;
    door.put("/users/ben/contact-settings", &json!({ "otp_enabled": true })).await;
    assert_eq!(get(&door, SETTINGS, &ann()).await.status, 200);
    for other in ["ben", "nobody", "Ann", "ann%20"] {
        let answer = get(&door, &format!("/users/{other}/contact-settings"), &ann()).await;
        assert_refused(&answer, 404, "not-found");
    }
    let change = stranger().put(format!("{}{SETTINGS}", door.url)).bearer_auth(ann());
    assert_refused(&door.call(change.json(&json!({}))).await, 403, "insufficient-scope");
}

#[tokio::test]
async fn a_token_opens_no_door_of_servers() {
    let app = TestApp::without_worker().await;
    let door = open(&app, None).await;
    for (method, path, schemes) in super::keys_publishable::closed_doors(&door).await {
        let request = stranger().request(method.clone(), format!("{}{path}", door.url)).bearer_auth(ann());
        let answer = door.call(request.header("x-forwarded-for", "198.51.100.7")).await;
        if schemes.iter().any(|scheme| scheme == "user") {
            assert!(![401, 403].contains(&answer.status.as_u16()), "{method} {path}: {}", answer.body);
        } else {
            assert_refused(&answer, 403, "insufficient-scope");
            assert!(answer.body["detail"].as_str().unwrap().contains("user's token"), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn the_same_idempotency_key_of_another_user_is_another_key() {
    let app = TestApp::without_worker().await;
    let door = open(&app, None).await;
    let body = json!({ "phone": tests::builders::a_number() });
    let tokens = ["ann", "ben"].map(token_of);
    let mut sessions = Vec::new();
    for token in tokens.iter().chain(&tokens) {
        let answer = post(&door, OTP_SEND, token, "key-1", &body).await;
        assert_eq!(answer.status, 202, "{}", answer.body);
        sessions.push(answer.body["session_id"].as_str().unwrap().to_owned());
    }
    assert_ne!(sessions[0], sessions[1]);
    assert_eq!(sessions[..2], sessions[2..], "each gets their own answer again");
    assert_refused(
        &post(&door, OTP_SEND, &tokens[0], "key-1", &json!({ "phone": tests::builders::a_number() })).await,
        422,
        "idempotency-key-reused",
    );
}
