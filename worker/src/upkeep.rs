//! Standing duties that may come late without harm: clock, partitions, old rows, gauges.

use std::sync::Arc;
use std::time::{Duration, Instant};

use metrics::Gauge;
use shared::clock::DbClock;
use shared::db::within;
use shared::lane::Lane;
use shared::store::{inbound, outbox, receipts, upkeep};
use sqlx::PgPool;

use crate::measures;
use crate::sweep::Mark;

const TICK: Duration = Duration::from_secs(5);
/// A duty that takes longer is lost with its connection.
const PATIENCE: Duration = Duration::from_secs(20);
const HOURLY_DUTIES: Duration = Duration::from_secs(3600);
/// Lane depths are counted up to here, so that counting stays cheap.
const COUNT_LIMIT: i64 = 10_000;

/// Does the duties until dropped.
pub(crate) async fn run(pool: &PgPool, clock: &DbClock, marks: &[Arc<Mark>; 3], log_days: u16) {
    let queues = Lane::ALL.map(measures::queue);
    let mut hourly_due = Instant::now();
    loop {
        if hourly_due <= Instant::now() {
            hourly_due = Instant::now() + HOURLY_DUTIES;
            hourly(pool, log_days).await;
        }
        for done in
            [within(PATIENCE, often(pool, marks, &queues)).await, within(PATIENCE, clock.sync(pool)).await]
        {
            if let Err(error) = done {
                tracing::debug!(%error, "upkeep waits for the database");
            }
        }
        tokio::time::sleep(TICK).await;
    }
}

async fn often(pool: &PgPool, marks: &[Arc<Mark>; 3], queues: &[(Gauge, Gauge); 3]) -> sqlx::Result<()> {
    upkeep::expire_sessions(pool).await?;
    upkeep::purge_idempotency(pool).await?;
    upkeep::purge_enqueue_keys(pool).await?;
    receipts::purge(pool).await?;
    inbound::purge(pool).await?;
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
}
