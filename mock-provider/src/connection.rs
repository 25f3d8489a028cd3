//! One client connection: HTTP/1.1 by hyper, until a fault takes the socket away from it.

use std::convert::Infallible;
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use crate::exchange::{Ending, Exchange, decide};
use crate::lock::lock;
use crate::reply::{self, Reply};
use crate::state::State;
use crate::vendor::Vendor;
use crate::{control, twilio};

/// The largest body that is read, in bytes.
const BODY_LIMIT: usize = 1 << 20;

/// What is done with the socket once hyper has lost it.
#[derive(Debug)]
enum Takeover {
    Reset,
    Trickle(Reply, Duration),
}

/// What the requests of one connection share.
struct Session {
    state: Arc<State>,
    takeover: Mutex<Option<oneshot::Sender<Takeover>>>,
}

impl Session {
    /// Hands the socket over; the request that asks for it never returns, because its connection is gone.
    async fn hand_over(&self, takeover: Takeover) -> Reply {
        let sender = lock(&self.takeover).take();
        if let Some(sender) = sender {
            // The other end lives as long as this connection is polled, and it is being polled now.
            let _ = sender.send(takeover);
        }
        pending().await
    }
}

/// Serves a connection until either side closes it.
pub(crate) async fn serve(stream: TcpStream, state: Arc<State>) {
    let (sender, mut takeover) = oneshot::channel();
    let session = Arc::new(Session { state, takeover: Mutex::new(Some(sender)) });
    let service = service_fn(move |request| respond(Arc::clone(&session), request));
    let mut connection =
        http1::Builder::new().pipeline_flush(true).serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        biased;
        Ok(takeover) = &mut takeover => perform(connection.into_parts().io.into_inner(), takeover).await,
        result = &mut connection => if let Err(error) = result {
            tracing::debug!(%error, "a client connection broke off");
        }
    }
}

async fn respond(
    session: Arc<Session>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, BODY_LIMIT).collect().await else {
        return Ok(reply::empty(StatusCode::PAYLOAD_TOO_LARGE).map(Full::new));
    };
    let body = body.to_bytes();
    let path = head.uri.path();
    let reply = if let Some(vendor) = Vendor::of_path(path) {
        finish(&session, decide(&session.state, vendor, &head, &body)).await
    } else if control::owns(path) {
        control::answer(&session.state, &head, &body).await
    } else {
        session.state.requests.elsewhere();
        twilio::not_found(path)
    };
    Ok(reply.map(Full::new))
}

async fn finish(session: &Session, exchange: Exchange) -> Reply {
    if !exchange.delay.is_zero() {
        tokio::time::sleep(exchange.delay).await;
    }
    match exchange.ending {
        Ending::Answer(reply) => reply,
        // hyper drops this when the client hangs up, the server when it stops.
        Ending::Hang => pending().await,
        Ending::Reset => session.hand_over(Takeover::Reset).await,
        Ending::Trickle(reply, interval) => session.hand_over(Takeover::Trickle(reply, interval)).await,
    }
}

async fn perform(stream: TcpStream, takeover: Takeover) {
    let done = match takeover {
        // Closing with a zero linger time sends RST in place of FIN.
        Takeover::Reset => stream.set_zero_linger(),
        Takeover::Trickle(reply, interval) => trickle(stream, &reply::to_wire(&reply), interval).await,
    };
    if let Err(error) = done {
        tracing::debug!(%error, "a client did not wait for the end of a fault");
    }
}

async fn trickle(mut stream: TcpStream, wire: &[u8], interval: Duration) -> std::io::Result<()> {
    for byte in wire {
        stream.write_u8(*byte).await?;
        tokio::time::sleep(interval).await;
    }
    stream.shutdown().await
}
