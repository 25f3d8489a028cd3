//! `Idempotency-Key` at `/api/…`: nothing is sent twice, and a repetition is answered as the first request was.

use std::time::{Duration, Instant};

use futures::future::join_all;
use mock_provider::{Fault, Vendor};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tests::builders::a_number;
use tests::door::Answer;
use tests::{Door, TestApp};

use super::keys_publishable::{PAGE, asking, make};
use super::users_tokens::{self, token_of};
use super::{OTP_RESEND, OTP_SEND, assert_names, post_once, stored, stranger};

/// Every address that sends, with a body for `phone`.
fn doors(phone: &str) -> [(&'static str, Value); 5] {
    [
        ("/api/sms/sendOtp", json!({ "phone": phone })),
        ("/api/sms/send-verification", json!({ "phoneNumber": phone })),
        ("/api/sms/send-2fa", json!({ "phoneNumber": phone })),
        ("/api/send-otp", json!({ "phone": phone })),
        ("/api/sms/sendTemplate", json!({ "to": phone, "template": "booked" })),
    ]
}

async fn gateway() -> (TestApp, Door) {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    let template = json!({ "body": "Your table is booked." });
    assert_eq!(door.put("/sms/templates/booked", &template).await.status, 200);
    (app, door)
}

fn is_replayed(answer: &Answer) -> bool {
    answer.headers.get("idempotency-replayed").is_some_and(|value| value == "true")
}

#[tokio::test]
async fn a_repetition_gets_the_same_answer_and_sends_nothing() {
    let (app, door) = gateway().await;
    let mut sent = 0;
    for (path, body) in doors(&a_number()) {
        let first = post_once(&door, path, path, &body).await;
        assert_eq!((first.status.as_u16(), is_replayed(&first)), (200, false), "{path}: {}", first.body);
        assert_eq!(first.body["status"], "Success", "{path}");
        sent += 1;
        for _ in 0..3 {
            let again = post_once(&door, path, path, &body).await;
            assert_eq!((again.status.as_u16(), is_replayed(&again)), (200, true), "{path}: {}", again.body);
            assert_eq!(again.body, first.body, "{path}");
        }
        assert_eq!(app.mock.arrival_total(), sent, "{path}");
    }
    app.stop().await;
}

#[tokio::test]
async fn thirty_requests_with_one_key_at_once_are_one() {
    let (app, door) = gateway().await;
    let phone = a_number();
    for (n, (path, body)) in doors(&phone).into_iter().enumerate() {
        let answers = join_all((0..30).map(|_| post_once(&door, path, path, &body))).await;
        assert_eq!(answers.iter().filter(|answer| !is_replayed(answer)).count(), 1, "{path}");
        assert!(answers.iter().all(|answer| answer.body == answers[0].body), "{path}: {answers:?}");
        assert_eq!(app.mock.arrivals_to(&phone).len(), n + 1, "{path}");
    }
    app.stop().await;
}

#[tokio::test]
async fn a_failure_is_repeated_too() {
    let (app, door) = gateway().await;
    app.mock.fail(Vendor::Twilio, Fault::Reject { code: "21211".to_owned() }).unwrap();
    let body = json!({ "phone": "+41791112233" });
    let first = post_once(&door, "/api/sms/sendOtp", "a", &body).await;
    let again = post_once(&door, "/api/sms/sendOtp", "a", &body).await;
    assert_eq!((first.status.as_u16(), &first.body["error"]), (400, &json!("send_failed")));
    assert_eq!((again.status, &again.body), (first.status, &first.body));
    assert!(is_replayed(&again) && !is_replayed(&first));
    app.stop().await;
}

#[tokio::test]
async fn what_no_key_can_be_used_for_is_told_in_the_words_of_the_application() {
    let (app, door) = gateway().await;
    for ((path, body), (_, other)) in doors(&a_number()).into_iter().zip(doors(&a_number())) {
        assert_eq!(post_once(&door, path, path, &body).await.status, 200);
        let mut before = stored(&app).await;
        for (key, body, status) in [(path, &other, 422), ("two words", &body, 400)] {
            let refused = post_once(&door, path, key, body).await;
            assert_eq!(refused.status.as_u16(), status, "{path}: {}", refused.body);
            let word = refused.body.get("code").unwrap_or(&refused.body["error"]);
            assert_eq!(word, "invalid_input", "{path}: {}", refused.body);
        }
        // A key of one address is none of another's.
        let elsewhere = if path == "/api/send-otp" { "/api/sms/sendOtp" } else { "/api/send-otp" };
        let taken = post_once(&door, elsewhere, path, &json!({ "phone": a_number() })).await;
        assert_eq!(taken.status, 422, "{path}: {}", taken.body);
        let mut after = stored(&app).await;
        // What the worker has moved from the outbox to the log.
        before.drain(..2);
        after.drain(..2);
        assert_eq!(after, before, "{path}");
    }
    app.stop().await;
}

/// All who look at a page hold its key: one could ask for what another was answered, by the same phone and a key that
/// can be guessed.
///
/// Seen red without the refusal: the second visitor got the first one's session.
#[tokio::test]
async fn pages_bring_no_idempotency_key() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let key = make(&app, "web", &[PAGE]).await;
    let post = async |path: &str, body: &Value| {
        let request = asking(&door, Method::POST, path, &key).header("origin", PAGE);
        door.call(request.header("idempotency-key", "send-1").json(body)).await
    };
    let before = stored(&app).await;
    let phone = json!({ "phone": a_number() });
    for _ in 0..2 {
        assert_names(&post(OTP_SEND, &phone).await, &["idempotency-key"]);
    }
    let session = json!({ "session_id": uuid::Uuid::new_v4() });
    assert_names(&post(OTP_RESEND, &session).await, &["idempotency-key"]);
    for (path, body) in &doors(&a_number())[..4] {
        let refused = post(path, body).await;
        assert_eq!(refused.status, 400, "{path}: {}", refused.body);
        let message = refused.body.get("message").unwrap_or(&refused.body["error"]);
        assert!(message.as_str().unwrap().contains("idempotency-key"), "{path}: {}", refused.body);
    }
    assert_eq!(stored(&app).await, before);
}

