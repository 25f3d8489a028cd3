//! The queue itself: what waits, what is late, whose it is.

use chrono::{DateTime, Utc};
use sqlx::{Connection, PgConnection, PgExecutor};

use crate::ids::{MessageId, SessionId, WorkerId};
use crate::lane::Lane;
use crate::message::Status;
use crate::phone::PhoneNumber;
use crate::store::acks::{self, Finished, Write};
use crate::store::guard::Unsent;

mod claim;
pub mod review;

pub(in crate::store) use claim::heed_erased;
pub use claim::{Claimed, Halted, claim, claim_newest_codes, claim_these, list_expiring};

/// A place in the order `(due_at, seq)` of a lane; claims look behind it only.
///
/// Rows before it are claimed or gone. Starting here and not at the front of the index is what
/// keeps a claim's cost flat: it does not step over the dead entries of earlier messages, which
/// vacuum cannot remove while any old snapshot is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Watermark {
    /// Due time of the last row before it.
    pub due_at: DateTime<Utc>,
    /// Its sequence number.
    pub seq: i64,
}

impl Watermark {
    /// Before every row.
    pub const START: Self = Self { due_at: DateTime::UNIX_EPOCH, seq: i64::MIN };

    /// Before every row that is due at `time` or later.
    pub const fn at(time: DateTime<Utc>) -> Self {
        Self { due_at: time, seq: i64::MIN }
    }
}

/// With the planner of results: claims know no hashing, and would compare hundreds of ends each with each.
const BEGIN_WITH_ENDS: &str = "begin; set local enable_hashjoin = on; set local enable_nestloop = off";

/// Claims messages of `lane` whose time has run out and finishes them at once, for a lane that is
/// not claimed otherwise because no provider is open for it. Says which.
pub async fn end_expired(
    db: &mut PgConnection,
    worker: WorkerId,
    lane: Lane,
    limit: i64,
) -> sqlx::Result<Vec<Unsent>> {
    let mut tx = db.begin_with(BEGIN_WITH_ENDS).await?;
    let late = sqlx::query!(
        r#"with late as (
               select id from smsgw.sms_outbox
               where lane = $1 and worker_id is null and expires_at <= clock_timestamp()
                 -- A pause of its campaign costs a message no time.
                 and (reason is distinct from 'campaign_paused' or not exists (
                     select from public.sms_campaigns c where c.id = campaign_id and c.status = 'paused'))
               order by due_at, seq
               limit $2
               for update skip locked
           )
           update smsgw.sms_outbox o set worker_id = $3
           where o.id = any(array(select id from late))
           returning o.id as "id: MessageId", o.copies, o.session_id as "session: SessionId", o."to""#,
        lane as Lane,
        limit,
        worker as WorkerId,
    )
    .fetch_all(&mut *tx)
    .await?;
    let ends: Vec<_> =
        late.iter().map(|row| Finished::unsent(row.id, row.copies, Status::Expired, "expired")).collect();
    if !ends.is_empty() {
        acks::finish(&mut *tx, Write::First, worker, &ends).await?;
    }
    tx.commit().await?;
    let unsent = |session: Option<SessionId>, id: MessageId, to| Unsent {
        session: session.unwrap_or(SessionId(id.0)),
        phone: PhoneNumber::stored(to),
    };
    Ok(late.into_iter().map(|row| unsent(row.session, row.id, row.to)).collect())
}

/// What one look for late rows saw.
#[derive(Clone, Copy, Debug)]
pub struct Late {
    /// The first queued row at or after `floor` and not behind the watermark.
    pub first: Option<Watermark>,
    /// The oldest transaction that still runs; every older one has ended.
    pub oldest_running: i64,
    /// The next transaction id: whatever starts later is at or above it.
    pub next: i64,
    /// The database's time when the look began.
    pub now: DateTime<Utc>,
}

