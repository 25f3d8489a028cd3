//! Calls to a running gateway, and its refusals as one sentence.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Body, Client, Method, RequestBuilder, Response};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use shared::config::{secret, variable};
use shared::provider::http::install_crypto;

use crate::cli::ApiCallArgs;
use crate::home::dev_api_key;
use crate::print::Refusal;

/// Longer than the gateway's own deadline.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// How long making a connection may take.
const CONNECT_PATIENCE: Duration = Duration::from_secs(2);

/// A client for calls to a gateway. It asks nobody but the one that was named: no proxy, and nowhere that an answer
/// points to, since a key goes along.
pub(crate) fn client() -> reqwest::Result<Client> {
    install_crypto();
    Client::builder()
        .user_agent(concat!("smsgw/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_PATIENCE)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .http1_only()
        .no_proxy()
        .build()
}

/// A running gateway, and the key to it.
pub(crate) struct Gateway {
    url: String,
    key: SecretString,
    client: Client,
}

impl Gateway {
    /// The gateway that was named, with the key of the environment, of a file or of `dev`.
    pub(crate) fn new(args: &ApiCallArgs) -> Result<Self> {
        let given =
            secret("SMSGW_API_KEY", variable("SMSGW_API_KEY").as_ref(), args.api_key_file.as_deref())?;
        let Some(key) = given.or_else(dev_api_key) else {
            bail!("SMSGW_API_KEY: is not set; make a key with `smsgw keys create NAME` and put it there");
        };
        let url = args.url.trim_end_matches('/').to_owned();
        Ok(Self { url, key, client: client().context("no HTTP client")? })
    }

    /// Posts and reads the answer. A [`Refusal`] becomes the error, as with all that is asked here.
    pub(crate) async fn post(
        &self,
        path: &str,
        body: &Value,
        idempotency_key: Option<&str>,
    ) -> Result<Value> {
        let mut request = self.request(Method::POST, path).json(body);
        if let Some(key) = idempotency_key {
            request = request.header("Idempotency-Key", key);
        }
        self.read(request).await
    }

    /// Puts what shall stand there.
    pub(crate) async fn put(&self, path: &str, body: &Value) -> Result<Value> {
        self.read(self.request(Method::PUT, path).json(body)).await
    }

    /// Posts where the address says it all.
    pub(crate) async fn act(&self, path: &str) -> Result<Value> {
        self.read(self.request(Method::POST, path)).await
    }

    /// Gets what is there.
    pub(crate) async fn get(&self, path: &str) -> Result<Value> {
        self.read(self.request(Method::GET, path)).await
    }

    /// Gets what fits.
    pub(crate) async fn find(&self, path: &str, query: &[(&str, String)]) -> Result<Value> {
        self.read(self.request(Method::GET, path).query(query)).await
    }

    /// Gets what is too long to be held: to be read by [`piece`].
    pub(crate) async fn download(&self, path: &str) -> Result<Response> {
        self.send(self.request(Method::GET, path)).await
    }

    /// Posts what is too long to be held. The answer is there before all of it was sent, and is read by [`piece`].
    pub(crate) async fn upload(
        &self,
        path: &str,
        query: &[(&str, &str)],
        (kind, key): (&str, &str),
        body: Body,
    ) -> Result<Response> {
        let request = self.request(Method::POST, path).query(query).header("Idempotency-Key", key);
        self.send(request.header(CONTENT_TYPE, kind).body(body)).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url)).bearer_auth(self.key.expose_secret())
    }

    async fn read(&self, request: RequestBuilder) -> Result<Value> {
        self.document(self.send(request.timeout(PATIENCE)).await?).await
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response> {
        let response = request.send().await.with_context(|| {
            format!("no gateway answers at {}: is it running there? SMSGW_URL says where it is", self.url)
        })?;
        if response.status().is_success() {
            return Ok(response);
        }
        let wait = retry_after(&response);
        let problem = self.document(response).await?;
        Err(Refusal { sentence: sentence(&problem, wait.as_deref()), problem }.into())
    }

    async fn document(&self, response: Response) -> Result<Value> {
        let status = response.status();
        response.json().await.with_context(|| {
            format!("{} answered {status}, but not as smsgw does: is SMSGW_URL right?", self.url)
        })
    }
}

/// The next piece of a long answer, which may take as long as `patience`; `None` at its end.
pub(crate) async fn piece(answer: &mut Response, patience: Duration) -> Result<Option<Vec<u8>>> {
    let read = tokio::time::timeout(patience, answer.chunk()).await.context("the gateway fell silent")?;
    Ok(read.context("the connection to the gateway broke")?.map(Vec::from))
}

fn retry_after(response: &Response) -> Option<String> {
    Some(response.headers().get("retry-after")?.to_str().ok()?.to_owned())
}

/// A problem document in one sentence: the fields at fault, and the cure.
fn sentence(problem: &Value, wait: Option<&str>) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let errors = problem["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    let faults: Vec<_> = errors
        .iter()
        .map(|error| format!("{}: {}", text(&error["field"]), text(&error["message"])))
        .collect();
    let mut sentence = if faults.is_empty() { text(&problem["detail"]) } else { faults.join("; ") };
    if sentence.is_empty() {
        sentence = text(&problem["title"]);
    }
    let cure = match problem["code"].as_str() {
        Some("unauthorized") => "; make a key with `smsgw keys create NAME` and put it into SMSGW_API_KEY",
        Some("internal") => "; `smsgw doctor` may know why",
        _ => "",
    };
    sentence.push_str(cure);
    if let Some(left) = problem["attempts_remaining"].as_i64() {
        let _ = write!(sentence, "; {left} attempts remain");
    }
    if let Some(wait) = wait {
        let _ = write!(sentence, "; come back in {wait} s");
    }
    sentence
}
