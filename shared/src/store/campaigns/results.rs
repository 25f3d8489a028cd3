//! What became of each recipient, read in the order they were fed.

use chrono::{DateTime, Utc};
use sqlx::PgExecutor;

use crate::ids::{CampaignId, MessageId};

/// One recipient and their message.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Where to go on from.
    pub at: Position,
    /// E.164.
    pub phone: String,
    /// ISO 3166 code; empty for numbers of no country.
    pub country: String,
    /// What their text takes.
    pub segments: i16,
    /// Their message, once it was made.
    pub message_id: Option<MessageId>,
    /// Where it stands; none before it was made.
    pub status: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// Who took it.
    pub provider_name: Option<String>,
    /// Calls made for it.
    pub attempts: Option<i16>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}

/// A place in the order of results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The place.
    pub place: i16,
    /// The recipient.
    pub seq: i64,
}

impl Position {
    /// Before everybody.
    pub const START: Self = Self { place: -1, seq: 0 };
}

/// Lists up to `limit` recipients behind `after`.
pub async fn list(
    db: impl PgExecutor<'_>,
    id: CampaignId,
    number: i32,
    after: Position,
    limit: i64,
) -> sqlx::Result<Vec<Outcome>> {
    let rows = sqlx::query!(
        r#"select r.place, r.seq, r.phone, r.segments, p.country, b.fed_at as "fed_at?"
           from smsgw.sms_campaign_recipients r
           join smsgw.sms_campaign_places p on p.campaign_id = r.campaign_id and p.place = r.place
           left join lateral (select fed_at, after_seq from smsgw.sms_campaign_batches b
                              where b.campaign_id = r.campaign_id and b.place = r.place and b.to_seq >= r.seq
                              order by b.to_seq limit 1) b on true
           where r.campaign_id = $1 and (r.place, r.seq) > ($2, $3)
           order by r.place, r.seq limit $4"#,
        id as CampaignId,
        after.place,
        after.seq,
        limit,
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Outcome {
            at: Position { place: row.place, seq: row.seq },
            phone: row.phone,
            country: row.country,
            segments: row.segments,
            message_id: row.fed_at.map(|fed_at| MessageId::of_recipient(fed_at, number, row.seq)),
            status: None,
            reason: None,
            provider_name: None,
            attempts: None,
            finished_at: None,
        })
        .collect())
}

/// Fills in where the messages of `outcomes` stand. Those that are not found any more were deleted with the log.
pub async fn fill(db: impl PgExecutor<'_>, outcomes: &mut [Outcome]) -> sqlx::Result<()> {
    let ids: Vec<MessageId> = outcomes.iter().filter_map(|one| one.message_id).collect();
    let rows = sqlx::query!(
        r#"select id as "id!: MessageId", status as "status!", reason, provider_name, attempts as "attempts!", finished_at
           from public.sms_messages where id = any($1)"#,
        &ids as &[MessageId],
    )
    .fetch_all(db)
    .await?;
    let mut found: std::collections::HashMap<_, _> = rows.into_iter().map(|row| (row.id, row)).collect();
    for one in outcomes {
        if let Some(row) = one.message_id.and_then(|id| found.remove(&id)) {
            one.status = Some(row.status);
            one.reason = row.reason;
            one.provider_name = row.provider_name;
            one.attempts = Some(row.attempts);
            one.finished_at = row.finished_at;
        }
    }
    Ok(())
}
