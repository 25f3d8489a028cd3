//! Erasing people: their number, their name and what they were sent leave every table that can hold them. Counts stay,
//! with no more of the number than its country; what they had stopped stays as [`suppressions`].
//!
//! What has an index by number goes in the request, so that nothing leaves for them after its answer. The rest has none,
//! the log above all: a worker goes through it in steps, each a transaction that also says how far it is, so that whoever
//! comes after a crash goes on there, and whatever is done twice changes nothing.

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::ExposeSecret as _;
use serde::Serialize;
use sqlx::{Connection, PgConnection, PgExecutor};

use self::numbers::Numbers;
use super::opt_outs::shut_out_claims;
use super::suppressions;
use crate::ids::{ErasureId, MessageId};
use crate::phone::PhoneNumber;
use crate::seal::{Keyring, OpenError, place};

mod archive;
mod clear;
mod log;
mod numbers;

pub use archive::{Kept, Replayed, export, replay};

/// Messages accepted so long after the wish may have been on their way when it was made: clocks differ.
const MARGIN: TimeDelta = TimeDelta::seconds(1);

/// Whoever told of a stop, as `like` has it.
const ALL_SOURCES: &str = "%";
/// Providers tell of it when they refuse a message: one that was on its way tells of somebody who is being erased.
const PROVIDERS: &str = "provider:%";

/// The log is walked along its key, whatever the statistics of a young week say: sorting a whole week for each stretch of it
/// would make steps as long as the log.
const BEGIN_ALONG_THE_LOG: &str =
    "begin; set local enable_seqscan = off; set local enable_bitmapscan = off; set local enable_sort = off";

/// The wish of one person to be forgotten, and how far it is.
#[derive(Clone, Debug, Serialize)]
pub struct Erasure {
    /// Its id.
    #[serde(rename = "erasure_id")]
    pub id: ErasureId,
    /// When it was asked for last.
    pub requested_at: DateTime<Utc>,
    /// When nothing of them was left.
    pub done_at: Option<DateTime<Utc>>,
    /// Rows that were deleted or stripped so far.
    pub rows: i64,
}

/// Somebody who is not wholly erased yet.
#[derive(Clone, Debug)]
pub struct Pending {
    /// Which wish.
    pub id: ErasureId,
    /// Who.
    pub phone: PhoneNumber,
    /// When it was asked for last.
    pub requested_at: DateTime<Utc>,
    /// The log is done up to this message; `None` before it was begun.
    pub seen: Option<MessageId>,
}

impl Pending {
    /// What was accepted from here on is not theirs to erase: they came back.
    fn until(&self) -> MessageId {
        MessageId::floor(self.requested_at + MARGIN)
    }
}

/// Begins to erase `phone`, or begins anew if that was under way. When this returns, nothing that waited will be sent to
/// them, what they had stopped is kept as hashes, and a worker will find the rest.
pub async fn request(
    db: &mut PgConnection,
    keyring: &Keyring,
    id: ErasureId,
    phone: &PhoneNumber,
) -> sqlx::Result<Erasure> {
    let numbers = Numbers::of([(phone, MessageId::LAST)]);
    let mut rows = clear_lists_and_codes(&mut *db, &numbers).await?;
    // Walked before the lock, too. What comes or is handed back in between is left to a worker.
    let waiting = log::find_waiting(&mut *db, &numbers).await?;
    log::forget_answers(&mut *db, &waiting.ids).await?;
    let mut tx = db.begin().await?;
    shut_out_claims(&mut *tx).await?;
    suppressions::keep(&mut *tx, keyring.people(), phone, ALL_SOURCES).await?;
    rows += clear::consent(&mut tx, &numbers, ALL_SOURCES).await?;
    rows += log::withdraw(&mut tx, &numbers, &waiting.ids).await?;
    let erasure = insert(&mut *tx, keyring, id, phone, rows).await?;
    tx.commit().await?;
    Ok(erasure)
}

