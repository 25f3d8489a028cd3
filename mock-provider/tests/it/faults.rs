//! Each fault as a raw client sees it, and whether the message was delivered all the same.

use std::error::Error;
use std::time::{Duration, Instant};

use mock_provider::{Fault, FaultBody, FaultRule, RecipientMatch, RetryAfter, Vendor};
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::{Client, PATIENCE, eventually, is_unanswered, raw_request, read, retry_after};

const TO: &str = "+41790000001";

fn failing(fault: Fault) -> Client {
    let client = Client::start();
    client.mock.fail(Vendor::Twilio, fault).unwrap();
    client
}

/// Sends raw bytes and reads until the other side ends the connection, one way or another.
async fn raw_exchange(client: &Client, to: &str) -> (Vec<u8>, std::io::Result<usize>) {
    let address = client.mock.url().replace("http://", "");
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(raw_request(to).as_bytes()).await.unwrap();
    let mut seen = Vec::new();
    let end = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut seen)).await.expect("an end");
    (seen, end)
}

fn is_reset(error: &reqwest::Error) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            return io.kind() == std::io::ErrorKind::ConnectionReset;
        }
        cause = error.source();
    }
    false
}

#[tokio::test]
async fn throttle_is_429_in_the_vendors_shape_with_the_header_it_was_told() {
    let client = failing(Fault::Throttle { retry_after: None });
    let answer = client.text(TO).await.unwrap();
    assert_eq!(retry_after(&answer), None);
    let (status, body) = read(Ok(answer)).await;
    assert_eq!((status, &body["code"]), (429, &json!(20429)));

    for (given, expected) in [(RetryAfter::Seconds(7), "7"), (RetryAfter::Text("soon".to_owned()), "soon")] {
        client.mock.clear_faults();
        client.mock.fail(Vendor::Twilio, Fault::Throttle { retry_after: Some(given) }).unwrap();
        assert_eq!(retry_after(&client.text(TO).await.unwrap()).as_deref(), Some(expected));
    }
    assert_eq!(client.mock.arrival_total(), 0);
}

#[tokio::test]
async fn retry_after_can_be_a_date_ahead() {
    let client = failing(Fault::Throttle { retry_after: Some(RetryAfter::DateIn(120)) });
    let text = retry_after(&client.text(TO).await.unwrap()).unwrap();
    assert!(text.ends_with(" GMT"), "{text}");
    let date = chrono::DateTime::parse_from_rfc2822(&text).unwrap();
    let ahead = date.signed_duration_since(chrono::Utc::now()).num_seconds();
    assert!((100..=120).contains(&ahead), "{ahead}");
}

#[tokio::test]
async fn a_status_comes_with_the_vendors_body_with_none_or_with_any() {
    let client = Client::start();
    let status = |body| Fault::Status { status: 503, body, delivered: false };
    client.mock.fail_by(FaultRule::new(Vendor::Twilio, status(FaultBody::Vendor)).times(1)).unwrap();
    client.mock.fail_by(FaultRule::new(Vendor::Twilio, status(FaultBody::Empty)).times(1)).unwrap();
    client
        .mock
        .fail_by(FaultRule::new(Vendor::Twilio, status(FaultBody::Text("oops".into()))).times(1))
        .unwrap();
    let (code, body) = read(client.text(TO).await).await;
    assert_eq!((code, &body["status"], &body["code"]), (503, &json!(503), &json!(20503)));
    let empty = client.text(TO).await.unwrap();
    assert_eq!((empty.status().as_u16(), empty.text().await.unwrap().as_str()), (503, ""));
    assert_eq!(client.text(TO).await.unwrap().text().await.unwrap(), "oops");
    assert_eq!(client.mock.arrival_total(), 0);
}

#[tokio::test]
async fn a_5xx_may_hide_a_delivery() {
    let client = failing(Fault::Status { status: 502, body: FaultBody::Empty, delivered: true });
    assert_eq!(client.text(TO).await.unwrap().status().as_u16(), 502);
    assert_eq!(client.mock.arrival_total(), 1);
}

