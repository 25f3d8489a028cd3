//! Second factors: authenticator apps, backup codes and remembered devices, over HTTP.

use base64::Engine as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha1::Sha1;
use sqlx::AssertSqlSafe;
use tests::builders::a_number;
use tests::door::Answer;
use tests::{Door, TestApp};

use super::{Challenge, OTP_VERIFY, assert_names, assert_refused, with, without};

mod apps;
mod backup_codes;
mod devices;
mod erasures;
mod failures;
mod owners;
mod races;
mod secrets;

const FACTOR: &str = "/users/ann/two-factor";
const APP: &str = "/users/ann/two-factor/app";
const CONFIRM: &str = "/users/ann/two-factor/app/confirm";
const CODES: &str = "/users/ann/two-factor/backup-codes";
const VERIFY: &str = "/users/ann/two-factor/verify";
const DEVICES: &str = "/users/ann/devices";
const REQUIREMENT: &str = "/users/ann/otp-requirement";
const SETTINGS: &str = "/users/ann/contact-settings";

/// Ann, who is asked for codes to a number of her own.
async fn enable(door: &Door) -> String {
    let phone = a_number();
    let wanted = json!({ "phone": phone, "otp_enabled": true });
    assert_eq!(door.put(SETTINGS, &wanted).await.status, 200);
    phone
}

/// New backup codes of Ann's.
async fn new_codes(door: &Door) -> Vec<String> {
    let made = door.post(CODES, &json!({})).await;
    assert_eq!(made.status, 201, "{}", made.body);
    texts(&made.body["codes"])
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

fn backup(code: &str) -> Value {
    json!({ "method": "backup_code", "code": code })
}

/// Ann, with an app that is confirmed; gives its secret, and the step of the code that did it.
async fn enrolled(app: &TestApp, door: &Door) -> (String, i64) {
    let begun = door.post(APP, &json!({})).await;
    assert_eq!(begun.status, 201, "{}", begun.body);
    let secret = begun.body["secret"].as_str().unwrap().to_owned();
    let step = step(app);
    let confirmed = door.post(CONFIRM, &json!({ "code": totp(&secret, step) })).await;
    assert_eq!(confirmed.status, 200, "{}", confirmed.body);
    (secret, step)
}

fn by_app(code: &str) -> Value {
    json!({ "method": "app", "code": code })
}

/// The present time step.
fn step(app: &TestApp) -> i64 {
    app.now().timestamp() / 30
}

/// What an app shows (RFC 6238), computed here by itself.
pub(super) fn totp(secret: &str, step: i64) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(&base32(secret)).unwrap();
    mac.update(&step.to_be_bytes());
    let hash = mac.finalize().into_bytes();
    let at = usize::from(hash[19] & 15);
    let number = u32::from_be_bytes(hash[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

/// Reads base32 (RFC 4648 §6).
fn base32(text: &str) -> Vec<u8> {
    let value = |c: u8| match c {
        b'A'..=b'Z' => c - b'A',
        b'2'..=b'7' => c - b'2' + 26,
        _ => panic!("{text} is no base32"),
    };
    let bits = text.bytes().flat_map(|c| (0..5).rev().map(move |bit| value(c) >> bit & 1));
    let bits: Vec<u8> = bits.collect();
    bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |value, bit| value << 1 | bit)).collect()
}

/// Remembers a device of Ann's by a backup code; gives its token.
async fn remembered(door: &Door, code: &str, name: &str) -> String {
    let answer = door.post(VERIFY, &with(&backup(code), "remember_device", json!(name))).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    token_in(&answer)
}

fn token_in(answer: &Answer) -> String {
    answer.body["device_token"].as_str().unwrap_or_else(|| panic!("no token: {}", answer.body)).to_owned()
}

/// Ann's device shows its token.
async fn present(door: &Door, token: &str) -> Answer {
    let answer = door.post(REQUIREMENT, &json!({ "device_token": token })).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer
}

fn reason(answer: &Answer) -> &str {
    answer.body["reason"].as_str().unwrap()
}

/// As it is 16 minutes after Ann's last verification.
async fn later(app: &TestApp) {
    run(app, "update smsgw.two_factor_verifications set verified_at = verified_at - interval '16 minutes'")
        .await;
    run(
        app,
        "update sms_otp_sessions set verified_at = verified_at - interval '16 minutes',
             expires_at = expires_at - interval '16 minutes' where status = 'verified'",
    )
    .await;
}

async fn run(app: &TestApp, sql: &str) -> u64 {
    sqlx::query(AssertSqlSafe(sql.to_owned())).execute(&app.pool).await.unwrap().rows_affected()
}

async fn count(app: &TestApp, sql: &str) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&app.pool).await.unwrap()
}

