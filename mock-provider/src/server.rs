//! Listening, accepting, and stopping everything at once.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;

use crate::connection;
use crate::options::Options;
use crate::receipts::{self, Receipt};
use crate::state::State;

/// Connections that may wait to be accepted: a load test opens its hundreds at once.
const BACKLOG: u32 = 4096;
/// How long to wait after a failed accept, which mostly means that the process has no descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A mock provider that listens but does not answer yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    state: Arc<State>,
    receipts: Option<UnboundedReceiver<Receipt>>,
}

impl Server {
    /// Takes the address. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When the address is taken or the arrival file cannot be opened.
    pub fn bind(options: &Options) -> io::Result<Self> {
        let socket = if options.listen.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_reuseaddr(true)?;
        socket.bind(options.listen)?;
        let listener = socket.listen(BACKLOG)?;
        let (state, receipts) = State::new(options)?;
        Ok(Self { listener, state: Arc::new(state), receipts })
    }

    /// The address it listens on.
    ///
    /// # Errors
    /// When the operating system does not tell.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    pub(crate) fn state(&self) -> Arc<State> {
        Arc::clone(&self.state)
    }

    /// Answers until `shutdown` resolves, then drops every connection, hanging ones included.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) {
        let mut tasks = JoinSet::new();
        if let Some(receipts) = self.receipts {
            tasks.spawn(receipts::post_all(self.state.credentials.clone(), receipts));
        }
        tokio::pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        // Without it small answers wait for the client's delayed ACK.
                        let _ = stream.set_nodelay(true);
                        tasks.spawn(connection::serve(stream, Arc::clone(&self.state)));
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
                Some(_) = tasks.join_next() => {}
            }
        }
        tasks.shutdown().await;
    }
}

/// Runs a mock provider until `shutdown` resolves.
///
/// # Errors
/// As [`Server::bind`].
pub async fn run(options: Options, shutdown: impl Future<Output = ()>) -> io::Result<()> {
    let server = Server::bind(&options)?;
    tracing::info!(url = %format_args!("http://{}", server.address()?), "the mock provider listens");
    server.serve(shutdown).await;
    Ok(())
}
