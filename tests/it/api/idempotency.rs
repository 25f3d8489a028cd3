//! `Idempotency-Key`: the work is done once and its answer given every time.

use std::time::{Duration, Instant};

use futures::future::join_all;
use reqwest::Method;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use shared::store::api_keys::{self, Scope};
use sqlx::Connection;
use tests::builders::a_number;
use tests::{Door, TestApp};

use super::{
    BATCH, Challenge, OTP_RESEND, OTP_SEND, SEND, a_message, assert_names, assert_refused, post_once, stored,
    stranger, unsent, with,
};

/// Status, whether it is said to be a repetition, and the very bytes.
async fn raw(door: &Door, path: &str, key: &str, body: &Value) -> (u16, bool, Vec<u8>) {
    let request = door.request(Method::POST, path).header("idempotency-key", key).json(body);
    let answer = request.send().await.unwrap();
    let replayed = answer.headers().get("idempotency-replayed").is_some_and(|value| value == "true");
    (answer.status().as_u16(), replayed, answer.bytes().await.unwrap().to_vec())
}

async fn messages(app: &TestApp) -> i64 {
    stored(app).await[0]
}

#[tokio::test]
async fn at_each_door_that_creates_a_repetition_gets_the_very_same_answer() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let challenge = Challenge::start(&app, &door).await;
    challenge.cool_down(&app).await;
    let bad = json!({ "to": "12", "text": "a" });
    for (path, body, more) in [
        (SEND, a_message(), 1),
        (BATCH, json!({ "lane": "promo", "messages": [a_message(), bad, a_message()] }), 2),
        (OTP_SEND, json!({ "phone": a_number() }), 1),
        // One withdrawn, one new.
        (OTP_RESEND, json!({ "session_id": challenge.id }), 0),
    ] {
        let before = messages(&app).await;
        let first = raw(&door, path, path, &body).await;
        assert_eq!((first.0, first.1), (202, false), "{path}: {}", String::from_utf8_lossy(&first.2));
        for _ in 0..3 {
            assert_eq!(raw(&door, path, path, &body).await, (202, true, first.2.clone()), "{path}");
        }
        assert_eq!(messages(&app).await, before + more, "{path}");
    }
}

#[tokio::test]
async fn fifty_requests_with_one_key_at_once_are_one() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let challenge = Challenge::start(&app, &door).await;
    challenge.cool_down(&app).await;
    for (path, body, more) in [
        (SEND, a_message(), 1),
        (BATCH, json!({ "lane": "transactional", "messages": [a_message(), a_message()] }), 2),
        (OTP_SEND, json!({ "phone": a_number() }), 1),
        (OTP_RESEND, json!({ "session_id": challenge.id }), 0),
    ] {
        let before = messages(&app).await;
        let answers = join_all((0..50).map(|_| raw(&door, path, path, &body))).await;
        assert!(
            answers.iter().all(|answer| answer.0 == 202 && answer.2 == answers[0].2),
            "{path}: {answers:?}"
        );
        assert_eq!(answers.iter().filter(|answer| answer.1).count(), 49, "{path}");
        assert_eq!(messages(&app).await, before + more, "{path}");
    }
    let code = unsent(&app, &challenge.id).await.remove(0).code;
    assert_eq!(challenge.verify(&door, &code).await.status, 200);
}

#[tokio::test]
async fn different_keys_are_different_messages() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let body = a_message();
    let keys: Vec<String> = (0..20).map(|n| format!("order-{n}")).collect();
    let answers = join_all(keys.iter().map(|key| post_once(&door, SEND, key, &body))).await;
    assert!(answers.iter().all(|answer| answer.status == 202));
    assert_eq!(messages(&app).await, 20);
}

#[tokio::test]
async fn a_key_belongs_to_one_body_and_one_path() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let body = a_message();
    assert_eq!(post_once(&door, SEND, "order-7", &body).await.status, 202);
    let before = stored(&app).await;
    let other_body = post_once(&door, SEND, "order-7", &with(&body, "text", json!("Another."))).await;
    let other_path = post_once(&door, OTP_SEND, "order-7", &json!({ "phone": a_number() })).await;
    let batch = json!({ "lane": "promo", "messages": [body] });
    let other_kind = post_once(&door, BATCH, "order-7", &batch).await;
    for answer in [other_body, other_path, other_kind] {
        assert_refused(&answer, 422, "idempotency-key-reused");
        assert_eq!(answer.fields(), ["idempotency-key"]);
    }
    assert_eq!(stored(&app).await, before);
    assert_eq!(post_once(&door, SEND, "order-7", &body).await.status, 202);
}