/// Takes them off all lists and out of what is known of codes; says how many rows. Before any lock that claims wait for:
/// lists that are being read, and the feeder, hold their campaigns.
async fn clear_lists_and_codes(db: &mut PgConnection, numbers: &Numbers) -> sqlx::Result<i64> {
    let mut rows = clear::staged(&mut *db, numbers).await?;
    let mut tx = db.begin().await?;
    rows += clear::campaigns(&mut tx, numbers).await?;
    tx.commit().await?;
    rows += clear::codes(db, numbers).await?;
    Ok(rows)
}

async fn insert(
    db: impl PgExecutor<'_>,
    keyring: &Keyring,
    id: ErasureId,
    phone: &PhoneNumber,
    rows: i64,
) -> sqlx::Result<Erasure> {
    sqlx::query_as!(
        Erasure,
        r#"insert into smsgw.sms_erasures as e (id, hash, sealed_number, rows) values ($1, $2, $3, $4)
           on conflict (hash) where done_at is null do update
           set requested_at = clock_timestamp(), seen = null, rows = e.rows + excluded.rows
           returning id as "id: ErasureId", requested_at, done_at, rows"#,
        id as ErasureId,
        keyring.people().tag(&[phone.as_str().as_bytes()]),
        keyring.numbers().seal(&sealed_place(id), phone.as_str().as_bytes()),
        rows,
    )
    .fetch_one(db)
    .await
}

/// Finds how far an erasure is.
pub async fn find(db: impl PgExecutor<'_>, id: ErasureId) -> sqlx::Result<Option<Erasure>> {
    sqlx::query_as!(
        Erasure,
        r#"select id as "id: ErasureId", requested_at, done_at, rows from smsgw.sms_erasures where id = $1"#,
        id as ErasureId,
    )
    .fetch_optional(db)
    .await
}

/// Whether anybody is to be erased.
pub async fn are_pending(db: impl PgExecutor<'_>) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (select from smsgw.sms_erasures where done_at is null
                          and requested_at < clock_timestamp() - interval '2 seconds') as "are!""#
    )
    .fetch_one(db)
    .await
}

/// Lists up to `limit` people who are to be erased, the oldest wish first, and those whose number cannot be read. What
/// was accepted together with the wish has been committed by now.
pub async fn list_pending(
    db: impl PgExecutor<'_>,
    keyring: &Keyring,
    limit: i64,
) -> sqlx::Result<(Vec<Pending>, Vec<(ErasureId, OpenError)>)> {
    let rows = sqlx::query!(
        r#"select id as "id: ErasureId", sealed_number as "sealed_number!", requested_at, seen as "seen: MessageId"
           from smsgw.sms_erasures
           where done_at is null and requested_at < clock_timestamp() - interval '2 seconds'
           order by requested_at limit $1"#,
        limit,
    )
    .fetch_all(db)
    .await?;
    let (mut pending, mut unread) = (Vec::with_capacity(rows.len()), Vec::new());
    for row in rows {
        match keyring.numbers().open_text(&sealed_place(row.id), &row.sealed_number) {
            Ok(number) => pending.push(Pending {
                id: row.id,
                phone: PhoneNumber::stored(number.expose_secret().to_owned()),
                requested_at: row.requested_at,
                seen: row.seen,
            }),
            Err(error) => unread.push((row.id, error)),
        }
    }
    Ok((pending, unread))
}

