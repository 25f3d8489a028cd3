//! The log as it grows: for `smsgw logs --follow`, and for whoever waits for a message's end.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgExecutor;

use crate::ids::MessageId;
use crate::message::Status;

/// One finished message.
#[derive(Clone, Debug, Serialize)]
pub struct LogLine {
    /// Its id.
    pub id: MessageId,
    /// When it left the outbox.
    pub finished_at: DateTime<Utc>,
    /// Its lane.
    #[serde(rename = "type")]
    pub lane: String,
    /// Who got it.
    pub to: String,
    /// How it ended.
    pub status: String,
    /// Why, if it was not simply sent.
    pub reason: Option<String>,
    /// Who sent it, or refused it last.
    pub provider_name: Option<String>,
    /// Provider calls it took.
    pub attempts: i16,
    /// Time of the last call.
    pub response_time_ms: Option<i32>,
    /// Its text; masked for an otp.
    pub text: Option<String>,
}

/// Lists what finished after `(finished_at, id)`, in that order.
pub async fn list_finished_after(
    db: impl PgExecutor<'_>,
    after: (DateTime<Utc>, MessageId),
    limit: i64,
) -> sqlx::Result<Vec<LogLine>> {
    sqlx::query_as!(
        LogLine,
        r#"select id as "id: MessageId", finished_at, type as "lane", "to", status, reason, provider_name, attempts,
                  response_time_ms, text
           from public.sms_messages_log
           where finished_at >= $1 and (finished_at, id) > ($1, $2)
           order by finished_at, id
           limit $3"#,
        after.0,
        after.1 as MessageId,
        limit,
    )
    .fetch_all(db)
    .await
}

/// Lists the newest messages of the log by the time they were accepted, oldest first.
pub async fn list_newest(db: impl PgExecutor<'_>, limit: i64) -> sqlx::Result<Vec<LogLine>> {
    let mut lines = sqlx::query_as!(
        LogLine,
        r#"select id as "id: MessageId", finished_at, type as "lane", "to", status, reason, provider_name, attempts,
                  response_time_ms, text
           from public.sms_messages_log
           order by id desc
           limit $1"#,
        limit,
    )
    .fetch_all(db)
    .await?;
    lines.sort_by_key(|line| (line.finished_at, line.id));
    Ok(lines)
}

/// How a message ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Where it stands.
    pub status: Status,
    /// Why, if it was not simply sent.
    pub reason: Option<String>,
    /// Who sent it, or refused it last.
    pub provider_name: Option<String>,
    /// What that provider calls it.
    pub provider_message_id: Option<String>,
    /// HTTP status of the last call.
    pub status_code: Option<i32>,
    /// How long that call took.
    pub response_time_ms: Option<i32>,
}

/// Lists how those of `ids` ended that have. A message leaves the outbox and enters the log in one statement, so the log
/// alone tells.
pub async fn list_outcomes(
    db: impl PgExecutor<'_>,
    ids: &[MessageId],
) -> sqlx::Result<Vec<(MessageId, Outcome)>> {
    let (Some(first), Some(last)) = (ids.iter().min(), ids.iter().max()) else { return Ok(Vec::new()) };
    // The bounds tell which weeks need not be looked through; a list of ids does not.
    let rows = sqlx::query!(
        r#"select id as "id: MessageId", status as "status: Status", reason, provider_name, provider_message_id,
                  status_code, response_time_ms
           from public.sms_messages_log
           where id = any($1) and id >= $2 and id <= $3"#,
        ids as &[MessageId],
        *first as MessageId,
        *last as MessageId,
    )
    .fetch_all(db)
    .await?;
    let ended = rows.into_iter().map(|row| {
        let outcome = Outcome {
            status: row.status,
            reason: row.reason,
            provider_name: row.provider_name,
            provider_message_id: row.provider_message_id,
            status_code: row.status_code,
            response_time_ms: row.response_time_ms,
        };
        (row.id, outcome)
    });
    Ok(ended.collect())
}
