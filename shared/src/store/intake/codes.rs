//! Intake of codes: a session and the message that carries its code.

use chrono::{DateTime, Utc};
use sqlx::PgExecutor;
use uuid::Uuid;

use super::Columns;
use crate::message::NewMessage;
use crate::store::otp_sessions::NewSession;

/// An OTP session and the message that carries its code: both are stored or neither is.
#[derive(Clone, Debug)]
pub struct NewOtp {
    /// The challenge.
    pub session: NewSession,
    /// Its message.
    pub message: NewMessage,
}

/// Sessions as columns, for `unnest`.
#[derive(Default)]
struct SessionColumns<'a> {
    ids: Vec<Uuid>,
    users: Vec<Option<&'a str>>,
    phones: Vec<&'a str>,
    purposes: Vec<&'static str>,
    max_attempts: Vec<i16>,
    macs: Vec<&'a [u8]>,
    locales: Vec<Option<&'a str>>,
    hints: Vec<Option<&'a str>>,
    keys: Vec<i32>,
    resend: Vec<DateTime<Utc>>,
    expires: Vec<DateTime<Utc>>,
}

impl<'a> SessionColumns<'a> {
    fn of(starts: &[&'a NewOtp]) -> Self {
        let mut columns = Self::default();
        for NewOtp { session, .. } in starts {
            columns.ids.push(session.id.0);
            columns.users.push(session.user_id.as_deref());
            columns.phones.push(&session.phone);
            columns.purposes.push(session.purpose);
            columns.max_attempts.push(session.max_attempts);
            columns.macs.push(&session.code_mac);
            columns.locales.push(session.locale.as_deref());
            columns.hints.push(session.hint.as_deref());
            columns.keys.push(session.api_key_id.0);
            columns.resend.push(session.resend_at);
            columns.expires.push(session.expires_at);
        }
        columns
    }
}

/// Stores sessions with their messages, all or none. May be repeated when its answer was lost: a
/// message is stored only together with its session, and sessions stay.
pub async fn start_sessions(db: impl PgExecutor<'_>, starts: &[&NewOtp]) -> sqlx::Result<()> {
    let s = SessionColumns::of(starts);
    let m = Columns::of(starts.iter().map(|start| &start.message));
    sqlx::query!(
        r#"with session as (
               insert into public.sms_otp_sessions (id, user_id, phone, purpose, max_attempts, code_mac, locale, hint,
                                                    api_key_id, resend_at, expires_at)
               select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::smallint[], $6::bytea[],
                                    $7::text[], $8::text[], $9::integer[], $10::timestamptz[], $11::timestamptz[])
               on conflict (id) do nothing
               returning id, user_id, hint, api_key_id
           )
           insert into smsgw.sms_outbox (id, lane, due_at, expires_at, "to", sealed_body, segments, sender, template,
                   hint, preferred, user_id, api_key_id, session_id, trace)
           select m.id, 'otp', clock_timestamp(), m.expires_at, m."to", m.sealed_body, m.segments, m.sender, m.template,
                  s.hint, (select u.preferred_provider from public.user_contact_settings u where u.user_id = s.user_id),
                  s.user_id, s.api_key_id, m.session_id, m.trace
           from unnest($12::uuid[], $13::timestamptz[], $14::text[], $15::bytea[], $16::smallint[], $17::text[],
                       $18::text[], $19::uuid[], $20::text[])
               as m (id, expires_at, "to", sealed_body, segments, sender, template, session_id, trace)
           join session s on s.id = m.session_id"#,
        &s.ids,
        &s.users as &[Option<&str>],
        &s.phones as &[&str],
        &s.purposes as &[&str],
        &s.max_attempts,
        &s.macs as &[&[u8]],
        &s.locales as &[Option<&str>],
        &s.hints as &[Option<&str>],
        &s.keys,
        &s.resend,
        &s.expires,
        &m.ids,
        &m.expires,
        &m.to as &[&str],
        &m.sealed as &[Option<&[u8]>],
        &m.segments,
        &m.senders as &[Option<&str>],
        &m.templates as &[Option<&str>],
        &m.sessions as &[Option<Uuid>],
        &m.traces as &[Option<&str>],
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Stores the message that carries a running session's next code.
pub async fn insert_code(db: impl PgExecutor<'_>, message: &NewMessage) -> sqlx::Result<()> {
    let m = Columns::of(std::iter::once(message));
    sqlx::query!(
        r#"insert into smsgw.sms_outbox (id, lane, due_at, expires_at, "to", sealed_body, segments, sender, template,
                   hint, preferred, user_id, api_key_id, session_id, trace)
           select m.id, 'otp', clock_timestamp(), m.expires_at, m."to", m.sealed_body, m.segments, m.sender, m.template,
                  m.hint, (select u.preferred_provider from public.user_contact_settings u where u.user_id = m.user_id),
                  m.user_id, m.api_key_id, m.session_id, m.trace
           from unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::bytea[], $5::smallint[], $6::text[],
                       $7::text[], $8::text[], $9::text[], $10::integer[], $11::uuid[], $12::text[])
               as m (id, expires_at, "to", sealed_body, segments, sender, template, hint, user_id, api_key_id,
                     session_id, trace)"#,
        &m.ids,
        &m.expires,
        &m.to as &[&str],
        &m.sealed as &[Option<&[u8]>],
        &m.segments,
        &m.senders as &[Option<&str>],
        &m.templates as &[Option<&str>],
        &m.hints as &[Option<&str>],
        &m.users as &[Option<&str>],
        &m.keys as &[Option<i32>],
        &m.sessions as &[Option<Uuid>],
        &m.traces as &[Option<&str>],
    )
    .execute(db)
    .await?;
    Ok(())
}
