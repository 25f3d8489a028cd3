//! Twilio's refusals: the vendor's own code under its own status, and nothing delivered.

use mock_provider::Credentials;
use reqwest::{Method, RequestBuilder};
use serde_json::json;

use crate::client::{Client, FROM, answer, read};

const TO: &str = "+41790000001";

/// The request is refused with this status and code, in Twilio's shape.
async fn refused(client: &Client, request: RequestBuilder, status: u16, code: u32) {
    let (got, body) = answer(request).await;
    assert_eq!((got, &body["code"]), (status, &json!(code)), "{body}");
    assert_eq!(body["status"], status);
    assert_eq!(body["more_info"], format!("https://www.twilio.com/docs/errors/{code}"));
    assert!(!body["message"].as_str().unwrap().is_empty());
    assert_eq!(client.mock.arrival_total(), 0, "a refused message was delivered");
}

async fn form_refused(client: &Client, form: &[(&str, &str)], status: u16, code: u32) {
    refused(client, client.twilio_form(form), status, code).await;
}

#[tokio::test]
async fn wrong_or_missing_credentials_are_20003() {
    let client = Client::start();
    let path = format!("/2010-04-01/Accounts/{}/Messages.json", Credentials::ACCOUNT_SID);
    let form = [("To", TO), ("From", FROM), ("Body", "hello")];
    let bare = || client.request(Method::POST, &path).form(&form);
    refused(&client, bare(), 401, 20003).await;
    refused(&client, bare().basic_auth(Credentials::ACCOUNT_SID, Some("wrong")), 401, 20003).await;
    refused(&client, bare().basic_auth(Credentials::API_KEY_SID, Some(Credentials::AUTH_TOKEN)), 401, 20003)
        .await;
    refused(&client, bare().bearer_auth(Credentials::AUTH_TOKEN), 401, 20003).await;
}

#[tokio::test]
async fn a_wrong_path_account_or_message_is_20404() {
    let client = Client::start();
    let form = [("To", TO), ("From", FROM), ("Body", "hello")];
    refused(&client, client.twilio(Method::POST, "Message.json").form(&form), 404, 20404).await;
    refused(&client, client.twilio(Method::POST, "Messages").form(&form), 404, 20404).await;
    let unknown = format!("Messages/SM{}.json", "0".repeat(32));
    refused(&client, client.twilio(Method::GET, &unknown), 404, 20404).await;
    let other = client
        .request(Method::POST, &format!("/2010-04-01/Accounts/AC{}/Messages.json", "1".repeat(32)))
        .basic_auth(Credentials::ACCOUNT_SID, Some(Credentials::AUTH_TOKEN))
        .form(&form);
    refused(&client, other, 404, 20404).await;
    refused(&client, client.get("/nothing/here"), 404, 20404).await;
}

#[tokio::test]
async fn other_methods_are_20004_and_other_encodings_20415() {
    let client = Client::start();
    refused(&client, client.twilio(Method::PUT, "Messages.json"), 405, 20004).await;
    let body = json!({"To": TO, "From": FROM, "Body": "hello"});
    refused(&client, client.twilio(Method::POST, "Messages.json").json(&body), 415, 20415).await;
}

#[tokio::test]
async fn a_missing_parameter_has_its_own_code() {
    let client = Client::start();
    form_refused(&client, &[("From", FROM), ("Body", "hello")], 400, 21604).await;
    form_refused(&client, &[("To", ""), ("From", FROM), ("Body", "hello")], 400, 21604).await;
    form_refused(&client, &[("To", TO), ("Body", "hello")], 400, 21603).await;
    form_refused(&client, &[("To", TO), ("From", FROM)], 400, 21602).await;
    form_refused(&client, &[("To", TO), ("From", FROM), ("Body", "")], 400, 21602).await;
    refused(&client, client.twilio(Method::POST, "Messages.json"), 400, 21604).await;
}

#[tokio::test]
async fn a_wrong_parameter_has_its_own_code() {
    let client = Client::start();
    for to in ["41790000001", "+0790000001", "+4179", "+4179000000a", "+4179000000123456", "hello"] {
        form_refused(&client, &[("To", to), ("From", FROM), ("Body", "hello")], 400, 21211).await;
    }
    form_refused(&client, &[("To", TO), ("From", "!"), ("Body", "hello")], 400, 21212).await;
    form_refused(&client, &[("To", TO), ("MessagingServiceSid", "MG1"), ("Body", "hello")], 400, 21705).await;
    form_refused(&client, &[("To", TO), ("From", FROM), ("Body", &"a".repeat(1601))], 400, 21617).await;
    for period in ["0", "36001", "soon"] {
        let form = [("To", TO), ("From", FROM), ("Body", "hello"), ("ValidityPeriod", period)];
        form_refused(&client, &form, 400, 21624).await;
    }
    let form = [("To", TO), ("From", FROM), ("Body", "hello"), ("StatusCallback", "/status")];
    form_refused(&client, &form, 400, 21609).await;
}

#[tokio::test]
async fn a_body_of_exactly_1600_characters_is_taken() {
    let client = Client::start();
    let body = "a".repeat(1600);
    let (status, _) = answer(client.twilio_form(&[("To", TO), ("From", FROM), ("Body", &body)])).await;
    assert_eq!(status, 201);
}

#[tokio::test]
async fn magic_numbers_are_refused_with_the_code_they_name() {
    let client = Client::start();
    for (code, status) in [(21211, 400), (21610, 400), (21614, 400), (20005, 403), (20003, 401)] {
        let (got, body) = read(client.text(&format!("+417955{code}")).await).await;
        assert_eq!((got, &body["code"]), (status, &json!(code)));
    }
    assert_eq!(client.mock.arrival_total(), 0);
}

#[tokio::test]
async fn the_refusals_name_the_number() {
    let client = Client::start();
    let (_, body) = read(client.text("+41795521614").await).await;
    assert!(body["message"].as_str().unwrap().contains("+41795521614"), "{body}");
}
