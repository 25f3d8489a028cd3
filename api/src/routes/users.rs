//! `GET /users/{id}/otp-requirement`: whether a user must show now that they hold their number.

use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shared::phone::PhoneNumber;
use shared::store::otp_requirements::{self, Standing};

use crate::accept::Refusal;
use crate::app::App;
use crate::auth::{Caller, MayOtpOwn};
use crate::extract::{Path, Query};
use crate::fields::{self, Faults};
use crate::problem::Problem;

/// Minutes for which a verification counts: as usual, and at most.
const USUAL_MINUTES: u16 = 15;
const MOST_MINUTES: u16 = 30 * 24 * 60;
pub(super) const MINUTES: (u16, u16) = (USUAL_MINUTES, MOST_MINUTES);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    within: Option<u16>,
}

/// Why a user must verify or need not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Reason {
    /// They do not sign in with codes.
    Disabled,
    /// They do, but to which number is not known: they must give one.
    NoPhone,
    /// They have done so of late.
    VerifiedRecently,
    /// They have not.
    Due,
}

impl Reason {
    fn of(standing: &Standing) -> Self {
        match standing {
            Standing { otp_enabled: false, .. } => Self::Disabled,
            Standing { phone: None, .. } => Self::NoPhone,
            Standing { verified_at: Some(_), .. } => Self::VerifiedRecently,
            Standing { verified_at: None, .. } => Self::Due,
        }
    }

    /// Without a number nothing can be verified; but whoever wants codes is not let in without one.
    const fn requires(self) -> bool {
        match self {
            Self::Due | Self::NoPhone => true,
            Self::Disabled | Self::VerifiedRecently => false,
        }
    }
}

#[derive(Serialize)]
pub(super) struct Requirement {
    user_id: String,
    otp_enabled: bool,
    required: bool,
    reason: Reason,
    /// Masked: enough for its owner to know which.
    phone: Option<String>,
    verified_at: Option<DateTime<Utc>>,
    within: u16,
}

/// Tells whether a user must verify now.
pub(super) async fn otp_requirement(
    State(app): State<App>,
    caller: Caller<MayOtpOwn>,
    Path(id): Path<String>,
    Query(Asked { within }): Query<Asked>,
) -> Result<axum::Json<Requirement>, Problem> {
    let mut faults = Faults::default();
    let user_id = faults.take("id", fields::user_id(id));
    let within = faults.take("within", minutes(within));
    let (Some(user_id), Some(within)) = (user_id, within) else { return Err(Refusal::from(faults).into()) };
    if !caller.who.may_see(Some(&user_id)) {
        return Err(Problem::not_found("there is no such user"));
    }
    let standing = otp_requirements::find(&app.pool, &user_id, within).await?;
    let reason = Reason::of(&standing);
    let Standing { otp_enabled, phone, verified_at } = standing;
    let phone = phone.and_then(|phone| PhoneNumber::try_from(phone).ok()).map(|phone| phone.masked());
    let required = reason.requires();
    Ok(axum::Json(Requirement { user_id, otp_enabled, required, reason, phone, verified_at, within }))
}

fn minutes(within: Option<u16>) -> Result<u16, String> {
    let minutes = within.unwrap_or(USUAL_MINUTES);
    let valid = (1..=MOST_MINUTES).contains(&minutes);
    if valid { Ok(minutes) } else { Err(format!("must be 1 to {MOST_MINUTES} minutes")) }
}
