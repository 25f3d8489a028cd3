//! `public.two_factor_apps`: authenticator apps, pending until a first code confirms them. A user has one that counts, and
//! perhaps one that is to take its place.

use chrono::{DateTime, Utc};
use secrecy::ExposeSecret as _;
use sqlx::{PgConnection, PgExecutor, PgPool};

use crate::ids::AppId;
use crate::seal::{OpenError, Sealer, place};
use crate::second_factor::AppSecret;
use crate::store::two_factor;

/// An app whose codes can be checked.
#[derive(Debug)]
pub struct App {
    /// Which.
    pub id: AppId,
    /// What it makes codes of.
    pub secret: AppSecret,
    /// Whether it was sealed under a master key that is being replaced.
    is_stale: bool,
}

/// Why an app's codes cannot be checked.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The database is away or refuses.
    #[error("the app cannot be read")]
    Store(#[from] sqlx::Error),
    /// An operator has dropped a master key too early, or the row was altered.
    #[error("the app's secret cannot be opened")]
    Sealed(#[from] OpenError),
}

/// Begins an enrolment in place of one that was not ended; says until when it can be.
pub async fn begin(
    db: impl PgExecutor<'_>,
    apps: &Sealer,
    user_id: &str,
    secret: &AppSecret,
) -> sqlx::Result<DateTime<Utc>> {
    let id = AppId::random();
    sqlx::query_scalar!(
        r#"insert into public.two_factor_apps (id, user_id, sealed_secret, expires_at)
           values ($1, $2, $3, clock_timestamp() + interval '10 minutes')
           on conflict (user_id) where confirmed_at is null do update
           set id = excluded.id, sealed_secret = excluded.sealed_secret, last_step = null,
               created_at = excluded.created_at, expires_at = excluded.expires_at
           returning expires_at as "expires_at!""#,
        id as AppId,
        user_id,
        apps.seal(&sealed_place(id), secret.expose()),
    )
    .fetch_one(db)
    .await
}

/// Finds the app that a user is about to confirm.
///
/// # Errors
/// [`AppError`].
pub async fn find_pending(
    db: impl PgExecutor<'_>,
    apps: &Sealer,
    user_id: &str,
) -> Result<Option<App>, AppError> {
    let found = sqlx::query!(
        r#"select id as "id: AppId", sealed_secret from public.two_factor_apps
           where user_id = $1 and confirmed_at is null and expires_at > clock_timestamp()"#,
        user_id,
    )
    .fetch_optional(db)
    .await?;
    found.map(|row| opened(apps, row.id, &row.sealed_secret)).transpose()
}

/// Finds the app whose codes count.
///
/// # Errors
/// [`AppError`].
pub async fn find_confirmed(
    db: impl PgExecutor<'_>,
    apps: &Sealer,
    user_id: &str,
) -> Result<Option<App>, AppError> {
    let found = sqlx::query!(
        r#"select id as "id: AppId", sealed_secret from public.two_factor_apps
           where user_id = $1 and confirmed_at is not null"#,
        user_id,
    )
    .fetch_optional(db)
    .await?;
    found.map(|row| opened(apps, row.id, &row.sealed_secret)).transpose()
}

fn opened(apps: &Sealer, id: AppId, sealed: &[u8]) -> Result<App, AppError> {
    let secret = apps.open(&sealed_place(id), sealed)?;
    let secret = AppSecret::from_bytes(secret.expose_secret()).ok_or(OpenError::Damaged)?;
    Ok(App { id, secret, is_stale: !apps.is_current(sealed) })
}

/// Makes a pending app, whose code of `step` was right, the one that counts, and the one that is asked for. The one before
/// goes, with the devices that were remembered under it. `false` if the enrolment has ended, or was begun anew: then the
/// transaction is to be undone.
pub async fn confirm(db: &mut PgConnection, user_id: &str, id: AppId, step: i64) -> sqlx::Result<bool> {
    // First, as `two_factor::hold` has it: there may be none to hold.
    sqlx::query!(
        "insert into public.user_contact_settings as c (user_id, otp_enabled, two_factor_method)
         values ($1, true, 'app')
         on conflict (user_id) do update
         set otp_enabled = true, two_factor_method = 'app', updated_at = clock_timestamp()",
        user_id,
    )
    .execute(&mut *db)
    .await?;
    let is_pending = sqlx::query_scalar!(
        r#"select true as "is!" from public.two_factor_apps
           where id = $1 and user_id = $2 and confirmed_at is null and expires_at > clock_timestamp() for update"#,
        id as AppId,
        user_id,
    )
    .fetch_optional(&mut *db)
    .await?;
    if is_pending.is_none() {
        return Ok(false);
    }
    remove_confirmed(&mut *db, user_id).await?;
    sqlx::query!(
        "update public.two_factor_apps set confirmed_at = clock_timestamp(), expires_at = null, last_step = $2
         where id = $1",
        id as AppId,
        step,
    )
    .execute(db)
    .await?;
    Ok(true)
}

/// Takes the code of `step`; `false` if it was taken before, or one after it. Of any number at once one gets `true`. A secret
/// under a former master key is sealed under the current one: so that key can go once each app was used.
pub async fn take_step(db: impl PgExecutor<'_>, apps: &Sealer, app: &App, step: i64) -> sqlx::Result<bool> {
    let resealed = app.is_stale.then(|| apps.seal(&sealed_place(app.id), app.secret.expose()));
    let done = sqlx::query!(
        "update public.two_factor_apps set last_step = $2, sealed_secret = coalesce($3, sealed_secret)
         where id = $1 and confirmed_at is not null and (last_step is null or last_step < $2)",
        app.id as AppId,
        step,
        resealed,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Removes a user's app, and one that is pending, with the devices that were remembered under it; `false` if there is none.
/// Whoever was asked for it is asked for codes by SMS if their number is known, and else for nothing.
pub async fn remove(pool: &PgPool, user_id: &str) -> sqlx::Result<bool> {
    let mut tx = pool.begin().await?;
    let has_settings = two_factor::hold(&mut tx, user_id).await?;
    let removed = remove_held(&mut tx, user_id).await?;
    if has_settings || removed != Removed::Confirmed {
        tx.commit().await?;
        return Ok(removed != Removed::Nothing);
    }
    // It was confirmed meanwhile, with settings that ask for it: now they can be held.
    tx.rollback().await?;
    let mut tx = pool.begin().await?;
    two_factor::hold(&mut tx, user_id).await?;
    remove_held(&mut tx, user_id).await?;
    tx.commit().await?;
    // It was there, whoever removed it since.
    Ok(true)
}

/// What was removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Removed {
    Nothing,
    Pending,
    Confirmed,
}

async fn remove_held(db: &mut PgConnection, user_id: &str) -> sqlx::Result<Removed> {
    sqlx::query!(
        "update public.user_contact_settings c
         set two_factor_method = 'sms', otp_enabled = c.otp_enabled and c.phone is not null,
             updated_at = clock_timestamp()
         where c.user_id = $1 and c.two_factor_method = 'app' and exists (
             select from public.two_factor_apps a where a.user_id = c.user_id and a.confirmed_at is not null)",
        user_id,
    )
    .execute(&mut *db)
    .await?;
    let pending = sqlx::query!(
        "delete from public.two_factor_apps where user_id = $1 and confirmed_at is null",
        user_id
    )
    .execute(&mut *db)
    .await?;
    Ok(match (remove_confirmed(db, user_id).await?, pending.rows_affected()) {
        (true, _) => Removed::Confirmed,
        (false, 0) => Removed::Nothing,
        (false, _) => Removed::Pending,
    })
}

/// With the devices that were remembered under it, and what its codes had shown.
async fn remove_confirmed(db: &mut PgConnection, user_id: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"with gone as (
               delete from public.two_factor_apps where user_id = $1 and confirmed_at is not null returning id
           ),
           devices as (
               delete from public.remembered_devices where user_id = $1 and exists (select from gone)
           ),
           verifications as (
               delete from smsgw.two_factor_verifications
               where user_id = $1 and method = 'app' and exists (select from gone)
           )
           select exists (select from gone) as "is!""#,
        user_id,
    )
    .fetch_one(db)
    .await
}

fn sealed_place(id: AppId) -> Vec<u8> {
    place("two_factor_apps", id.0.as_bytes())
}
