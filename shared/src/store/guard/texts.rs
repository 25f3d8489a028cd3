//! Texts that carry a code which the application itself checks.

use sqlx::{PgConnection, PgExecutor};

use super::{Conversion, Outlook, Send, Verdict, convert};
use crate::guard::{Place, UNMEASURED_AN_HOUR, UNMEASURED_PREFIX_AN_HOUR};
use crate::ids::{ApiKeyId, MessageId, SessionId};
use crate::message::NewMessage;
use crate::phone::PhoneNumber;

/// Says what should become of a text, as [`super::judge`] does of a code, in the transaction that stores it.
pub async fn judge_text(
    db: &mut PgConnection,
    outlook: &Outlook,
    message: &NewMessage,
    key: ApiKeyId,
) -> sqlx::Result<Verdict> {
    let phone = PhoneNumber::stored(message.to.clone());
    let send = Send {
        session: SessionId(message.id.0),
        message: message.id,
        client: None,
        is_challenged: false,
        is_resend: false,
        segments: message.segments.unsigned_abs().into(),
        is_unmeasured: is_unmeasured(&mut *db, key, &Place::of(&phone).prefix).await?,
        phone,
    };
    let verdicts = super::judge(&mut *db, outlook, &[(&send, false)]).await?;
    sqlx::query!(
        "update smsgw.guard_decisions set api_key_id = $2 where session_id = $1",
        message.id as MessageId,
        key as ApiKeyId,
    )
    .execute(db)
    .await?;
    verdicts.into_iter().next().ok_or(sqlx::Error::RowNotFound)
}

/// Counts a text of a key that has reported nothing for a week; whether it is one too many in this hour.
async fn is_unmeasured(db: impl PgExecutor<'_>, key: ApiKeyId, prefix: &str) -> sqlx::Result<bool> {
    // Of the key first, then of the prefix: everybody takes them in this order.
    let rows = sqlx::query!(
        r#"insert into smsgw.guard_unmeasured as u (api_key_id, prefix, hour, sent)
           select $1, i.prefix, date_bin('1 hour', clock_timestamp(), 'epoch'), 1
           from unnest(array['', $2::text]) as i (prefix)
           where not exists (select from smsgw.guard_reporters r
                             where r.api_key_id = $1 and r.reported_at > clock_timestamp() - interval '7 days')
           on conflict (api_key_id, prefix) do update
           set sent = case when u.hour = excluded.hour then u.sent + 1 else 1 end, hour = excluded.hour
           returning prefix, sent"#,
        key as ApiKeyId,
        prefix,
    )
    .fetch_all(db)
    .await?;
    let most = |prefix: &str| if prefix.is_empty() { UNMEASURED_AN_HOUR } else { UNMEASURED_PREFIX_AN_HOUR };
    Ok(rows.iter().any(|row| row.sent > most(&row.prefix)))
}

/// A guarded text came back; `false` if there is none of this id. Told twice, it counts once, and only for what was sent its
/// key counts as one that reports.
pub async fn report(
    db: &mut PgConnection,
    outlook: &Outlook,
    id: MessageId,
    phone: PhoneNumber,
) -> sqlx::Result<bool> {
    let is_guarded = sqlx::query_scalar!(
        r#"with decided as materialized (
               select api_key_id, is_sent and converted_at is null as is_news
               from smsgw.guard_decisions where session_id = $1 and api_key_id is not null limit 1
           ),
           noted as (
               insert into smsgw.guard_reporters (api_key_id) select api_key_id from decided where is_news
               on conflict (api_key_id) do update set reported_at = excluded.reported_at
           )
           select exists (select from decided) as "is_guarded!""#,
        id as MessageId,
    )
    .fetch_one(&mut *db)
    .await?;
    if !is_guarded {
        return Ok(false);
    }
    convert(db, outlook, &[Conversion { session: SessionId(id.0), phone }]).await?;
    Ok(true)
}
