//! Outbox and log seen as one: looking at messages, and withdrawing those that still wait.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use crate::ids::{BatchId, CampaignId, MessageId, SessionId};
use crate::lane::Lane;
use crate::message::Status;

/// A message wherever it stands.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its id; also says when it was accepted.
    pub id: MessageId,
    /// Whose message it is.
    pub user_id: Option<String>,
    /// E.164.
    pub to: String,
    /// Its lane.
    pub lane: Lane,
    /// Its text; of an otp masked, or absent while it waits.
    pub text: Option<String>,
    /// The provider of the last call.
    pub provider_name: Option<String>,
    /// Where it stands.
    pub status: Status,
    /// Why it waits or how it ended.
    pub reason: Option<String>,
    /// Segments of its text.
    pub segments: i16,
    /// Provider calls made.
    pub attempts: i16,
    /// Calls that may have sent it without an answer.
    pub copies: i16,
    /// Sender asked for.
    pub sender: Option<String>,
    /// Template it was rendered from.
    pub template: Option<String>,
    /// The OTP session whose code it carries.
    pub session_id: Option<SessionId>,
    /// The batch it came with.
    pub batch_id: Option<BatchId>,
    /// The campaign it belongs to.
    pub campaign_id: Option<CampaignId>,
    /// When it is due, while it waits.
    pub due_at: Option<DateTime<Utc>>,
    /// When it is given up, while it waits.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}

/// One provider call as a reader sees it.
#[derive(Clone, Debug, Serialize)]
pub struct ListedAttempt {
    /// To whom.
    pub provider_name: String,
    /// How it ended: accepted, throttled, not_sent, rejected, in_doubt.
    pub outcome: String,
    /// Why, in our words.
    pub reason: Option<String>,
    /// The vendor's own code.
    pub code: Option<String>,
    /// HTTP status.
    pub status_code: Option<i32>,
    /// The vendor's message id.
    pub provider_message_id: Option<String>,
    /// An earlier call may already have sent the message.
    pub possible_duplicate: bool,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// How long it took.
    pub response_time_ms: i32,
}

/// Which messages to list; `None` lets all pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// In this state.
    pub status: Option<Status>,
    /// In this lane.
    pub lane: Option<Lane>,
    /// To this number.
    pub to: Option<String>,
    /// Of this user.
    pub user_id: Option<String>,
    /// Not those that carry codes.
    pub without_codes: bool,
}

/// Finds one message.
pub async fn find(db: impl PgExecutor<'_>, id: MessageId) -> sqlx::Result<Option<Message>> {
    sqlx::query_as!(
        Message,
        r#"select id as "id!: MessageId", user_id, "to" as "to!", type as "lane!: Lane", text, provider_name,
                  status as "status!: Status", reason, segments as "segments!", attempts as "attempts!",
                  copies as "copies!", sender, template, session_id as "session_id: SessionId",
                  batch_id as "batch_id: BatchId", campaign_id as "campaign_id: CampaignId",
                  due_at, expires_at, finished_at
           from public.sms_messages where id = $1"#,
        id as MessageId,
    )
    .fetch_optional(db)
    .await
}

/// A stretch of time, as the ids of messages divide it.
#[derive(Clone, Copy, Debug)]
pub struct Stretch {
    /// Only messages accepted before this one; `None` for no bound.
    pub before: Option<MessageId>,
    /// Only messages accepted since this one, itself included; `None` for no bound.
    pub since: Option<MessageId>,
}

/// Lists up to `limit` messages of `stretch`, newest first.
///
/// Without a `since` that [`find_since`] gave, a filter that few messages pass reads them all.
pub async fn list(
    db: impl PgExecutor<'_>,
    filter: &Filter,
    stretch: Stretch,
    limit: i64,
) -> sqlx::Result<Vec<Message>> {
    // Always bounds, never "or null": so every part of the view is read backwards along its key.
    let before = stretch.before.unwrap_or(MessageId(Uuid::max()));
    let since = stretch.since.unwrap_or(MessageId(Uuid::nil()));
    sqlx::query_as!(
        Message,
        r#"select id as "id!: MessageId", user_id, "to" as "to!", type as "lane!: Lane", text, provider_name,
                  status as "status!: Status", reason, segments as "segments!", attempts as "attempts!",
                  copies as "copies!", sender, template, session_id as "session_id: SessionId",
                  batch_id as "batch_id: BatchId", campaign_id as "campaign_id: CampaignId",
                  due_at, expires_at, finished_at
           from public.sms_messages
           where id < $1 and id >= $7
             and ($2::text is null or status = $2)
             and ($3::text is null or type = $3)
             and ($4::text is null or "to" = $4)
             and ($5::text is null or user_id = $5)
             and not ($8 and type = 'otp')
           order by id desc
           limit $6"#,
        before as MessageId,
        filter.status as Option<Status>,
        filter.lane as Option<Lane>,
        filter.to.as_deref(),
        filter.user_id.as_deref(),
        limit,
        since as MessageId,
        filter.without_codes,
    )
    .fetch_all(db)
    .await
}

