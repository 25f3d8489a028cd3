//! `verified_phones`: which number is whose, as right codes have shown. A user has one, and a number one user.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};

use crate::ids::SessionId;

/// A number that is a user's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedPhone {
    /// E.164.
    pub phone: String,
    /// When it was shown last.
    pub verified_at: DateTime<Utc>,
}

/// A number that was a user's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormerPhone {
    /// E.164.
    pub phone: String,
    /// When it was shown last.
    pub verified_at: DateTime<Utc>,
    /// When it ceased to be theirs.
    pub ended_at: DateTime<Utc>,
    /// `changed` or `removed`.
    pub ended_by: String,
}

/// A number that a right code has shown to be a user's.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// Whose.
    pub user_id: &'a str,
    /// E.164.
    pub phone: &'a str,
    /// By which session.
    pub session: SessionId,
}

/// What came of binding a number to a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// It is theirs.
    Theirs,
    /// It is another user's.
    Taken,
    /// They have another one, which must be shown first.
    OldUnverified,
}

/// How a user stands with a number they would take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holds {
    /// They have none.
    Nothing,
    /// They have this one.
    This,
    /// They have another one, of which a code was right within the last 15 minutes, or was not.
    Another { shown_lately: bool },
}

/// Binds a number to the user who has shown that it is theirs, in place of the one they had; of two who show the same at
/// the same moment one has it. To be called in the transaction that uses the code up.
pub async fn bind(db: &mut PgConnection, shown: Shown<'_>) -> sqlx::Result<Bound> {
    lock_user(&mut *db, shown.user_id).await?;
    lock(&mut *db, "phone", shown.phone).await?;
    if holder(&mut *db, shown.phone).await?.is_some_and(|holder| holder != shown.user_id) {
        return Ok(Bound::Taken);
    }
    match holds(&mut *db, shown.user_id, shown.phone).await? {
        Holds::Another { shown_lately: false } if needs_old(&mut *db).await? => {
            return Ok(Bound::OldUnverified);
        }
        Holds::Another { .. } => {
            end(&mut *db, shown.user_id, "changed").await?;
        }
        Holds::Nothing | Holds::This => (),
    }
    sqlx::query!(
        "insert into public.verified_phones (user_id, phone, session_id, verified_at)
         values ($1, $2, $3, clock_timestamp())
         on conflict (user_id) do update set session_id = excluded.session_id, verified_at = excluded.verified_at",
        shown.user_id,
        shown.phone,
        shown.session as SessionId,
    )
    .execute(&mut *db)
    .await?;
    set_contact(db, shown).await?;
    Ok(Bound::Theirs)
}

/// Everybody who would change this user's number waits here, until the transaction ends; first of all, and by a statement of
/// its own: what follows must see what those before have done.
pub async fn lock_user(db: impl PgExecutor<'_>, user_id: &str) -> sqlx::Result<()> {
    lock(db, "user", user_id).await
}

async fn lock(db: impl PgExecutor<'_>, kind: &str, name: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended('smsgw.verified_phones ' || $1 || ' ' || $2, 0))",
        kind,
        name,
    )
    .fetch_one(db)
    .await?;
    Ok(())
}

async fn holder(db: impl PgExecutor<'_>, phone: &str) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!("select user_id from public.verified_phones where phone = $1", phone)
        .fetch_optional(db)
        .await
}

