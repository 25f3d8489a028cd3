//! The claim, which is the intent: once it is committed, the message may leave.

use chrono::{DateTime, Utc};
use sqlx::{Connection, PgConnection, PgExecutor};

use super::Watermark;
use crate::consent::is_stopped;
use crate::ids::{MessageId, SessionId, WorkerId};
use crate::lane::Lane;
use crate::message::OutboxMessage;
use crate::seal::Mac;
use crate::store::suppressions;

/// STOP and pause take [`CONSENT_LOCK`](crate::store::opt_outs::CONSENT_LOCK) exclusively: once they
/// have answered, no claim that did not see them can commit. One round trip for both.
const BEGIN_WITH_CONSENT: &str =
    "begin isolation level read committed; select pg_advisory_xact_lock_shared(6002545444227601487)";

/// A claimed message, and what its person has stopped.
#[derive(Debug)]
pub struct Claimed {
    /// The row.
    pub message: OutboxMessage,
    /// Senders that the person has stopped, as far as that stops this message; an empty name stands for all.
    pub stopped: Vec<String>,
    /// Its campaign does not run at the moment, or never again: it must not be sent.
    pub campaign: Option<Halted>,
    /// Providers that an operator had stopped when it was claimed.
    pub halted: Vec<String>,
    /// Some people were erased who had stopped something; whether this is one of them is to be asked.
    pub(in crate::store) asks_of_erased: bool,
    /// The database's time at the claim.
    pub now: DateTime<Utc>,
}

impl Claimed {
    /// Whether a stop applies whoever sends it: then it must be finished as suppressed, not sent.
    pub fn is_opted_out(&self) -> bool {
        is_stopped(&self.stopped, self.message.sender.as_deref())
    }
}

/// Why a campaign's message must not be sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Halted {
    /// It goes on later.
    Paused,
    /// It does not.
    Cancelled,
}

/// Claims up to `limit` due messages of `lane` behind `after` for `worker`, oldest first.
///
/// Once this is committed the messages may leave: the claim is the intent. A worker that has been
/// struck off claims nothing. `people` recognises those who were erased.
///
/// # Errors
/// When the database is away or the transaction fails; then nothing is claimed, or, if only the
/// answer was lost, the rows are in doubt like those of a dead worker.
pub async fn claim(
    db: &mut PgConnection,
    people: &Mac,
    worker: WorkerId,
    lane: Lane,
    after: Watermark,
    limit: i64,
) -> sqlx::Result<Vec<Claimed>> {
    let mut claimed = match lane {
        // A code its owner asked for is not subject to consent: one statement is enough.
        Lane::Otp => claim_rows(&mut *db, worker, lane, after, limit).await?,
        Lane::Transactional | Lane::Promo => {
            let mut tx = db.begin_with(BEGIN_WITH_CONSENT).await?;
            let mut rows = claim_rows(&mut *tx, worker, lane, after, limit).await?;
            heed_erased(&mut *tx, people, lane, &mut rows).await?;
            tx.commit().await?;
            rows
        }
    };
    claimed.sort_unstable_by_key(|row| (row.message.due_at, row.message.seq));
    Ok(claimed)
}

/// Adds to each row what its person had stopped before they were erased. In the transaction of the claim, so that a stop
/// which turns into a hash is seen as the one or the other. One more round trip, while there are such people at all.
pub(in crate::store) async fn heed_erased(
    db: impl PgExecutor<'_>,
    people: &Mac,
    lane: Lane,
    rows: &mut [Claimed],
) -> sqlx::Result<()> {
    if !rows.iter().any(|row| row.asks_of_erased) {
        return Ok(());
    }
    let phones: Vec<&str> = rows.iter().map(|row| row.message.to.as_str()).collect();
    let stopped = suppressions::find_stopped(db, people, lane, &phones).await?;
    for row in rows {
        row.stopped.extend(stopped.get(&row.message.to).into_iter().flatten().cloned());
    }
    Ok(())
}

