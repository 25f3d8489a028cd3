//! One-time codes: from the request over the phone to the check.

use futures::future::join_all;
use serde_json::{Value, json};
use tests::builders::a_number;
use tests::wait::eventually;
use tests::{Door, TestApp};
use uuid::Uuid;

use super::{Challenge, OTP_SEND, OTP_VERIFY, assert_refused, code_in, unsent};

/// Waits for the number's `count`-th message and gives its code.
pub(super) async fn arrived(app: &TestApp, phone: &str, count: usize) -> String {
    let text = eventually("the code to arrive", async || {
        let arrivals = app.mock.arrivals_to(phone);
        assert!(arrivals.len() <= count, "one code too many: {arrivals:?}");
        arrivals.get(count - 1).map(|arrival| arrival.body.clone())
    })
    .await;
    code_in(&text)
}

#[tokio::test]
async fn a_code_arrives_and_is_good_once() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    let phone = a_number();
    let sent = door.post(OTP_SEND, &json!({ "phone": phone, "user_id": "ann" })).await;
    assert_eq!((sent.status.as_u16(), &sent.body["resend_after"]), (202, &json!(30)));
    assert_eq!(sent.body["attempts_remaining"], 5);
    let code = arrived(&app, &phone, 1).await;
    let verify = json!({ "session_id": sent.body["session_id"], "otp": code });
    let right = door.post(OTP_VERIFY, &verify).await;
    assert_eq!((right.status.as_u16(), right.body), (200, json!({ "verified": true })));
    for _ in 0..3 {
        let again = door.post(OTP_VERIFY, &verify).await;
        assert_refused(&again, 410, "otp-used");
        assert_eq!(again.body["attempts_remaining"], 0);
    }
    app.stop().await;
}

#[tokio::test]
async fn wrong_codes_count_down_and_lock_out_even_the_right_one() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let challenge = Challenge::start(&app, &door).await;
    for left in [4, 3, 2, 1, 0] {
        let answer = challenge.verify(&door, &challenge.wrong(left)).await;
        assert_refused(&answer, 400, "otp-wrong");
        assert_eq!(answer.body["attempts_remaining"], left);
    }
    for code in [challenge.code.clone(), challenge.wrong(9)] {
        let answer = challenge.verify(&door, &code).await;
        assert_refused(&answer, 429, "otp-locked");
        assert_eq!(answer.body["attempts_remaining"], 0);
    }
    assert_refused(&challenge.resend(&door).await, 429, "otp-locked");
    assert_eq!(
        (challenge.attempts(&app).await, &challenge.look(&door).await["status"]),
        (5, &json!("locked"))
    );
    assert!(unsent(&app, &challenge.id).await.is_empty(), "the unsent code is withdrawn");
}

#[tokio::test]
async fn the_right_code_still_counts_after_wrong_ones() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let challenge = Challenge::start(&app, &door).await;
    for n in 0..4 {
        assert_refused(&challenge.verify(&door, &challenge.wrong(n)).await, 400, "otp-wrong");
    }
    assert_eq!(challenge.verify(&door, &challenge.code).await.status, 200);
    assert!(unsent(&app, &challenge.id).await.is_empty(), "a code that was typed need not be sent");
}

#[tokio::test]
async fn each_purpose_has_its_own_limits() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    for (purpose, attempts, minutes, resend_after) in [
        ("login", 5, 10, 30),
        ("verify_phone", 3, 10, 60),
        ("two_factor", 5, 5, 30),
        ("password_reset", 5, 10, 30),
        ("change_phone", 5, 10, 30),
    ] {
        let answer = door.post(OTP_SEND, &json!({ "phone": a_number(), "purpose": purpose })).await;
        assert_eq!(
            (&answer.body["attempts_remaining"], &answer.body["resend_after"]),
            (&json!(attempts), &json!(resend_after))
        );
        let expires: chrono::DateTime<chrono::Utc> =
            answer.body["expires_at"].as_str().unwrap().parse().unwrap();
        let left = (expires - app.now()).num_seconds();
        assert!((minutes * 60 - 20..=minutes * 60).contains(&left), "{purpose}: {left} s");
        let text = unsent(&app, answer.body["session_id"].as_str().unwrap()).await.remove(0).text;
        assert!(text.contains(&format!("{minutes} minutes")), "{text}");
    }
    let challenge =
        Challenge::ask(&app, &door, &json!({ "phone": a_number(), "purpose": "verify_phone" })).await;
    for left in [2, 1, 0] {
        assert_eq!(challenge.verify(&door, &challenge.wrong(left)).await.body["attempts_remaining"], left);
    }
    assert_refused(&challenge.verify(&door, &challenge.code).await, 429, "otp-locked");
}

#[tokio::test]
async fn a_code_is_worth_nothing_once_it_has_expired() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let challenge = Challenge::start(&app, &door).await;
    challenge.expire(&app).await;
    let answer = challenge.verify(&door, &challenge.code).await;
    assert_refused(&answer, 410, "otp-expired");
    assert_eq!(answer.body["attempts_remaining"], 0);
    assert_refused(&challenge.resend(&door).await, 410, "otp-expired");
    assert_eq!(challenge.look(&door).await["status"], "expired");
    assert_eq!(challenge.attempts(&app).await, 0);
}

