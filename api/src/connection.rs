//! One connection: HTTP/1.1, with bounds on how long a client may take.
//!
//! hyper answers a head it cannot read by a bare status; here that becomes a problem document like
//! every other refusal.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Body as _;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use crate::body::Lingering;
use crate::edge::{self, Edge, Peer};
use crate::problem::Problem;

/// How often a connection is looked at. With [`HEAD`] this bounds a slow head to ten seconds.
const LOOK: Duration = Duration::from_secs(2);
/// How long the head of a request may take from its first byte.
const HEAD: Duration = Duration::from_secs(8);
/// How long a connection may be open without a request: longer than clients keep theirs.
const IDLE: Duration = Duration::from_secs(120);

/// When to stop.
#[derive(Clone, Debug)]
pub(crate) struct Drain {
    /// Finish the request in flight, take no other.
    pub(crate) begun: CancellationToken,
    /// Stop at once.
    pub(crate) over: CancellationToken,
}

/// Answers the requests of one connection until it ends.
pub(crate) async fn serve(stream: TcpStream, peer: Peer, edge: Edge, drain: Drain) {
    // Without it an answer could wait for the client's delayed acknowledgement.
    let _ = stream.set_nodelay(true);
    let phase = Shared::default();
    let service = service_fn(|request: hyper::Request<hyper::body::Incoming>| {
        phase.set(Phase::Answering);
        let edge = &edge;
        let phase = &phase;
        async move {
            let response = edge.answer(peer, request.map(|body| Body::new(Lingering::new(body)))).await;
            Ok::<_, std::convert::Infallible>(answering(response, phase))
        }
    });
    let io = TokioIo::new(Watched { stream, phase: phase.clone(), refusal: Vec::new() });
    let mut connection =
        http1::Builder::new().half_close(true).header_read_timeout(None).serve_connection(io, service);
    let mut looks = tokio::time::interval(LOOK);
    let mut draining = false;
    loop {
        tokio::select! {
            done = &mut connection => {
                if let Err(error) = done {
                    tracing::debug!(%error, "a connection ended badly");
                }
                return;
            }
            () = drain.begun.cancelled(), if !draining => {
                draining = true;
                Pin::new(&mut connection).graceful_shutdown();
            }
            () = drain.over.cancelled() => return,
            _ = looks.tick() => match phase.get() {
                Phase::Head(since) if since.elapsed() > HEAD => break,
                Phase::Idle(since) if since.elapsed() > IDLE => return,
                Phase::Head(_) | Phase::Idle(_) | Phase::Answering => {}
            }
        }
    }
    let mut stream = connection.into_parts().io.into_inner().stream;
    let _ = stream.write_all(&refusal(StatusCode::REQUEST_TIMEOUT)).await;
    let _ = stream.shutdown().await;
}

/// An answer is given once its body is: one that is made piece by piece takes its time, and so may the request it is made
/// of.
fn answering(response: Response<Body>, phase: &Shared) -> Response<Body> {
    if response.body().size_hint().exact().is_some() {
        phase.set(Phase::Idle(Instant::now()));
        return response;
    }
    let end = EndOfAnswer(phase.clone());
    response.map(|body| {
        Body::new(body.map_frame(move |frame| {
            let _lives_as_long_as_the_body = &end;
            frame
        }))
    })
}

/// Ends the answer when it is dropped.
struct EndOfAnswer(Shared);

impl Drop for EndOfAnswer {
    fn drop(&mut self) {
        self.0.set(Phase::Idle(Instant::now()));
    }
}

/// What a connection is doing.
#[derive(Clone, Copy, Debug)]
enum Phase {
    /// Nothing is asked; an answer may still be on its way out.
    Idle(Instant),
    /// A request has begun to arrive.
    Head(Instant),
    /// A handler is at work, or its answer on its way; it bounds the body's time itself.
    Answering,
}

#[derive(Clone, Debug)]
struct Shared(Arc<Mutex<Phase>>);

impl Default for Shared {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Phase::Idle(Instant::now()))))
    }
}

impl Shared {
    fn get(&self) -> Phase {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, phase: Phase) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = phase;
    }

    /// Bytes came in.
    fn heard(&self) {
        let mut phase = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Phase::Idle(_) = *phase {
            *phase = Phase::Head(Instant::now());
        }
    }
}

/// A stream that knows its connection's phase.
struct Watched {
    stream: TcpStream,
    phase: Shared,
    /// What is written in place of hyper's bare status, as far as it is not written yet.
    refusal: Vec<u8>,
}

impl Watched {
    /// hyper writes while no handler was asked: it refuses the head. An answer of ours that was too
    /// long to leave at once carries an id, so it is not taken for one.
    fn bare_status(&self, written: &[u8]) -> Option<StatusCode> {
        if !matches!(self.phase.get(), Phase::Head(_)) {
            return None;
        }
        let head = std::str::from_utf8(written).ok()?;
        let status = head.strip_prefix("HTTP/1.1 ").or_else(|| head.strip_prefix("HTTP/1.0 "))?.get(..3)?;
        let status: StatusCode = status.parse().ok()?;
        (status.is_client_error() && !head.contains("x-request-id")).then_some(status)
    }

    fn poll_refusal(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.refusal.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.refusal))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.refusal.drain(..written);
        }
        Poll::Ready(Ok(()))
    }
}

/// A whole answer, after which the connection is closed.
fn refusal(status: StatusCode) -> Vec<u8> {
    let problem = Problem::from_status(status);
    let id = edge::new_request_id();
    let id = id.to_str().unwrap_or_default();
    let body = problem.document(id);
    let reason = status.canonical_reason().unwrap_or_default();
    let mut answer = format!(
        "HTTP/1.1 {} {reason}\r\ncontent-type: application/problem+json\r\ncontent-length: {}\r\n\
         connection: close\r\ncache-control: no-store\r\nx-request-id: {id}\r\n\r\n",
        status.as_u16(),
        body.len(),
    )
    .into_bytes();
    answer.extend(body);
    answer
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        if buf.filled().len() > before {
            self.phase.heard();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_refusal(cx))?;
        match self.bare_status(buf) {
            None => Pin::new(&mut self.stream).poll_write(cx, buf),
            Some(status) => {
                self.refusal = refusal(status);
                Poll::Ready(Ok(buf.len()))
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_refusal(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_refusal(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