#[tokio::test]
async fn hang_never_answers_and_delivers_nothing() {
    let client = failing(Fault::Hang);
    let request = client.text_in_background(TO);
    eventually(|| client.mock.requests().twilio.unanswered == 1).await;
    assert!(is_unanswered(request).await);
    assert_eq!(client.mock.arrival_total(), 0);
}

#[tokio::test]
async fn deliver_then_hang_delivers_and_never_answers() {
    let client = failing(Fault::DeliverThenHang);
    let request = client.text_in_background(TO);
    assert_eq!(client.mock.wait_for_arrivals(1, PATIENCE).await[0].to, TO);
    assert!(is_unanswered(request).await);
}

#[tokio::test]
async fn reset_is_a_tcp_reset_before_any_byte() {
    let client = failing(Fault::Reset);
    let (seen, end) = raw_exchange(&client, TO).await;
    assert_eq!(seen, b"");
    assert_eq!(end.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    let error = client.text(TO).await.unwrap_err();
    assert!(is_reset(&error), "{error:?}");
    assert_eq!(client.mock.arrival_total(), 0);
    assert_eq!(client.mock.requests().twilio.unanswered, 2);
}

#[tokio::test]
async fn deliver_then_reset_delivers_first() {
    let client = failing(Fault::DeliverThenReset);
    assert!(is_reset(&client.text(TO).await.unwrap_err()));
    assert_eq!(client.mock.arrivals_to(TO).len(), 1);
}

#[tokio::test]
async fn a_reset_hits_a_connection_that_was_in_use_and_no_other() {
    let client = Client::start();
    assert_eq!(client.text(TO).await.unwrap().status().as_u16(), 201);
    client.mock.fail_by(FaultRule::new(Vendor::Twilio, Fault::Reset).times(1)).unwrap();
    assert!(client.text(TO).await.is_err());
    assert_eq!(client.text(TO).await.unwrap().status().as_u16(), 201);
    assert_eq!(client.mock.arrival_total(), 2);
}

#[tokio::test]
async fn slow_bytes_come_one_at_a_time_and_make_a_correct_answer() {
    let client = failing(Fault::SlowBytes { interval_ms: 1 });
    let started = Instant::now();
    let (seen, end) = raw_exchange(&client, TO).await;
    end.unwrap();
    let text = String::from_utf8(seen).unwrap();
    assert!(text.starts_with("HTTP/1.1 201 Created\r\n"), "{text}");
    assert!(started.elapsed() >= Duration::from_millis(text.len() as u64), "{:?}", started.elapsed());
    let (status, body) = read(client.text(TO).await).await;
    assert_eq!((status, &body["status"]), (201, &json!("queued")));
    assert_eq!(client.mock.arrival_total(), 2);
}

#[tokio::test]
async fn a_client_may_give_up_on_slow_bytes() {
    let client = failing(Fault::SlowBytes { interval_ms: 1000 });
    let request = client.text_in_background(TO);
    assert_eq!(client.mock.wait_for_arrivals(1, PATIENCE).await.len(), 1);
    assert!(is_unanswered(request).await);
    client.mock.clear_faults();
    assert_eq!(client.text(TO).await.unwrap().status().as_u16(), 201);
}

#[tokio::test]
async fn garbage_is_a_success_that_says_nothing() {
    let client = Client::start();
    let garbage = |delivered| Fault::Garbage { status: 200, body: "<html>".to_owned(), delivered };
    client.mock.fail_by(FaultRule::new(Vendor::Twilio, garbage(true)).times(1)).unwrap();
    client.mock.fail_by(FaultRule::new(Vendor::Twilio, garbage(false)).times(1)).unwrap();
    for _ in 0..2 {
        let answer = client.text(TO).await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.text().await.unwrap().as_str()), (200, "<html>"));
    }
    assert_eq!(client.mock.arrival_total(), 1);
}

