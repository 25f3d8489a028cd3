//! Messages of people who are erased: what waits is withdrawn, what has ended keeps its counts.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use chrono::TimeDelta;
use sqlx::{PgConnection, PgExecutor};

use super::numbers::Numbers;
use crate::ids::MessageId;

/// Messages of the log that are looked at in one transaction.
const STRETCH: i64 = 20_000;
/// An answer is stored with its message, give or take what clocks differ.
const ANSWERED_WITHIN: TimeDelta = TimeDelta::minutes(1);

/// Messages of the outbox.
#[derive(Default)]
pub(super) struct Waiting {
    pub(super) ids: Vec<MessageId>,
    /// Their numbers, as they are written.
    pub(super) numbers: HashSet<String>,
}

/// Finds what the outbox has of them that is theirs to erase. It has no index by number: it is walked.
pub(super) async fn find_waiting(db: impl PgExecutor<'_>, numbers: &Numbers) -> sqlx::Result<Waiting> {
    let rows = sqlx::query!(
        r#"select o.id as "id: MessageId", o."to" from smsgw.sms_outbox o
           join unnest($1::text[], $2::uuid[]) as p (number, until) on p.number = o."to" and o.id < p.until"#,
        &numbers.spellings,
        &numbers.until as &[MessageId],
    )
    .fetch_all(db)
    .await?;
    let mut waiting = Waiting::default();
    for row in rows {
        waiting.ids.push(row.id);
        waiting.numbers.insert(row.to);
    }
    Ok(waiting)
}

/// Withdraws those of `waiting` that no worker holds, without leaving their number or text in the log; says how many.
/// What a worker holds ends there as any other.
pub(super) async fn withdraw(
    db: &mut PgConnection,
    numbers: &Numbers,
    waiting: &[MessageId],
) -> sqlx::Result<i64> {
    if waiting.is_empty() {
        return Ok(0);
    }
    let gone = sqlx::query_scalar!(
        r#"with gone as (
               delete from smsgw.sms_outbox where id in (
                   -- Found by their ids alone: worker_id hides from the index of what is queued, which would be walked.
                   select id from smsgw.sms_outbox
                   where id = any($3) and coalesce(worker_id, 0) = 0 and "to" = any($1)
                   for update skip locked
               )
               returning *, case when copies > 0 then 'unknown' else 'cancelled' end as status
           ),
           counted as (
               insert into smsgw.sms_campaign_counts as c (campaign_id, status, messages)
               select campaign_id, status, count(*) from gone where campaign_id is not null group by campaign_id, status
               on conflict (campaign_id, slot, status) do update set messages = c.messages + excluded.messages
           )
           insert into public.sms_messages_log (id, "to", type, status, reason, segments, attempts, copies, sender,
                   template, api_key_id, batch_id, campaign_id, created_at)
           select g.id, p.kept, g.lane, g.status, 'erased', g.segments, g.attempts, g.copies, g.sender, g.template,
                  g.api_key_id, g.batch_id, g.campaign_id, smsgw.uuid_time(g.id)
           from gone g join unnest($1::text[], $2::text[]) as p (number, kept) on p.number = g."to"
           returning id as "id: MessageId""#,
        &numbers.spellings,
        &numbers.kept,
        waiting as &[MessageId],
    )
    .fetch_all(&mut *db)
    .await?;
    forget_calls(db, &gone).await?;
    Ok(i64::try_from(gone.len()).unwrap_or(i64::MAX))
}

/// Finds where the stretch of the log that begins at `since` ends; `None` if it reaches `until`.
pub(super) async fn find_end(
    db: impl PgExecutor<'_>,
    since: MessageId,
    until: MessageId,
) -> sqlx::Result<Option<MessageId>> {
    sqlx::query_scalar!(
        r#"select id as "id: MessageId" from public.sms_messages_log
           where id >= $1 and id < $2 order by id offset $3 limit 1"#,
        since as MessageId,
        until as MessageId,
        STRETCH,
    )
    .fetch_optional(db)
    .await
}

