//! `POST /otp/resend`: another code for a running session, in place of the one before.

use serde_json::json;
use tests::builders::a_number;
use tests::wait::eventually;
use tests::{Door, TestApp};

use super::codes::arrived;
use super::{Challenge, OTP_RESEND, OTP_SEND, OTP_VERIFY, assert_refused, code_in, unsent};

#[tokio::test]
async fn a_resend_before_its_time_is_told_when_to_come_back() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    for (purpose, cool_down) in [("login", 30), ("verify_phone", 60)] {
        let challenge =
            Challenge::ask(&app, &door, &json!({ "phone": a_number(), "purpose": purpose })).await;
        let early = challenge.resend(&door).await;
        assert_refused(&early, 429, "otp-cool-down");
        let wait: i64 = early.headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((cool_down - 15..=cool_down).contains(&wait), "{wait}");
        assert_eq!(unsent(&app, &challenge.id).await[0].code, challenge.code, "nothing has changed");
    }
    let challenge = Challenge::start(&app, &door).await;
    challenge.set(&app, "resend_at = clock_timestamp() + interval '200 ms'").await;
    assert_eq!(
        challenge.resend(&door).await.headers["retry-after"],
        "1",
        "whoever comes back then is not early"
    );
}

#[tokio::test]
async fn a_resend_makes_a_new_code_and_gives_no_checks_back() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let challenge = Challenge::start(&app, &door).await;
    for n in 0..2 {
        challenge.verify(&door, &challenge.wrong(n)).await;
    }
    challenge
        .set(&app, "resend_at = clock_timestamp(), expires_at = expires_at - interval '9 minutes'")
        .await;
    let sent = challenge.resend(&door).await;
    assert_eq!((sent.status.as_u16(), &sent.body["session_id"]), (202, &json!(challenge.id)));
    assert_eq!((&sent.body["attempts_remaining"], &sent.body["resend_after"]), (&json!(3), &json!(60)));
    assert!(
        challenge.look(&door).await["expires_in"].as_i64().unwrap() > 580,
        "the new code has its full time"
    );
    let [new] = &unsent(&app, &challenge.id).await[..] else { panic!("one code waits") };
    if new.code != challenge.code {
        let old = challenge.verify(&door, &challenge.code).await;
        assert_refused(&old, 400, "otp-wrong");
        assert_eq!(old.body["attempts_remaining"], 2);
    }
    assert_eq!(challenge.verify(&door, &new.code).await.status, 200);
}

#[tokio::test]
async fn the_cool_down_doubles_and_five_codes_are_enough() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let challenge = Challenge::start(&app, &door).await;
    for next in [60, 120, 240, 480] {
        challenge.cool_down(&app).await;
        let sent = challenge.resend(&door).await;
        assert_eq!((sent.status.as_u16(), &sent.body["resend_after"]), (202, &json!(next)));
    }
    challenge.cool_down(&app).await;
    let enough = challenge.resend(&door).await;
    assert_refused(&enough, 429, "otp-send-limit");
    assert!(enough.headers.contains_key("retry-after"));
    let last = unsent(&app, &challenge.id).await.remove(0).code;
    assert_eq!(challenge.verify(&door, &last).await.status, 200);
}

#[tokio::test]
async fn a_session_that_is_over_sends_no_more_codes() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let (used, locked) = (Challenge::start(&app, &door).await, Challenge::start(&app, &door).await);
    assert_eq!(used.verify(&door, &used.code).await.status, 200);
    for n in 0..5 {
        locked.verify(&door, &locked.wrong(n)).await;
    }
    for (challenge, status, code) in [(used, 410, "otp-used"), (locked, 429, "otp-locked")] {
        challenge.cool_down(&app).await;
        assert_refused(&challenge.resend(&door).await, status, code);
        assert!(unsent(&app, &challenge.id).await.is_empty());
    }
}

/// The providers stand still, so the first code has not left when the second is asked for.
#[tokio::test]
async fn an_older_code_that_has_not_left_never_leaves() {
    let mut app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let phone = a_number();
    for provider in ["twilio", "2factor"] {
        let pause = json!({ "scope": "provider", "name": provider });
        assert_eq!(door.post("/settings/pauses", &pause).await.status, 200);
    }
    app.start_worker();
    let sent = door.post(OTP_SEND, &json!({ "phone": phone })).await;
    let challenge =
        Challenge { id: sent.body["session_id"].as_str().unwrap().to_owned(), code: "000000".to_owned() };
    eventually("the first code to wait", async || {
        let waiting: i64 =
            sqlx::query_scalar("select count(*) from smsgw.sms_outbox where worker_id is null")
                .fetch_one(&app.pool)
                .await
                .unwrap();
        (waiting == 1).then_some(())
    })
    .await;
    challenge.cool_down(&app).await;
    let resent = door.post(OTP_RESEND, &json!({ "session_id": challenge.id })).await;
    assert_eq!(resent.status, 202, "{}", resent.body);
    for provider in ["twilio", "2factor"] {
        assert_eq!(
            door.delete(&format!("/settings/pauses?scope=provider&name={provider}")).await.status,
            204
        );
    }
    let code = arrived(&app, &phone, 1).await;
    let verified = door.post(OTP_VERIFY, &json!({ "session_id": challenge.id, "otp": code })).await;
    assert_eq!(verified.status, 200);
    let ends: Vec<(String, Option<String>)> = eventually("both messages to end", async || {
        let ends: Vec<_> = sqlx::query_as("select status, reason from sms_messages_log order by id")
            .fetch_all(&app.pool)
            .await
            .unwrap();
        (ends.len() == 2).then_some(ends)
    })
    .await;
    assert_eq!(ends[0], ("cancelled".to_owned(), Some("superseded".to_owned())));
    assert_eq!(ends[1].0, "sent");
    app.stop().await;
}

#[tokio::test]
async fn of_two_codes_that_arrived_only_the_later_is_good() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    let phone = a_number();
    let sent = door.post(OTP_SEND, &json!({ "phone": phone })).await;
    let first = arrived(&app, &phone, 1).await;
    let challenge = Challenge { id: sent.body["session_id"].as_str().unwrap().to_owned(), code: first };
    eventually("the session to be sent", async || {
        (challenge.look(&door).await["status"] == "sent").then_some(())
    })
    .await;
    challenge.cool_down(&app).await;
    assert_eq!(challenge.resend(&door).await.status, 202);
    let second = arrived(&app, &phone, 2).await;
    if second != challenge.code {
        assert_refused(&challenge.verify(&door, &challenge.code).await, 400, "otp-wrong");
    }
    assert_eq!(challenge.verify(&door, &second).await.status, 200);
    assert_eq!(code_in(&app.mock.arrivals_to(&phone)[1].body), second);
    app.stop().await;
}
