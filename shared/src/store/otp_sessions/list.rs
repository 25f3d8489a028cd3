//! Sessions as an operator lists them.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgExecutor;

use crate::ids::SessionId;
use crate::phone::PhoneNumber;

/// A session as a list shows it.
#[derive(Clone, Debug, Serialize)]
pub struct ListedSession {
    /// Its id.
    pub id: SessionId,
    /// The application's id of the user.
    pub user_id: Option<String>,
    /// E.164.
    pub phone: String,
    /// What the code is for.
    pub purpose: String,
    /// Where it stands.
    pub status: String,
    /// Why no code was sent, if none was.
    pub withheld: Option<String>,
    /// Who took the last code.
    pub provider_name: Option<String>,
    /// Checks taken, right or wrong.
    pub attempts: i16,
    /// Checks allowed.
    pub max_attempts: i16,
    /// Codes sent.
    pub sends: i16,
    /// The code is worth nothing after this time.
    pub expires_at: DateTime<Utc>,
    /// When it was started.
    pub created_at: DateTime<Utc>,
    /// When the right code was given.
    pub verified_at: Option<DateTime<Utc>>,
}

/// Lists the newest sessions, of one phone or one user if asked for.
pub async fn list(
    db: impl PgExecutor<'_>,
    phone: Option<&PhoneNumber>,
    user_id: Option<&str>,
    limit: i64,
) -> sqlx::Result<Vec<ListedSession>> {
    sqlx::query_as!(
        ListedSession,
        r#"select id as "id: SessionId", user_id, phone, purpose, status, withheld, provider_name, attempts,
                  max_attempts, sends, expires_at, created_at, verified_at
           from public.sms_otp_sessions
           where ($1::text is null or phone = $1) and ($2::text is null or user_id = $2)
           order by created_at desc limit $3"#,
        phone.map(PhoneNumber::as_str),
        user_id,
        limit,
    )
    .fetch_all(db)
    .await
}
