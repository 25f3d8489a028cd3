//! The statements that write codes.

use chrono::{DateTime, Utc};
use sqlx::error::DatabaseError;
use sqlx::types::Json;
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use super::look::Versions;
use super::{Allowed, NewOtp};
use crate::guard::{Inputs, RULE_VERSION, State};
use crate::ids::{MessageId, WorkerId};
use crate::limits::Limit;
use crate::message::{NewMessage, OutboxMessage};
use crate::store::guard::{self, Cases, Verdict};
use crate::store::intake::Columns;
use crate::store::outbox::Claimed;
use crate::store::{otp_windows, sparse};

/// Sessions as columns, for `unnest`.
#[derive(Default)]
struct SessionColumns<'a> {
    ids: Vec<Uuid>,
    users: Vec<Option<&'a str>>,
    phones: Vec<&'a str>,
    purposes: Vec<&'static str>,
    max_attempts: Vec<i16>,
    lengths: Vec<i16>,
    macs: Vec<Option<&'a [u8]>>,
    sealed: Vec<Option<&'a [u8]>>,
    withheld: Vec<Option<&'static str>>,
    messages: Vec<Uuid>,
    locales: Vec<Option<&'a str>>,
    hints: Vec<Option<&'a str>>,
    keys: Vec<i32>,
    resend: Vec<DateTime<Utc>>,
    expires: Vec<DateTime<Utc>>,
}

impl<'a> SessionColumns<'a> {
    fn of(starts: &[Allowed<'a>]) -> Self {
        let mut columns = Self::default();
        for (NewOtp { session, message, .. }, withheld) in starts {
            columns.messages.push(message.id.0);
            columns.ids.push(session.id.0);
            columns.users.push(session.user_id.as_deref());
            columns.phones.push(&session.phone);
            columns.purposes.push(session.purpose);
            columns.max_attempts.push(session.max_attempts);
            columns.lengths.push(session.code_length.into());
            // A code that nobody was sent is nobody's: there is nothing it could be compared with.
            columns.macs.push(Some(session.code_mac.as_slice()).filter(|_| withheld.is_none()));
            columns.sealed.push(session.sealed_code.as_deref());
            columns.withheld.push(*withheld);
            columns.locales.push(session.locale.as_deref());
            columns.hints.push(session.hint.as_deref());
            columns.keys.push(session.api_key_id.0);
            columns.resend.push(session.resend_at);
            columns.expires.push(session.expires_at);
        }
        columns
    }
}

/// What is written of starts beside their sessions and messages.
pub(super) struct Decided<'a> {
    pub(super) limits: &'a [Limit],
    pub(super) windows: &'a otp_windows::Seen,
    pub(super) cases: &'a Cases<'a>,
    pub(super) guard: &'a guard::Seen,
    pub(super) verdicts: &'a [Verdict],
}

