//! Acknowledgements: what became of claimed messages, written in groups.
//!
//! Each function is one statement, so a group stands or falls whole in one round trip. Ids make
//! every repetition harmless: a row that was acknowledged before is no longer there, and an
//! attempt that is already written is left alone (see [`Write`]).

use std::borrow::Borrow;

use chrono::{DateTime, Utc};
use sqlx::PgExecutor;
use uuid::Uuid;

use crate::consent::Statement;
use crate::ids::{AttemptId, MessageId, WorkerId};
use crate::message::Status;
use crate::phone::PhoneNumber;
use crate::provider::Outcome;
use crate::store::sparse;

mod settle;

pub use settle::{settle, settle_known};

/// The reason of an accepted call that had the provider make the code: its reference is then the vendor's session, which
/// the code is checked by.
pub const CODE_MADE: &str = "code_made";

/// One provider call.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Its id.
    pub id: AttemptId,
    /// Whose call.
    pub message_id: MessageId,
    /// To whom.
    pub provider: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, in our words; of an accepted call nothing, or [`CODE_MADE`].
    pub reason: Option<&'static str>,
    /// The vendor's code.
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
    /// What its answer tells of what the person has stopped; nearly never anything.
    pub stops: Vec<Statement>,
}

impl Attempt {
    /// The vendor's session of the code it made and sent by this call, if it did.
    fn provider_session(&self) -> Option<&str> {
        self.provider_message_id.as_deref().filter(|_| self.reason == Some(CODE_MADE))
    }
}

/// The end of a message.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Which message.
    pub id: MessageId,
    /// Its final status.
    pub status: Status,
    /// Why, if it was not simply sent.
    pub reason: Option<&'static str>,
    /// Masked text of an otp; of other lanes the text is already in the row.
    pub masked_text: Option<String>,
    /// Further calls that may have sent it.
    pub copies: i16,
    /// The calls made under this claim.
    pub attempts: Vec<Attempt>,
    /// A provider would not take it for what it is: that it was not sent is no sign of an outage.
    pub is_refused: bool,
}

/// A message that goes on waiting.
#[derive(Clone, Debug)]
pub struct Rescheduled {
    /// Which message.
    pub id: MessageId,
    /// Its due time when it was claimed. Every return moves that on, so together with the worker
    /// it names the claim: a repeated return does not take a later claim's message away.
    pub claimed_due_at: DateTime<Utc>,
    /// Until when.
    pub due_at: DateTime<Utc>,
    /// What it waits for.
    pub reason: &'static str,
    /// Providers of the tries counted under this claim.
    pub tried: Vec<String>,
    /// Further calls that may have sent it.
    pub copies: i16,
    /// It was taken from a dead worker.
    pub taken_over: bool,
    /// Its number as everything but the claim spells it, if the row has another spelling: seldom, so it is boxed.
    pub to: Option<Box<PhoneNumber>>,
    /// The calls made under this claim.
    pub attempts: Vec<Attempt>,
}

/// Attempts as columns, for `unnest`.
#[derive(Default)]
struct AttemptColumns<'a> {
    ids: Vec<Uuid>,
    message_ids: Vec<Uuid>,
    providers: Vec<&'a str>,
    outcomes: Vec<&'static str>,
    reasons: Vec<Option<&'static str>>,
    codes: Vec<Option<&'a str>>,
    status_codes: Vec<Option<i32>>,
    references: Vec<Option<&'a str>>,
    duplicates: Vec<bool>,
    started: Vec<DateTime<Utc>>,
    times: Vec<i32>,
}

impl<'a> AttemptColumns<'a> {
    fn of(attempts: impl Iterator<Item = &'a Attempt>) -> Self {
        let mut columns = Self::default();
        for attempt in attempts {
            columns.ids.push(attempt.id.0);
            columns.message_ids.push(attempt.message_id.0);
            columns.providers.push(&attempt.provider);
            columns.outcomes.push(attempt.outcome.as_str());
            columns.reasons.push(attempt.reason);
            columns.codes.push(attempt.code.as_deref());
            columns.status_codes.push(attempt.status_code);
            columns.references.push(attempt.provider_message_id.as_deref());
            columns.duplicates.push(attempt.possible_duplicate);
            columns.started.push(attempt.started_at);
            columns.times.push(attempt.response_time_ms);
        }
        columns
    }
}

/// Whether results may have been written before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    /// Surely not; an attempt that is there already is an error.
    First,
    /// An earlier try's answer was lost: what it wrote is left alone, which costs a little more.
    Again,
}

