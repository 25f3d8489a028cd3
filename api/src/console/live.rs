//! Parts of pages that stay fresh: once a second, what has changed is sent again (server-sent events).
//!
//! What a look costs does not depend on how much is going on: one page of one list. Looking is no use of a session, so a
//! page that is left open does not keep its operator signed in.

use std::convert::Infallible;
use std::marker::PhantomData;
use std::time::Duration;

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::Response;
use axum::http::request::Parts;
use axum::response::IntoResponse as _;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::stream;
use shared::operator::Role;
use shared::store::operator_sessions::{self, SignedIn};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::cookie;
use super::operator::Least;
use super::refusal::Refusal;
use crate::app::App;
use crate::intake::IntakeError;
use crate::problem::Problem;

/// How often it is looked.
const LOOK: Duration = Duration::from_secs(1);
/// How often something is sent even if nothing is new: a reader who has gone is only noticed by that, and proxies cut what
/// is silent.
const SIGN_OF_LIFE: Duration = Duration::from_secs(5);
/// Streams at the same time.
const MOST: usize = 64;

/// The streams of this process.
#[derive(Debug)]
pub(crate) struct Streams {
    places: std::sync::Arc<Semaphore>,
    stopped: CancellationToken,
}

impl Streams {
    pub(crate) fn new() -> Self {
        Self { places: std::sync::Arc::new(Semaphore::new(MOST)), stopped: CancellationToken::new() }
    }

    /// Ends all of them: nobody waits for the end of what has none.
    pub(crate) fn close(&self) {
        self.stopped.cancel();
    }
}

/// An operator who looks on, which a role may suffice for.
pub(super) struct Watcher<L> {
    pub(super) role: Role,
    secret: String,
    least: PhantomData<L>,
}

impl<L: Least> FromRequestParts<App> for Watcher<L> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        let Some(secret) = cookie::read(&parts.headers) else { return Err(Refusal::SignInFirst(None)) };
        let Some(who) = watching(app, secret).await? else { return Err(Refusal::SignInFirst(None)) };
        if who.role < L::ROLE {
            return Err(Refusal::RoleTooSmall { has: who.role, needs: L::ROLE });
        }
        Ok(Self { role: who.role, secret: secret.to_owned(), least: PhantomData })
    }
}

async fn watching(app: &App, secret: &str) -> sqlx::Result<Option<SignedIn>> {
    operator_sessions::watch(&app.pool, app.keyring.operators(), secret).await
}

/// One part of a page, looked at again and again.
struct Live<L, F> {
    app: App,
    watcher: Watcher<L>,
    render: F,
    looks: Interval,
    last: Option<String>,
    is_over: bool,
    _place: OwnedSemaphorePermit,
}

impl<L, F, R> Live<L, F>
where
    F: FnMut() -> R,
    R: Future<Output = Result<String, Refusal>>,
{
    /// What is new; `None` when nothing ever will be.
    async fn next(&mut self) -> Option<Event> {
        while !self.is_over {
            tokio::select! {
                _ = self.looks.tick() => {}
                () = self.app.streams.stopped.cancelled() => return None,
            }
            match watching(&self.app, &self.watcher.secret).await {
                Ok(Some(who)) if who.role == self.watcher.role => {}
                Ok(_) => {
                    self.is_over = true;
                    return Some(Event::default().event("over").data(""));
                }
                // A database that is away comes back.
                Err(_) => continue,
            }
            let Ok(html) = (self.render)().await else { continue };
            if self.last.as_ref() != Some(&html) {
                // Lines end in one way here: an event cannot carry the other.
                let event = Event::default().data(html.replace('\r', ""));
                self.last = Some(html);
                return Some(event);
            }
        }
        None
    }
}

/// An answer that sends what `render` gives whenever it gives something else, until the operator is signed out.
///
/// # Errors
/// When too many look on.
pub(super) fn stream<L, F, R>(app: App, watcher: Watcher<L>, render: F) -> Result<Response<Body>, Refusal>
where
    L: Send + 'static,
    F: FnMut() -> R + Send + 'static,
    R: Future<Output = Result<String, Refusal>> + Send,
{
    let place = app.streams.places.clone().try_acquire_owned();
    let place = place.map_err(|_| Problem::from(IntakeError::Full))?;
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let live = Live { app, watcher, render, looks, last: None, is_over: false, _place: place };
    let events = stream::unfold(live, async |mut live| {
        let event = live.next().await?;
        Some((Ok::<_, Infallible>(event), live))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(SIGN_OF_LIFE)).into_response())
}
