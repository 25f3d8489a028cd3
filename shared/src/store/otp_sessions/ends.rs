//! The end that the right code or the last wrong one makes.

use sqlx::PgExecutor;

use super::attempts::position;
use crate::ids::SessionId;

/// A session whose right code was given.
#[derive(Clone, Copy, Debug)]
pub struct RightCode {
    /// The session.
    pub session: SessionId,
    /// Which of its codes: the `sends`-th.
    pub sends: i16,
}

/// Ends sessions by their right codes; the tails are which sessions and how they are locked.
macro_rules! consume {
    ($db:expr, $codes:expr, $which:tt, $lock:tt) => {
        sqlx::query_scalar!(
            r#"with asked as (
                   select * from unnest($1::uuid[], $2::smallint[]) with ordinality as a (id, sends, n)
               ),
               open as materialized (
                   select id, sends from public.sms_otp_sessions s
                   where id = any($1) and status in ('pending', 'sent', 'send_failed') "#
                + $which
                + " for no key update "
                + $lock
                + r#"
               ),
               chosen as (
                   select distinct on (o.id) a.n, o.id from asked a join open o on o.id = a.id and o.sends = a.sends
                   order by o.id, a.n
               ),
               consumed as (
                   update public.sms_otp_sessions s
                   set status = 'verified', verified_at = clock_timestamp(), sealed_code = null
                   from chosen c where s.id = c.id
                   returning c.n, s.phone
               ),
               failed as materialized (
                   -- In order, so that no two statements wait for each other.
                   select phone from smsgw.otp_phone_failures where phone in (select phone from consumed)
                   order by phone for update
               ),
               forgotten as (
                   delete from smsgw.otp_phone_failures f using failed where f.phone = failed.phone
               )
               select n as "n!" from consumed"#,
            &$codes.iter().map(|code| code.session.0).collect::<Vec<_>>(),
            &$codes.iter().map(|code| code.sends).collect::<Vec<_>>(),
        )
        .fetch_all($db)
    };
}

/// Ends a session by its right code and forgets its phone's failures. `false` if that code was used or replaced in the
/// meantime: of any number of right answers one gets `true`. What waits to be sent is for the caller to withdraw.
pub async fn consume(db: impl PgExecutor<'_>, code: RightCode) -> sqlx::Result<bool> {
    Ok(!consume!(db, [code], "", "").await?.is_empty())
}

/// As [`consume`] for each of `codes`, in their order, as far as they are in nobody's way: `false` as well for a
/// session that somebody else holds, or of which a message still waits. Ask for these singly.
///
/// A code that is typed in has nearly always left long ago. A resend that stores another message meanwhile counts it
/// in `sends`, so it is not overlooked.
pub async fn consume_sent(db: impl PgExecutor<'_>, codes: &[&RightCode]) -> sqlx::Result<Vec<bool>> {
    let consumed = consume!(
        db,
        codes,
        "and not exists (select from smsgw.sms_outbox m where m.session_id = s.id)",
        "skip locked"
    )
    .await?;
    let mut done = vec![false; codes.len()];
    for n in consumed {
        done[position(n)] = true;
    }
    Ok(done)
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
