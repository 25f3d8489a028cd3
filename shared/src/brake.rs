//! The brake: what to do when codes are guessed at all over the place. Pure.
//!
//! Counters by session and phone stop whoever guesses at one code; five tries at each of 100,000 phones pass them and
//! break into some account with 39 %. So the gateway counts all failures together. While it brakes, codes have eight
//! digits, a hundred times safer, and callers are told to challenge their users.

use std::time::Duration;

/// Fewer failures in an hour are no attack, whatever their share.
const FAILURES: u64 = 500;
/// So many times the usual share of failures is one …
const TIMES: f64 = 3.0;
/// … and so is this share, however usual it may be.
const SURELY: f64 = 0.9;
/// How long the brake holds after it was last tripped.
pub const HOLD: Duration = Duration::from_secs(3600);

/// Checks within some time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checks {
    /// All of them.
    pub checks: u64,
    /// Those whose code was wrong.
    pub failures: u64,
}

impl Checks {
    fn share(self) -> f64 {
        if self.checks == 0 { 0.0 } else { self.failures as f64 / self.checks as f64 }
    }
}

/// Whether the last `hour` is out of line with the `week` before it.
pub fn trips(hour: Checks, week: Checks) -> bool {
    hour.failures > FAILURES && hour.share() > (TIMES * week.share()).min(SURELY)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(checks: u64, failures: u64) -> Checks {
        Checks { checks, failures }
    }

    #[test]
    fn a_share_of_failures_three_times_the_usual_trips_it() {
        let week = of(1_000_000, 100_000);
        assert!(!trips(of(10_000, 3000), week));
        assert!(trips(of(10_000, 3001), week));
    }

    #[test]
    fn five_hundred_failures_an_hour_are_nothing_yet() {
        assert!(!trips(of(500, 500), Checks::default()));
        assert!(trips(of(501, 501), Checks::default()));
    }

    #[test]
    fn where_failures_are_usual_nearly_all_must_fail() {
        let week = of(1000, 500);
        assert!(!trips(of(1000, 900), week));
        assert!(trips(of(1000, 901), week));
    }
}
