//! How often codes are sent: by phone, purpose, client address, user, country and key.

use std::collections::HashMap;

use futures::future::join_all;
use serde_json::{Value, json};
use tests::builders::a_number;
use tests::door::Answer;
use tests::{Door, TestApp};

use super::{Challenge, OTP_SEND, assert_names, assert_refused};

const LIMITS: &str = "/settings/otp/limits";

async fn ask(door: &Door, request: &Value) -> Answer {
    door.post(OTP_SEND, request).await
}

fn statuses(answers: &[Answer]) -> HashMap<u16, usize> {
    let mut counts = HashMap::new();
    for answer in answers {
        *counts.entry(answer.status.as_u16()).or_default() += 1;
    }
    counts
}

async fn count_of(app: &TestApp, table: &'static str) -> i64 {
    sqlx::query_scalar(sqlx::AssertSqlSafe(format!("select count(*) from {table}")))
        .fetch_one(&app.pool)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_phone_is_sent_five_codes_an_hour_and_its_callers_know_where_they_stand() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let request = json!({ "phone": a_number() });
    for left in (0..5).rev() {
        let sent = ask(&door, &request).await;
        assert_eq!(sent.status, 202, "{}", sent.body);
        let stands = sent.headers["ratelimit"].to_str().unwrap();
        assert!(stands.contains(&format!("\"phone-hour\";r={left};t=")), "{stands}");
        let policy = sent.headers["ratelimit-policy"].to_str().unwrap();
        assert!(
            policy.contains("\"phone-hour\";q=5;w=3600") && policy.contains("\"phone-day\";q=10;w=86400")
        );
    }
    let refused = ask(&door, &request).await;
    assert_refused(&refused, 429, "rate-limited");
    let wait: i64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((3540..=3600).contains(&wait), "{wait}");
    assert!(refused.headers["ratelimit"].to_str().unwrap().starts_with("\"phone-hour\";r=0;t="));
    assert_eq!((count_of(&app, "sms_otp_sessions").await, count_of(&app, "smsgw.sms_outbox").await), (5, 5));
    assert_eq!(ask(&door, &json!({ "phone": a_number() })).await.status, 202, "another phone is another's");
    // Neither a purpose of its own nor another process is a way around it.
    let elsewhere = Door::open(&app).await;
    let other = json!({ "phone": request["phone"], "purpose": "password_reset" });
    assert_refused(&ask(&elsewhere, &other).await, 429, "rate-limited");
}

/// Seen red with windows that are read without being held.
#[tokio::test]
async fn of_sixty_who_ask_two_processes_at_once_for_one_phone_four_are_sent_the_codes_that_are_left() {
    let app = TestApp::without_worker().await;
    let doors = [Door::open(&app).await, Door::open(&app).await];
    for _ in 0..5 {
        let request = json!({ "phone": a_number() });
        // Two who make the row of a phone wait for each other anyhow; it is there.
        assert_eq!(ask(&doors[0], &request).await.status, 202);
        let answers = join_all((0..60).map(|n| ask(&doors[n % 2], &request))).await;
        assert_eq!(statuses(&answers), [(202, 4), (429, 56)].into());
    }
    assert_eq!(count_of(&app, "sms_otp_sessions").await, 25);
}

#[tokio::test]
async fn an_address_is_a_person_and_an_ipv6_network_is_one() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    for (first, same, other) in [
        ("192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2"),
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", "2001:db8:0:2::1"),
    ] {
        for _ in 0..5 {
            assert_eq!(ask(&door, &json!({ "phone": a_number(), "client_ip": first })).await.status, 202);
        }
        let phone = a_number();
        let refused = ask(&door, &json!({ "phone": phone, "client_ip": same })).await;
        assert_refused(&refused, 429, "rate-limited");
        assert!(refused.headers["ratelimit"].to_str().unwrap().starts_with("\"ip-minute\""));
        let sent = ask(&door, &json!({ "phone": phone, "client_ip": other })).await;
        let stands = sent.headers["ratelimit"].to_str().unwrap();
        assert!(stands.contains("\"phone-hour\";r=4;"), "the refused one was not counted: {stands}");
    }
    // A server that names no client speaks for many.
    let answers =
        join_all((0..20).map(|_| async { ask(&door, &json!({ "phone": a_number() })).await })).await;
    assert_eq!(statuses(&answers), [(202, 20)].into());
}

