//! How far a campaign is, from counts that are kept as it goes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sqlx::PgExecutor;

use crate::ids::CampaignId;
use crate::money::Amount;
use crate::store::campaigns::recipients::Place;
use crate::store::spend::amount;

/// How far a campaign is, in messages.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Progress {
    /// Whom it is for.
    pub recipients: i64,
    /// What their texts take together.
    pub segments: i64,
    /// Recipients whose message was made.
    pub fed: i64,
    /// Messages that have ended, however.
    pub ended: i64,
    /// How they ended.
    pub by_status: BTreeMap<String, i64>,
    /// Rows of its lists that had a number it had already.
    pub duplicates: i64,
    /// Rows of countries that are not allowed.
    pub blocked: i64,
    /// Rows that cannot be used for another reason.
    pub rejected: i64,
    /// Rows that came by SQL and are still to be read.
    pub staged: i64,
    /// Messages that ended in the last second, while it runs.
    pub rate_per_second: f32,
    /// What the messages made so far cost, by currency.
    pub spent: Vec<Spent>,
    /// Segments of theirs that have no known price.
    pub unpriced_segments: i64,
}

/// What is spent in one currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Spent {
    /// ISO 4217 code.
    pub currency: String,
    /// How much.
    pub amount: Amount,
}

/// A row of `sms_campaign_spend`; without a currency what has no known price.
#[derive(Debug, Deserialize)]
struct SpendRow {
    currency: String,
    micros: i64,
    segments: i64,
}

/// Reads how far a campaign is.
pub async fn read(db: impl PgExecutor<'_>, id: CampaignId) -> sqlx::Result<Progress> {
    let row = sqlx::query!(
        r#"select p.recipients as "recipients!", p.segments as "segments!", p.fed as "fed!",
                  u.duplicates as "duplicates!", u.blocked as "blocked!", u.rejected as "rejected!",
                  (select count(*) from smsgw.sms_campaign_staged s where s.campaign_id = $1 and s.reason is null)
                      as "staged!",
                  coalesce((select rate from smsgw.sms_campaign_paces a where a.campaign_id = c.id and c.status = 'running'),
                           0) as "rate!",
                  coalesce((select jsonb_object_agg(e.status, e.messages)
                            from (select status, sum(messages) as messages from smsgw.sms_campaign_counts
                                  where campaign_id = $1 group by status) e
                            where e.messages <> 0), '{}') as "by_status!: sqlx::types::Json<BTreeMap<String, i64>>",
                  coalesce((select jsonb_agg(jsonb_build_object('currency', s.currency, 'micros', s.micros,
                                                                'segments', s.segments) order by s.currency)
                            from smsgw.sms_campaign_spend s where s.campaign_id = $1), '[]')
                      as "spent!: sqlx::types::Json<Vec<SpendRow>>"
           from public.sms_campaigns c,
                (select coalesce(sum(recipients), 0)::bigint as recipients, coalesce(sum(segments), 0)::bigint as segments,
                        coalesce(sum(fed), 0)::bigint as fed
                 from smsgw.sms_campaign_places where campaign_id = $1) p,
                (select coalesce(sum(duplicates), 0)::bigint as duplicates, coalesce(sum(blocked), 0)::bigint as blocked,
                        coalesce(sum(rejected), 0)::bigint as rejected
                 from smsgw.sms_campaign_uploads where campaign_id = $1) u
           where c.id = $1"#,
        id as CampaignId,
    )
    .fetch_one(db)
    .await?;
    let (unpriced, priced): (Vec<_>, Vec<_>) =
        row.spent.0.into_iter().partition(|sum| sum.currency.is_empty());
    let spent = |sum: SpendRow| Spent { currency: sum.currency, amount: amount(sum.micros) };
    Ok(Progress {
        spent: priced.into_iter().map(spent).collect(),
        unpriced_segments: unpriced.iter().map(|sum| sum.segments).sum(),
        recipients: row.recipients,
        segments: row.segments,
        fed: row.fed,
        ended: row.by_status.values().sum(),
        by_status: row.by_status.0,
        duplicates: row.duplicates,
        blocked: row.blocked,
        rejected: row.rejected,
        staged: row.staged,
        rate_per_second: row.rate,
    })
}

/// Recipients and segments of one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaceVolume {
    /// Where.
    pub place: Place,
    /// How many people.
    pub recipients: i64,
    /// What their texts take together.
    pub segments: i64,
    /// Of the people, those whose text is UCS-2.
    pub ucs2: i64,
    /// Segments that plainer characters would save.
    pub saved: i64,
    /// Of the people, those whose message was made.
    pub fed: i64,
}

/// What goes where, by country and zone.
pub async fn list_places(db: impl PgExecutor<'_>, id: CampaignId) -> sqlx::Result<Vec<PlaceVolume>> {
    let rows = sqlx::query!(
        "select country, zone, recipients, segments, ucs2, saved, fed from smsgw.sms_campaign_places
         where campaign_id = $1 and recipients > 0 order by country, zone",
        id as CampaignId,
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| PlaceVolume {
            place: Place::stored(&row.country, row.zone),
            recipients: row.recipients,
            segments: row.segments,
            ucs2: row.ucs2,
            saved: row.saved,
            fed: row.fed,
        })
        .collect())
}
