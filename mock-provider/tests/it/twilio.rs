//! Twilio's side when everything is right.

use mock_provider::{ArrivalKind, Credentials, Vendor};
use reqwest::Method;
use serde_json::Value;

use crate::client::{Client, FROM, answer, read};

const TO: &str = "+41790000001";

#[tokio::test]
async fn a_message_is_answered_in_twilios_full_shape_and_arrives() {
    let client = Client::start();
    let (status, body) = read(client.text(TO).await).await;
    assert_eq!(status, 201);
    let sid = body["sid"].as_str().unwrap();
    assert!(
        sid.len() == 34 && sid.starts_with("SM") && sid[2..].bytes().all(|b| b.is_ascii_hexdigit()),
        "{sid}"
    );
    assert_eq!(body["account_sid"], Credentials::ACCOUNT_SID);
    assert_eq!(body["status"], "queued");
    assert_eq!(body["direction"], "outbound-api");
    assert_eq!(body["num_segments"], "1");
    assert_eq!(body["num_media"], "0");
    assert_eq!(body["to"], TO);
    assert_eq!(body["from"], FROM);
    assert_eq!(body["body"], "hello");
    assert_eq!(body["api_version"], "2010-04-01");
    for absent in ["error_code", "error_message", "price", "date_sent", "messaging_service_sid"] {
        assert_eq!(body.get(absent), Some(&Value::Null), "{absent}");
    }
    assert!(body["uri"].as_str().unwrap().ends_with(&format!("/Messages/{sid}.json")));
    assert!(body["subresource_uris"]["media"].as_str().unwrap().ends_with("/Media.json"));
    chrono::DateTime::parse_from_rfc2822(body["date_created"].as_str().unwrap()).unwrap();

    let arrivals = client.mock.arrivals();
    assert_eq!(arrivals.len(), 1);
    assert_eq!(arrivals[0].vendor, Vendor::Twilio);
    assert_eq!(arrivals[0].kind, ArrivalKind::Text);
    assert_eq!((arrivals[0].to.as_str(), arrivals[0].body.as_str()), (TO, "hello"));
    assert_eq!(arrivals[0].provider_id, sid);
    assert_eq!(arrivals[0].reference, None);
}

#[tokio::test]
async fn the_message_id_in_the_callback_url_becomes_the_reference() {
    let client = Client::start();
    let callback =
        "http://127.0.0.1:1/webhooks/twilio/status?message_id=0190c0de-0000-7000-8000-000000000001";
    let form = [
        ("To", TO),
        ("From", FROM),
        ("Body", "hello"),
        ("StatusCallback", callback),
        ("ValidityPeriod", "120"),
        ("SomethingNew", "1"),
    ];
    assert_eq!(answer(client.twilio_form(&form)).await.0, 201);
    let copies = client.mock.arrivals_of("0190c0de-0000-7000-8000-000000000001");
    assert_eq!(copies.len(), 1);
    assert_eq!(copies[0].validity_s, Some(120));
}

#[tokio::test]
async fn an_api_key_is_as_good_as_the_token() {
    let client = Client::start();
    let path = format!("/2010-04-01/Accounts/{}/Messages.json", Credentials::ACCOUNT_SID);
    let request = client
        .request(Method::POST, &path)
        .basic_auth(Credentials::API_KEY_SID, Some(Credentials::API_KEY_SECRET))
        .form(&[("To", TO), ("From", "ACME"), ("Body", "hello")]);
    assert_eq!(answer(request).await.0, 201);
}

#[tokio::test]
async fn a_messaging_service_accepts_before_a_sender_is_known() {
    let client = Client::start();
    let service = "MG00000000000000000000000000000000";
    let form = [("To", TO), ("MessagingServiceSid", service), ("Body", "hello")];
    let (status, body) = answer(client.twilio_form(&form)).await;
    assert_eq!(status, 201);
    assert_eq!(body["status"], "accepted");
    assert_eq!(body["messaging_service_sid"], service);
    assert_eq!(body["from"], Value::Null);
    assert_eq!(body["num_segments"], "0");
}

#[tokio::test]
async fn segments_are_counted_as_text() {
    let client = Client::start();
    let body = "ж".repeat(71);
    let (_, message) = answer(client.twilio_form(&[("To", TO), ("From", FROM), ("Body", &body)])).await;
    assert_eq!(message["num_segments"], "2");
    assert_eq!(client.mock.arrivals()[0].body, body);
}

#[tokio::test]
async fn a_sent_message_can_be_fetched_and_listed() {
    let client = Client::start();
    let sid = read(client.text(TO).await).await.1["sid"].as_str().unwrap().to_owned();
    read(client.text("+41790000002").await).await;
    let (status, fetched) = answer(client.twilio(Method::GET, &format!("Messages/{sid}.json"))).await;
    assert_eq!((status, &fetched["status"]), (200, &Value::from("delivered")));
    assert_eq!(fetched["sid"], sid.as_str());

    let listing = client.twilio(Method::GET, "Messages.json").query(&[("To", TO)]);
    let (status, page) = answer(listing).await;
    assert_eq!(status, 200);
    assert_eq!(page["messages"].as_array().unwrap().len(), 1);
    assert_eq!(page["messages"][0]["sid"], sid.as_str());
    assert_eq!(page["next_page_uri"], Value::Null);
}