#[tokio::test]
async fn the_same_key_of_another_caller_is_another_key() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let body = a_message();
    let mine = post_once(&door, SEND, "order-7", &body).await;
    let key = api_keys::create(&app.pool, app.keyring.api_keys(), "other", &[Scope::Send]).await.unwrap();
    let request = stranger().post(format!("{}{SEND}", door.url)).bearer_auth(key.expose_secret());
    let theirs = door.call(request.header("idempotency-key", "order-7").json(&body)).await;
    assert_eq!((mine.status.as_u16(), theirs.status.as_u16()), (202, 202));
    assert_ne!(mine.body["message_id"], theirs.body["message_id"]);
    assert!(!theirs.headers.contains_key("idempotency-replayed"));
    assert_eq!(messages(&app).await, 2);
}

#[tokio::test]
async fn a_refused_request_leaves_its_key_free() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    assert_eq!(post_once(&door, SEND, "order-7", &with(&a_message(), "to", json!("12"))).await.status, 400);
    let challenge = Challenge::start(&app, &door).await;
    let again = json!({ "session_id": challenge.id });
    assert_refused(&post_once(&door, OTP_RESEND, "again-1", &again).await, 429, "otp-cool-down");
    assert_eq!(stored(&app).await[4], 0, "no key is kept for a refusal");
    assert_eq!(post_once(&door, SEND, "order-7", &a_message()).await.status, 202);
    challenge.cool_down(&app).await;
    assert_eq!(post_once(&door, OTP_RESEND, "again-1", &again).await.status, 202);
}

#[tokio::test]
async fn a_key_is_forgotten_after_a_day() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    post_once(&door, SEND, "order-7", &a_message()).await;
    let age = async |hours: i32| {
        sqlx::query(
            "update smsgw.idempotency_keys set created_at = clock_timestamp() - make_interval(hours => $1)",
        )
        .bind(hours)
        .execute(&app.pool)
        .await
        .unwrap()
    };
    age(23).await;
    assert_refused(&post_once(&door, SEND, "order-7", &a_message()).await, 422, "idempotency-key-reused");
    age(25).await;
    let later = post_once(&door, SEND, "order-7", &a_message()).await;
    assert_eq!((later.status.as_u16(), messages(&app).await), (202, 2));
}

#[tokio::test]
async fn bare_and_quoted_are_the_same_key() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let body = a_message();
    let bare = post_once(&door, SEND, "order-7", &body).await;
    let quoted = post_once(&door, SEND, "\"order-7\"", &body).await;
    assert_eq!((bare.body, messages(&app).await), (quoted.body, 1));
}

#[tokio::test]
async fn what_is_no_key_is_refused() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let challenge = Challenge::start(&app, &door).await;
    let before = stored(&app).await;
    let doors = [
        (SEND, a_message()),
        (BATCH, json!({ "lane": "promo", "messages": [a_message()] })),
        (OTP_SEND, json!({ "phone": a_number() })),
        (OTP_RESEND, json!({ "session_id": challenge.id })),
    ];
    let (long, longer) = ("k".repeat(256), "k".repeat(10_000));
    for (path, body) in &doors {
        for key in ["", " ", "\"\"", "\"open", "two words", "\"a\"b\"", "caf\u{e9}", "a\tb", &long, &longer] {
            assert_names(&post_once(&door, path, key, body).await, &["idempotency-key"]);
        }
        let twice =
            door.request(Method::POST, path).header("idempotency-key", "a").header("idempotency-key", "b");
        assert_names(&door.call(twice.json(body)).await, &["idempotency-key"]);
    }
    assert_eq!(stored(&app).await, before);
    assert_eq!(post_once(&door, SEND, &"k".repeat(255), &a_message()).await.status, 202);
}

/// The first request's transaction stands still; the second must not wait for ever, nor send.
#[tokio::test]
async fn a_key_whose_request_still_runs_is_told_to_wait() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    // The owner's connections may stand still in a transaction; the gateway's are cut off after 3 s.
    let mut other = app.owner().await;
    let mut running = other.begin().await.unwrap();
    let claim = "insert into smsgw.idempotency_keys (api_key_id, key, request_hash, status, answer)
                 select id, 'order-7', '', 0, '' from smsgw.api_keys";
    assert_eq!(sqlx::query(claim).execute(&mut *running).await.unwrap().rows_affected(), 1);
    let (began, body) = (Instant::now(), a_message());
    let answers = join_all((0..4).map(|_| post_once(&door, SEND, "order-7", &body))).await;
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    for answer in &answers {
        assert_refused(answer, 409, "idempotency-key-running");
        assert_eq!(answer.headers["retry-after"], "1");
    }
    running.rollback().await.unwrap();
    let later = post_once(&door, SEND, "order-7", &a_message()).await;
    assert_eq!((later.status.as_u16(), messages(&app).await), (202, 1));
}
