//! Parts of pages that stay fresh: once a second, what has changed is sent again (server-sent events).
//!
//! What a look costs does not depend on how much is going on: one page of one list, and filters look less often, since they
//! may have to walk for it. Looking is no use of a session, so a page that is left open does not keep its operator signed in.

use std::collections::HashMap;
use std::convert::Infallible;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::Response;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::stream;
use shared::ids::OperatorId;
use shared::operator::Role;
use shared::store::operator_sessions::{self, SignedIn};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::cookie;
use super::operator::Least;
use super::refusal::Refusal;
use crate::app::App;

/// How often it is looked …
pub(super) const OFTEN: Duration = Duration::from_secs(1);
/// … and where a look may cost more.
pub(super) const SELDOM: Duration = Duration::from_secs(10);
/// How often something is sent even if nothing is new: a reader who has gone is only noticed by that, and proxies cut what
/// is silent.
const SIGN_OF_LIFE: Duration = Duration::from_secs(5);
/// Streams at the same time …
const MOST: usize = 64;
/// … and those of one operator: nobody takes the places of all.
const MOST_EACH: usize = 16;

/// The streams of this process.
#[derive(Debug)]
pub(crate) struct Streams {
    places: Arc<Semaphore>,
    /// Operators are few, so those who once looked on are kept.
    places_each: Mutex<HashMap<OperatorId, Arc<Semaphore>>>,
    stopped: CancellationToken,
}

/// A stream's place among all, and among those of its operator; free again once it is dropped.
type Place = (OwnedSemaphorePermit, OwnedSemaphorePermit);

impl Streams {
    pub(crate) fn new() -> Self {
        Self {
            places: Arc::new(Semaphore::new(MOST)),
            places_each: Mutex::default(),
            stopped: CancellationToken::new(),
        }
    }

    /// A place, unless all are taken.
    fn take(&self, operator: OperatorId) -> Option<Place> {
        let mut each = self.places_each.lock().unwrap_or_else(PoisonError::into_inner);
        let own = each.entry(operator).or_insert_with(|| Arc::new(Semaphore::new(MOST_EACH))).clone();
        Some((own.try_acquire_owned().ok()?, self.places.clone().try_acquire_owned().ok()?))
    }

    /// Ends all of them: nobody waits for the end of what has none.
    pub(crate) fn close(&self) {
        self.stopped.cancel();
    }
}

/// What tells a page that nothing more comes: it asks again then, for itself, and learns why.
const OVER: &str = "over";

/// Nobody is signed in, or their role is too small. Said as a stream says it: a page that sent them to sign in would be put
/// in place of a list.
#[derive(Debug)]
pub(super) struct Over;

impl IntoResponse for Over {
    fn into_response(self) -> Response<Body> {
        ([(CONTENT_TYPE, "text/event-stream")], format!("event: {OVER}\ndata:\n\n")).into_response()
    }
}

/// All places are taken, many perhaps by pages that were left and are not yet known to be gone: the page asks again soon,
/// rather than show for as long as it is open what was true once.
struct Full;

/// When a page without a place asks again.
const ASK_AGAIN: Duration = Duration::from_secs(2);

impl IntoResponse for Full {
    fn into_response(self) -> Response<Body> {
        let wait = format!("event: full\nretry: {}\ndata:\n\n", ASK_AGAIN.as_millis());
        ([(CONTENT_TYPE, "text/event-stream")], wait).into_response()
    }
}

/// An operator who looks on, if their role suffices for that.
pub(super) struct Watcher<L> {
    pub(super) role: Role,
    operator: OperatorId,
    secret: String,
    least: PhantomData<L>,
}

impl<L: Least> FromRequestParts<App> for Watcher<L> {
    type Rejection = Response<Body>;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response<Body>> {
        let over = || Over.into_response();
        let secret = cookie::read(&parts.headers).ok_or_else(over)?;
        let found = watching(app, secret).await.map_err(|error| Refusal::from(error).into_response())?;
        let who = found.filter(|who| who.role >= L::ROLE).ok_or_else(over)?;
        Ok(Self { role: who.role, operator: who.id, secret: secret.to_owned(), least: PhantomData })
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
    is_troubled: bool,
    is_over: bool,
    _place: Place,
}

impl<L, F, R> Live<L, F>
where
    F: FnMut(App) -> R,
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
                    return Some(Event::default().event(OVER).data(""));
                }
                Err(error) => {
                    self.note(&error.into());
                    continue;
                }
            }
            let html = match (self.render)(self.app.clone()).await {
                Ok(html) => html,
                Err(refusal) => {
                    self.note(&refusal);
                    continue;
                }
            };
            self.is_troubled = false;
            if self.last.as_ref() != Some(&html) {
                let event = Event::default().data(&html);
                self.last = Some(html);
                return Some(event);
            }
        }
        None
    }

    /// Says once what keeps the list from being fresh; a database that is away comes back.
    fn note(&mut self, refusal: &Refusal) {
        if !std::mem::replace(&mut self.is_troubled, true) {
            tracing::warn!(?refusal, "a list of the console cannot be looked at");
        }
    }
}

/// An answer that sends what `render` gives whenever it gives something else, until the operator is signed out; where too
/// many look on, one that leaves the page as it is for now.
pub(super) fn stream<L, F, R>(app: App, watcher: Watcher<L>, every: Duration, render: F) -> Response<Body>
where
    L: Send + 'static,
    F: FnMut(App) -> R + Send + 'static,
    R: Future<Output = Result<String, Refusal>> + Send,
{
    let Some(place) = app.streams.take(watcher.operator) else {
        return Full.into_response();
    };
    let mut looks = interval(every);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let live =
        Live { app, watcher, render, looks, last: None, is_troubled: false, is_over: false, _place: place };
    let events = stream::unfold(live, async |mut live| {
        let event = live.next().await?;
        Some((Ok::<_, Infallible>(event), live))
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(SIGN_OF_LIFE)).into_response()
}
