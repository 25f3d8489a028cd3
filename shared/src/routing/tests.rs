use proptest::prelude::*;

use super::*;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).unwrap()
}

fn message(lane: Lane, tried: &[String]) -> Traveller<'_> {
    Traveller {
        lane,
        hint: None,
        preferred: None,
        tried,
        expires_at: now() + lane.lifetime(),
        at_most_once: false,
        copies: 0,
    }
}

fn open(name: &str) -> Candidate<'_> {
    Candidate { name, fit: Fit::Fits, halted: false, paused_until: None, broken_until: None }
}

fn paused(name: &str, seconds: u64) -> Candidate<'_> {
    Candidate { paused_until: Some(now() + Duration::from_secs(seconds)), ..open(name) }
}

fn broken(name: &str, seconds: u64) -> Candidate<'_> {
    Candidate { broken_until: Some(now() + Duration::from_secs(seconds)), ..open(name) }
}

fn tried(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

fn claimed(message: &Traveller<'_>, candidates: &[Candidate<'_>]) -> Step {
    next(message, candidates, now(), Moment::Claimed, 0.5)
}

#[test]
fn the_hint_comes_first_then_the_preferred_then_priority() {
    let all = [open("a"), open("b"), open("c")];
    let mut sms = message(Lane::Otp, &[]);
    assert_eq!(claimed(&sms, &all), Step::Try(0));
    sms.preferred = Some("b");
    assert_eq!(claimed(&sms, &all), Step::Try(1));
    sms.hint = Some("c");
    assert_eq!(claimed(&sms, &all), Step::Try(2));
}

#[test]
fn an_unknown_hint_is_no_obstacle() {
    let sms = Traveller { hint: Some("nobody"), ..message(Lane::Otp, &[]) };
    assert_eq!(claimed(&sms, &[open("a")]), Step::Try(0));
}

#[test]
fn after_a_certain_failure_the_next_provider_tries_at_once() {
    let once = tried(&["a"]);
    let step = next(&message(Lane::Promo, &once), &[open("a"), open("b")], now(), Moment::NotSent, 0.5);
    assert_eq!(step, Step::Try(1));
}

#[test]
fn the_only_provider_gets_time_before_its_second_try() {
    let once = tried(&["a"]);
    let sms = message(Lane::Otp, &once);
    let step = next(&sms, &[open("a")], now(), Moment::NotSent, 0.5);
    assert_eq!(step, Step::Wait(now() + Duration::from_millis(250), "retry"));
    assert_eq!(claimed(&sms, &[open("a")]), Step::Try(0));
}

#[test]
fn three_tries_a_provider_are_the_end() {
    let all = tried(&["a", "a", "a"]);
    assert_eq!(claimed(&message(Lane::Otp, &all), &[open("a")]), Step::GiveUp("providers_exhausted"));
    assert_eq!(claimed(&message(Lane::Otp, &all), &[open("a"), open("b")]), Step::Try(1));
}

#[test]
fn an_otp_leaves_a_paused_provider_at_once() {
    assert_eq!(claimed(&message(Lane::Otp, &[]), &[paused("a", 1), open("b")]), Step::Try(1));
}

#[test]
fn a_transactional_text_waits_five_seconds_but_not_six() {
    let sms = message(Lane::Transactional, &[]);
    let until = now() + Duration::from_secs(5);
    assert_eq!(claimed(&sms, &[paused("a", 5), open("b")]), Step::Wait(until, "provider_paused"));
    assert_eq!(claimed(&sms, &[paused("a", 6), open("b")]), Step::Try(1));
}

#[test]
fn a_promo_waits_for_a_paused_provider_and_leaves_a_broken_one() {
    let mut sms = message(Lane::Promo, &[]);
    let until = now() + Duration::from_secs(600);
    assert_eq!(claimed(&sms, &[paused("a", 600), open("b")]), Step::Wait(until, "provider_paused"));
    assert_eq!(claimed(&sms, &[broken("a", 600), open("b")]), Step::Try(1));
    sms.expires_at = now() + Duration::from_secs(601);
    assert_eq!(claimed(&sms, &[paused("a", 600), open("b")]), Step::Try(1));
}

