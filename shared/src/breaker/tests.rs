//! The breaker's promises.

use super::*;
use proptest::prelude::*;

const SECOND: Duration = Duration::from_secs(1);

fn breaker() -> (Breaker, Instant) {
    (Breaker::new(Settings::default()), Instant::now())
}

/// Tries once at `now`, with this outcome; panics if the breaker does not let it.
fn try_once(breaker: &mut Breaker, health: Health, now: Instant) {
    let permit = breaker.allow(now).expect("let through");
    breaker.record(permit, health, now);
}

fn broken(breaker: &mut Breaker, now: Instant) {
    for _ in 0..5 {
        try_once(breaker, Health::Failure, now);
    }
}

#[test]
fn the_fifth_failure_in_a_row_opens_it_for_five_seconds() {
    let (mut breaker, start) = breaker();
    for _ in 0..4 {
        try_once(&mut breaker, Health::Failure, start);
    }
    assert_eq!(breaker.open_until(start), None);
    try_once(&mut breaker, Health::Failure, start);
    assert_eq!(breaker.open_until(start), Some(start + 5 * SECOND));
    assert_eq!(breaker.allow(start + 4 * SECOND).err(), Some(OpenUntil(start + 5 * SECOND)));
}

#[test]
fn half_of_ten_recent_outcomes_open_it() {
    let (mut breaker, start) = breaker();
    for health in [Health::Failure, Health::Success].repeat(5) {
        assert_eq!(breaker.open_until(start), None);
        try_once(&mut breaker, health, start);
    }
    assert!(breaker.open_until(start).is_some());
}

#[test]
fn fewer_than_half_leave_it_closed() {
    let (mut breaker, start) = breaker();
    for health in [Health::Success, Health::Failure, Health::Success].repeat(50) {
        try_once(&mut breaker, health, start);
    }
    assert_eq!(breaker.open_until(start), None);
}

#[test]
fn outcomes_older_than_thirty_seconds_are_forgotten() {
    let (mut breaker, start) = breaker();
    for second in 0..100 {
        let health = [Health::Failure, Health::Success][second % 2];
        let now = start + 4 * SECOND * u32::try_from(second).expect("small");
        try_once(&mut breaker, health, now);
        assert_eq!(breaker.open_until(now), None);
    }
}

#[test]
fn one_probe_goes_and_its_success_closes_it() {
    let (mut breaker, start) = breaker();
    broken(&mut breaker, start);
    let now = start + 5 * SECOND;
    let probe = breaker.allow(now).expect("the pause is over");
    assert_eq!(breaker.allow(now).err(), Some(OpenUntil(now + 20 * SECOND)));
    breaker.record(probe, Health::Success, now + SECOND);
    assert_eq!(breaker.open_until(now + SECOND), None);
}

#[test]
fn each_failed_probe_doubles_the_pause_up_to_a_minute() {
    let (mut breaker, mut now) = breaker();
    broken(&mut breaker, now);
    for pause in [5, 10, 20, 40, 60, 60] {
        assert_eq!(breaker.open_until(now), Some(now + pause * SECOND));
        now += pause * SECOND;
        try_once(&mut breaker, Health::Failure, now);
    }
}

#[test]
fn after_it_closed_the_pause_is_short_again() {
    let (mut breaker, start) = breaker();
    broken(&mut breaker, start);
    try_once(&mut breaker, Health::Failure, start + 5 * SECOND);
    let now = start + 15 * SECOND;
    try_once(&mut breaker, Health::Success, now);
    broken(&mut breaker, now);
    assert_eq!(breaker.open_until(now), Some(now + 5 * SECOND));
}

#[test]
fn after_it_closed_the_failures_before_are_forgotten() {
    let (mut breaker, start) = breaker();
    for health in [Health::Failure, Health::Success].repeat(5) {
        try_once(&mut breaker, health, start);
    }
    try_once(&mut breaker, Health::Success, start + 5 * SECOND);
    for _ in 0..4 {
        try_once(&mut breaker, Health::Failure, start + 6 * SECOND);
    }
    assert_eq!(breaker.open_until(start + 6 * SECOND), None);
}

#[test]
fn a_try_begun_before_it_opened_says_nothing_any_more() {
    let (mut breaker, start) = breaker();
    let [early, late] = [(); 2].map(|()| breaker.allow(start).expect("closed"));
    broken(&mut breaker, start);
    breaker.record(early, Health::Success, start);
    assert!(breaker.open_until(start).is_some());
    try_once(&mut breaker, Health::Success, start + 5 * SECOND);
    breaker.record(late, Health::Failure, start + 5 * SECOND);
    assert_eq!(breaker.in_a_row, 0);
}

