//! Whether a user has shown of late that they are who they say: their settings, their sessions and their other factors
//! together.

use chrono::{DateTime, Utc};
use sqlx::PgExecutor;
use sqlx::postgres::types::PgInterval;

use crate::second_factor::Method;

/// What a decision about a user rests on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Whether the user signs in with codes.
    pub otp_enabled: bool,
    /// What they are asked for.
    pub method: Method,
    /// E.164, if known.
    pub phone: Option<String>,
    /// Whether they have an authenticator app.
    pub has_app: bool,
    /// Backup codes that are unused.
    pub backup_codes_remaining: i64,
    /// When they last showed what they are asked for, or a backup code in its place, if within the time asked about.
    pub verified_at: Option<DateTime<Utc>>,
}

/// Finds how a user stands: of verifications only those since `minutes` ago, and of codes by SMS those to the number that is
/// theirs now. One to another number, which whoever calls from a browser may choose, says nothing about this user; and whoever
/// is asked for their app has shown nothing by an SMS.
pub async fn find(db: impl PgExecutor<'_>, user_id: &str, minutes: u16) -> sqlx::Result<Standing> {
    let within = PgInterval { months: 0, days: 0, microseconds: i64::from(minutes) * 60_000_000 };
    sqlx::query_as!(
        Standing,
        r#"with who as (
               select u.id, coalesce(c.otp_enabled, false) as otp_enabled, c.phone, a.id is not null as has_app,
                      smsgw.two_factor_method(c.otp_enabled, c.two_factor_method, a.id is not null) as method
               from (select $1::text as id) u
               left join public.user_contact_settings c on c.user_id = u.id
               left join public.two_factor_apps a on a.user_id = u.id and a.confirmed_at is not null
           )
           select otp_enabled as "otp_enabled!", method as "method!: Method", phone as "phone?", has_app as "has_app!",
               (select count(*) from public.two_factor_backup_codes b
                where b.user_id = who.id and b.used_at is null) as "backup_codes_remaining!",
               greatest(
                   (select max(verified_at) from public.sms_otp_sessions s
                    where who.method <> 'app' and s.user_id = who.id and s.phone = who.phone and s.status = 'verified'
                      and s.purpose in ('login', 'two_factor', 'verify_phone')
                      and s.verified_at > clock_timestamp() - $2::interval
                      -- What the index knows. A code that a provider checks may be right a moment after its end.
                      and s.expires_at > clock_timestamp() - $2::interval - interval '1 minute'),
                   (select v.verified_at from smsgw.two_factor_verifications v
                    where v.user_id = who.id and v.verified_at > clock_timestamp() - $2::interval)
               ) as "verified_at?"
           from who"#,
        user_id,
        within,
    )
    .fetch_one(db)
    .await
}
