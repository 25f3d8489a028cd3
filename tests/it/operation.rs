//! What operators are given: metrics, their board and alerts, logs, units, containers. Asked of the
//! real program in processes of its own, so that no other test's metrics are among them.

use std::collections::BTreeSet;
use std::path::PathBuf;

use mock_provider::Credentials;
use reqwest::{Client, RequestBuilder};
use serde_json::Value;
use tempfile::TempDir;
use tests::process::{self, Settings, Smsgw};
use tests::wait::eventually;
use tests::{TestApp, http};

use crate::webhooks::sign;

mod deployment;
mod leaks;
mod logs;
mod metrics;
mod traces;
mod trouble;
mod webhooks;
mod worker_door;

/// Where vendors are told to post; tests post to the process itself, signed for this.
const PUBLIC_URL: &str = "https://sms.example.com";

/// A process of `smsgw` with a database and a vendor of its own.
struct Running {
    app: TestApp,
    process: Smsgw,
    settings: Settings,
    /// Where it answers, without a slash at the end.
    url: String,
    client: Client,
    _logs: TempDir,
}

impl Running {
    /// On a fresh database.
    async fn start(arguments: &[&str]) -> Self {
        Self::on(TestApp::without_worker().await, arguments).await
    }

    /// As [`Running::start`], on a database that is given.
    async fn on(app: TestApp, arguments: &[&str]) -> Self {
        Self::with(app, &[], arguments).await
    }

    /// As [`Running::on`], with other settings; an empty one is left out.
    async fn with(app: TestApp, changed: &[(&'static str, &str)], arguments: &[&str]) -> Self {
        let mut settings = settings(&app);
        settings.retain(|(name, _)| changed.iter().all(|(other, _)| other != name));
        let given = changed.iter().filter(|(_, value)| !value.is_empty());
        settings.extend(given.map(|&(name, value)| (name, value.to_owned())));
        let (process, url, logs) = launch(&settings, arguments).await;
        let client = http::client();
        Self { app, process, settings, url, client, _logs: logs }
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.url))
    }

    /// Posts as Twilio does.
    async fn webhook(&self, path: &str, fields: &[(&str, &str)]) -> u16 {
        let signature = sign(Credentials::AUTH_TOKEN, &format!("{PUBLIC_URL}{path}"), fields);
        let request = self.client.post(format!("{}{path}", self.url)).form(fields);
        let answer = request.header("x-twilio-signature", signature).send().await.unwrap();
        answer.status().as_u16()
    }

    /// What `/metrics` shows to this machine.
    async fn metrics(&self) -> String {
        self.get("/metrics").send().await.unwrap().text().await.unwrap()
    }
}

/// Starts a process and waits for its address, which it logs.
async fn launch(settings: &Settings, arguments: &[&str]) -> (Smsgw, String, TempDir) {
    let logs = tempfile::tempdir().unwrap();
    let process = Smsgw::start("smsgw", logs.path(), settings, arguments);
    let address = eventually("the address to be logged", async || {
        log_lines(&process).iter().find_map(|line| line["address"].as_str().map(str::to_owned))
    })
    .await;
    (process, format!("http://{address}"), logs)
}

/// What was logged, line by line. The last line may still be written.
fn log_lines(process: &Smsgw) -> Vec<Value> {
    let log = process.log();
    let whole = log.rfind('\n').map_or("", |end| &log[..end]);
    let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"));
    whole.lines().map(parse).collect()
}

fn settings(app: &TestApp) -> Settings {
    let own = |text: &str| text.to_owned();
    vec![
        ("DATABASE_URL", app.url.clone()),
        // Of 32 zero bytes.
        ("SMSGW_MASTER_KEY", format!("{}=", "A".repeat(43))),
        ("SMSGW_LISTEN", own("127.0.0.1:0")),
        ("SMSGW_WORKER_LISTEN", own("127.0.0.1:0")),
        ("TWILIO_ACCOUNT_SID", own(Credentials::ACCOUNT_SID)),
        ("TWILIO_AUTH_TOKEN", own(Credentials::AUTH_TOKEN)),
        ("TWILIO_PHONE_NUMBER", own("+15005550006")),
        ("TWILIO_BASE_URL", app.mock.url()),
        ("SMSGW_PUBLIC_URL", own(PUBLIC_URL)),
    ]
}

/// A command of the same gateway, run to its end.
fn run(running: &Running, arguments: &[&str]) -> String {
    process::run(&running.settings, arguments)
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A file of the repository.
fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every word in `text` that begins with `prefix`.
fn words<'a>(text: &'a str, prefix: &'a str) -> BTreeSet<&'a str> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.split(|c| !is_word(c)).filter(|word| word.starts_with(prefix) && *word != prefix).collect()
}
