//! `GET/POST/DELETE /settings/pauses`: the kill switch over HTTP.

use serde_json::{Value, json};
use tests::wait::eventually;
use tests::{Door, TestApp};

use super::{OTP_SEND, SEND, a_message, assert_refused};

const PAUSES: &str = "/settings/pauses";

async fn send(door: &Door) -> String {
    let answer = door.post(SEND, &a_message()).await;
    format!("/sms/messages/{}", answer.body["message_id"].as_str().unwrap())
}

async fn sent(door: &Door, path: &str) -> Value {
    eventually("the message to be sent", async || {
        Some(door.get(path).await.body).filter(|message| message["status"] == "sent")
    })
    .await
}

#[tokio::test]
async fn pauses_are_set_listed_and_lifted() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let (lane, provider) =
        (json!({ "scope": "lane", "name": "promo" }), json!({ "scope": "provider", "name": "twilio" }));
    for pause in [&lane, &provider, &lane, &json!({ "scope": "all" })] {
        let answer = door.post(PAUSES, pause).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.body, door.get(PAUSES).await.body);
    }
    let listed = door.get(PAUSES).await.body;
    let listed: Vec<_> =
        listed["pauses"].as_array().unwrap().iter().map(|p| (&p["scope"], &p["name"])).collect();
    assert_eq!(
        listed,
        [
            (&json!("all"), &json!("")),
            (&json!("lane"), &json!("promo")),
            (&json!("provider"), &json!("twilio"))
        ]
    );
    for query in ["scope=all", "scope=lane&name=promo", "scope=provider&name=twilio"] {
        assert_eq!(door.delete(&format!("{PAUSES}?{query}")).await.status, 204);
        assert_refused(&door.delete(&format!("{PAUSES}?{query}")).await, 404, "not-found");
    }
    assert_eq!(door.get(PAUSES).await.body, json!({ "pauses": [] }));
}

#[tokio::test]
async fn what_is_paused_waits_and_what_is_resumed_goes_on_at_once() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    let first = send(&door).await;
    sent(&door, &first).await;
    for (pause, query) in [
        (json!({ "scope": "lane", "name": "transactional" }), "scope=lane&name=transactional"),
        (json!({ "scope": "all" }), "scope=all"),
    ] {
        assert_eq!(door.post(PAUSES, &pause).await.status, 200);
        let before = app.mock.arrival_total();
        let waiting = send(&door).await;
        // Accepting goes on all the while; a worker has looked several times by the tenth.
        for _ in 0..10 {
            send(&door).await;
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        assert_eq!(door.get(&waiting).await.body["status"], "queued");
        assert_eq!(app.mock.arrival_total(), before);
        assert_eq!(door.delete(&format!("{PAUSES}?{query}")).await.status, 204);
        sent(&door, &waiting).await;
    }
    app.stop().await;
}

#[tokio::test]
async fn a_paused_provider_is_left_out_and_codes_take_the_other() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    assert_eq!(door.post(PAUSES, &json!({ "scope": "provider", "name": "twilio" })).await.status, 200);
    // Workers look at providers once a second.
    eventually("twilio to be left out", async || {
        let message = send(&door).await;
        (sent(&door, &message).await["provider_name"] == "2factor").then_some(())
    })
    .await;
    door.post(OTP_SEND, &json!({ "phone": "+919876543210" })).await;
    let code = eventually("the code to be sent", async || {
        let codes = door.get("/sms/messages?lane=otp&status=sent").await.body;
        codes["messages"].get(0).cloned()
    })
    .await;
    assert_eq!(code["provider_name"], "2factor");
    assert_eq!(door.delete(&format!("{PAUSES}?scope=provider&name=twilio")).await.status, 204);
    eventually("twilio to be used again", async || {
        let message = send(&door).await;
        (sent(&door, &message).await["provider_name"] == "twilio").then_some(())
    })
    .await;
    app.stop().await;
}
