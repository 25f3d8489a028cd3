//! `GET/DELETE /users/{id}/phone`, `GET/PUT /settings/identity`: whose a number is, and how it is changed.

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shared::phone::PhoneNumber;
use shared::store::verified_phones::{self, FormerPhone};

use crate::app::App;
use crate::auth::{Caller, MayAdmin, MayReadOwn, MaySend};
use crate::extract::{Json, Path};
use crate::fields;
use crate::problem::Problem;

/// The number of a user, and those before.
#[derive(Serialize)]
pub(super) struct UserPhone {
    user_id: String,
    phone: Option<String>,
    verified_at: Option<DateTime<Utc>>,
    history: Vec<Former>,
}

#[derive(Serialize)]
struct Former {
    /// Masked: it may be somebody else's by now.
    phone: Option<String>,
    verified_at: DateTime<Utc>,
    ended_at: DateTime<Utc>,
    ended_by: String,
}

impl From<FormerPhone> for Former {
    fn from(former: FormerPhone) -> Self {
        let FormerPhone { phone, verified_at, ended_at, ended_by } = former;
        let phone = PhoneNumber::try_from(phone).ok().map(|phone| phone.masked());
        Self { phone, verified_at, ended_at, ended_by }
    }
}

/// Shows the verified number of a user; a user is shown their own alone.
pub(super) async fn show(
    State(app): State<App>,
    caller: Caller<MayReadOwn>,
    Path(id): Path<String>,
) -> Result<axum::Json<UserPhone>, Problem> {
    let user_id = caller.user_in_path(id)?;
    let (phone, verified_at) = match verified_phones::find(&app.pool, &user_id).await? {
        Some(found) => (Some(found.phone), Some(found.verified_at)),
        None => (None, None),
    };
    let former = verified_phones::list_former(&app.pool, &user_id).await?;
    let history = former.into_iter().map(Former::from).collect();
    Ok(axum::Json(UserPhone { user_id, phone, verified_at, history }))
}

/// Takes the verified number of a user away: it is free for others.
pub(super) async fn remove(
    State(app): State<App>,
    _: Caller<MaySend>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let user_id = fields::user_id(id).map_err(|fault| Problem::field("id", fault))?;
    let mut tx = app.pool.begin().await?;
    let is_gone = verified_phones::remove(&mut tx, &user_id).await?;
    tx.commit().await?;
    if is_gone {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::not_found("this user has no verified number"))
    }
}

/// How numbers are changed.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IdentitySettings {
    change_needs_old: bool,
}

/// Shows how numbers are changed.
pub(super) async fn settings(
    State(app): State<App>,
    _: Caller<MayAdmin>,
) -> Result<axum::Json<IdentitySettings>, Problem> {
    let change_needs_old = verified_phones::needs_old(&app.pool).await?;
    Ok(axum::Json(IdentitySettings { change_needs_old }))
}

/// Sets how numbers are changed.
pub(super) async fn set(
    State(app): State<App>,
    _: Caller<MayAdmin>,
    Json { value: wanted, .. }: Json<IdentitySettings>,
) -> Result<axum::Json<IdentitySettings>, Problem> {
    verified_phones::set_needs_old(&app.pool, wanted.change_needs_old).await?;
    Ok(axum::Json(wanted))
}
