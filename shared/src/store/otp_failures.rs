//! Wrong codes in a row, by phone. They are counted where checks are claimed, see [`super::otp_sessions`].

use std::time::Duration;

use sqlx::PgExecutor;

use crate::phone::PhoneNumber;

/// For how long no code of `phone` is compared, if so; for years if only an operator can change that.
pub async fn locked_for(db: impl PgExecutor<'_>, phone: &PhoneNumber) -> sqlx::Result<Option<Duration>> {
    let seconds = sqlx::query_scalar!(
        r#"select extract(epoch from least(locked_until, clock_timestamp() + interval '10 years') - clock_timestamp())
                      ::double precision as "seconds!"
           from smsgw.otp_phone_failures where phone = $1 and locked_until > clock_timestamp()"#,
        phone.as_str(),
    )
    .fetch_optional(db)
    .await?;
    Ok(seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()))
}

/// Forgets the failures of `phone`; `false` if there are none.
pub async fn forget(db: impl PgExecutor<'_>, phone: &PhoneNumber) -> sqlx::Result<bool> {
    let done = sqlx::query!("delete from smsgw.otp_phone_failures where phone = $1", phone.as_str())
        .execute(db)
        .await?;
    Ok(done.rows_affected() == 1)
}
