use proptest::prelude::*;

use super::*;
use crate::provider::Outcome;
use crate::provider::catalogue::sample::MESSAGE_SID;

fn error_document(status: u16, code: u32) -> String {
    format!(
        r#"{{"code":{code},"message":"Words","more_info":"https://www.twilio.com/docs","status":{status}}}"#
    )
}

/// Outcome, reason and code of a failed answer.
fn meaning(status: u16, body: &str) -> (SendError, &'static str, Option<String>) {
    let error = read(&Answer::with(status, body)).expect_err("not accepted");
    assert_eq!(error.answer().status_code, Some(status));
    let (reason, code) = (error.answer().reason, error.answer().code.clone());
    (error, reason, code)
}

#[test]
fn a_message_resource_is_an_acceptance() {
    for status in ["queued", "accepted", "scheduled", "sending", "sent"] {
        let body = format!(r#"{{"sid":"{MESSAGE_SID}","status":"{status}","error_code":null,"body":"x"}}"#);
        let reference = read(&Answer::with(201, body)).expect(status);
        assert_eq!((reference.id.as_str(), reference.status_code), (MESSAGE_SID, Some(201)));
    }
    let multimedia = MESSAGE_SID.replacen("SM", "MM", 1);
    let reference =
        read(&Answer::with(200, format!(r#"{{"sid":"{multimedia}"}}"#))).expect("a sid is enough");
    assert_eq!(reference.id, multimedia);
}

#[test]
fn a_message_that_failed_at_once_was_not_sent() {
    let body = format!(r#"{{"sid":"{MESSAGE_SID}","status":"failed","error_code":30007}}"#);
    let (error, reason, code) = meaning(201, &body);
    assert!(matches!(error, SendError::Refused { .. }));
    assert_eq!((reason, code.as_deref()), ("failed", Some("30007")));
    let body = format!(r#"{{"sid":"{MESSAGE_SID}","status":"failed","error_code":21610}}"#);
    assert!(matches!(meaning(201, &body).0, SendError::OptedOut { .. }));
}

#[test]
fn every_documented_code_asks_for_its_reaction() {
    for (status, code, reason) in [
        (400, 21211, "bad_number"),
        (400, 21602, "no_text"),
        (400, 21614, "not_mobile"),
        (400, 21617, "too_long"),
        (400, 21635, "landline"),
    ] {
        let (error, said, vendor_code) = meaning(status, &error_document(status, code));
        assert!(matches!(error, SendError::Rejected { .. }), "{code}");
        assert_eq!((said, vendor_code), (reason, Some(code.to_string())));
    }
    let (error, said, code) = meaning(400, &error_document(400, 21610));
    assert!(matches!(error, SendError::OptedOut { .. }));
    assert_eq!((said, code.as_deref()), ("opted_out", Some("21610")));
    for (status, code, reason) in [
        (403, 21408, "country"),
        (400, 21408, "country"),
        (400, 21606, "sender"),
        (400, 21608, "unverified_number"),
        (400, 21612, "route"),
        (400, 21999, "refused"),
        (404, 99999, "refused"),
    ] {
        let (error, said, _) = meaning(status, &error_document(status, code));
        assert!(matches!(error, SendError::Refused { .. }), "{code}");
        assert_eq!(said, reason);
    }
    for (status, code, reason) in [
        (401, 20003, "credentials"),
        (403, 20005, "account"),
        (404, 20404, "account"),
        (402, 29999, "credit"),
        (403, 29999, "account"),
    ] {
        let (error, said, _) = meaning(status, &error_document(status, code));
        assert!(matches!(error, SendError::Unusable { .. }), "{code}");
        assert_eq!(said, reason);
    }
    for (status, code, reason) in [
        (429, 20429, "rate_limited"),
        (400, 21611, "queue_full"),
        (400, 63017, "rate_limited"),
        (429, 63017, "rate_limited"),
    ] {
        let (error, said, _) = meaning(status, &error_document(status, code));
        assert!(matches!(error, SendError::Throttled { .. }), "{code}");
        assert_eq!(said, reason);
    }
}

#[test]
fn a_server_error_is_certain_only_with_twilios_own_document() {
    for status in [500, 502, 503] {
        let (error, reason, code) = meaning(status, &error_document(status, 20_000 + u32::from(status)));
        assert!(matches!(error, SendError::Unavailable { .. }), "{status}");
        assert_eq!((reason, code), ("server_error", Some((20_000 + u32::from(status)).to_string())));
    }
    // 504: whoever wrote it gave up waiting. 200 in a 500: a document about something else.
    for (status, body) in [
        (500, String::new()),
        (503, "<html>503 Service Temporarily Unavailable</html>".to_owned()),
        (502, r#"{"error":"bad gateway"}"#.to_owned()),
        (500, r#"{"code":20500}"#.to_owned()),
        (500, error_document(200, 20500)),
        (504, error_document(504, 20504)),
    ] {
        let (error, reason, _) = meaning(status, &body);
        assert_eq!((error.outcome(), reason), (Outcome::InDoubt, "server_error"), "{status} {body}");
    }
}

#[test]
fn a_success_without_a_message_id_leaves_us_in_doubt() {
    for body in [
        String::new(),
        "OK".to_owned(),
        "{}".to_owned(),
        "null".to_owned(),
        "[]".to_owned(),
        r#"{"sid":null}"#.to_owned(),
        r#"{"sid":"SM123"}"#.to_owned(),
        format!(r#"["{MESSAGE_SID}","queued",null]"#),
        r#"{"sid":"AC0123456789abcdef0123456789abcdef","status":"queued"}"#.to_owned(),
        format!(r#"{{"sid":"{MESSAGE_SID}","status":"queued""#),
        format!(r#"{{"sid":"{MESSAGE_SID}","sid":"{MESSAGE_SID}"}}"#),
        error_document(400, 21211),
    ] {
        let (error, reason, _) = meaning(200, &body);
        assert_eq!((error.outcome(), reason), (Outcome::InDoubt, "garbage_answer"), "{body}");
    }
}

#[test]
fn without_a_document_the_status_decides() {
    for (status, outcome) in [
        (301, Outcome::NotSent),
        (303, Outcome::InDoubt),
        (400, Outcome::NotSent),
        (401, Outcome::NotSent),
        (404, Outcome::NotSent),
        (408, Outcome::Throttled),
        (429, Outcome::Throttled),
        (599, Outcome::InDoubt),
        (600, Outcome::InDoubt),
    ] {
        assert_eq!(meaning(status, "").0.outcome(), outcome, "{status}");
    }
}

proptest! {
    #[test]
    fn only_a_2xx_with_a_message_id_is_an_acceptance(status in 100_u16..1000, body in any::<Vec<u8>>()) {
        // Random bytes never hold a message's id.
        prop_assert!(read(&Answer::with(status, body)).is_err());
    }

    #[test]
    fn no_damage_turns_a_refusal_into_an_acceptance(
        status in 100_u16..1000,
        at in 0_usize..200,
        byte in any::<u8>(),
        sid in "(SM|MM|AC|sm)?[0-9a-fg]{30,33}",
        state in "queued|failed|canceled|sent",
    ) {
        let mut body = format!(r#"{{"sid":"{sid}","status":"{state}","code":21211,"message":"m"}}"#).into_bytes();
        if let Some(damaged) = body.get_mut(at) {
            *damaged = byte;
        }
        if let Ok(reference) = read(&Answer::with(status, body.clone())) {
            let document: serde_json::Value = serde_json::from_slice(&body).expect("it was read");
            prop_assert!((200..300).contains(&status));
            prop_assert_eq!(document["sid"].as_str(), Some(reference.id.as_str()));
            prop_assert!(is_sid(&reference.id, "SM") || is_sid(&reference.id, "MM"));
            let state = document["status"].as_str();
            prop_assert!(!matches!(state, Some("failed" | "undelivered" | "canceled")));
        }
    }

    #[test]
    fn an_answer_cut_short_is_never_an_acceptance(kept in 0_usize..66) {
        let whole = format!(r#"{{"sid":"{MESSAGE_SID}","status":"queued"}}"#);
        prop_assume!(kept < whole.len());
        let error = read(&Answer::with(201, &whole[..kept])).expect_err("cut short");
        prop_assert_eq!(error.outcome(), Outcome::InDoubt);
    }
}
