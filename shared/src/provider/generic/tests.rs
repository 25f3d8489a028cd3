use hyper::header::AUTHORIZATION;
use serde_json::{Value, json};

use super::*;
use crate::provider::catalogue::sample::{a_text, context, sender};
use crate::provider::catalogue::{Credentials, InvalidSetting, VendorConfig};
use crate::provider::http::{Answer, body};

/// What a text could break out of its place with.
const NASTY: &str = "a\"b\\c&d=e/f?g#h+i%20j{to}\u{e9}\u{1f600}";

fn settings() -> Value {
    json!({
        "base_url": "https://sms.example.com/v2/",
        "path": "/accounts/{secret.account}/messages",
        "query": { "ref": "{message_id}" },
        "headers": { "X-Key": "k {secret.token}" },
        "json": { "to": "{to}", "from": "{sender}", "body": ["{{{text}}}"], "ttl": "{expires_in}", "live": true },
        "id": "/data/id",
        "code": "/error/code",
        "statuses": { "rejected": [410], "not_sent": [507], "in_doubt": [409], "throttled": [503] },
        "codes": { "rejected": ["bad-number", "21211"], "throttled": ["slow"], "not_sent": ["E1"],
            "opted_out": ["unsubscribed"] },
    })
}

fn credentials() -> Credentials {
    Credentials::from([("account", "acc/1"), ("token", "s3cret")])
}

fn parse(settings: &Value, credentials: &Credentials) -> Result<GenericConfig, InvalidSetting> {
    let fields = serde_json::from_value(settings.clone()).expect("known fields");
    GenericConfig::parse(&fields, credentials, Some(&sender("ACME")), &Lane::ALL)
}

fn provider(settings: &Value, credentials: &Credentials) -> Generic {
    let config = parse(settings, credentials).expect("valid");
    let row = ProviderSettings::unlimited("x", VendorConfig::Generic(Box::new(config.clone())));
    Generic::new(&ProviderSettings { sender: Some(sender("ACME")), ..row }, &config, &context(None))
}

fn request(settings: &Value, credentials: &Credentials, sms: &OutgoingSms) -> Result<Request, SendError> {
    provider(settings, credentials).request(sms)
}

fn pairs(encoded: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(encoded).into_owned().collect()
}

fn query(request: &Request) -> Vec<(String, String)> {
    pairs(request.uri().query().expect("a query").as_bytes())
}

fn with(pointer: &str, value: Value) -> Value {
    let mut settings = settings();
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
    settings.pointer_mut(parent).expect("a place")[name] = value;
    settings
}

#[tokio::test]
async fn a_request_is_made_as_the_settings_say() {
    let request = request(&settings(), &credentials(), &a_text()).expect("a request");
    assert_eq!(request.method(), "POST");
    let url = "https://sms.example.com/v2/accounts/acc%2F1/messages?ref=00000000-0000-0000-0000-000000000007";
    assert_eq!(request.uri(), url);
    assert_eq!(request.headers()["x-key"], "k s3cret");
    assert_eq!(request.headers()["content-type"], "application/json");
    let sent: Value = serde_json::from_slice(&body(&request)).expect("JSON");
    let text = format!("{{{}}}", a_text().text);
    let expected = json!({ "to": "+919876543210", "from": "ACME", "body": [text], "ttl": 600, "live": true });
    assert_eq!(sent, expected);
}

#[tokio::test]
async fn nothing_in_a_text_breaks_out_of_its_place() {
    let sms = OutgoingSms { text: NASTY.to_owned(), sender: Some("x\",\"y".to_owned()), ..a_text() };
    let json = request(&settings(), &credentials(), &sms).expect("a request");
    let sent: Value = serde_json::from_slice(&body(&json)).expect("JSON");
    assert_eq!((&sent["body"][0], &sent["from"]), (&json!(format!("{{{NASTY}}}")), &json!("x\",\"y")));
    let placed = json!({ "base_url": "http://a.example", "id": "/id", "path": "/s/{text}/{to_digits}",
        "query": { "q": "{text}", "a&b": "1" }, "form": { "f": "{text}", "g": "{to}" } });
    let request = request(&placed, &Credentials::default(), &sms).expect("a request");
    let segments: Vec<_> = request.uri().path().split('/').collect();
    assert_eq!((segments.len(), segments[1], segments[3]), (4, "s", "919876543210"));
    let decoded = percent_encoding::percent_decode_str(segments[2]).decode_utf8().expect("UTF-8");
    assert_eq!(decoded, NASTY);
    assert_eq!(query(&request), [("a&b".to_owned(), "1".to_owned()), ("q".to_owned(), NASTY.to_owned())]);
    assert_eq!(
        pairs(&body(&request)),
        [("f".to_owned(), NASTY.to_owned()), ("g".to_owned(), sms.to.as_str().to_owned())]
    );
}

