//! `sms_spend_alerts`: thresholds of caps that were reached, each told once, and what is still to be posted.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use sqlx::PgExecutor;
use uuid::Uuid;

use super::spend::{amount, day_of, micros};
use crate::ids::CampaignId;
use crate::money::Amount;
use crate::phone::Region;
use crate::spend::{Cap, CapScope};

/// What is told of a threshold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Alert {
    /// Tells it from others, also when it comes twice.
    pub id: Uuid,
    /// The cap's name; `budget` for a campaign's own.
    pub cap: String,
    /// What the cap counts.
    pub scope: CapScope,
    /// The day, the hour or the campaign that it counted.
    pub subject: String,
    /// ISO 3166 code, if it counts one country.
    pub country: Option<String>,
    /// Which campaign, if it counts one.
    pub campaign_id: Option<CampaignId>,
    /// How much may be spent.
    pub limit: Amount,
    /// How much is.
    pub spent: Amount,
    /// ISO 4217 code.
    pub currency: String,
    /// The share in percent that is reached.
    pub threshold: i16,
    /// When it was.
    pub reached_at: DateTime<Utc>,
}

/// A threshold that nobody was told of before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewlyReached {
    /// Of which cap.
    pub cap: String,
    /// The share in percent.
    pub threshold: i16,
}

/// Notes thresholds that a campaign reached on `day`; gives those that were not noted yet, for that day or campaign.
pub async fn note(
    db: impl PgExecutor<'_>,
    id: CampaignId,
    day: NaiveDate,
    reached: &[(&Cap, i16)],
) -> sqlx::Result<Vec<NewlyReached>> {
    let subject = |cap: &Cap| match cap.scope {
        CapScope::Campaign => id.to_string(),
        CapScope::Day
        | CapScope::Country
        | CapScope::CodesDay
        | CapScope::CodesHour
        | CapScope::CodesCountry => day.to_string(),
    };
    insert(db, Some(id), subject, reached).await
}

/// Notes thresholds that codes reached at `at`; gives those that were not noted yet, for that hour where the cap counts
/// hours, else for that day.
pub async fn note_codes(
    db: impl PgExecutor<'_>,
    at: DateTime<Utc>,
    reached: &[(&Cap, i16)],
) -> sqlx::Result<Vec<NewlyReached>> {
    let subject = |cap: &Cap| match cap.scope {
        CapScope::CodesHour => at.format("%Y-%m-%dT%H:00:00Z").to_string(),
        CapScope::Campaign
        | CapScope::Day
        | CapScope::Country
        | CapScope::CodesDay
        | CapScope::CodesCountry => day_of(at).to_string(),
    };
    insert(db, None, subject, reached).await
}

async fn insert(
    db: impl PgExecutor<'_>,
    id: Option<CampaignId>,
    subject: impl Fn(&Cap) -> String,
    reached: &[(&Cap, i16)],
) -> sqlx::Result<Vec<NewlyReached>> {
    let (caps, thresholds): (Vec<&Cap>, Vec<i16>) = reached.iter().copied().unzip();
    let country = |cap: &&Cap| cap.country.as_ref().map_or("", Region::as_str).to_owned();
    sqlx::query_as!(
        NewlyReached,
        r#"insert into smsgw.sms_spend_alerts (cap, subject, limit_micros, threshold, scope, country, campaign_id,
                                               currency, spent_micros)
           select n.cap, n.subject, n.limit_micros, n.threshold, n.scope, nullif(n.country, ''),
                  case when n.scope = 'campaign' then $1::uuid end, n.currency, n.spent_micros
           from unnest($2::text[], $3::text[], $4::bigint[], $5::smallint[], $6::text[], $7::text[], $8::text[],
                       $9::bigint[])
               as n (cap, subject, limit_micros, threshold, scope, country, currency, spent_micros)
           order by n.cap, n.threshold
           on conflict (cap, subject, limit_micros, threshold) do nothing
           returning cap, threshold"#,
        id as Option<CampaignId>,
        &caps.iter().map(|cap| cap.name.as_str()).collect::<Vec<_>>() as &[&str],
        &caps.iter().map(|cap| subject(cap)).collect::<Vec<_>>(),
        &caps.iter().map(|cap| micros(cap.limit)).collect::<Vec<_>>(),
        &thresholds,
        &caps.iter().map(|cap| cap.scope.as_str()).collect::<Vec<_>>() as &[&str],
        &caps.iter().map(country).collect::<Vec<_>>(),
        &caps.iter().map(|cap| cap.currency.as_str()).collect::<Vec<_>>() as &[&str],
        &caps.iter().map(|cap| micros(cap.spent)).collect::<Vec<_>>(),
    )
    .fetch_all(db)
    .await
}

/// Takes up to `limit` alerts that are to be posted. Each comes again later, ten times at most, unless it is
/// [`settle`]d; what is two days old is news no more.
pub async fn take_due(db: impl PgExecutor<'_>, limit: i64) -> sqlx::Result<Vec<Alert>> {
    let rows = sqlx::query!(
        r#"update smsgw.sms_spend_alerts
           set tries = tries + 1,
               due_at = case when tries < 9
                   then clock_timestamp() + least(interval '10 seconds' * power(4::float8, tries::float8), interval '10 hours')
                   end
           where id in (select id from smsgw.sms_spend_alerts
                        where due_at <= clock_timestamp() and reached_at > clock_timestamp() - interval '2 days'
                        order by due_at limit $1 for update skip locked)
           returning id, cap, scope as "scope: CapScope", subject, country, campaign_id as "campaign_id: CampaignId",
                     limit_micros, spent_micros, currency, threshold, reached_at"#,
        limit,
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Alert {
            id: row.id,
            cap: row.cap,
            scope: row.scope,
            subject: row.subject,
            country: row.country,
            campaign_id: row.campaign_id,
            limit: amount(row.limit_micros),
            spent: amount(row.spent_micros),
            currency: row.currency,
            threshold: row.threshold,
            reached_at: row.reached_at,
        })
        .collect())
}

/// Somebody has taken an alert: it is posted no more.
pub async fn settle(db: impl PgExecutor<'_>, id: Uuid) -> sqlx::Result<()> {
    sqlx::query!("update smsgw.sms_spend_alerts set due_at = null where id = $1", id).execute(db).await?;
    Ok(())
}
