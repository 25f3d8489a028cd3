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

/// Forgets the failures of `phone` and the codes it was sent, which count for its limits; `false` if there are none.
pub async fn forget(db: impl PgExecutor<'_>, phone: &PhoneNumber) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"with failures as (delete from smsgw.otp_phone_failures where phone = $1 returning phone),
           windows as (
               delete from smsgw.otp_windows
               where (kind = 'phone' and subject = $1)
                  or (kind = 'purpose' and subject = any(array(select purpose || ' ' || $1 from smsgw.otp_purposes)))
               returning subject
           )
           select exists (select from failures) or exists (select from windows) as "done!""#,
        phone.as_str(),
    )
    .fetch_one(db)
    .await
}
