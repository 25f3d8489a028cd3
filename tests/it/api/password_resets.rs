//! Password reset by phone: a right code gives a token, and the token is redeemed once.

use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tests::builders::a_number;
use tests::door::Answer;
use tests::{Door, TestApp};

use super::keys_publishable::{PAGE, asking, make};
use super::secrets::dump;
use super::users_tokens::{open, post, token_of};
use super::{Challenge, OTP_SEND, assert_names, assert_refused, post_once, unsent};

const REDEEM: &str = "/otp/reset-tokens/redeem";

/// Somebody who has forgotten a password gives the right code.
async fn forgotten(app: &TestApp, door: &Door, request: &Value) -> (Challenge, Answer) {
    let mut request = request.clone();
    request["purpose"] = json!("password_reset");
    let challenge = Challenge::ask(app, door, &request).await;
    let right = challenge.verify(door, &challenge.code).await;
    assert_eq!(right.status, 200, "{}", right.body);
    (challenge, right)
}

fn token(right: &Answer) -> Value {
    json!({ "token": right.body["reset_token"] })
}

#[tokio::test]
async fn a_right_code_gives_a_token_that_is_redeemed_once() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let phone = a_number();
    let (challenge, right) = forgotten(&app, &door, &json!({ "phone": phone, "user_id": "ann" })).await;
    let expires: chrono::DateTime<chrono::Utc> =
        right.body["reset_expires_at"].as_str().unwrap().parse().unwrap();
    let left = (expires - app.now()).num_seconds();
    assert!((580..=600).contains(&left), "{left} s");
    let redeemed = door.post(REDEEM, &token(&right)).await;
    let expected = json!({ "user_id": "ann", "phone": phone, "session_id": challenge.id });
    assert_eq!((redeemed.status.as_u16(), &redeemed.body), (200, &expected));
    assert_refused(&door.post(REDEEM, &token(&right)).await, 410, "reset-token-ended");
}

/// Seen red: the code was used up, and its token was nowhere.
#[tokio::test]
async fn the_addresses_of_other_applications_give_the_token_too() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    for path in ["/api/sms/verifyOtp", "/api/verify-otp"] {
        let request = json!({ "phone": a_number(), "user_id": "ann", "purpose": "password_reset" });
        let challenge = Challenge::ask(&app, &door, &request).await;
        let typed = json!({ "session_id": challenge.id, "otp": challenge.code });
        let right = door.post(path, &typed).await;
        assert_eq!(right.status, 200, "{}", right.body);
        assert!(right.body["reset_expires_at"].is_string(), "{path}: {}", right.body);
        let redeemed = door.post(REDEEM, &token(&right)).await;
        assert_eq!((redeemed.status.as_u16(), &redeemed.body["user_id"]), (200, &json!("ann")), "{path}");
    }
}

#[tokio::test]
async fn only_a_code_for_a_new_password_gives_a_token() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    for purpose in ["login", "verify_phone", "two_factor", "change_phone"] {
        let request = json!({ "phone": a_number(), "user_id": "ann", "purpose": purpose });
        let challenge = Challenge::ask(&app, &door, &request).await;
        assert_eq!(challenge.verify(&door, &challenge.code).await.body, json!({ "verified": true }));
    }
}

/// The page that asks knows a number at most.
#[tokio::test]
async fn whose_verified_number_it_is_says_whose_password_it_is() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let phone = a_number();
    let request = json!({ "phone": phone, "user_id": "ann", "purpose": "verify_phone" });
    let challenge = Challenge::ask(&app, &door, &request).await;
    challenge.verify(&door, &challenge.code).await;
    let (_, right) = forgotten(&app, &door, &json!({ "phone": phone })).await;
    assert_eq!(door.post(REDEEM, &token(&right)).await.body["user_id"], "ann");
    let (_, right) = forgotten(&app, &door, &json!({ "phone": a_number() })).await;
    assert_eq!(door.post(REDEEM, &token(&right)).await.body["user_id"], Value::Null);
}

