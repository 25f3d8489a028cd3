//! `public.remembered_devices`: browsers that need not show a second factor for a while. One that is revoked is deleted; so
//! are all of a user whose number changes, who wants no second factor any more, or is asked for an app instead of codes by SMS,
//! by a trigger.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{PgConnection, PgExecutor};

use crate::ids::DeviceId;
use crate::second_factor::{DeviceToken, Proof};
use crate::store::two_factor;

/// Days for which a device is remembered, from when it was: to use it does not make that longer, or whoever copied a token
/// could keep it for ever.
pub const LIFETIME_DAYS: i32 = 30;
/// Devices of a user; another one puts the oldest out.
pub const MOST: i64 = 20;
/// Seconds within which a token that was just used may come again, and is only refused: two tabs share one. Later it was
/// copied, and one of the two who have it is a thief.
pub const GRACE_SECONDS: i32 = 60;

/// A device as a list shows it.
#[derive(Clone, Debug, Serialize)]
pub struct Device {
    /// Its id.
    pub id: DeviceId,
    /// What its user calls it.
    pub name: String,
    /// Since when it is remembered.
    pub created_at: DateTime<Utc>,
    /// When it last stood in for a second factor.
    pub last_used_at: Option<DateTime<Utc>>,
    /// Until when it is remembered.
    pub expires_at: DateTime<Utc>,
}

/// What a device was good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// It was its newest token; here is the next one.
    Good(DeviceToken),
    /// It was not, or the device is not remembered any more.
    Refused,
    /// It was an older one that had been used long ago: the device is revoked.
    Revoked,
}

/// What a device is remembered for.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// What its user has just shown.
    pub proof: Proof,
    /// To which number a code was sent, if by SMS.
    pub phone: Option<&'a str>,
}

/// Remembers a device of a user; `None` if what they have shown is not what they are asked for: they want no second factor,
/// the code went to another number than theirs, or by SMS where their app is asked for.
pub async fn remember(
    db: &mut PgConnection,
    user_id: &str,
    name: &str,
    shown: Shown<'_>,
) -> sqlx::Result<Option<DeviceToken>> {
    // Of those who remember at once the last one counts all; whoever changes the number or confirms an app has done so, or
    // waits and then ends it. In a statement of its own: what comes after it sees all that they did.
    two_factor::hold(&mut *db, user_id).await?;
    let found = sqlx::query!(
        r#"insert into public.remembered_devices (id, user_id, name, expires_at)
           select $2, c.user_id, $3, date_trunc('second', clock_timestamp()) + make_interval(days => $6)
           from public.user_contact_settings c
           left join public.two_factor_apps a on a.user_id = c.user_id and a.confirmed_at is not null
           where c.user_id = $1
             and case smsgw.two_factor_method(c.otp_enabled, c.two_factor_method, a.id is not null)
                 when 'none' then false
                 when 'sms' then $4 <> 'sms' or c.phone = $5
                 else $4 <> 'sms'
             end
           returning id as "id: DeviceId", generation, expires_at"#,
        user_id,
        DeviceId::random() as DeviceId,
        name,
        shown.proof.as_str(),
        shown.phone,
        LIFETIME_DAYS,
    )
    .fetch_optional(&mut *db)
    .await?;
    let Some(row) = found else { return Ok(None) };
    sqlx::query!(
        "delete from public.remembered_devices where user_id = $1 and id not in (
             select id from public.remembered_devices where user_id = $1 order by created_at desc, id limit $2)",
        user_id,
        MOST,
    )
    .execute(db)
    .await?;
    Ok(Some(DeviceToken { device: row.id, generation: row.generation, expires_at: row.expires_at }))
}

/// Uses a token: of any number of uses at once one is [`Use::Good`].
pub async fn redeem(db: &mut PgConnection, user_id: &str, token: DeviceToken) -> sqlx::Result<Use> {
    let next = sqlx::query!(
        r#"update public.remembered_devices
           set generation = generation + 1, last_used_at = clock_timestamp()
           where id = $1 and user_id = $2 and generation = $3 and expires_at > clock_timestamp()
           returning id as "id: DeviceId", generation, expires_at"#,
        token.device as DeviceId,
        user_id,
        token.generation,
    )
    .fetch_optional(&mut *db)
    .await?;
    if let Some(row) = next {
        let next = DeviceToken { device: row.id, generation: row.generation, expires_at: row.expires_at };
        return Ok(Use::Good(next));
    }
    let revoked = sqlx::query!(
        "delete from public.remembered_devices
         where id = $1 and user_id = $2 and generation > $3
           and last_used_at < clock_timestamp() - make_interval(secs => $4)",
        token.device as DeviceId,
        user_id,
        token.generation,
        f64::from(GRACE_SECONDS),
    )
    .execute(db)
    .await?;
    Ok(if revoked.rows_affected() == 1 { Use::Revoked } else { Use::Refused })
}

/// Lists a user's devices, the newest first.
pub async fn list(db: impl PgExecutor<'_>, user_id: &str) -> sqlx::Result<Vec<Device>> {
    sqlx::query_as!(
        Device,
        r#"select id as "id: DeviceId", name, created_at, last_used_at, expires_at from public.remembered_devices
           where user_id = $1 and expires_at > clock_timestamp() order by created_at desc, id"#,
        user_id,
    )
    .fetch_all(db)
    .await
}

/// Revokes one; `false` if there is none.
pub async fn revoke(db: impl PgExecutor<'_>, user_id: &str, id: DeviceId) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "delete from public.remembered_devices where id = $1 and user_id = $2",
        id as DeviceId,
        user_id,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Revokes all of a user; says how many.
pub async fn revoke_all(db: impl PgExecutor<'_>, user_id: &str) -> sqlx::Result<u64> {
    let done =
        sqlx::query!("delete from public.remembered_devices where user_id = $1", user_id).execute(db).await?;
    Ok(done.rows_affected())
}