/// Finds the message `count` places before `before`; `None` if there are fewer. It bounds what a
/// list has to read.
pub async fn find_since(
    db: impl PgExecutor<'_>,
    before: Option<MessageId>,
    count: i64,
) -> sqlx::Result<Option<MessageId>> {
    let before = before.unwrap_or(MessageId(Uuid::max()));
    sqlx::query_scalar!(
        r#"select id as "id!: MessageId" from public.sms_messages
           where id < $1 order by id desc offset $2 limit 1"#,
        before as MessageId,
        count - 1,
    )
    .fetch_optional(db)
    .await
}

/// Lists the calls made for a message, oldest first.
pub async fn list_attempts(db: impl PgExecutor<'_>, id: MessageId) -> sqlx::Result<Vec<ListedAttempt>> {
    sqlx::query_as!(
        ListedAttempt,
        r#"select provider_name, outcome, reason, code, status_code, provider_message_id, possible_duplicate,
                  started_at, response_time_ms
           from smsgw.sms_attempts where message_id = $1 order by started_at, id"#,
        id as MessageId,
    )
    .fetch_all(db)
    .await
}

/// What became of the wish to cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancel {
    /// It will not be sent (again): `cancelled`, or `unknown` if an earlier call may have sent it.
    Done(Status),
    /// Too late: it stands here.
    Refused(Status),
    /// There is no such message.
    Unknown,
}

/// Cancels a message that still waits. When this returns [`Cancel::Done`], no worker will send it. After a call in
/// doubt nobody can say that it was not sent before: it ends `unknown`.
pub async fn cancel(db: &mut PgConnection, id: MessageId) -> sqlx::Result<Cancel> {
    // A claim holds the row's lock until it commits; the delete waits for it and then finds the
    // row claimed.
    let done = sqlx::query_scalar!(
        r#"with gone as (
               delete from smsgw.sms_outbox where id = $1 and worker_id is null returning *
           ),
           counted as (
               insert into smsgw.sms_campaign_counts as c (campaign_id, status, messages)
               select campaign_id, case when copies > 0 then 'unknown' else 'cancelled' end, 1
               from gone where campaign_id is not null
               on conflict (campaign_id, slot, status) do update set messages = c.messages + 1
           )
           insert into public.sms_messages_log (id, user_id, "to", type, text, status, reason, segments, attempts,
                   copies, sender, template, api_key_id, session_id, batch_id, campaign_id, trace, created_at)
           select id, user_id, "to", lane, body, case when copies > 0 then 'unknown' else 'cancelled' end, 'cancelled', segments, attempts,
                  copies, sender, template, api_key_id, session_id, batch_id, campaign_id, trace,
                  smsgw.uuid_time(id)
           from gone
           returning status as "status: Status""#,
        id as MessageId,
    )
    .fetch_optional(&mut *db)
    .await?;
    if let Some(status) = done {
        return Ok(Cancel::Done(status));
    }
    Ok(find(db, id).await?.map_or(Cancel::Unknown, |message| Cancel::Refused(message.status)))
}

/// Takes a message that the caller has just stored out of the queue, because of `reason`: it is logged and never sent.
pub async fn suppress(db: impl PgExecutor<'_>, id: MessageId, reason: &'static str) -> sqlx::Result<()> {
    sqlx::query!(
        r#"with gone as (
               delete from smsgw.sms_outbox where id = $1 returning *
           )
           insert into public.sms_messages_log (id, user_id, "to", type, text, status, reason, segments, attempts,
                   copies, sender, template, api_key_id, session_id, batch_id, campaign_id, trace, created_at)
           select id, user_id, "to", lane, body, 'suppressed', $2, segments, attempts, copies, sender, template,
                  api_key_id, session_id, batch_id, campaign_id, trace, smsgw.uuid_time(id)
           from gone"#,
        id as MessageId,
        reason,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Withdraws the messages of an OTP session that still wait, because of `reason`; says how many.
/// One that is being sent at this moment is not sent again: its time is over.
///
/// A row that somebody else has locked is passed over, since an acker may be waiting for the session that the caller
/// holds. What was claimed or handed back meanwhile is seen by the second statement, once that is committed. A code that
/// leaves nevertheless is worth nothing.
pub async fn withdraw(db: &mut PgConnection, session: SessionId, reason: &'static str) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        r#"with gone as (
               delete from smsgw.sms_outbox where id in (
                   select id from smsgw.sms_outbox where session_id = $1 and worker_id is null
                   for update skip locked
               )
               returning *
           )
           insert into public.sms_messages_log (id, user_id, "to", type, text, status, reason, segments, attempts,
                   copies, sender, template, api_key_id, session_id, batch_id, campaign_id, trace, created_at)
           select id, user_id, "to", lane, body, case when copies > 0 then 'unknown' else 'cancelled' end, $2, segments, attempts,
                  copies, sender, template, api_key_id, session_id, batch_id, campaign_id, trace,
                  smsgw.uuid_time(id)
           from gone"#,
        session as SessionId,
        reason,
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        r#"update smsgw.sms_outbox set expires_at = clock_timestamp() where id in (
               select id from smsgw.sms_outbox where session_id = $1 for update skip locked
           )"#,
        session as SessionId,
    )
    .execute(&mut *db)
    .await?;
    Ok(done.rows_affected())
}
