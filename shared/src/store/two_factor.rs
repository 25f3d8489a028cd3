//! What a user's second factor is, and when it was last shown.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor, PgPool};

use crate::second_factor::{Method, Proof};
use crate::store::two_factor_failures;

/// A user's second factor.
#[derive(Clone, Debug, Default)]
pub struct Factors {
    /// What they are asked for.
    pub method: Method,
    /// Since when they have an authenticator app.
    pub app_since: Option<DateTime<Utc>>,
    /// Backup codes that are unused.
    pub backup_codes_remaining: i64,
    /// Devices that are remembered.
    pub devices: i64,
}

/// Finds what a user has; of one who never set anything, nothing.
pub async fn find(db: impl PgExecutor<'_>, user_id: &str) -> sqlx::Result<Factors> {
    sqlx::query_as!(
        Factors,
        r#"select smsgw.two_factor_method(c.otp_enabled, c.two_factor_method, a.id is not null) as "method!: Method",
                  a.confirmed_at as "app_since?",
                  (select count(*) from public.two_factor_backup_codes b
                   where b.user_id = u.id and b.used_at is null) as "backup_codes_remaining!",
                  (select count(*) from public.remembered_devices d
                   where d.user_id = u.id and d.expires_at > clock_timestamp()) as "devices!"
           from (select $1::text as id) u
           left join public.user_contact_settings c on c.user_id = u.id
           left join public.two_factor_apps a on a.user_id = u.id and a.confirmed_at is not null"#,
        user_id,
    )
    .fetch_one(db)
    .await
}

/// Asks a user for this from now on; `false` if they have no confirmed app, or no number, as it needs. What they have stays,
/// but for their devices when they are asked for nothing, or for their app in place of codes by SMS, by a trigger.
pub async fn set_method(db: impl PgExecutor<'_>, user_id: &str, method: Method) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "update public.user_contact_settings c
         set otp_enabled = $2 <> 'none',
             two_factor_method = case when $2 = 'none' then c.two_factor_method else $2 end,
             updated_at = clock_timestamp()
         where c.user_id = $1 and case $2
             when 'app' then exists (
                 select from public.two_factor_apps a where a.user_id = c.user_id and a.confirmed_at is not null)
             when 'sms' then c.phone is not null
             else true end",
        user_id,
        method.as_str(),
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1 || method == Method::None)
}

/// Holds a user's settings until the transaction ends; `false` if there are none. Whoever takes a code, or changes or erases
/// what a user has, takes them first, and then the rows of their app, their codes, their devices, their verification and their
/// failures, in this order: so nobody waits in a circle. Of a user who has no settings nothing is held, and they may come: so
/// whoever found none takes none after other rows.
pub async fn hold(db: &mut PgConnection, user_id: &str) -> sqlx::Result<bool> {
    let held = sqlx::query!(
        "select from public.user_contact_settings where user_id = $1 for no key update",
        user_id
    )
    .execute(db)
    .await?;
    Ok(held.rows_affected() == 1)
}

/// Notes that a user has just given a right code, and forgets the wrong ones before it.
pub async fn proved(db: &mut PgConnection, user_id: &str, proof: Proof) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into smsgw.two_factor_verifications as v (user_id, method) values ($1, $2)
         on conflict (user_id) do update set method = excluded.method, verified_at = excluded.verified_at",
        user_id,
        proof.as_str(),
    )
    .execute(&mut *db)
    .await?;
    two_factor_failures::forget(db, user_id).await?;
    Ok(())
}

/// What was made with some master key: one of each, to find those that no key reads any more.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    /// HMACs of backup codes that are unused.
    pub backup_codes: Vec<Vec<u8>>,
    /// Sealed secrets of apps.
    pub apps: Vec<Vec<u8>>,
}

/// Lists them.
pub async fn list_samples(db: &PgPool) -> sqlx::Result<Samples> {
    let backup_codes = sqlx::query_scalar!(
        "select distinct on (substring(code_mac for 4)) code_mac from public.two_factor_backup_codes
         where used_at is null order by substring(code_mac for 4)"
    );
    let apps = sqlx::query_scalar!(
        "select distinct on (substring(sealed_secret for 4)) sealed_secret from public.two_factor_apps
         where confirmed_at is not null order by substring(sealed_secret for 4)"
    );
    Ok(Samples { backup_codes: backup_codes.fetch_all(db).await?, apps: apps.fetch_all(db).await? })
}
