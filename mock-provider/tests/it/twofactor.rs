//! 2Factor's side: codes, verification, texts, reports, refusals.

use mock_provider::{ArrivalKind, Credentials, Options, Vendor};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::client::{Client, answer, read};

async fn success(request: RequestBuilder) -> String {
    let (status, body) = answer(request).await;
    assert_eq!((status, &body["Status"]), (200, &json!("Success")), "{body}");
    body["Details"].as_str().unwrap().to_owned()
}

async fn refused(request: RequestBuilder, status: u16, details: &str) {
    let (got, body) = answer(request).await;
    assert_eq!((got, body), (status, json!({"Status": "Error", "Details": details})));
}

#[tokio::test]
async fn an_own_code_arrives_whatever_the_spelling_of_the_number() {
    let client = Client::start();
    for (phone, method) in
        [("9876543210", Method::GET), ("919876543210", Method::POST), ("+919876543210", Method::GET)]
    {
        let id = success(client.two_factor(method, &format!("SMS/{phone}/123456/Login%20code"))).await;
        let arrivals = client.mock.arrivals();
        let last = arrivals.last().unwrap();
        assert_eq!((last.vendor, last.kind), (Vendor::TwoFactor, ArrivalKind::Code));
        assert_eq!((last.to.as_str(), last.body.as_str()), ("+919876543210", "123456"));
        assert_eq!(last.template.as_deref(), Some("Login code"));
        assert_eq!(last.provider_id, id);
    }
    assert_eq!(client.mock.arrival_total(), 3);
}

#[tokio::test]
async fn a_generated_code_matches_once() {
    let client = Client::start();
    let session = success(client.two_factor(Method::GET, "SMS/9876543210/AUTOGEN")).await;
    let code = client.mock.arrivals()[0].body.clone();
    assert!(code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit()), "{code}");
    let wrong = if code == "000000" { "111111" } else { "000000" };
    let verify = |code: &str| client.two_factor(Method::GET, &format!("SMS/VERIFY/{session}/{code}"));
    refused(verify(wrong), 400, "OTP Mismatch").await;
    assert_eq!(success(verify(&code)).await, "OTP Matched");
    assert_eq!(success(verify(&code)).await, "OTP Expired");
}

#[tokio::test]
async fn an_old_code_is_expired_under_status_success() {
    let client = Client::with(Options { two_factor_code_lifetime_s: 0, ..Options::default() });
    let session = success(client.two_factor(Method::GET, "SMS/9876543210/123456")).await;
    let verify = client.two_factor(Method::GET, &format!("SMS/VERIFY/{session}/123456"));
    assert_eq!(success(verify).await, "OTP Expired");
}

#[tokio::test]
async fn an_unknown_session_and_a_text_message_cannot_be_verified() {
    let client = Client::start();
    let none = "Invalid API / SessionId Combination - No Entry Exists";
    refused(client.two_factor(Method::GET, "SMS/VERIFY/nothing/123456"), 400, none).await;
    let form = [("From", "TFCTOR"), ("To", "9876543210"), ("Msg", "123456")];
    let text = success(client.two_factor(Method::POST, "ADDON_SERVICES/SEND/TSMS").form(&form)).await;
    refused(client.two_factor(Method::GET, &format!("SMS/VERIFY/{text}/123456")), 400, none).await;
}

#[tokio::test]
async fn a_template_text_arrives_with_its_variables() {
    let client = Client::start();
    let form = [
        ("From", "TFCTOR"),
        ("To", "919876543210"),
        ("TemplateName", "Booking"),
        ("VAR1", "Ana"),
        ("VAR3", "9:30"),
        ("client_ref", "m-1"),
    ];
    let id = success(client.two_factor(Method::POST, "ADDON_SERVICES/SEND/TSMS").form(&form)).await;
    let copies = client.mock.arrivals_of("m-1");
    assert_eq!(copies.len(), 1);
    assert_eq!(copies[0].template.as_deref(), Some("Booking"));
    assert_eq!(copies[0].variables, ["Ana", "", "9:30"]);
    assert_eq!(copies[0].from.as_deref(), Some("TFCTOR"));
    assert_eq!(copies[0].provider_id, id);
}