#[tokio::test]
async fn a_user_is_sent_five_codes_a_minute_to_whatever_phones() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    for _ in 0..5 {
        assert_eq!(ask(&door, &json!({ "phone": a_number(), "user_id": "u1" })).await.status, 202);
    }
    assert_refused(&ask(&door, &json!({ "phone": a_number(), "user_id": "u1" })).await, 429, "rate-limited");
    assert_eq!(ask(&door, &json!({ "phone": a_number(), "user_id": "u2" })).await.status, 202);
}

#[tokio::test]
async fn resends_are_counted_as_well() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let phone = a_number();
    let challenge = Challenge::ask(&app, &door, &json!({ "phone": phone })).await;
    for _ in 0..4 {
        challenge.cool_down(&app).await;
        assert_eq!(challenge.resend(&door).await.status, 202);
    }
    assert_refused(&ask(&door, &json!({ "phone": phone })).await, 429, "rate-limited");
    let second = Challenge::start(&app, &door).await;
    let limit = json!({ "kind": "key", "per_seconds": 60, "most": 1 });
    assert_eq!(door.put(&format!("{LIMITS}/one"), &limit).await.status, 200);
    assert_eq!(ask(&door, &json!({ "phone": a_number() })).await.status, 202);
    second.cool_down(&app).await;
    let refused = second.resend(&door).await;
    assert_refused(&refused, 429, "rate-limited");
    assert_eq!(refused.body["attempts_remaining"], 5);
    assert_eq!(second.look(&door).await["sends"], 1, "nothing has changed");
}

#[tokio::test]
async fn countries_and_keys_have_limits_if_an_operator_sets_them() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let limit = json!({ "kind": "country", "per_seconds": 3600, "most": 3 });
    assert_eq!(door.put(&format!("{LIMITS}/country-hour"), &limit).await.status, 200);
    for _ in 0..3 {
        assert_eq!(ask(&door, &json!({ "phone": "+12015550123" })).await.status, 202);
    }
    assert_refused(&ask(&door, &json!({ "phone": "+12015550124" })).await, 429, "rate-limited");
    assert_eq!(ask(&door, &json!({ "phone": "+919876543210" })).await.status, 202);
    assert_eq!(door.delete(&format!("{LIMITS}/country-hour")).await.status, 204);
    assert_eq!(ask(&door, &json!({ "phone": "+12015550124" })).await.status, 202);
    assert_refused(&door.delete(&format!("{LIMITS}/country-hour")).await, 404, "not-found");
}

#[tokio::test]
async fn a_limit_that_cannot_be_is_refused_with_its_field() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let good = json!({ "kind": "phone", "per_seconds": 60, "most": 2 });
    for (name, field, value) in [
        ("x", "kind", json!("purpose")),
        ("x", "kind", json!("planet")),
        ("x", "per_seconds", json!(0)),
        ("x", "most", json!(0)),
        ("x", "most", json!(1001)),
        ("Upper", "name", json!("Upper")),
        ("purpose-login", "name", json!("")),
    ] {
        let mut wanted = good.clone();
        if field != "name" {
            wanted[field] = value;
        }
        assert_names(&door.put(&format!("{LIMITS}/{name}"), &wanted).await, &[field]);
    }
    let shown = door.get("/settings/otp").await.body;
    let names: Vec<_> =
        shown["limits"].as_array().unwrap().iter().map(|limit| limit["name"].clone()).collect();
    assert_eq!(names, ["ip-day", "ip-minute", "phone-day", "phone-hour", "user-day", "user-minute"]);
}