/// Erases `people`, none of whom was begun, from the small tables, and withdraws what came into the outbox with their
/// wish. Who has no message left there is begun; a message that is being sent writes its end into the log first. Says how
/// many were begun.
pub async fn begin(db: &mut PgConnection, people: &[Pending]) -> sqlx::Result<u64> {
    let numbers = Numbers::of_pending(people);
    clear_lists_and_codes(&mut *db, &numbers).await?;
    let mut tx = db.begin().await?;
    let waiting = log::find_waiting(&mut *tx, &numbers).await?;
    log::forget_answers(&mut *tx, &waiting.ids).await?;
    log::withdraw(&mut tx, &numbers, &waiting.ids).await?;
    clear::people(&mut tx, &numbers).await?;
    let held = log::find_waiting(&mut *tx, &numbers).await?.numbers;
    let free = people.iter().filter(|one| !one.phone.stored_spellings().iter().any(|to| held.contains(to)));
    let (ids, wishes): (Vec<ErasureId>, Vec<DateTime<Utc>>) =
        free.map(|one| (one.id, one.requested_at)).unzip();
    let begun = sqlx::query!(
        "update smsgw.sms_erasures e set seen = $3
         from unnest($1::uuid[], $2::timestamptz[]) as i (id, requested_at)
         -- Whoever asked again meanwhile waits for another turn.
         where e.id = i.id and e.requested_at = i.requested_at and e.done_at is null",
        &ids as &[ErasureId],
        &wishes,
        MessageId::FIRST as MessageId,
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(begun.rows_affected())
}

/// Erases those of `people` who are farthest, all of whom were begun, from their next stretch of the log; says whether
/// there is more to do. The others wait until these are done, and then go together: so everybody comes to an end, however
/// many follow.
pub async fn go_on(db: &mut PgConnection, keyring: &Keyring, people: &[Pending]) -> sqlx::Result<bool> {
    let Some(since) = people.iter().filter_map(|one| one.seen).max() else { return Ok(false) };
    let all = people.len();
    let people: Vec<Pending> = people.iter().filter(|one| one.seen == Some(since)).cloned().collect();
    let Some(until) = people.iter().map(Pending::until).max() else { return Ok(false) };
    let mut tx = db.begin_with(BEGIN_ALONG_THE_LOG).await?;
    let next = log::find_end(&mut *tx, since, until).await?;
    let stretch = since..next.unwrap_or(until);
    let numbers = Numbers::of_pending(&people);
    let found = log::erase(&mut tx, &numbers, stretch.clone()).await?;
    clear::keys(&mut tx, &numbers, &stretch).await?;
    if next.is_none() {
        keep_what_was_told(&mut tx, keyring, &people, &numbers).await?;
    }
    let rows =
        |one: &Pending| one.phone.stored_spellings().iter().filter_map(|to| found.get(to)).sum::<i64>();
    let ids: Vec<ErasureId> = people.iter().map(|one| one.id).collect();
    let rows: Vec<i64> = people.iter().map(rows).collect();
    sqlx::query!(
        "update smsgw.sms_erasures e
         set rows = e.rows + i.rows,
             seen = coalesce($3::uuid, e.seen),
             done_at = case when $3::uuid is null then clock_timestamp() end,
             sealed_number = case when $3::uuid is not null then e.sealed_number end
         from unnest($1::uuid[], $2::bigint[]) as i (id, rows)
         -- Whoever asked again meanwhile is begun anew.
         where e.id = i.id and e.done_at is null and e.seen is not null",
        &ids as &[ErasureId],
        &rows,
        next as Option<MessageId>,
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(next.is_some() || people.len() < all)
}

/// Turns what providers told of `people` since the wish into hashes. What people said themselves since then is new, and stays.
async fn keep_what_was_told(
    db: &mut PgConnection,
    keyring: &Keyring,
    people: &[Pending],
    numbers: &Numbers,
) -> sqlx::Result<()> {
    shut_out_claims(&mut *db).await?;
    for one in people {
        suppressions::keep(&mut *db, keyring.people(), &one.phone, PROVIDERS).await?;
    }
    clear::consent(db, numbers, PROVIDERS).await?;
    Ok(())
}

fn sealed_place(id: ErasureId) -> Vec<u8> {
    place("sms_erasures", id.0.as_bytes())
}