#[tokio::test]
async fn a_promotional_text_may_be_json_and_go_to_several_numbers() {
    let client = Client::start();
    let body = json!({"From": "TFCTOR", "To": "9876543210,9876543211", "Msg": "Sale"});
    let request = client.two_factor(Method::POST, "ADDON_SERVICES/SEND/PSMS").json(&body);
    success(request.header("x-message-id", "m-2")).await;
    let arrivals = client.mock.arrivals_of("m-2");
    let to: Vec<&str> = arrivals.iter().map(|arrival| arrival.to.as_str()).collect();
    assert_eq!(to, ["+919876543210", "+919876543211"]);
    assert!(arrivals.iter().all(|arrival| arrival.body == "Sale"));
}

#[tokio::test]
async fn a_text_can_be_reported_on() {
    let client = Client::start();
    let form = [("From", "TFCTOR"), ("To", "9876543210"), ("Msg", "hello")];
    let id = success(client.two_factor(Method::POST, "ADDON_SERVICES/SEND/TSMS").form(&form)).await;
    let report = client.two_factor(Method::GET, &format!("ADDON_SERVICES/RPT/TSMS/{id}"));
    let text = report.send().await.unwrap().text().await.unwrap();
    assert!(text.contains("<statusDesc>DELIVERED</statusDesc>"), "{text}");
}

#[tokio::test]
async fn a_wrong_key_number_code_or_field_is_refused_and_nothing_arrives() {
    let client = Client::start();
    refused(client.get("/API/V1/wrong-key/SMS/9876543210/123456"), 400, "Invalid API Key").await;
    let short = "Invalid Phone Number - Length Mismatch(Expected >= 10)";
    refused(client.two_factor(Method::GET, "SMS/987654321/123456"), 400, short).await;
    refused(client.two_factor(Method::GET, "SMS/+41790000001/123456"), 400, "Invalid Phone Number").await;
    refused(client.two_factor(Method::GET, "SMS/9876543210/12"), 400, "Invalid OTP Value").await;
    let send = || client.two_factor(Method::POST, "ADDON_SERVICES/SEND/TSMS");
    let sender = "Invalid Sender Id";
    refused(send().form(&[("From", "TOOLONG"), ("To", "9876543210"), ("Msg", "x")]), 400, sender).await;
    refused(send().form(&[("To", "9876543210"), ("Msg", "x")]), 400, sender).await;
    refused(send().form(&[("From", "TFCTOR"), ("Msg", "x")]), 400, short).await;
    let template = "Invalid Template Name";
    refused(send().form(&[("From", "TFCTOR"), ("To", "9876543210")]), 400, template).await;
    refused(send().body("<xml/>").header("content-type", "text/xml"), 400, "Invalid Request Body").await;
    assert_eq!(client.mock.arrival_total(), 0);
}

#[tokio::test]
async fn a_wrong_method_or_path_is_an_error_in_the_same_shape() {
    let client = Client::start();
    let wrong = "Method Not Allowed";
    refused(client.two_factor(Method::GET, "ADDON_SERVICES/SEND/TSMS"), 405, wrong).await;
    refused(client.two_factor(Method::DELETE, "SMS/9876543210/123456"), 405, wrong).await;
    refused(client.two_factor(Method::POST, "SMS/VERIFY/x/123456"), 405, wrong).await;
    refused(client.two_factor(Method::GET, "MMS/9876543210"), 404, "Invalid API Endpoint").await;
    refused(client.get("/API/V2/x"), 404, "Invalid API Endpoint").await;
}

#[tokio::test]
async fn the_balance_can_be_asked_for() {
    let client = Client::start();
    assert_eq!(success(client.two_factor(Method::GET, "BAL/SMS")).await, "500");
}

#[tokio::test]
async fn a_configured_key_replaces_the_default() {
    let credentials = Credentials { two_factor_api_key: "another".to_owned(), ..Credentials::default() };
    let client = Client::with(Options { credentials, ..Options::default() });
    let (status, body) = read(client.code("9876543210", "123456").await).await;
    assert_eq!((status, &body["Details"]), (400, &Value::from("Invalid API Key")));
    success(client.get("/API/V1/another/SMS/9876543210/123456")).await;
}
