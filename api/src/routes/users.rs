//! `GET`, `POST /users/{id}/otp-requirement`: whether a user must show now that they are who they say.

use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shared::phone::PhoneNumber;
use shared::second_factor::{Method, Proof};
use shared::store::otp_requirements::{self, Standing};

use crate::accept::Refusal;
use crate::app::App;
use crate::auth::{Caller, MayOtpOwn};
use crate::extract::{Json, Path, Query};
use crate::fields::{self, Faults};
use crate::problem::Problem;
use crate::two_factor::{Remembered, devices};

/// Minutes for which a verification counts: as usual, and at most.
const USUAL_MINUTES: u16 = 15;
const MOST_MINUTES: u16 = 30 * 24 * 60;
pub(super) const MINUTES: (u16, u16) = (USUAL_MINUTES, MOST_MINUTES);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    within: Option<u16>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Presented {
    within: Option<u16>,
    /// What the device was given when it was remembered, or when it was last shown.
    device_token: Option<String>,
}

/// Why a user must verify or need not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Reason {
    /// They are asked for nothing.
    Disabled,
    /// They have done so of late.
    VerifiedRecently,
    /// They get codes by SMS, but to which number is not known: they must give one.
    NoPhone,
    /// They have not.
    Due,
    /// They have not, but they did on this device, which is remembered.
    RememberedDevice,
}

impl Reason {
    fn of(standing: &Standing) -> Self {
        match standing {
            Standing { otp_enabled: false, .. } => Self::Disabled,
            Standing { verified_at: Some(_), .. } => Self::VerifiedRecently,
            Standing { method: Method::Sms, phone: None, .. } => Self::NoPhone,
            Standing { .. } => Self::Due,
        }
    }

    /// Without a number nothing can be verified; but whoever wants codes is not let in without one.
    const fn requires(self) -> bool {
        match self {
            Self::Due | Self::NoPhone => true,
            Self::Disabled | Self::VerifiedRecently | Self::RememberedDevice => false,
        }
    }
}

#[derive(Serialize)]
pub(super) struct Requirement {
    user_id: String,
    otp_enabled: bool,
    required: bool,
    reason: Reason,
    method: Method,
    /// What would do now.
    methods: Vec<Proof>,
    backup_codes_remaining: i64,
    /// Masked: enough for its owner to know which.
    phone: Option<String>,
    verified_at: Option<DateTime<Utc>>,
    within: u16,
    /// Its next token, where a device was taken.
    #[serde(flatten)]
    device: Option<Remembered>,
}

impl Requirement {
    fn of(user_id: String, within: u16, standing: Standing) -> Self {
        let (reason, methods) = (Reason::of(&standing), methods(&standing));
        let Standing { otp_enabled, method, phone, backup_codes_remaining, verified_at, .. } = standing;
        let phone = phone.and_then(|phone| PhoneNumber::try_from(phone).ok()).map(|phone| phone.masked());
        let (required, device) = (reason.requires(), None);
        Self {
            user_id,
            otp_enabled,
            required,
            reason,
            method,
            methods,
            backup_codes_remaining,
            phone,
            verified_at,
            within,
            device,
        }
    }
}

/// What a user could show now. Whoever is asked for their app chose something better than an SMS, which does not stand in for
/// it.
fn methods(standing: &Standing) -> Vec<Proof> {
    let by_sms = standing.phone.is_some() && standing.method != Method::App;
    let all = [
        (Proof::App, standing.has_app),
        (Proof::Sms, by_sms),
        (Proof::BackupCode, standing.backup_codes_remaining > 0),
    ];
    all.into_iter().filter_map(|(proof, is_there)| is_there.then_some(proof)).collect()
}

/// Tells whether a user must verify now.
pub(super) async fn otp_requirement(
    State(app): State<App>,
    caller: Caller<MayOtpOwn>,
    Path(id): Path<String>,
    Query(Asked { within }): Query<Asked>,
) -> Result<axum::Json<Requirement>, Problem> {
    find(&app, &caller, id, within).await.map(axum::Json)
}

/// The same, on a device that may be remembered. Its token is only used up where it changes the answer.
pub(super) async fn present(
    State(app): State<App>,
    caller: Caller<MayOtpOwn>,
    Path(id): Path<String>,
    Json { value: Presented { within, device_token }, .. }: Json<Presented>,
) -> Result<axum::Json<Requirement>, Problem> {
    let mut requirement = find(&app, &caller, id, within).await?;
    if requirement.reason == Reason::Due
        && let Some(token) = device_token
        && let Some(next) = devices::exchange(&app, &requirement.user_id, &token).await?
    {
        (requirement.reason, requirement.required) = (Reason::RememberedDevice, false);
        requirement.device = Some(next);
    }
    Ok(axum::Json(requirement))
}

async fn find(
    app: &App,
    caller: &Caller<MayOtpOwn>,
    id: String,
    within: Option<u16>,
) -> Result<Requirement, Problem> {
    let mut faults = Faults::default();
    let user_id = faults.take("id", fields::user_id(id));
    let within = faults.take("within", minutes(within));
    let (Some(user_id), Some(within)) = (user_id, within) else { return Err(Refusal::from(faults).into()) };
    if !caller.who.may_see(Some(&user_id)) {
        return Err(Problem::not_found("there is no such user"));
    }
    let standing = otp_requirements::find(&app.pool, &user_id, within).await?;
    Ok(Requirement::of(user_id, within, standing))
}

fn minutes(within: Option<u16>) -> Result<u16, String> {
    let minutes = within.unwrap_or(USUAL_MINUTES);
    let valid = (1..=MOST_MINUTES).contains(&minutes);
    if valid { Ok(minutes) } else { Err(format!("must be 1 to {MOST_MINUTES} minutes")) }
}