/// The claim statement, for one way to pick the rows. One plan each: an order chosen by a parameter
/// could not use the index.
macro_rules! claim_statement {
    ($db:expr, $worker:expr, $picked:tt, $($argument:expr),+) => {{
        let rows = sqlx::query!(
            // Nobody strikes the claimer off before this is committed, and struck off it claims nothing:
            // else the rows would carry a name that no takeover looks for. Idle claims lock nothing.
            "with due as (" + $picked + " for update skip locked),
             claimer as (select id from smsgw.sms_workers where id = $1 and exists (select from due) for key share)
             update smsgw.sms_outbox o set worker_id = claimer.id
             -- By the places where they were just locked, which needs no index. An array, not a join: a plan made while
             -- the queue was empty would begin the join at the whole table.
             from claimer where o.ctid = any(array(select ctid from due))
             returning o.id as \"id: MessageId\", o.seq, o.lane as \"lane: Lane\", o.due_at, o.expires_at, o.\"to\",
                       o.api_key_id is null as \"by_sql!\",
                       o.body, o.sealed_body, o.sender, o.template, o.variables, o.hint, o.preferred,
                       o.at_most_once, o.tried, o.attempts, o.copies, o.takeovers,
                       o.session_id as \"session_id: SessionId\", o.trace,
                       clock_timestamp() as \"now!\",
                       (select array_agg(p.sender) from smsgw.sms_opt_outs p
                        where p.phone = o.\"to\"
                          and (o.lane = 'promo' or (o.lane = 'transactional' and p.scope <> 'marketing'))
                       ) as \"stopped?: Vec<String>\",
                       -- In a case, so that other messages do not ask.
                       case when o.campaign_id is not null
                            then (select c.status from public.sms_campaigns c
                                  where c.id = o.campaign_id and c.status in ('paused', 'cancelled'))
                       end as \"campaign?: Halted\",
                       -- Once for all rows, and for codes never.
                       (o.lane <> 'otp' and exists (select from smsgw.sms_suppressed_hashes)) as \"asks_of_erased!\",
                       (select array_agg(name) from smsgw.sms_pauses where scope = 'provider') as \"halted?: Vec<String>\"",
            $worker as WorkerId,
            $($argument),+
        )
        .fetch_all($db)
        .await?;
        let claimed = rows.into_iter().map(|row| Claimed {
            stopped: row.stopped.unwrap_or_default(),
            campaign: row.campaign,
            halted: row.halted.unwrap_or_default(),
            asks_of_erased: row.asks_of_erased,
            now: row.now,
            message: OutboxMessage {
                id: row.id,
                seq: row.seq,
                lane: row.lane,
                due_at: row.due_at,
                expires_at: row.expires_at,
                to: row.to,
                by_sql: row.by_sql,
                body: row.body,
                sealed_body: row.sealed_body,
                sender: row.sender,
                template: row.template,
                variables: row.variables,
                hint: row.hint,
                preferred: row.preferred,
                at_most_once: row.at_most_once,
                tried: row.tried,
                attempts: row.attempts,
                copies: row.copies,
                takeovers: row.takeovers,
                session_id: row.session_id,
                trace: row.trace,
            },
        });
        Ok(claimed.collect())
    }};
}

async fn claim_rows(
    db: impl PgExecutor<'_>,
    worker: WorkerId,
    lane: Lane,
    after: Watermark,
    limit: i64,
) -> sqlx::Result<Vec<Claimed>> {
    claim_statement!(
        db,
        worker,
        "select ctid from smsgw.sms_outbox
         where lane = $2 and worker_id is null
           and (due_at, seq) > ($3, $4) and due_at <= clock_timestamp()
           and not exists (select from smsgw.sms_pauses where scope = 'all' or (scope = 'lane' and name = $2))
         order by due_at, seq limit $5",
        lane as Lane,
        after.due_at,
        after.seq,
        limit
    )
}

/// Claims up to `limit` due codes, the newest first: when the oldest have waited so long that
/// nobody may be waiting for them any more.
///
/// # Errors
/// As [`claim`].
pub async fn claim_newest_codes(
    db: impl PgExecutor<'_>,
    worker: WorkerId,
    limit: i64,
) -> sqlx::Result<Vec<Claimed>> {
    claim_statement!(
        db,
        worker,
        "select ctid from smsgw.sms_outbox
         where lane = 'otp' and worker_id is null and due_at <= clock_timestamp()
           and not exists (select from smsgw.sms_pauses where scope = 'all' or (scope = 'lane' and name = 'otp'))
         order by due_at desc, seq desc limit $2",
        limit
    )
}

/// Lists up to `limit` due messages of `lane` that expire before `before`, oldest first, for
/// [`claim_these`]. Walks the whole lane, which may take longer than a claim may be old when its
/// messages leave.
pub async fn list_expiring(
    db: impl PgExecutor<'_>,
    lane: Lane,
    before: DateTime<Utc>,
    limit: i64,
) -> sqlx::Result<Vec<MessageId>> {
    sqlx::query_scalar!(
        r#"select id as "id: MessageId" from smsgw.sms_outbox
           where lane = $1 and worker_id is null and due_at <= clock_timestamp() and expires_at < $2
           order by due_at, seq limit $3"#,
        lane as Lane,
        before,
        limit
    )
    .fetch_all(db)
    .await
}

/// Claims those of the given messages of `lane` that are still queued and due.
///
/// # Errors
/// As [`claim`].
pub async fn claim_these(
    db: &mut PgConnection,
    people: &Mac,
    worker: WorkerId,
    lane: Lane,
    ids: &[MessageId],
) -> sqlx::Result<Vec<Claimed>> {
    let mut tx = db.begin_with(BEGIN_WITH_CONSENT).await?;
    let mut rows = claim_known_rows(&mut *tx, worker, lane, ids).await?;
    heed_erased(&mut *tx, people, lane, &mut rows).await?;
    tx.commit().await?;
    Ok(rows)
}

async fn claim_known_rows(
    db: impl PgExecutor<'_>,
    worker: WorkerId,
    lane: Lane,
    ids: &[MessageId],
) -> sqlx::Result<Vec<Claimed>> {
    claim_statement!(
        db,
        worker,
        // Found by their ids alone: worker_id hides from the index of what is queued, which would be walked.
        "select ctid from smsgw.sms_outbox
         where id = any($3) and coalesce(worker_id, 0) = 0 and due_at <= clock_timestamp()
           and not exists (select from smsgw.sms_pauses where scope = 'all' or (scope = 'lane' and name = $2))",
        lane as Lane,
        ids as &[MessageId]
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::opt_outs::CONSENT_LOCK;

    #[test]
    fn claims_take_the_lock_that_stop_takes() {
        assert!(BEGIN_WITH_CONSENT.ends_with(&format!("pg_advisory_xact_lock_shared({CONSENT_LOCK})")));
    }
}
