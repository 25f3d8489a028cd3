//! `POST /sms/messages/{id}/cancel`: a message that waits is not sent; a message that left is told so.

use std::collections::HashSet;
use std::time::Duration;

use futures::future::join_all;
use mock_provider::{Fault, Vendor};
use reqwest::Method;
use serde_json::{Value, json};
use tests::door::Answer;
use tests::wait::eventually;
use tests::{Door, TestApp};

use super::{BATCH, OTP_SEND, SEND, a_message, assert_refused, stored};

async fn cancel(door: &Door, id: &str) -> Answer {
    door.call(door.request(Method::POST, &format!("/sms/messages/{id}/cancel"))).await
}

async fn send(door: &Door) -> String {
    send_to(door).await.0
}

/// A message's id and its recipient, who gets no other.
async fn send_to(door: &Door) -> (String, String) {
    let message = a_message();
    let answer = door.post(SEND, &message).await;
    (answer.body["message_id"].as_str().unwrap().to_owned(), message["to"].as_str().unwrap().to_owned())
}

async fn status(door: &Door, id: &str) -> String {
    door.get(&format!("/sms/messages/{id}")).await.body["status"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_cancelled_message_is_never_sent() {
    let mut app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let ((cancelled, to), other) = (send_to(&door).await, send(&door).await);
    let answer = cancel(&door, &cancelled).await;
    assert_eq!(
        (answer.status.as_u16(), answer.body),
        (200, json!({ "message_id": cancelled, "status": "cancelled" }))
    );
    app.start_worker();
    eventually("the other to be sent", async || (status(&door, &other).await == "sent").then_some(())).await;
    app.drained(Duration::from_secs(20)).await;
    assert_eq!((app.mock.arrival_total(), app.mock.arrivals_to(&to).len()), (1, 0));
    let seen = door.get(&format!("/sms/messages/{cancelled}")).await.body;
    assert_eq!(
        (&seen["status"], &seen["reason"], &seen["attempts"]),
        (&json!("cancelled"), &json!("cancelled"), &json!([]))
    );
    app.stop().await;
}

/// It waits for its second copy when it is cancelled; the first may have arrived.
#[tokio::test]
async fn a_message_in_doubt_that_is_cancelled_ends_unknown() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    app.mock.fail(Vendor::Twilio, Fault::Reset).unwrap();
    let doubtful = send(&door).await;
    let path = format!("/sms/messages/{doubtful}");
    eventually("the message to wait for its second copy", async || {
        let seen = door.get(&path).await.body;
        (seen["status"] == "queued" && seen["copies"] == 1).then_some(())
    })
    .await;
    let answer = cancel(&door, &doubtful).await;
    assert_eq!(
        (answer.status.as_u16(), answer.body),
        (200, json!({ "message_id": doubtful, "status": "unknown" }))
    );
    let seen = door.get(&path).await.body;
    assert_eq!((&seen["status"], &seen["reason"]), (&json!("unknown"), &json!("cancelled")));
    app.stop().await;
}

#[tokio::test]
async fn a_message_that_is_no_longer_queued_is_refused_with_its_status() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    app.mock.fail(Vendor::Twilio, Fault::Hang).unwrap();
    let hanging = send(&door).await;
    eventually("the message to be with the vendor", async || {
        (app.mock.requests().twilio.total > 0).then_some(())
    })
    .await;
    let answer = cancel(&door, &hanging).await;
    assert_refused(&answer, 409, "not-cancellable");
    assert_eq!(answer.body["message_status"], "sending");
    app.mock.clear_faults();
    let sent = send(&door).await;
    eventually("the message to be sent", async || (status(&door, &sent).await == "sent").then_some(())).await;
    for id in [&sent, &sent] {
        let answer = cancel(&door, id).await;
        assert_refused(&answer, 409, "not-cancellable");
        assert_eq!(answer.body["message_status"], "sent");
    }
    app.stop().await;
}

#[tokio::test]
async fn a_cancel_is_good_once() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let id = send(&door).await;
    let answers = join_all((0..20).map(|_| cancel(&door, &id))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        assert_refused(answer, 409, "not-cancellable");
        assert_eq!(answer.body["message_status"], "cancelled");
    }
    assert_eq!(stored(&app).await[..2], [0, 1]);
}

#[tokio::test]
async fn a_planned_message_can_be_cancelled_and_so_can_a_code() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let at = (app.now() + chrono::TimeDelta::days(2)).to_rfc3339();
    let planned = door.post(SEND, &super::with(&a_message(), "send_at", json!(at))).await;
    assert_eq!(cancel(&door, planned.body["message_id"].as_str().unwrap()).await.status, 200);
    door.post(OTP_SEND, &json!({ "phone": "+919876543210" })).await;
    let codes = door.get("/sms/messages?lane=otp").await.body;
    let id = codes["messages"][0]["message_id"].as_str().unwrap().to_owned();
    assert_eq!(cancel(&door, &id).await.status, 200);
    assert_eq!(
        door.get(&format!("/sms/messages/{id}")).await.body["text"],
        json!(null),
        "a code is in no log"
    );
}

/// The worker takes a batch from its front while it is cancelled from its end.
///
/// Seen red with a cancel that does not ask whether the message is claimed.
#[tokio::test]
async fn of_a_cancel_and_a_claim_at_once_one_wins() {
    let mut app = TestApp::without_worker().await;
    // With more slots nearly all have left before they can be cancelled.
    app.start_worker_with(|parts| parts.config.transactional_slots = 64);
    let door = Door::open(&app).await;
    let (mut cancelled, mut refused) = (HashSet::new(), HashSet::new());
    for _ in 0..4 {
        let messages: Vec<Value> = (0..400).map(|_| a_message()).collect();
        let batch = door.post(BATCH, &json!({ "lane": "transactional", "messages": messages })).await.body;
        let results = batch["results"].as_array().unwrap();
        let race = messages.iter().zip(results).rev().map(async |(message, result)| {
            let (id, to) = (result["message_id"].as_str().unwrap(), message["to"].as_str().unwrap());
            let answer = cancel(&door, id).await;
            match answer.refusal() {
                (200, _) => (true, id.to_owned(), to.to_owned()),
                (409, "not-cancellable") => (false, id.to_owned(), to.to_owned()),
                other => panic!("{other:?}"),
            }
        });
        for (is_cancelled, id, to) in join_all(race).await {
            if is_cancelled {
                cancelled.insert((id, to))
            } else {
                refused.insert((id, to))
            };
        }
    }
    app.drained(Duration::from_secs(30)).await;
    for (id, to) in &cancelled {
        assert_eq!((app.mock.arrivals_to(to).len(), status(&door, id).await), (0, "cancelled".to_owned()));
    }
    for (id, to) in &refused {
        assert_eq!((app.mock.arrivals_to(to).len(), status(&door, id).await), (1, "sent".to_owned()));
    }
    eprintln!("{} were cancelled, {} had left", cancelled.len(), refused.len());
    assert!(cancelled.len() > 50 && refused.len() > 50, "the race has winners on each side");
    app.stop().await;
}
