use proptest::prelude::*;

use super::*;

mod vendor;

const SECOND: Duration = Duration::from_secs(1);

fn free(now: Instant) -> Gate {
    Gate::new(None, None, now)
}

fn goes(gate: &mut Gate, lane: Lane, now: Instant) -> Option<Ticket> {
    match gate.pass(lane, now) {
        Pass::Granted(ticket) => Some(ticket),
        Pass::Later(_) => None,
    }
}

fn goes_and_comes_back(gate: &mut Gate, lane: Lane, now: Instant) -> bool {
    goes(gate, lane, now).inspect(|ticket| gate.done(ticket)).is_some()
}

/// A code, since no learned rate holds it up, goes and is taken.
fn is_taken(gate: &mut Gate, now: Instant) {
    let ticket = goes(gate, Lane::Otp, now).unwrap();
    gate.accepted(&ticket, now);
    gate.done(&ticket);
}

/// A code goes and is told "slow down".
fn is_refused(gate: &mut Gate, now: Instant) {
    let ticket = goes(gate, Lane::Otp, now).unwrap();
    assert!(gate.throttled(&ticket, now));
    gate.done(&ticket);
}

fn messages_passed(gate: &mut Gate, lane: Lane, from: Instant, time: Duration) -> u32 {
    let (mut now, mut passed) = (from, 0);
    while now < from + time {
        now += Duration::from_millis(5);
        while passed < 1_000_000 && goes_and_comes_back(gate, lane, now) {
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
        assert!(goes(&mut gate, Lane::Promo, now).is_some());
    }
    assert!(goes(&mut gate, Lane::Promo, now).is_none());
    assert!(goes(&mut gate, Lane::Otp, now).is_some());
    assert!(goes(&mut gate, Lane::Otp, now).is_none());
}

#[test]
fn after_slow_down_one_probe_goes_alone() {
    let now = Instant::now();
    let mut gate = free(now);
    is_refused(&mut gate, now);
    let later = now + 5 * SECOND;
    assert_eq!(gate.releasable(Lane::Promo, later), 1);
    let probe = goes(&mut gate, Lane::Otp, later).unwrap();
    assert_eq!(gate.releasable(Lane::Promo, later), 0);
    assert!(goes(&mut gate, Lane::Otp, later).is_none());
    assert!(gate.accepted(&probe, later));
    gate.done(&probe);
    assert!(gate.releasable(Lane::Otp, later) > 1);
}

#[test]
fn a_probe_that_finds_nothing_out_makes_room_for_another() {
    let now = Instant::now();
    let mut gate = free(now);
    is_refused(&mut gate, now);
    for _ in 0..3 {
        let probe = goes(&mut gate, Lane::Otp, now).unwrap();
        assert!(goes(&mut gate, Lane::Otp, now).is_none());
        gate.done(&probe);
    }
    is_taken(&mut gate, now);
    assert!(gate.releasable(Lane::Otp, now) > 1);
}

#[test]
fn one_slow_down_to_an_idle_gateway_is_forgotten_within_seconds() {
    let now = Instant::now();
    let mut gate = free(now);
    is_refused(&mut gate, now);
    let resumed = now + 2 * SECOND;
    is_taken(&mut gate, resumed);
    assert!(messages_passed(&mut gate, Lane::Transactional, resumed, 6 * SECOND) > 300);
}

#[test]
fn codes_are_not_held_up_by_a_rate_that_is_a_guess() {
    let now = Instant::now();
    let mut gate = free(now);
    is_refused(&mut gate, now);
    is_taken(&mut gate, now);
    for _ in 0..50 {
        assert!(goes_and_comes_back(&mut gate, Lane::Otp, now));
    }
    assert!(!goes_and_comes_back(&mut gate, Lane::Promo, now));
}

#[test]
fn even_one_a_second_reaches_promo() {
    let now = Instant::now();
    let mut gate = Gate::new(Some(1), None, now);
    let mut sent = 0;
    for _ in 0..20 {
        gate.rate().begin_slice();
        gate.rate().lease(1);
        sent += u32::from(goes_and_comes_back(&mut gate, Lane::Promo, now));
    }
    assert!(sent >= 17, "{sent}");
}

#[test]
fn a_provider_that_stays_quiet_is_free_again() {
    let now = Instant::now();
    let mut gate = free(now);
    is_refused(&mut gate, now);
    is_taken(&mut gate, now);
    assert!(gate.releasable(Lane::Promo, now + 601 * SECOND) > 1_000_000);
}

/// With a hundred calls under way one is told to wait for half a minute. What the others hear in that
/// time was decided before it.
#[test]
fn answers_to_calls_that_began_before_a_pause_do_not_end_it() {
    let start = Instant::now();
    let mut gate = free(start);
    for _ in 0..200 {
        is_taken(&mut gate, start);
    }
    let under_way: Vec<_> = (0..100).filter_map(|_| goes(&mut gate, Lane::Transactional, start)).collect();
    assert!(gate.throttled(&under_way[0], start));
    for (ticket, milliseconds) in under_way.iter().zip(0..) {
        let answered = start + Duration::from_millis(milliseconds);
        assert!(!gate.accepted(ticket, answered), "taken for the probe");
        assert!(!gate.throttled(ticket, answered), "taken for another \"slow down\"");
        gate.done(ticket);
    }
    let resumed = start + 30 * SECOND;
    let probe = goes(&mut gate, Lane::Transactional, resumed).unwrap();
    assert!(goes(&mut gate, Lane::Transactional, resumed).is_none(), "a second one beside the probe");
    assert!(gate.accepted(&probe, resumed));
    gate.done(&probe);
    let passed = messages_passed(&mut gate, Lane::Transactional, resumed, SECOND);
    assert!((150..=200).contains(&passed), "{passed} in the first second");
}

#[test]
fn a_limit_that_nobody_told_is_found_and_used() {
    for limit in [5, 20, 200, 1000] {
        for latency in [0, 20, 200] {
            let share = vendor::share_of(limit, Duration::from_millis(latency), 60 * SECOND);
            assert!(share >= 0.9, "{share:.3} of {limit}/s, answered after {latency} ms");
        }
    }
}

#[test]
fn a_refused_probe_says_nothing_about_the_rate() {
    let now = Instant::now();
    let mut gate = free(now);
    for _ in 0..200 {
        is_taken(&mut gate, now);
    }
    is_refused(&mut gate, now);
    let later = now + 5 * SECOND;
    is_refused(&mut gate, later);
    is_taken(&mut gate, later);
    assert!(messages_passed(&mut gate, Lane::Transactional, later, SECOND) > 140);
}

/// Somebody else uses up the account's allowance: what this gateway sends says nothing about the limit.
#[test]
fn a_slow_down_that_this_gateways_rate_did_not_draw_confirms_nothing() {
    let mut now = Instant::now();
    let mut gate = free(now);
    for _ in 0..3 {
        for _ in 0..900 {
            now += SECOND / 3;
            is_taken(&mut gate, now);
        }
        is_refused(&mut gate, now);
        now += SECOND;
        is_taken(&mut gate, now);
    }
    let passed = messages_passed(&mut gate, Lane::Transactional, now, 6 * SECOND);
    assert!(passed > 100, "{passed} in six seconds");
}

#[test]
fn many_codes_at_once_hold_the_others_up_for_a_second_only() {
    let now = Instant::now();
    let mut gate = free(now);
    for _ in 0..100 {
        is_taken(&mut gate, now);
    }
    is_refused(&mut gate, now);
    is_taken(&mut gate, now);
    for _ in 0..10_000 {
        assert!(goes_and_comes_back(&mut gate, Lane::Otp, now));
    }
    assert_eq!(messages_passed(&mut gate, Lane::Transactional, now, SECOND / 2), 0);
    let passed = messages_passed(&mut gate, Lane::Transactional, now + SECOND, SECOND);
    assert!(passed > 70, "{passed} in the next second");
}

proptest! {
    /// Just after "slow down" the rate stays below what drew it, for as long as the curve takes to
    /// come back to it.
    #[test]
    fn a_learned_rate_stays_below_what_was_too_much(measured in 20..800u32) {
        let now = Instant::now();
        let mut gate = free(now);
        for _ in 0..measured {
            is_taken(&mut gate, now);
        }
        is_refused(&mut gate, now);
        is_taken(&mut gate, now);
        let passed = messages_passed(&mut gate, Lane::Transactional, now, SECOND);
        prop_assert!(f64::from(passed) <= f64::from(measured) + 3.0, "{passed} of {measured}");
        prop_assert!(f64::from(passed) >= f64::from(measured) * 0.75 - 3.0, "{passed} of {measured}");
    }
}
