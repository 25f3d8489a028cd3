//! The real API in front of a [`TestApp`], called over real HTTP.

use reqwest::{Client, Method, RequestBuilder, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use shared::config::{ApiConfig, CallersConfig, Environment, ReachConfig};
use shared::store::api_keys::{self, Scope};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::app::{TestApp, vendors};
use crate::http;

/// An API server and a client that holds a key for everything.
pub struct Door {
    /// Where it is, without a slash at the end.
    pub url: String,
    /// A key with the scope `admin`.
    pub key: SecretString,
    client: Client,
    server: JoinHandle<()>,
    stop: DropGuard,
}

/// An answer, read.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: reqwest::header::HeaderMap,
    /// Its body, `null` if it is not JSON.
    pub body: Value,
}

impl Answer {
    /// The status as a number, and the problem's code if it is one.
    pub fn refusal(&self) -> (u16, &str) {
        (self.status.as_u16(), self.body["code"].as_str().unwrap_or_default())
    }

    /// The fields that a refusal names.
    pub fn fields(&self) -> Vec<&str> {
        let errors = self.body["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        errors.iter().filter_map(|error| error["field"].as_str()).collect()
    }
}

impl Door {
    /// Opens the API of a gateway in development.
    pub async fn open(app: &TestApp) -> Self {
        Self::open_with(app, |_| ()).await
    }

    /// Opens it with changed settings.
    pub async fn open_with(app: &TestApp, change: impl FnOnce(&mut ApiConfig)) -> Self {
        Self::start(app, Environment::Development, change).await
    }

    /// Opens the API of a gateway in production.
    pub async fn open_in_production(app: &TestApp) -> Self {
        Self::start(app, Environment::Production, |_| ()).await
    }

    async fn start(app: &TestApp, environment: Environment, change: impl FnOnce(&mut ApiConfig)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut config = ApiConfig {
            listen: listener.local_addr().unwrap(),
            default_region: None,
            stop_reply: None,
            reach: ReachConfig::default(),
            callers: CallersConfig::default(),
        };
        change(&mut config);
        // A second door is as another process of the same gateway, with a key of its own.
        let name = format!("test {}", config.listen);
        let key = api_keys::create(&app.pool, app.keyring.api_keys(), &name, &[Scope::Admin]).await.unwrap();
        let parts = api::Parts {
            database: &app.database,
            pool: app.pool.options().clone().connect_lazy_with((*app.pool.connect_options()).clone()),
            clock: app.clock.clone(),
            wake: app.wake(),
            handoff: app.handoff(),
            keyring: app.keyring.clone(),
            environment,
            config: &config,
            providers: vendors(&app.mock.url()),
            client: shared::provider::http::client().unwrap(),
            users: config.callers.users().unwrap(),
            public_url: Some(format!("http://{}", config.listen).parse().unwrap()),
            metrics: api::install_metrics(),
        };
        let stop = CancellationToken::new();
        let (started, stopped) = (api::App::start(parts), stop.clone().cancelled_owned());
        Self {
            url: format!("http://{}", config.listen),
            key,
            client: http::client(),
            server: tokio::spawn(async move { api::serve(listener, started, stopped).await }),
            stop: stop.drop_guard(),
        }
    }

    /// A request with the key, to be completed and passed to [`Door::call`].
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url)).bearer_auth(self.key.expose_secret())
    }

    /// Sends a request and reads the answer.
    pub async fn call(&self, request: RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.bytes().await.unwrap();
        Answer { status, headers, body: serde_json::from_slice(&bytes).unwrap_or_default() }
    }

    /// POST with a JSON body.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.call(self.request(Method::POST, path).json(body)).await
    }

    /// PUT with a JSON body.
    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.call(self.request(Method::PUT, path).json(body)).await
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.call(self.request(Method::GET, path)).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        self.call(self.request(Method::DELETE, path)).await
    }

    /// Stops the server in good order.
    pub async fn close(self) {
        drop(self.stop);
        self.server.await.unwrap();
    }
}
