//! How many messages a second a provider takes.

use std::time::{Duration, Instant};

/// Counts accepted messages by second.
#[derive(Clone, Debug)]
pub(super) struct Meter {
    second: Instant,
    before: f64,
    current: f64,
}

impl Meter {
    pub(super) fn new(now: Instant) -> Self {
        Self { second: now, before: 0.0, current: 0.0 }
    }

    pub(super) fn count(&mut self, now: Instant) {
        self.roll(now);
        self.current += 1.0;
    }

    pub(super) fn per_second(&mut self, now: Instant) -> f64 {
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
