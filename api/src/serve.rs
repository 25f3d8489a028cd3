//! Serving: accepting connections, and draining them when told to stop.

use std::pin::pin;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::App;
use crate::connection::{self, Drain};
use crate::edge::{Edge, Peer};

/// How long requests in flight have to finish.
const DRAIN: Duration = Duration::from_secs(10);
/// How long to wait when the system has no room for another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Answers requests on `listener` until `shutdown` resolves; then accepts no more connections,
/// finishes the requests in flight, at most for ten seconds, and returns.
pub async fn serve(listener: TcpListener, app: App, shutdown: impl Future<Output = ()>) {
    accept(listener, Edge::new(app), shutdown).await;
}

/// As [`serve`], but only `/healthz`, `/readyz` and `/metrics`: for a worker that runs alone.
pub async fn serve_health(listener: TcpListener, app: App, shutdown: impl Future<Output = ()>) {
    accept(listener, Edge::health(app), shutdown).await;
}

async fn accept(listener: TcpListener, edge: Edge, shutdown: impl Future<Output = ()>) {
    let drain = Drain { begun: CancellationToken::new(), over: CancellationToken::new() };
    let connections = TaskTracker::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                connections.spawn(connection::serve(stream, Peer(peer), edge.clone(), drain.clone()));
            }
            Err(error) => {
                // Either this one client went away, or there are too many.
                tracing::debug!(%error, "a connection was not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    drain.begun.cancel();
    connections.close();
    if tokio::time::timeout(DRAIN, connections.wait()).await.is_err() {
        tracing::warn!(
            connections = connections.len(),
            "requests were still running after ten seconds and are cut"
        );
        drain.over.cancel();
        connections.wait().await;
    }
}
