//! Answers to requests that carried an `Idempotency-Key`, kept for 24 hours.
//!
//! The row is written in the transaction that does the work. A second request with the same key
//! waits on the primary key until that transaction has ended, and then finds its answer.

use sqlx::PgExecutor;

use crate::ids::ApiKeyId;

/// An answer that was given before.
#[derive(Debug)]
pub struct Stored {
    /// SHA-256 of the request it answered.
    pub request_hash: Vec<u8>,
    /// HTTP status.
    pub status: i16,
    /// The body, as it was sent.
    pub answer: String,
}

/// Reserves `key` for this transaction's work; `false` if it has an answer already. An answer past
/// its 24 hours counts as none.
pub async fn claim(
    db: impl PgExecutor<'_>,
    caller: ApiKeyId,
    key: &str,
    request_hash: &[u8],
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        r#"insert into smsgw.idempotency_keys as k (api_key_id, key, request_hash, status, answer)
           values ($1, $2, $3, 0, '')
           on conflict (api_key_id, key) do update
           set request_hash = excluded.request_hash, status = 0, answer = '', created_at = clock_timestamp()
           where k.created_at < clock_timestamp() - interval '24 hours'"#,
        caller as ApiKeyId,
        key,
        request_hash,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Writes the answer under a key that this transaction has claimed.
pub async fn answer(
    db: impl PgExecutor<'_>,
    caller: ApiKeyId,
    key: &str,
    status: i16,
    answer: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        "update smsgw.idempotency_keys set status = $3, answer = $4 where api_key_id = $1 and key = $2",
        caller as ApiKeyId,
        key,
        status,
        answer,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Finds the answer given under `key`.
pub async fn find(db: impl PgExecutor<'_>, caller: ApiKeyId, key: &str) -> sqlx::Result<Option<Stored>> {
    sqlx::query_as!(
        Stored,
        "select request_hash, status, answer from smsgw.idempotency_keys where api_key_id = $1 and key = $2",
        caller as ApiKeyId,
        key,
    )
    .fetch_optional(db)
    .await
}
