//! What is told of spending: how much of each cap is used, as metrics, and thresholds that were reached, as alerts.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use metrics::{Counter, Gauge};
use serde_json::json;
use shared::alert::Alerter;
use shared::clock::DbClock;
use shared::db::within;
use shared::store::spend_alerts::Alert;
use shared::store::{spend, spend_alerts, spend_caps};
use sqlx::PgPool;

use crate::measures;

/// How often is looked for alerts.
const TICK: Duration = Duration::from_secs(1);
/// How often the metrics change.
const SHOW_EVERY: Duration = Duration::from_secs(5);
/// What takes longer is lost with its connection.
const PATIENCE: Duration = Duration::from_secs(5);
/// Alerts taken at once: one that is slow must not make the next wait for long.
const GROUP: i64 = 5;

/// Tells until dropped. Without an alerter, alerts stay where they are.
pub(crate) async fn run(pool: &PgPool, clock: &DbClock, alerter: Option<&Alerter>) {
    let mut shown = HashMap::new();
    let [taken, failed] = measures::spend_alerts();
    let mut show_at = Instant::now();
    loop {
        if show_at <= Instant::now() {
            show_at = Instant::now() + SHOW_EVERY;
            told(within(PATIENCE, show(pool, clock, &mut shown)).await);
        }
        if let Some(alerter) = alerter {
            told(post_due(pool, clock, alerter, (&taken, &failed)).await);
        }
        tokio::time::sleep(TICK).await;
    }
}

fn told(done: sqlx::Result<()>) {
    if let Err(error) = done {
        tracing::debug!(%error, "what is told of spending waits for the database");
    }
}

/// Shows how much of each cap is spent today; one that was removed as nothing.
async fn show(pool: &PgPool, clock: &DbClock, shown: &mut HashMap<String, Gauge>) -> sqlx::Result<()> {
    let caps = spend_caps::list(pool, spend::day_of(clock.now())).await?;
    shown
        .iter()
        .filter(|(name, _)| !caps.iter().any(|cap| cap.name == **name))
        .for_each(|(_, gauge)| gauge.set(0.0));
    for cap in caps {
        let Some(spent) = cap.spent else { continue };
        let ratio = spent.micros() as f64 / cap.amount.micros().max(1) as f64;
        shown.entry(cap.name).or_insert_with_key(|name| measures::cap_ratio(name)).set(ratio);
    }
    Ok(())
}

/// Posts the alerts that are due. What is not taken comes again by itself, so no connection is held meanwhile.
async fn post_due(
    pool: &PgPool,
    clock: &DbClock,
    alerter: &Alerter,
    (taken, failed): (&Counter, &Counter),
) -> sqlx::Result<()> {
    for alert in within(PATIENCE, spend_alerts::take_due(pool, GROUP)).await? {
        match alerter.post(&alert.id.to_string(), clock.now(), body(&alert)).await {
            Ok(()) => {
                taken.increment(1);
                within(PATIENCE, spend_alerts::settle(pool, alert.id)).await?;
            }
            Err(error) => {
                failed.increment(1);
                let error: &dyn std::error::Error = &error;
                tracing::warn!(
                    error,
                    cap = alert.cap,
                    "SMSGW_ALERT_URL: an alert was not taken; trying again"
                );
            }
        }
    }
    Ok(())
}

fn body(alert: &Alert) -> String {
    json!({ "type": "spend.threshold", "timestamp": alert.reached_at, "data": alert }).to_string()
}
