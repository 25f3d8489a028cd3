//! What a user wants: their number, whether they use codes, and the provider that reaches them best.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgExecutor;

/// One user's settings.
#[derive(Clone, Debug, Serialize)]
pub struct ContactSettings {
    /// The application's own id of the user.
    pub user_id: String,
    /// E.164, if known.
    pub phone: Option<String>,
    /// Whether the user signs in with codes.
    pub otp_enabled: bool,
    /// Provider tried before the usual order.
    pub preferred_provider: Option<String>,
    /// When they were last changed; `None` as long as nothing was ever set.
    pub updated_at: Option<DateTime<Utc>>,
}

impl ContactSettings {
    /// The settings of a user who never set any.
    pub const fn unset(user_id: String) -> Self {
        Self { user_id, phone: None, otp_enabled: false, preferred_provider: None, updated_at: None }
    }
}

/// Finds a user's settings.
pub async fn find(db: impl PgExecutor<'_>, user_id: &str) -> sqlx::Result<Option<ContactSettings>> {
    sqlx::query_as!(
        ContactSettings,
        r#"select user_id, phone, otp_enabled, preferred_provider, updated_at as "updated_at?"
           from public.user_contact_settings where user_id = $1"#,
        user_id,
    )
    .fetch_optional(db)
    .await
}

/// Replaces a user's settings by `wanted` and returns them with their new date. A number that was verified stays: to be called in a transaction
/// that holds [`lock_user`](super::verified_phones::lock_user).
pub async fn replace(db: impl PgExecutor<'_>, wanted: &ContactSettings) -> sqlx::Result<ContactSettings> {
    sqlx::query_as!(
        ContactSettings,
        r#"insert into public.user_contact_settings (user_id, phone, otp_enabled, preferred_provider)
           values ($1, coalesce((select v.phone from public.verified_phones v where v.user_id = $1), $2), $3, $4)
           on conflict (user_id) do update
           set phone = excluded.phone, otp_enabled = excluded.otp_enabled,
               preferred_provider = excluded.preferred_provider, updated_at = clock_timestamp()
           returning user_id, phone, otp_enabled, preferred_provider, updated_at as "updated_at?""#,
        wanted.user_id,
        wanted.phone,
        wanted.otp_enabled,
        wanted.preferred_provider,
    )
    .fetch_one(db)
    .await
}
