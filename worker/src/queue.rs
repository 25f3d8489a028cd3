//! The outbox as an apalis backend: claimed messages in, verdicts out.
//!
//! The claimer fills a channel that `poll_next` empties; the layer hands each verdict to the
//! acker. Nothing here touches the database.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use apalis_core::backend::finalize::Ephemeral;
use apalis_core::backend::{Backend, BackendConfig};
use apalis_core::error::BoxDynError;
use apalis_core::task::Task;
use apalis_core::task::into_response::IntoResponse;
use apalis_core::task::task_id::RandomId;
use apalis_core::worker::context::WorkerContext;
use futures::FutureExt;
use futures::future::BoxFuture;
use shared::ids::WorkerId;
use shared::message::OutboxMessage;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tower::{Layer, Service};

use crate::ack::{Acks, Verdict};

/// A claimed message on its way through this process.
#[derive(Debug)]
pub(crate) struct Claim {
    /// The message.
    pub(crate) message: OutboxMessage,
    /// The identity under which it was claimed.
    pub(crate) worker: WorkerId,
    /// When the claim began; the fence counts from here.
    pub(crate) began: Instant,
    /// Providers that an operator had stopped at the claim.
    pub(crate) halted: Vec<String>,
    /// Senders that its person has stopped.
    pub(crate) stopped: Vec<String>,
    /// Number of the claim in this process.
    pub(crate) number: u64,
    /// Its send slot, free again when its verdict is written.
    pub(crate) _slot: OwnedSemaphorePermit,
}

/// What apalis calls a task's arguments.
pub(crate) type Job = Arc<Claim>;

/// One lane's claimed messages.
pub(crate) struct Queue {
    jobs: mpsc::Receiver<Job>,
    acks: Acks,
}

impl Queue {
    /// A queue fed through `jobs`, whose verdicts go to `acks`.
    pub(crate) fn new(jobs: mpsc::Receiver<Job>, acks: Acks) -> Self {
        Self { jobs, acks }
    }
}

impl Backend for Queue {
    type Task = Task<Job>;
    type Error = Infallible;

    fn poll_ready(&mut self, _: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        worker: &WorkerContext,
    ) -> Poll<Option<Result<Task<Job>, Infallible>>> {
        let job = ready!(self.jobs.poll_recv(cx));
        if job.is_none() {
            // The claimer has stopped; the worker would wait for ever if not told so. An error
            // means that it is stopping already.
            let _ = worker.stop();
        }
        Poll::Ready(job.map(|job| Ok(Task::new(job))))
    }

    fn poll_close(&mut self, _: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }
}

impl BackendConfig for Queue {
    type Args = Job;
    type Id = RandomId;
    type Kind = Ephemeral;
    type Config = ();
    type Layer = AckLayer;

    fn config(&self) -> &() {
        &()
    }

    fn middleware(&mut self, _: &mut WorkerContext) -> AckLayer {
        AckLayer { acks: self.acks.clone() }
    }
}

impl IntoResponse for Verdict {
    type Output = Self;

    fn into_response(self) -> Result<Self, BoxDynError> {
        Ok(self)
    }
}

/// Hands every verdict to the acker.
#[derive(Clone)]
pub(crate) struct AckLayer {
    acks: Acks,
}

impl<S> Layer<S> for AckLayer {
    type Service = AckService<S>;

    fn layer(&self, inner: S) -> AckService<S> {
        AckService { inner, acks: self.acks.clone() }
    }
}

/// See [`AckLayer`].
#[derive(Clone)]
pub(crate) struct AckService<S> {
    inner: S,
    acks: Acks,
}

impl<S> Service<Task<Job>> for AckService<S>
where
    S: Service<Task<Job>, Response = Verdict>,
    S::Future: Send + 'static,
    S::Error: Into<BoxDynError>,
{
    type Response = ();
    type Error = BoxDynError;
    type Future = BoxFuture<'static, Result<(), BoxDynError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxDynError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, task: Task<Job>) -> Self::Future {
        let claim = task.args.clone();
        let acks = self.acks.clone();
        let delivered = self.inner.call(task);
        async move {
            let verdict = delivered.await.unwrap_or_else(|error| {
                let error: BoxDynError = error.into();
                tracing::error!(message.id = %claim.message.id, %error, "delivery broke off");
                Verdict::broken_off(&claim)
            });
            acks.send(claim, verdict).await;
            Ok(())
        }
        .boxed()
    }
}
