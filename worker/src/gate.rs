//! How fast and how many at once: one provider's gate in this process. Pure: time comes in.
//!
//! With a configured rate the tokens come from the database, a slice at a time, so that all
//! workers together keep it (see `lease`). Without one the gate is open until the provider says
//! "slow down"; then it learns a rate: down by a fifth, up a little each second. After a pause one
//! probe goes through alone before the others follow. Promo gets at most nine tenths of rate and
//! in-flight, so that a code always finds room.

use std::time::{Duration, Instant};

use shared::lane::Lane;

/// Promo's share of a provider.
const PROMO_SHARE: f64 = 0.9;
/// A learned rate falls to this share of what was measured …
const DECREASE: f64 = 0.8;
/// … and grows by this share of itself a second.
const INCREASE: f64 = 0.05;
/// A provider that has not throttled for this long is free again.
const FORGET: Duration = Duration::from_secs(600);
/// Tokens that may be saved up, as time.
const BURST: Duration = Duration::from_millis(100);
/// A claim is worth taking if the gate lets it through within this time.
const HORIZON: f64 = 0.5;

/// What the gate says to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pass {
    /// Go; and tell the gate when done.
    Granted,
    /// Ask again then.
    Later(Duration),
}

/// Where tokens come from.
#[derive(Clone, Debug)]
enum Rate {
    /// Nobody has limited it.
    Free,
    /// Leased by slices of the configured rate.
    Leased { per_second: f64, tokens: f64, promo_tokens: f64, wanted: u32 },
    /// Learned from "slow down".
    Learned { per_second: f64, tokens: f64, promo_tokens: f64, filled: Instant, throttled: Instant },
}

/// One provider's gate.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    max_in_flight: Option<u32>,
    in_flight: u32,
    promo_in_flight: u32,
    rate: Rate,
    probing: bool,
    meter: Meter,
}

impl Gate {
    /// An open gate with the configured limits.
    pub(crate) fn new(max_per_second: Option<u32>, max_in_flight: Option<u32>, now: Instant) -> Self {
        let rate = match max_per_second {
            Some(rate) => {
                Rate::Leased { per_second: f64::from(rate), tokens: 0.0, promo_tokens: 0.0, wanted: 0 }
            }
            None => Rate::Free,
        };
        Self { max_in_flight, in_flight: 0, promo_in_flight: 0, rate, probing: false, meter: Meter::new(now) }
    }

    /// Takes over new limits, keeping what was learnt and what is in flight.
    pub(crate) fn reconfigure(
        &mut self,
        max_per_second: Option<u32>,
        max_in_flight: Option<u32>,
        now: Instant,
    ) {
        let fresh = Self::new(max_per_second, max_in_flight, now);
        let same_kind = matches!(
            (&self.rate, &fresh.rate),
            (Rate::Free | Rate::Learned { .. }, Rate::Free) | (Rate::Leased { .. }, Rate::Leased { .. })
        );
        if let (Rate::Leased { per_second, .. }, Rate::Leased { per_second: new, .. }) =
            (&mut self.rate, &fresh.rate)
        {
            *per_second = *new;
        }
        if !same_kind {
            self.rate = fresh.rate;
        }
        self.max_in_flight = max_in_flight;
    }

    /// Asks for a message of `lane` to pass now.
    pub(crate) fn pass(&mut self, lane: Lane, now: Instant) -> Pass {
        if self.is_full(lane) || (self.probing && self.in_flight > 0) {
            return Pass::Later(Duration::from_millis(5));
        }
        if let Some(wait) = self.rate.take(lane, now) {
            return Pass::Later(wait);
        }
        self.in_flight += 1;
        if lane == Lane::Promo {
            self.promo_in_flight += 1;
        }
        Pass::Granted
    }

    /// A message that passed is done, however.
    pub(crate) fn done(&mut self, lane: Lane) {
        self.in_flight = self.in_flight.saturating_sub(1);
        if lane == Lane::Promo {
            self.promo_in_flight = self.promo_in_flight.saturating_sub(1);
        }
    }

    /// The provider took a message: the probe is over.
    pub(crate) fn accepted(&mut self, now: Instant) {
        self.probing = false;
        self.meter.count(now);
    }

    /// The provider wants us slower: the next message after the pause is a probe.
    pub(crate) fn throttled(&mut self, now: Instant) {
        self.probing = true;
        let measured = self.meter.per_second(now);
        self.rate.slow_down(measured, now);
    }