/// Erases them from a stretch of the log, and the checks of codes of the same time; says how many rows of each number, as
/// it was written.
pub(super) async fn erase(
    db: &mut PgConnection,
    numbers: &Numbers,
    stretch: Range<MessageId>,
) -> sqlx::Result<HashMap<String, i64>> {
    let rows = sqlx::query!(
        r#"select id as "id: MessageId", "to" from public.sms_messages_log
           where id >= $1 and id < $2 and "to" = any($3)"#,
        stretch.start as MessageId,
        stretch.end as MessageId,
        &numbers.spellings,
    )
    .fetch_all(&mut *db)
    .await?;
    let (mut ids, mut kept) = (Vec::new(), Vec::new());
    let mut found: HashMap<String, i64> = HashMap::new();
    for row in rows {
        if let Some(rest) = numbers.rest_of(&row.to, row.id) {
            ids.push(row.id);
            kept.push(rest);
            *found.entry(row.to).or_default() += 1;
        }
    }
    strip(&mut *db, &ids, &kept, &stretch).await?;
    forget_calls(&mut *db, &ids).await?;
    forget_answers(&mut *db, &ids).await?;
    for phone in forget_checks(db, numbers, &stretch).await? {
        *found.entry(phone).or_default() += 1;
    }
    Ok(found)
}

/// Leaves of logged messages what is counted.
async fn strip(
    db: impl PgExecutor<'_>,
    ids: &[MessageId],
    kept: &[&str],
    stretch: &Range<MessageId>,
) -> sqlx::Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        r#"update public.sms_messages_log m
           set "to" = i.kept, text = null, user_id = null, provider_message_id = null, session_id = null, trace = null
           from unnest($1::uuid[], $2::text[]) as i (id, kept)
           -- By their ids whatever the statistics say, and in no other weeks.
           where m.id = any($1) and m.id = i.id and m.id >= $3 and m.id < $4"#,
        ids as &[MessageId],
        kept as &[&str],
        stretch.start as MessageId,
        stretch.end as MessageId,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Forgets what vendors call the messages `ids`.
async fn forget_calls(db: impl PgExecutor<'_>, ids: &[MessageId]) -> sqlx::Result<()> {
    let (Some(first), Some(last)) = (ids.iter().min(), ids.iter().max()) else { return Ok(()) };
    let behind = MessageId::floor(last.created_at() + TimeDelta::milliseconds(1));
    sqlx::query_scalar!(
        r#"select smsgw.erase_attempts($1, $2, $3) as "stripped!""#,
        ids as &[MessageId],
        *first as MessageId,
        behind as MessageId,
    )
    .fetch_one(db)
    .await?;
    Ok(())
}

/// Deletes the answers that showed the texts of the messages `ids`. Answers of the same time are walked for it.
pub(super) async fn forget_answers(db: impl PgExecutor<'_>, ids: &[MessageId]) -> sqlx::Result<()> {
    let (Some(first), Some(last)) = (ids.iter().min(), ids.iter().max()) else { return Ok(()) };
    sqlx::query!(
        r#"delete from smsgw.idempotency_keys k
           where k.created_at between $2 and $3 and position('"text"' in k.answer) > 0
             and exists (select from unnest($1::uuid[]) as i (id) where position(i.id::text in k.answer) > 0)"#,
        ids as &[MessageId],
        first.created_at() - ANSWERED_WITHIN,
        last.created_at() + ANSWERED_WITHIN,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Deletes the checks of codes of a stretch of time; gives the number of each.
async fn forget_checks(
    db: impl PgExecutor<'_>,
    numbers: &Numbers,
    stretch: &Range<MessageId>,
) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        "delete from public.sms_otp_checks where created_at >= $1 and created_at < $2 and phone = any($3)
         returning phone",
        stretch.start.created_at(),
        stretch.end.created_at(),
        &numbers.spellings,
    )
    .fetch_all(db)
    .await
}
