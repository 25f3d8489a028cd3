//! How often pages and users may have codes sent: by the address that they really have; and what they are told of it.

use reqwest::{Method, RequestBuilder};
use secrecy::SecretString;
use serde_json::{Value, json};
use tests::builders::a_number;
use tests::door::Answer;
use tests::{Door, TestApp};

use super::keys_publishable::{PAGE, asking, make};
use super::users_tokens::{self, token_of};
use super::{Challenge, OTP_RESEND, OTP_SEND, assert_names, assert_refused, stored, stranger, with};

/// A page with a publishable key, at a gateway that believes these proxies.
struct Page {
    door: Door,
    key: SecretString,
}

impl Page {
    async fn open(app: &TestApp, proxies: &[&str]) -> Self {
        let door = Door::open_with(app, |config| {
            config.callers.trusted_proxies = proxies.iter().map(|network| network.parse().unwrap()).collect();
        })
        .await;
        let key = make(app, &format!("web {}", door.url), &[PAGE]).await;
        Self { door, key }
    }

    fn request(&self, path: &str, body: &Value) -> RequestBuilder {
        asking(&self.door, Method::POST, path, &self.key).header("origin", PAGE).json(body)
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        self.door.call(self.request(path, body)).await
    }

    /// Asks for a code for a number of its own, as somebody whom the proxy writes down so.
    async fn send_as(&self, forwarded: &str) -> Answer {
        let request = self.request(OTP_SEND, &json!({ "phone": a_number() }));
        self.door.call(request.header("x-forwarded-for", forwarded)).await
    }
}

#[track_caller]
fn assert_over(answer: &Answer, limit: &str) {
    assert_refused(answer, 429, "rate-limited");
    let stands = answer.headers["ratelimit"].to_str().unwrap();
    assert!(stands.starts_with(&format!("\"{limit}\";r=0;t=")), "{stands}");
}

#[tokio::test]
async fn a_page_is_counted_by_its_peer_whatever_address_it_writes() {
    let app = TestApp::without_worker().await;
    for proxies in [&[][..], &["10.0.0.0/8"]] {
        let page = Page::open(&app, proxies).await;
        for n in 0..5 {
            assert_eq!(page.send_as(&format!("198.51.100.{n}, 10.0.0.{n}")).await.status, 202);
        }
        assert_over(&page.send_as("203.0.113.1").await, "ip-minute");
        let plain = page.post(OTP_SEND, &json!({ "phone": a_number() })).await;
        assert_over(&plain, "ip-minute");
        // A server at the same address speaks for many.
        let server = page.door.request(Method::POST, OTP_SEND).json(&json!({ "phone": a_number() }));
        assert_eq!(page.door.call(server.header("x-forwarded-for", "127.0.0.1")).await.status, 202);
        forget_addresses(&app).await;
    }
}

async fn forget_addresses(app: &TestApp) {
    sqlx::query("delete from smsgw.otp_windows where kind = 'ip'").execute(&app.pool).await.unwrap();
}

#[tokio::test]
async fn behind_a_proxy_of_ours_a_page_is_counted_by_the_address_that_it_wrote() {
    let app = TestApp::without_worker().await;
    let page = Page::open(&app, &["127.0.0.0/8"]).await;
    for n in 0..5 {
        // What the caller made up stands before what the proxy heard.
        assert_eq!(page.send_as(&format!("203.0.113.{n}, 198.51.100.1")).await.status, 202);
    }
    for forwarded in ["198.51.100.1", "203.0.113.77, 198.51.100.1", "127.0.0.1,198.51.100.1:4711"] {
        assert_over(&page.send_as(forwarded).await, "ip-minute");
    }
    assert_eq!(page.send_as("198.51.100.1, 198.51.100.2").await.status, 202, "another address is another's");
    for n in 0..5 {
        assert_eq!(page.send_as(&format!("2001:db8:0:1::{n:x}")).await.status, 202);
    }
    assert_over(&page.send_as("2001:db8:0:1:ffff::1").await, "ip-minute");
    let subjects: Vec<String> = sqlx::query_scalar(
        "select subject from smsgw.otp_windows where kind = 'ip' and times <> '{}' order by 1",
    )
    .fetch_all(&app.pool)
    .await
    .unwrap();
    assert_eq!(subjects, ["198.51.100.1/32", "198.51.100.2/32", "2001:db8:0:1::/64"]);
}

