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
