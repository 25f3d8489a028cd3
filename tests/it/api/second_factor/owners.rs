//! End users with tokens of their own: each their own factors alone, and none changed that was not shown of late.

use reqwest::Method;
use serde_json::{Value, json};
use tests::builders::a_number;
use tests::door::Answer;
use tests::{Door, TestApp};

use super::{
    APP, CODES, CONFIRM, Challenge, DEVICES, FACTOR, REQUIREMENT, SETTINGS, VERIFY, assert_refused, backup,
    by_app, enable, later, new_codes, remembered, step, texts, totp,
};
use crate::api::stranger;
use crate::api::users_tokens::{open, token_of};

async fn call(door: &Door, user: &str, method: &str, path: &str, body: &Value) -> Answer {
    let request = stranger().request(method.parse::<Method>().unwrap(), format!("{}{path}", door.url));
    let request = request.bearer_auth(token_of(user));
    let request = if matches!(method, "POST" | "PUT") { request.json(body) } else { request };
    door.call(request).await
}

/// Every door of a user's factors, with what it takes.
fn doors() -> Vec<(&'static str, String, Value)> {
    let device = format!("{DEVICES}/01a1f8b9-6b18-45d6-970a-180dfb85db55");
    vec![
        ("GET", FACTOR.to_owned(), json!(null)),
        ("PUT", FACTOR.to_owned(), json!({ "method": "none" })),
        ("POST", APP.to_owned(), json!({})),
        ("POST", CONFIRM.to_owned(), json!({ "code": "123456" })),
        ("DELETE", APP.to_owned(), json!(null)),
        ("POST", CODES.to_owned(), json!({})),
        ("POST", VERIFY.to_owned(), backup("00000-00000")),
        ("GET", REQUIREMENT.to_owned(), json!(null)),
        ("POST", REQUIREMENT.to_owned(), json!({ "device_token": "AAAA" })),
        ("GET", DEVICES.to_owned(), json!(null)),
        ("DELETE", DEVICES.to_owned(), json!(null)),
        ("DELETE", device, json!(null)),
    ]
}

/// Seen red with doors that do not ask whose the factor is.
#[tokio::test]
async fn the_factors_of_others_are_as_if_they_were_not_there() {
    let app = TestApp::without_worker().await;
    let door = open(&app, None).await;
    enable(&door).await;
    let codes = new_codes(&door).await;
    remembered(&door, &codes[0], "laptop").await;
    for (method, path, body) in doors() {
        let refused = call(&door, "ben", method, &path, &body).await;
        assert_refused(&refused, 404, "not-found");
        assert_eq!(refused.body["detail"], "there is no such user", "{method} {path}");
    }
    let right = call(&door, "ben", "POST", VERIFY, &backup(&codes[1])).await;
    assert_refused(&right, 404, "not-found");
    let shown = call(&door, "ann", "GET", FACTOR, &json!(null)).await.body;
    assert_eq!((&shown["backup_codes_remaining"], &shown["devices"]), (&json!(9), &json!(1)));
}

#[tokio::test]
async fn a_users_first_factor_needs_nothing_and_every_change_after_it_a_verification() {
    let app = TestApp::without_worker().await;
    let door = open(&app, None).await;
    let ann = async |method: &str, path: &str, body: &Value| call(&door, "ann", method, path, body).await;
    let begun = ann("POST", APP, &json!({})).await;
    assert_eq!(begun.status, 201, "{}", begun.body);
    let secret = begun.body["secret"].as_str().unwrap().to_owned();
    let first = step(&app);
    let confirmed = ann("POST", CONFIRM, &json!({ "code": totp(&secret, first) })).await;
    assert_eq!(confirmed.status, 200, "{}", confirmed.body);
    let codes = texts(&confirmed.body["backup_codes"]);
    let changes: [(&str, &str, Value); 5] = [
        ("POST", CODES, json!({})),
        ("PUT", FACTOR, json!({ "method": "none" })),
        ("PUT", FACTOR, json!({ "method": "app" })),
        ("POST", APP, json!({})),
        ("DELETE", APP, json!(null)),
    ];
    later(&app).await;
    for (method, path, body) in &changes {
        assert_refused(&ann(method, path, body).await, 403, "verification-required");
    }
    assert_refused(&ann("POST", CONFIRM, &json!({ "code": "123456" })).await, 403, "verification-required");
    assert_eq!(ann("DELETE", DEVICES, &json!(null)).await.status, 204, "trust is taken away at any time");
    assert_eq!(ann("GET", FACTOR, &json!(null)).await.body["method"], "app", "nothing has changed");
    // A server knows what it does.
    assert_eq!(door.put(FACTOR, &json!({ "method": "app" })).await.status, 200);
    assert_eq!(ann("POST", VERIFY, &by_app(&totp(&secret, first + 1))).await.status, 200);
    for (method, path, body) in &changes {
        assert!(ann(method, path, body).await.status.is_success(), "{method} {path}");
    }
    // Backup codes alone are a factor, too.
    later(&app).await;
    assert_refused(&ann("POST", CODES, &json!({})).await, 403, "verification-required");
    assert_refused(&ann("POST", VERIFY, &backup(&codes[0])).await, 400, "otp-wrong");
}

#[tokio::test]
async fn a_code_by_sms_is_a_verification_where_it_is_asked_for() {
    let app = TestApp::without_worker().await;
    let door = open(&app, None).await;
    let phone = enable(&door).await;
    let change = async || call(&door, "ann", "POST", CODES, &json!({})).await;
    assert_refused(&change().await, 403, "verification-required");
    let elsewhere = json!({ "phone": a_number(), "user_id": "ann" });
    let challenge = Challenge::ask(&app, &door, &elsewhere).await;
    assert_eq!(challenge.verify(&door, &challenge.code).await.status, 200);
    assert_refused(&change().await, 403, "verification-required");
    let challenge = Challenge::ask(&app, &door, &json!({ "phone": phone, "user_id": "ann" })).await;
    assert_eq!(challenge.verify(&door, &challenge.code).await.status, 200);
    assert_eq!(change().await.status, 201);
    // Who is asked for codes, but has no number for them, has no factor yet.
    assert_eq!(door.put(&SETTINGS.replace("ann", "ben"), &json!({ "otp_enabled": true })).await.status, 200);
    let ben = call(&door, "ben", "POST", &APP.replace("ann", "ben"), &json!({})).await;
    assert_eq!(ben.status, 201);
}
