//! OTP sessions: challenges, their attempts and their end.
//!
//! Starting one is in [`super::intake`], since the session and the message that carries its code are
//! one statement.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgExecutor;

use crate::ids::{ApiKeyId, SessionId};

/// Where a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum SessionStatus {
    /// Its code is on its way.
    Pending,
    /// A provider took the code.
    Sent,
    /// The right code was given. Final.
    Verified,
    /// Its time ran out. Final.
    Expired,
    /// Too many wrong codes. Final.
    Locked,
    /// Another session took its place. Final; nothing sets it yet.
    Superseded,
    /// No provider took the code. Another can be asked for, and what arrived after all is still good.
    SendFailed,
}

/// A session about to be stored.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// Random.
    pub id: SessionId,
    /// The application's id of the user.
    pub user_id: Option<String>,
    /// E.164.
    pub phone: String,
    /// What the code is for.
    pub purpose: &'static str,
    /// Checks allowed over all codes of the session.
    pub max_attempts: i16,
    /// Keyed hash of the code.
    pub code_mac: Vec<u8>,
    /// Language of the text.
    pub locale: Option<String>,
    /// Provider to try first.
    pub hint: Option<String>,
    /// The key that asked.
    pub api_key_id: ApiKeyId,
    /// No other code before this time.
    pub resend_at: DateTime<Utc>,
    /// The code is worth nothing after this time.
    pub expires_at: DateTime<Utc>,
}

/// A session as it is stored.
#[derive(Clone, Debug)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// The application's id of the user.
    pub user_id: Option<String>,
    /// E.164.
    pub phone: String,
    /// What the code is for.
    pub purpose: String,
    /// Where it stands.
    pub status: SessionStatus,
    /// Checks taken, right or wrong.
    pub attempts: i16,
    /// Checks allowed.
    pub max_attempts: i16,
    /// Codes sent.
    pub sends: i16,
    /// Language of the text.
    pub locale: Option<String>,
    /// Provider to try first.
    pub hint: Option<String>,
    /// No other code before this time.
    pub resend_at: DateTime<Utc>,
    /// The code is worth nothing after this time.
    pub expires_at: DateTime<Utc>,
    /// When it was started.
    pub created_at: DateTime<Utc>,
    /// When the right code was given.
    pub verified_at: Option<DateTime<Utc>>,
    /// The database's time.
    pub now: DateTime<Utc>,
}

/// A check that was taken from a session's allowance.
#[derive(Clone, Debug)]
pub struct ClaimedAttempt {
    /// E.164.
    pub phone: String,
    /// What the code is for.
    pub purpose: String,
    /// Keyed hash of the right code.
    pub code_mac: Option<Vec<u8>>,
    /// Checks taken, this one included.
    pub attempts: i16,
    /// Checks allowed.
    pub max_attempts: i16,
}

/// Finds a session.
pub async fn find(db: impl PgExecutor<'_>, id: SessionId) -> sqlx::Result<Option<Session>> {
    sqlx::query_as!(
        Session,
        r#"select id as "id: SessionId", user_id, phone, purpose, status as "status: SessionStatus", attempts,
                  max_attempts, sends, locale, hint, resend_at, expires_at, created_at, verified_at,
                  clock_timestamp() as "now!"
           from public.sms_otp_sessions where id = $1"#,
        id as SessionId,
    )
    .fetch_optional(db)
    .await
}

/// Finds a session and holds it until the transaction ends, so that two resends come one by one.
pub async fn find_locked(db: impl PgExecutor<'_>, id: SessionId) -> sqlx::Result<Option<Session>> {
    sqlx::query_as!(
        Session,
        r#"select id as "id: SessionId", user_id, phone, purpose, status as "status: SessionStatus", attempts,
                  max_attempts, sends, locale, hint, resend_at, expires_at, created_at, verified_at,
                  clock_timestamp() as "now!"
           from public.sms_otp_sessions where id = $1 for update"#,
        id as SessionId,
    )
    .fetch_optional(db)
    .await
}

/// Takes one check from an open session's allowance. To be committed before the code is compared:
/// then no number of parallel requests gets more checks than are allowed.
pub async fn claim_attempt(db: impl PgExecutor<'_>, id: SessionId) -> sqlx::Result<Option<ClaimedAttempt>> {
    sqlx::query_as!(
        ClaimedAttempt,
        r#"update public.sms_otp_sessions set attempts = attempts + 1
           where id = $1 and status in ('pending', 'sent', 'send_failed') and expires_at > clock_timestamp()
             and attempts < max_attempts
           returning phone, purpose, code_mac, attempts, max_attempts"#,
        id as SessionId,
    )
    .fetch_optional(db)
    .await
}

/// Ends a session by its right code. `false` if that code was used or replaced in the meantime: of
/// any number of right answers one gets `true`.
pub async fn consume(db: impl PgExecutor<'_>, id: SessionId, code_mac: &[u8]) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        r#"update public.sms_otp_sessions set status = 'verified', verified_at = clock_timestamp()
           where id = $1 and status in ('pending', 'sent', 'send_failed') and code_mac = $2"#,
        id as SessionId,
        code_mac,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Locks a session whose checks are used up; `false` if it had ended already.
pub async fn lock(db: impl PgExecutor<'_>, id: SessionId) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        r#"update public.sms_otp_sessions set status = 'locked'
           where id = $1 and status in ('pending', 'sent', 'send_failed') and attempts >= max_attempts"#,
        id as SessionId,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Gives a session another code. The checks already taken stay taken.
pub async fn renew(
    db: impl PgExecutor<'_>,
    id: SessionId,
    code_mac: &[u8],
    resend_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"update public.sms_otp_sessions
           set status = 'pending', code_mac = $2, sends = sends + 1, resend_at = $3, expires_at = $4
           where id = $1"#,
        id as SessionId,
        code_mac,
        resend_at,
        expires_at,
    )
    .execute(db)
    .await?;
    Ok(())
}
