//! `DELETE /people/{phone}`, `GET /people/erasures/{id}`: who asks to be forgotten.

use axum::extract::State;
use axum::http::header::LOCATION;
use axum::http::{HeaderName, StatusCode};
use serde::Serialize;
use shared::ids::ErasureId;
use shared::store::erasures::{self, Erasure};

use crate::app::App;
use crate::auth::{Caller, MayAdmin};
use crate::extract::Path;
use crate::problem::Problem;

/// How far an erasure is.
#[derive(Serialize)]
pub(super) struct Shown {
    status: Stand,
    #[serde(flatten)]
    erasure: Erasure,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Stand {
    /// A worker is at it, or will be.
    Running,
    /// Nothing is left.
    Done,
}

impl From<Erasure> for Shown {
    fn from(erasure: Erasure) -> Self {
        let status = if erasure.done_at.is_some() { Stand::Done } else { Stand::Running };
        Self { status, erasure }
    }
}

/// Begins to erase a person. After this answer nothing that waited is sent to them, and what they stopped stays stopped.
pub(super) async fn erase(
    State(app): State<App>,
    _: Caller<MayAdmin>,
    Path(phone): Path<String>,
) -> Result<(StatusCode, [(HeaderName, String); 1], axum::Json<Shown>), Problem> {
    let phone = app.reach.phone(&phone).map_err(|fault| Problem::field("phone", fault.to_string()))?;
    let mut db = app.pool.acquire().await?;
    let erasure = erasures::request(&mut db, &app.keyring, ErasureId::random(), &phone).await?;
    let address = format!("/people/erasures/{}", erasure.id);
    Ok((StatusCode::ACCEPTED, [(LOCATION, address)], axum::Json(erasure.into())))
}

/// Shows how far an erasure is.
pub(super) async fn show(
    State(app): State<App>,
    _: Caller<MayAdmin>,
    Path(id): Path<ErasureId>,
) -> Result<axum::Json<Shown>, Problem> {
    let erasure = erasures::find(&app.pool, id).await?;
    let erasure = erasure.ok_or_else(|| Problem::not_found("there is no such erasure"))?;
    Ok(axum::Json(erasure.into()))
}
