//! Whether a user has shown of late that they hold their number: their settings and their sessions together.

use chrono::{DateTime, Utc};
use sqlx::PgExecutor;
use sqlx::postgres::types::PgInterval;

/// What a decision about a user rests on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Whether the user signs in with codes.
    pub otp_enabled: bool,
    /// E.164, if known.
    pub phone: Option<String>,
    /// When they last showed that they hold it, if within the time asked about.
    pub verified_at: Option<DateTime<Utc>>,
}

/// Finds how a user stands: of verifications only those since `minutes` ago, and of the number that is theirs now. One of
/// another number, which whoever calls from a browser may choose, says nothing about this user.
pub async fn find(db: impl PgExecutor<'_>, user_id: &str, minutes: u16) -> sqlx::Result<Standing> {
    let within = PgInterval { months: 0, days: 0, microseconds: i64::from(minutes) * 60_000_000 };
    let found = sqlx::query_as!(
        Standing,
        r#"select otp_enabled, phone, (
               select max(verified_at) from public.sms_otp_sessions s
               where s.user_id = c.user_id and s.phone = c.phone and s.status = 'verified'
                 and s.purpose in ('login', 'two_factor', 'verify_phone')
                 and s.verified_at > clock_timestamp() - $2::interval
                 -- What the index knows. A code that a provider checks may be right a moment after its end.
                 and s.expires_at > clock_timestamp() - $2::interval - interval '1 minute'
           ) as verified_at
           from public.user_contact_settings c where c.user_id = $1"#,
        user_id,
        within,
    )
    .fetch_optional(db)
    .await?;
    Ok(found.unwrap_or_default())
}
