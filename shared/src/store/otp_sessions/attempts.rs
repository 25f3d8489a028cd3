//! Checks of a session: taken before the code is compared, many in one statement, and given back.

use sqlx::PgExecutor;
use uuid::Uuid;

use crate::ids::SessionId;
use crate::store::sparse;

/// A check that is asked for.
#[derive(Clone, Debug)]
pub struct AttemptClaim {
    /// Of which session.
    pub session: SessionId,
    /// Only if it is this user's.
    pub user_id: Option<String>,
    /// Digits of the code that was typed.
    pub digits: i16,
}

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

/// Claims as columns, for `unnest`.
struct Columns<'a> {
    sessions: Vec<Uuid>,
    digits: Vec<i16>,
    users: Vec<Option<&'a str>>,
}

impl<'a> Columns<'a> {
    fn of(claims: &[&'a AttemptClaim]) -> Self {
        Self {
            sessions: claims.iter().map(|claim| claim.session.0).collect(),
            digits: claims.iter().map(|claim| claim.digits).collect(),
            users: claims.iter().map(|claim| claim.user_id.as_deref()).collect(),
        }
    }
}

/// Takes checks; the tail is how the sessions are locked.
macro_rules! claim_attempts {
    ($db:expr, $claims:expr, $lock:tt) => {{
        let claims = $claims;
        sqlx::query!(
            r#"with asked as (
                   select * from unnest($1::uuid[], $2::smallint[], $3::text[]) with ordinality
                       as a (id, digits, user_id, n)
               ),
               open as materialized (
                   select id, phone, user_id, code_length, provider_session_id from public.sms_otp_sessions
                   where id = any($1) and status in ('pending', 'sent', 'send_failed')
                     and expires_at > clock_timestamp() and attempts < max_attempts
                   for no key update "#
                + $lock
                + r#"
               ),
               -- One check a phone: the next counts what this one has counted.
               chosen as (
                   select distinct on (o.phone) a.n, o.id from asked a join open o on o.id = a.id
                   -- How long a code is that a provider made is for that provider to say.
                   where (o.code_length = a.digits or o.provider_session_id is not null)
                     and (a.user_id is null or o.user_id = a.user_id)
                   order by o.phone, a.n
               ),
               claimed as (
                   update public.sms_otp_sessions s set attempts = s.attempts + 1 from chosen c where s.id = c.id
                   returning c.n, s.phone, s.purpose, s.user_id, s.attempts, s.max_attempts, s.sends, s.provider_name,
                             -- A session may outlive its code; then nothing is right.
                             case when s.code_expires_at is null or s.code_expires_at > clock_timestamp()
                                  then s.code_mac end as code_mac,
                             case when s.code_expires_at is null or s.code_expires_at > clock_timestamp()
                                  then s.provider_session_id end as provider_session_id
               ),
               counted as (
                   -- In order, so that no two statements wait for each other.
                   insert into smsgw.otp_phone_failures as f (phone, failures)
                   select phone, 1 from claimed order by phone
                   on conflict (phone) do update
                   set failures = f.failures + 1,
                       updated_at = clock_timestamp(),
                       locked_until = case
                           when f.failures + 1 >= 100 then 'infinity'
                           when f.failures + 1 >= 10 then
                               clock_timestamp()
                               + least(interval '30 minutes' * power(2, least(f.failures + 1 - 10, 10)),
                                       interval '1 day')
                       end
                   where coalesce(f.locked_until, '-infinity') <= clock_timestamp()
                   returning phone
               )
               select n as "n!", phone as "phone!", purpose as "purpose!", user_id, code_mac, attempts as "attempts!",
                      max_attempts as "max_attempts!", sends as "sends!", provider_name, provider_session_id,
                      phone in (select phone from counted) as "may_compare!"
               from claimed"#,
            &claims.sessions,
            &claims.digits,
            sparse(&claims.users) as &[Option<&str>],
        )
        .map(|row| {
            let attempt = ClaimedAttempt {
                phone: row.phone,
                purpose: row.purpose,
                user_id: row.user_id,
                code_mac: row.code_mac,
                attempts: row.attempts,
                max_attempts: row.max_attempts,
                sends: row.sends,
                provider_name: row.provider_name,
                provider_session_id: row.provider_session_id,
                may_compare: row.may_compare,
            };
            (row.n, attempt)
        })
        .fetch_all($db)
        .await
    }};
}

/// Takes one check from an open session's allowance and counts it as a failure of its phone. To be committed before
/// the code is compared: then no number of parallel requests gets more checks than are allowed.
///
/// From the 10th failure in a row on a phone is locked, for 30 minutes at first and twice as long each time, at most a
/// day; from the 100th on until an operator forgets them (NIST SP 800-63B-4, 3.2.2; PCI DSS 4.0.1, 8.3.4).
pub async fn claim_attempt(
    db: impl PgExecutor<'_>,
    claim: &AttemptClaim,
) -> sqlx::Result<Option<ClaimedAttempt>> {
    let claimed = claim_attempts!(db, Columns::of(&[claim]), "")?;
    Ok(claimed.into_iter().next().map(|(_, attempt)| attempt))
}

/// As [`claim_attempt`] for each of `claims`, in their order, as far as they are in nobody's way: a session that
/// somebody else holds, and a second check of the same phone, get `None` like a session that takes no more checks.
/// Ask for these singly. Only a phone that is held elsewhere is waited for.
pub async fn claim_attempts(
    db: impl PgExecutor<'_>,
    claims: &[&AttemptClaim],
) -> sqlx::Result<Vec<Option<ClaimedAttempt>>> {
    let claimed = claim_attempts!(db, Columns::of(claims), "skip locked")?;
    let mut attempts = vec![None; claims.len()];
    for (n, attempt) in claimed {
        attempts[position(n)] = Some(attempt);
    }
    Ok(attempts)
}

/// The index of what Postgres counts from one.
pub(super) fn position(ordinality: i64) -> usize {
    usize::try_from(ordinality - 1).expect("ordinality begins at one")
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
