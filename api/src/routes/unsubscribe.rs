//! `GET /u/{token}`, `POST /u/{token}`: stopping messages by a link, without an account. For whoever has the link.
//!
//! A GET changes nothing: those who look at links before people do would unsubscribe them. A POST with any other body
//! than the undo button's records the stop, also the `List-Unsubscribe=One-Click` of RFC 8058.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use shared::consent::{Evidence, Statement};
use shared::store::{consents, opt_outs, suppressions};
use shared::unsubscribe::Unsubscribe;

use self::page::Page;
use crate::app::App;
use crate::html;
use crate::problem::Problem;

mod page;

/// As the ledger has it.
const SOURCE: &str = "link";
/// More than any of the buttons sends.
const MOST_BYTES: usize = 4096;
const PATIENCE: Duration = Duration::from_secs(10);
const ROBOTS: HeaderName = HeaderName::from_static("x-robots-tag");

/// Shows what the link would stop, or that it is stopped.
pub(super) async fn show(State(app): State<App>, Path(token): Path<String>) -> Response<Body> {
    let Some(link) = Unsubscribe::read(app.keyring.links(), &token) else { return answer(Page::Unknown) };
    match stopped_by(&app, &link).await {
        Ok(None) => answer(Page::Ask(&link)),
        Ok(Some(source)) => answer(Page::stopped(&link, &source)),
        Err(error) => unavailable(&error.into()),
    }
}

/// Records the stop, or takes it back.
pub(super) async fn carry_out(
    State(app): State<App>,
    Path(token): Path<String>,
    body: Body,
) -> Response<Body> {
    let Some(link) = Unsubscribe::read(app.keyring.links(), &token) else { return answer(Page::Unknown) };
    let done = if is_undo(body).await { take_back(&app, &link).await } else { stop(&app, &link).await };
    match done {
        Ok(None) => answer(Page::TakenBack(&link)),
        Ok(Some(source)) => answer(Page::stopped(&link, &source)),
        Err(error) => unavailable(&error.into()),
    }
}

/// Who recorded the stop, if it is.
async fn stopped_by(app: &App, link: &Unsubscribe) -> sqlx::Result<Option<String>> {
    let mut stops = opt_outs::list(&app.pool, &link.phone).await?;
    stops.extend(suppressions::list(&app.pool, app.keyring.people(), &link.phone).await?);
    let own = |one: &opt_outs::OptOut| {
        one.scope == link.stop.scope() && one.sender.as_deref().unwrap_or_default() == link.stop.sender()
    };
    Ok(stops.into_iter().find(own).map(|one| one.source))
}

async fn stop(app: &App, link: &Unsubscribe) -> sqlx::Result<Option<String>> {
    let said = Statement::opt_out(link.phone.clone(), link.stop.clone(), Evidence::of(SOURCE));
    consents::record(&mut *app.pool.acquire().await?, &[said]).await?;
    stopped_by(app, link).await
}

/// What a text to us, a provider or an operator recorded is not for whoever has the link to lift.
async fn take_back(app: &App, link: &Unsubscribe) -> sqlx::Result<Option<String>> {
    consents::take_back(&app.pool, &link.phone, &link.stop, SOURCE).await?;
    stopped_by(app, link).await
}

/// Whether the undo button was pressed. What cannot be read is taken for a stop.
async fn is_undo(body: Body) -> bool {
    let read = tokio::time::timeout(PATIENCE, Limited::new(body, MOST_BYTES).collect()).await;
    let Ok(Ok(body)) = read else { return false };
    form_urlencoded::parse(&body.to_bytes()).any(|(name, value)| (&*name, &*value) == page::UNDO)
}

fn answer(page: Page<'_>) -> Response<Body> {
    let status = match page {
        Page::Unknown => StatusCode::NOT_FOUND,
        Page::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Page::Ask(_) | Page::Stopped(_) | Page::StoppedElsewhere(_) | Page::TakenBack(_) => StatusCode::OK,
    };
    let mut response = html::page(status, page.html(), page::policy());
    response.headers_mut().insert(ROBOTS, HeaderValue::from_static("noindex, nofollow"));
    response
}

impl<'a> Page<'a> {
    fn stopped(link: &'a Unsubscribe, source: &str) -> Self {
        if source == SOURCE { Self::Stopped(link) } else { Self::StoppedElsewhere(link) }
    }
}

fn unavailable(problem: &Problem) -> Response<Body> {
    tracing::warn!(cause = problem.cause(), "a stop by a link could not be carried out");
    answer(Page::Unavailable)
}
