//! Erasure: who asks to be forgotten is found nowhere any more, and is texted no more than they wanted.

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::Method;
use serde_json::{Value, json};
use shared::message::NewMessage;
use sqlx::AssertSqlSafe;
use tests::builders::{a_number, a_promo};
use tests::wait::within;
use tests::{Door, TestApp};

use crate::api::secrets::dump;

mod backup;
mod restored;
mod retention;
mod steps;
mod suppression;

const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);
/// Somebody of this name: no other word of a database has it.
const NAME: &str = "Zaphodia";

/// A promo that waits for an hour.
fn planned(now: DateTime<Utc>, number: &str) -> NewMessage {
    let draft = a_promo(now).to(number).text(&format!("Dear {NAME}, come in")).build();
    NewMessage { due_at: Some(now + TimeDelta::hours(1)), expires_at: now + TimeDelta::hours(2), ..draft }
}

/// Asks for an erasure; gives its address.
async fn erase(door: &Door, number: &str) -> String {
    let begun = door.delete(&format!("/people/{number}")).await;
    assert_eq!((begun.status.as_u16(), &begun.body["status"]), (202, &json!("running")), "{}", begun.body);
    let address = begun.headers["location"].to_str().unwrap().to_owned();
    assert_eq!(address, format!("/people/erasures/{}", begun.body["erasure_id"].as_str().unwrap()));
    address
}

/// Waits until an erasure is done; gives it.
async fn done(door: &Door, address: &str) -> Value {
    within(PATIENCE, "the erasure to be done", async || {
        let shown = door.get(address).await.body;
        (shown["status"] == "done").then_some(shown)
    })
    .await
}

/// Where any of `words` stands.
async fn found(app: &TestApp, words: &[&str]) -> Vec<(String, String)> {
    let rows = dump(app).await;
    rows.into_iter().filter(|(_, row)| words.iter().any(|word| row.contains(word))).collect()
}

/// How many calls to vendors for this number would lead to it there.
async fn calls_of(app: &TestApp, number: &str) -> i64 {
    sqlx::query_scalar(
        "select count(*) from smsgw.sms_attempts a join sms_messages_log m on m.id = a.message_id
         where m.\"to\" = $1 and coalesce(a.provider_message_id, m.provider_message_id) is not null",
    )
    .bind(number)
    .fetch_one(&app.pool)
    .await
    .unwrap()
}

/// What a number is found by, however it is written.
fn national(number: &str) -> &str {
    number.strip_prefix("+91").unwrap()
}

async fn run(app: &TestApp, sql: String) {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&app.pool).await.unwrap();
}

/// A draft with one person on its list.
async fn campaign_of(door: &Door, number: &str) -> String {
    let wanted = json!({ "name": "autumn", "text": "Dear {{ name }}, come in", "dedupe_key": "autumn",
        "dedupe_window_hours": 24 });
    let made = door.post("/sms/campaigns", &wanted).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let path = format!("/sms/campaigns/{}", made.body["campaign_id"].as_str().unwrap());
    let list = json!({ "recipients": [{ "phone": number, "variables": { "name": NAME } }] });
    assert_eq!(door.post(&format!("{path}/recipients"), &list).await.status, 200);
    path
}

