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
/// So many messages may be on their way while nobody knows how fast they leave.
const LEAST: f64 = 200.0;
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
    left: i64,
    at: Instant,
    per_second: f64,
}

impl Pace {
    /// Takes note of how far the campaigns are at `now`; those that are gone are forgotten.
    pub(super) fn observe(&mut self, running: &[Running], now: Instant) {
        self.measured.retain(|id, _| running.iter().any(|one| one.id == *id));
        for one in running {
            let known =
                self.measured.entry(one.id).or_insert(Measured { left: one.left, at: now, per_second: 0.0 });
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

    /// How many messages of `one` may be made now, of all that run.
    pub(super) fn allowance(&self, one: &Running, running: &[Running]) -> i64 {
        let most = match one.max_per_second {
            // What is due within two seconds, and what is being sent.
            Some(throttle) => ((AHEAD_SECONDS + 1.0) * f64::from(throttle)).max(1.0),
            None => self.share(one, running),
        };
        (most as i64 - one.under_way).clamp(0, one.unfed.max(0))
    }

    /// What is on its way of all campaigns without a throttle, divided by their weights.
    fn share(&self, one: &Running, running: &[Running]) -> f64 {
        let rivals = || running.iter().filter(|other| other.max_per_second.is_none());
        let rate: f64 = rivals().map(|other| self.per_second(other.id)).sum();
        let weights: f64 =
            rivals().filter(|other| other.unfed > 0).map(|other| f64::from(other.weight)).sum();
        let share = f64::from(one.weight) / weights.max(f64::from(one.weight));
        (share * AHEAD_SECONDS * rate).max(LEAST)
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
        let allowed = pace.allowance(&campaigns[0], &campaigns);
        assert!((19_000..=20_000).contains(&allowed), "{allowed}");
        assert_eq!(pace.allowance(&running(1, 10, 30_000, 0), &campaigns), 0);
    }

    #[test]
    fn a_small_campaign_gets_its_share_at_once() {
        let mut campaigns = [running(1, 10, 0, 0), running(2, 10, 0, 0), running(3, 20, 0, 0)];
        let pace = settled(&mut campaigns, &[1000, 0, 0]);
        let allowed = campaigns.map(|one| pace.allowance(&one, &campaigns));
        assert!((4_700..=5_000).contains(&allowed[1]), "{allowed:?}");
        assert!((9_500..=10_000).contains(&allowed[2]), "{allowed:?}");
    }

    #[test]
    fn a_throttle_bounds_what_is_on_its_way_whatever_leaves() {
        let slow = Running { max_per_second: Some(5), ..running(1, 10, 4, 0) };
        assert_eq!(Pace::default().allowance(&slow, &[slow]), 11);
        let last = Running { unfed: 2, ..slow };
        assert_eq!(Pace::default().allowance(&last, &[last]), 2);
    }

    #[test]
    fn nothing_piles_up_before_a_provider_that_takes_nothing() {
        let mut campaigns = [running(1, 10, 200, 0)];
        let pace = settled(&mut campaigns, &[0]);
        assert_eq!(pace.allowance(&campaigns[0], &campaigns), 0);
    }
}
