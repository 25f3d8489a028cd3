//! `/api/…`: what applications were written for before there was this gateway.

use mock_provider::{Fault, FaultRule, Vendor};
use serde_json::{Value, json};
use tests::door::Answer;
use tests::{Door, TestApp};

use super::codes::arrived;
use super::unsent;

async fn gateway() -> (TestApp, Door) {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    (app, door)
}

fn fields(answer: &Answer) -> Vec<&str> {
    answer.body.as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test]
async fn a_code_is_sent_to_an_indian_number_and_checked() {
    let (app, door) = gateway().await;
    let sent = door.post("/api/sms/sendOtp", &json!({ "phone": "9198765432", "name": "Asha" })).await;
    assert_eq!(sent.status, 200, "{}", sent.body);
    assert_eq!(fields(&sent), ["message", "response_time_ms", "session_id", "status"]);
    assert_eq!(sent.body["status"], "Success");
    assert!(sent.body["response_time_ms"].is_number() && sent.headers.contains_key("ratelimit"));
    let session = sent.body["session_id"].clone();
    let code = arrived(&app, "+919198765432", 1).await;
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let refused = door.post("/api/sms/verifyOtp", &json!({ "session_id": session, "otp": wrong })).await;
    assert_eq!((refused.status.as_u16(), &refused.body["verified"]), (400, &json!(false)));
    assert_eq!(
        (&refused.body["error"], &refused.body["attempts_remaining"]),
        (&json!("otp_mismatch"), &json!(4))
    );
    assert_eq!(refused.headers["content-type"], "application/json");
    let right = door.post("/api/sms/verifyOtp", &json!({ "session_id": session, "otp": code })).await;
    assert_eq!((right.status.as_u16(), &right.body["verified"]), (200, &json!(true)), "{}", right.body);
    assert_eq!(fields(&right), ["message", "response_time_ms", "status", "verified"]);
    let again = door.post("/api/sms/verifyOtp", &json!({ "session_id": session, "otp": code })).await;
    assert_eq!((again.status.as_u16(), &again.body["error"]), (410, &json!("otp_expired")));
    app.stop().await;
}

#[tokio::test]
async fn what_cannot_be_asked_is_told_in_the_words_of_the_application() {
    let (app, door) = gateway().await;
    for (path, body, status, word) in [
        ("/api/sms/sendOtp", json!({ "phone": "12" }), 400, "invalid_phone"),
        ("/api/sms/sendOtp", json!({}), 400, "invalid_phone"),
        ("/api/sms/verifyOtp", json!({ "session_id": "x" }), 400, "invalid_input"),
        ("/api/sms/verifyOtp", json!({ "session_id": "x", "otp": "12" }), 400, "invalid_input"),
        ("/api/sms/verifyOtp", json!({ "session_id": "x", "otp": "123456" }), 410, "otp_expired"),
        ("/api/sms/sendTemplate", json!({ "to": "12", "template": "T" }), 400, "invalid_phone"),
    ] {
        let answer = door.post(path, &body).await;
        assert_eq!((answer.status.as_u16(), &answer.body["error"]), (status, &json!(word)), "{path} {body}");
        assert!(answer.body["message"].as_str().is_some_and(|text| !text.is_empty()), "{}", answer.body);
    }
    for path in ["/api/send-otp", "/api/sms/send-verification", "/api/sms/send-2fa"] {
        let answer = door.post(path, &json!({ "phoneNumber": "12" })).await;
        assert_eq!((answer.status.as_u16(), &answer.body["success"]), (400, &json!(false)), "{path}");
        assert!(answer.body["error"].is_string());
    }
    let request = json!({ "phone": "9876543210" });
    for _ in 0..5 {
        assert_eq!(door.post("/api/sms/sendOtp", &request).await.status, 200);
    }
    let limited = door.post("/api/sms/sendOtp", &request).await;
    assert_eq!((limited.status.as_u16(), &limited.body["error"]), (429, &json!("rate_limited")));
    assert!(limited.headers.contains_key("retry-after"));
    app.stop().await;
}

#[tokio::test]
async fn a_number_that_receives_nothing_and_one_that_no_provider_serves_are_told_apart() {
    let (app, door) = gateway().await;
    let body = r#"{"code": 21211, "message": "no such number", "status": 400}"#.to_owned();
    let fault = Fault::Garbage { status: 400, body, delivered: false };
    app.mock.fail_by(FaultRule::new(Vendor::Twilio, fault).times(1)).unwrap();
    let request = json!({ "phone": "+41791112233" });
    let failed = door.post("/api/sms/sendOtp", &request).await;
    assert_eq!(
        (failed.status.as_u16(), &failed.body["error"]),
        (400, &json!("send_failed")),
        "{}",
        failed.body
    );
    assert_eq!(failed.body["provider_status"], 400);
    app.stop().await;

    let mut app = TestApp::without_worker().await;
    app.start_worker_with(|parts| {
        for provider in &mut parts.providers {
            provider.countries = Some(vec!["IN".parse().unwrap()]);
        }
    });
    let door = Door::open(&app).await;
    let nobody = door.post("/api/sms/sendOtp", &request).await;
    assert_eq!((nobody.status.as_u16(), &nobody.body["error"]), (500, &json!("missing_api_key")));
    app.stop().await;
}

