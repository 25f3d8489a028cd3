//! A vendor reduced to its socket: reads whole requests and does what a script says, down to resets.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What the vendor does with one request.
#[derive(Clone)]
pub(crate) enum Act {
    /// Answers and keeps the connection.
    Answer(Vec<u8>),
    /// Answers with some bytes, then closes.
    AnswerAndClose(Vec<u8>),
    /// Answers with some bytes, then byte by byte.
    Drip(Vec<u8>, Vec<u8>),
    /// Answers with a body that goes on for so many bytes.
    Flood(usize),
    /// Reads the request, then says nothing.
    Hang,
    /// Closes in good order once the request is read.
    Close,
    /// Breaks the connection once the request is read.
    Reset,
    /// Breaks the connection while the request lies unread.
    ResetUnread,
    /// Breaks the connection as soon as it is made.
    ResetAtOnce,
}

/// A running vendor; stops when dropped.
pub(crate) struct Peer {
    address: SocketAddr,
    seen: Arc<Seen>,
    server: JoinHandle<()>,
}

#[derive(Default)]
struct Seen {
    requests: Mutex<Vec<String>>,
    connections: AtomicUsize,
    flooded: AtomicUsize,
}

impl Peer {
    /// Does the same with every request.
    pub(crate) async fn always(act: Act) -> Self {
        Self::start(move |_| act.clone()).await
    }

    /// Does with the nth request, from 0, what `script` says.
    pub(crate) async fn start(script: impl Fn(usize) -> Act + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let seen = Arc::<Seen>::default();
        let server = tokio::spawn(serve(listener, Arc::new(script), Arc::clone(&seen)));
        Self { address, seen, server }
    }

    pub(crate) fn url(&self, scheme: &str) -> String {
        format!("{scheme}://{}", self.address)
    }

    /// Requests that were read to their end.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.seen.requests.lock().expect("no test panics with it").clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    /// Bytes of floods that somebody took, or the system's buffers.
    pub(crate) fn flooded(&self) -> usize {
        self.seen.flooded.load(Ordering::SeqCst)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

type Script = dyn Fn(usize) -> Act + Send + Sync;

async fn serve(listener: TcpListener, script: Arc<Script>, seen: Arc<Seen>) {
    // Dropped with this future, and its connections with it.
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let (socket, _) = listener.accept().await.expect("loopback accepts");
        seen.connections.fetch_add(1, Ordering::SeqCst);
        let (script, seen) = (Arc::clone(&script), Arc::clone(&seen));
        connections.spawn(async move {
            // An error is the client's leaving.
            let _ = converse(socket, &*script, &seen).await;
        });
    }
}

async fn converse(mut socket: TcpStream, script: &Script, seen: &Seen) -> std::io::Result<()> {
    loop {
        let next = seen.requests.lock().expect("no test panics with it").len();
        let act = script(next);
        match act {
            Act::ResetAtOnce => return socket.set_zero_linger(),
            Act::ResetUnread => {
                // Not `readable`, which may return early.
                socket.peek(&mut [0]).await?;
                return socket.set_zero_linger();
            }
            _ => {}
        }
        let request = read_request(&mut socket).await?;
        seen.requests.lock().expect("no test panics with it").push(request);
        match act {
            Act::Answer(bytes) => socket.write_all(&bytes).await?,
            Act::AnswerAndClose(bytes) => return socket.write_all(&bytes).await,
            Act::Drip(at_once, slowly) => {
                socket.write_all(&at_once).await?;
                for byte in slowly {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    socket.write_all(&[byte]).await?;
                }
            }
            Act::Flood(bytes) => return flood(&mut socket, bytes, seen).await,
            Act::Hang => std::future::pending().await,
            Act::Close => return Ok(()),
            Act::Reset | Act::ResetUnread | Act::ResetAtOnce => return socket.set_zero_linger(),
        }
    }
}

async fn flood(socket: &mut TcpStream, bytes: usize, seen: &Seen) -> std::io::Result<()> {
    socket.write_all(format!("HTTP/1.1 200 OK\r\ncontent-length: {bytes}\r\n\r\n").as_bytes()).await?;
    let chunk = vec![b' '; 64 * 1024];
    for _ in 0..bytes / chunk.len() {
        socket.write_all(&chunk).await?;
        seen.flooded.fetch_add(chunk.len(), Ordering::SeqCst);
    }
    Ok(())
}

/// Reads one request: its head, then as many bytes as it announces.
async fn read_request(socket: &mut TcpStream) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n")
            && body.len() >= content_length(head)
        {
            return Ok(text.into_owned());
        }
        if socket.read_buf(&mut bytes).await? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
    }
}

fn content_length(head: &str) -> usize {
    let lengths = head.lines().filter_map(|line| line.split_once(": "));
    let mut lengths = lengths.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    lengths.next().map_or(0, |(_, value)| value.parse().expect("a number"))
}
