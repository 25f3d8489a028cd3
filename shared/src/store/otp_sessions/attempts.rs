//! Checks of a session: taken, given back, and the end that the right code or the last wrong one makes.

use sqlx::PgExecutor;

use crate::ids::SessionId;

/// A check that was taken from a session's allowance.
#[derive(Clone, Debug)]
pub struct ClaimedAttempt {
    /// E.164.
    pub phone: String,
    /// What the code is for.
    pub purpose: String,
    /// The application's id of the user.
    pub user_id: Option<String>,
    /// Keyed hash of the right code.
    pub code_mac: Option<Vec<u8>>,
    /// Checks taken, this one included.
    pub attempts: i16,
    /// Checks allowed.
    pub max_attempts: i16,
    /// Codes sent: tells which of them is compared.
    pub sends: i16,
    /// Who took the message.
    pub provider_name: Option<String>,
    /// The provider's own session, if the code was made there.
    pub provider_session_id: Option<String>,
    /// Whether the phone allows a comparison; otherwise it is locked.
    pub may_compare: bool,
}

/// Takes one check from an open session's allowance and counts it as a failure of its phone. To be committed before
/// the code is compared: then no number of parallel requests gets more checks than are allowed.
///
/// With `user_id`, only of a session of that user.
///
/// From the 10th failure in a row on a phone is locked, for 30 minutes at first and twice as long each time, at most a
/// day; from the 100th on until an operator forgets them (NIST SP 800-63B-4, 3.2.2; PCI DSS 4.0.1, 8.3.4).
pub async fn claim_attempt(
    db: impl PgExecutor<'_>,
    id: SessionId,
    user_id: Option<&str>,
    digits: usize,
) -> sqlx::Result<Option<ClaimedAttempt>> {
    sqlx::query_as!(
        ClaimedAttempt,
        r#"with claimed as (
               update public.sms_otp_sessions set attempts = attempts + 1
               where id = $1 and status in ('pending', 'sent', 'send_failed') and expires_at > clock_timestamp()
                 and attempts < max_attempts
                 -- How long a code is that a provider made is for that provider to say.
                 and (code_length = $2 or provider_session_id is not null)
                 and ($3::text is null or user_id = $3)
               returning phone, purpose, user_id, code_mac, attempts, max_attempts, sends, provider_name,
                         provider_session_id
           ),
           counted as (
               insert into smsgw.otp_phone_failures as f (phone, failures) select phone, 1 from claimed
               on conflict (phone) do update
               set failures = f.failures + 1,
                   updated_at = clock_timestamp(),
                   locked_until = case
                       when f.failures + 1 >= 100 then 'infinity'
                       when f.failures + 1 >= 10 then
                           clock_timestamp()
                           + least(interval '30 minutes' * power(2, least(f.failures + 1 - 10, 10)), interval '1 day')
                   end
               where coalesce(f.locked_until, '-infinity') <= clock_timestamp()
               returning phone
           )
           select phone as "phone!", purpose as "purpose!", user_id, code_mac, attempts as "attempts!",
                  max_attempts as "max_attempts!", sends as "sends!", provider_name, provider_session_id,
                  exists (select from counted) as "may_compare!"
           from claimed"#,
        id as SessionId,
        i16::try_from(digits).unwrap_or(i16::MAX),
        user_id,
    )
    .fetch_optional(db)
    .await
}

/// Gives a check back that nobody could make: it was neither right nor wrong. If the session was locked meanwhile, by
/// another wrong code when this was its last check, it stays so.
pub async fn give_back(db: impl PgExecutor<'_>, id: SessionId) -> sqlx::Result<()> {
    sqlx::query!(
        "with session as (
             update public.sms_otp_sessions set attempts = attempts - 1 where id = $1 and attempts > 0 returning phone
         ),
         first as (
             delete from smsgw.otp_phone_failures f using session s where f.phone = s.phone and f.failures <= 1
         )
         -- Nothing is counted for a locked phone, so a lock that is there was set by this check or after it.
         update smsgw.otp_phone_failures f set failures = f.failures - 1, locked_until = null
         from session s where f.phone = s.phone and f.failures > 1",
        id as SessionId,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Ends a session by its right code, the `sends`-th, and forgets its phone's failures. `false` if that code was used
/// or replaced in the meantime: of any number of right answers one gets `true`.
pub async fn consume(db: impl PgExecutor<'_>, id: SessionId, sends: i16) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"with consumed as (
               update public.sms_otp_sessions
               set status = 'verified', verified_at = clock_timestamp(), sealed_code = null
               where id = $1 and status in ('pending', 'sent', 'send_failed') and sends = $2
               returning phone
           ),
           forgotten as (
               delete from smsgw.otp_phone_failures f using consumed c where f.phone = c.phone
           )
           select exists (select from consumed) as "done!""#,
        id as SessionId,
        sends,
    )
    .fetch_one(db)
    .await
}

/// Locks a session whose checks are used up; `false` if it had ended already.
pub async fn lock(db: impl PgExecutor<'_>, id: SessionId) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        r#"update public.sms_otp_sessions set status = 'locked', sealed_code = null
           where id = $1 and status in ('pending', 'sent', 'send_failed') and attempts >= max_attempts"#,
        id as SessionId,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}
