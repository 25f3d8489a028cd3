//! Codes first: when they wait for the database or the processor, everything else does less at once.
//!
//! Additive increase, multiplicative decrease, on how much longer codes wait than when nothing is in the way; that
//! differs from disk to disk and is the least that was seen lately (as LEDBAT, RFC 6817, has it). Pure.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use metrics::Gauge;

/// A code should not wait this much longer than the least.
const TARGET: Duration = Duration::from_millis(4);
/// The least is that of the present stretch of this length and of the one before.
const STRETCH: Duration = Duration::from_secs(60);
/// No machine at rest makes a code wait longer: a least beyond this was seen under load.
const AT_REST: Duration = Duration::from_millis(25);
/// At most one decrease in this time: its effect must show first.
const SETTLING: Duration = Duration::from_millis(100);
const DECREASE: f64 = 0.5;
const INCREASE_PER_SECOND: f64 = 0.1;
/// Who steps back for codes does only this share of that while any come: what was handed to the database and the processor
/// cannot be taken back when the next code arrives …
const BESIDE_CODES: f64 = 0.25;
/// … until none has come for so long.
const LULL: Duration = Duration::from_secs(1);
/// Nothing stops altogether.
const LEAST: f64 = 0.05;

/// How much of what they could do at once those may do who are not codes.
#[derive(Debug)]
pub struct Congestion {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    share: f64,
    changed: Instant,
    /// What is left of the share while codes come.
    beside_codes: f64,
    /// When the last code came.
    code: Option<Instant>,
    least: Least,
    shown: Gauge,
}

/// The shortest wait of late.
#[derive(Debug)]
struct Least {
    since: Instant,
    present: Duration,
    before: Duration,
}

impl Least {
    fn new(now: Instant) -> Self {
        Self { since: now, present: Duration::MAX, before: Duration::MAX }
    }

    /// Takes a wait into account, and tells the least.
    fn of(&mut self, waited: Duration, now: Instant) -> Duration {
        if now.duration_since(self.since) >= STRETCH {
            *self = Self { since: now, present: Duration::MAX, before: self.present };
        }
        self.present = self.present.min(waited);
        self.present.min(self.before).min(AT_REST)
    }
}

impl Congestion {
    /// Nothing waits; `shown` always tells the share.
    pub fn new(shown: Gauge) -> Self {
        Self::with(shown, 1.0)
    }

    /// For those who step back as soon as codes come, not only when they wait.
    pub fn stepping_back(shown: Gauge) -> Self {
        Self::with(shown, BESIDE_CODES)
    }

    fn with(shown: Gauge, beside_codes: f64) -> Self {
        shown.set(1.0);
        let now = Instant::now();
        let state =
            State { share: 1.0, changed: now, beside_codes, code: None, least: Least::new(now), shown };
        Self { state: Mutex::new(state) }
    }

    /// A code has waited this long.
    pub fn observe(&self, waited: Duration, now: Instant) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.recover(now);
        state.code = Some(now);
        let bearable = state.least.of(waited, now) + TARGET;
        if waited > bearable && now.duration_since(state.changed) >= SETTLING {
            state.share = (state.share * DECREASE).max(LEAST);
            state.changed = now;
        }
        state.shown.set(state.share_at(now));
    }

    /// Whether codes have come of late.
    pub fn has_codes(&self, now: Instant) -> bool {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).has_codes(now)
    }

    /// How many of `most` may go on at once now; at least one.
    pub fn allowed(&self, most: usize, now: Instant) -> usize {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.recover(now);
        let share = state.share_at(now);
        state.shown.set(share);
        ((most as f64 * share) as usize).max(1)
    }
}

impl State {
    fn share_at(&self, now: Instant) -> f64 {
        if self.has_codes(now) { self.share * self.beside_codes } else { self.share }
    }

    fn has_codes(&self, now: Instant) -> bool {
        self.code.is_some_and(|code| now.duration_since(code) < LULL)
    }

    fn recover(&mut self, now: Instant) {
        let quiet = now.duration_since(self.changed).saturating_sub(SETTLING);
        if self.share < 1.0 && !quiet.is_zero() {
            self.share = (self.share + INCREASE_PER_SECOND * quiet.as_secs_f64()).min(1.0);
            // The settling time has been used up; only what follows counts from here.
            self.changed = now.checked_sub(SETTLING).unwrap_or(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_codes_shrink_the_rest_and_quiet_lets_it_grow_back() {
        let congestion = Congestion::new(Gauge::noop());
        let start = Instant::now() + Duration::from_secs(1);
        congestion.observe(Duration::from_millis(1), start);
        assert_eq!(congestion.allowed(100, start), 100);
        congestion.observe(Duration::from_millis(80), start);
        assert_eq!(congestion.allowed(100, start), 50);
        // Too soon to count again.
        congestion.observe(Duration::from_millis(80), start + Duration::from_millis(50));
        assert_eq!(congestion.allowed(100, start + Duration::from_millis(50)), 50);
        let later = start + Duration::from_secs(1);
        assert!((55..=60).contains(&congestion.allowed(100, later)));
        assert_eq!(congestion.allowed(100, start + Duration::from_secs(60)), 100);
    }

    #[test]
    fn beside_codes_the_rest_does_less_until_none_comes() {
        let congestion = Congestion::stepping_back(Gauge::noop());
        let start = Instant::now() + Duration::from_secs(1);
        assert_eq!(congestion.allowed(100, start), 100);
        congestion.observe(Duration::from_millis(1), start);
        assert_eq!(congestion.allowed(100, start + Duration::from_millis(999)), 25);
        assert_eq!(congestion.allowed(100, start + LULL), 100);
        for _ in 0..3 {
            congestion.observe(Duration::from_secs(1), start + LULL);
        }
        assert_eq!(congestion.allowed(100, start + LULL), 12, "and less while they wait");
    }

    #[test]
    fn a_slow_disk_is_no_congestion() {
        let congestion = Congestion::new(Gauge::noop());
        let start = Instant::now();
        for second in 0..300 {
            let waited = Duration::from_millis(20 + second % 4);
            congestion.observe(waited, start + Duration::from_secs(second));
        }
        assert_eq!(congestion.allowed(100, start + Duration::from_secs(300)), 100);
    }

    #[test]
    fn a_start_under_load_is_not_taken_for_rest() {
        let congestion = Congestion::new(Gauge::noop());
        let start = Instant::now() + Duration::from_secs(1);
        congestion.observe(Duration::from_millis(60), start);
        assert_eq!(congestion.allowed(100, start), 50);
    }

    #[test]
    fn nothing_stops_altogether() {
        let congestion = Congestion::new(Gauge::noop());
        let mut now = Instant::now();
        congestion.observe(Duration::ZERO, now);
        for _ in 0..100 {
            now += SETTLING;
            congestion.observe(Duration::from_secs(9), now);
        }
        assert!(congestion.allowed(100, now) < 10);
        assert!(congestion.allowed(8, now) >= 1);
    }
}
