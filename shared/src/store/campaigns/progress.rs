//! How far a campaign is, from counts that are kept as it goes.

use std::collections::BTreeMap;

use serde::Serialize;
use sqlx::PgExecutor;

use crate::ids::CampaignId;
use crate::store::campaigns::recipients::Place;

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
                            where e.messages <> 0), '{}') as "by_status!: sqlx::types::Json<BTreeMap<String, i64>>"
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
    Ok(Progress {
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
