use hyper::header::CONTENT_LENGTH;

use super::*;
use crate::provider::VendorTemplate;
use crate::provider::catalogue::sample::{self, a_text, phone};

const KEY: &str = "0f/ke?y";

fn fields() -> TwoFactorFields {
    TwoFactorFields {
        api_key: Some(KEY.into()),
        plain_text: true,
        base_url: Some("http://127.0.0.1:1".to_owned()),
        ..TwoFactorFields::default()
    }
}

fn account(fields: &TwoFactorFields) -> TwoFactor {
    let settings = sample::two_factor(fields, "GATEWY");
    let config = TwoFactorConfig::parse(fields, settings.sender.as_ref()).expect("valid");
    TwoFactor::new(&settings, &config, &sample::context(None))
}

fn request(fields: &TwoFactorFields, sms: &OutgoingSms) -> Result<Request, SendError> {
    account(fields).request(sms)
}

fn sent(fields: &TwoFactorFields, sms: &OutgoingSms) -> (String, String) {
    let request = request(fields, sms).expect("it can be sent");
    assert_eq!(request.method(), "POST");
    let body = http::body(&request).to_vec();
    (request.uri().path().to_owned(), String::from_utf8(body).expect("a form is ASCII"))
}

fn a_code() -> OutgoingSms {
    OutgoingSms {
        lane: Lane::Otp,
        text: "123456 is your code".to_owned(),
        code: Some("123456".to_owned()),
        ..a_text()
    }
}

fn a_template(values: usize) -> VendorTemplate {
    VendorTemplate {
        name: "Table ready".to_owned(),
        values: (1..=values).map(|i| format!("v&{i}")).collect(),
    }
}

#[tokio::test]
async fn our_own_code_goes_into_the_path() {
    let (path, body) = sent(&fields(), &a_code());
    assert_eq!(path, "/API/V1/0f%2Fke%3Fy/SMS/919876543210/123456");
    assert_eq!(body, "");
    assert_eq!(request(&fields(), &a_code()).expect("a request").headers()[CONTENT_LENGTH], "0");
}

#[tokio::test]
async fn a_code_is_sent_with_the_messages_template_else_the_accounts() {
    let account = TwoFactorFields { template: Some("Login".to_owned()), ..fields() };
    assert_eq!(sent(&account, &a_code()).0, "/API/V1/0f%2Fke%3Fy/SMS/919876543210/123456/Login");
    let own = OutgoingSms { template: Some(a_template(1)), ..a_code() };
    assert_eq!(sent(&account, &own).0, "/API/V1/0f%2Fke%3Fy/SMS/919876543210/123456/Table%20ready");
}

#[tokio::test]
async fn the_vendors_own_code_is_asked_for_with_the_same_templates() {
    let with_template = TwoFactorFields { template: Some("Login".to_owned()), ..fields() };
    for (fields, path) in [
        (fields(), "/API/V1/0f%2Fke%3Fy/SMS/919876543210/AUTOGEN"),
        (with_template, "/API/V1/0f%2Fke%3Fy/SMS/919876543210/AUTOGEN/Login"),
    ] {
        let request = account(&fields).code_request(&a_code(), AUTOGEN).expect("a request");
        assert_eq!((request.method().as_str(), request.uri().path()), ("POST", path));
        assert!(http::body(&request).is_empty());
    }
}

#[tokio::test]
async fn a_typed_code_is_checked_by_the_vendors_session() {
    let to = phone("+919876543210");
    let check = OtpCheck { session: "c59103dd-fa46", phone: &to, code: "493817" };
    let request = account(&fields()).check_request(&check).expect("a request");
    assert_eq!(request.method(), "GET");
    assert_eq!(request.uri().path(), "/API/V1/0f%2Fke%3Fy/SMS/VERIFY/c59103dd-fa46/493817");
}

#[tokio::test]
async fn an_account_makes_codes_only_where_it_is_told_to() {
    assert!(!account(&fields()).makes_codes());
    assert!(account(&TwoFactorFields { mode: CodeMode::Autogen, ..fields() }).makes_codes());
}

#[tokio::test]
async fn a_template_is_posted_with_its_variables_in_order() {
    let (path, body) = sent(&fields(), &OutgoingSms { template: Some(a_template(2)), ..a_text() });
    assert_eq!(path, "/API/V1/0f%2Fke%3Fy/ADDON_SERVICES/SEND/TSMS");
    assert_eq!(body, "From=GATEWY&To=919876543210&TemplateName=Table+ready&VAR1=v%261&VAR2=v%262");
}

#[tokio::test]
async fn a_promo_takes_the_promotional_door() {
    let sms = OutgoingSms { lane: Lane::Promo, template: Some(a_template(0)), ..a_text() };
    assert_eq!(sent(&fields(), &sms).0, "/API/V1/0f%2Fke%3Fy/ADDON_SERVICES/SEND/PSMS");
}

#[tokio::test]
async fn plain_text_goes_out_only_where_the_account_allows_it() {
    let (_, body) = sent(&fields(), &a_text());
    assert_eq!(body, "From=GATEWY&To=919876543210&Msg=Your+table+%26+chairs+are+ready%3A+100+%25");
    let strict = TwoFactorFields { plain_text: false, ..fields() };
    let error = request(&strict, &a_text()).expect_err("no template");
    assert_eq!(error.answer().reason, "needs_template");
    assert!(matches!(error, SendError::Refused { .. }));
    sent(&strict, &a_code());
}

#[tokio::test]
async fn a_sender_of_another_form_gives_way_to_the_accounts_own() {
    for (asked, used) in
        [("SHOPPE", "SHOPPE"), ("+15005550006", "GATEWY"), ("Shop", "GATEWY"), ("123456", "GATEWY")]
    {
        let sms = OutgoingSms { sender: Some(asked.to_owned()), ..a_text() };
        assert!(sent(&fields(), &sms).1.starts_with(&format!("From={used}&")), "{asked}");
    }
}

#[tokio::test]
async fn more_variables_than_the_vendor_has_are_refused_before_any_call() {
    let sms = OutgoingSms { template: Some(a_template(6)), ..a_text() };
    assert_eq!(request(&fields(), &sms).expect_err("six").answer().reason, "too_many_variables");
}

#[tokio::test]
async fn numbers_go_out_with_country_code_and_without_plus() {
    let sms = OutgoingSms { to: phone("+41790000001"), ..a_code() };
    assert_eq!(sent(&fields(), &sms).0, "/API/V1/0f%2Fke%3Fy/SMS/41790000001/123456");
}

#[tokio::test]
async fn the_key_does_not_show_in_debug_output() {
    let config = TwoFactorConfig::parse(&fields(), Some(&sample::sender("GATEWY"))).expect("valid");
    assert!(!format!("{config:?}").contains("0f"));
}
