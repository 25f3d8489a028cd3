//! Stops that Twilio knows of: told by a receipt, lifted by a START to the same sender.

use serde_json::{Value, json};
use tests::builders::{a_number, a_promo};
use tests::wait::eventually;
use tests::{Door, TestApp};
use uuid::Uuid;

use super::{gateway, post, status_path};

async fn stopped(door: &Door, number: &str) -> Vec<Value> {
    let shown = door.get(&format!("/sms/opt-outs/{number}")).await.body;
    let row = |one: &Value| json!([one["scope"], one["sender"], one["source"], one["proof"]]);
    shown["opt_outs"].as_array().unwrap().iter().map(row).collect()
}

async fn start(door: &Door, number: &str, to: &[(&str, &str)]) {
    let sid = format!("SM{}", Uuid::new_v4().simple());
    let fields = [&[("MessageSid", sid.as_str()), ("From", number), ("Body", "START")], to].concat();
    assert_eq!(post(door, "/webhooks/twilio/inbound", &fields).await.status, 200);
}

/// A Messaging Service takes a message before it looks whether the person wants it.
#[tokio::test]
async fn a_receipt_that_tells_of_a_stop_records_it() {
    let (app, door) = gateway().await;
    let number = a_number();
    let id = app.accept(a_promo(app.now()).to(&number)).await;
    let sid = eventually("the message to be sent", async || {
        app.end_of(id).await;
        super::logged(&app, id).await.1
    })
    .await;
    let pool = format!("MG{}", "0".repeat(32));
    let base = [
        ("MessageSid", sid.as_str()),
        ("MessageStatus", "failed"),
        ("To", &number),
        ("From", "+15005550006"),
    ];
    let told = |code| [&base[..], &[("ErrorCode", code)]].concat();
    post(&door, &status_path(id), &told("30005")).await;
    assert_eq!(stopped(&door, &number).await, Vec::<Value>::new());
    for _ in 0..2 {
        assert_eq!(post(&door, &status_path(id), &told("21610")).await.status, 204);
        let own = json!(["sender", "+15005550006", "provider:twilio", sid]);
        assert_eq!(stopped(&door, &number).await, [json!(["marketing", null, "provider:twilio", sid]), own]);
    }
    post(&door, &status_path(id), &[&told("21610")[..], &[("MessagingServiceSid", &pool)]].concat()).await;
    assert_eq!(stopped(&door, &number).await[2][1], json!(pool));
    app.stop().await;
}

#[tokio::test]
async fn a_start_lifts_the_stop_to_whom_it_was_sent() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let number = a_number();
    let path = format!("/sms/opt-outs/{number}");
    let pool = format!("MG{}", "1".repeat(32));
    for sender in ["+15005550006", "+15005550007", &pool] {
        door.put(&path, &json!({ "scope": "sender", "sender": sender })).await;
    }
    start(&door, &number, &[("To", "+15005550006")]).await;
    assert_eq!(stopped(&door, &number).await.len(), 2);
    start(&door, &number, &[("To", "+15005550008"), ("MessagingServiceSid", &pool)]).await;
    assert_eq!(stopped(&door, &number).await, [json!(["sender", "+15005550007", "api", null])]);
}
