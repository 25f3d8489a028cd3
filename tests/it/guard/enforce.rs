//! What is withheld, and that nobody outside can tell.

use super::*;

#[tokio::test]
async fn the_seventh_neighbour_is_withheld_and_its_answer_is_like_any_other() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    enforcing(&door).await;
    let mut free = None;
    for n in 0..6 {
        free = Some(start(&door, &number(123, n * 100)).await);
    }
    let (free, held) = (free.unwrap(), start(&door, &number(123, 9000)).await);
    let fields =
        |answer: &Answer| -> Vec<String> { answer.body.as_object().unwrap().keys().cloned().collect() };
    assert_eq!((held.status, fields(&held)), (free.status, fields(&free)));
    for field in ["resend_after", "attempts_remaining"] {
        assert_eq!(held.body[field], free.body[field]);
    }
    // Servers are told by the session; codes that are typed in are wrong, as they would be for anybody.
    let session = door.get(&format!("/otp/sessions/{}", id(&held))).await.body;
    assert_eq!((&session["status"], &session["reason"]), (&json!("send_failed"), &json!("guard")));
    let tried = door.post(OTP_VERIFY, &json!({ "session_id": id(&held), "otp": "123456" })).await;
    assert_eq!(tried.refusal(), (400, "otp-wrong"));
    // The prefix is blocked, another is not.
    let blocked = start(&door, &number(123, 9500)).await;
    let other = start(&door, &number(124, 9500)).await;
    assert_eq!((is_withheld(&app, &blocked).await, is_withheld(&app, &other).await), (true, false));
    app.drained(std::time::Duration::from_secs(10)).await;
    assert!(app.mock.arrivals_to(&number(123, 9000)).is_empty(), "nothing reaches the vendor");
    assert_eq!(app.mock.arrivals_to(&number(123, 0)).len(), 1);
    let rules: Vec<Value> =
        decisions(&door, "?prefix=%2B4179123").await.iter().map(|d| d["rule"].clone()).collect();
    let passed = json!("passed");
    assert_eq!(rules[..2], [json!("blocked"), json!("neighbours")]);
    assert!(rules[2..].iter().all(|rule| *rule == passed) && rules.len() == 8, "{rules:?}");
    app.stop().await;
}

async fn is_withheld(app: &TestApp, sent: &Answer) -> bool {
    let withheld: Option<String> =
        sqlx::query_scalar("select withheld from sms_otp_sessions where id = $1::uuid")
            .bind(id(sent))
            .fetch_one(&app.pool)
            .await
            .unwrap();
    withheld.as_deref() == Some("guard")
}

#[tokio::test]
async fn who_only_observes_sends_everything_and_writes_down_what_would_be() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    for n in 0..9 {
        let sent = start(&door, &number(123, n * 100)).await;
        assert!(is_sent(&app, &sent).await, "{n}");
    }
    let blocked = decisions(&door, "?outcome=block").await;
    assert_eq!(blocked.len(), 3);
    assert_eq!(blocked[2]["rule"], "neighbours");
    assert_eq!((&blocked[2]["mode"], &blocked[2]["is_sent"]), (&json!("observe"), &json!(true)));
    assert_eq!(blocked[2]["inputs"]["neighbours"], 6);
    assert_eq!(blocked[2]["phone"], "+41*******00", "{}", blocked[2]);
}

#[tokio::test]
async fn a_number_that_has_verified_passes_a_blocked_prefix() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    enforcing(&door).await;
    let known = number(200, 5000);
    verify(&app, &door, &known).await;
    for n in 0..7 {
        start(&door, &number(200, n * 100)).await;
    }
    assert!(is_withheld(&app, &start(&door, &number(200, 8000)).await).await);
    assert!(is_sent(&app, &start(&door, &known).await).await);
    assert_eq!(decisions(&door, "").await[0]["rule"], "known_number");
}

#[tokio::test]
async fn without_credits_a_challenge_is_asked_for_and_a_server_may_say_that_it_was_passed() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    set_guard(&door, &json!({ "mode": "enforce", "credits_prefix": 1 })).await;
    start(&door, &number(1, 0)).await;
    let held = start(&door, &number(1, 100)).await;
    assert_eq!(held.body["challenge_required"], true, "{}", held.body);
    assert!(is_withheld(&app, &held).await);
    let challenged = json!({ "phone": number(1, 200), "challenged": true });
    let sent = door.post(OTP_SEND, &challenged).await;
    assert_eq!(sent.body.get("challenge_required"), None);
    assert!(is_sent(&app, &sent).await);
}

