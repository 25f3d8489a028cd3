//! Signing in with a name and a password, and signing out.

use askama::Template;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::http::request::Parts;
use axum::http::{Response, StatusCode};
use axum::response::{IntoResponse as _, Redirect};
use secrecy::{ExposeSecret as _, SecretString};
use shared::ids::OperatorId;
use shared::operator::OperatorName;
use shared::password;
use shared::store::operator_sessions::{self, SignedIn};
use shared::store::operator_tries::{self, Trier};
use shared::store::{audit_log, operators};

use super::operator::signed_in;
use super::refusal::{self, Refusal};
use super::{HOME, cookie, page};
use crate::app::App;
use crate::client_address::ClientAddress;
use crate::extract::Form;
use crate::problem::Problem;

#[derive(Template)]
#[template(path = "console/sign_in.html")]
struct SignInPage {
    name: String,
    next: String,
    is_wrong: bool,
}

fn form(status: StatusCode, name: &str, next: &str) -> Response<Body> {
    let (name, next) = (name.to_owned(), next.to_owned());
    let is_wrong = status != StatusCode::OK;
    page::respond(status, &SignInPage { name, next, is_wrong })
}

/// Shows the form, unless there is no need to.
pub(super) async fn show(State(app): State<App>, parts: Parts) -> Result<Response<Body>, Refusal> {
    let query = parts.uri.query().unwrap_or_default();
    let next = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "next");
    let next = next.map(|(_, value)| value.into_owned()).unwrap_or_default();
    if signed_in(&parts, &app).await?.is_some() {
        return Ok(Redirect::to(within_console(&next)).into_response());
    }
    Ok(form(StatusCode::OK, "", &next))
}

/// Checks name and password, and signs in. Tries are counted before anything is looked at.
pub(super) async fn sign_in(
    State(app): State<App>,
    address: ClientAddress,
    parts: Parts,
    Form(fields): Form,
) -> Result<Response<Body>, Refusal> {
    let field = |name| fields.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value.as_str());
    let (given, next) = (field("name"), field("next"));
    let Ok(name) = given.parse::<OperatorName>() else {
        return Ok(form(StatusCode::UNAUTHORIZED, given, next));
    };
    let trier = Trier { name: &name, network: address.block() };
    let mut db = app.pool.acquire().await?;
    if let Some(wait) = operator_tries::count(&mut db, trier).await? {
        return Ok(refusal::wait(wait.as_secs().max(1)));
    }
    let found = operators::find(&mut *db, &name).await?;
    // The costly part holds no connection.
    drop(db);
    let hash = found.as_ref().and_then(|one| one.password_hash.clone());
    let is_right = verify(&app, SecretString::from(field("password")), hash).await?;
    let Some(operator) = found.filter(|_| is_right) else {
        return Ok(form(StatusCode::UNAUTHORIZED, given, next));
    };
    operator_tries::forget(&app.pool, trier).await?;
    begin(&app, &parts, operator.id, address, within_console(next)).await
}

/// Hashing takes memory and a processor for a while, so few do it at once; who comes with too many waits.
async fn verify(app: &App, password: SecretString, hash: Option<String>) -> Result<bool, Problem> {
    let _turn = app.passwords.acquire().await.map_err(|error| Problem::internal(&error))?;
    tokio::task::spawn_blocking(move || password::verify(&password, hash.as_deref()))
        .await
        .map_err(|error| Problem::internal(&error))
}

/// Signs an operator in with a session of its own, whatever cookie they came with, and leads them to `next`.
pub(super) async fn begin(
    app: &App,
    parts: &Parts,
    operator: OperatorId,
    address: ClientAddress,
    next: &str,
) -> Result<Response<Body>, Refusal> {
    let mac = app.keyring.operators();
    let mut tx = app.pool.begin().await?;
    if let Some(old) = cookie::read(&parts.headers) {
        operator_sessions::end(&mut *tx, mac, old).await?;
    }
    let secret = operator_sessions::begin(&mut *tx, mac, operator).await?;
    if let Some(who) = operator_sessions::find(&mut *tx, mac, secret.expose_secret()).await? {
        note(&mut tx, &who, address, "operator.sign_in").await?;
    }
    tx.commit().await?;
    let mut response = Redirect::to(next).into_response();
    response.headers_mut().insert(SET_COOKIE, cookie::set(&secret));
    Ok(response)
}

/// Ends the session, also one that is over already.
pub(super) async fn sign_out(
    State(app): State<App>,
    address: ClientAddress,
    parts: Parts,
) -> Result<Response<Body>, Refusal> {
    if let Some(secret) = cookie::read(&parts.headers) {
        let mac = app.keyring.operators();
        let mut tx = app.pool.begin().await?;
        if let Some(who) = operator_sessions::find(&mut *tx, mac, secret).await? {
            note(&mut tx, &who, address, "operator.sign_out").await?;
        }
        operator_sessions::end(&mut *tx, mac, secret).await?;
        tx.commit().await?;
    }
    let mut response = Redirect::to("/console/sign-in").into_response();
    response.headers_mut().insert(SET_COOKIE, cookie::clear());
    Ok(response)
}

async fn note(
    db: &mut sqlx::PgConnection,
    operator: &SignedIn,
    address: ClientAddress,
    action: &'static str,
) -> sqlx::Result<()> {
    let address = address.0.to_string();
    audit_log::record(db, &audit_log::Deed { operator, address, action, subject: None, detail: None }).await
}

/// `next` if it leads to the console itself, and nowhere else.
pub(super) fn within_console(next: &str) -> &str {
    let is_ours = next == "/console" || next.starts_with("/console/") || next.starts_with("/console?");
    // Anything that a browser might read as another address is none of ours.
    let is_plain = next.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    if is_ours && is_plain { next } else { HOME }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signing_in_leads_nowhere_else() {
        for ours in ["/console", "/console/messages?status=failed&to=%2B41"] {
            assert_eq!(within_console(ours), ours);
        }
        let others = [
            "",
            "//evil.example",
            "https://evil.example/console/",
            "/consoles",
            "/console/\\evil",
            "/docs",
            "/console/\r\nx",
        ];
        for other in others {
            assert_eq!(within_console(other), HOME, "{other:?}");
        }
    }
}
