//! Codes and keys stay where they belong: a dump of all tables, all that the API answers, and the log
//! of the real program at its most talkative.

use std::net::TcpListener;

use mock_provider::{Credentials, Fault, FaultBody, FaultRule, MockProvider, Options, Vendor};
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use sqlx::Row;
use tests::builders::a_number;
use tests::process::{Settings, Smsgw, run};
use tests::wait::eventually;
use tests::{Door, TestApp};

use super::codes::arrived;
use super::{MESSAGES, OTP_RESEND, OTP_SEND, OTP_VERIFY, code_in, stranger};

/// Every row of every table as text, with the table's name.
pub(crate) async fn dump(app: &TestApp) -> Vec<(String, String)> {
    let mut owner = app.owner().await;
    let tables: Vec<(String,)> = sqlx::query_as(
        "select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where n.nspname in ('public', 'smsgw') and c.relkind in ('r', 'm')",
    )
    .fetch_all(&mut owner)
    .await
    .unwrap();
    assert!(tables.len() > 12, "{tables:?}");
    let mut rows = Vec::new();
    for (table,) in tables {
        let select = format!("select t::text from {table} t");
        let found = sqlx::query(sqlx::AssertSqlSafe(select)).fetch_all(&mut owner).await.unwrap();
        rows.extend(found.iter().map(|row| (table.clone(), row.get::<String, _>(0))));
    }
    rows
}

/// A text as `bytea` shows it.
pub(crate) fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether a code stands in a text by itself. Within longer digits or letters it is chance, and so it
/// is between a point and a sign: the fraction of a second.
fn holds(text: &str, code: &str) -> bool {
    let found = text.match_indices(code).any(|(at, _)| {
        let before = text[..at].chars().next_back().unwrap_or(' ');
        let after = text[at + code.len()..].chars().next().unwrap_or(' ');
        let in_word = before.is_ascii_alphanumeric() || after.is_ascii_alphanumeric();
        !(in_word || before == '.' && matches!(after, '+' | '-' | 'Z'))
    });
    found || text.contains(&hex(code))
}

#[test]
fn a_code_is_found_where_it_would_leak_and_nowhere_else() {
    for leak in [
        "Your code is 123456.",
        "(1,123456,)",
        "{\"otp\":\"123456\"}",
        "/SMS/+91/123456/T",
        "\\x20313233343536",
    ] {
        assert!(holds(leak, "123456"), "{leak}");
    }
    for chance in ["2026-11-20 10:00:00.123456+00", "+9198123456", "a123456b", "x123456", "10:00:00.123456Z"]
    {
        assert!(!holds(chance, "123456"), "{chance}");
    }
}

/// Sends many codes in all ways that a session can end, and gives them.
async fn many_codes(app: &TestApp, door: &Door) -> Vec<String> {
    let mut codes = Vec::new();
    for n in 0..24 {
        let phone = a_number();
        let hint = ["twilio", "2factor"][n % 2];
        let start = json!({ "phone": phone, "user_id": format!("user-{n}"), "provider_hint": hint });
        let sent = door.post(OTP_SEND, &start).await;
        let id = sent.body["session_id"].clone();
        let code = arrived(app, &phone, 1).await;
        match n % 4 {
            0 => {
                assert_eq!(
                    door.post(OTP_VERIFY, &json!({ "session_id": id, "otp": code })).await.status,
                    200
                );
            }
            1 => {
                for _ in 0..5 {
                    door.post(OTP_VERIFY, &json!({ "session_id": id, "otp": "000000" })).await;
                }
            }
            2 => {
                let later = "update sms_otp_sessions set resend_at = clock_timestamp() where id::text = $1";
                sqlx::query(later).bind(id.as_str()).execute(&app.pool).await.unwrap();
                let again =
                    super::post_once(door, OTP_RESEND, id.as_str().unwrap(), &json!({ "session_id": id }))
                        .await;
                assert_eq!(again.status, 202, "{}", again.body);
                codes.push(arrived(app, &phone, 2).await);
            }
            _ => {}
        }
        codes.push(code);
    }
    codes
}

#[tokio::test]
async fn no_table_and_no_answer_holds_a_code_in_clear() {
    let app = TestApp::start().await;
    let door = Door::open(&app).await;
    let throttled = Fault::Status { status: 500, body: FaultBody::Vendor, delivered: false };
    app.mock.fail_by(FaultRule::new(Vendor::Twilio, throttled).times(3)).unwrap();
    let codes = many_codes(&app, &door).await;
    app.drained(std::time::Duration::from_secs(20)).await;
    let mut waiting = Vec::new();
    door.post("/settings/pauses", &json!({ "scope": "all" })).await;
    for _ in 0..5 {
        let sent = super::Challenge::start(&app, &door).await;
        waiting.push(sent.code);
    }
    for (table, row) in dump(&app).await {
        let leaked = codes.iter().chain(&waiting).find(|code| holds(&row, code));
        assert!(leaked.is_none(), "{table} holds a code: {row}");
    }
    for path in answers(&door).await {
        let text = door.get(&path).await.body.to_string();
        let leaked = codes.iter().chain(&waiting).find(|code| holds(&text, code));
        assert!(leaked.is_none(), "{path} shows a code: {text}");
    }
    app.stop().await;
}

