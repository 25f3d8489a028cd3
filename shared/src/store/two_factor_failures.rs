//! `smsgw.two_factor_failures`: wrong codes of a user in a row, over authenticator app and backup codes.

use std::time::Duration;

use sqlx::PgExecutor;

/// So many in a row lock a user for half an hour; each further one for twice as long, at most a day.
pub const MOST: i32 = 10;

/// Counts a code as wrong until it proves right; gives how many there were in a row, or `None` while the user is locked. To
/// be committed before the code is looked at: then many at once are no more than many in turn.
pub async fn claim(db: impl PgExecutor<'_>, user_id: &str) -> sqlx::Result<Option<i32>> {
    sqlx::query_scalar!(
        "insert into smsgw.two_factor_failures as f (user_id, failures) values ($1, 1)
         on conflict (user_id) do update
         set failures = f.failures + 1,
             updated_at = clock_timestamp(),
             locked_until = case when f.failures + 1 >= $2 then
                 clock_timestamp()
                 + least(interval '30 minutes' * power(2, least(f.failures + 1 - $2, 10)), interval '1 day')
             end
         where coalesce(f.locked_until, '-infinity') <= clock_timestamp()
         returning failures",
        user_id,
        MOST,
    )
    .fetch_optional(db)
    .await
}

/// For how long a user's codes are not looked at, if so.
pub async fn locked_for(db: impl PgExecutor<'_>, user_id: &str) -> sqlx::Result<Option<Duration>> {
    let seconds = sqlx::query_scalar!(
        r#"select extract(epoch from locked_until - clock_timestamp())::double precision as "seconds!"
           from smsgw.two_factor_failures where user_id = $1 and locked_until > clock_timestamp()"#,
        user_id,
    )
    .fetch_optional(db)
    .await?;
    Ok(seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()))
}

/// Takes one back: what was typed was no guess. While a user is locked nothing is counted, so a lock that is there was set
/// by this code or one after it.
pub async fn give_back(db: impl PgExecutor<'_>, user_id: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "update smsgw.two_factor_failures set failures = failures - 1, locked_until = null
         where user_id = $1 and failures > 0",
        user_id,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Forgets them: the user has given a right code, or an operator lets them try again; `false` if there are none.
pub async fn forget(db: impl PgExecutor<'_>, user_id: &str) -> sqlx::Result<bool> {
    let done =
        sqlx::query!("delete from smsgw.two_factor_failures where user_id = $1", user_id).execute(db).await?;
    Ok(done.rows_affected() == 1)
}