/// Seen red with a redemption that looks first and writes then.
#[tokio::test(flavor = "multi_thread")]
async fn of_a_thousand_redemptions_at_once_one_succeeds() {
    let app = TestApp::without_worker().await;
    let doors = [Door::open(&app).await, Door::open(&app).await];
    for _ in 0..3 {
        let (_, right) = forgotten(&app, &doors[0], &json!({ "phone": a_number() })).await;
        let body = token(&right);
        let answers = join_all((0..1000).map(|n| doors[n % 2].post(REDEEM, &body))).await;
        let done = answers.iter().filter(|answer| answer.status == 200).count();
        let ended = answers.iter().filter(|answer| answer.status == 410).count();
        assert_eq!((done, ended), (1, 999));
    }
}

#[tokio::test]
async fn a_token_is_worth_nothing_after_ten_minutes() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let (_, right) = forgotten(&app, &door, &json!({ "phone": a_number() })).await;
    let late = "update smsgw.reset_tokens set expires_at = expires_at - interval '10 minutes'";
    assert_eq!(sqlx::query(late).execute(&app.pool).await.unwrap().rows_affected(), 1);
    assert_refused(&door.post(REDEEM, &token(&right)).await, 410, "reset-token-ended");
    for made_up in ["", "x", &"A".repeat(43), "'; drop table sms_outbox; --", "\u{0}"] {
        assert_refused(&door.post(REDEEM, &json!({ "token": made_up })).await, 410, "reset-token-ended");
    }
    assert_names(&door.post(REDEEM, &json!({})).await, &["token"]);
}

#[tokio::test]
async fn an_answer_that_was_lost_is_given_again_by_its_key() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let (_, right) = forgotten(&app, &door, &json!({ "phone": a_number() })).await;
    let first = post_once(&door, REDEEM, "reset-1", &token(&right)).await;
    let again = post_once(&door, REDEEM, "reset-1", &token(&right)).await;
    assert_eq!((first.status.as_u16(), &first.body), (200, &again.body));
    assert_eq!(again.headers["idempotency-replayed"], "true");
    assert_refused(&post_once(&door, REDEEM, "reset-2", &token(&right)).await, 410, "reset-token-ended");
}

#[tokio::test]
async fn a_page_redeems_nothing_and_a_token_is_nowhere_in_the_database() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let (_, right) = forgotten(&app, &door, &json!({ "phone": a_number() })).await;
    let secret = right.body["reset_token"].as_str().unwrap();
    let rows = dump(&app).await;
    assert!(rows.iter().any(|(table, _)| table.contains("reset_tokens")), "the dump has the table");
    assert!(rows.iter().all(|(_, row)| !row.contains(secret)));
    let page = make(&app, "web", &[PAGE]).await;
    let request = asking(&door, Method::POST, REDEEM, &page).header("origin", PAGE);
    assert_refused(&door.call(request.json(&token(&right))).await, 403, "insufficient-scope");
    assert_eq!(door.post(REDEEM, &token(&right)).await.status, 200);
}

/// Whoever has Ann's token may send a code to a number of their own.
#[tokio::test]
async fn a_users_token_resets_a_password_by_the_users_own_number_alone() {
    let app = TestApp::without_worker().await;
    let door = open(&app, None).await;
    let (own, other) = (a_number(), a_number());
    assert_eq!(door.put("/users/ann/contact-settings", &json!({ "phone": own })).await.status, 200);
    for (phone, user) in [(&own, json!("ann")), (&other, Value::Null)] {
        let request = json!({ "phone": phone, "purpose": "password_reset" });
        let started = post(&door, OTP_SEND, &token_of("ann"), phone, &request).await;
        let id = started.body["session_id"].as_str().unwrap().to_owned();
        let code = unsent(&app, &id).await.remove(0).code;
        let right = Challenge { id, code: code.clone() }.verify(&door, &code).await;
        assert_eq!(door.post(REDEEM, &token(&right)).await.body["user_id"], user);
    }
}

/// A number that changes hands within the ten minutes says nothing of a code before.
#[tokio::test]
async fn whose_password_it_is_is_decided_by_the_code() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let phone = a_number();
    let (_, right) = forgotten(&app, &door, &json!({ "phone": phone })).await;
    let request = json!({ "phone": phone, "user_id": "bob", "purpose": "verify_phone" });
    let challenge = Challenge::ask(&app, &door, &request).await;
    assert_eq!(challenge.verify(&door, &challenge.code).await.status, 200);
    assert_eq!(door.post(REDEEM, &token(&right)).await.body["user_id"], Value::Null);
}
