use hyper::header::{AUTHORIZATION, CONTENT_TYPE};

use super::*;
use crate::provider::CodeMode;
use crate::provider::catalogue::sample::{self, ACCOUNT_SID, KEY_SID, SERVICE_SID, VERIFY_SID, a_text};

fn fields() -> TwilioFields {
    TwilioFields {
        account_sid: Some(ACCOUNT_SID.to_owned()),
        auth_token: Some("token".into()),
        base_url: Some("http://127.0.0.1:1".to_owned()),
        ..TwilioFields::default()
    }
}

fn request(fields: &TwilioFields, public_url: Option<&str>, sms: &OutgoingSms) -> Request {
    let settings = sample::twilio(fields, "+15005550006");
    let config = TwilioConfig::parse(fields, settings.sender.as_ref()).expect("valid");
    let twilio = Twilio::new(&settings, &config, &sample::context(public_url));
    twilio.request(sms)
}

/// The form as Twilio reads it.
fn form(request: &Request) -> Vec<(String, String)> {
    form_urlencoded::parse(&http::body(request)).into_owned().collect()
}

fn field(request: &Request, name: &str) -> Option<String> {
    form(request).into_iter().find_map(|(field, value)| (field == name).then_some(value))
}

fn login(request: &Request) -> &str {
    request.headers()[AUTHORIZATION].to_str().expect("ASCII")
}

#[tokio::test]
async fn a_text_is_posted_as_twilio_documents_it() {
    let request = request(&fields(), None, &a_text());
    assert_eq!(request.method(), "POST");
    let path = format!("http://127.0.0.1:1/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json");
    assert_eq!(request.uri(), path.as_str());
    assert_eq!(request.headers()[CONTENT_TYPE], "application/x-www-form-urlencoded");
    let expected = [
        ("To", "+919876543210"),
        ("From", "+15005550006"),
        ("Body", "Your table & chairs are ready: 100 %"),
        ("ValidityPeriod", "600"),
    ];
    assert_eq!(form(&request), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[tokio::test]
async fn receipts_are_asked_for_at_the_public_url_and_name_the_message() {
    let request = request(&fields(), Some("https://sms.example.com/gateway/"), &a_text());
    assert_eq!(
        field(&request, "StatusCallback").as_deref(),
        Some(
            "https://sms.example.com/gateway/webhooks/twilio/status\
             ?message_id=00000000-0000-0000-0000-000000000007"
        )
    );
}

#[tokio::test]
async fn the_validity_stays_within_what_twilio_takes() {
    for (seconds, sent) in [(0, "1"), (1, "1"), (36_000, "36000"), (86_400, "36000")] {
        let sms = OutgoingSms { validity: std::time::Duration::from_secs(seconds), ..a_text() };
        assert_eq!(field(&request(&fields(), None, &sms), "ValidityPeriod").as_deref(), Some(sent));
    }
}

#[tokio::test]
async fn the_messages_own_sender_wins_then_the_service_then_the_account() {
    let with_service = TwilioFields { messaging_service_sid: Some(SERVICE_SID.to_owned()), ..fields() };
    let own = OutgoingSms { sender: Some("ACME".to_owned()), ..a_text() };
    let senders = |fields: &TwilioFields, sms: &OutgoingSms| {
        let request = request(fields, None, sms);
        (field(&request, "From"), field(&request, "MessagingServiceSid"))
    };
    assert_eq!(senders(&with_service, &own), (Some("ACME".to_owned()), None));
    assert_eq!(senders(&with_service, &a_text()), (None, Some(SERVICE_SID.to_owned())));
    assert_eq!(senders(&fields(), &a_text()), (Some("+15005550006".to_owned()), None));
}

#[tokio::test]
async fn a_template_goes_out_as_content_with_numbered_variables() {
    let name = "HX00000000000000000000000000000004".to_owned();
    let template = VendorTemplate { name: name.clone(), values: vec!["Ann".to_owned(), "\"7\"".to_owned()] };
    let request = request(&fields(), None, &OutgoingSms { template: Some(template), ..a_text() });
    assert_eq!(field(&request, "ContentSid"), Some(name));
    assert_eq!(field(&request, "ContentVariables").as_deref(), Some(r#"{"1":"Ann","2":"\"7\""}"#));
    assert_eq!(field(&request, "Body"), None);
}

#[tokio::test]
async fn an_api_key_logs_in_instead_of_the_auth_token() {
    let by_token = request(&fields(), None, &a_text());
    // base64 of "AC…01:token"
    assert_eq!(login(&by_token), "Basic QUMwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMTp0b2tlbg==");
    let with_key = TwilioFields {
        api_key_sid: Some(KEY_SID.to_owned()),
        api_key_secret: Some("hidden".into()),
        ..fields()
    };
    let by_key = request(&with_key, None, &a_text());
    // base64 of "SK…03:hidden"
    assert_eq!(login(&by_key), "Basic U0swMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMzpoaWRkZW4=");
}

#[tokio::test]
async fn codes_come_from_the_verify_service_if_there_is_one_and_the_mode_says_so() {
    let with = |service: Option<&str>, mode| {
        let fields =
            TwilioFields { verify_service_sid: service.map(str::to_owned), mode, base_url: None, ..fields() };
        TwilioConfig::parse(&fields, Some(&sample::sender("ACME")))
    };
    let verify = |service, mode| with(service, mode).expect("valid").verify;
    assert!(verify(None, CodeMode::Template).is_none());
    assert!(!verify(Some(VERIFY_SID), CodeMode::Template).expect("a service").makes_codes);
    let verify = verify(Some(VERIFY_SID), CodeMode::Autogen).expect("a service");
    assert!(verify.makes_codes);
    let service = format!("https://verify.twilio.com/v2/Services/{VERIFY_SID}");
    assert_eq!(verify.verifications, format!("{service}/Verifications").as_str());
    assert_eq!(verify.checks, format!("{service}/VerificationCheck").as_str());
    for service in [None, Some(SERVICE_SID)] {
        let error = with(service, CodeMode::Autogen).expect_err("no service");
        assert_eq!(error.field, "settings.verify_service_sid");
    }
}

#[tokio::test]
async fn the_base_url_stands_for_both_of_twilios_hosts() {
    let fields = TwilioFields { verify_service_sid: Some(VERIFY_SID.to_owned()), ..fields() };
    let config = TwilioConfig::parse(&fields, Some(&sample::sender("ACME"))).expect("valid");
    let verify = config.verify.expect("a service");
    for uri in [config.messages, verify.verifications, verify.checks] {
        assert!(uri.to_string().starts_with("http://127.0.0.1:1/"), "{uri}");
    }
}

#[tokio::test]
async fn a_verification_is_asked_for_with_the_accounts_login() {
    let fields = TwilioFields { verify_service_sid: Some(VERIFY_SID.to_owned()), ..fields() };
    let settings = sample::twilio(&fields, "+15005550006");
    let config = TwilioConfig::parse(&fields, settings.sender.as_ref()).expect("valid");
    let twilio = Twilio::new(&settings, &config, &sample::context(None));
    let verify = twilio.verify.as_ref().expect("a service");
    let started = twilio.authorized(verify.start_request(&a_text()));
    assert_eq!(login(&started), login(&twilio.request(&a_text())));
}
