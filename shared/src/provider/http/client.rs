//! The client that calls to providers are made with: hyper's own, without the layers of a general one.

use std::sync::Once;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, HeaderValue, USER_AGENT};
use http_body_util::Full;
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{self, ResponseFuture};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;

use super::connect_timeout::ConnectTimeout;
use super::guard::{Guard, Resolver};
use super::request::Request;

/// How long DNS, TCP and TLS may take together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long an unused connection is kept: below the 60 s after which common load balancers drop it.
const IDLE_TIMEOUT: Duration = Duration::from_secs(50);
/// How often the system probes a quiet connection, so that a dead peer is noticed.
const KEEPALIVE: Duration = Duration::from_secs(15);
/// So many probes without an answer, and the peer is dead.
const KEEPALIVE_RETRIES: u32 = 3;
/// How long what was sent may stay unacknowledged by the peer's system.
#[cfg(target_os = "linux")]
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

const AGENT: HeaderValue = HeaderValue::from_static(concat!("smsgw/", env!("CARGO_PKG_VERSION")));
const ANYTHING: HeaderValue = HeaderValue::from_static("*/*");

/// Makes requests over connections that it keeps. Clones share these; redirects and proxies are not followed.
#[derive(Clone, Debug)]
pub struct Client(legacy::Client<ConnectTimeout<HttpsConnector<HttpConnector<Resolver>>>, Full<Bytes>>);

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
#[error("TLS cannot be set up")]
pub struct ClientError(#[from] rustls::Error);

/// Chooses ring for TLS, once per process. [`client`] does this itself.
pub fn install_crypto() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        // An error means that somebody has already chosen: as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

/// A client for provider calls; one for each runtime, since its connections live on the runtime that opened them.
///
/// # Errors
/// When TLS cannot be set up, for example without any root certificate on the machine.
pub fn client() -> Result<Client, ClientError> {
    client_with(Resolver::default())
}

/// As [`client`], for addresses that `guard` lets through alone, whatever a name leads to.
///
/// # Errors
/// As [`client`].
pub fn guarded_client(guard: Guard) -> Result<Client, ClientError> {
    client_with(Resolver::guarded(guard))
}

fn client_with(resolver: Resolver) -> Result<Client, ClientError> {
    install_crypto();
    let connector = HttpsConnector::from((tcp(resolver), tls()?));
    // A request comes back unsent when an idle connection turns out closed; the client then takes another. Any other
    // repeating of a call is the worker's decision.
    let client = legacy::Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_TIMEOUT)
        .pool_max_idle_per_host(usize::MAX)
        .build(ConnectTimeout::new(connector, CONNECT_TIMEOUT));
    Ok(Client(client))
}

fn tcp(resolver: Resolver) -> HttpConnector<Resolver> {
    let mut tcp = HttpConnector::new_with_resolver(resolver);
    // Else it would refuse https, which the connector around it adds.
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_keepalive(Some(KEEPALIVE));
    tcp.set_keepalive_interval(Some(KEEPALIVE));
    tcp.set_keepalive_retries(Some(KEEPALIVE_RETRIES));
    #[cfg(target_os = "linux")]
    tcp.set_tcp_user_timeout(Some(UNACKNOWLEDGED));
    tcp
}

fn tls() -> Result<ClientConfig, rustls::Error> {
    let mut tls = ClientConfig::builder().try_with_platform_verifier()?.with_no_client_auth();
    // One call a connection: a broken one puts one message in doubt, not all that share it.
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(tls)
}

impl Client {
    /// Sends a request and waits for the head of its answer, however long that takes. An error never shows the URL,
    /// which may hold a key.
    pub fn request(&self, mut request: Request) -> ResponseFuture {
        let headers = request.headers_mut();
        headers.entry(USER_AGENT).or_insert(AGENT);
        headers.entry(ACCEPT).or_insert(ANYTHING);
        self.0.request(request)
    }
}
