//! `GET/POST/DELETE /settings/pauses`: the kill switch.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use shared::lane::{Lane, UnknownLane};
use shared::store::integrations;
use shared::store::pauses::{self, Pause, PauseScope};
use sqlx::PgConnection;

use crate::app::App;
use crate::auth::{Caller, MayAdmin, MayRead};
use crate::extract::{Json, Query};
use crate::fields;
use crate::problem::Problem;

/// What to stop or to let go on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    scope: PauseScope,
    #[serde(default)]
    name: String,
}

/// Everything that is stopped.
#[derive(Serialize)]
pub(super) struct Pauses {
    pauses: Vec<Pause>,
}

/// Shows what is stopped.
pub(super) async fn list(State(app): State<App>, _: Caller<MayRead>) -> Result<axum::Json<Pauses>, Problem> {
    Ok(axum::Json(Pauses { pauses: pauses::list(&app.pool).await? }))
}

/// Stops a lane, a provider or everything. After this answer no transactional or promo message of a paused lane is
/// taken up; a provider is left alone within a second.
pub(super) async fn pause(
    State(app): State<App>,
    _: Caller<MayAdmin>,
    Json { value: wanted, .. }: Json<Wanted>,
) -> Result<axum::Json<Pauses>, Problem> {
    let Wanted { scope, name } = check(wanted)?;
    let mut db = app.pool.acquire().await?;
    if scope == PauseScope::Provider {
        check_provider(&mut db, &name).await?;
    }
    pauses::pause(&mut db, scope, &name).await?;
    Ok(axum::Json(Pauses { pauses: pauses::list(&mut *db).await? }))
}

/// Lets it go on.
pub(super) async fn resume(
    State(app): State<App>,
    _: Caller<MayAdmin>,
    Query(wanted): Query<Wanted>,
) -> Result<StatusCode, Problem> {
    let Wanted { scope, name } = check(wanted)?;
    if !pauses::resume(&app.pool, scope, &name).await? {
        return Err(Problem::not_found("this is not paused"));
    }
    match (scope, name.parse::<Lane>()) {
        (PauseScope::Lane, Ok(lane)) => app.wake.notify(lane),
        (PauseScope::Lane | PauseScope::All | PauseScope::Provider, _) => {
            Lane::ALL.into_iter().for_each(|lane| app.wake.notify(lane));
        }
    }
    Ok(StatusCode::NO_CONTENT)
}

/// A typing error in a kill switch must not look like success.
async fn check_provider(db: &mut PgConnection, name: &str) -> Result<(), Problem> {
    let known = integrations::list_known_names(db).await?;
    if known.iter().any(|one| one == name) {
        return Ok(());
    }
    Err(Problem::field("name", format!("there is no such provider; known are {}", known.join(", "))))
}

fn check(wanted: Wanted) -> Result<Wanted, Problem> {
    let fault = match wanted.scope {
        PauseScope::All if wanted.name.is_empty() => None,
        PauseScope::All => Some("must be left out: everything is paused".to_owned()),
        PauseScope::Lane => wanted.name.parse::<Lane>().err().map(|UnknownLane| UnknownLane.to_string()),
        PauseScope::Provider => fields::provider(wanted.name.clone()).err(),
    };
    fault.map_or(Ok(wanted), |fault| Err(Problem::field("name", fault)))
}
