//! Random requests at every POST: whatever comes in, the answer is one that callers can handle, and what
//! was not accepted is not stored.

use fastrand::Rng;
use reqwest::{Method, header::CONTENT_TYPE};
use serde_json::{Map, Value, json};
use tests::builders::a_number;
use tests::door::Answer;
use tests::{Door, TestApp};
use uuid::Uuid;

use super::{
    BATCH, Challenge, OTP_RESEND, OTP_SEND, OTP_VERIFY, SEND, a_message, assert_refused, stored, unsent,
};

/// Requests at each door.
const CASES: u64 = 500;
/// Deeper values are leaves.
const DEPTH: u32 = 4;

const FIELDS: [&str; 22] = [
    "to",
    "text",
    "template",
    "vars",
    "user_id",
    "provider_hint",
    "send_at",
    "expires_in",
    "at_most_once",
    "lane",
    "messages",
    "phone",
    "purpose",
    "client_ip",
    "locale",
    "session_id",
    "otp",
    "scope",
    "name",
    "",
    "\u{0}",
    "$ref",
];

const TEXTS: [&str; 28] = [
    "",
    " ",
    "a",
    "\u{0}",
    "a\u{0}b",
    "\u{1b}[31m",
    "\r\n",
    "\u{7f}",
    "\u{202e}abc",
    "\u{feff}",
    "😀",
    "é\u{301}",
    "null",
    "true",
    "0",
    "-1",
    "+41790000001",
    "+919876543210",
    "00000000-0000-0000-0000-000000000000",
    "2026-11-21T00:00:00Z",
    "9999-12-31T23:59:60Z",
    "::1",
    "otp",
    "promo",
    "lane",
    "{{ a }}",
    "' or 1=1 --",
    "../../etc/passwd",
];

fn text(rng: &mut Rng) -> String {
    match rng.u8(0..10) {
        0 => a_number(),
        1 => (0..rng.usize(0..40)).map(|_| rng.char(..)).collect(),
        2 => rng.choice(TEXTS).unwrap_or_default().repeat(rng.usize(0..400)),
        _ => rng.choice(TEXTS).unwrap_or_default().to_owned(),
    }
}

fn number(rng: &mut Rng) -> Value {
    let whole = [0, 1, -1, 60, 10_000, i64::MAX, i64::MIN];
    let real = [0.5, -0.0, 1e308, 1e-308, 60.0];
    match rng.u8(0..3) {
        0 => json!(rng.choice(whole)),
        1 => json!(rng.choice(real)),
        _ => json!(rng.u64(..)),
    }
}

fn value(rng: &mut Rng, depth: u32) -> Value {
    match rng.u8(0..if depth == 0 { 5 } else { 8 }) {
        0 => Value::Null,
        1 => json!(rng.bool()),
        2 => number(rng),
        3 | 4 => json!(text(rng)),
        5 => (0..rng.usize(0..4)).map(|_| value(rng, depth - 1)).collect(),
        _ => Value::Object(object(rng, depth - 1)),
    }
}

fn object(rng: &mut Rng, depth: u32) -> Map<String, Value> {
    let field = |rng: &mut Rng| rng.choice(FIELDS).unwrap_or_default().to_owned();
    (0..rng.usize(0..5)).map(|_| (field(rng), value(rng, depth))).collect()
}

/// A good request with some fields set at random, or none of its kind at all.
fn request(rng: &mut Rng, good: &Value) -> Value {
    if rng.u8(0..8) == 0 {
        return value(rng, DEPTH);
    }
    let mut request = good.clone();
    for _ in 0..rng.u8(0..4) {
        let known = request.as_object().and_then(|fields| rng.choice(fields.keys())).cloned();
        let field =
            known.filter(|_| rng.bool()).unwrap_or_else(|| rng.choice(FIELDS).unwrap_or_default().into());
        match rng.u8(0..4) {
            0 => drop(request.as_object_mut().map(|fields| fields.remove(&field))),
            _ => request[field] = value(rng, DEPTH),
        }
    }
    request
}

/// The bytes of a request, sometimes with some of them changed.
fn bytes(rng: &mut Rng, request: &Value) -> Vec<u8> {
    let mut bytes = request.to_string().into_bytes();
    if rng.u8(0..5) == 0 {
        for _ in 0..rng.usize(1..5) {
            let at = rng.usize(0..bytes.len());
            match rng.u8(0..3) {
                0 => bytes[at] = rng.u8(..),
                1 => bytes.insert(at, rng.u8(..)),
                _ => bytes.truncate(at.max(1)),
            }
        }
    }
    bytes
}

