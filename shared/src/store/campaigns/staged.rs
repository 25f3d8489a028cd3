//! Recipients that came by SQL: the database cannot read numbers and fill texts, so they wait here until a worker has.

use sqlx::PgExecutor;

use crate::ids::CampaignId;
use crate::store::campaigns::uploads::Upload;

/// Rows by SQL are counted under this key, which no `Idempotency-Key` can be.
const KEY: &str = " ";

/// A row as it was staged.
#[derive(Clone, Debug)]
pub struct Staged {
    /// Its place in the order they came in.
    pub id: i64,
    /// As it was written.
    pub phone: String,
    /// An object as JSON, if anything: jsonb holds numbers that no program reads.
    pub variables: Option<String>,
}

/// Finds a campaign with rows to be read.
pub async fn find_campaign(db: impl PgExecutor<'_>) -> sqlx::Result<Option<CampaignId>> {
    sqlx::query_scalar!(
        r#"select campaign_id as "id: CampaignId" from smsgw.sms_campaign_staged
           where reason is null order by campaign_id, id limit 1"#
    )
    .fetch_optional(db)
    .await
}

/// Takes up to `limit` rows away, in their order. The caller holds the campaign.
pub async fn take(db: impl PgExecutor<'_>, id: CampaignId, limit: i64) -> sqlx::Result<Vec<Staged>> {
    let mut rows = sqlx::query_as!(
        Staged,
        r#"delete from smsgw.sms_campaign_staged s
           using (select id from smsgw.sms_campaign_staged
                  where campaign_id = $1 and reason is null order by id limit $2) t
           where s.campaign_id = $1 and s.id = t.id
           returning s.id, s.phone, s.variables::text as variables"#,
        id as CampaignId,
        limit,
    )
    .fetch_all(db)
    .await?;
    rows.sort_unstable_by_key(|row| row.id);
    Ok(rows)
}

/// Puts rows back that cannot be used, each with its reason, for people to read.
pub async fn refuse(
    db: impl PgExecutor<'_>,
    id: CampaignId,
    refused: &[(Staged, String)],
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into smsgw.sms_campaign_staged (campaign_id, phone, variables, reason)
         select $1, phone, variables::jsonb, reason
         from unnest($2::text[], $3::text[], $4::text[]) as r (phone, variables, reason)",
        id as CampaignId,
        &refused.iter().map(|(row, _)| row.phone.as_str()).collect::<Vec<_>>() as &[&str],
        &refused.iter().map(|(row, _)| row.variables.as_deref()).collect::<Vec<_>>() as &[Option<&str>],
        &refused.iter().map(|(_, reason)| reason.as_str()).collect::<Vec<_>>() as &[&str],
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Adds to what came by SQL so far.
pub async fn count(db: impl PgExecutor<'_>, id: CampaignId, more: &Upload) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into smsgw.sms_campaign_uploads as u (campaign_id, key, rows, digest, added, duplicates, blocked, rejected)
         values ($1, $2, $3, '', $4, $5, $6, $7)
         on conflict (campaign_id, key) do update
         set rows = u.rows + excluded.rows, added = u.added + excluded.added,
             duplicates = u.duplicates + excluded.duplicates, blocked = u.blocked + excluded.blocked,
             rejected = u.rejected + excluded.rejected, updated_at = clock_timestamp()",
        id as CampaignId,
        KEY,
        more.rows,
        more.added,
        more.duplicates,
        more.blocked,
        more.rejected,
    )
    .execute(db)
    .await?;
    Ok(())
}