#[tokio::test]
async fn line_ends_reach_a_url_whole_and_a_header_not_at_all() {
    let sms = OutgoingSms { text: "a\r\nX-Evil: 1\tb".to_owned(), ..a_text() };
    let url = json!({ "base_url": "http://a.example", "id": "/id", "path": "/{text}", "query": { "t": "{to}{text}" } });
    let sent = request(&url, &Credentials::default(), &sms).expect("a request");
    assert_eq!(sent.uri().path(), "/a%0D%0AX-Evil%3A%201%09b");
    assert!(query(&sent).iter().any(|(_, value)| value.ends_with(&sms.text)));
    let header = with("/headers/X-Text", json!("{text}"));
    let refused = request(&header, &credentials(), &sms).expect_err("no request");
    assert!(
        matches!(&refused, SendError::Refused { answer } if answer.reason == "unsendable_header"),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_secret_is_sent_without_the_line_end_it_was_copied_with() {
    let copied = Credentials::from([("account", " acc/1\r\n"), ("token", "s3cret\n")]);
    let request = request(&settings(), &copied, &a_text()).expect("a request");
    assert!(request.uri().path().starts_with("/v2/accounts/acc%2F1/"), "{}", request.uri());
    assert_eq!(request.headers()["x-key"], "k s3cret");
}

#[test]
fn what_no_header_can_have_is_refused_with_the_settings() {
    for token in ["s3\ncret", "s3\u{0}cret"] {
        let credentials = Credentials::from([("account", "acc/1"), ("token", token)]);
        let refused = parse(&settings(), &credentials).expect_err("no header");
        assert_eq!(refused.field, "settings.headers", "{token:?}");
        assert!(!refused.problem.contains(token), "{refused}");
    }
    for literal in ["two\nlines {secret.token}", "{secret.token}{to}\n"] {
        let refused = parse(&with("/headers/X-Key", json!(literal)), &credentials()).expect_err("no header");
        assert_eq!(refused.field, "settings.headers", "{literal:?}");
    }
}

#[tokio::test]
async fn a_text_of_dots_does_not_climb() {
    let path = json!({ "base_url": "http://a.example/v1", "id": "/id", "path": "/{to}/{text}" });
    for text in [".", ".."] {
        let sms = OutgoingSms { text: text.to_owned(), ..a_text() };
        let refused = request(&path, &Credentials::default(), &sms).expect_err("no request");
        assert_eq!(refused.answer().reason, "unsendable_path");
    }
}

#[tokio::test]
async fn a_code_a_login_and_a_path_with_a_slash_at_its_end() {
    let settings = json!({ "base_url": "http://a.example", "id": "/id", "method": "GET", "path": "otp/{code}/",
        "basic_auth": { "user": "me", "password": "{secret.word}" }, "query": { "to": "{to}" } });
    let credentials = Credentials::from([("word", "open")]);
    let fields = serde_json::from_value(settings.clone()).expect("known fields");
    let config = GenericConfig::parse(&fields, &credentials, None, &[Lane::Otp]).expect("valid");
    let row = ProviderSettings::unlimited("x", VendorConfig::Generic(Box::new(config.clone())));
    let provider = Generic::new(&row, &config, &context(None));
    let sms = OutgoingSms { code: Some("123456".to_owned()), ..a_text() };
    let request = provider.request(&sms);
    let request = request.expect("a request");
    assert_eq!(request.uri(), "http://a.example/otp/123456/?to=%2B919876543210");
    assert_eq!(request.headers()[AUTHORIZATION], "Basic bWU6b3Blbg==");
    assert!(body(&request).is_empty());
    assert!(!request.headers().contains_key("content-length"));
    assert_eq!(provider.request(&a_text()).expect_err("no code").answer().reason, "missing_value");
}

#[tokio::test]
async fn a_request_without_a_path_goes_to_the_base() {
    let settings = |base: &str| json!({ "base_url": base, "id": "/id", "query": { "q": "{to}{text}" } });
    for (base, place) in [("http://a.example", "/"), ("http://a.example/v1/", "/v1")] {
        let sent = request(&settings(base), &Credentials::default(), &a_text()).expect("a request");
        assert_eq!((sent.uri().path(), query(&sent).len()), (place, 1));
        assert!(sent.uri().to_string().starts_with(&format!("http://a.example{place}?q=%2B91")), "{sent:?}");
    }
}

#[tokio::test]
async fn what_is_longer_than_a_url_can_be_is_refused_before_any_call() {
    let settings = json!({ "base_url": "http://a.example", "id": "/id", "query": { "q": "{to}{text}" } });
    let sms = OutgoingSms { text: "x".repeat(66_000), ..a_text() };
    let refused = request(&settings, &Credentials::default(), &sms).expect_err("no request");
    assert_eq!(refused.answer().reason, "unsendable_path");
}

#[test]
fn settings_are_refused_by_the_field_that_is_wrong() {
    for (broken, field) in [
        (with("/base_url", json!("ftp://a.example")), "settings.base_url"),
        (with("/base_url", json!("https://me@a.example")), "settings.base_url"),
        (with("/method", json!("DELETE")), "settings.method"),
        (with("/path", json!("/a//b")), "settings.path"),
        (with("/path", json!("/a/../b")), "settings.path"),
        (with("/path", json!("/a?b={text}")), "settings.path"),
        (with("/path", json!("/{nobody}")), "settings.path"),
        (with("/query/x", json!("{")), "settings.query"),
        (with("/query/x", json!("{secret.other}")), "settings.query"),
        (with("/headers/Content-Length", json!("1")), "settings.headers"),
        (with("/headers/a b", json!("1")), "settings.headers"),
        (with("/headers/x-key", json!("1")), "settings.headers"),
        (with("/headers/Host", json!("b.example")), "settings.headers"),
        (with("/headers/X", json!("a\r\nb")), "settings.headers"),
        (with("/json/x", json!("}")), "settings.json"),
        (with("/form", json!({})), "settings.form"),
        (with("/method", json!("GET")), "settings.json"),
        (with("/id", json!("id")), "settings.id"),
        (with("/id", json!("/a~2")), "settings.id"),
        (with("/code", json!("")), "settings.code"),
        (with("/code", Value::Null), "settings.code"),
        (with("/statuses/accepted", json!([199])), "settings.statuses"),
        (with("/statuses/accepted", json!([410])), "settings.statuses"),
        (with("/codes/not_sent", json!(["slow"])), "settings.codes"),
        (with("/codes/not_sent", json!([""])), "settings.codes"),
        (with("/json/body", json!("x")), "settings"),
        (with("/json/to", json!("x")), "settings"),
        (with("/json/code", json!("{code}")), "lanes"),
        (with("/path", json!("/x")), "credentials"),
    ] {
        let error = parse(&broken, &credentials()).expect_err(field);
        assert_eq!(error.field, field, "{error}");
        assert!(!error.to_string().contains("s3cret"));
    }
    for name in ["Authorization", "authorization"] {
        let mut twice = with("/basic_auth", json!({ "user": "me", "password": "p" }));
        twice["headers"] = json!({ name: "Bearer {secret.token}" });
        let error = parse(&twice, &credentials()).expect_err(name);
        assert_eq!(error.field, "settings.basic_auth", "{error}");
    }
    let fields = serde_json::from_value(settings()).expect("known fields");
    let error = GenericConfig::parse(&fields, &credentials(), None, &Lane::ALL).expect_err("no sender");
    assert_eq!(error.field, "sender");
}

fn read(status: u16, body: &str) -> Result<ProviderReference, SendError> {
    parse(&settings(), &credentials()).expect("valid").rules.read(&Answer::with(status, body))
}

#[test]
fn an_answer_means_what_its_code_or_status_says() {
    let code = |code: &str| json!({ "error": { "code": code } }).to_string();
    for (status, body, variant) in [
        (200, code("bad-number"), "Rejected"),
        (400, code("bad-number"), "Rejected"),
        (400, code("unsubscribed"), "OptedOut"),
        (400, r#"{"error":{"code":21211}}"#.to_owned(), "Rejected"),
        (400, code("other"), "Refused"),
        (401, code("other"), "Unusable"),
        (200, code("slow"), "Throttled"),
        (200, code("other"), "InDoubt"),
        (500, code("E1"), "Unavailable"),
        (500, code("other"), "InDoubt"),
        (504, code("E1"), "InDoubt"),
        (429, code("bad-number"), "Throttled"),
        (503, code("bad-number"), "Throttled"),
        (409, code("bad-number"), "InDoubt"),
        (410, String::new(), "Rejected"),
        (507, String::new(), "Unavailable"),
        (500, String::new(), "InDoubt"),
        (200, r#"{"data":{"id":""}}"#.to_owned(), "InDoubt"),
        (200, r#"{"data":{"id":{}}}"#.to_owned(), "InDoubt"),
        (200, r#"{"data":{"id":"a\u0000b"}}"#.to_owned(), "InDoubt"),
        (200, format!(r#"{{"data":{{"id":"{}"}}}}"#, "x".repeat(200)), "InDoubt"),
    ] {
        let error = read(status, &body).expect_err(&body);
        assert!(format!("{error:?}").starts_with(variant), "{status} {body}: {error:?}");
    }
    for (status, id) in [(200, r#""m-1""#), (202, "17")] {
        let accepted = read(status, &format!(r#"{{"data":{{"id":{id}}}}}"#)).expect("accepted");
        assert_eq!(accepted.id, id.trim_matches('"'));
    }
}

#[test]
fn with_a_list_of_accepted_statuses_no_other_is_a_yes() {
    let rules = parse(&with("/statuses/accepted", json!([202])), &credentials()).expect("valid").rules;
    let body = r#"{"data":{"id":"m-1"}}"#;
    assert!(rules.read(&Answer::with(202, body)).is_ok());
    assert!(matches!(rules.read(&Answer::with(200, body)), Err(SendError::InDoubt { .. })));
}

#[test]
fn no_debug_text_shows_a_secret() {
    let config = parse(&settings(), &credentials()).expect("valid");
    assert!(!format!("{config:?}").contains("s3cret"));
}
