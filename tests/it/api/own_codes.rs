//! End users with tokens of their own at the doors of codes: theirs are theirs, and those of others are as if they were
//! not there.

use reqwest::Method;
use serde_json::{Value, json};
use tests::builders::a_number;
use tests::door::Answer;
use tests::{Door, TestApp};
use uuid::Uuid;

use super::phone_locks::failures;
use super::users_tokens::{get, open, token_of};
use super::{
    Challenge, OTP_RESEND, OTP_SEND, OTP_VERIFY, assert_names, assert_refused, stored, stranger, unsent, with,
};

/// POST with a user's token.
async fn post_as(door: &Door, user: &str, path: &str, body: &Value) -> Answer {
    let request = stranger().request(Method::POST, format!("{}{path}", door.url));
    door.call(request.bearer_auth(token_of(user)).json(body)).await
}

async fn look_as(door: &Door, user: &str, id: &str) -> Answer {
    get(door, &format!("/otp/sessions/{id}"), &token_of(user)).await
}

/// A challenge that a user has asked for.
async fn a_challenge_of(app: &TestApp, door: &Door, user: &str, phone: &str) -> Challenge {
    let sent = post_as(door, user, OTP_SEND, &json!({ "phone": phone })).await;
    assert_eq!(sent.status, 202, "{}", sent.body);
    let id = sent.body["session_id"].as_str().unwrap().to_owned();
    let code = unsent(app, &id).await.remove(0).code;
    Challenge { id, code }
}

/// What an answer tells, but for the number of its request.
fn told(answer: &Answer) -> (u16, Vec<String>, Value) {
    let mut headers: Vec<_> = answer.headers.keys().map(ToString::to_string).collect();
    headers.sort_unstable();
    (answer.status.as_u16(), headers, with(&answer.body, "request_id", json!(null)))
}

/// Seen red with a claim, a look and a resend that do not ask whose the session is.
#[tokio::test]
async fn a_users_token_does_nothing_to_sessions_of_others() {
    let app = TestApp::without_worker().await;
    let door = open(&app, None).await;
    let nobodys = Challenge::start(&app, &door).await;
    let by_server = json!({ "phone": a_number(), "user_id": "ann" });
    let phone = a_number();
    let sessions = [
        a_challenge_of(&app, &door, "ann", &phone).await,
        Challenge::ask(&app, &door, &by_server).await,
        nobodys,
    ];
    for session in &sessions {
        session.cool_down(&app).await;
    }
    let before = stored(&app).await;
    let unknown = Uuid::new_v4().to_string();
    for user in ["ben", "Ann", "ann ", "null"] {
        let try_all = async |id: &str, code: &str| {
            let check = |code: &str| json!({ "session_id": id, "otp": code });
            [
                post_as(&door, user, OTP_VERIFY, &check(code)).await,
                post_as(&door, user, OTP_VERIFY, &check("12345678")).await,
                post_as(&door, user, OTP_RESEND, &json!({ "session_id": id })).await,
                look_as(&door, user, id).await,
            ]
        };
        let none = try_all(&unknown, "123456").await;
        for (answer, code) in none.iter().zip(["otp-expired", "otp-expired", "otp-expired", "not-found"]) {
            assert_refused(answer, if code == "not-found" { 404 } else { 410 }, code);
        }
        for session in &sessions {
            let answers = try_all(&session.id, &session.code).await;
            assert_eq!(answers.each_ref().map(told), none.each_ref().map(told), "{user}");
        }
    }
    assert_eq!((stored(&app).await, failures(&app, &phone).await), (before, None));
    for session in &sessions[..2] {
        let right = json!({ "session_id": session.id, "otp": session.code });
        assert_eq!(post_as(&door, "ann", OTP_VERIFY, &right).await.status, 200);
        assert_refused(&post_as(&door, "ben", OTP_VERIFY, &right).await, 410, "otp-expired");
    }
}

#[tokio::test]
async fn a_user_has_a_session_of_their_own_from_start_to_end() {
    let app = TestApp::without_worker().await;
    let door = open(&app, None).await;
    let phone = a_number();
    let mut challenge = a_challenge_of(&app, &door, "ann", &phone).await;
    let owner: Option<String> =
        sqlx::query_scalar("select user_id from sms_otp_sessions").fetch_one(&app.pool).await.unwrap();
    assert_eq!(owner.as_deref(), Some("ann"), "the token says whose it is");
    let wrong = json!({ "session_id": challenge.id, "otp": challenge.wrong(0) });
    assert_refused(&post_as(&door, "ann", OTP_VERIFY, &wrong).await, 400, "otp-wrong");
    challenge.cool_down(&app).await;
    let resent = post_as(&door, "ann", OTP_RESEND, &json!({ "session_id": challenge.id })).await;
    assert_eq!((resent.status.as_u16(), &resent.body["attempts_remaining"]), (202, &json!(4)));
    challenge.code = unsent(&app, &challenge.id).await.remove(0).code;
    let right = json!({ "session_id": challenge.id, "otp": challenge.code });
    assert_eq!(post_as(&door, "ann", OTP_VERIFY, &right).await.status, 200);
    let seen = look_as(&door, "ann", &challenge.id).await;
    assert_eq!((seen.status.as_u16(), &seen.body["status"]), (200, &json!("verified")));
}

#[tokio::test]
async fn a_user_names_neither_another_user_nor_an_address() {
    let app = TestApp::without_worker().await;
    let door = open(&app, None).await;
    let good = json!({ "phone": a_number() });
    let before = stored(&app).await;
    for (field, value) in
        [("user_id", "ben"), ("user_id", "Ann"), ("client_ip", "198.51.100.7"), ("client_ip", "127.0.0.1")]
    {
        let answer = post_as(&door, "ann", OTP_SEND, &with(&good, field, json!(value))).await;
        assert_names(&answer, &[field]);
    }
    let both = with(&with(&good, "user_id", json!("ben")), "client_ip", json!("::1"));
    assert_names(&post_as(&door, "ann", OTP_SEND, &both).await, &["user_id", "client_ip"]);
    assert_eq!(stored(&app).await, before);
    let own = with(&good, "user_id", json!("ann"));
    assert_eq!(post_as(&door, "ann", OTP_SEND, &own).await.status, 202, "who they are they may say");
}
