//! Bodies that are no JSON object, or say that they are none: refused at every door that reads one.

use reqwest::Method;
use serde_json::json;
use tests::door::Answer;
use tests::{Door, TestApp};

use super::{BATCH, OTP_RESEND, OTP_SEND, OTP_VERIFY, SEND, a_message, assert_names, assert_refused, stored};

/// Every door that reads a body.
fn doors() -> [(Method, &'static str); 10] {
    [
        (Method::POST, SEND),
        (Method::POST, BATCH),
        (Method::POST, OTP_SEND),
        (Method::POST, OTP_VERIFY),
        (Method::POST, OTP_RESEND),
        (Method::POST, "/settings/pauses"),
        (Method::PUT, "/settings/api/vendor"),
        (Method::PUT, "/sms/templates/booked"),
        (Method::PUT, "/sms/opt-outs/+919876543210"),
        (Method::PUT, "/users/ann/contact-settings"),
    ]
}

async fn send(door: &Door, method: &Method, path: &str, kind: Option<&str>, body: &[u8]) -> Answer {
    let mut request = door.request(method.clone(), path).body(body.to_vec());
    if let Some(kind) = kind {
        request = request.header("content-type", kind);
    }
    door.call(request).await
}

#[tokio::test]
async fn what_is_not_json_is_refused_at_every_door() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let bodies: [&[u8]; 12] = [
        b"",
        b" ",
        b"{",
        b"}",
        b"hello",
        b"{'to': 1}",
        b"{\"to\": \"a\",}",
        b"{\"to\": \"a\"} {}",
        b"{\"to\": \"\xff\xfe\"}",
        b"\xff\xfe{\x00}\x00",
        b"{\"to\": \"a\x00b\"}",
        b"\xef\xbb\xbf{}",
    ];
    for (method, path) in doors() {
        for body in bodies {
            let answer = send(&door, &method, path, Some("application/json"), body).await;
            assert_refused(&answer, 400, "malformed-json");
            assert_eq!(answer.fields(), ["body"], "{path}: {}", answer.body);
        }
    }
    assert_eq!(stored(&app).await, [0; 10]);
}

/// JSON by its grammar, but nothing that can be read.
#[tokio::test]
async fn json_that_goes_too_deep_or_is_no_text_is_refused_at_every_door() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let deep = [b"{\"vars\":".repeat(50_000), b"1".to_vec(), b"}".repeat(50_000)].concat();
    let lists =
        [b"{\"messages\":".to_vec(), b"[".repeat(200_000), b"]".repeat(200_000), b"}".to_vec()].concat();
    for (method, path) in doors() {
        for body in [&deep[..], &lists, b"{\"text\": \"\\ud800\"}", b"{\"expires_in\": 1e400}"] {
            let answer = send(&door, &method, path, Some("application/json"), body).await;
            assert_refused(&answer, 400, "invalid-request");
            assert_eq!(answer.fields().len(), 1, "{path}: {}", answer.body);
        }
    }
    assert_eq!(stored(&app).await, [0; 10]);
}

/// What a caller made up is not given back at full length, and what may be a secret not at all.
#[tokio::test]
async fn a_refusal_is_short_whatever_was_sent() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let long = "x".repeat(400_000);
    for (method, path) in doors() {
        for body in [
            format!("{{\"{long}\": 1}}"),
            format!("{{\"kind\": [\"{long}\"], \"to\": {{\"a\": \"{long}\"}}}}"),
        ] {
            let answer = send(&door, &method, path, Some("application/json"), body.as_bytes()).await;
            assert_refused(&answer, 400, "invalid-request");
            assert!(answer.body.to_string().len() < 2000, "{path}: {} bytes", answer.body.to_string().len());
        }
    }
}

#[tokio::test]
async fn json_that_is_no_object_is_refused_at_every_door() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    for (method, path) in doors() {
        for body in ["null", "true", "1", "\"text\"", "[]", "[\"+919876543210\", \"text\"]", "[{}]"] {
            let answer = send(&door, &method, path, Some("application/json"), body.as_bytes()).await;
            assert_names(&answer, &["body"]);
        }
    }
    assert_eq!(stored(&app).await, [0; 10]);
}

#[tokio::test]
async fn a_field_given_twice_is_named() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let body = br#"{"to": "+919876543210", "text": "a", "to": "+919876543211"}"#;
    let answer = send(&door, &Method::POST, SEND, Some("application/json"), body).await;
    assert_names(&answer, &["to"]);
    assert_eq!(stored(&app).await, [0; 10]);
}

#[tokio::test]
async fn another_content_type_is_refused_at_every_door() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let body = a_message().to_string().into_bytes();
    let others = [
        None,
        Some(""),
        Some("text/plain"),
        Some("text/json"),
        Some("application/x-www-form-urlencoded"),
        Some("multipart/form-data; boundary=a"),
        Some("application/octet-stream"),
        Some("application/jsonp"),
        Some("application/json,text/plain"),
    ];
    for (method, path) in doors() {
        for kind in others {
            let answer = send(&door, &method, path, kind, &body).await;
            assert_refused(&answer, 415, "unsupported-media-type");
            assert_eq!(answer.fields(), ["content-type"], "{path} {kind:?}");
        }
    }
    assert_eq!(stored(&app).await, [0; 10]);
    for kind in ["application/json", "Application/JSON; charset=utf-8", "application/vnd.shop+json"] {
        assert_eq!(send(&door, &Method::POST, SEND, Some(kind), &body).await.status, 202, "{kind}");
    }
}

#[tokio::test]
async fn a_cancel_needs_no_body() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let accepted = door.post(SEND, &a_message()).await;
    let id = accepted.body["message_id"].as_str().unwrap();
    let answer = door.call(door.request(Method::POST, &format!("/sms/messages/{id}/cancel"))).await;
    assert_eq!(answer.body, json!({ "message_id": id, "status": "cancelled" }));
}