/// Every address at which something of a code or its session is shown.
async fn answers(door: &Door) -> Vec<String> {
    let list = format!("{MESSAGES}?limit=200");
    let page = door.get(&list).await.body;
    let messages = page["messages"].as_array().unwrap();
    assert!(messages.len() > 30, "{page}");
    let of = |message: &Value, field: &str| message[field].as_str().unwrap().to_owned();
    let shown = messages.iter().map(|message| format!("{MESSAGES}/{}", of(message, "message_id")));
    let sessions = messages.iter().map(|message| format!("/otp/sessions/{}", of(message, "session_id")));
    let others = ["/sandbox/inbox", "/metrics", "/settings/api", "/settings/pauses"].map(str::to_owned);
    [list].into_iter().chain(shown).chain(sessions).chain(others).collect()
}

/// The real program, told to log all it can.
struct Program {
    url: String,
    key: String,
    mock: MockProvider,
    process: Smsgw,
    settings: Settings,
    client: Client,
}

impl Program {
    async fn start(logs: &std::path::Path) -> Self {
        let app = TestApp::without_worker().await;
        let mock = MockProvider::start(Options::default()).unwrap();
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let own = |text: &str| text.to_owned();
        let settings: Settings = vec![
            ("DATABASE_URL", app.url.clone()),
            ("SMSGW_MASTER_KEY", own("c21zZ3ctdGVzdHMtb25seS1ub3QtYS1yZWFsLWtleSE=")),
            ("SMSGW_LISTEN", free.to_string()),
            ("SMSGW_ENV", own("development")),
            ("RUST_LOG", own("trace")),
            ("TWILIO_ACCOUNT_SID", own(Credentials::ACCOUNT_SID)),
            ("TWILIO_AUTH_TOKEN", own(Credentials::AUTH_TOKEN)),
            ("TWILIO_PHONE_NUMBER", own("+15005550006")),
            ("TWILIO_BASE_URL", mock.url()),
            ("TWO_FACTOR_API_KEY", own(Credentials::TWO_FACTOR_KEY)),
            ("TWO_FACTOR_BASE_URL", mock.url()),
        ];
        let key = run(&settings, &["keys", "create", "test", "--scopes", "admin"]);
        let process = Smsgw::start("talkative", logs, &settings, &["serve"]);
        let client = stranger();
        let program = Self { url: format!("http://{free}"), key, mock, process, settings, client };
        eventually("the program to be ready", async || {
            let ready = program.client.get(format!("{}/readyz", program.url)).send().await;
            ready.is_ok_and(|answer| answer.status() == 200).then_some(())
        })
        .await;
        program
    }

    fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.client.post(format!("{}{path}", self.url)).bearer_auth(&self.key).json(body)
    }

    async fn send_code(&self, provider: &str) -> (Value, String, String) {
        let phone = a_number();
        let start = self.post(OTP_SEND, &json!({ "phone": phone, "provider_hint": provider }));
        let sent: Value = start.send().await.unwrap().json().await.unwrap();
        let text = eventually("the code to arrive", async || {
            self.mock.arrivals_to(&phone).first().map(|arrival| arrival.body.clone())
        })
        .await;
        (sent["session_id"].clone(), code_in(&text), phone)
    }
}

/// Errors are when secrets leak: so vendors fail in every way that puts an address or a body into one.
#[tokio::test]
async fn the_log_holds_no_code_and_no_key_even_when_it_tells_everything() {
    let logs = tempfile::tempdir().unwrap();
    let program = Program::start(logs.path()).await;
    let mut secrets =
        vec![program.key.clone(), Credentials::AUTH_TOKEN.to_owned(), Credentials::TWO_FACTOR_KEY.to_owned()];
    secrets.push(program.settings[1].1.clone());
    let mut codes = Vec::new();
    for vendor in [Vendor::Twilio, Vendor::TwoFactor] {
        let provider = if vendor == Vendor::Twilio { "twilio" } else { "2factor" };
        let echo = FaultBody::Text(format!("no: {}", Credentials::TWO_FACTOR_KEY));
        for fault in [
            Fault::Reset,
            Fault::DeliverThenReset,
            Fault::Status { status: 500, body: FaultBody::Vendor, delivered: false },
            Fault::Status { status: 401, body: echo, delivered: false },
            Fault::Garbage { status: 200, body: "<html>".to_owned(), delivered: true },
        ] {
            program.mock.fail_by(FaultRule::new(vendor, fault).times(1)).unwrap();
            let (session, code, phone) = program.send_code(provider).await;
            for typed in ["000000", &code] {
                let verify = program.post(OTP_VERIFY, &json!({ "session_id": session, "otp": typed }));
                verify.send().await.unwrap();
            }
            codes.push(code);
            secrets.push(phone);
        }
    }
    for key in ["sk_a-key-that-nobody-has", "pk_a-key-of-another-kind"] {
        let request = program.client.get(format!("{}{MESSAGES}", program.url)).bearer_auth(key);
        assert_eq!(request.send().await.unwrap().status(), 401);
        secrets.push(key.to_owned());
    }
    let body = json!({ "kind": "2factor", "credentials": { "api_key": "another-secret-of-a-vendor" } });
    let put = program.client.put(format!("{}/settings/api/more", program.url)).bearer_auth(&program.key);
    assert_eq!(put.json(&body).send().await.unwrap().status(), 200);
    secrets.push("another-secret-of-a-vendor".to_owned());
    let log = program.process.log();
    assert!(log.len() > 10_000, "the log is talkative: {log}");
    for line in log.lines() {
        for secret in &secrets {
            assert!(!line.contains(secret), "{secret} is in the log: {line}");
        }
        let leaked = codes.iter().find(|code| holds(line, code));
        assert!(leaked.is_none(), "a code is in the log: {line}");
    }
}
