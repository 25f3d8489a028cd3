//! `GET/PUT/DELETE /sms/opt-outs/{phone}`.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use shared::phone::PhoneNumber;
use shared::store::opt_outs::{self, OptOut, OptOutScope};

use crate::app::App;
use crate::auth::{Caller, MayRead, MaySend};
use crate::extract::{Json, Path};
use crate::fields;
use crate::problem::Problem;

const MAX_SOURCE_BYTES: usize = 100;

/// A stop as it is recorded.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    #[serde(default)]
    scope: OptOutScope,
    source: Option<String>,
}

/// What a number has stopped.
#[derive(Serialize)]
pub(super) struct OptOuts {
    phone: PhoneNumber,
    opted_out: bool,
    opt_outs: Vec<OptOut>,
}

/// Shows what a number has stopped.
pub(super) async fn show(
    State(app): State<App>,
    _: Caller<MayRead>,
    Path(phone): Path<String>,
) -> Result<axum::Json<OptOuts>, Problem> {
    let phone = read(&app, &phone)?;
    let opt_outs = opt_outs::list(&app.pool, &phone).await?;
    Ok(axum::Json(OptOuts { phone, opted_out: !opt_outs.is_empty(), opt_outs }))
}

/// Records a stop. After this answer no message that it stops is taken up.
pub(super) async fn record(
    State(app): State<App>,
    _: Caller<MaySend>,
    Path(phone): Path<String>,
    Json { value: wanted, .. }: Json<Wanted>,
) -> Result<axum::Json<OptOuts>, Problem> {
    let phone = read(&app, &phone)?;
    let source = match wanted.source {
        Some(source) => {
            fields::label(source, MAX_SOURCE_BYTES).map_err(|fault| Problem::field("source", fault))?
        }
        None => "api".to_owned(),
    };
    let mut db = app.pool.acquire().await?;
    opt_outs::insert(&mut db, &phone, wanted.scope, &source).await?;
    let opt_outs = opt_outs::list(&mut *db, &phone).await?;
    Ok(axum::Json(OptOuts { phone, opted_out: true, opt_outs }))
}

/// Lets a number be texted again.
pub(super) async fn lift(
    State(app): State<App>,
    _: Caller<MaySend>,
    Path(phone): Path<String>,
) -> Result<StatusCode, Problem> {
    let phone = read(&app, &phone)?;
    if opt_outs::delete(&app.pool, &phone).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::not_found("this number has stopped nothing"))
    }
}

fn read(app: &App, phone: &str) -> Result<PhoneNumber, Problem> {
    app.reach.phone(phone).map_err(|fault| Problem::field("phone", fault.to_string()))
}