/// Looks for rows that were committed late, behind a claim that had already passed their time.
pub async fn find_late(
    db: impl PgExecutor<'_>,
    lane: Lane,
    floor: Watermark,
    watermark: Watermark,
) -> sqlx::Result<Late> {
    let row = sqlx::query!(
        r#"select first.due_at as "due_at?", first.seq as "seq?",
                  pg_snapshot_xmin(pg_current_snapshot())::text::bigint as "oldest_running!",
                  pg_snapshot_xmax(pg_current_snapshot())::text::bigint as "next!",
                  statement_timestamp() as "now!"
           from (select) one
           left join lateral (
               select due_at, seq from smsgw.sms_outbox
               where lane = $1 and worker_id is null
                 and (due_at, seq) >= ($2, $3) and (due_at, seq) <= ($4, $5)
               order by due_at, seq
               limit 1
           ) first on true"#,
        lane as Lane,
        floor.due_at,
        floor.seq,
        watermark.due_at,
        watermark.seq,
    )
    .fetch_one(db)
    .await?;
    Ok(Late {
        first: row.due_at.zip(row.seq).map(|(due_at, seq)| Watermark { due_at, seq }),
        oldest_running: row.oldest_running,
        next: row.next,
        now: row.now,
    })
}

/// Lists the messages of `lane` that carry `worker`'s name.
pub async fn list_held(
    db: impl PgExecutor<'_>,
    worker: WorkerId,
    lane: Lane,
) -> sqlx::Result<Vec<MessageId>> {
    sqlx::query_scalar!(
        r#"select id as "id: MessageId" from smsgw.sms_outbox where worker_id = $1 and lane = $2"#,
        worker as WorkerId,
        lane as Lane,
    )
    .fetch_all(db)
    .await
}

/// Gives back, due at once, those of `messages` that carry `worker`'s name. Says how many.
pub async fn hand_back(
    db: impl PgExecutor<'_>,
    worker: WorkerId,
    messages: &[MessageId],
) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        r#"update smsgw.sms_outbox set worker_id = null, due_at = greatest(due_at, clock_timestamp())
           where id = any($2) and coalesce(worker_id, 0) = $1"#,
        worker as WorkerId,
        messages as &[MessageId],
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// The rows of a dead worker, locked for the rest of the transaction.
pub async fn list_claimed_by(db: impl PgExecutor<'_>, worker: WorkerId) -> sqlx::Result<Vec<Orphan>> {
    sqlx::query_as!(
        Orphan,
        r#"select id as "id: MessageId", lane as "lane: Lane", due_at, at_most_once, copies, takeovers
           from smsgw.sms_outbox where worker_id = $1 for update"#,
        worker as WorkerId,
    )
    .fetch_all(db)
    .await
}

/// What a takeover needs to know of a dead worker's message.
#[derive(Clone, Copy, Debug)]
pub struct Orphan {
    /// Its id.
    pub id: MessageId,
    /// Its lane.
    pub lane: Lane,
    /// Its due time when it was claimed.
    pub due_at: DateTime<Utc>,
    /// Rather lost than doubled.
    pub at_most_once: bool,
    /// Calls that may have sent it before.
    pub copies: i16,
    /// Workers that died holding it before.
    pub takeovers: i16,
}

/// One lane as an operator sees it.
#[derive(Clone, Copy, Debug)]
pub struct LaneDepth {
    /// Which lane.
    pub lane: Lane,
    /// How many of its messages wait, counted up to a limit.
    pub messages: i64,
    /// How long the oldest due message has waited, in seconds.
    pub oldest_due_seconds: f64,
}

/// How full each lane is behind its watermark, in the order of [`Lane::ALL`]: what lies before is claimed or gone, and
/// its dead index entries need not be walked. Counts at most `limit` rows a lane, so that asking stays cheap.
pub async fn list_depths(
    db: impl PgExecutor<'_>,
    behind: [Watermark; 3],
    limit: i64,
) -> sqlx::Result<Vec<LaneDepth>> {
    sqlx::query_as!(
        LaneDepth,
        r#"select lane as "lane!: Lane",
                  (select count(*) from (select from smsgw.sms_outbox o
                                         where o.lane = l.lane and worker_id is null
                                           and (o.due_at, o.seq) > (l.due_at, l.seq) limit $4) as some_rows)
                      as "messages!",
                  coalesce(extract(epoch from clock_timestamp() - (
                      select o.due_at from smsgw.sms_outbox o
                      where o.lane = l.lane and worker_id is null
                        and (o.due_at, o.seq) > (l.due_at, l.seq) and o.due_at <= clock_timestamp()
                      order by o.due_at, o.seq limit 1
                  )), 0)::float8 as "oldest_due_seconds!"
           from unnest($1::text[], $2::timestamptz[], $3::bigint[]) l (lane, due_at, seq)"#,
        &Lane::ALL.map(Lane::as_str) as &[&str],
        &behind.map(|mark| mark.due_at),
        &behind.map(|mark| mark.seq),
        limit,
    )
    .fetch_all(db)
    .await
}
