//! Each rule by itself, and what holds whatever happens.

use chrono::TimeDelta;
use proptest::prelude::*;

use super::*;

fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_392_000, 0).expect("a time")
}

/// One prefix, one address, one country.
struct Bench {
    settings: Settings,
    rates: Rates,
    prefix: State,
    ip: State,
    country: State,
    has_address: bool,
    now: DateTime<Utc>,
}

impl Bench {
    fn new(mode: Mode) -> Self {
        let settings = Settings { mode, ..Settings::default() };
        let new = |kind| State::new(kind, &settings, start().timestamp());
        let (prefix, ip, country) = (new(Kind::Prefix), new(Kind::Ip), new(Kind::Country));
        Self { settings, rates: Rates::default(), prefix, ip, country, has_address: true, now: start() }
    }

    fn place(suffix: u16) -> Place {
        Place { prefix: "+4179123".into(), suffix, country: "CH".into() }
    }

    fn ask(&mut self, suffix: u16, change: impl FnOnce(&mut Ask<'_>)) -> Decision {
        let place = Self::place(suffix);
        let mut ask = Ask {
            place: &place,
            is_known: false,
            is_challenged: false,
            is_resend: false,
            is_over_cap: false,
            is_unmeasured: false,
            now: self.now,
        };
        change(&mut ask);
        let ip = self.has_address.then_some(&mut self.ip);
        let watched = Watched { prefix: &mut self.prefix, ip, country: &mut self.country };
        judge(&self.settings, &self.rates, watched, &ask)
    }

    fn start(&mut self, suffix: u16) -> Rule {
        self.ask(suffix, |_| ()).rule
    }

    fn verify(&mut self, suffix: u16, sent_at: DateTime<Utc>) {
        let watched =
            Watched { prefix: &mut self.prefix, ip: Some(&mut self.ip), country: &mut self.country };
        convert(&self.settings, &self.rates, watched, &Self::place(suffix), sent_at, self.now);
    }

    fn pass(&mut self, minutes: i64) {
        self.now += TimeDelta::minutes(minutes);
    }

    /// So many codes, half an hour apart, that nobody types in, from nowhere known.
    fn waste(&mut self, codes: u16) -> Vec<Rule> {
        self.has_address = false;
        (0..codes)
            .map(|n| {
                self.pass(30);
                self.start(n * 100)
            })
            .collect()
    }
}

#[test]
fn the_seventh_number_of_a_prefix_in_ten_minutes_blocks_it_for_fifteen() {
    let mut bench = Bench::new(Mode::Enforce);
    for n in 0..6 {
        assert_eq!(bench.start(n * 100), Rule::Passed);
    }
    assert_eq!(bench.start(0), Rule::Passed, "its sixth neighbour is itself");
    assert_eq!(bench.start(900), Rule::Neighbours);
    bench.pass(14);
    assert_eq!(bench.start(901), Rule::Blocked);
    bench.pass(1);
    assert_eq!(bench.start(902), Rule::Passed);
}

#[test]
fn the_fifth_number_next_to_others_does_so_too() {
    let mut bench = Bench::new(Mode::Enforce);
    for n in [100, 103, 105, 110] {
        assert_eq!(bench.start(n), Rule::Passed);
    }
    assert_eq!(bench.start(107), Rule::Neighbours);
}

#[test]
fn a_number_that_verified_is_nobodys_neighbour() {
    let mut bench = Bench::new(Mode::Enforce);
    for n in 0..12 {
        assert_eq!(bench.start(n * 100), Rule::Passed, "{n}");
        bench.verify(n * 100, bench.now);
    }
}

#[test]
fn without_credits_a_challenge_is_asked_for_and_one_that_was_passed_will_do() {
    let mut bench = Bench::new(Mode::Enforce);
    bench.prefix.credits = 0.0;
    assert_eq!(bench.start(1), Rule::CreditsPrefix);
    assert_eq!(bench.ask(1, |ask| ask.is_challenged = true).rule, Rule::Passed);
    bench.prefix.credits = 5.0;
    bench.ip.credits = 0.0;
    assert_eq!(bench.start(2), Rule::CreditsIp);
    assert_eq!(bench.ask(2, |ask| ask.is_challenged = true).rule, Rule::Passed);
    bench.country.credits = 0.0;
    assert_eq!(bench.ask(3, |ask| ask.is_challenged = true).rule, Rule::CreditsCountry);
}

#[test]
fn time_gives_credits_back_after_an_hour_one_in_ten_minutes_and_never_more_than_at_first() {
    let mut bench = Bench::new(Mode::Enforce);
    bench.ip.credits = 0.0;
    bench.pass(60);
    assert_eq!(bench.start(1), Rule::CreditsIp, "not within the hour");
    bench.pass(10);
    assert_eq!(bench.start(1), Rule::Passed);
    bench.pass(60 * 24 * 365);
    assert_eq!(bench.ask(2, |_| ()).inputs.ip.map(|ip| ip.credits), Some(10.0));
}

#[test]
fn a_subject_that_is_not_known_to_be_good_gets_back_what_a_code_cost() {
    let mut bench = Bench::new(Mode::Enforce);
    for n in 0..6 {
        bench.start(n * 100);
    }
    for n in 0..4 {
        bench.verify(n * 100, bench.now);
    }
    assert_eq!(bench.prefix.credits, 18.0);
    bench.verify(400, bench.now);
    assert_eq!(bench.prefix.credits, 18.0 + 2.0 / 0.6, "five of six: now it is");
}

#[test]
fn ten_codes_of_which_none_comes_back_block_and_three_show_whether_that_was_right() {
    let mut bench = Bench::new(Mode::Enforce);
    let rules = bench.waste(11);
    assert_eq!(rules[..9], [Rule::Passed; 9]);
    assert_eq!(rules[9..], [Rule::Ratio, Rule::Blocked]);
    bench.pass(60);
    for n in 0..3 {
        assert_eq!(bench.start(2000 + n * 100), Rule::Probe);
    }
    assert_eq!(bench.start(3000), Rule::ProbeSpent);
    bench.pass(10);
    assert_eq!(bench.start(3000), Rule::Ratio, "none came back");
    bench.pass(119);
    assert_eq!(bench.start(3000), Rule::Blocked, "twice as long");
    bench.pass(1);
    assert_eq!(bench.start(3100), Rule::Probe);
    let sent_at = bench.now;
    bench.pass(1);
    bench.verify(3100, sent_at);
    assert_eq!(bench.start(3200), Rule::Passed, "one did");
}

#[test]
fn three_of_twenty_are_not_too_few() {
    let mut bench = Bench::new(Mode::Enforce);
    for n in 0..20 {
        assert_eq!(bench.start(n * 100), Rule::Passed, "{n}");
        if n % 7 == 0 {
            bench.verify(n * 100, bench.now);
        }
        bench.pass(30);
    }
}

#[test]
fn a_known_number_passes_everything_and_counts_for_nothing() {
    let mut bench = Bench::new(Mode::Enforce);
    bench.waste(10);
    let before = bench.prefix.clone();
    let decision = bench.ask(5, |ask| ask.is_known = true);
    assert_eq!(decision.rule, Rule::KnownNumber);
    assert!(decision.is_sent());
    assert_eq!(bench.prefix, before);
}

#[test]
fn a_cap_of_spending_holds_for_known_numbers_too_and_whoever_only_observes() {
    let mut bench = Bench::new(Mode::Observe);
    let before = bench.prefix.clone();
    let decision = bench.ask(1, |ask| (ask.is_known, ask.is_over_cap) = (true, true));
    assert_eq!((decision.rule, decision.is_sent()), (Rule::SpendCap, false));
    assert_eq!(bench.prefix, before);
}

#[test]
fn who_only_observes_sends_everything_and_says_what_would_be() {
    let mut bench = Bench::new(Mode::Observe);
    let decisions: Vec<Decision> = (0..30).map(|n| bench.ask(n * 100, |_| ())).collect();
    assert!(decisions.iter().all(Decision::is_sent));
    assert_eq!(decisions[6].rule, Rule::Neighbours);
    assert_eq!(decisions[29].outcome(), Outcome::Block);
    assert_eq!(bench.prefix.credits, 0.0);
}

#[test]
fn a_release_ends_blocks_and_fills_credits() {
    let mut bench = Bench::new(Mode::Enforce);
    bench.waste(10);
    bench.prefix.release(Kind::Prefix, &bench.settings, bench.now.timestamp());
    assert_eq!(bench.start(7000), Rule::Passed);
    assert_eq!(bench.prefix.credits, 19.0);
}

#[test]
fn a_place_is_a_number_without_its_last_four_digits() {
    let phone = |text: &str| crate::phone::PhoneNumber::parse(text, None).expect(text);
    let place = Place::of(&phone("+41791234567"));
    assert_eq!((place.prefix.as_str(), place.suffix, place.country.as_str()), ("+4179123", 4567, "CH"));
    assert_eq!(Place::of(&crate::phone::PhoneNumber::stored("+12".into())).prefix, "+1");
}

#[test]
fn what_is_remembered_reads_as_it_was_written() {
    let mut bench = Bench::new(Mode::Enforce);
    bench.waste(12);
    let stored = serde_json::to_string(&bench.prefix).expect("JSON");
    assert_eq!(serde_json::from_str::<State>(&stored).expect("a state"), bench.prefix);
}

proptest! {
    /// Whatever is asked and verified: credits stay within their bounds, no prefix sends more fakes between two
    /// verifications than it has credits, and a look changes nothing.
    #[test]
    fn credits_bound_what_is_sent(
        steps in prop::collection::vec((0..10_000_u16, 0..900_i64, 0..10_u8), 1..200),
    ) {
        let mut bench = Bench::new(Mode::Enforce);
        let mut unverified = 0_u32;
        for (suffix, wait, luck) in steps {
            bench.now += TimeDelta::seconds(wait);
            let before = (bench.prefix.credits, bench.prefix.refills_from);
            let decision = bench.ask(suffix, |_| ());
            if decision.is_sent() {
                unverified += 1;
                prop_assert!(decision.rule == Rule::Probe || decision.inputs.prefix.credits >= 1.0);
                if luck == 0 {
                    bench.verify(suffix, bench.now);
                    unverified = 0;
                }
            }
            prop_assert!((0.0..=10_000.0).contains(&bench.prefix.credits), "{before:?}");
            prop_assert!(bench.prefix.recent.len() <= 64);
            prop_assert!(f64::from(unverified) <= 10_000.0);
        }
        let (mut prefix, mut ip, mut country) = (bench.prefix.clone(), bench.ip.clone(), bench.country.clone());
        let place = Bench::place(1);
        let ask = Ask { place: &place, is_known: false, is_challenged: false, is_resend: false, is_over_cap: false, is_unmeasured: false, now: bench.now };
        let watched = Watched { prefix: &mut prefix, ip: Some(&mut ip), country: &mut country };
        let looked = judge(&bench.settings, &bench.rates, watched, &ask);
        prop_assert_eq!(looked.rule, bench.start(1));
    }

    /// However many codes are sent and taken back: nobody has more credits for it than they began with.
    #[test]
    fn what_is_taken_back_makes_no_credits(steps in prop::collection::vec((any::<bool>(), any::<bool>()), 1..400)) {
        let mut bench = Bench::new(Mode::Observe);
        let place = Bench::place(1);
        let (mut sent, fulls) = (0_u32, [20.0, 10.0, 200.0]);
        for (is_sent, is_resend) in steps {
            if is_sent {
                bench.ask(1, |ask| ask.is_resend = is_resend);
                sent += 1;
            } else if sent > 0 {
                let watched =
                    Watched { prefix: &mut bench.prefix, ip: Some(&mut bench.ip), country: &mut bench.country };
                take_back(&bench.settings, watched, &place, is_resend, bench.now, bench.now);
                sent -= 1;
            }
            let credits = [bench.prefix.credits, bench.ip.credits, bench.country.credits];
            for (credits, full) in credits.into_iter()
                .zip(fulls) {
                prop_assert!(credits <= full, "{credits} of {full}");
            }
        }
    }
}
