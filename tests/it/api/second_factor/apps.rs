//! Authenticator apps: enrolled by a picture, confirmed by a first code, each step's code good for once.

use serde_json::json;
use tests::builders::a_number;
use tests::{Door, TestApp};

use super::{
    APP, CONFIRM, Challenge, FACTOR, REQUIREMENT, SETTINGS, VERIFY, assert_names, assert_refused, backup,
    by_app, count, enable, enrolled, later, new_codes, run, step, texts, totp,
};

#[tokio::test]
async fn an_app_is_enrolled_and_lets_its_user_in() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    enable(&door).await;
    let begun = door.post(APP, &json!({})).await;
    assert_eq!(begun.status, 201, "{}", begun.body);
    let secret = begun.body["secret"].as_str().unwrap();
    assert_eq!(secret.len(), 32);
    let url = begun.body["otpauth_url"].as_str().unwrap();
    assert!(url.starts_with("otpauth://totp/") && url.contains(&format!("secret={secret}&")), "{url}");
    let picture = begun.body["qr_svg"].as_str().unwrap();
    assert!(
        picture.starts_with("<?xml") && picture.contains("<svg") && picture.ends_with("</svg>"),
        "{picture}"
    );
    let minutes = "select (extract(epoch from max(expires_at) - now()) / 60)::bigint from two_factor_apps";
    assert!((9..=10).contains(&count(&app, minutes).await));
    // It does not count before it is confirmed.
    assert_eq!(door.get(FACTOR).await.body["app_enrolled"], false);
    let first = step(&app);
    assert_refused(&door.post(VERIFY, &by_app(&totp(secret, first))).await, 404, "not-found");
    assert_names(&door.post(CONFIRM, &json!({ "code": "12345" })).await, &["code"]);
    let confirmed = door.post(CONFIRM, &json!({ "code": totp(secret, first) })).await;
    assert_eq!((confirmed.status.as_u16(), &confirmed.body["method"]), (200, &json!("app")));
    assert_eq!(texts(&confirmed.body["backup_codes"]).len(), 10);
    let shown = door.get(FACTOR).await.body;
    assert_eq!((&shown["method"], &shown["app_enrolled"]), (&json!("app"), &json!(true)));
    assert!(shown["app_since"].is_string());
    assert_eq!(door.get(REQUIREMENT).await.body["reason"], "verified_recently");
    later(&app).await;
    assert_eq!(door.get(REQUIREMENT).await.body["reason"], "due");
    let typed = totp(secret, first + 1);
    let checked = door.post(VERIFY, &by_app(&format!("{} {}", &typed[..3], &typed[3..]))).await;
    let expected = json!({ "verified": true, "method": "app", "backup_codes_remaining": 10 });
    assert_eq!((checked.status.as_u16(), checked.body), (200, expected));
    assert_eq!(door.get(REQUIREMENT).await.body["reason"], "verified_recently");
}

/// Seen red without the step in the update.
#[tokio::test]
async fn a_code_of_an_app_is_good_once_and_one_before_it_no_more() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let (secret, first) = enrolled(&app, &door).await;
    assert_refused(&door.post(VERIFY, &by_app(&totp(&secret, first))).await, 410, "otp-used");
    assert_eq!(door.post(VERIFY, &by_app(&totp(&secret, first + 1))).await.status, 200);
    for step in [first, first + 1] {
        assert_refused(&door.post(VERIFY, &by_app(&totp(&secret, step))).await, 410, "otp-used");
    }
    assert_refused(&door.post(VERIFY, &by_app(&totp(&secret, first - 5))).await, 400, "otp-wrong");
    // Half a minute later.
    run(&app, "update two_factor_apps set last_step = last_step - 1").await;
    assert_eq!(door.post(VERIFY, &by_app(&totp(&secret, first + 1))).await.status, 200);
}

