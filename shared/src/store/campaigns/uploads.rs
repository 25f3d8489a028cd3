//! Lists that are being uploaded: how far each is committed, and that the one that goes on is the same.

use sqlx::PgExecutor;

use crate::ids::CampaignId;

/// How far a list is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Upload {
    /// Rows that were read and committed.
    pub rows: i64,
    /// Of these rows.
    pub digest: Vec<u8>,
    /// Recipients it brought.
    pub added: i64,
    /// Rows whose number the campaign had already.
    pub duplicates: i64,
    /// Rows whose country is not allowed.
    pub blocked: i64,
    /// Rows that cannot be used for another reason.
    pub rejected: i64,
    /// Whether its last row was read.
    pub done: bool,
}

/// Finds how far the list that came with `key` is.
pub async fn find(db: impl PgExecutor<'_>, id: CampaignId, key: &str) -> sqlx::Result<Option<Upload>> {
    sqlx::query_as!(
        Upload,
        "select rows, digest, added, duplicates, blocked, rejected, done
         from smsgw.sms_campaign_uploads where campaign_id = $1 and key = $2",
        id as CampaignId,
        key,
    )
    .fetch_optional(db)
    .await
}

/// Writes how far the list is, unless another request with its key has gone on meanwhile from `before`, the rows it had;
/// says whether it was written.
pub async fn replace(
    db: impl PgExecutor<'_>,
    id: CampaignId,
    key: &str,
    before: i64,
    upload: &Upload,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "insert into smsgw.sms_campaign_uploads as u
             (campaign_id, key, rows, digest, added, duplicates, blocked, rejected, done)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         on conflict (campaign_id, key) do update
         set rows = excluded.rows, digest = excluded.digest, added = excluded.added, duplicates = excluded.duplicates,
             blocked = excluded.blocked, rejected = excluded.rejected, done = excluded.done, updated_at = clock_timestamp()
         where u.rows = $10 and not u.done",
        id as CampaignId,
        key,
        upload.rows,
        upload.digest,
        upload.added,
        upload.duplicates,
        upload.blocked,
        upload.rejected,
        upload.done,
        before,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() > 0)
}
