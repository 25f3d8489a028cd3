//! `POST /sms/send-transactional`: what a request says is what the message does.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use futures::future::join_all;
use mock_provider::Vendor;
use serde_json::json;
use tests::builders::a_number;
use tests::wait::eventually;
use tests::{Door, TestApp};

use super::{SEND, a_message, assert_names, with};

#[tokio::test]
async fn bad_requests_disturb_none_of_the_good_ones_beside_them() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let body = |n| if n % 5 == 3 { with(&a_message(), "text", json!("")) } else { a_message() };
    let bodies: Vec<_> = (0..200).map(body).collect();
    let answers = join_all(bodies.iter().map(|body| door.post(SEND, body))).await;
    let mut accepted = HashSet::new();
    for (n, answer) in answers.iter().enumerate() {
        if n % 5 == 3 {
            assert_names(answer, &["text"]);
        } else {
            assert_eq!((answer.status.as_u16(), &answer.body["status"]), (202, &json!("queued")));
            accepted.insert(answer.body["message_id"].as_str().unwrap().to_owned());
        }
    }
    let stored: Vec<String> =
        sqlx::query_scalar("select id::text from smsgw.sms_outbox").fetch_all(&app.pool).await.unwrap();
    assert_eq!((stored.len(), accepted), (160, stored.into_iter().collect()));
}

#[tokio::test]
async fn a_text_arrives_as_it_was_written() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    for text in ["100 % & + = ; #\r\n\ttab", "Ваш столик 😀 é\u{301}", "<b>\"'\\</b> {{ x }} %20 &amp;"]
    {
        for provider in ["twilio", "2factor"] {
            let to = a_number();
            let body = json!({ "to": to, "text": text, "provider_hint": provider });
            assert_eq!(door.post(SEND, &body).await.status, 202);
            let arrived =
                eventually("the text to arrive", async || app.mock.arrivals_to(&to).first().cloned()).await;
            assert_eq!(arrived.body, text);
            assert_eq!(arrived.vendor, if provider == "twilio" { Vendor::Twilio } else { Vendor::TwoFactor });
        }
    }
    app.stop().await;
}

#[tokio::test]
async fn a_planned_message_leaves_at_its_time_and_a_time_just_past_means_now() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    let (planned, past) = (a_message(), a_message());
    let began = Instant::now();
    let at = |seconds| json!((app.now() + chrono::TimeDelta::seconds(seconds)).to_rfc3339());
    assert_eq!(door.post(SEND, &with(&planned, "send_at", at(3))).await.status, 202);
    assert_eq!(door.post(SEND, &with(&past, "send_at", at(-30))).await.status, 202);
    let arrival = async |message: &serde_json::Value| {
        let to = message["to"].as_str().unwrap().to_owned();
        eventually("the message to arrive", async || app.mock.arrivals_to(&to).first().cloned()).await;
        began.elapsed()
    };
    assert!(arrival(&past).await < Duration::from_secs(3));
    let took = arrival(&planned).await;
    assert!((Duration::from_secs(2)..Duration::from_secs(6)).contains(&took), "{took:?}");
    app.stop().await;
}

#[tokio::test]
async fn a_message_nobody_could_send_in_time_expires() {
    let mut app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let sent = door.post(SEND, &with(&a_message(), "expires_in", json!(5))).await;
    let path = format!("/sms/messages/{}", sent.body["message_id"].as_str().unwrap());
    eventually("its time to be over", async || {
        let over = "select count(*) from smsgw.sms_outbox where expires_at < clock_timestamp()";
        let over: i64 = sqlx::query_scalar(over).fetch_one(&app.pool).await.unwrap();
        (over == 1).then_some(())
    })
    .await;
    app.start_worker();
    let status = eventually("the message to end", async || {
        let status = door.get(&path).await.body["status"].as_str().unwrap().to_owned();
        (status != "queued" && status != "sending").then_some(status)
    })
    .await;
    assert_eq!((status.as_str(), app.mock.arrival_total()), ("expired", 0));
    app.stop().await;
}
