use proptest::prelude::*;

use super::*;
use crate::provider::Outcome;
use crate::provider::catalogue::sample::{SERVICE_SID, VERIFICATION_SID, a_text, phone};

fn verify() -> Verify {
    let uri = |path: &str| format!("http://127.0.0.1:1/{path}").parse().expect("a URI");
    Verify { verifications: uri("Verifications"), checks: uri("VerificationCheck"), makes_codes: true }
}

fn form(request: &Request) -> Vec<(String, String)> {
    form_urlencoded::parse(&http::body(request)).into_owned().collect()
}

fn resource(sid: &str, status: &str, valid: impl Into<serde_json::Value>) -> String {
    serde_json::json!({ "sid": sid, "status": status, "valid": valid.into(), "channel": "sms" }).to_string()
}

fn error(status: u16, code: u32, message: &str) -> Answer {
    let body = serde_json::json!({ "code": code, "message": message, "more_info": "", "status": status });
    Answer::with(status, body.to_string())
}

fn started(answer: &Answer) -> (SendError, &'static str) {
    let error = read_start(answer).expect_err("not accepted");
    let reason = error.answer().reason;
    (error, reason)
}

fn checked(answer: &Answer) -> Result<Checked, CheckError> {
    read_check(answer, VERIFICATION_SID)
}

#[test]
fn a_code_is_asked_for_as_twilio_documents_it() {
    let request = verify().start_request(&a_text());
    assert_eq!((request.method().as_str(), request.uri().path()), ("POST", "/Verifications"));
    let expected = [
        ("To", "+919876543210"),
        ("Channel", "sms"),
        ("Tags", r#"{"message_id":"00000000-0000-0000-0000-000000000007"}"#),
    ];
    assert_eq!(form(&request), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[test]
fn a_typed_code_is_checked_by_the_verifications_id() {
    let to = phone("+919876543210");
    let request = verify().check_request(&OtpCheck { session: VERIFICATION_SID, phone: &to, code: "493817" });
    assert_eq!((request.method().as_str(), request.uri().path()), ("POST", "/VerificationCheck"));
    let expected = [("VerificationSid", VERIFICATION_SID), ("Code", "493817")];
    assert_eq!(form(&request), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[test]
fn a_pending_verification_is_an_acceptance() {
    for status in [200, 201] {
        let answer = Answer::with(status, resource(VERIFICATION_SID, "pending", false));
        let reference = read_start(&answer).expect("accepted");
        assert_eq!((reference.id.as_str(), reference.status_code), (VERIFICATION_SID, Some(status)));
    }
    let (error, reason) = started(&Answer::with(201, resource(VERIFICATION_SID, "canceled", false)));
    assert_eq!((error.outcome(), reason), (Outcome::NotSent, "failed"));
    for body in [resource(SERVICE_SID, "pending", false), "{}".to_owned(), String::new()] {
        let (error, reason) = started(&Answer::with(201, body));
        assert_eq!((error.outcome(), reason), (Outcome::InDoubt, "garbage_answer"));
    }
}

#[test]
fn a_refused_start_says_whose_fault_it_is() {
    for (status, code, message, variant, reason) in [
        (400, 60200, "Invalid parameter `To`: +9112", "Rejected", "bad_number"),
        (400, 60200, "Invalid parameter `Channel`", "Refused", "refused"),
        (403, 60205, "SMS is not supported by landline phone number", "Rejected", "landline"),
        (429, 60203, "Max send attempts reached", "Refused", "max_sends"),
        (429, 60202, "Max check attempts reached", "Refused", "max_sends"),
        (429, 60212, "Too many concurrent requests for phone number", "Unavailable", "busy"),
        (429, 20429, "Too many requests", "Throttled", "rate_limited"),
        (404, 20404, "The requested resource was not found", "Refused", "verify_service"),
        (401, 20003, "Authenticate", "Unusable", "credentials"),
        (500, 20500, "An internal server error has occurred", "Unavailable", "server_error"),
        (500, 60203, "Max send attempts reached", "Unavailable", "server_error"),
    ] {
        let (error, said) = started(&error(status, code, message));
        assert!(format!("{error:?}").starts_with(variant), "{status} {code}: {error:?}");
        assert_eq!(said, reason, "{status} {code}");
    }
}

#[test]
fn only_an_approved_and_valid_check_of_this_verification_is_a_yes() {
    let said =
        |status, valid: Option<bool>| checked(&Answer::with(200, resource(VERIFICATION_SID, status, valid)));
    assert_eq!(said("approved", Some(true)), Ok(Checked::Right));
    assert_eq!(said("pending", Some(false)), Ok(Checked::Wrong));
    for status in ["canceled", "max_attempts_reached", "deleted", "failed", "expired"] {
        assert_eq!(said(status, Some(false)), Ok(Checked::Ended), "{status}");
    }
    let garbage = Err(CheckError::Away { retry_after: None, reason: "garbage_answer" });
    for (status, valid) in
        [("approved", Some(false)), ("approved", None), ("pending", Some(true)), ("Approved", Some(true))]
    {
        assert_eq!(said(status, valid), garbage, "{status} {valid:?}");
    }
    let another = resource(&VERIFICATION_SID.replace('0', "1"), "approved", true);
    assert_eq!(checked(&Answer::with(200, another)), garbage);
    assert_eq!(checked(&Answer::with(200, "approved")), garbage);
}

#[test]
fn a_check_that_cannot_be_answered_says_whether_to_ask_again() {
    let away = |reason| Err(CheckError::Away { retry_after: None, reason });
    for (status, code, expected) in [
        (404, 20404, Ok(Checked::Ended)),
        (429, 60202, Ok(Checked::Ended)),
        (400, 60200, Ok(Checked::Wrong)),
        (429, 60212, away("busy")),
        (429, 20429, away("rate_limited")),
        (503, 20503, away("server_error")),
        (401, 20003, Err(CheckError::Unusable { reason: "credentials" })),
        (403, 20005, Err(CheckError::Unusable { reason: "account" })),
        (400, 60299, Err(CheckError::Unusable { reason: "refused" })),
    ] {
        assert_eq!(checked(&error(status, code, "Words")), expected, "{status} {code}");
    }
    assert_eq!(checked(&Answer::with(404, "<html>")), Err(CheckError::Unusable { reason: "refused" }));
    assert_eq!(checked(&Answer::with(502, "")), away("server_error"));
}

proptest! {
    #[test]
    fn random_bytes_are_neither_an_acceptance_nor_a_yes(status in 100_u16..1000, body in any::<Vec<u8>>()) {
        let answer = Answer::with(status, body);
        prop_assert!(read_start(&answer).is_err());
        prop_assert!(checked(&answer) != Ok(Checked::Right));
    }

    #[test]
    fn no_damage_turns_a_no_into_a_yes(at in 0_usize..120, byte in any::<u8>(), status in "pending|expired|canceled") {
        let mut body = resource(VERIFICATION_SID, &status, false).into_bytes();
        if let Some(damaged) = body.get_mut(at) {
            *damaged = byte;
        }
        prop_assert!(checked(&Answer::with(200, body)) != Ok(Checked::Right));
    }
}