    /// How many messages of `lane` would pass soon.
    pub(crate) fn releasable(&mut self, lane: Lane, now: Instant) -> usize {
        if self.probing {
            return usize::from(self.in_flight == 0);
        }
        let room = self.limit(lane).map_or(u32::MAX, |limit| limit.saturating_sub(self.lane_in_flight(lane)));
        let soon = self.rate.soon(lane, now);
        usize::try_from(room.min(soon)).unwrap_or(usize::MAX)
    }

    /// How many tokens to lease: what was asked for in vain since the last time.
    pub(crate) fn take_demand(&mut self, per_slice: u32) -> u32 {
        match &mut self.rate {
            Rate::Leased { wanted, .. } => std::mem::take(wanted).min(per_slice),
            Rate::Free | Rate::Learned { .. } => 0,
        }
    }

    /// The configured rate.
    pub(crate) fn configured_rate(&self) -> Option<f64> {
        match self.rate {
            Rate::Leased { per_second, .. } => Some(per_second),
            Rate::Free | Rate::Learned { .. } => None,
        }
    }

    /// A new slice begins; the tokens of the last one are void.
    pub(crate) fn begin_slice(&mut self) {
        if let Rate::Leased { tokens, .. } = &mut self.rate {
            *tokens = 0.0;
        }
    }

    /// The present slice gives `granted` more tokens.
    pub(crate) fn lease(&mut self, granted: u32) {
        if let Rate::Leased { tokens, promo_tokens, .. } = &mut self.rate {
            *tokens += f64::from(granted);
            // Carried over, so that a slice of one token is not always kept from promo.
            *promo_tokens = (*promo_tokens + f64::from(granted) * PROMO_SHARE).min(tokens.max(1.0) + 1.0);
        }
    }

    fn is_full(&self, lane: Lane) -> bool {
        self.limit(lane).is_some_and(|limit| self.lane_in_flight(lane) >= limit)
            || self.max_in_flight.is_some_and(|limit| self.in_flight >= limit)
    }

    fn lane_in_flight(&self, lane: Lane) -> u32 {
        if lane == Lane::Promo { self.promo_in_flight } else { self.in_flight }
    }

    fn limit(&self, lane: Lane) -> Option<u32> {
        let limit = self.max_in_flight?;
        Some(if lane == Lane::Promo { ((f64::from(limit) * PROMO_SHARE) as u32).max(1) } else { limit })
    }
}

impl Rate {
    /// Takes a token, or says how long to wait for one.
    fn take(&mut self, lane: Lane, now: Instant) -> Option<Duration> {
        self.refill(now);
        match self {
            Self::Free => None,
            Self::Leased { tokens, promo_tokens, wanted, per_second } => {
                if spend(lane, tokens, promo_tokens) {
                    return None;
                }
                *wanted = wanted.saturating_add(1);
                Some(Duration::from_secs_f64((1.0 / *per_second).clamp(0.005, 0.05)))
            }
            Self::Learned { tokens, promo_tokens, per_second, .. } => {
                if spend(lane, tokens, promo_tokens) {
                    return None;
                }
                Some(Duration::from_secs_f64((1.0 / *per_second).clamp(0.001, 0.2)))
            }
        }
    }

    fn soon(&mut self, lane: Lane, now: Instant) -> u32 {
        self.refill(now);
        match self {
            Self::Free => u32::MAX,
            Self::Leased { per_second, .. } | Self::Learned { per_second, .. } => {
                let share = if lane == Lane::Promo { PROMO_SHARE } else { 1.0 };
                ((*per_second * share * HORIZON) as u32).max(1)
            }
        }
    }

    fn slow_down(&mut self, measured: f64, now: Instant) {
        let before = match self {
            Self::Leased { .. } => return,
            Self::Free => measured,
            Self::Learned { per_second, .. } => measured.min(*per_second),
        };
        let per_second = (before * DECREASE).max(1.0);
        *self = Self::Learned { per_second, tokens: 0.0, promo_tokens: 0.0, filled: now, throttled: now };
    }