/// Bound to its session, its phone and its purpose: a code is good nowhere else.
#[tokio::test]
async fn a_code_is_good_in_its_own_session_only() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let phone = a_number();
    let starts = [
        json!({ "phone": phone, "user_id": "ann" }),
        json!({ "phone": phone, "user_id": "ann" }),
        json!({ "phone": phone, "user_id": "bob" }),
        json!({ "phone": phone, "purpose": "password_reset" }),
        json!({ "phone": a_number(), "user_id": "ann" }),
    ];
    let mut challenges = Vec::new();
    for start in &starts {
        challenges.push(Challenge::ask(&app, &door, start).await);
    }
    for (own, challenge) in challenges.iter().enumerate() {
        for other in
            challenges.iter().enumerate().filter(|(n, other)| *n != own && other.code != challenge.code)
        {
            assert_refused(&challenge.verify(&door, &other.1.code).await, 400, "otp-wrong");
        }
        assert_eq!(challenge.verify(&door, &challenge.code).await.status, 200);
    }
}

/// A session's hash that is moved to another session, phone or purpose opens nothing.
#[tokio::test]
async fn a_code_is_bound_to_its_phone_and_its_purpose() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    for change in ["phone = '+919876543210'".to_owned(), "purpose = 'password_reset'".to_owned()] {
        let challenge = Challenge::start(&app, &door).await;
        challenge.set(&app, &change).await;
        assert_refused(&challenge.verify(&door, &challenge.code).await, 400, "otp-wrong");
    }
    let (one, two) = (Challenge::start(&app, &door).await, Challenge::start(&app, &door).await);
    two.set(&app, &format!("code_mac = (select code_mac from sms_otp_sessions where id = '{}')", one.id))
        .await;
    assert_refused(&two.verify(&door, &one.code).await, 400, "otp-wrong");
    two.set(&app, "code_mac = null").await;
    assert_refused(&two.verify(&door, &two.code).await, 400, "otp-wrong");
}

#[tokio::test]
async fn a_code_is_read_as_people_type_it() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let arabic =
        |code: &str| code.bytes().map(|b| char::from_u32(0x660 + u32::from(b - b'0')).unwrap()).collect();
    let spellings: [fn(&str) -> String; 4] = [
        |code| format!(" {code}\n"),
        |code| format!("{}-{}", &code[..3], &code[3..]),
        |code| format!("{} {}", &code[..3], &code[3..]),
        |code| code.chars().map(|c| format!("{c} ")).collect(),
    ];
    for spelling in spellings {
        let challenge = Challenge::start(&app, &door).await;
        let typed = spelling(&challenge.code);
        assert_eq!(challenge.verify(&door, &typed).await.status, 200, "{typed:?}");
    }
    let challenge = Challenge::start(&app, &door).await;
    let typed: String = arabic(&challenge.code);
    assert_eq!(challenge.verify(&door, &typed).await.status, 200, "{typed:?}");
}

#[tokio::test]
async fn codes_and_sessions_are_all_different() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let challenges = join_all((0..100).map(|_| Challenge::start(&app, &door))).await;
    let ids: std::collections::HashSet<_> = challenges.iter().map(|challenge| &challenge.id).collect();
    assert_eq!(ids.len(), 100);
    assert!(ids.iter().all(|id| id.parse::<Uuid>().unwrap().get_version_num() == 4), "ids cannot be guessed");
    let codes: std::collections::HashSet<_> = challenges.iter().map(|challenge| &challenge.code).collect();
    assert!(codes.len() > 95, "{} codes of 100 are different", codes.len());
    assert!(codes.iter().all(|code| code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit())));
}

#[tokio::test]
async fn a_session_shows_what_a_countdown_needs_and_no_more() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let challenge = Challenge::ask(&app, &door, &json!({ "phone": "+919876543210", "user_id": "ann" })).await;
    challenge.verify(&door, &challenge.wrong(0)).await;
    let session = challenge.look(&door).await;
    let fields: Vec<_> = session.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "attempts_remaining",
        "created_at",
        "expires_at",
        "expires_in",
        "phone",
        "purpose",
        "resend_after",
        "sends",
        "session_id",
        "status",
        "verified_at",
    ];
    assert_eq!(fields, expected);
    assert_eq!((&session["status"], &session["attempts_remaining"]), (&json!("pending"), &json!(4)));
    assert_eq!((&session["phone"], &session["sends"]), (&json!("+91********10"), &json!(1)));
    assert!((1..=30).contains(&session["resend_after"].as_i64().unwrap()));
    assert!((580..=600).contains(&session["expires_in"].as_i64().unwrap()));
    challenge.verify(&door, &challenge.code).await;
    let session = challenge.look(&door).await;
    assert_eq!((&session["status"], &session["expires_in"]), (&json!("verified"), &json!(0)));
    assert_ne!(session["verified_at"], Value::Null);
}
