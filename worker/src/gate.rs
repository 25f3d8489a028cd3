//! How fast and how many at once: one provider's gate in this process. Pure: time comes in.
//!
//! At most so many calls at once, as the settings say, and a rate (see [`rate`]). After "slow down"
//! one probe goes through alone before the others follow. Promo gets at most nine tenths of rate
//! and places, so that a code always finds room.

use std::time::{Duration, Instant};

use shared::lane::Lane;

use self::rate::{Meter, Rate};

mod rate;
#[cfg(test)]
mod tests;

/// Promo's share of a provider.
const PROMO_SHARE: f64 = 0.9;

/// What the gate says to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pass {
    /// Go; and tell the gate when done.
    Granted,
    /// Ask again then.
    Later(Duration),
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
        Self {
            max_in_flight,
            in_flight: 0,
            promo_in_flight: 0,
            rate: Rate::configured(max_per_second),
            probing: false,
            meter: Meter::new(now),
        }
    }

    /// Takes over new limits, keeping what was learnt and what is in flight.
    pub(crate) fn reconfigure(&mut self, max_per_second: Option<u32>, max_in_flight: Option<u32>) {
        self.rate.reconfigure(max_per_second);
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
        if std::mem::take(&mut self.probing) {
            self.rate.resume(now);
        }
        self.meter.count(now);
    }

    /// The provider wants us slower: a lower rate is learnt, and a probe goes first.
    pub(crate) fn throttled(&mut self, now: Instant) {
        // A probe that is refused says nothing about a rate.
        if !self.probing {
            self.rate.slow_down(self.meter.per_second(now), now);
        }
        self.probe();
    }

    /// The next message goes alone.
    pub(crate) fn probe(&mut self) {
        self.probing = true;
    }

    /// How many messages of `lane` would pass soon.
    pub(crate) fn releasable(&mut self, lane: Lane, now: Instant) -> usize {
        if self.probing {
            return usize::from(self.in_flight == 0);
        }
        let room = self.limit(lane).map_or(u32::MAX, |limit| limit.saturating_sub(self.lane_in_flight(lane)));
        usize::try_from(room.min(self.rate.soon(lane, now))).unwrap_or(usize::MAX)
    }

    /// The rate, for the lease.
    pub(crate) fn rate(&mut self) -> &mut Rate {
        &mut self.rate
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
