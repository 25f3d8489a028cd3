//! How fast and how many at once: one provider's gate in this process. Pure: time comes in.
//!
//! At most so many calls at once, as the settings say, and a rate (see [`rate`]). After "slow down"
//! one probe goes through alone before the others follow; what calls that began earlier find out
//! tells of the past and changes nothing. Promo gets at most nine tenths of rate and places, so that
//! a code always finds room.

use std::time::{Duration, Instant};

use shared::lane::Lane;

use self::meter::Meter;
use self::rate::Rate;

mod meter;
mod rate;
#[cfg(test)]
mod tests;

/// Promo's share of a provider.
const PROMO_SHARE: f64 = 0.9;

/// What the gate says to a message.
#[derive(Debug)]
pub(crate) enum Pass {
    /// Go; and tell the gate when done.
    Granted(Ticket),
    /// Ask again then.
    Later(Duration),
}

/// One message's way through the gate; give it back with [`Gate::done`].
#[derive(Debug)]
pub(crate) struct Ticket {
    lane: Lane,
    epoch: u64,
}

/// Who may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// All.
    Open,
    /// One, to see whether the provider goes on.
    Shut,
    /// Nobody until that one is back.
    Probing,
}

/// One provider's gate.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    max_in_flight: Option<u32>,
    in_flight: u32,
    promo_in_flight: u32,
    rate: Rate,
    state: State,
    /// Counts how often it was shut: a call that began before the last time is stale.
    epoch: u64,
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
            state: State::Open,
            epoch: 0,
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
        if self.is_full(lane) || self.state == State::Probing {
            return Pass::Later(Duration::from_millis(5));
        }
        if let Some(wait) = self.rate.take(lane, now) {
            return Pass::Later(wait);
        }
        if self.state == State::Shut {
            self.state = State::Probing;
        }
        self.in_flight += 1;
        if lane == Lane::Promo {
            self.promo_in_flight += 1;
        }
        Pass::Granted(Ticket { lane, epoch: self.epoch })
    }

    /// A message that passed is done, however. After a probe that found nothing out another may go.
    pub(crate) fn done(&mut self, ticket: &Ticket) {
        self.in_flight = self.in_flight.saturating_sub(1);
        if ticket.lane == Lane::Promo {
            self.promo_in_flight = self.promo_in_flight.saturating_sub(1);
        }
        if self.state == State::Probing && ticket.epoch == self.epoch {
            self.state = State::Shut;
        }
    }

    /// The provider took a message; says whether that was the probe, which is over now.
    pub(crate) fn accepted(&mut self, ticket: &Ticket, now: Instant) -> bool {
        self.meter.count(now);
        let is_probe = self.state == State::Probing && ticket.epoch == self.epoch;
        if is_probe {
            self.state = State::Open;
            self.rate.resume(now);
        }
        is_probe
    }

    /// The provider wants us slower: a lower rate is learnt, and a probe goes first. Says whether that
    /// is news; a stale call was told the same as the one that shut the gate.
    pub(crate) fn throttled(&mut self, ticket: &Ticket, now: Instant) -> bool {
        if ticket.epoch != self.epoch {
            return false;
        }
        // A probe that is refused says nothing about a rate.
        if self.state == State::Open {
            self.rate.slow_down(self.meter.per_second(now), now);
        }
        self.shut();
        true
    }

    /// The next message goes alone, and what is under way says nothing more.
    pub(crate) fn shut(&mut self) {
        self.state = State::Shut;
        self.epoch += 1;
    }

    /// How many messages of `lane` would pass soon.
    pub(crate) fn releasable(&mut self, lane: Lane, now: Instant) -> usize {
        match self.state {
            State::Open => (),
            State::Shut => return 1,
            State::Probing => return 0,
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
