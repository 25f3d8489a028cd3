//! Lists that are read while they arrive, and answered meanwhile: an object a line (NDJSON).

use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use futures::stream;
use http_body_util::BodyExt as _;
use serde::Serialize;
use tokio::sync::mpsc;

use crate::problem::Problem;

/// How long a list may stand still, and its answer be left unread: who keeps a connection only to hold it, holds the place
/// of others.
const PATIENCE: Duration = Duration::from_secs(30);
/// Lines of an answer that may wait for a caller who does not read.
const LINES: usize = 64;

/// The caller has gone, or does not read; nobody learns what became of the rest.
pub(crate) struct Gone;

/// Where the lines of an answer are told.
pub(crate) struct Lines(mpsc::Sender<Bytes>);

impl Lines {
    /// An answer, and where its lines are told until this is dropped.
    pub(crate) fn answer() -> (Self, Response) {
        let (lines, mut told) = mpsc::channel(LINES);
        let told = stream::poll_fn(move |cx| told.poll_recv(cx).map(|line| line.map(Ok::<_, Infallible>)));
        let answer = ([(CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(told));
        (Self(lines), answer.into_response())
    }

    /// Tells one line.
    pub(crate) async fn tell(&self, line: &impl Serialize) -> Result<(), Gone> {
        let mut text = serde_json::to_vec(line).expect("texts and numbers are always valid JSON");
        text.push(b'\n');
        let told = tokio::time::timeout(PATIENCE, self.0.send(text.into())).await;
        told.ok().and_then(Result::ok).ok_or(Gone)
    }
}

/// The next piece of a body; `None` after the last.
pub(crate) async fn next(body: &mut Body) -> Result<Option<Bytes>, Problem> {
    loop {
        let frame = tokio::time::timeout(PATIENCE, body.frame()).await;
        let frame = frame.map_err(|_| Problem::request_timeout(PATIENCE))?;
        let Some(frame) = frame.transpose().map_err(|_| Problem::incomplete_body())? else { return Ok(None) };
        if let Ok(piece) = frame.into_data() {
            return Ok(Some(piece));
        }
    }
}

/// Runs what takes the processor for long where it holds up no other request.
pub(crate) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Problem::internal(&error))
}
