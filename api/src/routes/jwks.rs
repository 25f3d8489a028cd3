//! `GET /.well-known/jwks.json`: the keys that [verification tokens](crate::tokens) are signed with. For anyone who asks.

use axum::extract::State;

use crate::app::App;
use crate::tokens::KeySet;

/// The keys as RFC 7517 has them.
pub(super) async fn show(State(app): State<App>) -> axum::Json<KeySet> {
    axum::Json(app.tokens.keys())
}
