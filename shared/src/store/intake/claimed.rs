//! Texts that are stored under the name of the worker that will send them.

use chrono::{DateTime, Utc};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::Columns;
use crate::ids::{MessageId, WorkerId};
use crate::lane::Lane;
use crate::message::NewMessage;
use crate::seal::Mac;
use crate::store::outbox::{Claimed, heed_erased};
use crate::store::sparse;

/// As a claim: whoever withdraws consent shuts these out, or waits for them. But what is accepted does not wait for that:
/// without the lock a message is stored for the next claim. Before the insert, which must see what the lock waited for.
const BEGIN_TO_CLAIM: &str = "begin isolation level read committed; \
     select set_config('smsgw.may_claim', pg_try_advisory_xact_lock_shared(6002545444227601487)::text, true)";

/// Whether a text can be stored claimed: one that waits for its time is claimed then.
pub fn is_claimable(message: &NewMessage) -> bool {
    message.lane == Lane::Transactional && message.due_at.is_none() && message.campaign_id.is_none()
}

/// Stores messages that were never stored before, all or none, those of `claimable` under the name of `worker`, and
/// returns these: now that they are committed, they may be sent. They must be [claimable](is_claimable). None are claimed
/// for a worker that was struck off, in a paused lane, or while somebody's consent is being withdrawn.
///
/// # Errors
/// When the database is away or refuses a row. If only the answer was lost, rows may carry the worker's name.
pub async fn insert_claimed(
    db: &mut PgConnection,
    people: &Mac,
    worker: WorkerId,
    claimable: &[MessageId],
    messages: &[&NewMessage],
) -> sqlx::Result<Vec<Claimed>> {
    let m = Columns::of(messages.iter().copied());
    let mut tx = db.begin_with(BEGIN_TO_CLAIM).await?;
    let rows = insert_messages!(
        @ m,
        "with claimer as (
             select id from smsgw.sms_workers
             where id = $19 and current_setting('smsgw.may_claim') = 'true'
               and not exists (
                   select from smsgw.sms_pauses where scope = 'all' or (scope = 'lane' and name = 'transactional'))
             for key share skip locked
         ) ",
        "case when m.id = any($20) then (select id from claimer) end",
        [worker as WorkerId, claimable as &[MessageId]],
        + r#"returning id as "id: MessageId", seq, due_at, preferred, worker_id is not null as "is_claimed!",
                     clock_timestamp() as "now!",
                     (select array_agg(p.sender) from smsgw.sms_opt_outs p
                      where p.phone = o."to" and p.scope <> 'marketing') as "stopped?: Vec<String>",
                     exists (select from smsgw.sms_suppressed_hashes) as "asks_of_erased!",
                     (select array_agg(name) from smsgw.sms_pauses where scope = 'provider') as "halted?: Vec<String>""#
    )
    .fetch_all(&mut *tx)
    .await?;
    let claimed = rows.into_iter().filter(|row| row.is_claimed).filter_map(|row| {
        let message = messages.iter().find(|message| message.id == row.id)?;
        let message = message.stored(row.seq, row.due_at, row.preferred);
        let (stopped, halted) = (row.stopped.unwrap_or_default(), row.halted.unwrap_or_default());
        let (asks_of_erased, now) = (row.asks_of_erased, row.now);
        Some(Claimed { message, stopped, campaign: None, halted, asks_of_erased, now })
    });
    let mut claimed: Vec<_> = claimed.collect();
    heed_erased(&mut *tx, people, Lane::Transactional, &mut claimed).await?;
    tx.commit().await?;
    Ok(claimed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::opt_outs::CONSENT_LOCK;

    #[test]
    fn it_takes_the_lock_that_stop_takes() {
        assert!(BEGIN_TO_CLAIM.contains(&format!("lock_shared({CONSENT_LOCK})")));
    }
}
