//! One request to the API and what came of it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::RETRY_AFTER;
use serde_json::Value;
use tests::http;

/// Longer than the API lets anybody wait.
const TIMEOUT: Duration = Duration::from_secs(12);

/// A list or its results take this long at most.
const LONG: Duration = Duration::from_secs(60);

/// A caller of the API; cheap to clone.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    url: String,
    key: String,
}

/// What one request was told.
pub(crate) struct Answer {
    pub(crate) began: DateTime<Utc>,
    pub(crate) ended: DateTime<Utc>,
    pub(crate) said: Said,
}

/// The words of an answer.
pub(crate) enum Said {
    /// No whole answer came: the request may have been done or not.
    Nothing,
    /// An answer of the API.
    Status { code: u16, retry_after: bool, replayed: bool, body: Value },
}

impl Answer {
    /// The status code, if there was one.
    pub(crate) fn code(&self) -> Option<u16> {
        match self.said {
            Said::Nothing => None,
            Said::Status { code, .. } => Some(code),
        }
    }

    /// Whether it says when to come back.
    pub(crate) fn asks_for_patience(&self) -> bool {
        matches!(self.said, Said::Status { retry_after: true, .. })
    }
}

impl Client {
    pub(crate) fn new(url: String, key: String) -> Self {
        let http = http::client_builder().timeout(TIMEOUT).build().unwrap();
        Self { http, url, key }
    }

    /// POSTs JSON.
    pub(crate) async fn post(&self, path: &str, idempotency_key: Option<&str>, body: &[u8]) -> Answer {
        let mut request = self.http.post(format!("{}{path}", self.url)).body(body.to_vec());
        request = request.header("content-type", "application/json");
        if let Some(key) = idempotency_key {
            request = request.header("idempotency-key", key);
        }
        self.ask(request).await
    }

    /// GETs JSON.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(self.http.get(format!("{}{path}", self.url))).await
    }

    /// POSTs a list of recipients and gives all lines of the answer, as far as it comes.
    pub(crate) async fn upload(&self, path: &str, idempotency_key: &str, list: &[u8]) -> Vec<Value> {
        let request = self.http.post(format!("{}{path}", self.url)).timeout(LONG).body(list.to_vec());
        let request = request.header("content-type", "text/csv").header("idempotency-key", idempotency_key);
        lines(request.bearer_auth(&self.key)).await
    }

    /// GETs what is a JSON document a line.
    pub(crate) async fn get_lines(&self, path: &str) -> Vec<Value> {
        lines(self.http.get(format!("{}{path}", self.url)).timeout(LONG).bearer_auth(&self.key)).await
    }

    async fn ask(&self, request: reqwest::RequestBuilder) -> Answer {
        let began = Utc::now();
        let said = hear(request.bearer_auth(&self.key)).await.unwrap_or(Said::Nothing);
        Answer { began, ended: Utc::now(), said }
    }
}

async fn lines(request: reqwest::RequestBuilder) -> Vec<Value> {
    let Ok(mut response) = request.send().await else { return Vec::new() };
    let mut text = Vec::new();
    while let Ok(Some(piece)) = response.chunk().await {
        text.extend_from_slice(&piece);
    }
    // A line that broke off is none.
    text.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect()
}

async fn hear(request: reqwest::RequestBuilder) -> reqwest::Result<Said> {
    let response = request.send().await?;
    let headers = response.headers();
    let retry_after = headers.contains_key(RETRY_AFTER);
    let replayed = headers.contains_key("idempotency-replayed");
    let code = response.status().as_u16();
    Ok(Said::Status { code, retry_after, replayed, body: response.json().await? })
}
