//! `GET /settings/otp`, `PUT /settings/otp/purposes/{purpose}`, `PUT/DELETE /settings/otp/limits/{name}`: what codes of
//! each purpose allow, and how often they may be sent.

use std::fmt::Display;
use std::ops::RangeInclusive;

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use shared::limits::{Kind, UnknownKind};
use shared::otp_policy::{Purpose, Resend};
use shared::store::otp_policies::{self, LimitRow, PolicyRow};
use shared::template::TemplateName;

use crate::accept::Refusal;
use crate::app::App;
use crate::auth::{Caller, MayAdmin};
use crate::extract::{Json, Path};
use crate::fields::Faults;
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

/// What a purpose is to allow; everything is to be given, but for the origin.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WantedPolicy {
    code_length: i16,
    lifetime_seconds: i32,
    max_attempts: i16,
    cool_down_seconds: i32,
    max_sends: i16,
    send_window_seconds: i32,
    resend: Resend,
    template: String,
    origin: Option<String>,
}

/// Sets what one purpose allows; sessions that run keep what they were started with.
pub(super) async fn replace_policy(
    State(app): State<App>,
    _: Caller<MayAdmin>,
    Path(purpose): Path<String>,
    Json { value: wanted, .. }: Json<WantedPolicy>,
) -> Result<axum::Json<PolicyRow>, Problem> {
    let purpose: Purpose = purpose.parse().map_err(|_| Problem::not_found("there is no such purpose"))?;
    let mut faults = Faults::default();
    bound(&mut faults, "code_length", wanted.code_length, 6..=10);
    bound(&mut faults, "lifetime_seconds", wanted.lifetime_seconds, 30..=600);
    bound(&mut faults, "max_attempts", wanted.max_attempts, 1..=10);
    bound(&mut faults, "cool_down_seconds", wanted.cool_down_seconds, 1..=600);
    bound(&mut faults, "max_sends", wanted.max_sends, 1..=20);
    bound(&mut faults, "send_window_seconds", wanted.send_window_seconds, 1..=86_400);
    faults.take("template", TemplateName::parse(&wanted.template));
    faults.take("origin", wanted.origin.as_deref().map(check_host).transpose());
    if !faults.is_empty() {
        return Err(Refusal::from(faults).into());
    }
    let row = PolicyRow {
        purpose: purpose.as_str().to_owned(),
        code_length: wanted.code_length,
        lifetime_seconds: wanted.lifetime_seconds,
        max_attempts: wanted.max_attempts,
        cool_down_seconds: wanted.cool_down_seconds,
        max_sends: wanted.max_sends,
        send_window_seconds: wanted.send_window_seconds,
        resend: if wanted.resend == Resend::Same { "same" } else { "new" }.to_owned(),
        template: wanted.template,
        origin: wanted.origin,
    };
    otp_policies::replace_policy(&app.pool, &row).await?;
    app.policies.forget();
    Ok(axum::Json(row))
}

/// A limit as it is set.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WantedLimit {
    kind: String,
    per_seconds: i32,
    most: i32,
}

/// Sets one limit.
pub(super) async fn replace_limit(
    State(app): State<App>,
    _: Caller<MayAdmin>,
    Path(name): Path<String>,
    Json { value: wanted, .. }: Json<WantedLimit>,
) -> Result<axum::Json<LimitRow>, Problem> {
    let mut faults = Faults::default();
    faults.take("name", check_name(&name));
    // The windows of purposes are set with them.
    let kind = match wanted.kind.parse() {
        Ok(Kind::Purpose) | Err(UnknownKind) => Err(UnknownKind),
        Ok(kind) => Ok(kind),
    };
    if let Some(kind) = faults.take("kind", kind) {
        let most = if kind.is_exact() { 1000 } else { 1_000_000_000 };
        bound(&mut faults, "most", wanted.most, 1..=most);
    }
    bound(&mut faults, "per_seconds", wanted.per_seconds, 1..=2_592_000);
    if !faults.is_empty() {
        return Err(Refusal::from(faults).into());
    }
    let row = LimitRow { name, kind: wanted.kind, per_seconds: wanted.per_seconds, most: wanted.most };
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
    let gone = check_name(&name).is_ok() && otp_policies::delete_limit(&app.pool, &name).await?;
    app.policies.forget();
    if gone { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::not_found("there is no such limit")) }
}

fn bound<T: Copy + Display + PartialOrd>(
    faults: &mut Faults,
    field: &str,
    value: T,
    range: RangeInclusive<T>,
) {
    if !range.contains(&value) {
        faults.note(field, format_args!("must be {} to {}", range.start(), range.end()));
    }
}

fn check_name(name: &str) -> Result<(), &'static str> {
    let plain = name.len() <= 40
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'));
    if plain && !name.starts_with("purpose-") {
        Ok(())
    } else {
        Err("must be 1 to 40 of a-z, 0-9, _ and -, beginning with a letter and not with purpose-")
    }
}

/// The host of a web page, as browsers compare it.
fn check_host(host: &str) -> Result<(), &'static str> {
    let plain = (1..=253).contains(&host.len())
        && host.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-'))
        && host.split('.').all(|label| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-'));
    if plain { Ok(()) } else { Err("must be a host's name in lower case, such as app.example.com") }
}
