//! Twilio Verify: starting a verification, checking its code, and checks that go wrong on command.

use mock_provider::{ArrivalKind, Credentials, Fault, FaultRule, Options, RetryAfter, Vendor};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::client::{Client, answer, is_unanswered, retry_after};

const TO: &str = "+41790000001";

fn start(client: &Client) -> RequestBuilder {
    client.verify("Verifications", &[("To", TO), ("Channel", "sms"), ("Tags", r#"{"message_id":"m-1"}"#)])
}

fn check(client: &Client, sid: &str, code: &str) -> RequestBuilder {
    client.verify("VerificationCheck", &[("VerificationSid", sid), ("Code", code)])
}

async fn started(client: &Client) -> (String, String) {
    let (status, body) = answer(start(client)).await;
    assert_eq!((status, &body["status"]), (201, &json!("pending")), "{body}");
    let code = client.mock.arrivals().last().unwrap().body.clone();
    (body["sid"].as_str().unwrap().to_owned(), code)
}

async fn refused(request: RequestBuilder, status: u16, code: u32) {
    let (got, body) = answer(request).await;
    assert_eq!((got, &body["code"], &body["status"]), (status, &json!(code), &json!(status)), "{body}");
}

fn another(code: &str) -> &'static str {
    if code == "000000" { "111111" } else { "000000" }
}

#[tokio::test]
async fn a_started_verification_is_as_twilio_writes_it_and_its_code_arrives() {
    let client = Client::start();
    let (status, body) = answer(start(&client)).await;
    let sid = body["sid"].as_str().unwrap();
    assert_eq!((status, sid.len()), (201, 34));
    assert_eq!(body["service_sid"], Credentials::VERIFY_SERVICE_SID);
    assert_eq!(body["account_sid"], Credentials::ACCOUNT_SID);
    assert_eq!((&body["to"], &body["channel"], &body["valid"]), (&json!(TO), &json!("sms"), &json!(false)));
    let [arrival] = &client.mock.arrivals()[..] else { panic!("one arrival") };
    assert_eq!(
        (arrival.vendor, arrival.kind, arrival.provider_id.as_str()),
        (Vendor::Twilio, ArrivalKind::Code, sid)
    );
    assert_eq!((arrival.to.as_str(), arrival.reference.as_deref()), (TO, Some("m-1")));
    assert!(arrival.body.len() == 6 && arrival.body.bytes().all(|b| b.is_ascii_digit()), "{arrival:?}");
    let message = client.twilio(Method::GET, &format!("Messages/{}.json", sid.replacen("VE", "SM", 1)));
    refused(message, 404, 20404).await;
}

#[tokio::test]
async fn a_right_code_is_approved_once() {
    let client = Client::start();
    let (sid, code) = started(&client).await;
    let (status, body) = answer(check(&client, &sid, another(&code))).await;
    assert_eq!((status, &body["status"], &body["valid"]), (200, &json!("pending"), &json!(false)));
    let (status, body) = answer(check(&client, &sid, &code)).await;
    assert_eq!((status, &body["status"], &body["valid"]), (200, &json!("approved"), &json!(true)));
    assert_eq!(body["sid"], Value::from(sid.as_str()));
    refused(check(&client, &sid, &code), 404, 20404).await;
}

#[tokio::test]
async fn a_number_is_a_verifications_other_name() {
    let client = Client::start();
    let (_, code) = started(&client).await;
    let by_number = |to| client.verify("VerificationCheck", &[("To", to), ("Code", code.as_str())]);
    refused(by_number("+41790000002"), 404, 20404).await;
    assert_eq!(answer(by_number(TO)).await.1["status"], "approved");
}

#[tokio::test]
async fn a_number_has_one_verification_at_a_time_and_five_codes() {
    let client = Client::start();
    let first = started(&client).await;
    for _ in 0..4 {
        assert_eq!(started(&client).await, first, "the same code under the same SID");
    }
    refused(start(&client), 429, 60203).await;
    assert_eq!(client.mock.arrival_total(), 5);
    answer(check(&client, &first.0, &first.1)).await;
    assert_ne!(started(&client).await.0, first.0, "approved is over");
}

#[tokio::test]
async fn five_wrong_codes_end_it_even_for_the_right_one() {
    let client = Client::start();
    let (sid, code) = started(&client).await;
    for _ in 0..5 {
        assert_eq!(answer(check(&client, &sid, another(&code))).await.1["status"], "pending");
    }
    refused(check(&client, &sid, &code), 429, 60202).await;
}

#[tokio::test]
async fn an_old_verification_is_not_found() {
    let client = Client::with(Options { twilio_code_lifetime_s: 0, ..Options::default() });
    let (sid, code) = started(&client).await;
    refused(check(&client, &sid, &code), 404, 20404).await;
}

#[tokio::test]
async fn what_is_missing_or_wrong_is_named() {
    let client = Client::start();
    for (resource, form) in [
        ("Verifications", &[("Channel", "sms")][..]),
        ("Verifications", &[("To", "41790000001"), ("Channel", "sms")]),
        ("Verifications", &[("To", TO)]),
        ("Verifications", &[("To", TO), ("Channel", "call")]),
        ("VerificationCheck", &[("To", TO)]),
        ("VerificationCheck", &[("To", TO), ("Code", "123")]),
        ("VerificationCheck", &[("Code", "123456")]),
    ] {
        refused(client.verify(resource, form), 400, 60200).await;
    }
    refused(client.verify("Verification", &[("To", TO), ("Channel", "sms")]), 404, 20404).await;
    let path = format!("/v2/Services/{}/Verifications", Credentials::VERIFY_SERVICE_SID);
    let bare = || client.request(Method::POST, &path).form(&[("To", TO), ("Channel", "sms")]);
    refused(bare(), 401, 20003).await;
    let login =
        |request: RequestBuilder| request.basic_auth(Credentials::ACCOUNT_SID, Some(Credentials::AUTH_TOKEN));
    refused(login(client.request(Method::PUT, &path)), 405, 20004).await;
    refused(login(client.request(Method::POST, &path)).json(&json!({ "To": TO })), 415, 20415).await;
    let other = path.replace("VA0", "VA1");
    refused(login(client.request(Method::POST, &other)), 404, 20404).await;
    assert_eq!(client.mock.arrival_total(), 0);
}

#[tokio::test]
async fn faults_strike_a_start_as_any_message() {
    let client = Client::start();
    client
        .mock
        .fail_by(FaultRule::new(Vendor::Twilio, Fault::Reject { code: "60212".to_owned() }).times(1))
        .unwrap();
    refused(start(&client), 429, 60212).await;
    client.mock.fail_by(FaultRule::new(Vendor::Twilio, Fault::DeliverThenHang).times(1)).unwrap();
    assert!(is_unanswered(tokio::spawn(start(&client).send())).await);
    let hidden = client.mock.arrivals()[0].body.clone();
    assert_eq!(started(&client).await.1, hidden, "what was delivered is pending");
}

#[tokio::test]
async fn faults_for_checks_strike_those_alone_at_either_vendor() {
    let client = Client::start();
    let retry = Fault::Throttle { retry_after: Some(RetryAfter::Seconds(3)) };
    for vendor in [Vendor::Twilio, Vendor::TwoFactor] {
        client.mock.fail_by(FaultRule::new(vendor, retry.clone()).on_checks().times(1)).unwrap();
        client.mock.fail_by(FaultRule::new(vendor, Fault::DeliverThenHang).on_checks().times(1)).unwrap();
    }
    let (sid, code) = started(&client).await;
    let session = client.two_factor(Method::GET, "SMS/9876543210/123456");
    let session = answer(session).await.1["Details"].as_str().unwrap().to_owned();
    let by_two_factor = || client.two_factor(Method::GET, &format!("SMS/VERIFY/{session}/123456"));
    for check in [&(|| check(&client, &sid, &code)) as &dyn Fn() -> RequestBuilder, &by_two_factor] {
        let throttled = check().send().await.unwrap();
        assert_eq!((throttled.status().as_u16(), retry_after(&throttled).as_deref()), (429, Some("3")));
        assert!(is_unanswered(tokio::spawn(check().send())).await, "checked, and not answered");
    }
    refused(check(&client, &sid, &code), 404, 20404).await;
    assert_eq!(answer(by_two_factor()).await.1["Details"], "OTP Expired");
}
