//! `reset_tokens`: what a right code for a new password is exchanged for, good once.

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::PgExecutor;

use crate::ids::{ApiKeyId, SessionId};
use crate::seal::{Mac, random_secret};

/// A token as its holder gets it.
#[derive(Clone, Debug)]
pub struct ResetToken {
    /// What is redeemed.
    pub token: SecretString,
    /// It is worth nothing after this time.
    pub expires_at: DateTime<Utc>,
}

/// Who may choose another password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redeemed {
    /// The user: whom the code was asked for, else whose verified number it was sent to; `None` if neither is known.
    pub user_id: Option<String>,
    /// E.164.
    pub phone: String,
    /// The session of the code.
    pub session: SessionId,
}

/// Makes the token of a session whose code was right, good for ten minutes. To be called in the transaction that uses the
/// code up.
///
/// A server says whose password it is. Whoever has but a user's own token may choose any number for the code: it is that
/// user's password only if the number is theirs.
pub async fn issue(db: impl PgExecutor<'_>, mac: &Mac, session: SessionId) -> sqlx::Result<ResetToken> {
    let token = random_secret();
    let expires_at = sqlx::query_scalar!(
        "insert into smsgw.reset_tokens (token_mac, session_id, user_id, phone, expires_at)
         select $1, s.id,
                coalesce(
                    case when s.api_key_id is distinct from $3
                           or exists (select from public.verified_phones v
                                      where v.user_id = s.user_id and v.phone = s.phone)
                           or exists (select from public.user_contact_settings c
                                      where c.user_id = s.user_id and c.phone = s.phone)
                         then s.user_id end,
                    (select v.user_id from public.verified_phones v where v.phone = s.phone)),
                s.phone, date_trunc('milliseconds', clock_timestamp() + interval '10 minutes')
         from public.sms_otp_sessions s where s.id = $2
         returning expires_at",
        mac.tag(&[token.expose_secret().as_bytes()]),
        session as SessionId,
        ApiKeyId::USERS as ApiKeyId,
    )
    .fetch_one(db)
    .await?;
    Ok(ResetToken { token, expires_at })
}

/// Uses a token up. `None` if there is none such, if it was used, or if its time is over: of any number of callers one
/// gets the answer.
pub async fn redeem(db: impl PgExecutor<'_>, mac: &Mac, token: &str) -> sqlx::Result<Option<Redeemed>> {
    sqlx::query_as!(
        Redeemed,
        r#"update smsgw.reset_tokens set redeemed_at = clock_timestamp()
           where token_mac = any($1) and redeemed_at is null and expires_at > clock_timestamp()
           returning user_id, phone, session_id as "session: SessionId""#,
        &mac.tags(&[token.as_bytes()]),
    )
    .fetch_optional(db)
    .await
}