#[tokio::test]
async fn a_resend_of_a_withheld_session_is_judged_again_and_costs_a_credit() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    set_guard(&door, &json!({ "mode": "enforce", "credits_prefix": 2 })).await;
    let first = start(&door, &number(7, 0)).await;
    run(&app, "update sms_otp_sessions set resend_at = now()".to_owned()).await;
    let again = door.post("/otp/resend", &json!({ "session_id": id(&first) })).await;
    assert_eq!(again.status, 202, "{}", again.body);
    assert!(is_sent(&app, &first).await);
    assert_eq!(state(&app, "prefix", "+4179007").await["credits"], 0.0);
    run(&app, "update sms_otp_sessions set resend_at = now()".to_owned()).await;
    let third = door.post("/otp/resend", &json!({ "session_id": id(&first) })).await;
    assert_eq!((third.status.as_u16(), &third.body["challenge_required"]), (202, &json!(true)));
    assert!(!is_withheld(&app, &first).await && is_sent(&app, &first).await, "the second code is still good");
}

#[tokio::test]
async fn a_resend_that_is_withheld_leaves_the_code_good_that_was_sent() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    set_guard(&door, &json!({ "mode": "enforce", "credits_prefix": 1 })).await;
    let [kept, renewed, late] = [
        start(&door, &number(16, 0)).await,
        start(&door, &number(17, 0)).await,
        start(&door, &number(18, 0)).await,
    ];
    let code = async |of: &Answer| code_in(&unsent(&app, id(of)).await[0].text);
    let (code_kept, code_late) = (code(&kept).await, code(&late).await);
    run(
        &app,
        "update sms_otp_sessions set resend_at = now(), expires_at = expires_at - interval '5 minutes'"
            .to_owned(),
    )
    .await;
    let resend = async |of: &Answer, challenged: bool| {
        let again =
            door.post("/otp/resend", &json!({ "session_id": id(of), "challenged": challenged })).await;
        assert_eq!(again.status, 202, "{}", again.body);
        (again.body["challenge_required"].clone(), door.get(&format!("/otp/sessions/{}", id(of))).await.body)
    };
    let (held, passed) = (resend(&kept, false).await, resend(&renewed, true).await);
    resend(&late, false).await;
    assert_eq!((held.0, passed.0), (json!(true), Value::Null));
    for field in ["status", "sends", "attempts_remaining", "reason"] {
        assert_eq!(held.1[field], passed.1[field], "{field}");
    }
    for field in ["expires_in", "resend_after"] {
        let (held, passed) = (held.1[field].as_i64().unwrap(), passed.1[field].as_i64().unwrap());
        assert!((held - passed).abs() <= 5 && held > 5, "{field}: {held} {passed}");
    }
    let verify = async |of: &Answer, code: String| {
        door.post(OTP_VERIFY, &json!({ "session_id": id(of), "otp": code })).await
    };
    assert_eq!(verify(&kept, code_kept).await.status, 200);
    assert_eq!(verify(&renewed, code(&renewed).await).await.status, 200);
    // It lives no longer than it would have without the resend; the session does.
    run(
        &app,
        "update sms_otp_sessions set code_expires_at = now() where code_expires_at is not null".to_owned(),
    )
    .await;
    assert_eq!(verify(&late, code_late).await.refusal(), (400, "otp-wrong"));
}

#[tokio::test]
async fn a_repeated_request_is_answered_as_before_and_judged_once() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    set_guard(&door, &json!({ "mode": "enforce", "credits_prefix": 1 })).await;
    start(&door, &number(9, 0)).await;
    let ask = || door.request(reqwest::Method::POST, OTP_SEND).header("idempotency-key", "once");
    let body = json!({ "phone": number(9, 100) });
    let (first, second) = (door.call(ask().json(&body)).await, door.call(ask().json(&body)).await);
    assert_eq!(first.body, second.body);
    assert_eq!(first.body["challenge_required"], true);
    assert_eq!(decisions(&door, "").await.len(), 2);
}
