//! `GET/PUT /users/{id}/contact-settings`.

use axum::extract::State;
use serde::Deserialize;
use shared::store::contact_settings::{self, ContactSettings};
use shared::store::verified_phones;

use crate::accept::Refusal;
use crate::app::App;
use crate::auth::{Caller, MayReadOwn, MaySend};
use crate::extract::{Json, Path};
use crate::fields::{self, Faults};
use crate::problem::Problem;

/// Settings as they are set; what is left out is unset.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    phone: Option<String>,
    #[serde(default)]
    otp_enabled: bool,
    preferred_provider: Option<String>,
}

/// Shows a user's settings; of a user who never set any, those that then apply. A user is shown their own alone.
pub(super) async fn show(
    State(app): State<App>,
    caller: Caller<MayReadOwn>,
    Path(id): Path<String>,
) -> Result<axum::Json<ContactSettings>, Problem> {
    let id = caller.user_in_path(id)?;
    let found = contact_settings::find(&app.pool, &id).await?;
    Ok(axum::Json(found.unwrap_or_else(|| ContactSettings::unset(id))))
}

/// Replaces a user's settings.
pub(super) async fn replace(
    State(app): State<App>,
    _: Caller<MaySend>,
    Path(id): Path<String>,
    Json { value: wanted, .. }: Json<Wanted>,
) -> Result<axum::Json<ContactSettings>, Problem> {
    let mut faults = Faults::default();
    let user_id = faults.take("id", fields::user_id(id));
    let phone = faults.take("phone", wanted.phone.map(|phone| app.reach.phone(&phone)).transpose());
    let provider = wanted.preferred_provider.map(fields::provider).transpose();
    let provider = faults.take("preferred_provider", provider);
    let (Some(user_id), Some(phone), Some(preferred_provider)) = (user_id, phone, provider) else {
        return Err(Refusal::from(faults).into());
    };
    let mut tx = app.pool.begin().await?;
    verified_phones::lock_user(&mut *tx, &user_id).await?;
    let verified = verified_phones::find(&mut *tx, &user_id).await?.map(|verified| verified.phone);
    let phone = phone.map(|phone| phone.as_str().to_owned());
    if verified.is_some() && phone.is_some() && phone != verified {
        return Err(Problem::field(
            "phone",
            "another number is verified: change it by a code of the purpose change_phone, or take it away by DELETE \
             /users/{id}/phone",
        ));
    }
    let wanted = ContactSettings {
        phone,
        otp_enabled: wanted.otp_enabled,
        preferred_provider,
        ..ContactSettings::unset(user_id)
    };
    let settings = contact_settings::replace(&mut *tx, &wanted).await?;
    tx.commit().await?;
    Ok(axum::Json(settings))
}