/// What there is of Ann's second factor.
async fn rows_of_ann(app: &TestApp) -> i64 {
    let rows = "select (select count(*) from two_factor_backup_codes where user_id = 'ann')
                     + (select count(*) from two_factor_apps where user_id = 'ann')
                     + (select count(*) from remembered_devices where user_id = 'ann')
                     + (select count(*) from smsgw.two_factor_failures where user_id = 'ann')
                     + (select count(*) from smsgw.two_factor_verifications where user_id = 'ann')";
    count(app, rows).await
}

#[tokio::test]
async fn who_has_nothing_is_asked_for_nothing() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let expected = json!({ "user_id": "ann", "method": "none", "app_enrolled": false, "app_since": null,
        "backup_codes_remaining": 0, "devices": 0 });
    assert_eq!(door.get(FACTOR).await.body, expected);
    assert_eq!(door.get(DEVICES).await.body, json!({ "devices": [] }));
    for typed in [backup("00000-00000"), by_app("123456")] {
        assert_refused(&door.post(VERIFY, &typed).await, 404, "not-found");
    }
    assert_eq!(count(&app, "select count(*) from smsgw.two_factor_failures").await, 0);
}

#[tokio::test]
async fn a_method_is_set_by_what_a_user_has() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let set = async |method: &str| door.put(FACTOR, &json!({ "method": method })).await;
    for method in ["sms", "app"] {
        assert_names(&set(method).await, &["method"]);
    }
    assert_eq!(set("none").await.body["method"], "none");
    let phone = a_number();
    door.put(SETTINGS, &json!({ "phone": phone })).await;
    assert_eq!(set("sms").await.body["method"], "sms");
    let told = door.get(REQUIREMENT).await.body;
    assert_eq!((&told["reason"], &told["methods"]), (&json!("due"), &json!(["sms"])));
    assert_names(&set("app").await, &["method"]);
    enrolled(&app, &door).await;
    assert_eq!(door.get(FACTOR).await.body["method"], "app");
    let told = door.get(REQUIREMENT).await.body;
    assert_eq!(told["methods"], json!(["app", "backup_code"]), "an SMS does not stand in for an app");
    assert_eq!(set("sms").await.body["method"], "sms");
    assert_eq!(door.get(REQUIREMENT).await.body["methods"], json!(["app", "sms", "backup_code"]));
    assert_eq!(set("none").await.body["method"], "none");
    assert_eq!(door.get(REQUIREMENT).await.body["reason"], "disabled");
    assert_eq!(set("app").await.body["method"], "app", "the app is still there");
    assert_eq!(door.get(SETTINGS).await.body["phone"], json!(phone));
}

#[tokio::test]
async fn what_is_no_check_is_refused() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    enable(&door).await;
    let codes = new_codes(&door).await;
    let good = backup(&codes[0]);
    for (body, field) in [
        (without(&good, "method"), "method"),
        (without(&good, "code"), "code"),
        (with(&good, "method", json!("sms")), "method"),
        (with(&good, "code", json!("0a1bc")), "code"),
        (with(&good, "code", json!("")), "code"),
        (by_app("12345"), "code"),
        (by_app("1234567"), "code"),
        (with(&good, "remember_device", json!("")), "remember_device"),
        (with(&good, "remember_device", json!("x".repeat(65))), "remember_device"),
        (with(&good, "remember_device", json!("a\nb")), "remember_device"),
        (with(&good, "more", json!(1)), "more"),
    ] {
        assert_names(&door.post(VERIFY, &body).await, &[field]);
    }
    assert_names(&door.put(FACTOR, &json!({ "method": "voice" })).await, &["method"]);
    assert_names(&door.post(REQUIREMENT, &json!({ "within": 0 })).await, &["within"]);
    let long = "a".repeat(129);
    for path in ["two-factor", "devices"] {
        assert_names(&door.get(&format!("/users/{long}/{path}")).await, &["id"]);
    }
    assert_eq!(count(&app, "select count(*) from smsgw.two_factor_failures").await, 0, "nothing was guessed");
    assert_eq!(door.post(VERIFY, &good).await.status, 200);
}

/// What a verification token says.
fn claims(token: &Value) -> Value {
    let claims = token.as_str().unwrap().split('.').nth(1).unwrap();
    let claims = base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(claims).unwrap();
    serde_json::from_slice(&claims).unwrap()
}

#[tokio::test]
async fn a_right_code_can_be_told_to_others() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let (secret, step) = enrolled(&app, &door).await;
    let checked = door.post(VERIFY, &with(&by_app(&totp(&secret, step + 1)), "token", json!(true))).await;
    assert_eq!((checked.status.as_u16(), &checked.body["method"]), (200, &json!("app")), "{}", checked.body);
    let claims = claims(&checked.body["token"]);
    assert_eq!(
        (&claims["sub"], &claims["purpose"], &claims["method"]),
        (&json!("ann"), &json!("two_factor"), &json!("app"))
    );
    assert!(claims.get("phone_number").is_none(), "nothing was shown of a number: {claims}");
}
