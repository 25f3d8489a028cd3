//! Addresses, methods and heads of requests: what is none of ours gets a problem document too.

use reqwest::Method;
use tests::{Door, TestApp};

use super::half_requests::{assert_problem, talk};
use super::{MESSAGES, SEND, assert_refused, stranger};

#[tokio::test]
async fn an_address_that_does_not_exist_is_not_found() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    for path in [
        "/",
        "/nothing",
        "/sms",
        "/sms/",
        "/SMS/messages",
        "//sms/messages",
        "/sms/messages/",
        "/%00",
        "/%FF",
    ] {
        assert_refused(&door.get(path).await, 404, "not-found");
    }
    let nobody = door.call(stranger().get(format!("{}/nothing", door.url))).await;
    assert_refused(&nobody, 404, "not-found");
}

#[tokio::test]
async fn a_method_that_an_address_does_not_take_is_told_with_those_it_does() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let brew = Method::from_bytes(b"BREW").unwrap();
    for (method, path, allowed) in [
        (Method::GET, SEND, vec!["POST"]),
        (Method::PUT, SEND, vec!["POST"]),
        (Method::OPTIONS, SEND, vec!["POST"]),
        (brew, SEND, vec!["POST"]),
        (Method::POST, MESSAGES, vec!["GET", "HEAD"]),
        (Method::DELETE, MESSAGES, vec!["GET", "HEAD"]),
        (Method::POST, "/sms/templates/booked", vec!["DELETE", "GET", "HEAD", "PUT"]),
        (Method::PATCH, "/settings/pauses", vec!["DELETE", "GET", "HEAD", "POST"]),
        (Method::POST, "/healthz", vec!["GET", "HEAD"]),
    ] {
        let answer = door.call(door.request(method, path)).await;
        assert_refused(&answer, 405, "method-not-allowed");
        let told = answer.headers["allow"].to_str().unwrap();
        let mut told: Vec<_> = told.split(',').map(str::trim).collect();
        told.sort_unstable();
        assert_eq!(told, allowed, "{path}");
    }
}

#[tokio::test]
async fn head_answers_as_get_without_its_body() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    for (path, status) in [("/healthz", 200), (MESSAGES, 200), ("/nothing", 404), (SEND, 405)] {
        let answer = door.request(Method::HEAD, path).send().await.unwrap();
        assert_eq!(answer.status(), status, "{path}");
        assert!(answer.headers().contains_key("x-request-id"));
        assert!(answer.bytes().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_request_keeps_its_id_if_that_is_harmless() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let ask =
        async |id: &str| door.call(door.request(Method::GET, "/nothing").header("x-request-id", id)).await;
    assert_eq!(ask("order-7.A_b").await.body["request_id"], "order-7.A_b");
    for harmful in ["two words", "a;b", "<script>", &"a".repeat(129), "é"] {
        let answer = ask(harmful).await;
        assert_refused(&answer, 404, "not-found");
        assert_ne!(answer.body["request_id"], harmful);
    }
}

#[tokio::test]
async fn heads_that_are_no_http_get_problem_documents() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let long_header =
        [b"GET /healthz HTTP/1.1\r\nx: ".to_vec(), vec![b'a'; 1_000_000], b"\r\n\r\n".to_vec()].concat();
    let many_headers =
        [b"GET /healthz HTTP/1.1\r\n".to_vec(), b"a: b\r\n".repeat(5000), b"\r\n".to_vec()].concat();
    let long_address = [b"GET /".to_vec(), vec![b'a'; 100_000], b" HTTP/1.1\r\n\r\n".to_vec()].concat();
    let cases: [(&[u8], u16, &str); 9] = [
        (b"\x16\x03\x01\x02\x00\r\n\r\n", 400, "bad-request"),
        (b"hello\r\n\r\n", 400, "bad-request"),
        (b"GET /healthz HTTP/1.1\r\nno colon\r\n\r\n", 400, "bad-request"),
        (b"GET /healthz HTTP/1.1\r\na: b\x00c\r\n\r\n", 400, "bad-request"),
        (b"GET /health\x00z HTTP/1.1\r\nhost: a\r\n\r\n", 400, "bad-request"),
        (b"POST /sms/send-batch HTTP/1.1\r\nhost: a\r\ncontent-length: many\r\n\r\n", 400, "bad-request"),
        (&long_header, 431, "head-too-large"),
        (&many_headers, 431, "head-too-large"),
        (&long_address, 414, "head-too-large"),
    ];
    for (request, status, code) in cases {
        assert_problem(&talk(&door, request, false).await, status, code);
    }
    assert_eq!(door.get("/healthz").await.status, 200);
}