/// A number that a server has set, and nobody verified, counts as theirs too: their codes go there.
async fn holds(db: impl PgExecutor<'_>, user_id: &str, phone: &str) -> sqlx::Result<Holds> {
    let found = sqlx::query!(
        r#"select h.phone = $2 as "is_this!", exists (
               select from public.sms_otp_sessions s
               where s.user_id = $1 and s.phone = h.phone and s.status = 'verified' and s.purpose = 'change_phone'
                 and s.verified_at > clock_timestamp() - interval '15 minutes'
                 -- What the index knows. A code that a provider checks may be right a moment after its end.
                 and s.expires_at > clock_timestamp() - interval '16 minutes'
           ) as "shown_lately!"
           from (select coalesce((select v.phone from public.verified_phones v where v.user_id = $1),
                                 (select c.phone from public.user_contact_settings c where c.user_id = $1)) as phone) h
           where h.phone is not null"#,
        user_id,
        phone,
    )
    .fetch_optional(db)
    .await?;
    Ok(match found {
        None => Holds::Nothing,
        Some(row) if row.is_this => Holds::This,
        Some(row) => Holds::Another { shown_lately: row.shown_lately },
    })
}

/// Whether `user_id` has another number than `phone`, of which no code for a change was right within 15 minutes.
pub async fn is_another(db: impl PgExecutor<'_>, user_id: &str, phone: &str) -> sqlx::Result<bool> {
    Ok(holds(db, user_id, phone).await? == (Holds::Another { shown_lately: false }))
}

/// Takes the number of `user_id` away from them, into their history.
async fn end(db: impl PgExecutor<'_>, user_id: &str, by: &str) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!(
        "with gone as (delete from public.verified_phones where user_id = $1 returning user_id, phone, verified_at)
         insert into public.verified_phone_changes (user_id, phone, verified_at, ended_by)
         select user_id, phone, verified_at, $2 from gone returning phone",
        user_id,
        by,
    )
    .fetch_optional(db)
    .await
}

/// What is verified is where the user's own codes go.
async fn set_contact(db: impl PgExecutor<'_>, shown: Shown<'_>) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into public.user_contact_settings (user_id, phone) values ($1, $2)
         on conflict (user_id) do update set phone = excluded.phone, updated_at = clock_timestamp()",
        shown.user_id,
        shown.phone,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Finds the number of a user.
pub async fn find(db: impl PgExecutor<'_>, user_id: &str) -> sqlx::Result<Option<VerifiedPhone>> {
    sqlx::query_as!(
        VerifiedPhone,
        "select phone, verified_at from public.verified_phones where user_id = $1",
        user_id,
    )
    .fetch_optional(db)
    .await
}

/// Lists the numbers that a user had before, the last one first; at most a hundred.
pub async fn list_former(db: impl PgExecutor<'_>, user_id: &str) -> sqlx::Result<Vec<FormerPhone>> {
    sqlx::query_as!(
        FormerPhone,
        "select phone, verified_at, ended_at, ended_by from public.verified_phone_changes
         where user_id = $1 order by id desc limit 100",
        user_id,
    )
    .fetch_all(db)
    .await
}

/// Takes a user's number away: it is free for others, and no code goes there any more. `false` if they have none.
/// To be called within a transaction.
pub async fn remove(db: &mut PgConnection, user_id: &str) -> sqlx::Result<bool> {
    lock_user(&mut *db, user_id).await?;
    let Some(phone) = end(&mut *db, user_id, "removed").await? else { return Ok(false) };
    sqlx::query!(
        "update public.user_contact_settings set phone = null, updated_at = clock_timestamp()
         where user_id = $1 and phone = $2",
        user_id,
        phone,
    )
    .execute(db)
    .await?;
    Ok(true)
}

/// Whether another number is taken only after a code to the one before was right.
pub async fn needs_old(db: impl PgExecutor<'_>) -> sqlx::Result<bool> {
    sqlx::query_scalar!("select change_needs_old from smsgw.identity_settings").fetch_one(db).await
}

/// Sets whether another number is taken only after a code to the one before was right.
pub async fn set_needs_old(db: impl PgExecutor<'_>, change_needs_old: bool) -> sqlx::Result<()> {
    sqlx::query!(
        "update smsgw.identity_settings set change_needs_old = $1, updated_at = clock_timestamp()",
        change_needs_old,
    )
    .execute(db)
    .await?;
    Ok(())
}
