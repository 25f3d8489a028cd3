//! `POST /otp/send`, `/otp/verify`, `/otp/resend`: each field that cannot be used is named, nothing is
//! stored, and no check is spent.

use serde_json::{Value, json};
use tests::builders::a_number;
use tests::{Door, TestApp};
use uuid::Uuid;

use super::{
    Challenge, OTP_RESEND, OTP_SEND, OTP_VERIFY, assert_names, assert_refused, stored, with, without,
};

/// Asks with each field in turn set to the value; each must be refused by that name.
async fn refuses(door: &Door, path: &str, good: &Value, cases: impl IntoIterator<Item = (&str, Value)>) {
    for (field, value) in cases {
        assert_names(&door.post(path, &with(good, field, value)).await, &[field]);
    }
}

#[tokio::test]
async fn every_field_of_a_start_is_checked() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let good = json!({ "phone": a_number() });
    let everything = json!({ "phone": a_number(), "purpose": "two_factor", "user_id": "ann",
        "client_ip": "2001:db8::1", "provider_hint": "twilio", "locale": "pt-BR" });
    for start in [&good, &everything] {
        assert_eq!(door.post(OTP_SEND, start).await.status, 202);
    }
    let before = stored(&app).await;
    assert_names(&door.post(OTP_SEND, &json!({})).await, &["phone"]);
    let cases = [
        ("phone", json!(null)),
        ("phone", json!(41_790_000_001_u64)),
        ("phone", json!("12")),
        ("phone", json!("+41\u{0}790000001")),
        ("phone", json!("9".repeat(100_000))),
        ("purpose", json!("fun")),
        ("purpose", json!("Login")),
        ("purpose", json!("")),
        ("purpose", json!(1)),
        ("purpose", json!("login\u{0}")),
        ("user_id", json!("")),
        ("user_id", json!("u".repeat(129))),
        ("user_id", json!("a\u{0}b")),
        ("user_id", json!(7)),
        ("client_ip", json!("")),
        ("client_ip", json!("1.2.3")),
        ("client_ip", json!("1.2.3.4:80")),
        ("client_ip", json!("1.2.3.4, 5.6.7.8")),
        ("client_ip", json!("1".repeat(10_000))),
        ("client_ip", json!([])),
        ("provider_hint", json!("É")),
        ("provider_hint", json!("p".repeat(41))),
        ("provider_hint", json!(false)),
        ("locale", json!("")),
        ("locale", json!("en_US")),
        ("locale", json!("a-".repeat(30))),
        ("locale", json!("en\u{0}")),
        ("locale", json!({})),
        ("text", json!("a text of one's own")),
        ("otp", json!("123456")),
    ];
    refuses(&door, OTP_SEND, &good, cases).await;
    let all = json!({ "phone": "12", "user_id": "", "client_ip": "x", "provider_hint": "X", "locale": "_" });
    let named = ["phone", "user_id", "provider_hint", "locale", "client_ip"];
    assert_names(&door.post(OTP_SEND, &all).await, &named);
    assert_eq!(stored(&app).await, before);
}

#[tokio::test]
async fn what_cannot_be_a_code_is_named_and_costs_no_check() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let challenge = Challenge::start(&app, &door).await;
    let before = stored(&app).await;
    let good = json!({ "session_id": challenge.id, "otp": challenge.code });
    for field in ["session_id", "otp"] {
        assert_names(&door.post(OTP_VERIFY, &without(&good, field)).await, &[field]);
    }
    let cases = [
        ("otp", json!(null)),
        ("otp", json!(123_456)),
        ("otp", json!(["1", "2"])),
        ("otp", json!("")),
        ("otp", json!("12345")),
        ("otp", json!("1234567")),
        ("otp", json!("abcdef")),
        ("otp", json!("12345a")),
        ("otp", json!("12345\u{0}")),
        ("otp", json!("123456\n7")),
        ("otp", json!("1".repeat(100_000))),
        ("session_id", json!(null)),
        ("session_id", json!(1)),
        ("phone", json!(a_number())),
        ("code", json!("123456")),
    ];
    refuses(&door, OTP_VERIFY, &good, cases).await;
    assert_eq!((stored(&app).await, challenge.attempts(&app).await), (before, 0));
    assert_eq!(door.post(OTP_VERIFY, &good).await.status, 200);
}

#[tokio::test]
async fn every_field_of_a_resend_is_checked() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let challenge = Challenge::start(&app, &door).await;
    challenge.cool_down(&app).await;
    let before = stored(&app).await;
    let good = json!({ "session_id": challenge.id });
    assert_names(&door.post(OTP_RESEND, &json!({})).await, &["session_id"]);
    let cases = [
        ("session_id", json!(null)),
        ("session_id", json!(5)),
        ("session_id", json!([challenge.id])),
        ("phone", json!(a_number())),
        ("otp", json!("123456")),
    ];
    refuses(&door, OTP_RESEND, &good, cases).await;
    assert_eq!(stored(&app).await, before);
    assert_eq!(door.post(OTP_RESEND, &good).await.status, 202);
}

/// Whoever guesses ids learns nothing, neither from the answer nor from its form.
#[tokio::test]
async fn what_is_no_session_answers_as_a_session_that_has_expired() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let challenge = Challenge::start(&app, &door).await;
    challenge.expire(&app).await;
    let ids = [
        challenge.id.clone(),
        Uuid::new_v4().to_string(),
        Uuid::nil().to_string(),
        String::new(),
        "no id at all".to_owned(),
        "a\u{0}b".to_owned(),
        "' or 1=1 --".to_owned(),
        "f".repeat(100_000),
    ];
    for (path, good) in [(OTP_VERIFY, json!({ "otp": challenge.code })), (OTP_RESEND, json!({}))] {
        let mut answers = Vec::new();
        for id in &ids {
            let answer = door.post(path, &with(&good, "session_id", json!(id))).await;
            assert_refused(&answer, 410, "otp-expired");
            let mut headers: Vec<_> = answer.headers.keys().map(ToString::to_string).collect();
            headers.sort();
            answers.push((headers, with(&answer.body, "request_id", json!(null))));
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{path}: {answers:?}");
        assert_eq!(answers[0].1["attempts_remaining"], 0);
    }
    assert_eq!(challenge.attempts(&app).await, 0);
}
