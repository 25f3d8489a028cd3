//! The HTTP API as its callers meet it: over real HTTP, on real Postgres.

use reqwest::{Client, Method};
use serde_json::{Value, json};
use shared::ids::{MessageId, SessionId};
use shared::message::SealedText;
use tests::builders::a_number;
use tests::door::Answer;
use tests::{Door, TestApp, http};

// What is refused.
mod bad_batches;
mod bad_bodies;
mod bad_codes;
mod bad_messages;
mod bad_queries;
mod bad_settings;
mod fuzz;
mod half_requests;
mod heads;
mod large_bodies;

// Who asks, and how often.
mod cors;
mod idempotency;
mod keys;
mod keys_publishable;
mod own_codes;
mod page_limits;
mod page_views;
mod users_tokens;

// What is asked for.
mod aliases;
mod aliases_once;
mod alike;
mod batches;
mod cancels;
mod check_groups;
mod code_races;
mod code_sessions;
mod codes;
mod limits;
mod lists;
mod password_resets;
mod phone_locks;
mod resends;
mod sending;
mod verified_phones;
mod waits;

// What operators set.
mod country_rules;
mod described_provider;
mod otp_settings;
mod pauses;
mod providers;
mod requirements;
mod second_factor;
mod templates;
mod users;

// What must hold all the while.
mod away;
mod described;
mod drain;
mod health;
mod problems;
pub(super) mod secrets;
mod token_keys;

const SEND: &str = "/sms/send-transactional";
const BATCH: &str = "/sms/send-batch";
const MESSAGES: &str = "/sms/messages";
pub(super) const OTP_SEND: &str = "/otp/send";
pub(super) const OTP_VERIFY: &str = "/otp/verify";
const OTP_RESEND: &str = "/otp/resend";

/// A message that is accepted.
fn a_message() -> Value {
    json!({ "to": a_number(), "text": "Your table is booked." })
}

/// `body` with one field set.
fn with(body: &Value, field: &str, value: Value) -> Value {
    let mut body = body.clone();
    body[field] = value;
    body
}

/// `body` without one field.
fn without(body: &Value, field: &str) -> Value {
    let mut body = body.clone();
    body.as_object_mut().unwrap().remove(field);
    body
}

/// A client that brings no key.
fn stranger() -> Client {
    http::client()
}

/// POST with an `Idempotency-Key`.
async fn post_once(door: &Door, path: &str, key: &str, body: &Value) -> Answer {
    door.call(door.request(Method::POST, path).header("idempotency-key", key).json(body)).await
}

/// The rows of every table a request may write to: a refused one leaves them as they were.
async fn stored(app: &TestApp) -> Vec<i64> {
    sqlx::query_scalar(
        "select array[
             (select count(*) from smsgw.sms_outbox), (select count(*) from sms_messages_log),
             (select count(*) from sms_otp_sessions), (select coalesce(sum(attempts + sends), 0) from sms_otp_sessions),
             (select count(*) from smsgw.idempotency_keys), (select count(*) from sms_templates),
             (select count(*) from smsgw.sms_opt_outs), (select count(*) from user_contact_settings),
             (select count(*) from api_integrations), (select count(*) from smsgw.sms_pauses)]",
    )
    .fetch_one(&app.pool)
    .await
    .unwrap()
}

/// A refusal is a problem document (RFC 9457) that agrees with its own status line and headers.
#[track_caller]
fn assert_refused(answer: &Answer, status: u16, code: &str) {
    let body = &answer.body;
    assert_eq!(answer.refusal(), (status, code), "{body}");
    assert_eq!(answer.headers["content-type"], "application/problem+json", "{body}");
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert_eq!(body["status"], status);
    assert_eq!(body["type"], format!("/problems/{code}"));
    assert_eq!(body["request_id"], answer.headers["x-request-id"].to_str().unwrap());
    for text in ["title", "detail"] {
        assert!(body[text].as_str().is_some_and(|text| !text.is_empty()), "no {text}: {body}");
    }
}

