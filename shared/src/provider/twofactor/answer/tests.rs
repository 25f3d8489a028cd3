use proptest::prelude::*;

use super::*;
use crate::provider::Outcome;
use crate::provider::catalogue::sample::phone;

const ID: &str = "c59103dd-fa46-11e8-a895-0200cd936042";
const TOO_SHORT: &str = "Invalid Phone Number - Length Mismatch(Expected >= 10)";

fn verdict(status: &str, details: &str) -> String {
    serde_json::json!({ "Status": status, "Details": details }).to_string()
}

fn read_to(to: &str, status: u16, body: &str) -> Result<ProviderReference, SendError> {
    read(&Answer::with(status, body), &phone(to))
}

fn meaning(status: u16, body: &str) -> (SendError, &'static str) {
    let error = read_to("+919876543210", status, body).expect_err("not accepted");
    assert_eq!(error.answer().status_code, Some(status));
    let reason = error.answer().reason;
    (error, reason)
}

#[test]
fn success_with_an_id_is_an_acceptance() {
    let reference = read_to("+919876543210", 200, &verdict("Success", ID)).expect("accepted");
    assert_eq!((reference.id.as_str(), reference.status_code), (ID, Some(200)));
}

#[test]
fn an_error_means_the_same_under_200_and_400() {
    for status in [200, 400] {
        for (details, reason) in [(TOO_SHORT, "bad_number"), ("Invalid Phone Number", "bad_number")] {
            let (error, said) = meaning(status, &verdict("Error", details));
            assert!(matches!(error, SendError::Rejected { .. }), "{details}");
            assert_eq!(said, reason);
        }
        for (details, reason) in [
            ("Invalid API Key", "credentials"),
            ("INVALID API KEY OR PHONE NUMBER", "credentials"),
            ("Insufficient Balance", "credit"),
            ("No SMS Credits left", "credit"),
        ] {
            let (error, said) = meaning(status, &verdict("Error", details));
            assert!(matches!(error, SendError::Unusable { .. }), "{details}");
            assert_eq!(said, reason);
        }
        for (details, reason) in [
            ("Template Not Found", "template"),
            ("Invalid Sender Id", "sender"),
            ("Something new", "refused"),
            ("", "refused"),
        ] {
            let (error, said) = meaning(status, &verdict("Error", details));
            assert!(matches!(error, SendError::Refused { .. }), "{details}");
            assert_eq!(said, reason);
        }
        let (error, said) = meaning(status, &verdict("Error", "Service temporarily unavailable"));
        assert!(matches!(error, SendError::Unavailable { .. }));
        assert_eq!(said, "server_error");
    }
}

#[test]
fn a_foreign_number_that_an_indian_vendor_calls_invalid_may_be_sent_by_others() {
    for details in [TOO_SHORT, "Invalid Phone Number"] {
        let error = read_to("+41790000001", 400, &verdict("Error", details)).expect_err("not accepted");
        assert!(matches!(error, SendError::Refused { .. }));
        assert_eq!(error.answer().reason, "country");
    }
}

#[test]
fn the_status_alone_tells_slow_down_and_account_errors() {
    for (status, outcome, reason) in [
        (429, Outcome::Throttled, "rate_limited"),
        (408, Outcome::Throttled, "request_timeout"),
        (401, Outcome::NotSent, "credentials"),
        (402, Outcome::NotSent, "credit"),
        (403, Outcome::NotSent, "account"),
        (404, Outcome::NotSent, "refused"),
        (302, Outcome::NotSent, "redirected"),
    ] {
        let (error, said) = meaning(status, "");
        assert_eq!((error.outcome(), said), (outcome, reason), "{status}");
    }
    let (error, _) = meaning(429, &verdict("Error", "Invalid Phone Number"));
    assert_eq!(error.outcome(), Outcome::Throttled);
}

#[test]
fn a_server_error_is_certain_only_with_the_vendors_own_no() {
    let (error, reason) = meaning(503, &verdict("Error", "Internal Server Error"));
    assert!(matches!(error, SendError::Unavailable { .. }));
    assert_eq!(reason, "server_error");
    for (status, body) in [
        (500, String::new()),
        (502, "<html></html>".to_owned()),
        (500, verdict("Success", ID)),
        (504, verdict("Error", "Gateway Timeout")),
    ] {
        let (error, reason) = meaning(status, &body);
        assert_eq!((error.outcome(), reason), (Outcome::InDoubt, "server_error"), "{status}");
    }
}

#[test]
fn whatever_else_says_yes_leaves_us_in_doubt() {
    for (status, body) in [
        (200, String::new()),
        (200, "Success".to_owned()),
        (200, format!(r#"["Success","{ID}"]"#)),
        (200, verdict("success", ID)),
        (200, verdict("Success ", ID)),
        (200, verdict("unknown", "OTP Expired")),
        (200, verdict("error", "Invalid API Key")),
        (200, verdict("Success", "")),
        (200, verdict("Success", "OTP Matched")),
        (200, verdict("Success", &"x".repeat(101))),
        (200, r#"{"Status":"Success"}"#.to_owned()),
        (200, r#"{"Status":"Success","Details":17}"#.to_owned()),
        (200, r#"{"Status":true,"Details":"x"}"#.to_owned()),
        (200, r#"{"Status":"Error","Status":"Success","Details":"x"}"#.to_owned()),
        (204, String::new()),
        (303, verdict("Success", ID)),
        (400, verdict("Success", ID)),
    ] {
        let (error, reason) = meaning(status, &body);
        assert_eq!((error.outcome(), reason), (Outcome::InDoubt, "garbage_answer"), "{status} {body}");
    }
}

proptest! {
    #[test]
    fn random_bytes_are_never_an_acceptance(status in 100_u16..1000, body in any::<Vec<u8>>()) {
        prop_assert!(read(&Answer::with(status, body), &phone("+919876543210")).is_err());
    }

    #[test]
    fn no_damage_turns_an_error_into_an_acceptance(
        status in 100_u16..1000,
        at in 0_usize..100,
        byte in any::<u8>(),
        said in "Success|Error|success|SUCCESS|Succes|unknown",
        details in ".{0,120}",
    ) {
        let mut body = verdict(&said, &details).into_bytes();
        if let Some(damaged) = body.get_mut(at) {
            *damaged = byte;
        }
        if let Ok(reference) = read(&Answer::with(status, body.clone()), &phone("+919876543210")) {
            let document: serde_json::Value = serde_json::from_slice(&body).expect("it was read");
            prop_assert!((200..300).contains(&status));
            prop_assert_eq!(document["Status"].as_str(), Some("Success"));
            prop_assert_eq!(document["Details"].as_str(), Some(reference.id.as_str()));
            prop_assert!(is_id(&reference.id));
        }
    }

    #[test]
    fn an_answer_cut_short_is_never_an_acceptance(kept in 0_usize..65) {
        let whole = verdict("Success", ID);
        prop_assume!(kept < whole.len());
        let error = read_to("+919876543210", 200, &whole[..kept]).expect_err("cut short");
        prop_assert_eq!(error.outcome(), Outcome::InDoubt);
    }
}
