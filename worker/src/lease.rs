//! Leases 100 ms slices of configured rates, so that all workers together keep them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use shared::clock::DbClock;
use shared::db::within;
use shared::store::provider_state;
use sqlx::PgPool;

use crate::health::Health;
use crate::roster::Roster;

/// How often demand is looked at: several times a slice.
const TICK: Duration = Duration::from_millis(10);

/// Slices of a rate: how long one is, and how many sends it holds.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Slices {
    millis: i64,
    tokens: u32,
}

impl Slices {
    /// 100 ms, or for slow rates as long as one send takes.
    fn of(per_second: f64) -> Self {
        let tokens = ((per_second / 10.0) as u32).max(1);
        Self { millis: (1000.0 * f64::from(tokens) / per_second) as i64, tokens }
    }
}

/// Leases until dropped.
pub(crate) async fn run(roster: &Roster, pool: &PgPool, clock: &DbClock) {
    let mut current: HashMap<String, i64> = HashMap::new();
    loop {
        for health in roster.healths() {
            let Some(rate) = health.gate().rate().leased_per_second() else { continue };
            let slices = Slices::of(rate);
            let now = clock.now().timestamp_millis();
            let slice = now - now.rem_euclid(slices.millis.max(1));
            if current.insert(health.name.clone(), slice) != Some(slice) {
                health.gate().rate().begin_slice();
            }
            lease(&health, pool, slice, slices.tokens).await;
        }
        tokio::time::sleep(TICK).await;
    }
}

/// Leases what was asked for since the last look.
async fn lease(health: &Arc<Health>, pool: &PgPool, slice: i64, per_slice: u32) {
    let wanted = health.gate().rate().take_demand(per_slice);
    if wanted == 0 {
        return;
    }
    let bound = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
    let leased = provider_state::lease(pool, &health.name, slice, bound(wanted), bound(per_slice));
    match within(Duration::from_secs(1), leased).await {
        Ok(granted) => health.gate().rate().lease(u32::try_from(granted).unwrap_or(0)),
        Err(error) => {
            tracing::debug!(%error, provider.id = health.name, "no lease while the database is away");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_add_up_to_the_rate() {
        for rate in [0.5, 1.0, 3.0, 7.0, 10.0, 25.0, 200.0, 1000.0] {
            let slices = Slices::of(rate);
            let per_second = f64::from(slices.tokens) * 1000.0 / slices.millis as f64;
            assert!(per_second <= rate * 1.01 && per_second >= rate * 0.99, "{rate}: {per_second}");
        }
    }
}
