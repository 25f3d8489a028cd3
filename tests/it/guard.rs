//! The pumping guard, from the request over the start to what comes back.

use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use tests::door::Answer;
use tests::wait::eventually;
use tests::{Door, TestApp};

use crate::api::{OTP_SEND, OTP_VERIFY, code_in, unsent};

mod caps;
mod conversions;
mod enforce;
mod operators;
mod outages;
mod races;
mod release;
mod texts;

/// The `n`-th number of a prefix of ours.
fn number(prefix: u16, n: u16) -> String {
    format!("+4179{prefix:03}{n:04}")
}

async fn set_guard(door: &Door, settings: &Value) {
    let set = door.put("/settings/guard", settings).await;
    assert_eq!(set.status, 200, "{}", set.body);
}

async fn enforcing(door: &Door) {
    set_guard(door, &json!({ "mode": "enforce" })).await;
}

async fn start(door: &Door, phone: &str) -> Answer {
    let sent = door.post(OTP_SEND, &json!({ "phone": phone })).await;
    assert_eq!(sent.status, 202, "{}", sent.body);
    sent
}

fn id(sent: &Answer) -> &str {
    sent.body["session_id"].as_str().unwrap()
}

/// Whether the session has a code on its way.
async fn is_sent(app: &TestApp, sent: &Answer) -> bool {
    !unsent(app, id(sent)).await.is_empty()
}

/// Starts a session, types the code in, and waits until the guard knows.
async fn verify(app: &TestApp, door: &Door, phone: &str) {
    let sent = start(door, phone).await;
    let code = code_in(&unsent(app, id(&sent)).await[0].text);
    let verified = door.post(OTP_VERIFY, &json!({ "session_id": id(&sent), "otp": code })).await;
    assert_eq!(verified.status, 200, "{}", verified.body);
    eventually("the guard to know of it", async || {
        let known: bool = sqlx::query_scalar(
            "select exists (select from smsgw.guard_decisions where session_id = $1::uuid and converted_at is not null)",
        )
        .bind(id(&sent))
        .fetch_one(&app.pool)
        .await
        .unwrap();
        known.then_some(())
    })
    .await;
}

/// What the guard said, newest first.
async fn decisions(door: &Door, query: &str) -> Vec<Value> {
    let listed = door.get(&format!("/guard/decisions{query}")).await;
    assert_eq!(listed.status, 200, "{}", listed.body);
    listed.body["decisions"].as_array().unwrap().clone()
}

/// What is remembered of a subject.
async fn state(app: &TestApp, kind: &str, subject: &str) -> Value {
    let state: Option<Value> =
        sqlx::query_scalar("select state from smsgw.guard_subjects where kind = $1 and subject = $2")
            .bind(kind)
            .bind(subject)
            .fetch_optional(&app.pool)
            .await
            .unwrap();
    state.unwrap_or_default()
}

async fn run(app: &TestApp, sql: String) {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&app.pool).await.unwrap();
}