#[tokio::test]
async fn an_enrolment_ends_after_ten_minutes_or_when_another_begins() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let confirm = async |secret: &str| door.post(CONFIRM, &json!({ "code": totp(secret, step(&app)) })).await;
    assert_refused(&door.post(CONFIRM, &json!({ "code": "123456" })).await, 410, "otp-expired");
    let begin = async || door.post(APP, &json!({})).await.body["secret"].as_str().unwrap().to_owned();
    let (one, other) = (begin().await, begin().await);
    assert_refused(&confirm(&one).await, 400, "otp-wrong");
    run(&app, "update two_factor_apps set expires_at = clock_timestamp()").await;
    assert_refused(&confirm(&other).await, 410, "otp-expired");
    let again = begin().await;
    assert_eq!(confirm(&again).await.status, 200);
    assert_refused(&confirm(&again).await, 410, "otp-expired");
    assert_eq!(count(&app, "select count(*) from two_factor_apps").await, 1);
}

#[tokio::test]
async fn the_app_before_stays_good_until_another_is_confirmed() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let (old, first) = enrolled(&app, &door).await;
    let begun = door.post(APP, &json!({})).await;
    let new = begun.body["secret"].as_str().unwrap();
    assert_eq!(door.post(VERIFY, &by_app(&totp(&old, first + 1))).await.status, 200);
    let confirmed = door.post(CONFIRM, &json!({ "code": totp(new, step(&app)) })).await;
    assert_eq!(confirmed.status, 200);
    assert!(confirmed.body.get("backup_codes").is_none(), "there are some left: {}", confirmed.body);
    run(&app, "update two_factor_apps set last_step = null").await;
    assert_refused(&door.post(VERIFY, &by_app(&totp(&old, step(&app)))).await, 400, "otp-wrong");
    assert_eq!(door.post(VERIFY, &by_app(&totp(new, step(&app)))).await.status, 200);
}

#[tokio::test]
async fn who_removes_their_app_gets_codes_by_sms_or_is_asked_for_nothing() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    assert_refused(&door.delete(APP).await, 404, "not-found");
    enrolled(&app, &door).await;
    assert_eq!(door.delete(APP).await.status, 204);
    let shown = door.get(FACTOR).await.body;
    assert_eq!((&shown["method"], &shown["app_since"]), (&json!("none"), &json!(null)));
    assert_eq!(shown["backup_codes_remaining"], 10);
    enable(&door).await;
    enrolled(&app, &door).await;
    door.post(APP, &json!({})).await;
    assert_eq!(door.delete(APP).await.status, 204);
    assert_eq!(door.get(FACTOR).await.body["method"], "sms");
    assert_eq!(count(&app, "select count(*) from two_factor_apps").await, 0, "the pending one goes, too");
}

/// Seen red with a verification that stays.
#[tokio::test]
async fn a_code_of_an_app_says_nothing_once_the_app_is_removed() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    enable(&door).await;
    enrolled(&app, &door).await;
    assert_eq!(door.get(REQUIREMENT).await.body["reason"], "verified_recently");
    assert_eq!(door.delete(APP).await.status, 204);
    let told = door.get(REQUIREMENT).await.body;
    assert_eq!((&told["reason"], &told["verified_at"]), (&json!("due"), &json!(null)));
    // A backup code is still one of the user's.
    let (secret, _) = enrolled(&app, &door).await;
    let codes = new_codes(&door).await;
    assert_eq!(door.post(VERIFY, &backup(&codes[0])).await.status, 200);
    assert_eq!(door.delete(APP).await.status, 204);
    assert_eq!(door.get(REQUIREMENT).await.body["reason"], "verified_recently");
    assert_refused(&door.post(VERIFY, &by_app(&totp(&secret, step(&app)))).await, 404, "not-found");
}

/// Whoever is asked for their app has shown nothing by an SMS, which is easier to get at.
#[tokio::test]
async fn an_sms_does_not_stand_in_for_an_app() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let phone = a_number();
    assert_eq!(door.put(SETTINGS, &json!({ "phone": phone, "otp_enabled": true })).await.status, 200);
    enrolled(&app, &door).await;
    later(&app).await;
    let challenge = Challenge::ask(&app, &door, &json!({ "phone": phone, "user_id": "ann" })).await;
    assert_eq!(challenge.verify(&door, &challenge.code).await.status, 200);
    let told = door.get(REQUIREMENT).await.body;
    assert_eq!((&told["reason"], &told["verified_at"]), (&json!("due"), &json!(null)));
    assert_eq!(door.put(FACTOR, &json!({ "method": "sms" })).await.status, 200);
    assert_eq!(door.get(REQUIREMENT).await.body["reason"], "verified_recently");
}
