//! `codes_spend`: what codes cost, reserved as they are started, while an operator has set a cap for them.

use sqlx::{PgConnection, PgExecutor};

use super::spend::Columns;
use super::{spend, spend_alerts, spend_caps};
use crate::ids::CampaignId;
use crate::spend::{Purse, Sum};

/// Whether there is a cap for codes.
pub async fn is_capped(db: impl PgExecutor<'_>) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (select from smsgw.sms_spend_caps where scope like 'codes%') as "is_capped!""#
    )
    .fetch_one(db)
    .await
}

/// What codes may still cost. Until the transaction ends no other code is paid for.
pub async fn open_purse(db: &mut PgConnection) -> sqlx::Result<Purse> {
    // By a statement of its own: who waits for the lock must read the sums afterwards.
    sqlx::query!(
        "select name from smsgw.sms_spend_caps where scope like 'codes%' order by name for no key update"
    )
    .fetch_all(&mut *db)
    .await?;
    let now = sqlx::query_scalar!(r#"select clock_timestamp() as "now!""#).fetch_one(&mut *db).await?;
    let stored = spend_caps::list(&mut *db, spend::day_of(now)).await?;
    let of_codes = stored.into_iter().filter(|cap| cap.scope.is_of_codes());
    Ok(Purse::new(of_codes.filter_map(spend_caps::StoredCap::of_codes).collect()))
}

/// Writes down what was spent from it, and which thresholds were reached, each once a day.
pub async fn close_purse(db: &mut PgConnection, purse: &Purse) -> sqlx::Result<()> {
    let sums = purse.sums();
    if !sums.is_empty() {
        record(&mut *db, &sums).await?;
    }
    let reached = purse.reached();
    if !reached.is_empty() {
        let now = sqlx::query_scalar!(r#"select clock_timestamp() as "now!""#).fetch_one(&mut *db).await?;
        spend_alerts::note(db, CampaignId(uuid::Uuid::nil()), spend::day_of(now), &reached).await?;
    }
    Ok(())
}

async fn record(db: impl PgExecutor<'_>, sums: &[Sum]) -> sqlx::Result<()> {
    let s = Columns::of(sums);
    sqlx::query!(
        "insert into smsgw.codes_spend as s (hour, country, currency, micros, segments)
         select date_bin('1 hour', clock_timestamp(), 'epoch'), n.country, n.currency, n.micros, n.segments
         from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) as n (country, currency, micros, segments)
         order by n.country, n.currency
         on conflict (hour, country, currency) do update
         set micros = s.micros + excluded.micros, segments = s.segments + excluded.segments",
        &s.countries as &[&str],
        &s.currencies as &[&str],
        &s.micros,
        &s.segments,
    )
    .execute(db)
    .await?;
    Ok(())
}
