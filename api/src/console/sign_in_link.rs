//! Signing in with a link that works once: for the first operator, for whoever forgot their password, and for `dev`.

use askama::Template;
use axum::body::Body;
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{Response, StatusCode};
use shared::store::operator_sessions;

use super::refusal::Refusal;
use super::{HOME, page, sign_in as password};
use crate::app::App;
use crate::client_address::ClientAddress;
use crate::extract::Path;
use crate::problem::Problem;

#[derive(Template)]
#[template(path = "console/sign_in_link.html")]
struct LinkPage;

/// Asks to press a button: whoever looks at links before people do must not use them up.
pub(super) async fn show(Path(_): Path<String>) -> Response<Body> {
    page::respond(StatusCode::OK, &LinkPage)
}

/// Takes the link and signs in.
pub(super) async fn sign_in(
    State(app): State<App>,
    address: ClientAddress,
    Path(token): Path<String>,
    parts: Parts,
) -> Result<Response<Body>, Refusal> {
    let gone = || Problem::not_found("this link was used already, or is over; ask for another one");
    let mac = app.keyring.operators();
    let operator = operator_sessions::take_link(&app.pool, mac, &token).await?.ok_or_else(gone)?;
    password::begin(&app, &parts, operator, address, HOME).await
}