/// One statement that appends the attempts of a group and, in the same breath, does what `$rest`
/// says. `$1` is the worker, `$2` to `$12` are the attempts, the caller's arguments follow.
macro_rules! with_attempts {
    ($db:expr, $write:expr, $worker:expr, $attempts:expr, $rest:tt, $($argument:expr),+ $(,)?) => {{
        let attempts = AttemptColumns::of($attempts);
        match $write {
            Write::First => with_attempts!(@ $db, $worker, attempts, "", $rest, $($argument),+),
            Write::Again => {
                with_attempts!(@ $db, $worker, attempts, " on conflict do nothing", $rest, $($argument),+)
            }
        }
    }};
    (@ $db:expr, $worker:expr, $attempts:ident, $conflict:tt, $rest:tt, $($argument:expr),+) => {
        sqlx::query_scalar!(
            "with appended as (
                 insert into smsgw.sms_attempts (id, message_id, provider_name, outcome, reason, code, status_code,
                                                 provider_message_id, possible_duplicate, started_at, response_time_ms)
                 select * from unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[],
                                      $8::integer[], $9::text[], $10::boolean[], $11::timestamptz[], $12::integer[])"
                 + $conflict + "
             ), " + $rest,
            $worker as WorkerId,
            &$attempts.ids,
            &$attempts.message_ids,
            &$attempts.providers as &[&str],
            &$attempts.outcomes as &[&str],
            sparse(&$attempts.reasons) as &[Option<&str>],
            sparse(&$attempts.codes) as &[Option<&str>],
            sparse(&$attempts.status_codes) as &[Option<i32>],
            sparse(&$attempts.references) as &[Option<&str>],
            &$attempts.duplicates,
            &$attempts.started,
            &$attempts.times,
            $($argument),+
        )
        .fetch_all($db)
        .await
    };
}

/// Moves finished messages from the outbox to the log and appends their attempts.
///
/// Returns the messages that were still `worker`'s; for the others only the attempts are written
/// (see [`settle`]).
pub async fn finish(
    db: impl PgExecutor<'_>,
    write: Write,
    worker: WorkerId,
    group: &[impl Borrow<Finished> + Sync],
) -> sqlx::Result<Vec<MessageId>> {
    let group: Vec<&Finished> = group.iter().map(Borrow::borrow).collect();
    let reasons: Vec<_> = group.iter().map(|one| one.reason).collect();
    let masked: Vec<_> = group.iter().map(|one| one.masked_text.as_deref()).collect();
    let last: Vec<Option<&Attempt>> = group.iter().map(|one| one.attempts.last()).collect();
    let sessions: Vec<_> = last.iter().map(|last| last.and_then(Attempt::provider_session)).collect();
    with_attempts!(
        db,
        write,
        worker,
        group.iter().flat_map(|one| &one.attempts),
        r#"input as (
               select * from unnest($13::uuid[], $14::text[], $15::text[], $16::text[], $17::smallint[],
                                    $18::smallint[], $19::text[], $20::text[], $21::integer[], $22::integer[],
                                    $23::timestamptz[], $24::text[])
                   as i (id, status, reason, masked_text, copies, attempts, provider_name, provider_message_id,
                         status_code, response_time_ms, created_at, provider_session_id)
           ),
           done as (
               -- The rows are found by their ids whatever the statistics say: not by what this worker has claimed, an
               -- index full of dead entries (so worker_id hides from it), and not by a walk in the order of ids, which
               -- a join could use (so it compares texts).
               delete from smsgw.sms_outbox o using input i
               where o.id = any($13) and o.id::text = i.id::text and coalesce(o.worker_id, 0) = $1
               returning o.id, o.user_id, o."to", o.lane, coalesce(i.masked_text, o.body) as text, i.provider_name,
                         i.provider_message_id, i.status, i.reason, i.status_code, i.response_time_ms, o.segments,
                         o.attempts + i.attempts as attempts, o.copies + i.copies as copies, o.sender, o.template,
                         o.api_key_id, o.session_id, o.batch_id, o.campaign_id, o.trace, i.created_at,
                         i.provider_session_id
           ),
           session as (
               update public.sms_otp_sessions s
               set status = case when d.status in ('sent', 'unknown') then 'sent' else 'send_failed' end,
                   provider_name = d.provider_name,
                   provider_session_id = d.provider_session_id
               from done d
               where s.id = any(array(select session_id from done where session_id is not null))
                 and s.id = d.session_id
                 and (s.status = 'pending' or (s.status = 'send_failed' and d.status in ('sent', 'unknown')))
                 -- An older code says nothing of its session: neither that it failed nor who could check it.
                 and (s.message_id is null or s.message_id = d.id)
                 -- Where the newest is not known: a failure says nothing while another code is on its way.
                 and (s.message_id = d.id or d.status in ('sent', 'unknown') or not exists (
                     select from smsgw.sms_outbox newer where newer.session_id = d.session_id and newer.id <> d.id))
           ),
           counted as (
               insert into smsgw.sms_campaign_counts as c (campaign_id, status, messages)
               select campaign_id, status, count(*) from done where campaign_id is not null group by campaign_id, status
               on conflict (campaign_id, slot, status) do update set messages = c.messages + excluded.messages
           )
           insert into public.sms_messages_log (id, user_id, "to", type, text, provider_name, provider_message_id,
                   status, reason, status_code, response_time_ms, segments, attempts, copies, sender, template,
                   api_key_id, session_id, batch_id, campaign_id, trace, created_at)
           select id, user_id, "to", lane, text, provider_name, provider_message_id, status, reason, status_code,
                  response_time_ms, segments, attempts, copies, sender, template, api_key_id, session_id, batch_id,
                  campaign_id, trace, created_at
           from done
           returning id as "id: MessageId""#,
        &group.iter().map(|one| one.id.0).collect::<Vec<_>>(),
        &group.iter().map(|one| one.status.as_str()).collect::<Vec<_>>() as &[&str],
        sparse(&reasons) as &[Option<&str>],
        sparse(&masked) as &[Option<&str>],
        &group.iter().map(|one| one.copies).collect::<Vec<_>>(),
        &group.iter().map(|one| count(&one.attempts)).collect::<Vec<_>>(),
        &last.iter().map(|last| last.map(|a| a.provider.as_str())).collect::<Vec<_>>() as &[Option<&str>],
        &last.iter().map(|last| last.and_then(|a| a.provider_message_id.as_deref())).collect::<Vec<_>>()
            as &[Option<&str>],
        &last.iter().map(|last| last.and_then(|a| a.status_code)).collect::<Vec<_>>() as &[Option<i32>],
        &last.iter().map(|last| last.map(|a| a.response_time_ms)).collect::<Vec<_>>() as &[Option<i32>],
        &group.iter().map(|one| one.id.created_at()).collect::<Vec<_>>(),
        sparse(&sessions) as &[Option<&str>],
    )
}

