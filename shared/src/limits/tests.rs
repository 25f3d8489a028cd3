use proptest::prelude::*;

use super::*;

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000 + second, 0).expect("a time")
}

fn limit(kind: Kind, per: u64, most: u32) -> Limit {
    Limit { name: format!("{}-{per}", kind.as_str()), kind, per: Duration::from_secs(per), most }
}

fn subject(kind: Kind, name: &str) -> Subject {
    Subject { kind, name: name.into() }
}

#[test]
fn a_send_that_one_limit_forbids_is_counted_for_nobody() {
    let limits = [limit(Kind::Ip, 60, 1), limit(Kind::Phone, 60, 5)];
    let (here, phone) = (subject(Kind::Ip, "192.0.2.1"), subject(Kind::Phone, "+41791112233"));
    let mut ledger = Ledger::default();
    let both = [here.clone(), phone.clone()];
    ledger.count_send(&limits, &both, at(0)).expect("the first");
    for second in 1..10 {
        let Exceeded(standing) =
            ledger.count_send(&limits, &both, at(second)).expect_err("the address is over");
        assert_eq!(
            (standing.limit.name.as_str(), standing.reset.as_secs()),
            ("ip-60", 60 - second.unsigned_abs())
        );
    }
    assert_eq!(ledger.times[&phone], [at(0)]);
    assert_eq!(ledger.times[&here], [at(0)]);
}

#[test]
fn the_limit_that_holds_longest_is_told() {
    let limits = [limit(Kind::Phone, 60, 1), limit(Kind::Phone, 3600, 1)];
    let mut ledger = Ledger::default();
    let phone = [subject(Kind::Phone, "+41791112233")];
    ledger.count_send(&limits, &phone, at(0)).expect("the first");
    let Exceeded(standing) = ledger.count_send(&limits, &phone, at(10)).expect_err("the second");
    assert_eq!((standing.limit.name.as_str(), standing.reset.as_secs()), ("phone-3600", 3590));
}

#[test]
fn a_limit_that_was_lowered_frees_one_send_when_all_but_the_last_few_are_too_old() {
    let mut ledger = Ledger::default();
    let phone = [subject(Kind::Phone, "+41791112233")];
    for second in 0..5 {
        ledger.count_send(&[limit(Kind::Phone, 60, 5)], &phone, at(second * 10)).expect("within five");
    }
    let lowered = [limit(Kind::Phone, 60, 2)];
    let Exceeded(standing) = ledger.count_send(&lowered, &phone, at(50)).expect_err("five are more than two");
    assert_eq!(standing.reset.as_secs(), 40);
    ledger.count_send(&lowered, &phone, at(90)).expect("only the last is left");
}

#[test]
fn keys_are_counted_by_the_limit() {
    let limits = [limit(Kind::Key, 60, 2)];
    let key = [subject(Kind::Key, "7")];
    let mut ledger = Ledger::default();
    for left in [1, 0] {
        assert_eq!(ledger.count_send(&limits, &key, at(0)).expect("within two")[0].remaining, left);
    }
    ledger.count_send(&limits, &key, at(0)).expect_err("a third");
}

proptest! {
    /// In any stretch of time there are never more sends than the limit says, and none is refused without need.
    #[test]
    fn no_stretch_holds_more_than_the_limit(
        steps in proptest::collection::vec(0..30i64, 1..80), per in 1..100u64, most in 1..6u32,
    ) {
        let limits = [limit(Kind::Phone, per, most)];
        let phone = [subject(Kind::Phone, "+41791112233")];
        let (mut ledger, mut sent, mut now) = (Ledger::default(), Vec::new(), 0);
        for step in steps {
            now += step;
            let within = sent.iter().filter(|&&time| now - time < i64::try_from(per).expect("small")).count();
            match ledger.count_send(&limits, &phone, at(now)) {
                Ok(standings) => {
                    sent.push(now);
                    prop_assert_eq!(standings[0].remaining as usize, most as usize - within - 1);
                }
                Err(Exceeded(standing)) => {
                    prop_assert_eq!(within, most as usize);
                    prop_assert!(standing.reset <= Duration::from_secs(per) && !standing.reset.is_zero());
                    // One second earlier is too early, then it goes.
                    let free = i64::try_from(standing.reset.as_secs()).expect("small");
                    prop_assert!(ledger.clone().count_send(&limits, &phone, at(now + free - 1)).is_err());
                    prop_assert!(ledger.clone().count_send(&limits, &phone, at(now + free)).is_ok());
                }
            }
        }
    }
}