/// Puts the person into every table that can hold them.
async fn everywhere(app: &TestApp, door: &Door, number: &str) {
    let text = format!("Dear {NAME}, your table is booked");
    let sent = json!({ "to": number, "text": text, "user_id": NAME });
    assert_eq!(door.post("/sms/send-transactional", &sent).await.status, 202);
    app.drained(PATIENCE).await;
    app.accept_all(&[planned(app.now(), number)]).await;
    // As it was typed: only a worker reads that the 0 is too much.
    let typed = format!("+910{}", national(number));
    run(
        app,
        format!(
            "select sms_enqueue('{typed}', '{text}', send_at => now() + interval '1 hour',
                                        idempotency_key => 'welcome-{typed}')"
        ),
    )
    .await;
    let campaign = campaign_of(door, number).await;
    let trial = door.request(Method::POST, &format!("{campaign}/test")).header("idempotency-key", "trial");
    let trial = door.call(trial.json(&json!({ "to": number, "variables": { "name": NAME } }))).await;
    assert_eq!(trial.status, 202, "{}", trial.body);
    let id = campaign.rsplit('/').next().unwrap();
    run(app, format!("insert into smsgw.sms_campaign_staged (campaign_id, phone, variables, reason)
                      values ('{id}', '{typed}', '{{\"name\": \"{NAME}\"}}', 'refused');
                      insert into smsgw.sms_campaign_dedupe (key, phone, sent_at) values ('autumn', '{number}', now());
                      insert into smsgw.sms_promo_contacts (phone, times, until) values ('{number}', '{{now()}}', now());
                      insert into smsgw.sandbox_inbox (message_id, \"to\", lane, text)
                      values (gen_random_uuid(), '{number}', 'promo', '{text}');
                      insert into sms_otp_checks (id, session_id, user_id, phone, outcome, response_time_ms, created_at)
                      values (gen_random_uuid(), gen_random_uuid(), '{NAME}', '{number}', 'right', 3, now());
                      insert into verified_phones (user_id, phone, session_id, verified_at)
                      values ('{NAME}', '{number}', gen_random_uuid(), now());
                      insert into verified_phone_changes (user_id, phone, verified_at, ended_by)
                      values ('{NAME}', '{number}', now(), 'changed');
                      with token as (
                          insert into smsgw.reset_tokens (token_mac, session_id, user_id, phone, expires_at, redeemed_at)
                          values ('\\x00', gen_random_uuid(), '{NAME}', '{number}', now(), now()) returning session_id
                      )
                      insert into smsgw.idempotency_keys (api_key_id, key, request_hash, status, answer)
                      select 1, 'reset', '', 200,
                             '{{\"user_id\":\"{NAME}\",\"phone\":\"{number}\",\"session_id\":\"' || session_id || '\"}}'
                      from token"))
    .await;
    assert_eq!(door.post("/otp/send", &json!({ "phone": number, "user_id": NAME })).await.status, 202);
    run(app, format!("insert into smsgw.otp_phone_failures (phone, failures) values ('{number}', 1)")).await;
    let settings = json!({ "phone": number, "otp_enabled": true });
    assert_eq!(door.put(&format!("/users/{NAME}/contact-settings"), &settings).await.status, 200);
    let stop = json!({ "scope": "marketing", "source": "letter", "proof": format!("letter of {NAME}") });
    assert_eq!(door.put(&format!("/sms/opt-outs/{number}"), &stop).await.status, 200);
    assert_eq!(door.delete(&format!("/sms/opt-outs/{number}?source=call")).await.status, 204);
    assert_eq!(door.put(&format!("/sms/opt-outs/{number}"), &stop).await.status, 200);
}

#[tokio::test]
async fn nothing_of_a_person_is_found_once_they_are_erased() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    let (number, other) = (a_number(), a_number());
    everywhere(&app, &door, &number).await;
    let kept = app.accept(a_promo(app.now()).to(&other)).await;
    app.end_of(kept).await;
    let tables: std::collections::HashSet<String> =
        found(&app, &[national(&number)]).await.into_iter().map(|(table, _)| table).collect();
    assert!(tables.len() >= 16, "the test puts them into too few tables: {tables:?}");
    let messages = "select (select count(*) from smsgw.sms_outbox) + (select count(*) from sms_messages_log)";
    within(PATIENCE, "what is being sent to be sent", async || (app.unfinished().await <= 2).then_some(()))
        .await;
    let before: i64 = sqlx::query_scalar(messages).fetch_one(&app.pool).await.unwrap();
    assert!(calls_of(&app, &number).await >= 2, "vendors were called for them");
    let address = erase(&door, &number).await;
    let shown = done(&door, &address).await;
    assert_eq!(calls_of(&app, "+91***").await, 0);
    assert!(shown["rows"].as_i64().unwrap() >= 8 && shown["done_at"].is_string(), "{shown}");
    assert_eq!(found(&app, &[national(&number), NAME]).await, []);
    // Counts stay, by country.
    let after: i64 = sqlx::query_scalar(messages).fetch_one(&app.pool).await.unwrap();
    assert_eq!(after, before);
    let stripped: i64 = sqlx::query_scalar("select count(*) from sms_messages_log where \"to\" = '+91***'")
        .fetch_one(&app.pool)
        .await
        .unwrap();
    assert!(stripped >= 4, "{stripped}");
    let of_other: String = sqlx::query_scalar("select \"to\" from sms_messages_log where id = $1")
        .bind(kept)
        .fetch_one(&app.pool)
        .await
        .unwrap();
    assert_eq!(of_other, other);
    app.stop().await;
}

#[tokio::test]
async fn whoever_may_not_erase_cannot_and_bad_numbers_are_named() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let refused = door.delete("/people/12").await;
    assert_eq!((refused.refusal(), refused.fields()), ((400, "invalid-request"), vec!["phone"]));
    assert_eq!(door.get("/people/erasures/12").await.refusal(), (404, "not-found"));
    let nowhere = "/people/erasures/00000000-0000-4000-8000-000000000000";
    assert_eq!(door.get(nowhere).await.refusal(), (404, "not-found"));
    let erasures: i64 =
        sqlx::query_scalar("select count(*) from smsgw.sms_erasures").fetch_one(&app.pool).await.unwrap();
    assert_eq!(erasures, 0);
}