/// Stores starts, and what their sends change, in one statement. Either the rows that they are counted in are held, or they
/// must be of `versions`, or nothing is stored, see [`is_stale`]. Codes that may be sent at once, by `worker`, are returned.
pub(super) async fn store(
    db: &mut PgConnection,
    starts: &[Allowed<'_>],
    decided: &Decided<'_>,
    versions: Option<&Versions>,
    worker: Option<WorkerId>,
) -> sqlx::Result<Vec<Claimed>> {
    let s = SessionColumns::of(starts);
    let sent = || starts.iter().filter(|(_, withheld)| withheld.is_none()).map(|(start, _)| &start.message);
    let m = Columns::of(sent());
    let w = otp_windows::Columns::of(decided.limits, decided.windows);
    let g = guard::Columns::of(decided.cases, decided.guard, decided.verdicts);
    let [window_versions, guard_versions] = versions.map(|seen| seen.of(&w, &g)).unwrap_or_default();
    let rows = sqlx::query!(
        r#"with claimer as (
               -- As in the claim, but without waiting: while a takeover holds the worker, a code is stored unclaimed. Held before
               -- anything is waited for: who looks what became of a lost connection's statement waits for this row. One that
               -- had not even begun then is found by the claimer's next look.
               select id from smsgw.sms_workers
               where id = $25 and not exists (
                   select from smsgw.sms_pauses where scope = 'all' or (scope = 'lane' and name = 'otp'))
               for key share skip locked
           ),
           windows as (
               insert into smsgw.otp_windows as w (kind, subject, times, until)
               select i.kind, i.subject, array_fill($26::timestamptz, array[i.sends]),
                      $26 + make_interval(secs => i.longest)
               from unnest($27::text[], $28::text[], $29::integer[], $30::double precision[])
                   as i (kind, subject, sends, longest)
               where (select count(*) from claimer) >= 0
               on conflict (kind, subject) do update
               -- By seconds: an interval between two moments has days in it, and these are not all of 24 hours.
               set times = array(select t from unnest(w.times) t
                                 where extract(epoch from $26 - t) < extract(epoch from excluded.until - $26))
                           || excluded.times,
                   until = excluded.until
               where $31 or (w.kind, w.subject, w.xmin::text) in (
                   select * from unnest($27::text[], $28::text[], $32::text[]))
               returning subject
           ),
           watched as (
               insert into smsgw.guard_subjects as g (kind, subject, state, touched)
               select i.kind, i.subject, i.state, current_date
               from unnest($33::text[], $34::text[], $35::jsonb[]) as i (kind, subject, state)
               -- After the windows, as everybody who takes both.
               where (select count(*) from windows) = cardinality($27)
               on conflict (kind, subject) do update set state = excluded.state, touched = excluded.touched
               where $31 or (g.kind, g.subject, g.xmin::text) in (
                   select * from unnest($33::text[], $34::text[], $36::text[]))
               returning subject
           ),
           decided as (
               insert into smsgw.guard_decisions (id, at, session_id, message_id, phone, prefix, country, client,
                                                  outcome, rule, rule_version, mode, is_sent, inputs)
               select d.id, $37, d.session_id, d.message_id, d.phone, d.prefix, d.country, d.client, d.outcome, d.rule,
                      $38, $39, d.is_sent, d.inputs
               from unnest($40::uuid[], $1::uuid[], $15::uuid[], $41::text[], $42::text[], $43::text[], $44::text[],
                           $45::text[], $46::text[], $47::boolean[], $48::jsonb[])
                   as d (id, session_id, message_id, phone, prefix, country, client, outcome, rule, is_sent, inputs)
           ),
           session as (
               insert into public.sms_otp_sessions (id, user_id, phone, purpose, max_attempts, code_length, code_mac,
                                                    sealed_code, withheld, locale, hint, api_key_id, resend_at,
                                                    expires_at, message_id, status)
               select i.*, case when i.withheld is null then 'pending' else 'sent' end
               from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::smallint[], $6::smallint[], $7::bytea[],
                           $8::bytea[], $9::text[], $10::text[], $11::text[], $12::integer[], $13::timestamptz[],
                           $14::timestamptz[], $15::uuid[])
                   as i (id, user_id, phone, purpose, max_attempts, code_length, code_mac, sealed_code, withheld,
                         locale, hint, api_key_id, resend_at, expires_at, message_id)
               where smsgw.insist((select count(*) from watched) = cardinality($33))
               returning id, user_id, hint, api_key_id
           )
           insert into smsgw.sms_outbox as o (id, lane, due_at, expires_at, "to", sealed_body, segments, sender,
                   template, hint, preferred, user_id, api_key_id, session_id, trace, worker_id)
           select m.id, 'otp', clock_timestamp(), m.expires_at, m."to", m.sealed_body, m.segments, m.sender, m.template,
                  s.hint, (select u.preferred_provider from public.user_contact_settings u where u.user_id = s.user_id),
                  s.user_id, s.api_key_id, m.session_id, m.trace, (select id from claimer)
           from unnest($16::uuid[], $17::timestamptz[], $18::text[], $19::bytea[], $20::smallint[], $21::text[],
                       $22::text[], $23::uuid[], $24::text[])
               as m (id, expires_at, "to", sealed_body, segments, sender, template, session_id, trace)
           join session s on s.id = m.session_id
           returning id as "id: MessageId", seq, due_at, hint, preferred, worker_id is not null as "is_claimed!",
                     clock_timestamp() as "now!",
                     (select array_agg(name) from smsgw.sms_pauses where scope = 'provider') as "halted?: Vec<String>""#,
        &s.ids,
        &s.users as &[Option<&str>],
        &s.phones as &[&str],
        &s.purposes as &[&str],
        &s.max_attempts,
        &s.lengths,
        &s.macs as &[Option<&[u8]>],
        sparse(&s.sealed) as &[Option<&[u8]>],
        sparse(&s.withheld) as &[Option<&str>],
        &s.locales as &[Option<&str>],
        &s.hints as &[Option<&str>],
        &s.keys,
        &s.resend,
        &s.expires,
        &s.messages,
        &m.ids,
        &m.expires,
        &m.to as &[&str],
        &m.sealed as &[Option<&[u8]>],
        &m.segments,
        &m.senders as &[Option<&str>],
        &m.templates as &[Option<&str>],
        &m.sessions as &[Option<Uuid>],
        &m.traces as &[Option<&str>],
        worker as Option<WorkerId>,
        decided.windows.now,
        &w.kinds as &[&str],
        &w.subjects as &[&str],
        &w.sends,
        &w.longest,
        versions.is_none(),
        &window_versions as &[Option<&str>],
        &g.kinds as &[&str],
        &g.subjects as &[&str],
        &g.states as &[Json<&State>],
        &guard_versions as &[Option<&str>],
        decided.guard.now,
        RULE_VERSION,
        decided.cases.mode(),
        &g.ids,
        &g.phones,
        &g.prefixes as &[&str],
        &g.countries as &[&str],
        &g.clients as &[Option<&str>],
        &g.outcomes as &[&str],
        &g.rules as &[&str],
        &g.are_sent,
        &g.inputs as &[Json<&Inputs>],
    )
    .fetch_all(db)
    .await?;
    let claimed = rows.into_iter().filter(|row| row.is_claimed).filter_map(|row| {
        let stored = sent().find(|message| message.id == row.id)?.stored(row.seq, row.due_at, row.preferred);
        let message = OutboxMessage { hint: row.hint, ..stored };
        let (stopped, halted) = (Vec::new(), row.halted.unwrap_or_default());
        Some(Claimed { message, stopped, campaign: None, halted, asks_of_erased: false, now: row.now })
    });
    Ok(claimed.collect())
}

/// Whether a row was changed since it was looked at.
pub(super) fn is_stale(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(DatabaseError::code);
    // serialization_failure: what smsgw.insist says.
    code.is_some_and(|code| code == "40001")
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
