//! `GET /settings/api`, `GET/PUT/DELETE /settings/api/{name}`: providers as data. Keys go in and
//! never come out.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use shared::store::integrations::{self, IntegrationView};

use crate::app::App;
use crate::auth::{Caller, MayAdmin};
use crate::extract::{Json, Path};
use crate::fields;
use crate::integrations::{Wanted, changed};
use crate::problem::Problem;

/// All providers that are set here; those of the environment are not.
#[derive(Serialize)]
pub(super) struct Providers {
    providers: Vec<IntegrationView>,
}

/// Lists the providers.
pub(super) async fn list(
    State(app): State<App>,
    _: Caller<MayAdmin>,
) -> Result<axum::Json<Providers>, Problem> {
    let rows = integrations::list(&app.pool).await?;
    let providers = rows.iter().map(|row| row.view(app.keyring.credentials())).collect();
    Ok(axum::Json(Providers { providers }))
}

/// Shows one provider.
pub(super) async fn show(
    State(app): State<App>,
    _: Caller<MayAdmin>,
    Path(name): Path<String>,
) -> Result<axum::Json<IntegrationView>, Problem> {
    let name = fields::provider(name).map_err(|_| no_such_provider())?;
    let row = integrations::find(&app.pool, &name).await?.ok_or_else(no_such_provider)?;
    Ok(axum::Json(row.view(app.keyring.credentials())))
}

/// Sets one provider; workers take it up without a restart.
pub(super) async fn replace(
    State(app): State<App>,
    _: Caller<MayAdmin>,
    Path(name): Path<String>,
    Json { value: wanted, .. }: Json<Wanted>,
) -> Result<axum::Json<IntegrationView>, Problem> {
    let name = fields::provider(name).map_err(|fault| Problem::field("name", fault))?;
    let row = crate::integrations::replace(&app, name, wanted).await?;
    Ok(axum::Json(row.view(app.keyring.credentials())))
}

/// Removes one provider.
pub(super) async fn delete(
    State(app): State<App>,
    _: Caller<MayAdmin>,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    let name = fields::provider(name).map_err(|_| no_such_provider())?;
    if integrations::delete(&app.pool, &name).await? {
        changed(&app, &name);
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(no_such_provider())
    }
}

fn no_such_provider() -> Problem {
    Problem::not_found("there is no such provider")
}
