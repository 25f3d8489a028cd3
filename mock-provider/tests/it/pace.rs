//! Rate limits and latency, as a client meets them.

use mock_provider::{PaceChange, Vendor};

use crate::client::{Client, PATIENCE, is_unanswered, retry_after};

const TO: &str = "+41790000001";

#[tokio::test]
async fn above_the_rate_limit_it_is_429_until_the_second_is_over() {
    let client = Client::start();
    let change = PaceChange {
        rate_limit_per_second: Some(2),
        rate_limit_retry_after: Some(true),
        ..PaceChange::default()
    };
    client.mock.set_pace(Vendor::Twilio, change);
    let mut refused = None;
    // A slow machine may need more than one window to send three within a second.
    for _ in 0..100 {
        let answer = client.text(TO).await.unwrap();
        if answer.status().as_u16() == 429 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("a refusal");
    assert_eq!(retry_after(&refused).as_deref(), Some("1"));
    assert_eq!(client.code("9876543210", "123456").await.unwrap().status().as_u16(), 200);
    client
        .mock
        .set_pace(Vendor::Twilio, PaceChange { rate_limit_per_second: Some(0), ..PaceChange::default() });
    assert_eq!(client.text(TO).await.unwrap().status().as_u16(), 201);
}

#[tokio::test]
async fn latency_comes_after_the_delivery() {
    let client = Client::start();
    client.mock.set_pace(Vendor::Twilio, PaceChange { latency_ms: Some(60_000), ..PaceChange::default() });
    let request = client.text_in_background(TO);
    assert_eq!(client.mock.wait_for_arrivals(1, PATIENCE).await.len(), 1);
    assert!(is_unanswered(request).await);
}