/// Knocks at one door with [`CASES`] requests; `accepted` says how many rows an accepting answer means.
async fn storm(door: &Door, path: &str, good: &Value, accepted: impl Fn(&Answer) -> i64) -> i64 {
    let mut rng = Rng::with_seed(path.bytes().map(u64::from).sum());
    let mut expected = 0;
    for case in 0..CASES {
        let sent = request(&mut rng, good);
        let body = bytes(&mut rng, &sent);
        let shown = String::from_utf8_lossy(&body).into_owned();
        let request = door.request(Method::POST, path).header(CONTENT_TYPE, "application/json").body(body);
        let answer = door.call(request).await;
        let status = answer.status.as_u16();
        assert!(status < 500, "{path} case {case}: {shown} got {:?}", answer.body);
        if status >= 400 {
            let code = answer.refusal().1.to_owned();
            assert_refused(&answer, status, &code);
            if status == 400 && code != "otp-wrong" {
                assert!(!answer.fields().is_empty(), "{path}: {shown} got {}", answer.body);
            }
        } else {
            assert_eq!(answer.headers["content-type"], "application/json");
            expected += accepted(&answer);
        }
    }
    expected
}

#[tokio::test]
async fn no_body_makes_the_gateway_fail_or_store_what_it_refused() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let batch = json!({ "lane": "promo", "messages": [a_message(), a_message()] });
    let mut accepted = storm(&door, SEND, &a_message(), |_| 1).await;
    accepted += storm(&door, BATCH, &batch, |answer| answer.body["accepted"].as_i64().unwrap()).await;
    accepted += storm(&door, OTP_SEND, &json!({ "phone": a_number() }), |_| 1).await;
    accepted += storm(&door, "/settings/pauses", &json!({ "scope": "lane", "name": "promo" }), |_| 0).await;
    assert_eq!(stored(&app).await[0], accepted);
    let challenge = Challenge::start(&app, &door).await;
    storm(&door, OTP_VERIFY, &json!({ "session_id": challenge.id, "otp": "000000" }), |_| 0).await;
    storm(&door, OTP_RESEND, &json!({ "session_id": challenge.id }), |_| 0).await;
    let left = unsent(&app, &challenge.id).await.len();
    assert_eq!(stored(&app).await[0], accepted + i64::try_from(left).unwrap());
}

#[tokio::test]
async fn no_setting_makes_the_gateway_fail() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let mut rng = Rng::with_seed(7);
    for (path, good) in [
        ("/sms/templates/booked", json!({ "body": "Hi {{ name }}", "locale": "de", "sender": "ACME" })),
        ("/sms/opt-outs/+919876543210", json!({ "scope": "all", "source": "letter" })),
        ("/users/ann/contact-settings", json!({ "phone": "+919876543210", "preferred_provider": "twilio" })),
        (
            "/settings/api/vendor",
            json!({ "kind": "sandbox", "settings": {}, "lanes": ["promo"], "priority": 3 }),
        ),
    ] {
        for _ in 0..200 {
            let sent = request(&mut rng, &good);
            let answer = door.put(path, &sent).await;
            assert!(answer.status.as_u16() < 500, "{path}: {sent} got {:?}", answer.body);
            if answer.status.as_u16() >= 400 {
                assert_refused(&answer, 400, "invalid-request");
                assert!(!answer.fields().is_empty(), "{path}: {sent} got {}", answer.body);
            }
        }
    }
}

#[tokio::test]
async fn no_address_makes_the_gateway_fail() {
    let app = TestApp::without_worker().await;
    let door = Door::open(&app).await;
    let mut rng = Rng::with_seed(11);
    let starts = [
        "/",
        "/sms/messages/",
        "/sms/messages?",
        "/sms/templates/",
        "/sms/opt-outs/",
        "/users/",
        "/settings/api/",
        "/settings/pauses?",
        "/otp/sessions/",
        "/sandbox/inbox?",
    ];
    let ends = ["", "/", "/cancel", "/contact-settings", "?", "?locale=%00", "&limit=1", "&cursor="];
    for _ in 0..600 {
        let (start, end) = (rng.choice(starts).unwrap_or_default(), rng.choice(ends).unwrap_or_default());
        let middle: String = match rng.u8(0..4) {
            0 => Uuid::from_u128(rng.u128(..)).to_string(),
            1 => (0..rng.usize(0..20)).map(|_| format!("%{:02X}", rng.u8(..))).collect(),
            2 => ["to", "limit", "status", "user_id", "before", "scope", "name"]
                .map(|f| format!("{f}=%{:02x}&", rng.u8(..)))
                .concat(),
            _ => (0..rng.usize(0..20)).map(|_| rng.alphanumeric()).collect(),
        };
        let method =
            rng.choice([Method::GET, Method::DELETE, Method::POST, Method::OPTIONS]).unwrap_or_default();
        let path = format!("{start}{middle}{end}");
        let answer = door.call(door.request(method.clone(), &path)).await;
        let status = answer.status.as_u16();
        assert!(status < 500, "{method} {path} got {:?}", answer.body);
        if status >= 400 {
            let code = answer.refusal().1.to_owned();
            assert_refused(&answer, status, &code);
        }
    }
}
