//! How much of a campaign may be on its way: no more than two seconds of work.
//!
//! What waits in the outbox can be neither reordered nor throttled any more, so it is kept short: a small campaign waits
//! two seconds behind a large one, not an hour, and one whose provider is paused holds nothing up.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use shared::ids::CampaignId;
use shared::store::campaigns::feed::Running;

/// Work that may be on its way.
const AHEAD_SECONDS: f64 = 2.0;
/// So many messages may wait while nobody knows how fast they leave …
const FIRST: f64 = 200.0;
/// … of one with a throttle so many: it bounds itself …
const FIRST_PLANNED: f64 = 2000.0;
/// … and so many once it is known that none do: enough to see that the provider is back.
const LEAST: f64 = 20.0;
/// So long is not known how fast a campaign leaves.
const LEARNING: Duration = Duration::from_secs(5);
/// How fast what is measured replaces what was.
const SMOOTHING: f64 = 0.3;
/// Shorter stretches say nothing of a rate.
const SHORTEST: Duration = Duration::from_millis(50);

/// Measures how fast campaigns leave, and says how much of each may be fed.
#[derive(Debug, Default)]
pub(super) struct Pace {
    measured: HashMap<CampaignId, Measured>,
}

#[derive(Debug)]
struct Measured {
    since: Instant,
    left: i64,
    at: Instant,
    per_second: f64,
}

impl Pace {
    /// Takes note of how far the campaigns are at `now`; those that are gone are forgotten.
    pub(super) fn observe(&mut self, running: &[Running], now: Instant) {
        self.measured.retain(|id, _| running.iter().any(|one| one.id == *id));
        for one in running {
            let first = Measured { since: now, left: one.left, at: now, per_second: 0.0 };
            let known = self.measured.entry(one.id).or_insert(first);
            let time = now.duration_since(known.at);
            if time >= SHORTEST {
                let rate = (one.left - known.left).max(0) as f64 / time.as_secs_f64();
                known.per_second += SMOOTHING * (rate - known.per_second);
                (known.left, known.at) = (one.left, now);
            }
        }
    }

    /// Messages of a campaign that end a second.
    pub(super) fn per_second(&self, id: CampaignId) -> f64 {
        self.measured.get(&id).map_or(0.0, |measured| measured.per_second)
    }

    /// How many messages of `one`, of which some are `waiting`, may be made now, of all that run.
    pub(super) fn allowance(&self, one: &Running, waiting: i64, running: &[Running]) -> i64 {
        let most = match one.max_per_second {
            Some(throttle) => self.planned(one, f64::from(throttle)),
            None => self.share(one, running),
        };
        (most.max(1.0) as i64 - waiting).clamp(0, one.unfed.max(0))
    }

    /// With a throttle: what is due within two seconds, and a second's more that is late; less if nobody keeps up with
    /// the throttle.
    fn planned(&self, one: &Running, throttle: f64) -> f64 {
        let most = AHEAD_SECONDS + 1.0;
        (most * throttle).min((most * self.per_second(one.id)).max(self.floor(one.id, FIRST_PLANNED)))
    }

    /// What leaves of all campaigns without a throttle in two seconds, divided by their weights.
    fn share(&self, one: &Running, running: &[Running]) -> f64 {
        let rivals = || running.iter().filter(|other| other.max_per_second.is_none());
        let rate: f64 = rivals().map(|other| self.per_second(other.id)).sum();
        let weights: f64 =
            rivals().filter(|other| other.unfed > 0).map(|other| f64::from(other.weight)).sum();
        let share = f64::from(one.weight) / weights.max(f64::from(one.weight));
        share * (AHEAD_SECONDS * rate).max(self.floor(one.id, FIRST))
    }

    /// What may wait whatever leaves.
    fn floor(&self, id: CampaignId, first: f64) -> f64 {
        let is_known = |known: &Measured| known.at.duration_since(known.since) >= LEARNING;
        if self.measured.get(&id).is_some_and(is_known) { LEAST } else { first }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running(number: u64, weight: i16, under_way: i64, ended: i64) -> Running {
        Running {
            id: format!("00000000-0000-7000-8000-{number:012}").parse().expect("an id"),
            max_per_second: None,
            weight,
            unfed: 1_000_000,
            under_way,
            left: ended,
            is_staged: false,
            is_over: false,
        }
    }

    /// Observes until the rate has settled.
    fn settled(campaigns: &mut [Running], each_tick: &[i64]) -> Pace {
        let (mut pace, begin) = (Pace::default(), Instant::now());
        for tick in 0..60 {
            pace.observe(campaigns, begin + Duration::from_millis(100 * tick));
            for (one, more) in campaigns.iter_mut().zip(each_tick) {
                one.left += more;
            }
        }
        pace
    }

    #[test]
    fn two_seconds_of_work_may_be_on_their_way() {
        let mut campaigns = [running(1, 10, 0, 0)];
        let pace = settled(&mut campaigns, &[1000]);
        let allowed = pace.allowance(&campaigns[0], 0, &campaigns);
        assert!((19_000..=20_000).contains(&allowed), "{allowed}");
        assert_eq!(pace.allowance(&campaigns[0], 30_000, &campaigns), 0);
    }

    #[test]
    fn a_small_campaign_gets_its_share_at_once() {
        let mut campaigns = [running(1, 10, 0, 0), running(2, 10, 0, 0), running(3, 20, 0, 0)];
        let pace = settled(&mut campaigns, &[1000, 0, 0]);
        let allowed = campaigns.map(|one| pace.allowance(&one, one.under_way, &campaigns));
        assert!((4_700..=5_000).contains(&allowed[1]), "{allowed:?}");
        assert!((9_500..=10_000).contains(&allowed[2]), "{allowed:?}");
    }

    #[test]
    fn a_throttle_bounds_what_is_on_its_way() {
        let slow = Running { max_per_second: Some(5), ..running(1, 10, 4, 0) };
        assert_eq!(Pace::default().allowance(&slow, 4, &[slow]), 11);
        let last = Running { unfed: 2, ..slow };
        assert_eq!(Pace::default().allowance(&last, 4, &[last]), 2);
    }

    #[test]
    fn a_throttle_that_nobody_keeps_up_with_fills_no_queue() {
        let mut campaigns = [Running { max_per_second: Some(10_000), ..running(1, 10, 0, 0) }];
        assert_eq!(Pace::default().allowance(&campaigns[0], 0, &campaigns), 2000);
        let pace = settled(&mut campaigns, &[5]);
        let allowed = pace.allowance(&campaigns[0], 0, &campaigns);
        assert!((140..=150).contains(&allowed), "{allowed}");
    }

    #[test]
    fn nothing_piles_up_before_a_provider_that_takes_nothing() {
        let mut campaigns = [running(1, 10, 20, 0), running(2, 10, 0, 0)];
        assert_eq!(Pace::default().allowance(&campaigns[0], 20, &campaigns), 80);
        let pace = settled(&mut campaigns, &[0, 0]);
        let allowed = campaigns.map(|one| pace.allowance(&one, one.under_way, &campaigns));
        assert_eq!(allowed, [0, 10]);
    }

    #[test]
    fn the_least_of_many_campaigns_gets_something() {
        let mut campaigns = [running(1, 1, 0, 0), running(2, 100, 0, 0)];
        let pace = settled(&mut campaigns, &[0, 0]);
        assert_eq!(pace.allowance(&campaigns[0], 0, &campaigns), 1);
    }
}
