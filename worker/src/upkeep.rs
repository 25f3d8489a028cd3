//! Standing duties that may come late without harm: clock, partitions, old rows, gauges.

use std::sync::Arc;
use std::time::{Duration, Instant};

use metrics::Gauge;
use shared::clock::DbClock;
use shared::db::{is_away, within};
use shared::lane::Lane;
use shared::store::{outbox, retention, upkeep};
use sqlx::PgPool;

use crate::config::WorkerConfig;
use crate::measures;
use crate::sweep::Mark;

const TICK: Duration = Duration::from_secs(5);
/// A duty that takes longer is lost with its connection.
const PATIENCE: Duration = Duration::from_secs(20);
/// So many groups of rows a duty takes each time at most: 40,000 rows a second, and the other duties have their turn.
const MOST_GROUPS: u32 = 20;
const HOURLY_DUTIES: Duration = Duration::from_secs(3600);
/// Lane depths are counted up to here, so that counting stays cheap.
const COUNT_LIMIT: i64 = 10_000;

/// Does the duties until dropped.
pub(crate) async fn run(pool: &PgPool, clock: &DbClock, marks: &[Arc<Mark>; 3], keep: &WorkerConfig) {
    let queues = Lane::ALL.map(measures::queue);
    let mut hourly_due = Instant::now();
    loop {
        if hourly_due <= Instant::now() {
            hourly_due = Instant::now() + HOURLY_DUTIES;
            hourly(pool, keep.log_days).await;
        }
        often(pool, marks, &queues).await;
        by_age(pool, keep).await;
        told("the clock", within(PATIENCE, clock.sync(pool)).await);
        tokio::time::sleep(TICK).await;
    }
}

/// What one duty cannot do keeps no other from being done.
async fn often(pool: &PgPool, marks: &[Arc<Mark>; 3], queues: &[(Gauge, Gauge); 3]) {
    thoroughly("expired sessions", || upkeep::expire_sessions(pool)).await;
    thoroughly("codes kept for a resend", || upkeep::wipe_kept_codes(pool)).await;
    thoroughly("ended OTP sessions", || upkeep::purge_ended_sessions(pool)).await;
    thoroughly("verified OTP sessions", || upkeep::purge_verified_sessions(pool)).await;
    thoroughly("old tokens for a new password", || upkeep::purge_reset_tokens(pool)).await;
    thoroughly("old OTP windows", || upkeep::purge_otp_windows(pool)).await;
    thoroughly("old OTP counts", || upkeep::purge_otp_counts(pool)).await;
    thoroughly("old counts of checks", || upkeep::purge_check_counts(pool)).await;
    thoroughly("old checks", || upkeep::purge_otp_checks(pool)).await;
    thoroughly("devices whose time is over", || upkeep::purge_devices(pool)).await;
    thoroughly("apps that were not confirmed", || upkeep::purge_pending_apps(pool)).await;
    thoroughly("old failures of second factors", || upkeep::purge_two_factor_failures(pool)).await;
    thoroughly("old uses of second factors", || upkeep::purge_two_factor_verifications(pool)).await;
    thoroughly("old decisions of the guard", || upkeep::purge_guard_decisions(pool)).await;
    thoroughly("what the guard no longer watches", || upkeep::purge_guard_subjects(pool)).await;
    thoroughly("guarded texts of past hours", || upkeep::purge_guard_unmeasured(pool)).await;
    thoroughly("what codes cost long ago", || upkeep::purge_codes_spend(pool)).await;
    thoroughly("old idempotency keys", || upkeep::purge_idempotency(pool)).await;
    thoroughly("old keys of sms_enqueue", || upkeep::purge_enqueue_keys(pool)).await;
    thoroughly("old receipts", || upkeep::purge_receipts(pool)).await;
    thoroughly("old inbound texts", || upkeep::purge_inbound(pool)).await;
    thoroughly("old contacts of campaigns", || upkeep::purge_promo_contacts(pool)).await;
    thoroughly("old alerts of spending", || upkeep::purge_spend_alerts(pool)).await;
    told("depths of the lanes", within(PATIENCE, show_depths(pool, marks, queues)).await);
}

/// What goes by age, as it is set.
async fn by_age(pool: &PgPool, keep: &WorkerConfig) {
    let (body_days, campaign_days) = (i32::from(keep.body_days), i32::from(keep.campaign_days));
    let bodies = || async move { retention::wipe_bodies(&mut *pool.acquire().await?, body_days).await };
    thoroughly("texts of old messages", bodies).await;
    let campaigns =
        || async move { retention::empty_campaign(&mut *pool.acquire().await?, campaign_days).await };
    thoroughly("lists of old campaigns", campaigns).await;
}

/// Does a duty that takes a group of rows at a time, again while there are whole groups of them.
async fn thoroughly<F>(duty: &'static str, group: impl Fn() -> F)
where
    F: Future<Output = sqlx::Result<u64>>,
{
    let groups = async {
        for _ in 0..MOST_GROUPS {
            if group().await? < upkeep::GROUP {
                break;
            }
        }
        Ok(())
    };
    told(duty, within(PATIENCE, groups).await);
}

/// Says what could not be done; an absent database is told elsewhere.
fn told<T>(duty: &'static str, done: sqlx::Result<T>) {
    match done {
        Ok(_) => (),
        Err(error) if is_away(&error) => tracing::debug!(%error, duty, "upkeep waits for the database"),
        Err(error) => tracing::warn!(%error, duty, "a duty of upkeep failed; trying again"),
    }
}

async fn show_depths(
    pool: &PgPool,
    marks: &[Arc<Mark>; 3],
    queues: &[(Gauge, Gauge); 3],
) -> sqlx::Result<()> {
    let behind = Lane::ALL.map(|lane| marks[lane as usize].read().0);
    for depth in outbox::list_depths(pool, behind, COUNT_LIMIT).await? {
        let (messages, oldest_due) = &queues[depth.lane as usize];
        messages.set(depth.messages as f64);
        oldest_due.set(depth.oldest_due_seconds);
    }
    Ok(())
}

/// Partitions reach four weeks ahead, so a duty that fails for days still does no harm.
async fn hourly(pool: &PgPool, log_days: u16) {
    match within(PATIENCE, upkeep::create_partitions(pool)).await {
        Ok(0) => (),
        Ok(created) => tracing::info!(created, "partitions created"),
        Err(error) => tracing::warn!(%error, "partitions were not created; trying again in an hour"),
    }
    match within(PATIENCE, upkeep::drop_partitions(pool, i32::from(log_days))).await {
        Ok(0) => (),
        Ok(dropped) => tracing::info!(dropped, "old partitions dropped"),
        Err(error) => tracing::warn!(%error, "old partitions were not dropped; trying again in an hour"),
    }
    // The whole table is walked for it.
    thoroughly("people texted by old campaigns", || retention::purge_dedupe(pool)).await;
}
