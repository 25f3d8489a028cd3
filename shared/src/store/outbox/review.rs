//! What waits, for an operator who looks before letting a restored backup send.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgExecutor;

use crate::ids::MessageId;
use crate::lane::Lane;
use crate::message::Status;
use crate::store::workers::WORKER_LOCK;

/// Which messages to look at.
#[derive(Clone, Debug)]
pub struct Selection {
    /// Only those accepted before this time.
    pub before: DateTime<Utc>,
    /// Only this lane.
    pub lane: Option<Lane>,
    /// Only those that wait for this reason.
    pub reason: Option<String>,
}

/// Messages that wait in the same way.
#[derive(Clone, Debug, Serialize)]
pub struct Group {
    /// Their lane.
    pub lane: Lane,
    /// `queued`, or `sending` when a worker holds them.
    pub status: Status,
    /// Why they wait, if not simply for their turn.
    pub reason: Option<String>,
    /// Whether a call may already have sent them: one without an answer, or a worker that is gone.
    pub in_doubt: bool,
    /// How many.
    pub messages: i64,
    /// When the oldest was accepted.
    pub oldest_accepted_at: DateTime<Utc>,
    /// When the first is due.
    pub first_due_at: DateTime<Utc>,
}

/// One message that waits; its text is left out.
#[derive(Clone, Debug, Serialize)]
pub struct Waiting {
    /// Its id.
    pub id: MessageId,
    /// Its lane.
    pub lane: Lane,
    /// `queued`, or `sending` when a worker holds it.
    pub status: Status,
    /// Why it waits, if not simply for its turn.
    pub reason: Option<String>,
    /// Whether a call may already have sent it.
    pub in_doubt: bool,
    /// Who is to get it.
    pub to: String,
    /// When it was accepted.
    pub accepted_at: DateTime<Utc>,
    /// Not before this time.
    pub due_at: DateTime<Utc>,
    /// Not after this time.
    pub expires_at: DateTime<Utc>,
}

/// Counts what waits, the group with the oldest message first.
pub async fn list_groups(db: impl PgExecutor<'_>, of: &Selection) -> sqlx::Result<Vec<Group>> {
    sqlx::query_as!(
        Group,
        r#"with living as (
               select objid from pg_locks
               where locktype = 'advisory' and granted and objsubid = 2 and classid = $4::integer::oid
                 and database = (select oid from pg_database where datname = current_database())
           ), seen as (
               select lane, case when worker_id is null then 'queued' else 'sending' end as status, reason,
                      copies > 0 or (worker_id is not null and worker_id::oid not in (table living)) as in_doubt,
                      smsgw.uuid_time(id) as accepted_at, due_at
               from smsgw.sms_outbox
               where id < smsgw.uuid_floor($1) and ($2::text is null or lane = $2)
                 and ($3::text is null or reason = $3)
           )
           select lane as "lane!: Lane", status as "status!: Status", reason, in_doubt as "in_doubt!",
                  count(*) as "messages!", min(accepted_at) as "oldest_accepted_at!", min(due_at) as "first_due_at!"
           from seen group by lane, status, reason, in_doubt
           order by min(accepted_at), lane, status, reason"#,
        of.before,
        of.lane as Option<Lane>,
        of.reason.as_deref(),
        WORKER_LOCK,
    )
    .fetch_all(db)
    .await
}

/// Lists what waits, the oldest first.
pub async fn list(db: impl PgExecutor<'_>, of: &Selection, limit: i64) -> sqlx::Result<Vec<Waiting>> {
    sqlx::query_as!(
        Waiting,
        r#"with living as (
               select objid from pg_locks
               where locktype = 'advisory' and granted and objsubid = 2 and classid = $4::integer::oid
                 and database = (select oid from pg_database where datname = current_database())
           )
           select id as "id!: MessageId", lane as "lane!: Lane",
                  case when worker_id is null then 'queued' else 'sending' end as "status!: Status", reason,
                  copies > 0 or (worker_id is not null and worker_id::oid not in (table living)) as "in_doubt!",
                  "to" as "to!", smsgw.uuid_time(id) as "accepted_at!", due_at as "due_at!",
                  expires_at as "expires_at!"
           from smsgw.sms_outbox
           where id < smsgw.uuid_floor($1) and ($2::text is null or lane = $2) and ($3::text is null or reason = $3)
           order by id
           limit $5"#,
        of.before,
        of.lane as Option<Lane>,
        of.reason.as_deref(),
        WORKER_LOCK,
        limit,
    )
    .fetch_all(db)
    .await
}

/// How many messages were withdrawn, by the state they ended in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Withdrawn {
    /// Never sent.
    pub cancelled: i64,
    /// An earlier call may have sent them.
    pub unknown: i64,
}

/// Withdraws up to `limit` of the selected messages that no worker holds, the oldest first. Those
/// that are not sent after this are as [`crate::store::messages::cancel`] leaves them.
pub async fn cancel(db: impl PgExecutor<'_>, of: &Selection, limit: i64) -> sqlx::Result<Withdrawn> {
    sqlx::query_as!(
        Withdrawn,
        r#"with gone as (
               delete from smsgw.sms_outbox where id in (
                   select id from smsgw.sms_outbox
                   where worker_id is null and id < smsgw.uuid_floor($1) and ($2::text is null or lane = $2)
                     and ($3::text is null or reason = $3)
                   order by id limit $4 for update skip locked
               ) returning *
           ), counted as (
               insert into smsgw.sms_campaign_counts as c (campaign_id, status, messages)
               select campaign_id, case when copies > 0 then 'unknown' else 'cancelled' end, count(*)
               from gone where campaign_id is not null group by 1, 2
               on conflict (campaign_id, slot, status) do update set messages = c.messages + excluded.messages
           ), logged as (
               insert into public.sms_messages_log (id, user_id, "to", type, text, status, reason, segments, attempts,
                       copies, sender, template, api_key_id, session_id, batch_id, campaign_id, trace, created_at)
               select id, user_id, "to", lane, body, case when copies > 0 then 'unknown' else 'cancelled' end,
                      'cancelled', segments, attempts, copies, sender, template, api_key_id, session_id, batch_id,
                      campaign_id, trace, smsgw.uuid_time(id)
               from gone returning status
           )
           select count(*) filter (where status = 'cancelled') as "cancelled!",
                  count(*) filter (where status = 'unknown') as "unknown!" from logged"#,
        of.before,
        of.lane as Option<Lane>,
        of.reason.as_deref(),
        limit,
    )
    .fetch_one(db)
    .await
}