#[tokio::test]
async fn a_code_that_the_application_made_up_is_not_the_one_that_is_sent() {
    let (app, door) = gateway().await;
    let request = json!({ "phoneNumber": "+1 (201) 555-0123", "code": "111111" });
    let sent = door.post("/api/sms/send-verification", &request).await;
    assert_eq!((sent.status.as_u16(), &sent.body["success"]), (200, &json!(true)), "{}", sent.body);
    let shown = door.get(&format!("/sms/messages/{}", sent.body["messageSid"].as_str().unwrap())).await;
    assert_eq!(
        (&shown.body["lane"], &shown.body["status"]),
        (&json!("otp"), &json!("sent")),
        "{}",
        sent.body
    );
    let code = arrived(&app, "+12015550123", 1).await;
    let session = door.get(&format!("/otp/sessions/{}", sent.body["session_id"].as_str().unwrap())).await;
    assert_eq!(
        (&session.body["purpose"], &session.body["attempts_remaining"]),
        (&json!("verify_phone"), &json!(3))
    );
    if code != "111111" {
        let made_up = json!({ "session_id": sent.body["session_id"], "otp": "111111" });
        assert_eq!(door.post("/api/verify-otp", &made_up).await.body["success"], false);
    }
    let right = json!({ "session_id": sent.body["session_id"], "otp": code });
    assert_eq!(door.post("/api/verify-otp", &right).await.body["success"], true);
    let second = door.post("/api/sms/send-2fa", &json!({ "phoneNumber": "+12015550124" })).await;
    let session = door.get(&format!("/otp/sessions/{}", second.body["session_id"].as_str().unwrap())).await;
    assert_eq!(session.body["purpose"], "two_factor");
    app.stop().await;
}

#[tokio::test]
async fn by_a_phone_alone_the_newest_code_of_the_same_caller_is_checked() {
    let app = TestApp::without_worker().await;
    let (door, other) = (Door::open(&app).await, Door::open(&app).await);
    let waits = async |door: &Door| {
        let answer = door.post("/otp/send", &json!({ "phone": "+12015550199" })).await;
        let id = answer.body["session_id"].as_str().unwrap().to_owned();
        unsent(&app, &id).await.remove(0).code
    };
    let (older, newer, others) = (waits(&door).await, waits(&door).await, waits(&other).await);
    let check = async |code: &str| {
        let body = json!({ "phone": "+1-201-555-0199", "otp": code });
        door.post("/api/verify-otp", &body).await.body["success"].clone()
    };
    if older != newer && others != newer {
        assert_eq!((check(&older).await, check(&others).await), (json!(false), json!(false)));
    }
    assert_eq!(check(&newer).await, json!(true));
    let missing = door.post("/api/verify-otp", &json!({ "otp": "123456" })).await;
    assert_eq!((missing.status.as_u16(), &missing.body["code"]), (400, &json!("invalid_phone")));
}

#[tokio::test]
async fn a_template_that_is_not_ours_goes_to_the_vendor_by_its_name() {
    let (app, door) = gateway().await;
    let request =
        json!({ "to": "9876543210", "template": "BOOKING1", "vars": { "VAR2": "20:00", "VAR1": "Asha" } });
    let sent = door.post("/api/sms/sendTemplate", &request).await;
    assert_eq!((sent.status.as_u16(), &sent.body["status"]), (200, &json!("Success")), "{}", sent.body);
    assert_eq!(fields(&sent), ["details", "message", "status"]);
    let arrival = app.mock.arrivals_to("+919876543210").remove(0);
    assert_eq!(arrival.template.as_deref(), Some("BOOKING1"));
    assert_eq!(arrival.variables, ["Asha", "20:00"]);
    // One of ours is filled as everywhere.
    let ours = json!({ "body": "Dear {{ name }}, welcome." });
    assert_eq!(door.put("/sms/templates/welcome", &ours).await.status, 200);
    let request = json!({ "to": "+41791112244", "template": "welcome", "vars": { "name": "Ada" } });
    assert_eq!(door.post("/api/sms/sendTemplate", &request).await.body["status"], "Success");
    assert_eq!(app.mock.arrivals_to("+41791112244")[0].body, "Dear Ada, welcome.");
    let unfilled = json!({ "to": "+41791112244", "template": "welcome" });
    let refused = door.post("/api/sms/sendTemplate", &unfilled).await;
    assert_eq!((refused.status.as_u16(), &refused.body["error"]), (400, &json!("invalid_input")));
    app.stop().await;
}

#[tokio::test]
async fn without_a_worker_the_answer_is_queued_after_eight_seconds() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let began = std::time::Instant::now();
    let sent: Vec<Value> = futures::future::join_all([
        door.post("/api/sms/sendOtp", &json!({ "phone": "9876543210" })),
        door.post("/api/send-otp", &json!({ "phone": "+12015550177" })),
    ])
    .await
    .into_iter()
    .map(|answer| answer.body)
    .collect();
    assert!((8.0..12.0).contains(&began.elapsed().as_secs_f64()), "{:?}", began.elapsed());
    assert!(sent.iter().all(|body| body["status"] == "Queued" && body["session_id"].is_string()), "{sent:?}");
}
