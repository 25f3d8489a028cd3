//! A gateway, asked for all that it has about codes, and all that it answered.

use std::collections::HashMap;
use std::sync::Mutex;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use mock_provider::Credentials;
use private_postgres::Cluster;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use shared::db::Database;
use tests::TestApp;
use tests::builders::a_number;
use tests::wait::within;

use super::super::{Running, run};
use super::{CANARY, Collector, DIGITS, PATIENCE, all, search};

/// Of a caller whose traces are kept.
const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// One of so many sessions and messages is looked at by itself: a number that shares no factor with the other steps.
const SEEN: usize = 3;
const MESSAGES: &str = "/sms/messages?limit=200";
const POLICY: &str = "/settings/otp/purposes/login";

/// A session, and where its code went.
pub(super) struct Session {
    id: String,
    phone: String,
}

/// The gateway that is asked.
pub(super) struct Told {
    pub(super) running: Running,
    pub(super) answers: Mutex<String>,
    key: String,
}

impl Told {
    pub(super) async fn start(cluster: &Cluster, collector: &Collector) -> Self {
        Database::new(&cluster.url()).unwrap().migrate().await.unwrap();
        let app = TestApp::on(cluster.url()).await;
        let vendor = app.mock.url();
        let settings = [
            ("RUST_LOG", "trace"),
            ("TWO_FACTOR_API_KEY", Credentials::TWO_FACTOR_KEY),
            ("TWO_FACTOR_BASE_URL", &vendor),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url),
            ("OTEL_BSP_SCHEDULE_DELAY", "50"),
        ];
        let running = Running::with(app, &settings, &["serve"]).await;
        let key = run(&running, &["keys", "create", "test", "--scopes", "admin"]);
        Self { running, answers: Mutex::default(), key }
    }

    /// Makes a request, keeps its whole answer and gives status and body.
    async fn ask(&self, request: RequestBuilder) -> (u16, String) {
        let request = request.bearer_auth(&self.key).header("traceparent", TRACEPARENT);
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = answer.text().await.unwrap();
        self.answers.lock().unwrap().push_str(&format!("{status}\n{headers:?}\n{body}\n"));
        (status.as_u16(), body)
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.running.client.request(method, format!("{}{path}", self.running.url))
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let (status, body) = self.ask(self.request(Method::POST, path).json(body)).await;
        (status, serde_json::from_str(&body).unwrap())
    }

    async fn put(&self, path: &str, body: &Value) {
        let (status, body) = self.ask(self.request(Method::PUT, path).json(body)).await;
        assert_eq!(status, 200, "{path}: {body}");
    }

    /// Asks again while a busy machine's database does not answer, as the refusal says.
    async fn get(&self, path: &str) -> String {
        within(PATIENCE, path, async || {
            let (status, body) = self.ask(self.running.get(path)).await;
            (status != 503).then_some(body)
        })
        .await
    }

    async fn get_json(&self, path: &str) -> Value {
        serde_json::from_str(&self.get(path).await).unwrap()
    }

    /// Gives codes so many digits that none is met by chance.
    pub(super) async fn lengthen_codes(&self) {
        let mut login = self.get_json("/settings/otp").await["purposes"]
            .as_array()
            .and_then(|rows| rows.iter().find(|row| row["purpose"] == "login").cloned())
            .unwrap();
        login.as_object_mut().unwrap().remove("purpose");
        login["code_length"] = DIGITS.into();
        self.put(POLICY, &login).await;
    }

    /// Another account at Twilio, of which the log tells that its receipts cannot be checked.
    pub(super) async fn add_canary(&self) {
        let credentials = json!({ "account_sid": Credentials::ACCOUNT_SID,
            "api_key_sid": Credentials::API_KEY_SID, "api_key_secret": Credentials::API_KEY_SECRET });
        let provider = json!({ "kind": "twilio", "sender": "+15005550006", "credentials": credentials,
            "settings": { "base_url": self.running.app.mock.url() } });
        self.put(&format!("/settings/api/canary-{CANARY}"), &provider).await;
        let receipt = format!("/webhooks/canary-{CANARY}/status?message_id=1");
        self.ask(self.request(Method::POST, &receipt).form(&[("MessageStatus", "sent")])).await;
    }

    /// Starts a session; with another number if the database did not answer, as a number may ask once at a time.
    pub(super) async fn send(&self, n: usize) -> Session {
        within(PATIENCE, "a code to be accepted", async || {
            let phone = a_number();
            let hundreds = phone.as_bytes()[phone.len() - 3];
            let hint = match n % 20 {
                19 => format!("canary-{CANARY}"),
                _ => ["twilio", "2factor"][usize::from(hundreds % 2)].to_owned(),
            };
            let start = json!({ "phone": phone, "user_id": format!("user-{n}"), "provider_hint": hint });
            let (status, sent) = self.post("/otp/send", &start).await;
            assert!(matches!(status, 202 | 503), "{sent}");
            let id = sent["session_id"].as_str()?.to_owned();
            Some(Session { id, phone })
        })
        .await
    }

    /// Sends sessions a second code; gives how many were accepted.
    pub(super) async fn resend(&self, sessions: impl Iterator<Item = &Session>) -> usize {
        let over = "update sms_otp_sessions set resend_at = clock_timestamp()";
        sqlx::query(over).execute(&self.running.app.pool).await.unwrap();
        let resends = sessions.map(|Session { id, .. }| async move {
            self.post("/otp/resend", &json!({ "session_id": id })).await.0
        });
        all(resends).await.into_iter().filter(|&status| status == 202).count()
    }

    /// Types a wrong code into some sessions and the newest that arrived into most; gives how many were right.
    pub(super) async fn check(&self, sessions: &[Session]) -> usize {
        let arrivals = self.running.app.mock.arrivals();
        let codes =
            arrivals.iter().filter_map(|one| Some((one.to.as_str(), search::codes_in(&one.body).next()?)));
        let codes: HashMap<_, _> = codes.collect();
        let checks = sessions.iter().enumerate().map(|(n, Session { id, phone })| {
            let code = codes.get(phone.as_str()).copied().filter(|_| !n.is_multiple_of(5));
            async move {
                if n.is_multiple_of(8) {
                    self.verify(id, &"0".repeat(DIGITS)).await;
                }
                let right = if let Some(code) = code { self.verify(id, code).await } else { false };
                if n.is_multiple_of(SEEN) {
                    self.get(&format!("/otp/sessions/{id}")).await;
                }
                right
            }
        });
        all(checks).await.into_iter().filter(|right| *right).count()
    }

    async fn verify(&self, id: &str, code: &str) -> bool {
        let typed = json!({ "session_id": id, "otp": code, "token": true });
        let (status, verified) = self.post("/otp/verify", &typed).await;
        verified["token"].as_str().into_iter().for_each(|token| self.keep_claims(token));
        status == 200
    }

    /// What a signed token says, as text.
    fn keep_claims(&self, token: &str) {
        let parts = token.split('.').take(2).map(|part| BASE64_URL_SAFE_NO_PAD.decode(part).unwrap());
        let mut answers = self.answers.lock().unwrap();
        parts.for_each(|part| answers.push_str(std::str::from_utf8(&part).unwrap()));
    }

    /// Looks at all messages, at one of some by itself, and at the settings; gives what is counted.
    pub(super) async fn look(&self) -> String {
        let mut path = MESSAGES.to_owned();
        loop {
            let page = self.get_json(&path).await;
            let messages = page["messages"].as_array().unwrap();
            let ids = messages.iter().step_by(SEEN).map(|row| row["message_id"].as_str().unwrap());
            all(ids.map(async |id| self.get(&format!("/sms/messages/{id}")).await)).await;
            let Some(next) = page["next_cursor"].as_str() else { break };
            path = format!("{MESSAGES}&cursor={next}");
        }
        for path in ["/readyz", "/sandbox/inbox", "/settings/api", "/settings/otp"] {
            self.get(path).await;
        }
        self.get("/metrics").await
    }
}
