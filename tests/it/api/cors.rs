//! CORS: which pages may read an answer.

use reqwest::Method;
use reqwest::header::HeaderMap;
use secrecy::ExposeSecret as _;
use serde_json::json;
use shared::store::api_keys;
use tests::builders::a_number;
use tests::door::Answer;
use tests::wait::eventually;
use tests::{Door, TestApp};
use uuid::Uuid;

use super::keys_publishable::{closed_doors, make};
use super::{OTP_RESEND, OTP_SEND, OTP_VERIFY, assert_refused, stranger};

/// Pages with a publishable key, pages of signed-in users, and pages of somebody else.
const KEYS: &str = "https://app.example.com";
const USERS: &str = "https://portal.example.com";
const OTHERS: [&str; 4] = ["https://evil.example", "null", "https://app.example.com.evil.example", "*"];

async fn open(app: &TestApp) -> Door {
    make(app, "web", &[KEYS]).await;
    Door::open_with(app, |config| config.callers.cors_origins = vec![USERS.parse().unwrap()]).await
}

async fn preflight(door: &Door, path: &str, method: &str, origin: &str) -> Answer {
    let request = stranger().request(Method::OPTIONS, format!("{}{path}", door.url)).header("origin", origin);
    let wanted = request.header("access-control-request-method", method);
    door.call(wanted.header("access-control-request-headers", "authorization,content-type")).await
}

fn told<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).map_or("", |value| value.to_str().unwrap())
}

fn allowed(answer: &Answer) -> &str {
    told(&answer.headers, "access-control-allow-origin")
}

/// What is never said, and what caches must know.
fn assert_modest(answer: &Answer) {
    assert!(!answer.headers.contains_key("access-control-allow-credentials"));
    assert_ne!(allowed(answer), "*");
    assert!(told(&answer.headers, "vary").contains("origin"), "{:?}", answer.headers);
}

#[tokio::test]
async fn a_preflight_is_answered_for_pages_that_are_known() {
    let app = TestApp::without_worker().await;
    let door = open(&app).await;
    let session = format!("/otp/sessions/{}", Uuid::new_v4());
    for (path, method) in [(OTP_SEND, "POST"), (OTP_VERIFY, "POST"), (OTP_RESEND, "POST"), (&session, "GET")]
    {
        for origin in [KEYS, USERS] {
            let answer = preflight(&door, path, method, origin).await;
            assert_eq!((answer.status.as_u16(), allowed(&answer)), (200, origin), "{path}");
            assert_modest(&answer);
            let headers = &answer.headers;
            assert!(told(headers, "access-control-allow-methods").contains(method));
            assert_eq!(told(headers, "access-control-max-age"), "600");
            for name in ["authorization", "content-type", "idempotency-key", "prefer", "traceparent"] {
                assert!(told(headers, "access-control-allow-headers").contains(name), "{name}");
            }
        }
        for origin in OTHERS {
            let answer = preflight(&door, path, method, origin).await;
            assert_eq!(allowed(&answer), "", "{path} {origin}");
            assert_modest(&answer);
        }
    }
}

#[tokio::test]
async fn answers_and_refusals_can_be_read_by_pages_that_are_known_alone() {
    let app = TestApp::without_worker().await;
    let door = open(&app).await;
    let key = make(&app, "more", &["https://more.example.com"]).await;
    for (origin, status) in [("https://more.example.com", 202), (KEYS, 403), (USERS, 403)] {
        let request = stranger().post(format!("{}{OTP_SEND}", door.url)).bearer_auth(key.expose_secret());
        let answer = door.call(request.header("origin", origin).json(&json!({ "phone": a_number() }))).await;
        assert_eq!((answer.status.as_u16(), allowed(&answer)), (status, origin), "{}", answer.body);
        assert_modest(&answer);
        let exposed = told(&answer.headers, "access-control-expose-headers");
        for name in ["ratelimit", "ratelimit-policy", "retry-after", "x-request-id", "preference-applied"] {
            assert!(exposed.split(',').any(|one| one.trim() == name), "{exposed}");
        }
    }
    let nobody = stranger().post(format!("{}{OTP_SEND}", door.url)).header("origin", KEYS);
    let refused = door.call(nobody).await;
    assert_refused(&refused, 401, "unauthorized");
    assert_eq!(allowed(&refused), KEYS);
    for origin in OTHERS {
        let request = door.request(Method::POST, OTP_SEND).header("origin", origin);
        let answer = door.call(request.json(&json!({ "phone": a_number() }))).await;
        assert_eq!(
            (answer.status.as_u16(), allowed(&answer)),
            (202, ""),
            "a server's key asks for no origin"
        );
    }
}

#[tokio::test]
async fn what_users_read_is_open_to_the_pages_listed_and_not_to_those_of_keys() {
    let app = TestApp::without_worker().await;
    let door = open(&app).await;
    for (method, path, schemes) in closed_doors(&door).await {
        let (users, keys) =
            (schemes.contains(&"user".to_owned()), schemes.contains(&"publishable".to_owned()));
        for (origin, open) in [(USERS, users), (KEYS, keys)] {
            let answer = preflight(&door, &path, method.as_str(), origin).await;
            let methods = told(&answer.headers, "access-control-allow-methods");
            let may = allowed(&answer) == origin && methods.contains(method.as_str());
            assert_eq!(may, open, "{method} {path} {origin}: {:?}", answer.headers);
        }
    }
    for path in ["/metrics", "/healthz", "/openapi.json", "/sms/templates", "/nothing"] {
        let answer = door.call(door.request(Method::GET, path).header("origin", USERS)).await;
        assert!(!answer.headers.keys().any(|name| name.as_str().starts_with("access-control")), "{path}");
    }
}

#[tokio::test]
async fn the_origin_of_a_revoked_key_is_forgotten_and_that_of_a_new_one_known() {
    let app = TestApp::without_worker().await;
    let door = open(&app).await;
    let asked = async |origin: &str| allowed(&preflight(&door, OTP_SEND, "POST", origin).await).to_owned();
    assert_eq!(asked("https://new.example.com").await, "");
    make(&app, "new", &["https://new.example.com"]).await;
    assert!(api_keys::revoke(&app.pool, "web").await.unwrap());
    eventually("the origins to be looked up", async || {
        (!asked("https://new.example.com").await.is_empty() && asked(KEYS).await.is_empty()).then_some(())
    })
    .await;
    assert_eq!(asked(USERS).await, USERS);
}
