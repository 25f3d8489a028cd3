//! A bound for making a connection. Whoever reads the error can tell it from a call that took too long: nothing was
//! sent.

use std::error::Error as StdError;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use tower_service::Service;

type BoxError = Box<dyn StdError + Send + Sync>;

/// A connector that gives up after `limit`.
#[derive(Clone, Debug)]
pub(super) struct ConnectTimeout<C> {
    connector: C,
    limit: Duration,
}

/// No connection was made in time.
#[derive(Debug, thiserror::Error)]
#[error("no connection within {0:?}")]
pub(super) struct ConnectTimedOut(Duration);

impl<C> ConnectTimeout<C> {
    pub(super) const fn new(connector: C, limit: Duration) -> Self {
        Self { connector, limit }
    }
}

impl<C> Service<Uri> for ConnectTimeout<C>
where
    C: Service<Uri, Error = BoxError>,
    C::Future: Send + 'static,
{
    type Response = C::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<C::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.connector.poll_ready(cx)
    }

    fn call(&mut self, place: Uri) -> Self::Future {
        let limit = self.limit;
        let connecting = self.connector.call(place);
        Box::pin(async move {
            tokio::time::timeout(limit, connecting)
                .await
                .unwrap_or_else(|_| Err(ConnectTimedOut(limit).into()))
        })
    }
}
