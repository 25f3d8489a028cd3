//! A collector that keeps what it is sent, and reads of it what the tests ask for.

use std::sync::{Arc, Mutex};

use prost::Message;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Listens on a port of its own until the test ends.
pub(crate) struct Collector {
    pub(crate) url: String,
    bodies: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Collector {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let bodies = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&bodies);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&kept)));
            }
        });
        Self { url, bodies }
    }

    /// Every span so far.
    pub(super) fn spans(&self) -> Vec<Span> {
        self.resources().into_iter().flat_map(|of| of.scopes).flat_map(|scope| scope.spans).collect()
    }

    /// What the senders call themselves.
    pub(super) fn service_names(&self) -> Vec<String> {
        let resources = self.resources().into_iter().filter_map(|of| of.resource);
        let names =
            resources.filter_map(|resource| find(&resource.attributes, "service.name").map(str::to_owned));
        let mut names: Vec<_> = names.collect();
        names.dedup();
        names
    }

    /// All that was sent.
    pub(crate) fn heard_bytes(&self) -> Vec<u8> {
        self.bodies.lock().unwrap().concat()
    }

    /// Whether `text` stands anywhere in what was sent.
    pub(super) fn heard(&self, text: &str) -> bool {
        let bodies = self.bodies.lock().unwrap();
        bodies.iter().any(|body| body.windows(text.len()).any(|part| part == text.as_bytes()))
    }

    fn resources(&self) -> Vec<ResourceSpans> {
        let bodies = self.bodies.lock().unwrap();
        bodies.iter().flat_map(|body| Export::decode(body.as_slice()).unwrap().resources).collect()
    }
}

/// Requests on one connection, which all have a length.
async fn serve(stream: TcpStream, bodies: Arc<Mutex<Vec<Vec<u8>>>>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let (mut line, mut first, mut length) = (String::new(), None, 0);
    while stream.read_line(&mut line).await? > 0 {
        let text = std::mem::take(&mut line).trim().to_ascii_lowercase();
        first.get_or_insert_with(|| text.clone());
        if let Some(value) = text.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if text.is_empty() {
            assert_eq!(first.take().as_deref(), Some("post /v1/traces http/1.1"));
            let mut body = vec![0; std::mem::take(&mut length)];
            stream.read_exact(&mut body).await?;
            bodies.lock().unwrap().push(body);
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await?;
        }
    }
    Ok(())
}

// The parts we read of opentelemetry/proto/collector/trace/v1/trace_service.proto and what it imports (v1.9).

#[derive(Message)]
struct Export {
    #[prost(message, repeated, tag = "1")]
    resources: Vec<ResourceSpans>,
}

#[derive(Message)]
struct ResourceSpans {
    #[prost(message, optional, tag = "1")]
    resource: Option<Resource>,
    #[prost(message, repeated, tag = "2")]
    scopes: Vec<ScopeSpans>,
}

#[derive(Message)]
struct Resource {
    #[prost(message, repeated, tag = "1")]
    attributes: Vec<Attribute>,
}

#[derive(Message)]
struct ScopeSpans {
    #[prost(message, repeated, tag = "2")]
    spans: Vec<Span>,
}

/// One span as it arrived.
#[derive(Message)]
pub(super) struct Span {
    #[prost(bytes = "vec", tag = "1")]
    trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    span_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    parent_span_id: Vec<u8>,
    #[prost(string, tag = "5")]
    pub(super) name: String,
    #[prost(message, repeated, tag = "9")]
    attributes: Vec<Attribute>,
}

#[derive(Message)]
struct Attribute {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(message, optional, tag = "2")]
    value: Option<Text>,
}

#[derive(Message)]
struct Text {
    #[prost(string, optional, tag = "1")]
    text: Option<String>,
}

impl Span {
    pub(super) fn trace(&self) -> String {
        hex(&self.trace_id)
    }

    pub(super) fn id(&self) -> String {
        hex(&self.span_id)
    }

    pub(super) fn parent(&self) -> String {
        hex(&self.parent_span_id)
    }

    /// An attribute that is a text.
    pub(super) fn attribute(&self, key: &str) -> Option<&str> {
        find(&self.attributes, key)
    }
}

fn find<'a>(attributes: &'a [Attribute], key: &str) -> Option<&'a str> {
    attributes.iter().find(|one| one.key == key)?.value.as_ref()?.text.as_deref()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
