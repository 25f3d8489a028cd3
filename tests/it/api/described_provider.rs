//! Providers of kind `http`: a vendor that settings describe, here the mock by its Twilio format.

use mock_provider::Credentials;
use serde_json::{Value, json};
use tests::builders::a_number;
use tests::wait::eventually;
use tests::{Door, TestApp};

use super::{SEND, assert_names, secrets, stored, with};

const PATH: &str = "/settings/api/own";

fn described(app: &TestApp) -> Value {
    json!({
        "kind": "http", "sender": "+15005550006",
        "settings": {
            "base_url": app.mock.url(),
            "path": "/2010-04-01/Accounts/{secret.account}/Messages.json",
            "basic_auth": { "user": "{secret.account}", "password": "{secret.token}" },
            "form": { "To": "{to}", "From": "{sender}", "Body": "{text}", "ValidityPeriod": "{expires_in}" },
            "id": "/sid", "code": "/code",
            "codes": { "rejected": ["21211", "21614"], "throttled": ["20429"] },
        },
        "credentials": { "account": Credentials::ACCOUNT_SID, "token": Credentials::AUTH_TOKEN },
    })
}

/// How a message ended, with its attempts.
async fn ended(door: &Door, message: &Value) -> Value {
    let sent = door.post(SEND, message).await;
    assert_eq!(sent.status, 202, "{}", sent.body);
    let path = format!("/sms/messages/{}", sent.body["message_id"].as_str().unwrap());
    eventually("the message to end", async || {
        let message = door.get(&path).await.body;
        (!matches!(message["status"].as_str(), Some("queued" | "sending"))).then_some(message)
    })
    .await
}

#[tokio::test]
async fn a_vendor_that_settings_describe_sends_messages_as_they_are() {
    let mut app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let set = door.put(PATH, &described(&app)).await;
    assert_eq!(set.status, 200, "{}", set.body);
    app.start_worker_with(|parts| parts.providers.clear());
    let (number, text) = (a_number(), "50 % \"off\" & more\\: To=+1 {to}\nä");
    let message = ended(&door, &json!({ "to": number, "text": text })).await;
    assert_eq!((&message["status"], &message["provider_name"]), (&json!("sent"), &json!("own")), "{message}");
    let arrivals = app.mock.arrivals_to(&number);
    let [arrival] = &arrivals[..] else { panic!("one copy: {arrivals:?}") };
    assert_eq!((arrival.body.as_str(), arrival.from.as_deref()), (text, Some("+15005550006")));
    assert_eq!(message["attempts"][0]["provider_message_id"], arrival.provider_id);
    let refused = ended(&door, &json!({ "to": "+41795521211", "text": "Hello" })).await;
    assert_eq!((&refused["status"], &refused["reason"]), (&json!("failed"), &json!("rejected")));
    assert_eq!(refused["attempts"][0]["code"], "21211");
    app.stop().await;
}

#[tokio::test]
async fn its_secrets_are_shown_nowhere() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let token = "the-token-of-the-vendor";
    let mut row = described(&app);
    row["credentials"]["token"] = json!(token);
    let mut wrong = row.clone();
    wrong["settings"]["id"] = json!("sid");
    for answer in [door.put(PATH, &row).await, door.get(PATH).await, door.put(PATH, &wrong).await] {
        assert!(!answer.body.to_string().contains(token), "{}", answer.body);
    }
    for (table, row) in secrets::dump(&app).await {
        assert!(!row.contains(token) && !row.contains(&secrets::hex(token)), "{table} holds a key");
    }
}

#[tokio::test]
async fn settings_that_could_not_be_sent_with_are_refused_by_their_field() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let good = described(&app);
    let before = stored(&app).await;
    let setting = |name: &str, value: Value| {
        let mut row = good.clone();
        row["settings"][name] = value;
        row
    };
    for (row, field) in [
        (setting("base_url", json!("file:///etc")), "settings.base_url"),
        (setting("base_url", json!("https://key@sms.example.com")), "settings.base_url"),
        (setting("method", json!("CONNECT")), "settings.method"),
        (setting("path", json!("/../{text}")), "settings.path"),
        (setting("headers", json!({ "Host": "b.example.com" })), "settings.headers"),
        (setting("headers", json!({ "X-A": "{secret.none}" })), "settings.headers"),
        (setting("form", json!({ "To": "{to}", "Body": "{txt}" })), "settings.form"),
        (setting("form", json!({ "To": "{to}" })), "settings"),
        (setting("json", json!({})), "settings.form"),
        (setting("id", json!("$.sid")), "settings.id"),
        (setting("statuses", json!({ "accepted": [0] })), "settings.statuses"),
        (setting("colour", json!(1)), "settings"),
        (setting("query", json!({ "x": "y".repeat(20_000) })), "settings"),
        (with(&good, "settings", json!({})), "settings"),
        (with(&good, "sender", json!(null)), "sender"),
        (with(&good, "credentials", json!({ "account": "a", "token": "t", "spare": "s" })), "credentials"),
        (with(&good, "credentials", json!({ "account": "a" })), "settings.basic_auth"),
    ] {
        assert_names(&door.put(PATH, &row).await, &[field]);
    }
    assert_eq!(stored(&app).await, before);
}
