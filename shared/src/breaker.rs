//! When a provider that keeps failing is left alone, and how it comes back: a circuit breaker, without
//! clock or I/O.
//!
//! Closed, every try is let through and its outcome counted. After too many failures it opens: nothing
//! goes through for a while, then one probe. A probe that succeeds closes it; one that fails opens it for
//! twice as long.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// When a breaker opens and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// This many failures in a row open it.
    pub failures_in_a_row: u32,
    /// Outcomes remembered for the failure rate.
    pub window: usize,
    /// Outcomes older than this are forgotten.
    pub window_time: Duration,
    /// Below this many remembered outcomes a rate means nothing.
    pub least_outcomes: usize,
    /// Failures, in percent of the remembered outcomes, that open it.
    pub failure_percent: usize,
    /// How long it first stays open.
    pub first_pause: Duration,
    /// The pause doubles with each failed probe, up to this.
    pub longest_pause: Duration,
    /// A probe not answered by then counts for nothing, and another may go. Longer than any call may take.
    pub probe_patience: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            failures_in_a_row: 5,
            window: 20,
            window_time: Duration::from_secs(30),
            least_outcomes: 10,
            failure_percent: 50,
            first_pause: Duration::from_secs(5),
            longest_pause: Duration::from_secs(60),
            probe_patience: Duration::from_secs(20),
        }
    }
}

/// What a try says about the provider's health.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// It answered as a working provider does, be it with a refusal of this message.
    Success,
    /// It failed, hung or talked nonsense.
    Failure,
}

/// Leave for one try; give it back with [`Breaker::record`] or [`Breaker::release`].
#[derive(Debug)]
#[must_use = "a try's outcome must be recorded"]
pub struct Permit {
    epoch: u64,
}

/// No try may go before this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenUntil(pub Instant);

/// Guards one provider, or one provider in one country.
#[derive(Debug)]
pub struct Breaker {
    settings: Settings,
    state: State,
    /// Counts states and probes: the outcome of a try begun in an earlier one is stale.
    epoch: u64,
    /// Latest outcomes, oldest first.
    recent: VecDeque<(Instant, Health)>,
    in_a_row: u32,
    pause: Duration,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Closed,
    Open { until: Instant },
    Probing { until: Instant },
}

impl Breaker {
    /// A closed breaker that knows of no outcome.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            state: State::Closed,
            epoch: 0,
            recent: VecDeque::new(),
            in_a_row: 0,
            pause: settings.first_pause,
        }
    }

    /// Asks for leave to try now. Open, one probe gets it once the pause is over.
    ///
    /// # Errors
    /// [`OpenUntil`] says when to ask again.
    pub fn allow(&mut self, now: Instant) -> Result<Permit, OpenUntil> {
        if let Some(until) = self.open_until(now) {
            return Err(OpenUntil(until));
        }
        if matches!(self.state, State::Open { .. } | State::Probing { .. }) {
            let until = now + self.settings.probe_patience;
            self.enter(State::Probing { until });
        }
        Ok(Permit { epoch: self.epoch })
    }

    /// Until when no try may go; `None` if [`Breaker::allow`] would let one through now. Changes nothing.
    pub fn open_until(&self, now: Instant) -> Option<Instant> {
        match self.state {
            State::Closed => None,
            State::Open { until } | State::Probing { until } => (now < until).then_some(until),
        }
    }

    /// Whether a probe is under way, so that the breaker may close at any moment.
    pub fn is_probing(&self) -> bool {
        matches!(self.state, State::Probing { .. })
    }

    /// Counts what a try found out. The outcome of a try that began before the breaker last changed is
    /// ignored: it tells of the past.
    #[expect(clippy::needless_pass_by_value, reason = "a permit is good for one outcome")]
    pub fn record(&mut self, permit: Permit, health: Health, now: Instant) {
        if permit.epoch != self.epoch {
            return;
        }
        match (self.state, health) {
            (State::Closed, _) => {
                self.remember(health, now);
                if self.has_failed_enough() {
                    self.open(self.settings.first_pause, now);
                }
            }
            (State::Open { .. } | State::Probing { .. }, Health::Success) => self.close(),
            (State::Open { .. } | State::Probing { .. }, Health::Failure) => {
                self.open((self.pause * 2).min(self.settings.longest_pause), now);
            }
        }
    }

    /// Opens at once: what this try found out is true of every other try as well.
    #[expect(clippy::needless_pass_by_value, reason = "a permit is good for one outcome")]
    pub fn trip(&mut self, permit: Permit, now: Instant) {
        if permit.epoch != self.epoch {
            return;
        }
        let pause = match self.state {
            State::Closed => self.settings.first_pause,
            State::Open { .. } | State::Probing { .. } => (self.pause * 2).min(self.settings.longest_pause),
        };
        self.open(pause, now);
    }

    /// Gives leave back unused, or used without learning anything: a probe's place is free again at once.
    #[expect(clippy::needless_pass_by_value, reason = "a permit is used up")]
    pub fn release(&mut self, permit: Permit, now: Instant) {
        if permit.epoch == self.epoch && matches!(self.state, State::Probing { .. }) {
            self.enter(State::Open { until: now });
        }
    }

    fn remember(&mut self, health: Health, now: Instant) {
        self.in_a_row = match health {
            Health::Success => 0,
            Health::Failure => self.in_a_row + 1,
        };
        self.recent.push_back((now, health));
        let (window, time) = (self.settings.window, self.settings.window_time);
        while self.recent.len() > window
            || self.recent.front().is_some_and(|&(at, _)| now.saturating_duration_since(at) > time)
        {
            self.recent.pop_front();
        }
    }

    fn has_failed_enough(&self) -> bool {
        let failures = self.recent.iter().filter(|&&(_, health)| health == Health::Failure).count();
        let outcomes = self.recent.len();
        self.in_a_row >= self.settings.failures_in_a_row
            || (outcomes >= self.settings.least_outcomes
                && failures * 100 >= outcomes * self.settings.failure_percent)
    }

    fn open(&mut self, pause: Duration, now: Instant) {
        self.pause = pause;
        self.enter(State::Open { until: now + pause });
    }

    fn close(&mut self) {
        self.recent.clear();
        self.in_a_row = 0;
        self.enter(State::Closed);
    }

    fn enter(&mut self, state: State) {
        self.state = state;
        self.epoch += 1;
    }
}

#[cfg(test)]
mod tests;
