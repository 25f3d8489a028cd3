//! The main job from door to log: accept, queue, send, fall back, log.

use std::time::{Duration, Instant};

use mock_provider::{Fault, FaultBody, FaultRule, RecipientMatch, RetryAfter, Vendor};
use serde_json::{Value, json};
use tests::builders::a_number;
use tests::wait::{eventually, within};
use tests::{Door, TestApp};

async fn message(door: &Door, id: &str) -> Value {
    door.get(&format!("/sms/messages/{id}")).await.body
}

async fn ended(door: &Door, id: &str) -> Value {
    eventually("the message to end", async || {
        let message = message(door, id).await;
        (!matches!(message["status"].as_str(), Some("queued" | "sending"))).then_some(message)
    })
    .await
}

/// Sends a code and gives the time from request to arrival.
async fn code_time(app: &TestApp, door: &Door) -> Duration {
    let phone = a_number();
    let began = Instant::now();
    let answer = door.post("/otp/send", &json!({ "phone": phone })).await;
    assert_eq!(answer.status, 202, "{:?}", answer.body);
    within(Duration::from_secs(5), "the code to arrive", async || {
        (!app.mock.arrivals_to(&phone).is_empty()).then_some(())
    })
    .await;
    began.elapsed()
}

/// The story the gateway is made for: the first provider throttles, then fails; the message goes
/// out by the second, every attempt is told with its reason, and codes fly all the while.
#[tokio::test]
async fn a_message_survives_a_429_and_a_500_and_goes_out_by_the_other_provider() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    let to = a_number();
    let throttle = Fault::Throttle { retry_after: Some(RetryAfter::Seconds(2)) };
    let fail = Fault::Status { status: 500, body: FaultBody::Vendor, delivered: false };
    for fault in [throttle, fail] {
        let recipients = Some(RecipientMatch::Recipient(to.clone()));
        app.mock
            .fail_by(FaultRule { recipients, times: Some(1), ..FaultRule::new(Vendor::Twilio, fault) })
            .unwrap();
    }
    let accepted =
        door.post("/sms/send-transactional", &json!({ "to": to, "text": "Your table is booked." })).await;
    assert_eq!(accepted.status, 202);
    let id = accepted.body["message_id"].as_str().unwrap().to_owned();
    eventually("the first attempt", async || {
        let attempts = message(&door, &id).await["attempts"].as_array().map_or(0, Vec::len);
        (attempts > 0).then_some(())
    })
    .await;
    while message(&door, &id).await["status"] == "queued" {
        let took = code_time(&app, &door).await;
        assert!(took < Duration::from_secs(1), "a code took {took:?}");
    }
    let end = ended(&door, &id).await;
    assert_eq!(end["status"], "sent");
    assert_eq!(end["provider_name"], "2factor");
    let attempts: Vec<_> = end["attempts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|attempt| {
            let text = |field: &str| attempt[field].as_str().unwrap_or_default().to_owned();
            (text("provider_name"), text("outcome"), text("reason"))
        })
        .collect();
    let expected = [
        ("twilio", "throttled", "rate_limited"),
        ("twilio", "not_sent", "server_error"),
        ("2factor", "accepted", ""),
    ];
    assert_eq!(attempts, expected.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned())));
    assert_eq!(app.mock.arrivals_to(&to).len(), 1);
    door.close().await;
    app.stop().await;
}
