//! Receipts: what a vendor reports of a message after it took it.
//!
//! A receipt moves a logged message forward, settles one in doubt that waits for its second copy, or, while its message
//! is still being sent, waits in `sms_receipts` until that has left the outbox. One snapshot shows each message either
//! in the outbox or in the log, never in both or neither, so none of this needs a lock.

use chrono::{DateTime, Utc};
use sqlx::{Connection, PgConnection, PgExecutor};
use uuid::Uuid;

use crate::ids::MessageId;

/// What a receipt says, in our words. A message never moves back along them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum ReceiptStatus {
    /// The vendor has it.
    Sent,
    /// The phone has it.
    Delivered,
    /// The phone will not get it.
    Undelivered,
}

impl ReceiptStatus {
    /// The word used in tables and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Undelivered => "undelivered",
        }
    }
}

/// One report of one vendor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Of which message.
    pub message_id: MessageId,
    /// Who reports.
    pub provider_name: String,
    /// The vendor's id of the copy it has.
    pub provider_message_id: String,
    /// What it says.
    pub status: ReceiptStatus,
    /// The vendor's own code for why it was not delivered.
    pub error_code: Option<String>,
}

/// What became of a receipt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Messages it moved forward.
    pub moved: i64,
    /// Messages in doubt that are not sent again because of it.
    pub settled: i64,
    /// Receipts that wait for their message to leave the outbox.
    pub kept: i64,
}

/// Applies a receipt, or keeps it for the time when that is possible. One that says nothing new, or is of a message
/// that is not known, changes nothing.
pub async fn apply(db: impl PgExecutor<'_>, receipt: &Receipt) -> sqlx::Result<Applied> {
    apply_all(db, &[receipt]).await
}

/// Applies receipts, at most one a message.
///
/// `undelivered` counts only for the copy that the log holds: another vendor may have delivered the message since.
/// `delivered` counts for whichever.
async fn apply_all(db: impl PgExecutor<'_>, receipts: &[&Receipt]) -> sqlx::Result<Applied> {
    sqlx::query_as!(
        Applied,
        r#"with input as (
               select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[])
                   as i (message_id, provider_name, provider_message_id, status, error_code)
           ),
           moved as (
               update public.sms_messages_log l
               set status              = i.status,
                   receipt_code        = i.error_code,
                   receipt_at          = clock_timestamp(),
                   reason              = case l.status when 'unknown' then 'settled_by_receipt' else l.reason end,
                   provider_name       = case l.status when 'unknown' then i.provider_name else l.provider_name end,
                   provider_message_id = case l.status when 'unknown' then i.provider_message_id
                                                       else l.provider_message_id end,
                   copies              = case l.status when 'unknown' then greatest(l.copies - 1, 0) else l.copies end
               from input i
               -- By their ids whatever the statistics say, as acks do; so below.
               where l.id = any($1) and l.id = i.message_id
                 and case i.status
                     when 'sent'      then l.status = 'unknown'
                     when 'delivered' then l.status in ('unknown', 'sent')
                     -- Of two copies in doubt, one that did not arrive says nothing of the other.
                     else (l.status = 'unknown' and l.copies <= 1)
                       or (l.status = 'sent' and l.provider_name = i.provider_name
                           and coalesce(l.provider_message_id, i.provider_message_id) = i.provider_message_id)
                     end
               returning l.id
           ),
           settled as (
               delete from smsgw.sms_outbox o using input i
               where o.id = any($1) and o.id = i.message_id and o.worker_id is null and o.copies > 0
               returning o.*, i.provider_name, i.provider_message_id, i.status, i.error_code
           ),
           logged as (
               insert into public.sms_messages_log (id, user_id, "to", type, text, provider_name, provider_message_id,
                       status, reason, segments, attempts, copies, sender, template, api_key_id, session_id, batch_id,
                       campaign_id, trace, created_at, receipt_code, receipt_at)
               select id, user_id, "to", lane, body, provider_name, provider_message_id, status, 'settled_by_receipt',
                      segments, attempts, copies - 1, sender, template, api_key_id, session_id, batch_id, campaign_id,
                      trace, smsgw.uuid_time(id), error_code, clock_timestamp()
               from settled
           ),
           counted as (
               insert into smsgw.sms_campaign_counts as c (campaign_id, status, messages)
               select campaign_id, status, count(*) from settled where campaign_id is not null
               group by campaign_id, status
               on conflict (campaign_id, slot, status) do update set messages = c.messages + excluded.messages
           ),
           session as (
               update public.sms_otp_sessions s
               set status = case w.status when 'undelivered' then 'send_failed' else 'sent' end,
                   provider_name = w.provider_name,
                   -- Codes that a vendor makes have no receipts: this one is ours.
                   provider_session_id = null
               from settled w
               where s.id = any(array(select session_id from settled)) and s.id = w.session_id
                 and s.status in ('pending', 'send_failed') and (s.message_id is null or s.message_id = w.id)
           ),
           kept as (
               insert into smsgw.sms_receipts as k (message_id, provider_name, provider_message_id, status, error_code)
               select * from input i
               where i.message_id = any(array(select id from smsgw.sms_outbox where id = any($1)))
                 and not exists (select from settled s where s.id = i.message_id)
               on conflict (message_id, provider_name, provider_message_id) do update
               set status = excluded.status, error_code = excluded.error_code
               where k.status = 'sent'
               returning k.message_id
           )
           select (select count(*) from moved) as "moved!", (select count(*) from settled) as "settled!",
                  (select count(*) from kept) as "kept!""#,
        &receipts.iter().map(|one| one.message_id.0).collect::<Vec<_>>(),
        &receipts.iter().map(|one| one.provider_name.as_str()).collect::<Vec<_>>() as &[&str],
        &receipts.iter().map(|one| one.provider_message_id.as_str()).collect::<Vec<_>>() as &[&str],
        &receipts.iter().map(|one| one.status.as_str()).collect::<Vec<_>>() as &[&str],
        &receipts.iter().map(|one| one.error_code.as_deref()).collect::<Vec<_>>() as &[Option<&str>],
    )
    .fetch_one(db)
    .await
}

