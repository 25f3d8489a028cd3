//! Serving: accepting connections, and draining them when told to stop.

use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
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
    let stopped = async {
        shutdown.await;
        // What was accepted need not be waited for to be told so.
        app.outcomes.close();
        app.streams.close();
    };
    serve_until(listener, &Edge::new(&app), stopped).await;
}

/// As [`serve`], but only `/healthz`, `/readyz` and `/metrics`: for a worker that runs alone.
pub async fn serve_health(listener: TcpListener, app: App, shutdown: impl Future<Output = ()>) {
    serve_until(listener, &Edge::health(&app), shutdown).await;
}

/// Says on `listener` that the process lives and waits for its database, until dropped: restarting it, as whoever
/// hears nothing would, cures no database. Requests in flight are then finished, and `listener` is free for [`serve`].
pub async fn serve_waiting(listener: &TcpListener) {
    Open::default().accept(listener, &Edge::waiting()).await;
}

async fn serve_until(listener: TcpListener, edge: &Edge, shutdown: impl Future<Output = ()>) {
    let open = Open::default();
    tokio::select! {
        () = shutdown => (),
        () = open.accept(&listener, edge) => (),
    }
    drop(listener);
    open.finish().await;
}

/// Connections that were accepted; they are told to end when it is dropped.
struct Open {
    connections: TaskTracker,
    drain: Drain,
    _begun: DropGuard,
}

impl Default for Open {
    fn default() -> Self {
        let drain = Drain { begun: CancellationToken::new(), over: CancellationToken::new() };
        Self { connections: TaskTracker::new(), _begun: drain.begun.clone().drop_guard(), drain }
    }
}

impl Open {
    /// Accepts connections, without end.
    async fn accept(&self, listener: &TcpListener, edge: &Edge) {
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => {
                    let connection = connection::serve(stream, Peer(peer), edge.clone(), self.drain.clone());
                    self.connections.spawn(connection);
                }
                Err(error) => {
                    // Either this one client went away, or there are too many.
                    tracing::debug!(%error, "a connection was not accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// Lets requests in flight end, and cuts those that take too long.
    async fn finish(self) {
        let Self { connections, drain, .. } = &self;
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
}
