//! `/settings/otp`: what the codes of each purpose allow, as an operator sets it.

use serde_json::{Value, json};
use tests::builders::a_number;
use tests::wait::eventually;
use tests::{Door, TestApp};

use super::{Challenge, OTP_SEND, OTP_VERIFY, assert_names, assert_refused, unsent};

async fn policy(door: &Door, purpose: &str) -> Value {
    let purposes = door.get("/settings/otp").await.body["purposes"].clone();
    let mut found =
        purposes.as_array().unwrap().iter().find(|row| row["purpose"] == purpose).unwrap().clone();
    found.as_object_mut().unwrap().remove("purpose");
    found
}

async fn change(door: &Door, purpose: &str, changes: Value) {
    let mut wanted = policy(door, purpose).await;
    for (field, value) in changes.as_object().unwrap() {
        wanted[field] = value.clone();
    }
    let answer = door.put(&format!("/settings/otp/purposes/{purpose}"), &wanted).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[tokio::test]
async fn the_usual_policies_are_those_that_were_asked_for() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    for (purpose, lifetime, attempts, cool_down) in [
        ("login", 600, 5, 30),
        ("verify_phone", 600, 3, 60),
        ("two_factor", 300, 5, 30),
        ("password_reset", 600, 5, 30),
        ("change_phone", 600, 5, 30),
    ] {
        let policy = policy(&door, purpose).await;
        assert_eq!(policy["code_length"], 6);
        assert_eq!(policy["lifetime_seconds"], lifetime);
        assert_eq!(policy["max_attempts"], attempts);
        assert_eq!(policy["cool_down_seconds"], cool_down);
    }
}

#[tokio::test]
async fn a_purpose_may_have_longer_codes_bound_to_a_web_page() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let changes =
        json!({ "code_length": 8, "origin": "app.example.com", "max_attempts": 2, "lifetime_seconds": 90 });
    change(&door, "login", changes).await;
    let sent = door.post(OTP_SEND, &json!({ "phone": a_number() })).await;
    assert_eq!(sent.body["attempts_remaining"], 2);
    let id = sent.body["session_id"].as_str().unwrap();
    let text = unsent(&app, id).await.remove(0);
    assert_eq!(text.code.len(), 8);
    let last = format!("@app.example.com #{}", text.code);
    assert_eq!(text.text.lines().last(), Some(last.as_str()));
    assert!(text.text.contains("2 minutes"), "{}", text.text);
    let short = door.post(OTP_VERIFY, &json!({ "session_id": id, "otp": "123456" })).await;
    assert_names(&short, &["otp"]);
    assert!(short.body["detail"].as_str().unwrap().contains("exactly 8 digits"));
    let session = door.get(&format!("/otp/sessions/{id}")).await.body;
    assert_eq!(session["attempts_remaining"], 2, "a code of another length costs no attempt");
    let right = door.post(OTP_VERIFY, &json!({ "session_id": id, "otp": text.code })).await;
    assert_eq!(right.status, 200);
}

#[tokio::test]
async fn a_resend_may_repeat_the_code_which_lives_no_longer_for_it() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    change(&door, "login", json!({ "resend": "same" })).await;
    let challenge = Challenge::start(&app, &door).await;
    let expires_at = challenge.look(&door).await["expires_at"].clone();
    challenge.cool_down(&app).await;
    assert_eq!(challenge.resend(&door).await.status, 202);
    assert_eq!(unsent(&app, &challenge.id).await.remove(0).code, challenge.code);
    assert_eq!(challenge.look(&door).await["expires_at"], expires_at);
    assert_eq!(challenge.verify(&door, &challenge.code).await.status, 200);
    let kept: Option<Vec<u8>> =
        sqlx::query_scalar("select sealed_code from sms_otp_sessions").fetch_one(&app.pool).await.unwrap();
    assert_eq!(kept, None, "nothing of the code is left");
}

#[tokio::test]
async fn a_purpose_has_a_template_of_its_own() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let body = json!({ "lane": "otp", "body": "{{ code }} resets your password." });
    assert_eq!(door.put("/sms/templates/reset", &body).await.status, 200);
    change(&door, "password_reset", json!({ "template": "reset" })).await;
    let request = json!({ "phone": a_number(), "purpose": "password_reset" });
    let sent = door.post(OTP_SEND, &request).await;
    let text = unsent(&app, sent.body["session_id"].as_str().unwrap()).await.remove(0);
    assert_eq!(text.text, format!("{} resets your password.", text.code));
}

#[tokio::test]
async fn what_no_policy_can_be_is_refused_with_its_field() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let good = policy(&door, "login").await;
    for (field, value) in [
        ("code_length", json!(5)),
        ("code_length", json!(11)),
        ("lifetime_seconds", json!(601)),
        ("max_attempts", json!(0)),
        ("max_attempts", json!(11)),
        ("cool_down_seconds", json!(0)),
        ("max_sends", json!(21)),
        ("send_window_seconds", json!(0)),
        ("resend", json!("other")),
        ("template", json!("no template")),
        ("origin", json!("https://app.example.com")),
        ("origin", json!("App.example.com")),
        ("origin", json!("a..b")),
    ] {
        let mut wanted = good.clone();
        wanted[field] = value;
        assert_names(&door.put("/settings/otp/purposes/login", &wanted).await, &[field]);
    }
    assert_refused(&door.put("/settings/otp/purposes/logout", &good).await, 404, "not-found");
    assert_eq!(policy(&door, "login").await, good);
}

#[tokio::test]
async fn while_codes_are_guessed_at_all_over_the_place_new_ones_have_eight_digits() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let before = door.post(OTP_SEND, &json!({ "phone": a_number() })).await;
    assert!(before.body.get("challenge_required").is_none(), "{}", before.body);
    sqlx::query("insert into smsgw.otp_check_counts values (clock_timestamp(), 1000, 600)")
        .execute(&app.pool)
        .await
        .unwrap();
    let id = eventually("the brake", async || {
        let sent = door.post(OTP_SEND, &json!({ "phone": a_number() })).await;
        (sent.body["challenge_required"] == true)
            .then(|| sent.body["session_id"].as_str().unwrap().to_owned())
    })
    .await;
    let code = unsent(&app, &id).await.remove(0).code;
    assert_eq!(code.len(), 8);
    assert_eq!(door.post(OTP_VERIFY, &json!({ "session_id": id, "otp": code })).await.status, 200);
    // The check itself is counted, and has its row.
    eventually("the check's row", async || {
        let outcome: Option<String> =
            sqlx::query_scalar("select outcome from sms_otp_checks").fetch_optional(&app.pool).await.unwrap();
        (outcome.as_deref() == Some("right")).then_some(())
    })
    .await;
}
