//! Intake of codes: a session and the message that carries its code.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use super::Columns;
use crate::ids::{MessageId, SessionId, WorkerId};
use crate::limits::{Exceeded, Limit, Standing, Subject};
use crate::message::{NewMessage, OutboxMessage};
use crate::store::guard::{self, Outlook, Verdict};
use crate::store::otp_sessions::NewSession;
use crate::store::outbox::Claimed;
use crate::store::{otp_windows, sparse};

/// An OTP session and the message that carries its code: both are stored or neither is.
#[derive(Clone, Debug)]
pub struct NewOtp {
    /// The challenge.
    pub session: NewSession,
    /// Its message.
    pub message: NewMessage,
    /// Whom this send is counted for.
    pub subjects: Vec<Subject>,
    /// How often they may be sent codes.
    pub limits: Arc<[Limit]>,
    /// What the pumping guard is asked.
    pub guard: guard::Send,
    /// What it goes by.
    pub outlook: Arc<Outlook>,
}

/// What a start was answered, or the limit that forbids it.
pub type Started = Result<Counted, Exceeded>;

/// A session that was stored.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counted {
    /// Where its subjects stand now; empty if it was stored before.
    pub standings: Vec<Standing>,
    /// No message was stored for it.
    pub is_withheld: bool,
    /// What the pumping guard said, if it was asked.
    pub verdict: Option<Verdict>,
}

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
    fn of(starts: &[(&'a NewOtp, Option<&'static str>)]) -> Self {
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

/// Stores sessions with their messages as far as the limits allow them, in the order given; the answers are in that
/// order as well. To be called within a transaction.
pub async fn start_sessions(db: &mut PgConnection, starts: &[&NewOtp]) -> sqlx::Result<Vec<Started>> {
    Ok(start(db, starts, None, false).await?.0)
}

/// As [`start_sessions`], with their messages stored under the name of `worker`, if there is one, which may send them once
/// this is committed. One that was struck off, or whose lane is paused, is given none.
pub async fn start_sessions_claimed(
    db: &mut PgConnection,
    starts: &[&NewOtp],
    worker: Option<WorkerId>,
) -> sqlx::Result<(Vec<Started>, Vec<Claimed>)> {
    start(db, starts, worker, false).await
}

/// Repeats it when the answer to its commit was lost: what was stored then is neither stored nor counted again, and
/// answered as it would have been, but for where its subjects stand.
pub async fn start_sessions_again(db: &mut PgConnection, starts: &[&NewOtp]) -> sqlx::Result<Vec<Started>> {
    Ok(start(db, starts, None, true).await?.0)
}

async fn start(
    db: &mut PgConnection,
    starts: &[&NewOtp],
    worker: Option<WorkerId>,
    is_again: bool,
) -> sqlx::Result<(Vec<Started>, Vec<Claimed>)> {
    let mut limits: Vec<Limit> = starts.iter().flat_map(|start| start.limits.iter().cloned()).collect();
    limits.sort_unstable_by(|one, other| one.name.cmp(&other.name));
    limits.dedup();
    let subjects: Vec<Subject> = starts.iter().flat_map(|start| &start.subjects).cloned().collect();
    let mut held = otp_windows::hold(&mut *db, &limits, &subjects).await?;
    // Now that their subjects are held, an earlier try has ended.
    let mut stored = if is_again { list_stored(&mut *db, starts).await? } else { Vec::new() };
    let (mut answers, mut allowed) = (Vec::with_capacity(starts.len()), Vec::with_capacity(starts.len()));
    for start in starts {
        if let Some(at) = stored.iter().position(|(id, _)| *id == start.session.id) {
            answers.push(Ok(stored.swap_remove(at).1));
            continue;
        }
        let counted = held.ledger.count_send(&start.limits, &start.subjects, held.now);
        answers.push(counted.map(|standings| {
            let withheld = held.locked_phones.contains(&start.session.phone).then_some(PHONE_LOCKED);
            allowed.push((*start, withheld));
            Counted { standings, is_withheld: withheld.is_some(), verdict: None }
        }));
    }
    let mut claimed = Vec::new();
    if !allowed.is_empty() {
        otp_windows::record(&mut *db, &limits, &held).await?;
        let verdicts = ask_guard(&mut *db, &mut allowed).await?;
        claimed = insert_sessions(&mut *db, &allowed, worker).await?;
        for (start, answer) in starts.iter().zip(&mut answers) {
            let verdict = verdicts.iter().find(|(id, _)| *id == start.session.id);
            if let (Ok(counted), Some((_, verdict))) = (answer, verdict) {
                counted.is_withheld |= !verdict.decision.is_sent();
                counted.verdict = Some(verdict.clone());
            }
        }
    }
    Ok((answers, claimed))
}

/// A session whose phone is locked looks like any other from outside, but nothing is sent.
pub const PHONE_LOCKED: &str = "phone_locked";

/// So does one that the pumping guard withholds.
pub const GUARD: &str = "guard";

/// What the guard says of them; what it does not let pass is withheld, if it is not already.
async fn ask_guard(
    db: &mut PgConnection,
    starts: &mut [(&NewOtp, Option<&'static str>)],
) -> sqlx::Result<Vec<(SessionId, Verdict)>> {
    let Some((first, _)) = starts.first() else { return Ok(Vec::new()) };
    let sends: Vec<_> = starts.iter().map(|(start, withheld)| (&start.guard, withheld.is_some())).collect();
    let verdicts = guard::judge(db, &first.outlook, &sends).await?;
    for ((_, withheld), verdict) in starts.iter_mut().zip(&verdicts) {
        if !verdict.decision.is_sent() {
            withheld.get_or_insert(GUARD);
        }
    }
    Ok(starts.iter().map(|(start, _)| start.session.id).zip(verdicts).collect())
}

/// Which of them an earlier try has stored, and what it would have answered.
async fn list_stored(db: &mut PgConnection, starts: &[&NewOtp]) -> sqlx::Result<Vec<(SessionId, Counted)>> {
    let Some(first) = starts.first() else { return Ok(Vec::new()) };
    let ids: Vec<SessionId> = starts.iter().map(|start| start.session.id).collect();
    let rows = sqlx::query!(
        r#"select id as "id: SessionId", withheld is not null as "is_withheld!"
           from public.sms_otp_sessions where id = any($1)"#,
        &ids as &[SessionId],
    )
    .fetch_all(&mut *db)
    .await?;
    let mut verdicts = guard::list_verdicts(db, &first.outlook, &ids).await?;
    let of = |(id, is_withheld)| {
        let verdict = verdicts.remove(&id);
        (id, Counted { is_withheld, verdict, standings: Vec::new() })
    };
    Ok(rows.into_iter().map(|row| (row.id, row.is_withheld)).map(of).collect())
}

async fn insert_sessions(
    db: &mut PgConnection,
    starts: &[(&NewOtp, Option<&'static str>)],
    worker: Option<WorkerId>,
) -> sqlx::Result<Vec<Claimed>> {
    let s = SessionColumns::of(starts);
    let sent = || starts.iter().filter(|(_, withheld)| withheld.is_none()).map(|(start, _)| &start.message);
    let m = Columns::of(sent());
    let rows = sqlx::query!(
        r#"with session as (
               insert into public.sms_otp_sessions (id, user_id, phone, purpose, max_attempts, code_length, code_mac,
                                                    sealed_code, withheld, locale, hint, api_key_id, resend_at,
                                                    expires_at, message_id, status)
               select i.*, case when i.withheld is null then 'pending' else 'sent' end
               from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::smallint[], $6::smallint[], $7::bytea[],
                           $8::bytea[], $9::text[], $10::text[], $11::text[], $12::integer[], $13::timestamptz[],
                           $14::timestamptz[], $15::uuid[])
                   as i (id, user_id, phone, purpose, max_attempts, code_length, code_mac, sealed_code, withheld,
                         locale, hint, api_key_id, resend_at, expires_at, message_id)
               returning id, user_id, hint, api_key_id
           ),
           -- As in the claim, but without waiting: while a takeover holds the worker, a code is stored unclaimed.
           claimer as (
               select id from smsgw.sms_workers
               where id = $25 and not exists (
                   select from smsgw.sms_pauses where scope = 'all' or (scope = 'lane' and name = 'otp'))
               for key share skip locked
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
