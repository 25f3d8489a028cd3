//! A mock provider and a client that calls it as a gateway would.

use std::time::Duration;

use mock_provider::{Credentials, MockProvider, Options};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::Value;
use tokio::task::JoinHandle;

/// A sender every Twilio request below uses.
pub(crate) const FROM: &str = "+15005550006";
/// Longer than anything here should take, short enough to fail a test in time.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A running mock and a client for it.
pub(crate) struct Client {
    pub(crate) mock: MockProvider,
    pub(crate) http: reqwest::Client,
}

impl Client {
    pub(crate) fn start() -> Self {
        Self::with(Options::default())
    }

    pub(crate) fn with(options: Options) -> Self {
        Self { mock: MockProvider::start(options).expect("a free port"), http: http_client() }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.mock.url()))
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    /// A request to the account's messages, with the right credentials.
    pub(crate) fn twilio(&self, method: Method, rest: &str) -> RequestBuilder {
        let account = Credentials::ACCOUNT_SID;
        self.request(method, &format!("/2010-04-01/Accounts/{account}/{rest}"))
            .basic_auth(account, Some(Credentials::AUTH_TOKEN))
    }

    pub(crate) fn twilio_form(&self, form: &[(&str, &str)]) -> RequestBuilder {
        self.twilio(Method::POST, "Messages.json").form(form)
    }

    /// A request to the account's Verify service, with the right credentials.
    pub(crate) fn verify(&self, resource: &str, form: &[(&str, &str)]) -> RequestBuilder {
        let service = Credentials::VERIFY_SERVICE_SID;
        self.request(Method::POST, &format!("/v2/Services/{service}/{resource}"))
            .basic_auth(Credentials::ACCOUNT_SID, Some(Credentials::AUTH_TOKEN))
            .form(form)
    }

    /// A valid Twilio message; the result says what became of the exchange.
    pub(crate) async fn text(&self, to: &str) -> reqwest::Result<Response> {
        self.twilio_form(&[("To", to), ("From", FROM), ("Body", "hello")]).send().await
    }

    /// The same, sent in the background: for exchanges that have no end of their own.
    pub(crate) fn text_in_background(&self, to: &str) -> JoinHandle<reqwest::Result<Response>> {
        tokio::spawn(self.twilio_form(&[("To", to), ("From", FROM), ("Body", "hello")]).send())
    }

    /// A 2Factor request with the right key.
    pub(crate) fn two_factor(&self, method: Method, rest: &str) -> RequestBuilder {
        self.request(method, &format!("/API/V1/{}/{rest}", Credentials::TWO_FACTOR_KEY))
    }

    /// A 2Factor message with a code of our own.
    pub(crate) async fn code(&self, phone: &str, code: &str) -> reqwest::Result<Response> {
        self.two_factor(Method::GET, &format!("SMS/{phone}/{code}")).send().await
    }
}

/// A client that gives up before the test does.
pub(crate) fn http_client() -> reqwest::Client {
    // Fails when another test of this process was first, which is just as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().expect("a plain client")
}

/// Status and JSON body.
pub(crate) async fn read(answer: reqwest::Result<Response>) -> (u16, Value) {
    let answer = answer.expect("an answer");
    let status = answer.status().as_u16();
    let text = answer.text().await.expect("a whole body");
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

/// Sends a request and reads its answer.
pub(crate) async fn answer(request: RequestBuilder) -> (u16, Value) {
    read(request.send().await).await
}

/// The exchange does not end, at least not for as long as a correct answer would take; then the client hangs up.
pub(crate) async fn is_unanswered(request: JoinHandle<reqwest::Result<Response>>) -> bool {
    let aborter = request.abort_handle();
    let unanswered = tokio::time::timeout(Duration::from_millis(100), request).await.is_err();
    aborter.abort();
    unanswered
}

/// Looks again until it is so, and fails the test if it takes too long.
pub(crate) async fn eventually(condition: impl Fn() -> bool) {
    let looking = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.expect("it never came true");
}

/// A Twilio request as bytes.
pub(crate) fn raw_request(to: &str) -> String {
    let login = "Basic QUMwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDptb2NrLXRva2Vu";
    let body = format!("To={}&From={}&Body=hello", to.replace('+', "%2B"), FROM.replace('+', "%2B"));
    format!(
        "POST /2010-04-01/Accounts/AC00000000000000000000000000000000/Messages.json HTTP/1.1\r\nhost: mock\r\n\
         authorization: {login}\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// The `Retry-After` header, if there is one.
pub(crate) fn retry_after(answer: &Response) -> Option<String> {
    Some(answer.headers().get("retry-after")?.to_str().unwrap().to_owned())
}
