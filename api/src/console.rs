//! The console: pages for the people who look after the gateway.
//!
//! Every door but the signing in takes an [`operator::Operator`], which closes it to whoever's role is too small. What
//! changes something is a POST of a form, refused when another site made the browser send it. Pages work without
//! scripts; those add what only a script can: lists that stay fresh, times in the viewer's zone, codes one click away.

use axum::Router;
use axum::response::{IntoResponse as _, Redirect};
use axum::routing::{get, post};
use tower_http::csrf::CsrfLayer;

use crate::app::App;

pub(crate) use self::live::Streams;

mod assets;
mod audit;
mod cookie;
mod form;
mod guard;
mod inbox;
mod live;
mod message;
mod messages;
mod operator;
mod page;
mod refusal;
mod settings;
mod sign_in;
mod sign_in_link;
mod users;

/// Where signing in leads if nothing else was asked for.
const HOME: &str = "/console/messages";

/// Every address of the console. A new door is one line here, and one in the test of roles.
pub(crate) fn all() -> Router<App> {
    Router::new()
        .route("/console", get(home))
        .route("/console/sign-in", get(sign_in::show).post(sign_in::sign_in))
        .route("/console/sign-out", post(sign_in::sign_out))
        .route("/console/link/{token}", get(sign_in_link::show).post(sign_in_link::sign_in))
        .route("/console/messages", get(messages::list))
        .route("/console/messages/live", get(messages::watch))
        .route("/console/messages/{id}", get(message::show))
        .route("/console/messages/{id}/cancel", post(message::cancel))
        .route("/console/users/{id}", get(users::show))
        .route("/console/users/{id}/devices/revoke", post(users::revoke_all))
        .route("/console/users/{id}/devices/{device}/revoke", post(users::revoke))
        .route("/console/inbox", get(inbox::show))
        .route("/console/inbox/live", get(inbox::watch))
        .route("/console/guard", get(guard::show))
        .route("/console/guard/release", post(guard::release))
        .route("/console/guard/mode", post(guard::set_mode))
        .route("/console/audit", get(audit::list))
        .route("/console/assets/{version}/{name}", get(assets::serve))
        .merge(settings::all())
        .layer(CsrfLayer::new().with_rejection_response(refusal::forged))
}

async fn home() -> axum::response::Response {
    Redirect::to(HOME).into_response()
}