#[test]
fn with_all_closed_it_waits_for_the_first_to_open() {
    let until = now() + Duration::from_secs(3);
    let step = claimed(&message(Lane::Otp, &[]), &[broken("a", 9), paused("b", 3)]);
    assert_eq!(step, Step::Wait(until, "provider_paused"));
}

#[test]
fn what_no_provider_can_send_ends_with_the_reason() {
    let without = Candidate { fit: Fit::NeedsTemplate, ..open("a") };
    let far = Candidate { fit: Fit::OutOfReach, ..open("b") };
    let sms = message(Lane::Promo, &[]);
    assert_eq!(claimed(&sms, &[without, far.clone()]), Step::GiveUp("needs_template"));
    assert_eq!(claimed(&sms, std::slice::from_ref(&far)), Step::GiveUp("no_route"));
    let stopped = Candidate { fit: Fit::Stopped, ..open("c") };
    assert_eq!(claimed(&sms, &[far.clone(), stopped.clone()]), Step::OptedOut);
    assert_eq!(claimed(&sms, &[stopped, far, open("d")]), Step::Try(2));
}

#[test]
fn doubt_is_answered_by_lane() {
    assert_eq!(in_doubt(&message(Lane::Otp, &[]), now()), Doubt::SendAgain(now()));
    let later = now() + Duration::from_secs(60);
    assert_eq!(in_doubt(&message(Lane::Transactional, &[]), now()), Doubt::SendAgain(later));
    assert_eq!(in_doubt(&message(Lane::Promo, &[]), now()), Doubt::End(Status::Unknown));
    let once = Traveller { at_most_once: true, ..message(Lane::Transactional, &[]) };
    assert_eq!(in_doubt(&once, now()), Doubt::End(Status::Unknown));
}

fn lanes() -> impl Strategy<Value = Lane> {
    prop_oneof![Just(Lane::Otp), Just(Lane::Transactional), Just(Lane::Promo)]
}

proptest! {
    #[test]
    fn nobody_is_sent_more_than_two_copies(lane in lanes(), at_most_once: bool) {
        let mut copies = 0;
        let mut sent = 1;
        while let Doubt::SendAgain(_) =
            in_doubt(&Traveller { copies, at_most_once, ..message(lane, &[]) }, now())
        {
            copies += 1;
            sent += 1;
            prop_assert!(sent <= MAX_COPIES);
        }
    }

    #[test]
    fn a_closed_provider_is_never_called(
        lane in lanes(),
        state in proptest::collection::vec((0..4u8, 1..900u64, 0..5usize), 0..6),
    ) {
        let names: Vec<String> = (0..state.len()).map(|i| format!("p{i}")).collect();
        let candidates: Vec<_> = state.iter().zip(&names).map(|(&(kind, seconds, _), name)| match kind {
            0 => open(name),
            1 => paused(name, seconds),
            2 => broken(name, seconds),
            _ => Candidate { halted: true, ..open(name) },
        }).collect();
        let tried: Vec<String> = state.iter().zip(&names)
            .flat_map(|(&(_, _, tries), name)| std::iter::repeat_n(name.clone(), tries)).collect();
        match claimed(&message(lane, &tried), &candidates) {
            Step::Try(i) => {
                prop_assert_eq!(state[i].0, 0);
                prop_assert!(state[i].2 < MAX_TRIES);
            }
            Step::Wait(until, _) => prop_assert!(until > now()),
            Step::GiveUp(_) => prop_assert!(state.iter().all(|&(_, _, tries)| tries >= MAX_TRIES)),
            Step::OptedOut => prop_assert!(false, "nobody was stopped"),
        }
    }
}
