//! `sms_frequency_cap`, `sms_promo_contacts`: how often campaigns may send promo to one person, over all of them.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgExecutor;

/// The most that a cap may allow.
pub const MAX_MOST: i16 = 100;
/// The longest time that may count: 90 days.
pub const MAX_HOURS: i32 = 90 * 24;

/// How often one person may get promo.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FrequencyCap {
    /// So often.
    pub most: i16,
    /// Within so many hours.
    pub within_hours: i32,
    /// When it was last set.
    pub updated_at: DateTime<Utc>,
}

/// The cap, if there is one.
pub async fn find(db: impl PgExecutor<'_>) -> sqlx::Result<Option<FrequencyCap>> {
    sqlx::query_as!(FrequencyCap, "select most, within_hours, updated_at from smsgw.sms_frequency_cap")
        .fetch_optional(db)
        .await
}

/// Sets the cap. It counts what is sent from then on.
pub async fn replace(db: impl PgExecutor<'_>, most: i16, within_hours: i32) -> sqlx::Result<FrequencyCap> {
    sqlx::query_as!(
        FrequencyCap,
        "insert into smsgw.sms_frequency_cap (most, within_hours) values ($1, $2)
         on conflict (only_one) do update
         set most = excluded.most, within_hours = excluded.within_hours, updated_at = excluded.updated_at
         returning most, within_hours, updated_at",
        most,
        within_hours,
    )
    .fetch_one(db)
    .await
}

/// Removes the cap; `false` if there is none.
pub async fn delete(db: impl PgExecutor<'_>) -> sqlx::Result<bool> {
    let done = sqlx::query!("delete from smsgw.sms_frequency_cap").execute(db).await?;
    Ok(done.rows_affected() > 0)
}

/// Of `phones`, each once, those that have had all that the cap allows; the others are counted as texted now. The row of
/// a person is what two campaigns wait for, in the same order; the caller commits. Who was noted as texted under `key` just
/// now, and is not, is nobody's duplicate.
pub async fn count_people(
    db: impl PgExecutor<'_>,
    cap: &FrequencyCap,
    key: Option<&str>,
    phones: &[&str],
) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"with counted as (
               insert into smsgw.sms_promo_contacts as c (phone, times, until)
               select phone, array[clock_timestamp()], clock_timestamp() + make_interval(hours => $2)
               from unnest($3::text[]) as p (phone) order by phone
               on conflict (phone) do update
               set times = array(select t from unnest(c.times) as t
                                 where t > excluded.times[1] - make_interval(hours => $2)) || excluded.times,
                   until = excluded.until
               where (select count(*) from unnest(c.times) as t
                      where t > excluded.times[1] - make_interval(hours => $2)) < $1
               returning phone
           ),
           full_already as (
               select p.phone from unnest($3::text[]) as p (phone)
               where not exists (select from counted c where c.phone = p.phone)
           ),
           forgotten as (
               delete from smsgw.sms_campaign_dedupe d using full_already f where d.key = $4 and d.phone = f.phone
           )
           select phone as "phone!" from full_already"#,
        i64::from(cap.most),
        cap.within_hours,
        phones as &[&str],
        key,
    )
    .fetch_all(db)
    .await
}
