//! `sms_spend`, `sms_campaign_spend`: what the messages of campaigns cost, reserved as they are made.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use sqlx::PgExecutor;

use crate::ids::CampaignId;
use crate::money::{Amount, Currency};
use crate::phone::Region;
use crate::spend::Sum;

/// What was spent on a day in one country and currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DaySpend {
    /// In UTC.
    pub day: NaiveDate,
    /// ISO 3166 code; `None` for numbers of no country.
    pub country: Option<String>,
    /// ISO 4217 code; `None` for segments whose price was not known.
    pub currency: Option<String>,
    /// How much.
    pub amount: Amount,
    /// For so many segments.
    pub segments: i64,
}

/// What a campaign has spent in one currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CampaignSpend {
    /// ISO 4217 code; `None` for segments whose price was not known.
    pub currency: Option<String>,
    /// How much.
    pub amount: Amount,
    /// For so many segments.
    pub segments: i64,
}

/// The day that spending at `now` counts for.
pub fn day_of(now: DateTime<Utc>) -> NaiveDate {
    now.date_naive()
}

/// Adds what a campaign spends to its day and to itself. Rows of a day are written in one order by all, so that two who
/// spend wait for each other and nothing worse.
pub async fn record(
    db: impl PgExecutor<'_>,
    id: CampaignId,
    day: NaiveDate,
    sums: &[Sum],
) -> sqlx::Result<()> {
    let s = Columns::of(sums);
    sqlx::query!(
        "with added as (
             select * from unnest($3::text[], $4::text[], $5::bigint[], $6::bigint[])
                 as n (country, currency, micros, segments)
         ),
         by_campaign as (
             insert into smsgw.sms_campaign_spend as c (campaign_id, currency, micros, segments)
             select $1, n.currency, sum(n.micros)::bigint, sum(n.segments)::bigint from added n group by n.currency
             on conflict (campaign_id, currency) do update
             set micros = c.micros + excluded.micros, segments = c.segments + excluded.segments
         )
         insert into smsgw.sms_spend as s (day, country, currency, micros, segments)
         select $2, n.country, n.currency, n.micros, n.segments from added n order by n.country, n.currency
         on conflict (day, country, currency) do update
         set micros = s.micros + excluded.micros, segments = s.segments + excluded.segments",
        id as CampaignId,
        day,
        &s.countries as &[&str],
        &s.currencies as &[&str],
        &s.micros,
        &s.segments,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Sums as columns, for `unnest`; what is not known is empty.
pub(super) struct Columns<'a> {
    pub(super) countries: Vec<&'a str>,
    pub(super) currencies: Vec<&'a str>,
    pub(super) micros: Vec<i64>,
    pub(super) segments: Vec<i64>,
}

impl<'a> Columns<'a> {
    pub(super) fn of(sums: &'a [Sum]) -> Self {
        Self {
            countries: sums.iter().map(|sum| sum.country.as_ref().map_or("", Region::as_str)).collect(),
            currencies: sums.iter().map(|sum| sum.currency.as_ref().map_or("", Currency::as_str)).collect(),
            micros: sums.iter().map(|sum| micros(sum.cost)).collect(),
            segments: sums.iter().map(|sum| i64::try_from(sum.segments).unwrap_or(i64::MAX)).collect(),
        }
    }
}

/// What was spent since `day`, the newest day first.
pub async fn list_since(db: impl PgExecutor<'_>, day: NaiveDate) -> sqlx::Result<Vec<DaySpend>> {
    let rows = sqlx::query!(
        r#"select day, nullif(country, '') as country, nullif(currency, '') as currency, micros, segments
           from smsgw.sms_spend where day >= $1 order by day desc, country, currency"#,
        day,
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| DaySpend {
            day: row.day,
            country: row.country,
            currency: row.currency,
            amount: amount(row.micros),
            segments: row.segments,
        })
        .collect())
}

/// What a campaign has spent, by currency.
pub async fn list_of_campaign(db: impl PgExecutor<'_>, id: CampaignId) -> sqlx::Result<Vec<CampaignSpend>> {
    let rows = sqlx::query!(
        "select nullif(currency, '') as currency, micros, segments from smsgw.sms_campaign_spend
         where campaign_id = $1 order by currency",
        id as CampaignId,
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| CampaignSpend {
            currency: row.currency,
            amount: amount(row.micros),
            segments: row.segments,
        })
        .collect())
}

/// As SQL takes it. Beyond nine billion units of a currency nobody is.
pub(super) fn micros(amount: Amount) -> i64 {
    i64::try_from(amount.micros()).unwrap_or(i64::MAX)
}

/// As a row has it; none is negative.
pub(super) fn amount(micros: i64) -> Amount {
    Amount::from_micros(micros.unsigned_abs())
}
