//! What a page is told of a code that was not sent: nothing that a code which was sent would not tell.

use mock_provider::{Fault, FaultRule, RecipientMatch, Vendor};
use reqwest::Method;
use secrecy::SecretString;
use serde_json::{Value, json};
use tests::builders::a_number;
use tests::door::Answer;
use tests::wait::eventually;
use tests::{Door, TestApp};

use super::codes::arrived;
use super::keys_publishable::{PAGE, asking, make};
use super::{OTP_RESEND, OTP_SEND};

struct Page {
    door: Door,
    key: SecretString,
}

impl Page {
    async fn open(app: &TestApp) -> Self {
        let door = Door::open(app).await;
        let key = make(app, "web", &[PAGE]).await;
        Self { door, key }
    }

    /// Asks with a preference to wait.
    async fn post(&self, path: &str, body: &Value) -> Answer {
        let request = asking(&self.door, Method::POST, path, &self.key).header("origin", PAGE);
        self.door.call(request.header("prefer", "wait=10").json(body)).await
    }

    /// The session as the page sees it.
    async fn look(&self, id: &str) -> Value {
        let path = format!("/otp/sessions/{id}");
        self.door.call(asking(&self.door, Method::GET, &path, &self.key).header("origin", PAGE)).await.body
    }

    /// The session as a server sees it.
    async fn truth(&self, id: &str) -> Value {
        self.door.get(&format!("/otp/sessions/{id}")).await.body
    }
}

/// Locks a phone until an operator unlocks it.
async fn lock(app: &TestApp, phone: &str) {
    sqlx::query(
        "insert into smsgw.otp_phone_failures (phone, failures, locked_until) values ($1, 100, 'infinity')",
    )
    .bind(phone)
    .execute(&app.pool)
    .await
    .unwrap();
}

/// No provider will take anything for it.
fn refuse(app: &TestApp, phone: &str) {
    let rule = FaultRule::new(Vendor::Twilio, Fault::Reject { code: "21211".to_owned() });
    app.mock.fail_by(rule.to(RecipientMatch::Recipient(phone.to_owned()))).unwrap();
}

/// What is told, without what differs from one session to the next: ids, the number, and the seconds as long as there
/// are any.
fn told(body: &Value) -> Value {
    let mut body = body.clone();
    for field in ["session_id", "phone", "created_at", "expires_at"] {
        if let Some(value) = body.get_mut(field) {
            *value = json!("…");
        }
    }
    for field in ["resend_after", "expires_in"] {
        if let Some(value) = body.get_mut(field) {
            *value = json!(value.as_i64().unwrap() > 0);
        }
    }
    body
}

fn head(answer: &Answer) -> (u16, Vec<String>, String) {
    let mut names: Vec<_> = answer.headers.keys().map(ToString::to_string).collect();
    names.sort_unstable();
    (answer.status.as_u16(), names, answer.headers["preference-applied"].to_str().unwrap().to_owned())
}

/// Three sessions: a code that was sent, one for a locked phone, one that no provider took.
struct Three {
    phones: [String; 3],
    ids: [String; 3],
}

impl Three {
    /// Starts them by a page that waits; its answers are alike.
    async fn start(app: &TestApp, page: &Page) -> Self {
        let phones = [a_number(), a_number(), a_number()];
        lock(app, &phones[1]).await;
        refuse(app, &phones[2]);
        let mut answers = Vec::new();
        for phone in &phones {
            answers.push(page.post(OTP_SEND, &json!({ "phone": phone })).await);
        }
        assert_alike(&answers);
        let ids = [0, 1, 2].map(|n: usize| answers[n].body["session_id"].as_str().unwrap().to_owned());
        eventually("the last code to fail", async || {
            (page.truth(&ids[2]).await["status"] == "send_failed").then_some(())
        })
        .await;
        Self { phones, ids }
    }

    async fn seen_alike(&self, page: &Page, status: &str) {
        let mut seen = Vec::new();
        for id in &self.ids {
            seen.push(told(&page.look(id).await));
        }
        assert_eq!(seen[0]["status"], status, "{}", seen[0]);
        assert_eq!(seen[0].get("reason"), None);
        assert_eq!((&seen[1], &seen[2]), (&seen[0], &seen[0]));
    }
}

#[track_caller]
fn assert_alike(answers: &[Answer]) {
    for answer in answers {
        assert_eq!(
            (answer.status.as_u16(), &answer.body["status"]),
            (202, &json!("sent")),
            "{}",
            answer.body
        );
        assert_eq!(head(answer), head(&answers[0]));
        assert_eq!(told(&answer.body), told(&answers[0].body));
    }
}

/// Seen red with a countdown that stands still once the code could not be sent.
#[tokio::test]
async fn codes_that_were_not_sent_look_like_one_that_was() {
    let app = TestApp::start().await;
    let page = Page::open(&app).await;
    let three = Three::start(&app, &page).await;
    three.seen_alike(&page, "sent").await;
    let [sent, locked, refused] = [0, 1, 2].map(|n| &three.ids[n]);
    assert_eq!(page.truth(sent).await["status"], "sent");
    let truth = page.truth(locked).await;
    assert_eq!((&truth["status"], &truth["reason"]), (&json!("send_failed"), &json!("phone_locked")));
    assert_eq!(page.truth(refused).await["status"], "send_failed");
    assert!(app.mock.arrivals_to(&three.phones[1]).is_empty());
    sqlx::query("update sms_otp_sessions set expires_at = clock_timestamp()")
        .execute(&app.pool)
        .await
        .unwrap();
    three.seen_alike(&page, "expired").await;
    app.stop().await;
}

#[tokio::test]
async fn so_do_their_resends() {
    let app = TestApp::start().await;
    let page = Page::open(&app).await;
    let three = Three::start(&app, &page).await;
    sqlx::query("update sms_otp_sessions set resend_at = clock_timestamp()")
        .execute(&app.pool)
        .await
        .unwrap();
    // Five codes a minute are all that one address gets.
    sqlx::query("delete from smsgw.otp_windows where kind = 'ip'").execute(&app.pool).await.unwrap();
    let mut answers = Vec::new();
    for id in &three.ids {
        answers.push(page.post(OTP_RESEND, &json!({ "session_id": id })).await);
    }
    assert_alike(&answers);
    arrived(&app, &three.phones[0], 2).await;
    eventually("the last code to fail again", async || {
        (page.truth(&three.ids[2]).await["status"] == "send_failed").then_some(())
    })
    .await;
    three.seen_alike(&page, "sent").await;
    assert_eq!(page.truth(&three.ids[1]).await["reason"], "phone_locked");
    assert!(app.mock.arrivals_to(&three.phones[1]).is_empty());
    app.stop().await;
}