/// A request of a user with a key.
fn of_user(door: &Door, path: &str, key: &str, phone: &str) -> RequestBuilder {
    let request = stranger().post(format!("{}{path}", door.url)).bearer_auth(token_of("ann"));
    request.header("idempotency-key", key).json(&json!({ "phone": phone }))
}

/// A vendor that takes half a second: a repetition that looked at the message would be told at once that it was sent,
/// and one whose code is withheld not before that half second.
///
/// Seen red with repetitions that look.
#[tokio::test]
async fn a_repetition_tells_users_nothing_of_a_lock() {
    const SLOW: Duration = Duration::from_millis(500);
    let app = TestApp::start().await;
    let door = users_tokens::open(&app, None).await;
    let delay = Fault::Delay { delay_ms: u64::try_from(SLOW.as_millis()).unwrap() };
    for vendor in [Vendor::Twilio, Vendor::TwoFactor] {
        app.mock.fail(vendor, delay.clone()).unwrap();
    }
    let (free, locked) = (a_number(), a_number());
    sqlx::query(
        "insert into smsgw.otp_phone_failures values ($1, 10, clock_timestamp() + interval '1 hour')",
    )
    .bind(&locked)
    .execute(&app.pool)
    .await
    .unwrap();
    for path in [OTP_SEND, "/api/send-otp"] {
        for phone in [&free, &locked] {
            let key = format!("{path}{phone}");
            let ask = async || door.call(of_user(&door, path, &key, phone).header("prefer", "wait=8")).await;
            let first = ask().await;
            assert!(first.status.is_success() && !is_replayed(&first), "{}", first.body);
            let began = Instant::now();
            let again = ask().await;
            let took = began.elapsed();
            assert!(is_replayed(&again) && took >= SLOW, "{path}, locked {}: {took:?}", phone == &locked);
            assert_eq!(again.body, first.body, "{path}");
        }
    }
    assert_eq!((app.mock.arrivals_to(&free).len(), app.mock.arrivals_to(&locked).len()), (2, 0));
    app.stop().await;
}

/// Where nobody guesses the answer has the fields that it always had.
#[tokio::test]
async fn while_the_brake_holds_the_answer_asks_for_a_challenge() {
    let (app, door) = gateway().await;
    let ask = async |path: &str| {
        let (_, body) = doors(&a_number()).into_iter().find(|(door, _)| *door == path).unwrap();
        post_once(&door, path, &uuid::Uuid::new_v4().to_string(), &body).await.body
    };
    assert_eq!(ask("/api/send-otp").await.get("challenge_required"), None);
    sqlx::query("insert into smsgw.otp_check_counts values (clock_timestamp(), 1000, 600)")
        .execute(&app.pool)
        .await
        .unwrap();
    tests::wait::eventually("the brake", async || {
        (ask("/api/send-otp").await["challenge_required"] == true).then_some(())
    })
    .await;
    for (path, _) in &doors("")[..4] {
        assert_eq!(ask(path).await["challenge_required"], true, "{path}");
    }
    assert_eq!(ask("/api/sms/sendTemplate").await.get("challenge_required"), None, "a text is no code");
    app.stop().await;
}