#[test]
fn a_probe_that_is_never_answered_does_not_keep_it_open() {
    let (mut breaker, start) = breaker();
    broken(&mut breaker, start);
    let lost = breaker.allow(start + 5 * SECOND).expect("a probe");
    try_once(&mut breaker, Health::Success, start + 25 * SECOND);
    breaker.record(lost, Health::Failure, start + 26 * SECOND);
    assert_eq!(breaker.open_until(start + 26 * SECOND), None);
}

#[test]
fn a_probe_given_back_lets_the_next_one_go_at_once() {
    let (mut breaker, start) = breaker();
    broken(&mut breaker, start);
    let now = start + 5 * SECOND;
    let unused = breaker.allow(now).expect("a probe");
    breaker.release(unused, now);
    try_once(&mut breaker, Health::Success, now);
}

#[test]
fn one_try_that_speaks_for_all_opens_it_at_once() {
    let (mut breaker, start) = breaker();
    let permit = breaker.allow(start).expect("closed");
    breaker.trip(permit, start);
    assert_eq!(breaker.open_until(start), Some(start + 5 * SECOND));
    let probe = breaker.allow(start + 5 * SECOND).expect("a probe");
    breaker.trip(probe, start + 5 * SECOND);
    assert_eq!(breaker.open_until(start + 5 * SECOND), Some(start + 15 * SECOND));
}

/// What happens next in a random story.
#[derive(Clone, Copy, Debug)]
enum Event {
    Wait(u64),
    Ask,
    Answer(usize, Health),
    GiveBack(usize),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let health = prop::sample::select(vec![Health::Success, Health::Failure, Health::Failure]);
    let event = prop_oneof![
        1 => (1..30_000_u64).prop_map(Event::Wait),
        4 => Just(Event::Ask),
        4 => (any::<usize>(), health).prop_map(|(n, health)| Event::Answer(n, health)),
        1 => any::<usize>().prop_map(Event::GiveBack),
    ];
    prop::collection::vec(event, 0..300)
}

fn is_current_probe(breaker: &Breaker, permit: &Permit) -> bool {
    matches!(breaker.state, State::Probing { .. }) && permit.epoch == breaker.epoch
}

proptest! {
    #[test]
    fn open_it_lets_only_probes_through_and_never_stays_open_for_good(events in events()) {
        let (mut breaker, mut now) = breaker();
        let mut permits = Vec::new();
        // The time of the last probe, while the breaker is not closed and the probe is out.
        let mut probe: Option<Instant> = None;
        for event in events {
            match event {
                Event::Wait(millis) => now += Duration::from_millis(millis),
                Event::Ask => {
                    let closed = matches!(breaker.state, State::Closed);
                    let promised = breaker.open_until(now);
                    let answer = breaker.allow(now);
                    prop_assert_eq!(answer.as_ref().err().map(|e| e.0), promised);
                    if let Ok(permit) = answer {
                        if !closed {
                            let patience = Settings::default().probe_patience;
                                prop_assert!(probe.is_none_or(|at| now >= at + patience));
                            probe = Some(now);
                        }
                        permits.push(permit);
                    }
                }
                Event::Answer(n, health) if !permits.is_empty() => {
                    let permit = permits.swap_remove(n % permits.len());
                    let is_probe = is_current_probe(&breaker, &permit);
                    let before = breaker.open_until(now);
                    breaker.record(permit, health, now);
                    if is_probe {
                        probe = None;
                        prop_assert_eq!(breaker.open_until(now).is_none(), health == Health::Success);
                    } else if before.is_some() {
                        prop_assert_eq!(breaker.open_until(now), before);
                    }
                }
                Event::GiveBack(n) if !permits.is_empty() => {
                    let permit = permits.swap_remove(n % permits.len());
                    let is_probe = is_current_probe(&breaker, &permit);
                    breaker.release(permit, now);
                    if is_probe {
                        probe = None;
                    }
                }
                Event::Answer(..) | Event::GiveBack(_) => {}
            }
            prop_assert!(breaker.open_until(now).is_none_or(|until| until <= now + 60 * SECOND));
        }
        now += 60 * SECOND;
        let permit = breaker.allow(now);
        prop_assert!(permit.is_ok());
    }

    #[test]
    fn a_successful_probe_always_closes_it(failed_probes in 0..20) {
        let (mut breaker, mut now) = breaker();
        broken(&mut breaker, now);
        for _ in 0..failed_probes {
            now = breaker.open_until(now).expect("open");
            try_once(&mut breaker, Health::Failure, now);
        }
        now = breaker.open_until(now).expect("open");
        try_once(&mut breaker, Health::Success, now);
        prop_assert_eq!(breaker.open_until(now), None);
    }
}