#[tokio::test]
async fn delay_delivers_at_once_and_answers_later() {
    let client = failing(Fault::Delay { delay_ms: 150 });
    let started = Instant::now();
    let request = client.text_in_background(TO);
    assert_eq!(client.mock.wait_for_arrivals(1, PATIENCE).await.len(), 1);
    let answer = request.await.unwrap().unwrap();
    assert_eq!(answer.status().as_u16(), 201);
    assert!(started.elapsed() >= Duration::from_millis(150));
}

#[tokio::test]
async fn reject_uses_the_vendors_own_code() {
    let client = failing(Fault::Reject { code: "21610".to_owned() });
    client.mock.fail(Vendor::TwoFactor, Fault::Reject { code: "Template Not Found".to_owned() }).unwrap();
    let (status, body) = read(client.text(TO).await).await;
    assert_eq!((status, &body["code"]), (400, &json!(21610)));
    let (status, body) = read(client.code("9876543210", "123456").await).await;
    assert_eq!((status, body), (400, json!({"Status": "Error", "Details": "Template Not Found"})));
    assert_eq!(client.mock.arrival_total(), 0);
}

#[tokio::test]
async fn every_fault_of_2factor_is_in_its_own_shape() {
    let client = Client::start();
    let rule = |fault| FaultRule::new(Vendor::TwoFactor, fault).times(1);
    client.mock.fail_by(rule(Fault::Throttle { retry_after: Some(RetryAfter::Seconds(2)) })).unwrap();
    client
        .mock
        .fail_by(rule(Fault::Status { status: 500, body: FaultBody::Vendor, delivered: false }))
        .unwrap();
    client.mock.fail_by(rule(Fault::Reset)).unwrap();
    let throttled = client.code("9876543210", "123456").await.unwrap();
    assert_eq!(retry_after(&throttled).as_deref(), Some("2"));
    assert_eq!(read(Ok(throttled)).await.1["Status"], "Error");
    let (status, body) = read(client.code("9876543210", "123456").await).await;
    assert_eq!((status, &body["Status"]), (500, &json!("Error")));
    assert!(client.code("9876543210", "123456").await.is_err());
    assert_eq!(client.code("9876543210", "123456").await.unwrap().status().as_u16(), 200);
}

#[tokio::test]
async fn a_rule_strikes_its_recipients_only_and_as_often_as_it_says() {
    let client = Client::start();
    let rule = FaultRule::new(Vendor::Twilio, Fault::Throttle { retry_after: None });
    client.mock.fail_by(rule.to(RecipientMatch::Suffix("7".to_owned())).times(2)).unwrap();
    let mut statuses = Vec::new();
    for to in ["+41790000007", "+41790000001", "+41790000007", "+41790000007"] {
        statuses.push(client.text(to).await.unwrap().status().as_u16());
    }
    assert_eq!(statuses, [429, 201, 429, 201]);
    assert_eq!(client.mock.faults()[0].hits, 2);
}

#[tokio::test]
async fn an_invalid_request_gets_its_own_error_and_spends_no_fault() {
    let client = failing(Fault::Reset);
    let answer = client.twilio(Method::POST, "Messages.json").send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 400);
    assert_eq!(client.mock.faults()[0].hits, 0);
}

#[tokio::test]
async fn magic_numbers_misbehave_without_any_rule() {
    let client = Client::start();
    assert!(is_reset(&client.text("+41795500000").await.unwrap_err()));
    let throttled = client.text("+41795502429").await.unwrap();
    assert_eq!((throttled.status().as_u16(), retry_after(&throttled).as_deref()), (429, Some("2")));
    assert_eq!(client.code("9875500503", "123456").await.unwrap().status().as_u16(), 503);
    assert_eq!(client.mock.arrival_total(), 0);
    assert!(client.text("+41795500202").await.is_err());
    assert_eq!(client.mock.arrival_total(), 1);
}
