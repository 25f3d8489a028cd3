//! `/users/{id}/two-factor…`: a user's second factor, looked at, changed and shown.

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use qrcode::QrCode;
use qrcode::render::svg;
use serde::{Deserialize, Serialize};
use shared::otp_code::OtpCode;
use shared::second_factor::{APP_CODE_DIGITS, AppSecret, BackupCode, Method, Proof};
use shared::store::otp_requirements;
use shared::store::two_factor::{self, Factors};
use shared::store::two_factor_apps;

use crate::app::App;
use crate::auth::{Caller, MayOtpOwn};
use crate::extract::{Json, Path};
use crate::fields;
use crate::problem::Problem;
use crate::two_factor::{
    FRESH_MINUTES, Proven, Remembered, Typed, confirm as confirm_app, new_codes, verify as check,
};

/// The least side of the picture, in pixels: the largest has 57 dots and a margin.
const PICTURE_PIXELS: u32 = 240;

/// The user in the address, as [`Caller::user_in_path`], for what changes a factor: servers know what they do; a user has shown one of late, or has none yet.
async fn own_to_change(app: &App, caller: &Caller<MayOtpOwn>, id: String) -> Result<String, Problem> {
    let id = caller.user_in_path(id)?;
    if caller.who.user().is_none() {
        return Ok(id);
    }
    match otp_requirements::find(&app.pool, &id, FRESH_MINUTES).await?.guards_factors() {
        true => Err(Problem::verification_required(FRESH_MINUTES)),
        false => Ok(id),
    }
}

/// A user's second factor as it is shown.
#[derive(Serialize)]
pub(super) struct View {
    user_id: String,
    method: Method,
    app_enrolled: bool,
    app_since: Option<DateTime<Utc>>,
    backup_codes_remaining: i64,
    devices: i64,
}

async fn view(app: &App, user_id: String) -> Result<axum::Json<View>, Problem> {
    let Factors { method, app_since, backup_codes_remaining, devices } =
        two_factor::find(&app.pool, &user_id).await?;
    let app_enrolled = app_since.is_some();
    Ok(axum::Json(View { user_id, method, app_enrolled, app_since, backup_codes_remaining, devices }))
}

/// Shows what a user has.
pub(super) async fn show(
    State(app): State<App>,
    caller: Caller<MayOtpOwn>,
    Path(id): Path<String>,
) -> Result<axum::Json<View>, Problem> {
    view(&app, caller.user_in_path(id)?).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    method: Method,
}

/// Sets what a user is asked for.
pub(super) async fn set(
    State(app): State<App>,
    caller: Caller<MayOtpOwn>,
    Path(id): Path<String>,
    Json { value: Wanted { method }, .. }: Json<Wanted>,
) -> Result<axum::Json<View>, Problem> {
    let id = own_to_change(&app, &caller, id).await?;
    if !two_factor::set_method(&app.pool, &id, method).await? {
        let lacks = match method {
            Method::App => "needs an app that is confirmed: enrol one first",
            Method::Sms | Method::None => "needs a number: set one first",
        };
        return Err(Problem::field("method", lacks));
    }
    view(&app, id).await
}

/// What an app is set up with; shown once.
#[derive(Serialize)]
pub(super) struct Enrolment {
    secret: String,
    otpauth_url: String,
    qr_svg: String,
    expires_at: DateTime<Utc>,
}

/// Begins to enrol an app; the one before, if any, stays good until the new one is confirmed.
pub(super) async fn enrol(
    State(app): State<App>,
    caller: Caller<MayOtpOwn>,
    Path(id): Path<String>,
) -> Result<(StatusCode, axum::Json<Enrolment>), Problem> {
    let id = own_to_change(&app, &caller, id).await?;
    let secret = AppSecret::generate();
    let expires_at = two_factor_apps::begin(&app.pool, app.keyring.apps(), &id, &secret).await?;
    let issuer = app.public_url.as_ref().and_then(|url| url.host()).unwrap_or("smsgw");
    let otpauth_url = secret.otpauth_url(issuer, &id);
    let qr_svg = picture(&otpauth_url)?;
    let enrolment = Enrolment { secret: secret.base32(), otpauth_url, qr_svg, expires_at };
    Ok((StatusCode::CREATED, axum::Json(enrolment)))
}

