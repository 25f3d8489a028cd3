//! A "yes" for a message that is another worker's by now, or nobody's: it settles the doubt.

use sqlx::PgExecutor;

use super::{Attempt, CODE_MADE};
use crate::ids::MessageId;

/// A "yes" that came after its message had been taken from its worker settles the doubt: a copy
/// that waits to be sent again is finished, an end in doubt becomes `sent`. Its session learns who took the code, and who
/// checks it. Says whether there was a doubt.
pub async fn settle(
    db: impl PgExecutor<'_>,
    accepted: &Attempt,
    masked_text: Option<&str>,
) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"with waiting as (
               delete from smsgw.sms_outbox o where o.id = $1 and o.worker_id is null and o.copies > 0
               returning o.*
           ),
           logged as (
               insert into public.sms_messages_log (id, user_id, "to", type, text, provider_name,
                       provider_message_id, status, reason, status_code, response_time_ms, segments, attempts,
                       copies, sender, template, api_key_id, session_id, batch_id, campaign_id, trace, created_at)
               select id, user_id, "to", lane, coalesce($6, body), $2, $3, 'sent', 'settled_late', $4, $5, segments,
                      attempts + 1, copies - 1, sender, template, api_key_id, session_id, batch_id, campaign_id,
                      trace, smsgw.uuid_time(id)
               from waiting
           ),
           counted as (
               insert into smsgw.sms_campaign_counts as c (campaign_id, status, messages)
               select campaign_id, 'sent', 1 from waiting where campaign_id is not null
               on conflict (campaign_id, slot, status) do update set messages = c.messages + 1
           ),
           ended as (
               update public.sms_messages_log
               set status = 'sent', reason = 'settled_late', provider_name = $2, provider_message_id = $3,
                   status_code = $4, response_time_ms = $5, attempts = attempts + 1, copies = copies - 1
               where id = $1 and status = 'unknown' and copies > 0
               returning id, session_id
           ),
           settled as (
               select session_id from waiting where session_id is not null
               union all
               select session_id from ended where session_id is not null
           ),
           session as (
               update public.sms_otp_sessions s
               set status = 'sent', provider_name = $2, provider_session_id = $7
               where s.id = any(array(select session_id from settled))
                 -- An end in doubt had made it "sent" already.
                 and (s.message_id = $1 and s.status in ('pending', 'sent', 'send_failed')
                      or s.message_id is null and s.status in ('pending', 'send_failed')
                         and exists (select from waiting))
           )
           select exists (select from waiting) or exists (select from ended) as "settled!""#,
        accepted.message_id.0,
        accepted.provider,
        accepted.provider_message_id,
        accepted.status_code,
        accepted.response_time_ms,
        masked_text,
        accepted.provider_session(),
    )
    .fetch_one(db)
    .await
}

/// Ends in doubt to which a "yes" had come while the message was with another worker, become `sent`; their sessions learn
/// of it as in [`settle`].
pub async fn settle_known(db: impl PgExecutor<'_>, ids: &[MessageId]) -> sqlx::Result<()> {
    sqlx::query!(
        r#"with settled as (
               update public.sms_messages_log l
               set status = 'sent', reason = 'settled_late', provider_name = a.provider_name,
                   provider_message_id = a.provider_message_id, status_code = a.status_code,
                   response_time_ms = a.response_time_ms, copies = l.copies - 1
               from smsgw.sms_attempts a
               where l.id = any($1) and l.status = 'unknown' and l.copies > 0
                 and a.message_id = any($1) and a.message_id = l.id and a.outcome = 'accepted'
               returning l.id, l.session_id, a.provider_name,
                         case when a.reason = $2 then a.provider_message_id end as provider_session_id
           )
           update public.sms_otp_sessions s
           set provider_name = d.provider_name, provider_session_id = d.provider_session_id
           from settled d
           where s.id = any(array(select session_id from settled where session_id is not null))
             and s.id = d.session_id and s.message_id = d.id and s.status = 'sent'"#,
        ids as &[MessageId],
        CODE_MADE,
    )
    .execute(db)
    .await?;
    Ok(())
}
