//! What vendors post to the gateway: receipts and inbound texts, true and forged ones.

use base64::Engine as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use mock_provider::Credentials;
use reqwest::{Method, RequestBuilder};
use sha1::Sha1;
use shared::ids::MessageId;
use tests::door::Answer;
use tests::{Door, TestApp, http};

mod confirmations;
mod doubts;
mod inbound;
mod receipts;
mod signatures;
mod stops;

pub(super) const SID: &str = "SM0123456789abcdef0123456789abcdef";

/// Signs as Twilio does, without the gateway's own code.
pub(super) fn sign(token: &str, url: &str, fields: &[(&str, &str)]) -> String {
    let mut sorted = fields.to_vec();
    sorted.sort_unstable();
    let mut mac = Hmac::<Sha1>::new_from_slice(token.as_bytes()).unwrap();
    mac.update(url.as_bytes());
    for (name, value) in sorted {
        mac.update(name.as_bytes());
        mac.update(value.as_bytes());
    }
    base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes())
}

/// A form post signed with `token`, from somebody without an API key.
fn signed(door: &Door, token: &str, path: &str, fields: &[(&str, &str)]) -> RequestBuilder {
    let signature = sign(token, &format!("{}{path}", door.url), fields);
    let mut request = door.request(Method::POST, path).form(fields).build().unwrap();
    request.headers_mut().remove("authorization");
    RequestBuilder::from_parts(http::client(), request).header("x-twilio-signature", signature)
}

/// Posts as Twilio does.
async fn post(door: &Door, path: &str, fields: &[(&str, &str)]) -> Answer {
    door.call(signed(door, Credentials::AUTH_TOKEN, path, fields)).await
}

fn status_path(id: MessageId) -> String {
    format!("/webhooks/twilio/status?message_id={id}")
}

/// Reports `status` of the copy `sid`, as Twilio does.
async fn report(door: &Door, id: MessageId, sid: &str, status: &str) -> Answer {
    post(door, &status_path(id), &[("MessageSid", sid), ("MessageStatus", status)]).await
}

/// A gateway with a door that its vendors know and, if they are to post receipts, use.
async fn gateway() -> (TestApp, Door) {
    with_worker(TestApp::without_worker().await).await
}

async fn gateway_with_receipts() -> (TestApp, Door) {
    with_worker(TestApp::with_receipts().await).await
}

async fn with_worker(mut app: TestApp) -> (TestApp, Door) {
    let door = Door::open(&app).await;
    let public_url = door.url.parse().unwrap();
    app.start_worker_with(|parts| parts.public_url = Some(public_url));
    (app, door)
}

/// Status, the vendor's id of the copy in the log, and the code of the last receipt.
async fn logged(app: &TestApp, id: MessageId) -> (String, Option<String>, Option<String>) {
    sqlx::query_as("select status, provider_message_id, receipt_code from sms_messages_log where id = $1")
        .bind(id)
        .fetch_one(&app.pool)
        .await
        .unwrap()
}

async fn kept(app: &TestApp) -> i64 {
    sqlx::query_scalar("select count(*) from smsgw.sms_receipts").fetch_one(&app.pool).await.unwrap()
}