    fn refill(&mut self, now: Instant) {
        let Self::Learned { per_second, tokens, promo_tokens, filled, throttled } = self else { return };
        if now.duration_since(*throttled) > FORGET {
            *self = Self::Free;
            return;
        }
        let seconds = now.duration_since(*filled).as_secs_f64();
        *per_second += *per_second * INCREASE * seconds;
        let burst = (*per_second * BURST.as_secs_f64()).max(1.0);
        *tokens = (*tokens + *per_second * seconds).min(burst);
        *promo_tokens = (*promo_tokens + *per_second * PROMO_SHARE * seconds).min(burst);
        *filled = now;
    }
}

fn spend(lane: Lane, tokens: &mut f64, promo_tokens: &mut f64) -> bool {
    let enough = *tokens >= 1.0 && (lane != Lane::Promo || *promo_tokens >= 1.0);
    if enough {
        *tokens -= 1.0;
        if lane == Lane::Promo {
            *promo_tokens -= 1.0;
        }
    }
    enough
}

/// Counts accepted messages by second.
#[derive(Clone, Debug)]
struct Meter {
    second: Instant,
    before: f64,
    current: f64,
}

impl Meter {
    fn new(now: Instant) -> Self {
        Self { second: now, before: 0.0, current: 0.0 }
    }

    fn count(&mut self, now: Instant) {
        self.roll(now);
        self.current += 1.0;
    }

    fn per_second(&mut self, now: Instant) -> f64 {
        self.roll(now);
        self.before.max(self.current)
    }

    fn roll(&mut self, now: Instant) {
        let passed = now.duration_since(self.second);
        if passed >= Duration::from_secs(1) {
            self.before = if passed < Duration::from_secs(2) { self.current } else { 0.0 };
            self.current = 0.0;
            self.second = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn promo_leaves_a_tenth_of_the_places_to_others() {
        let now = Instant::now();
        let mut gate = Gate::new(None, Some(10), now);
        for _ in 0..9 {
            assert_eq!(gate.pass(Lane::Promo, now), Pass::Granted);
        }
        assert_ne!(gate.pass(Lane::Promo, now), Pass::Granted);
        assert_eq!(gate.pass(Lane::Otp, now), Pass::Granted);
        assert_ne!(gate.pass(Lane::Otp, now), Pass::Granted);
    }

    #[test]
    fn after_slow_down_one_probe_goes_alone() {
        let now = Instant::now();
        let mut gate = Gate::new(None, None, now);
        gate.throttled(now);
        let later = now + Duration::from_secs(5);
        assert_eq!(gate.releasable(Lane::Promo, later), 1);
        assert_eq!(gate.pass(Lane::Otp, later), Pass::Granted);
        assert_ne!(gate.pass(Lane::Otp, later), Pass::Granted);
        gate.done(Lane::Otp);
        gate.accepted(later);
        assert!(gate.releasable(Lane::Otp, later + Duration::from_secs(2)) >= 1);
    }

    #[test]
    fn even_one_a_second_reaches_promo() {
        let now = Instant::now();
        let mut gate = Gate::new(Some(1), None, now);
        let mut sent = 0;
        for _ in 0..20 {
            gate.begin_slice();
            gate.lease(1);
            if gate.pass(Lane::Promo, now) == Pass::Granted {
                sent += 1;
            }
        }
        assert!(sent >= 17, "{sent}");
    }

    #[test]
    fn a_provider_that_stays_quiet_is_free_again() {
        let now = Instant::now();
        let mut gate = Gate::new(None, None, now);
        gate.throttled(now);
        gate.accepted(now);
        assert!(gate.releasable(Lane::Otp, now + FORGET + Duration::from_secs(1)) > 1_000_000);
    }

    proptest! {
        #[test]
        fn a_learned_rate_is_kept(steps in proptest::collection::vec(1..30u64, 1..200), measured in 10..500u32) {
            let start = Instant::now();
            let mut gate = Gate::new(None, None, start);
            for _ in 0..measured {
                gate.accepted(start);
            }
            gate.throttled(start);
            gate.accepted(start);
            let (mut now, mut passed) = (start, 0_u32);
            for step in steps {
                now += Duration::from_millis(step);
                while gate.pass(Lane::Otp, now) == Pass::Granted {
                    gate.done(Lane::Otp);
                    passed += 1;
                }
            }
            let seconds = now.duration_since(start).as_secs_f64();
            let fastest = f64::from(measured) * DECREASE * (1.0 + INCREASE).powf(seconds + 1.0);
            prop_assert!(f64::from(passed) <= fastest * (seconds + BURST.as_secs_f64()) + 2.0);
        }
    }
}
