//! `/users/{id}/devices…`: where a user need not show a second factor, listed and revoked.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use shared::ids::DeviceId;
use shared::store::remembered_devices::{self, Device};

use crate::app::App;
use crate::auth::{Caller, MayOtpOwn};
use crate::extract::Path;
use crate::problem::Problem;

#[derive(Serialize)]
pub(super) struct Devices {
    devices: Vec<Device>,
}

/// Lists a user's devices.
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller<MayOtpOwn>,
    Path(id): Path<String>,
) -> Result<axum::Json<Devices>, Problem> {
    let id = caller.user_in_path(id)?;
    Ok(axum::Json(Devices { devices: remembered_devices::list(&app.pool, &id).await? }))
}

/// Revokes one. Whoever has nothing but the user's own token may do so: it takes nothing but trust away.
pub(super) async fn revoke(
    State(app): State<App>,
    caller: Caller<MayOtpOwn>,
    Path((id, device)): Path<(String, DeviceId)>,
) -> Result<StatusCode, Problem> {
    let id = caller.user_in_path(id)?;
    let is_revoked = remembered_devices::revoke(&app.pool, &id, device).await?;
    if is_revoked { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::not_found("there is no such device")) }
}

/// Revokes all.
pub(super) async fn revoke_all(
    State(app): State<App>,
    caller: Caller<MayOtpOwn>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let id = caller.user_in_path(id)?;
    remembered_devices::revoke_all(&app.pool, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
