//! Intake: writing accepted messages into the outbox, many in one statement.
//!
//! Single requests that arrive together share one insert and one commit, which is what makes
//! intake fast: a commit waits for the disk, and the wait is the same for one row and for 500.

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use crate::ids::MessageId;
use crate::message::{Body, NewMessage};
use crate::store::sparse;

mod codes;

pub use codes::{
    Counted, GUARD, NewOtp, PHONE_LOCKED, Started, insert_code, start_session_at_once, start_sessions,
    start_sessions_again, start_sessions_claimed,
};

/// Messages as columns, for `unnest`.
#[derive(Default)]
struct Columns<'a> {
    ids: Vec<Uuid>,
    lanes: Vec<&'static str>,
    due: Vec<Option<DateTime<Utc>>>,
    expires: Vec<DateTime<Utc>>,
    to: Vec<&'a str>,
    bodies: Vec<Option<&'a str>>,
    sealed: Vec<Option<&'a [u8]>>,
    segments: Vec<i16>,
    senders: Vec<Option<&'a str>>,
    templates: Vec<Option<&'a str>>,
    variables: Vec<Option<&'a serde_json::Value>>,
    hints: Vec<Option<&'a str>>,
    preferred: Vec<Option<&'a str>>,
    at_most_once: Vec<bool>,
    users: Vec<Option<&'a str>>,
    keys: Vec<Option<i32>>,
    sessions: Vec<Option<Uuid>>,
    batches: Vec<Option<Uuid>>,
    campaigns: Vec<Option<Uuid>>,
    traces: Vec<Option<&'a str>>,
}

impl<'a> Columns<'a> {
    fn of(messages: impl Iterator<Item = &'a NewMessage>) -> Self {
        let mut columns = Self::default();
        for message in messages {
            columns.push(message);
        }
        columns
    }

    fn push(&mut self, message: &'a NewMessage) {
        let (body, sealed) = match &message.body {
            Body::Clear(text) => (Some(text.as_str()), None),
            Body::Sealed(blob) => (None, Some(blob.as_slice())),
        };
        self.ids.push(message.id.0);
        self.lanes.push(message.lane.as_str());
        self.due.push(message.due_at);
        self.expires.push(message.expires_at);
        self.to.push(&message.to);
        self.bodies.push(body);
        self.sealed.push(sealed);
        self.segments.push(message.segments);
        self.senders.push(message.sender.as_deref());
        self.templates.push(message.template.as_deref());
        self.variables.push(message.variables.as_ref());
        self.hints.push(message.hint.as_deref());
        self.preferred.push(message.preferred.as_deref());
        self.at_most_once.push(message.at_most_once);
        self.users.push(message.user_id.as_deref());
        self.keys.push(message.api_key_id.map(|id| id.0));
        self.sessions.push(message.session_id.map(|id| id.0));
        self.batches.push(message.batch_id.map(|id| id.0));
        self.campaigns.push(message.campaign_id.map(|id| id.0));
        self.traces.push(message.trace.as_deref());
    }
}

/// The insert that both first tries and repetitions use; the tail says what to do about rows that may
/// be there already. A user's own preferred provider is filled in unless the caller named one.
macro_rules! insert_messages {
    ($columns:expr, $($tail:tt)*) => { insert_messages!(@ $columns, "", "null", [], $($tail)*) };
    (@ $columns:expr, $claimer:tt, $worker:tt, [$($argument:tt)*], $($tail:tt)*) => {
        sqlx::query!(
            $claimer + r#"insert into smsgw.sms_outbox as o (id, lane, due_at, expires_at, "to", body, segments, sender, template,
                   variables, hint, preferred, at_most_once, user_id, api_key_id, batch_id, campaign_id, trace,
                   worker_id)
               select m.id, m.lane, greatest(m.due_at, clock_timestamp()), m.expires_at, m."to", m.body, m.segments,
                      m.sender, m.template, m.variables, m.hint,
                      coalesce(m.preferred, (select s.preferred_provider from public.user_contact_settings s
                                             where s.user_id = m.user_id)),
                      m.at_most_once, m.user_id, m.api_key_id, m.batch_id, m.campaign_id, m.trace,
                      "# + $worker + r#"
               from unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::text[], $6::text[],
                           $7::smallint[], $8::text[], $9::text[], $10::jsonb[], $11::text[], $12::text[],
                           $13::boolean[], $14::text[], $15::integer[], $16::uuid[], $17::uuid[], $18::text[])
                   as m (id, lane, due_at, expires_at, "to", body, segments, sender, template, variables, hint,
                         preferred, at_most_once, user_id, api_key_id, batch_id, campaign_id, trace) "# $($tail)*,
            &$columns.ids,
            &$columns.lanes as &[&str],
            sparse(&$columns.due) as &[Option<DateTime<Utc>>],
            &$columns.expires,
            &$columns.to as &[&str],
            sparse(&$columns.bodies) as &[Option<&str>],
            &$columns.segments,
            sparse(&$columns.senders) as &[Option<&str>],
            sparse(&$columns.templates) as &[Option<&str>],
            sparse(&$columns.variables) as &[Option<&serde_json::Value>],
            sparse(&$columns.hints) as &[Option<&str>],
            sparse(&$columns.preferred) as &[Option<&str>],
            &$columns.at_most_once,
            sparse(&$columns.users) as &[Option<&str>],
            sparse(&$columns.keys) as &[Option<i32>],
            sparse(&$columns.batches) as &[Option<Uuid>],
            sparse(&$columns.campaigns) as &[Option<Uuid>],
            sparse(&$columns.traces) as &[Option<&str>],
            $($argument)*
        )
    };
}

// After the macro, which it uses.
mod claimed;

pub use claimed::{insert_claimed, is_claimable};

/// Stores messages that were never stored before, all or none.
pub async fn insert(db: impl PgExecutor<'_>, messages: &[&NewMessage]) -> sqlx::Result<()> {
    let m = Columns::of(messages.iter().copied());
    insert_messages!(m, + "").execute(db).await?;
    Ok(())
}

/// Repeats an insert whose answer was lost. Messages that are stored already are left alone, also
/// those that a worker has finished since: nothing is stored twice, so nothing is sent twice.
pub async fn insert_again(db: &mut PgConnection, messages: &[&NewMessage]) -> sqlx::Result<()> {
    let ids: Vec<MessageId> = messages.iter().map(|message| message.id).collect();
    // First the outbox, then the log, each with a snapshot of its own: a message that moves from
    // one to the other in between is seen in the second.
    let waiting = sqlx::query_scalar!(
        r#"select id as "id: MessageId" from smsgw.sms_outbox where id = any($1)"#,
        &ids as &[MessageId],
    )
    .fetch_all(&mut *db)
    .await?;
    let m = Columns::of(messages.iter().copied().filter(|message| !waiting.contains(&message.id)));
    insert_messages!(
        m,
        + "where not exists (select from public.sms_messages_log l where l.id = m.id)
           on conflict (id) do nothing"
    )
    .execute(db)
    .await?;
    Ok(())
}