/// Puts messages back into the queue with what was learnt and appends their attempts.
///
/// Returns the messages that were still `worker`'s.
pub async fn reschedule(
    db: impl PgExecutor<'_>,
    write: Write,
    worker: WorkerId,
    group: &[impl Borrow<Rescheduled> + Sync],
) -> sqlx::Result<Vec<MessageId>> {
    let group: Vec<&Rescheduled> = group.iter().map(Borrow::borrow).collect();
    let spellings: Vec<_> = group.iter().map(|one| one.to.as_ref().map(|to| to.as_str())).collect();
    with_attempts!(
        db,
        write,
        worker,
        group.iter().flat_map(|one| &one.attempts),
        r#"input as (
               select * from unnest($13::uuid[], $14::timestamptz[], $15::text[], $16::text[], $17::smallint[],
                                    $18::smallint[], $19::boolean[], $20::timestamptz[], $21::text[])
                   as i (id, due_at, reason, tried, copies, attempts, taken_over, claimed_due_at, "to")
           )
           update smsgw.sms_outbox o
           set worker_id = null,
               due_at    = greatest(i.due_at, clock_timestamp()),
               reason    = i.reason,
               tried     = case when i.tried = '' then o.tried else o.tried || string_to_array(i.tried, ',') end,
               copies    = o.copies + i.copies,
               attempts  = o.attempts + i.attempts,
               takeovers = o.takeovers + i.taken_over::integer,
               "to"      = coalesce(i."to", o."to")
           from input i
           where o.id = any($13) and o.id::text = i.id::text and coalesce(o.worker_id, 0) = $1 and o.due_at = i.claimed_due_at
           returning o.id as "id: MessageId""#,
        &group.iter().map(|one| one.id.0).collect::<Vec<_>>(),
        &group.iter().map(|one| one.due_at).collect::<Vec<_>>(),
        &group.iter().map(|one| one.reason).collect::<Vec<_>>() as &[&str],
        // Arrays of arrays have no ragged form in SQL; a provider's name has no comma.
        &group.iter().map(|one| one.tried.join(",")).collect::<Vec<_>>(),
        &group.iter().map(|one| one.copies).collect::<Vec<_>>(),
        &group.iter().map(|one| count(&one.attempts)).collect::<Vec<_>>(),
        &group.iter().map(|one| one.taken_over).collect::<Vec<_>>(),
        &group.iter().map(|one| one.claimed_due_at).collect::<Vec<_>>(),
        sparse(&spellings) as &[Option<&str>],
    )
}

impl Rescheduled {
    /// A claim given back without any call.
    pub const fn without_call(
        id: MessageId,
        claimed_due_at: DateTime<Utc>,
        due_at: DateTime<Utc>,
        reason: &'static str,
    ) -> Self {
        Self {
            id,
            claimed_due_at,
            due_at,
            reason,
            tried: Vec::new(),
            copies: 0,
            taken_over: false,
            to: None,
            attempts: Vec::new(),
        }
    }
}

impl Finished {
    /// An end without any call.
    pub const fn without_call(id: MessageId, status: Status, reason: &'static str) -> Self {
        Self {
            id,
            status,
            reason: Some(reason),
            masked_text: None,
            copies: 0,
            attempts: Vec::new(),
            is_refused: false,
        }
    }

    /// The end of a message that is not sent any more, after `copies` calls that may have sent it: then nobody can say
    /// that it was not.
    pub const fn unsent(id: MessageId, copies: i16, status: Status, reason: &'static str) -> Self {
        Self::without_call(id, if copies > 0 { Status::Unknown } else { status }, reason)
    }
}

fn count(attempts: &[Attempt]) -> i16 {
    i16::try_from(attempts.len()).unwrap_or(i16::MAX)
}
