use super::*;

const RETRY_AFTER: Option<Duration> = Some(Duration::from_secs(30));

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + chrono::Duration::seconds(seconds)
}

fn a_provider() -> Health {
    Health::new("twilio", None, None)
}

fn entered(health: &Health, clock: DateTime<Utc>) -> Leave<'_> {
    health.enter(Lane::Otp, None, clock).unwrap()
}

#[test]
fn nobody_enters_while_it_is_paused() {
    let health = a_provider();
    entered(&health, at(0)).throttled(RETRY_AFTER, at(0), 1.0);
    assert_eq!(health.enter(Lane::Otp, None, at(20)).unwrap_err(), Duration::from_secs(10));
    assert!(health.enter(Lane::Otp, None, at(30)).is_ok());
}

#[test]
fn pauses_grow_though_earlier_calls_are_still_answered() {
    let health = a_provider();
    for (clock, longest) in [(0, 1), (10, 2), (20, 4)] {
        let taken = clock == 0;
        let before = taken.then(|| entered(&health, at(clock)));
        let pause = entered(&health, at(clock)).throttled(None, at(clock), 1.0);
        assert_eq!(pause.unwrap().0, at(clock + longest));
        // It began before the pause: no news.
        assert!(before.is_none_or(|leave| !leave.went(Went::Accepted)));
    }
    assert!(entered(&health, at(30)).went(Went::Accepted), "the probe ends the row");
    let pause = entered(&health, at(40)).throttled(None, at(40), 1.0);
    assert_eq!(pause.unwrap(), (at(41), 1));
}

#[test]
fn one_slow_down_to_many_calls_at_once_is_one_pause() {
    let health = a_provider();
    let under_way: Vec<_> = (0..100).map(|_| entered(&health, at(0))).collect();
    let told = under_way.into_iter().filter_map(|leave| leave.throttled(None, at(0), 1.0));
    assert_eq!(told.collect::<Vec<_>>(), [(at(1), 1)]);
}

#[test]
fn a_late_slow_down_prolongs_a_pause_only_if_it_names_a_later_time() {
    let health = a_provider();
    let late: Vec<_> = (0..4).map(|_| entered(&health, at(0))).collect();
    entered(&health, at(0)).throttled(RETRY_AFTER, at(0), 1.0);
    let answers = [(1, RETRY_AFTER, Some((at(31), 1))), (2, None, None), (40, None, None)];
    let after_it = (40, RETRY_AFTER, Some((at(70), 1)));
    for (leave, (clock, retry_after, news)) in late.into_iter().zip(answers.into_iter().chain([after_it])) {
        assert_eq!(leave.throttled(retry_after, at(clock), 1.0), news, "at {clock} s");
    }
}

#[test]
fn who_finds_no_room_waits_behind_those_of_its_lane_that_wait_already() {
    let health = a_provider();
    let (first, second) = (health.queue(Lane::Promo), health.queue(Lane::Promo));
    assert_eq!((first.number, second.number), (1, 2));
    assert_eq!(health.queue(Lane::Transactional).number, 1);
    drop(first);
    assert_eq!(health.queue(Lane::Promo).number, 2);
}

#[test]
fn what_waits_already_is_not_claimed_for_again() {
    let health = Health::new("twilio", Some(40), None);
    assert_eq!(health.releasable(Lane::Transactional), 10);
    let waiting: Vec<_> = (0..8).map(|_| health.queue(Lane::Transactional)).collect();
    assert_eq!(health.releasable(Lane::Transactional), 2);
    assert_eq!(health.releasable(Lane::Promo), 9);
    drop(waiting);
    assert_eq!(health.releasable(Lane::Transactional), 10);
}