fn picture(address: &str) -> Result<String, Problem> {
    let code = QrCode::new(address).map_err(|error| Problem::internal(&error))?;
    Ok(code.render::<svg::Color<'_>>().min_dimensions(PICTURE_PIXELS, PICTURE_PIXELS).build())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Confirmation {
    code: String,
}

#[derive(Serialize)]
pub(super) struct Confirmed {
    method: Method,
    #[serde(skip_serializing_if = "Option::is_none")]
    backup_codes: Option<Vec<String>>,
}

/// Takes the first code of an app; from now on its codes are asked for.
pub(super) async fn confirm(
    State(app): State<App>,
    caller: Caller<MayOtpOwn>,
    Path(id): Path<String>,
    Json { value: Confirmation { code }, .. }: Json<Confirmation>,
) -> Result<axum::Json<Confirmed>, Problem> {
    let id = own_to_change(&app, &caller, id).await?;
    let code = app_code(&code)?;
    let codes = confirm_app(&app, &id, &code).await?;
    let backup_codes = codes.map(|codes| codes.iter().map(BackupCode::shown).collect());
    Ok(axum::Json(Confirmed { method: Method::App, backup_codes }))
}

/// Removes a user's app, with the devices remembered under it.
pub(super) async fn remove(
    State(app): State<App>,
    caller: Caller<MayOtpOwn>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let id = own_to_change(&app, &caller, id).await?;
    if two_factor_apps::remove(&app.pool, &id).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::not_found("the user has no authenticator app"))
    }
}

#[derive(Serialize)]
pub(super) struct Codes {
    codes: Vec<String>,
}

/// Makes new backup codes, in place of all earlier ones.
pub(super) async fn make_codes(
    State(app): State<App>,
    caller: Caller<MayOtpOwn>,
    Path(id): Path<String>,
) -> Result<(StatusCode, axum::Json<Codes>), Problem> {
    let id = own_to_change(&app, &caller, id).await?;
    let codes = new_codes(&app, &mut *app.pool.acquire().await?, &id).await?;
    let codes = codes.iter().map(BackupCode::shown).collect();
    Ok((StatusCode::CREATED, axum::Json(Codes { codes })))
}

/// What can be typed here; a code by SMS goes to `/otp/verify`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    App,
    BackupCode,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Check {
    method: Kind,
    code: String,
    /// Whether a signed proof is wanted as well.
    #[serde(default)]
    token: bool,
    /// What to call the device, if it is to be remembered.
    remember_device: Option<String>,
}

#[derive(Serialize)]
pub(super) struct Verified {
    verified: bool,
    method: Proof,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    #[serde(flatten)]
    device: Option<Remembered>,
    backup_codes_remaining: i64,
}

/// Checks a code of a user's app, or a backup code.
pub(super) async fn verify(
    State(app): State<App>,
    caller: Caller<MayOtpOwn>,
    Path(id): Path<String>,
    Json { value: request, .. }: Json<Check>,
) -> Result<axum::Json<Verified>, Problem> {
    let id = caller.user_in_path(id)?;
    let device = request.remember_device.map(fields::device_name).transpose();
    let device = device.map_err(|fault| Problem::field("remember_device", fault))?;
    let typed = match request.method {
        Kind::App => Typed::App(app_code(&request.code)?),
        Kind::BackupCode => Typed::BackupCode(
            BackupCode::parse(&request.code).map_err(|error| Problem::field("code", error.to_string()))?,
        ),
    };
    let Proven { device, backup_codes_remaining } = check(&app, &id, &typed, device.as_deref()).await?;
    let method = typed.proof();
    let token = request.token.then(|| app.tokens.issue_for_factor(&id, method, app.clock.now()));
    Ok(axum::Json(Verified { verified: true, method, token, device, backup_codes_remaining }))
}

fn app_code(typed: &str) -> Result<OtpCode, Problem> {
    let code = OtpCode::parse(typed).ok().filter(|code| code.length() == usize::from(APP_CODE_DIGITS));
    code.ok_or_else(|| Problem::field("code", format!("must be exactly {APP_CODE_DIGITS} digits")))
}
