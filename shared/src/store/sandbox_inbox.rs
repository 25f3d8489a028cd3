//! `smsgw.sandbox_inbox`: what the sandbox provider took, newest first. Development only.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgExecutor;

use crate::ids::MessageId;
use crate::provider::OutgoingSms;

/// How many messages the inbox keeps.
const KEPT: i64 = 1000;

/// A message as its receiver would see it, the code of an otp included.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InboxMessage {
    /// Its place in the inbox; later ones are higher.
    pub id: i64,
    /// The message it came from.
    pub message_id: MessageId,
    /// E.164.
    pub to: String,
    /// Its queue.
    pub lane: String,
    /// Whom it claims to come from.
    pub sender: Option<String>,
    /// The whole text.
    pub text: String,
    /// When it arrived.
    pub received_at: DateTime<Utc>,
}

/// Stores a message; returns its place.
///
/// # Errors
/// When the database is away.
pub async fn insert(db: impl PgExecutor<'_>, sms: &OutgoingSms) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"insert into smsgw.sandbox_inbox (message_id, "to", lane, sender, text)
           values ($1, $2, $3, $4, $5)
           returning id"#,
        sms.message_id as MessageId,
        sms.to.as_str(),
        sms.lane.as_str(),
        sms.sender,
        sms.text,
    )
    .fetch_one(db)
    .await
}

/// The newest messages, at most `limit`; with `before`, those older than that place.
///
/// # Errors
/// When the database is away.
pub async fn list(
    db: impl PgExecutor<'_>,
    before: Option<i64>,
    limit: i64,
) -> sqlx::Result<Vec<InboxMessage>> {
    sqlx::query_as!(
        InboxMessage,
        r#"select id, message_id as "message_id: MessageId", "to", lane, sender, text, received_at
           from smsgw.sandbox_inbox
           where id < coalesce($1, 9223372036854775807)
           order by id desc
           limit $2"#,
        before,
        limit,
    )
    .fetch_all(db)
    .await
}

/// Drops all but the newest messages; returns how many.
///
/// # Errors
/// When the database is away.
pub async fn trim(db: impl PgExecutor<'_>) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "delete from smsgw.sandbox_inbox
         where id <= (select id from smsgw.sandbox_inbox order by id desc offset $1 limit 1)",
        KEPT,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}
