//! A "yes" for a message that is another worker's by now, or nobody's: it settles the doubt.

use sqlx::PgExecutor;

use super::Attempt;
use crate::ids::MessageId;

/// A "yes" that came after its message had been taken from its worker settles the doubt: a copy
/// that waits to be sent again is finished, an end in doubt becomes `sent`. Says whether there was a doubt.
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
           session as (
               update public.sms_otp_sessions s set status = 'sent', provider_name = $2
               from waiting w
               where s.id = any(array(select session_id from waiting)) and s.id = w.session_id and s.status in ('pending', 'send_failed')
           ),
           ended as (
               update public.sms_messages_log
               set status = 'sent', reason = 'settled_late', provider_name = $2, provider_message_id = $3,
                   status_code = $4, response_time_ms = $5, attempts = attempts + 1, copies = copies - 1
               where id = $1 and status = 'unknown' and copies > 0
               returning id
           )
           select exists (select from waiting) or exists (select from ended) as "settled!""#,
        accepted.message_id.0,
        accepted.provider,
        accepted.provider_message_id,
        accepted.status_code,
        accepted.response_time_ms,
        masked_text,
    )
    .fetch_one(db)
    .await
}

/// Ends in doubt to which a "yes" had come while the message was with another worker, become `sent`.
pub async fn settle_known(db: impl PgExecutor<'_>, ids: &[MessageId]) -> sqlx::Result<()> {
    sqlx::query!(
        r#"update public.sms_messages_log l
           set status = 'sent', reason = 'settled_late', provider_name = a.provider_name,
               provider_message_id = a.provider_message_id, status_code = a.status_code,
               response_time_ms = a.response_time_ms, copies = l.copies - 1
           from smsgw.sms_attempts a
           where l.id = any($1) and l.status = 'unknown' and l.copies > 0
             and a.message_id = any($1) and a.message_id = l.id and a.outcome = 'accepted'"#,
        ids as &[MessageId],
    )
    .execute(db)
    .await?;
    Ok(())
}