#[tokio::test]
async fn users_are_counted_by_their_address_as_well() {
    let app = TestApp::without_worker().await;
    let door = users_tokens::open(&app, None).await;
    let send = async |user: &str| {
        let request = stranger().post(format!("{}{OTP_SEND}", door.url)).bearer_auth(token_of(user));
        door.call(request.header("x-forwarded-for", user).json(&json!({ "phone": a_number() }))).await
    };
    for user in ["198.51.100.1", "198.51.100.2", "u3", "u4", "u5"] {
        assert_eq!(send(user).await.status, 202);
    }
    assert_over(&send("198.51.100.6").await, "ip-minute");
}

#[tokio::test]
async fn resends_of_a_page_are_counted_by_its_address() {
    let app = TestApp::without_worker().await;
    let page = Page::open(&app, &[]).await;
    let challenge = Challenge::start(&app, &page.door).await;
    let resend = async || {
        challenge.cool_down(&app).await;
        page.post(OTP_RESEND, &json!({ "session_id": challenge.id })).await
    };
    for _ in 0..4 {
        assert_eq!(resend().await.status, 202);
    }
    let send = async || page.post(OTP_SEND, &json!({ "phone": a_number() })).await;
    assert_eq!(send().await.status, 202);
    assert_over(&send().await, "ip-minute");
}

#[tokio::test]
async fn a_page_names_neither_a_user_nor_an_address() {
    let app = TestApp::without_worker().await;
    let page = Page::open(&app, &[]).await;
    let good = json!({ "phone": a_number() });
    let before = stored(&app).await;
    for (field, value) in [("user_id", "ann"), ("client_ip", "198.51.100.7"), ("client_ip", "127.0.0.1")] {
        assert_names(&page.post(OTP_SEND, &with(&good, field, json!(value))).await, &[field]);
    }
    assert_eq!(stored(&app).await, before);
}

/// Whoever knows a number could ask what it was sent lately.
#[tokio::test]
async fn a_page_is_told_of_its_own_limits_and_not_of_a_phones() {
    let app = TestApp::without_worker().await;
    let page = Page::open(&app, &[]).await;
    let limit = json!({ "kind": "country", "per_seconds": 3600, "most": 1000 });
    assert_eq!(page.door.put("/settings/otp/limits/country-hour", &limit).await.status, 200);
    let request = json!({ "phone": a_number() });
    let challenge = Challenge::ask(&app, &page.door, &request).await;
    challenge.cool_down(&app).await;
    let resent = page.post(OTP_RESEND, &json!({ "session_id": challenge.id })).await;
    for answer in [page.post(OTP_SEND, &request).await, resent] {
        assert_eq!(answer.status, 202, "{}", answer.body);
        for header in ["ratelimit", "ratelimit-policy"] {
            let stands = answer.headers[header].to_str().unwrap();
            let names: Vec<_> = stands.split('"').skip(1).step_by(2).collect();
            assert_eq!(names, ["ip-day", "ip-minute"], "{header}");
        }
    }
    for _ in 0..2 {
        assert_eq!(page.door.post(OTP_SEND, &request).await.status, 202);
    }
    challenge.cool_down(&app).await;
    let resend = json!({ "session_id": challenge.id });
    for (path, body) in [(OTP_SEND, &request), (OTP_RESEND, &resend)] {
        let of_page = page.post(path, body).await;
        assert_refused(&of_page, 429, "rate-limited");
        let tells =
            |answer: &Answer| ["ratelimit", "ratelimit-policy"].map(|name| answer.headers.contains_key(name));
        assert_eq!(tells(&of_page), [false; 2], "{path}");
        assert_eq!(tells(&page.door.post(path, body).await), [true; 2], "{path}");
    }
}
