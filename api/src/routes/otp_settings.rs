//! `GET /settings/otp`, `PUT /settings/otp/purposes/{purpose}`, `PUT/DELETE /settings/otp/limits/{name}`: what codes of
//! each purpose allow, and how often they may be sent.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use shared::otp_policy::Purpose;
use shared::store::otp_policies::{self, LimitRow, PolicyRow};

use crate::app::App;
use crate::auth::{Caller, MayAdmin};
use crate::extract::{Json, Path};
use crate::otp_settings::{WantedLimit, WantedPolicy, check_limit_name};
use crate::problem::Problem;

/// Everything that can be set.
#[derive(Serialize)]
pub(super) struct Settings {
    purposes: Vec<PolicyRow>,
    limits: Vec<LimitRow>,
}

/// Shows all settings.
pub(super) async fn show(
    State(app): State<App>,
    _: Caller<MayAdmin>,
) -> Result<axum::Json<Settings>, Problem> {
    let purposes = otp_policies::list_policies(&app.pool).await?;
    let limits = otp_policies::list_limits(&app.pool).await?;
    Ok(axum::Json(Settings { purposes, limits }))
}

/// Sets what one purpose allows; sessions that run keep what they were started with.
pub(super) async fn replace_policy(
    State(app): State<App>,
    _: Caller<MayAdmin>,
    Path(purpose): Path<String>,
    Json { value: wanted, .. }: Json<WantedPolicy>,
) -> Result<axum::Json<PolicyRow>, Problem> {
    let purpose: Purpose = purpose.parse().map_err(|_| Problem::not_found("there is no such purpose"))?;
    let row = wanted.check(purpose)?;
    otp_policies::replace_policy(&app.pool, &row).await?;
    app.policies.forget();
    Ok(axum::Json(row))
}

/// Sets one limit.
pub(super) async fn replace_limit(
    State(app): State<App>,
    _: Caller<MayAdmin>,
    Path(name): Path<String>,
    Json { value: wanted, .. }: Json<WantedLimit>,
) -> Result<axum::Json<LimitRow>, Problem> {
    let row = wanted.check(name)?;
    otp_policies::replace_limit(&app.pool, &row).await?;
    app.policies.forget();
    Ok(axum::Json(row))
}

/// Removes one limit.
pub(super) async fn delete_limit(
    State(app): State<App>,
    _: Caller<MayAdmin>,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    let gone = check_limit_name(&name).is_ok() && otp_policies::delete_limit(&app.pool, &name).await?;
    app.policies.forget();
    if gone { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::not_found("there is no such limit")) }
}
