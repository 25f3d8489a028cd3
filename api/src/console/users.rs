//! A user: number, second factor, remembered devices and latest codes; an admin revokes devices.

use askama::Template;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Response, StatusCode};
use axum::response::{IntoResponse as _, Redirect};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;
use shared::ids::DeviceId;
use shared::store::contact_settings;
use shared::store::otp_sessions::{self, ListedSession};
use shared::store::remembered_devices::{self, Device};
use shared::store::two_factor::{self, Factors};

use super::messages::number;
use super::operator::{Admin, Operator, Viewer};
use super::page::{self, Frame, Moment};
use super::refusal::Refusal;
use crate::app::App;
use crate::extract::Path;
use crate::fields;
use crate::problem::Problem;

/// The latest sessions that are shown.
const SESSIONS: i64 = 20;

#[derive(Template)]
#[template(path = "console/user.html")]
struct UserPage {
    frame: Frame,
    user_id: String,
    address: String,
    phone: Option<String>,
    method: &'static str,
    app_since: Option<Moment>,
    backup_codes_remaining: i64,
    devices: Vec<DeviceRow>,
    sessions: Vec<SessionRow>,
    may_change: bool,
}

struct DeviceRow {
    id: DeviceId,
    name: String,
    created_at: Moment,
    last_used_at: Option<Moment>,
    expires_at: Moment,
}

impl From<Device> for DeviceRow {
    fn from(device: Device) -> Self {
        Self {
            id: device.id,
            name: device.name,
            created_at: device.created_at.into(),
            last_used_at: device.last_used_at.map(Moment::from),
            expires_at: device.expires_at.into(),
        }
    }
}

struct SessionRow {
    at: Moment,
    purpose: String,
    to: String,
    status: String,
    checks: String,
}

impl SessionRow {
    fn of(session: ListedSession, is_whole: bool) -> Self {
        Self {
            at: session.created_at.into(),
            purpose: session.purpose,
            to: number(session.phone, is_whole),
            status: session.status,
            checks: format!("{} of {}", session.attempts, session.max_attempts),
        }
    }
}

/// Where the page of a user is.
pub(super) fn address(user_id: &str) -> String {
    format!("/console/users/{}", utf8_percent_encode(user_id, NON_ALPHANUMERIC))
}

fn checked(user_id: String) -> Result<String, Problem> {
    fields::user_id(user_id).map_err(|_| Problem::not_found("no user can have this id"))
}

/// Shows a user; one of whom nothing is known as somebody without anything.
pub(super) async fn show(
    State(app): State<App>,
    operator: Operator<Viewer>,
    Path(user_id): Path<String>,
) -> Result<Response<Body>, Refusal> {
    let user_id = checked(user_id)?;
    let is_whole = operator.may_see_numbers();
    let settings = contact_settings::find(&app.pool, &user_id).await?;
    let phone = settings.and_then(|settings| settings.phone).map(|phone| number(phone, is_whole));
    let Factors { method, app_since, backup_codes_remaining, .. } =
        two_factor::find(&app.pool, &user_id).await?;
    let devices = remembered_devices::list(&app.pool, &user_id).await?;
    let sessions = otp_sessions::list(&app.pool, None, Some(&user_id), SESSIONS).await?;
    let shown = UserPage {
        frame: Frame::new(&app, &operator, "/console/messages"),
        address: address(&user_id),
        user_id,
        phone,
        method: method.as_str(),
        app_since: app_since.map(Moment::from),
        backup_codes_remaining,
        devices: devices.into_iter().map(DeviceRow::from).collect(),
        sessions: sessions.into_iter().map(|session| SessionRow::of(session, is_whole)).collect(),
        may_change: operator.may_change(),
    };
    Ok(page::respond(StatusCode::OK, &shown))
}

/// Revokes one device.
pub(super) async fn revoke(
    State(app): State<App>,
    operator: Operator<Admin>,
    Path((user_id, device)): Path<(String, DeviceId)>,
) -> Result<Response<Body>, Refusal> {
    let user_id = checked(user_id)?;
    let mut tx = app.pool.begin().await?;
    if !remembered_devices::revoke(&mut *tx, &user_id, device).await? {
        return Err(Problem::not_found("there is no such device").into());
    }
    operator.record(&mut *tx, "device.revoke", &user_id, Some(json!({ "device": device }))).await?;
    tx.commit().await?;
    Ok(Redirect::to(&address(&user_id)).into_response())
}

/// Revokes all devices.
pub(super) async fn revoke_all(
    State(app): State<App>,
    operator: Operator<Admin>,
    Path(user_id): Path<String>,
) -> Result<Response<Body>, Refusal> {
    let user_id = checked(user_id)?;
    let mut tx = app.pool.begin().await?;
    let revoked = remembered_devices::revoke_all(&mut *tx, &user_id).await?;
    operator.record(&mut *tx, "device.revoke_all", &user_id, Some(json!({ "devices": revoked }))).await?;
    tx.commit().await?;
    Ok(Redirect::to(&address(&user_id)).into_response())
}
