use super::*;

const SID: &str = "SM0123456789abcdef0123456789abcdef";

fn fields(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Made up, and signed by the vendor's own library.
fn signed() -> Vec<(String, String)> {
    fields(&[
        ("MessageSid", "SMaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
        ("SmsSid", "SMaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
        ("MessageStatus", "delivered"),
        ("SmsStatus", "delivered"),
        ("To", "+15558675310"),
        ("From", "+15557122661"),
        ("AccountSid", "AC00000000000000000000000000000000"),
        ("ApiVersion", "2010-04-01"),
        ("RawDlrDoneDate", "2611200801"),
    ])
}

const SIGNATURE: &str = "TVrhfQmRm74LgmDHhLuTBUZv2PM=";

fn verify(token: &str, url: &str, query: Option<&str>, fields: &[(String, String)], signature: &str) -> bool {
    is_signed(&token.into(), &url.parse().expect("a URL"), query, fields, signature.as_bytes())
}

#[test]
fn what_the_vendors_library_signed_is_signed_in_any_order_of_its_fields() {
    let url = "https://gateway.example.com/webhooks/twilio";
    assert!(verify("12345", url, Some("id=1"), &signed(), SIGNATURE));
    let reversed: Vec<_> = signed().into_iter().rev().collect();
    assert!(verify("12345", url, Some("id=1"), &reversed, SIGNATURE));
    let named_port = "https://gateway.example.com:8443/webhooks/twilio";
    assert!(verify("12345", named_port, Some("id=1"), &signed(), SIGNATURE));
}

#[test]
fn whatever_is_changed_breaks_the_signature() {
    let url = "https://gateway.example.com/webhooks/twilio";
    let with = |index: usize, value: &str| {
        let mut fields = signed();
        fields[index].1 = value.to_owned();
        fields
    };
    assert!(!verify("12346", url, Some("id=1"), &signed(), SIGNATURE));
    assert!(!verify("12345", url, Some("id=2"), &signed(), SIGNATURE));
    assert!(!verify("12345", url, None, &signed(), SIGNATURE));
    assert!(!verify(
        "12345",
        "http://gateway.example.com/webhooks/twilio",
        Some("id=1"),
        &signed(),
        SIGNATURE
    ));
    assert!(!verify(
        "12345",
        "https://gateway.example.com/webhooks/other",
        Some("id=1"),
        &signed(),
        SIGNATURE
    ));
    assert!(!verify("12345", url, Some("id=1"), &with(2, "undelivered"), SIGNATURE));
    assert!(!verify("12345", url, Some("id=1"), &signed()[1..], SIGNATURE));
    let added = [signed(), fields(&[("ErrorCode", "1")])].concat();
    assert!(!verify("12345", url, Some("id=1"), &added, SIGNATURE));
    for signature in ["", "=", "TVrhfQmRm74LgmDHhLuTBUZv2PM", "TVrhfQmRm74LgmDHhLuTBUZv", "\u{e9}", "AAAA"] {
        assert!(!verify("12345", url, Some("id=1"), &signed(), signature), "{signature:?}");
    }
}

#[test]
fn a_url_is_taken_with_and_without_its_port() {
    for (url, other) in [
        ("https://a.example/x", "https://a.example:443/x"),
        ("http://a.example/x", "http://a.example:80/x"),
        ("https://a.example:8443/x", "https://a.example/x"),
        ("http://[::1]:81/x", "http://[::1]/x"),
    ] {
        assert_eq!(ports(&url.parse().expect("a URL")), [url, other]);
    }
}

#[test]
fn a_receipt_is_read_and_what_cannot_be_one_is_not() {
    let id = MessageId(uuid::Uuid::from_u128(7));
    let read = |pairs: &[(&str, &str)]| receipt("twilio", id, &fields(pairs));
    for (word, status) in [
        ("queued", ReceiptStatus::Sent),
        ("sent", ReceiptStatus::Sent),
        ("delivered", ReceiptStatus::Delivered),
        ("read", ReceiptStatus::Delivered),
        ("undelivered", ReceiptStatus::Undelivered),
        ("failed", ReceiptStatus::Undelivered),
    ] {
        let found = read(&[("MessageSid", SID), ("MessageStatus", word)]).expect(word);
        assert_eq!((found.status, found.error_code), (status, None), "{word}");
    }
    let found = read(&[("SmsSid", SID), ("SmsStatus", "undelivered"), ("ErrorCode", "30003")]);
    assert_eq!(found.expect("the former names").error_code.as_deref(), Some("30003"));
    let odd = read(&[("MessageSid", SID), ("MessageStatus", "failed"), ("ErrorCode", "\0; drop")]);
    assert_eq!(odd.expect("a receipt").error_code, None);
    assert_eq!(read(&[("MessageSid", SID), ("MessageStatus", "dreamt")]), None);
    assert_eq!(read(&[("MessageSid", SID)]), None);
    assert_eq!(read(&[("MessageSid", "SM\0"), ("MessageStatus", "sent")]), None);
    assert_eq!(read(&[("MessageStatus", "sent")]), None);
}

#[test]
fn a_stop_is_understood_however_it_is_written() {
    for text in [
        "STOP",
        "stop",
        " Stop. ",
        "S T O P!!",
        "stop all",
        "STOPALL",
        "Unsubscribe",
        "cancel",
        "END",
        "quit\n",
        "Revoke",
        "OPTOUT",
        "opt out",
        "Opt-Out.",
    ] {
        assert_eq!(reply::wish(text), Some(Wish::Stop), "{text:?}");
    }
    for text in ["START", "yes!", "un-stop"] {
        assert_eq!(reply::wish(text), Some(Wish::Start), "{text:?}");
    }
    for text in ["", "help", "INFO", "stop 1", "don't stop"] {
        assert_eq!(reply::wish(text), None, "{text:?}");
    }
}

#[test]
fn an_inbound_text_needs_a_number_and_an_id() {
    let read = |from, sid| inbound(&fields(&[("From", from), ("Body", "Stop"), ("MessageSid", sid)]));
    let found = read("+41791234567", SID).expect("a stop");
    assert_eq!((found.from.as_str(), found.provider_message_id.as_str()), ("+41791234567", SID));
    for (from, sid) in [("ACME", SID), ("12345", SID), ("", SID), ("+41791234567", "SM1")] {
        assert!(read(from, sid).is_none(), "{from} {sid}");
    }
}

#[test]
fn what_the_messaging_service_took_a_text_for_counts_more_than_its_words() {
    let read = |kind, text| {
        let all = [("From", "+41791234567"), ("Body", text), ("MessageSid", SID), ("OptOutType", kind)];
        inbound(&fields(&all)).map(|inbound| inbound.wish)
    };
    for (kind, text, wish) in [
        ("STOP", "BASTA", Some(Wish::Stop)),
        ("START", "OUI", Some(Wish::Start)),
        ("START", "stop", Some(Wish::Start)),
        ("HELP", "stop", None),
        ("", "stop", Some(Wish::Stop)),
        ("OTHER", "start", Some(Wish::Start)),
        ("OTHER", "BASTA", Some(Wish::Stop)),
    ] {
        assert_eq!(read(kind, text), wish, "{kind} {text}");
    }
}