/// Applies up to `limit` kept receipts whose message has left the outbox since, or waits in doubt; says how many.
pub async fn apply_kept(db: &mut PgConnection, limit: i64) -> sqlx::Result<usize> {
    let mut tx = db.begin().await?;
    let rows = sqlx::query!(
        r#"delete from smsgw.sms_receipts where (message_id, provider_name, provider_message_id) in (
               select message_id, provider_name, provider_message_id from smsgw.sms_receipts r
               -- A value, not a join: the outbox is never walked for it.
               where not coalesce((select o.worker_id is not null or o.copies = 0 from smsgw.sms_outbox o
                                   where o.id = r.message_id), false)
               order by message_id
               limit $1
               for update skip locked
           )
           returning message_id as "message_id: MessageId", provider_name, provider_message_id,
                     status as "status: ReceiptStatus", error_code"#,
        limit,
    )
    .fetch_all(&mut *tx)
    .await?;
    let mut left: Vec<_> = rows
        .into_iter()
        .map(|row| Receipt {
            message_id: row.message_id,
            provider_name: row.provider_name,
            provider_message_id: row.provider_message_id,
            status: row.status,
            error_code: row.error_code,
        })
        .collect();
    let count = left.len();
    left.sort_unstable_by_key(|receipt| receipt.message_id.0);
    // A statement changes a row once, so the copies of one message take turns.
    while !left.is_empty() {
        let mut last = Uuid::nil();
        let (turn, later) = left.into_iter().partition::<Vec<_>, _>(|receipt| {
            std::mem::replace(&mut last, receipt.message_id.0) != receipt.message_id.0
        });
        apply_all(&mut *tx, &turn.iter().collect::<Vec<_>>()).await?;
        left = later;
    }
    tx.commit().await?;
    Ok(count)
}

/// What the receipt said that moved a message last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastReceipt {
    /// The vendor's own code for why it was not delivered.
    pub receipt_code: Option<String>,
    /// When it came; `None` if no receipt moved the message.
    pub receipt_at: Option<DateTime<Utc>>,
}

/// Finds what the last receipt of a logged message said.
pub async fn find_last(db: impl PgExecutor<'_>, id: MessageId) -> sqlx::Result<Option<LastReceipt>> {
    sqlx::query_as!(
        LastReceipt,
        "select receipt_code, receipt_at from public.sms_messages_log where id = $1",
        id as MessageId,
    )
    .fetch_optional(db)
    .await
}
