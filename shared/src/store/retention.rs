//! What goes by age and has no column or index of its own to be found by: texts of the log, lists of campaigns that ended
//! long ago, and whom campaigns of one key have texted. Each call does a group of rows, as in [`upkeep`](super::upkeep).

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{Connection, PgConnection, PgExecutor};

use super::upkeep::GROUP;
use crate::ids::{CampaignId, MessageId};

/// Rows of one statement.
const ROWS: i64 = 10_000;
/// Time that is looked through at once. Less is not worth a look.
const STRETCH: TimeDelta = TimeDelta::minutes(10);
/// What ends is committed by then.
const COMMITTED: TimeDelta = TimeDelta::minutes(1);
/// A message ends at most so long after it was accepted: planned 30 days ahead, three days of life, and a pause.
const LONGEST_WAY: TimeDelta = TimeDelta::days(60);
/// Clocks do not differ by more.
const CLOCKS: TimeDelta = TimeDelta::days(1);
/// A plan that does not know the time it is for would walk two months of the log instead of asking the index by time.
const BEGIN_KNOWING_THE_TIME: &str = "begin; set local plan_cache_mode = force_custom_plan";

/// Wipes the texts of messages that ended `days` ago. Says how many rows of one group, or [`GROUP`] if there is more to
/// look through.
pub async fn wipe_bodies(db: &mut PgConnection, days: i32) -> sqlx::Result<u64> {
    let mut tx = db.begin_with(BEGIN_KNOWING_THE_TIME).await?;
    // Whoever finds it held leaves it to whoever holds it.
    let row = sqlx::query!(
        r#"select done_until, clock_timestamp() - make_interval(days => $1) as "due!" from smsgw.sms_retention
           where name = 'bodies' for update skip locked"#,
        days,
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(row) = row else { return Ok(0) };
    let due = row.due - COMMITTED;
    let until = row.done_until + STRETCH;
    if due < until {
        return Ok(0);
    }
    let wiped = wipe(&mut *tx, row.done_until, until).await?;
    if wiped < GROUP {
        sqlx::query!("update smsgw.sms_retention set done_until = $1 where name = 'bodies'", until)
            .execute(&mut *tx)
            .await?;
    }
    tx.commit().await?;
    Ok(if until + STRETCH <= due { GROUP } else { wiped })
}

async fn wipe(db: impl PgExecutor<'_>, since: DateTime<Utc>, until: DateTime<Utc>) -> sqlx::Result<u64> {
    // The bounds of the ids tell which weeks need not be looked through.
    let (first, behind) = (MessageId::floor(since - LONGEST_WAY), MessageId::floor(until + CLOCKS));
    let done = sqlx::query!(
        "update public.sms_messages_log set text = null
         where id >= $3 and id < $4 and id = any(array(
             select id from public.sms_messages_log
             where id >= $3 and id < $4 and finished_at >= $1 and finished_at < $2 and text is not null
             limit $5))",
        since,
        until,
        first as MessageId,
        behind as MessageId,
        ROWS,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// Deletes up to [`ROWS`] rows of a campaign from `$table`.
macro_rules! delete_rows {
    ($db:expr, $table:tt, $id:expr) => {
        sqlx::query!(
            "delete from "
                + $table
                + " where ctid = any(array(
             select ctid from "
                + $table
                + " where campaign_id = $1 limit $2))",
            $id as CampaignId,
            ROWS,
        )
        .execute($db)
        .await?
        .rows_affected()
    };
}

/// Deletes the list of one campaign that ended `days` ago, a group of rows at a time: its recipients, what came by SQL and
/// could not be used, and which of them were fed together. Its counts stay. From the first group on it takes nobody any
/// more. Says how many rows.
pub async fn empty_campaign(db: &mut PgConnection, days: i32) -> sqlx::Result<u64> {
    let mut tx = db.begin().await?;
    let found = sqlx::query_scalar!(
        r#"select id as "id: CampaignId" from public.sms_campaigns
           where status in ('finished', 'cancelled') and not list_gone
             and finished_at < clock_timestamp() - make_interval(days => $1)
           order by finished_at limit 1 for no key update skip locked"#,
        days,
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(id) = found else { return Ok(0) };
    close(&mut *tx, id).await?;
    let mut rows = delete_rows!(&mut *tx, "smsgw.sms_campaign_recipients", id);
    if rows < GROUP {
        rows += delete_rows!(&mut *tx, "smsgw.sms_campaign_staged", id);
    }
    if rows < GROUP {
        forget_feeding(&mut tx, id).await?;
    }
    tx.commit().await?;
    Ok(rows)
}

/// Whom the campaign has texted is known by its list alone: one that came again would text them twice.
async fn close(db: impl PgExecutor<'_>, id: CampaignId) -> sqlx::Result<()> {
    sqlx::query!(
        "update public.sms_campaigns set emptied_at = clock_timestamp() where id = $1 and emptied_at is null",
        id as CampaignId,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What is left once the people are gone: the longest text is one of them, and a digest of a short list tells its number
/// to whoever tries them all.
async fn forget_feeding(db: &mut PgConnection, id: CampaignId) -> sqlx::Result<()> {
    sqlx::query!("delete from smsgw.sms_campaign_batches where campaign_id = $1", id as CampaignId)
        .execute(&mut *db)
        .await?;
    sqlx::query!(
        "update smsgw.sms_campaign_uploads set digest = '' where campaign_id = $1",
        id as CampaignId,
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "update public.sms_campaigns set list_gone = true, longest_text = null, forcing = '' where id = $1",
        id as CampaignId,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Forgets whom campaigns have texted longer ago than the widest window of their key; at most [`GROUP`] a call. The table
/// is walked for it.
pub async fn purge_dedupe(db: impl PgExecutor<'_>) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "delete from smsgw.sms_campaign_dedupe where ctid = any(array(
             select d.ctid from smsgw.sms_campaign_dedupe d
             join (select dedupe_key, max(dedupe_window_hours) as hours from public.sms_campaigns
                   where dedupe_key is not null group by dedupe_key) w on w.dedupe_key = d.key
             where d.sent_at < clock_timestamp() - make_interval(hours => w.hours) limit $1
             for update of d skip locked))",
        ROWS,
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}