/// A refusal that names exactly these fields, each with a sentence.
#[track_caller]
fn assert_names(answer: &Answer, fields: &[&str]) {
    assert_refused(answer, 400, "invalid-request");
    assert_eq!(answer.fields(), fields, "{}", answer.body);
    for error in answer.body["errors"].as_array().unwrap() {
        assert!(error["message"].as_str().is_some_and(|text| !text.is_empty()), "{}", answer.body);
    }
}

/// A challenge whose code is known, as long as no worker has sent it.
struct Challenge {
    id: String,
    code: String,
}

impl Challenge {
    /// Starts one for a number of its own.
    async fn start(app: &TestApp, door: &Door) -> Self {
        Self::ask(app, door, &json!({ "phone": a_number() })).await
    }

    async fn ask(app: &TestApp, door: &Door, request: &Value) -> Self {
        let answer = door.post(OTP_SEND, request).await;
        assert_eq!(answer.status, 202, "{}", answer.body);
        let id = answer.body["session_id"].as_str().unwrap().to_owned();
        let code = unsent(app, &id).await.remove(0).code;
        Self { id, code }
    }

    async fn verify(&self, door: &Door, code: &str) -> Answer {
        door.post(OTP_VERIFY, &json!({ "session_id": self.id, "otp": code })).await
    }

    async fn resend(&self, door: &Door) -> Answer {
        door.post(OTP_RESEND, &json!({ "session_id": self.id })).await
    }

    async fn look(&self, door: &Door) -> Value {
        door.get(&format!("/otp/sessions/{}", self.id)).await.body
    }

    /// A code that is not this one; every `n` below 999,999 gives another.
    fn wrong(&self, n: u32) -> String {
        format!("{:06}", (self.code.parse::<u32>().unwrap() + 1 + n) % 1_000_000)
    }

    /// Changes the session behind the gateway's back.
    async fn set(&self, app: &TestApp, what: &str) {
        let statement = format!("update sms_otp_sessions set {what} where id = $1");
        let id: SessionId = self.id.parse().unwrap();
        let done = sqlx::query(sqlx::AssertSqlSafe(statement)).bind(id).execute(&app.pool).await.unwrap();
        assert_eq!(done.rows_affected(), 1);
    }

    /// Lets the cool-down be over.
    async fn cool_down(&self, app: &TestApp) {
        self.set(app, "resend_at = clock_timestamp()").await;
    }

    /// Lets the session be over.
    async fn expire(&self, app: &TestApp) {
        self.set(app, "expires_at = clock_timestamp()").await;
    }

    /// Checks taken, as the database has them.
    async fn attempts(&self, app: &TestApp) -> i16 {
        let id: SessionId = self.id.parse().unwrap();
        sqlx::query_scalar("select attempts from sms_otp_sessions where id = $1")
            .bind(id)
            .fetch_one(&app.pool)
            .await
            .unwrap()
    }
}

/// The codes of a session that have not left, with their texts.
pub(super) async fn unsent(app: &TestApp, session: &str) -> Vec<SealedText> {
    let session: SessionId = session.parse().unwrap();
    let rows: Vec<(MessageId, Vec<u8>)> =
        sqlx::query_as("select id, sealed_body from smsgw.sms_outbox where session_id = $1 order by seq")
            .bind(session)
            .fetch_all(&app.pool)
            .await
            .unwrap();
    rows.iter().map(|(id, sealed)| SealedText::open(app.keyring.bodies(), *id, sealed).unwrap()).collect()
}

/// The six digits in a text.
pub(super) fn code_in(text: &str) -> String {
    let digits = text.split(|c: char| !c.is_ascii_digit()).find(|run| run.len() == 6);
    digits.unwrap_or_else(|| panic!("no code in {text:?}")).to_owned()
}
