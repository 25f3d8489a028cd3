//! Devices that are remembered: a token each, good for once, which is exchanged for the next one.

use chrono::{DateTime, Utc};
use secrecy::ExposeSecret as _;
use serde::Serialize;
use shared::db;
use shared::second_factor::{DeviceToken, Proof};
use shared::store::remembered_devices::{self, Shown, Use};

use crate::app::App;
use crate::otp::verify::Proven;

/// What a device is given to keep.
#[derive(Serialize)]
pub(crate) struct Remembered {
    /// Good for once.
    device_token: String,
    /// Until when the device is remembered.
    device_expires_at: DateTime<Utc>,
}

impl Remembered {
    pub(super) fn signed(app: &App, user_id: &str, token: DeviceToken) -> Self {
        let text = token.sign(app.keyring.devices(), user_id);
        Self { device_token: text.expose_secret().to_owned(), device_expires_at: token.expires_at }
    }
}

/// Remembers the device of a user who has just given a right code by SMS; `None` if that is not what they are asked for.
pub(crate) async fn remember(app: &App, proven: &Proven, name: &str) -> sqlx::Result<Option<Remembered>> {
    let counts = matches!(proven.purpose.as_str(), "login" | "two_factor" | "verify_phone");
    let Some(user_id) = proven.user_id.as_deref().filter(|_| counts) else { return Ok(None) };
    let shown = Shown { proof: Proof::Sms, phone: Some(&proven.phone) };
    let mut tx = db::begin(&app.pool).await?;
    let token = remembered_devices::remember(&mut tx, user_id, name, shown).await?;
    tx.commit().await?;
    Ok(token.map(|token| Remembered::signed(app, user_id, token)))
}

/// Takes a device's token and gives the next one; `None` if it is not good. One that was used long ago was copied: then the
/// device is revoked, whoever of the two comes first.
pub(crate) async fn exchange(app: &App, user_id: &str, text: &str) -> sqlx::Result<Option<Remembered>> {
    let token = DeviceToken::read(app.keyring.devices(), user_id, text);
    let Some(token) = token.filter(|token| token.expires_at > app.clock.now()) else { return Ok(None) };
    match remembered_devices::redeem(&mut *db::acquire(&app.pool).await?, user_id, token).await? {
        Use::Good(next) => Ok(Some(Remembered::signed(app, user_id, next))),
        Use::Refused => Ok(None),
        Use::Revoked => {
            tracing::warn!(device.id = %token.device, "a remembered device's used token came again: it is revoked");
            Ok(None)
        }
    }
}
