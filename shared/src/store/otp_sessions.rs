//! OTP sessions: challenges, their attempts and their end.
//!
//! Starting one is in [`super::intake`], since the session and the message that carries its code are
//! one statement.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgExecutor;

use crate::ids::{ApiKeyId, MessageId, SessionId};
use crate::otp_code::CodeLength;
use crate::phone::PhoneNumber;

mod attempts;
mod ends;
mod list;

pub use attempts::{AttemptClaim, ClaimedAttempt, claim_attempt, claim_attempts, give_back};
pub use ends::{RightCode, consume, consume_sent, lock};
pub use list::{ListedSession, list};

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
    /// Digits of its codes.
    pub code_length: CodeLength,
    /// Keyed hash of the code.
    pub code_mac: Vec<u8>,
    /// The code, sealed, if a resend repeats it.
    pub sealed_code: Option<Vec<u8>>,
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
    /// Digits of its codes.
    pub code_length: i16,
    /// Its present code, sealed, if a resend repeats it.
    pub sealed_code: Option<Vec<u8>>,
    /// Why no code was sent, if none was.
    pub withheld: Option<String>,
    /// The message of its newest code; of a withheld one there is none of this id.
    pub message_id: Option<MessageId>,
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
    /// The key that asked.
    pub api_key_id: Option<ApiKeyId>,
    /// When its code is worth nothing, if that is before the session ends.
    pub code_expires_at: Option<DateTime<Utc>>,
}

macro_rules! find_session {
    ($db:expr, $id:expr, $lock:tt) => {
        sqlx::query_as!(
            Session,
            r#"select id as "id: SessionId", user_id, phone, purpose, status as "status: SessionStatus", attempts,
                      max_attempts, sends, code_length, sealed_code, withheld,
                      message_id as "message_id: MessageId", locale, hint, resend_at, expires_at,
                      created_at, verified_at, clock_timestamp() as "now!", api_key_id as "api_key_id: ApiKeyId",
                      code_expires_at
               from public.sms_otp_sessions where id = $1"# + $lock,
            $id as SessionId,
        )
        .fetch_optional($db)
        .await
    };
}

/// Finds a session.
pub async fn find(db: impl PgExecutor<'_>, id: SessionId) -> sqlx::Result<Option<Session>> {
    find_session!(db, id, "")
}

/// Finds the newest session of `phone` for signing in that still takes codes, among those that `key`, or `user_id` by a
/// token, has started.
pub async fn find_newest_open(
    db: impl PgExecutor<'_>,
    phone: &PhoneNumber,
    key: ApiKeyId,
    user_id: Option<&str>,
) -> sqlx::Result<Option<SessionId>> {
    sqlx::query_scalar!(
        r#"select id as "id: SessionId" from public.sms_otp_sessions
           where phone = $1 and purpose = 'login' and api_key_id = $2 and ($3::text is null or user_id = $3)
             and status in ('pending', 'sent', 'send_failed') and expires_at > clock_timestamp()
           order by created_at desc limit 1"#,
        phone.as_str(),
        key as ApiKeyId,
        user_id,
    )
    .fetch_optional(db)
    .await
}

/// Finds a session and holds it until the transaction ends, so that two resends come one by one.
pub async fn find_locked(db: impl PgExecutor<'_>, id: SessionId) -> sqlx::Result<Option<Session>> {
    find_session!(db, id, " for update")
}

/// A session's next code.
#[derive(Debug)]
pub struct Renewal<'a> {
    /// Keyed hash of the code; `None` if it is withheld.
    pub code_mac: Option<&'a [u8]>,
    /// The code, sealed, if the next resend repeats it.
    pub sealed_code: Option<Vec<u8>>,
    /// Its digits.
    pub code_length: CodeLength,
    /// Why it is not sent, if it is not.
    pub withheld: Option<&'static str>,
    /// Its message, also if that is not stored: what becomes of earlier ones then means nothing to the session.
    pub message_id: MessageId,
    /// No other code before this time.
    pub resend_at: DateTime<Utc>,
    /// It is worth nothing after this time.
    pub expires_at: DateTime<Utc>,
}

/// Gives a session another code. The checks already taken stay taken.
pub async fn renew(db: impl PgExecutor<'_>, id: SessionId, renewal: &Renewal<'_>) -> sqlx::Result<()> {
    sqlx::query!(
        r#"update public.sms_otp_sessions
           set status = case when $5::text is null then 'pending' else 'sent' end,
               code_mac = $2, sealed_code = $3, code_length = $4, withheld = $5, sends = sends + 1, resend_at = $6,
               expires_at = $7, message_id = $8, provider_name = null, provider_session_id = null,
               code_expires_at = null
           where id = $1"#,
        id as SessionId,
        renewal.code_mac,
        renewal.sealed_code.as_deref(),
        i16::from(renewal.code_length),
        renewal.withheld,
        renewal.resend_at,
        renewal.expires_at,
        renewal.message_id as MessageId,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Counts a code that is not sent while the one before stays good, as long as it is. Checks that were taken before and are
/// still under way end as with another code.
pub async fn keep_code(
    db: impl PgExecutor<'_>,
    id: SessionId,
    resend_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update public.sms_otp_sessions
         set sends = sends + 1, resend_at = $2, expires_at = $3, code_expires_at = coalesce(code_expires_at, expires_at)
         where id = $1",
        id as SessionId,
        resend_at,
        expires_at,
    )
    .execute(db)
    .await?;
    Ok(())
}
