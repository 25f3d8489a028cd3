use proptest::prelude::*;

use super::*;

fn messages_passed(gate: &mut Gate, lane: Lane, from: Instant, time: Duration) -> u32 {
    let (mut now, mut passed) = (from, 0);
    while now < from + time {
        now += Duration::from_millis(5);
        while passed < 1_000_000 && gate.pass(lane, now) == Pass::Granted {
            gate.done(lane);
            passed += 1;
        }
    }
    passed
}

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
    assert!(gate.releasable(Lane::Otp, later) > 1);
}

#[test]
fn one_slow_down_to_an_idle_gateway_is_forgotten_within_seconds() {
    let now = Instant::now();
    let mut gate = Gate::new(None, None, now);
    gate.throttled(now);
    let resumed = now + Duration::from_secs(2);
    gate.accepted(resumed);
    assert!(messages_passed(&mut gate, Lane::Transactional, resumed, Duration::from_secs(6)) > 300);
}

#[test]
fn codes_are_not_held_up_by_a_rate_that_is_a_guess() {
    let now = Instant::now();
    let mut gate = Gate::new(None, None, now);
    gate.throttled(now);
    gate.accepted(now);
    for _ in 0..50 {
        assert_eq!(gate.pass(Lane::Otp, now), Pass::Granted);
        gate.done(Lane::Otp);
    }
    assert_ne!(gate.pass(Lane::Promo, now), Pass::Granted);
}

#[test]
fn even_one_a_second_reaches_promo() {
    let now = Instant::now();
    let mut gate = Gate::new(Some(1), None, now);
    let mut sent = 0;
    for _ in 0..20 {
        gate.rate().begin_slice();
        gate.rate().lease(1);
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
    assert!(gate.releasable(Lane::Promo, now + Duration::from_secs(601)) > 1_000_000);
}

/// A vendor that takes so many messages in a second, counted from the first; and what it has taken.
struct Window {
    limit: u32,
    since: Instant,
    taken: u32,
}

impl Window {
    fn takes(&mut self, now: Instant) -> bool {
        if now.duration_since(self.since) >= Duration::from_secs(1) {
            (self.since, self.taken) = (now, 0);
        }
        self.taken += 1;
        self.taken <= self.limit
    }
}

/// What share of its allowance a vendor gets from a gate that knows nothing, with pauses of a second.
fn share_of(limit: u32, time: Duration) -> f64 {
    let start = Instant::now();
    let (mut gate, mut vendor) = (Gate::new(None, None, start), Window { limit, since: start, taken: 0 });
    let (mut now, mut paused, mut sent) = (start, start, 0);
    while now < start + time {
        now += Duration::from_millis(1);
        while now >= paused && gate.pass(Lane::Transactional, now) == Pass::Granted {
            gate.done(Lane::Transactional);
            if vendor.takes(now) {
                gate.accepted(now);
                sent += 1;
            } else {
                gate.throttled(now);
                paused = now + Duration::from_secs(1);
            }
        }
    }
    f64::from(sent) / (f64::from(limit) * time.as_secs_f64())
}

#[test]
fn a_limit_that_nobody_told_is_found_and_used() {
    for limit in [20, 200, 1000] {
        let share = share_of(limit, Duration::from_secs(60));
        assert!(share >= 0.9, "{share:.3} of {limit}/s");
    }
}

#[test]
fn a_refused_probe_says_nothing_about_the_rate() {
    let now = Instant::now();
    let mut gate = Gate::new(None, None, now);
    for _ in 0..200 {
        gate.accepted(now);
    }
    gate.throttled(now);
    let later = now + Duration::from_secs(5);
    gate.throttled(later);
    gate.accepted(later);
    assert!(messages_passed(&mut gate, Lane::Transactional, later, Duration::from_secs(1)) > 140);
}

proptest! {
    /// Just after "slow down" the rate stays below what drew it, for as long as the curve takes to
    /// come back to it.
    #[test]
    fn a_learned_rate_stays_below_what_was_too_much(measured in 20..800u32) {
        let now = Instant::now();
        let mut gate = Gate::new(None, None, now);
        for _ in 0..measured {
            gate.accepted(now);
        }
        gate.throttled(now);
        gate.accepted(now);
        let passed = messages_passed(&mut gate, Lane::Transactional, now, Duration::from_secs(1));
        prop_assert!(f64::from(passed) <= f64::from(measured) + 3.0, "{passed} of {measured}");
        prop_assert!(f64::from(passed) >= f64::from(measured) * 0.75 - 3.0, "{passed} of {measured}");
    }
}
